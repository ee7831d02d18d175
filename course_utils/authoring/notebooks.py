"""For contributors: make, execute and check the notebooks.

    python -m course_utils.authoring.notebooks setup            header and set-up cells of every lesson, by template
    python -m course_utils.authoring.notebooks text  LESSON     a notebook as a readable .py file (jupytext py:percent)
    python -m course_utils.authoring.notebooks build FILE.py    that file back into its notebook, keeping known outputs
    python -m course_utils.authoring.notebooks execute LESSON   run in a fresh kernel on the CPU, then clean and check
    python -m course_utils.authoring.notebooks check            all rules of course_utils/authoring/notebook_rules.py

LESSON is a section number such as 10.1.2 or the path of a notebook; without one, all lessons are meant.
`build` and `text` need jupytext (`pip install -e ".[dev]"`).
"""

from __future__ import annotations

import argparse
import hashlib
import html
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from course_utils.authoring.notebook_rules import problems
from course_utils.authoring.template import METADATA, WIDGET_STATE, WIDGET_VIEW, tagged, template
from course_utils.contents import LESSONS, NOTEBOOKS, lesson, lesson_of_file, repository
from course_utils.files import write_whole


def apply_template(nb, entry, address: str) -> None:
    """Write header and set-up cell of a lesson into its notebook, in place; one that lacks them gets them."""
    if not tagged(nb, "header"):
        nb.cells.insert(0, nbformat.v4.new_markdown_cell(metadata={"tags": ["header"]}))
    if not tagged(nb, "setup"):
        place = next((i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"), len(nb.cells))
        if place and nb.cells[place - 1].source.startswith("## "):  # a heading stays with the cell it introduces
            place -= 1
        nb.cells.insert(place, nbformat.v4.new_code_cell(metadata={"tags": ["setup"]}))
    for tag, source in template(entry, address).items():
        cell = tagged(nb, tag)[0]
        cell.id, cell.source = tag, source
        if tag == "setup":  # folded: it is the same everywhere, and not what the lesson is about
            cell.metadata["jupyter"] = {"source_hidden": True}
    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5


def set_ids(nb, old_ids: dict[str, str]) -> None:
    """Give every cell a short id that stays from build to build, so that diffs show only real changes.

    old_ids: source -> id of the notebook before. A new cell's id comes from its source.
    """
    used = set()
    for cell in nb.cells:
        fixed = {"header", "setup"} & set(cell.metadata.get("tags", []))
        name = min(fixed, default=old_ids.get(cell.source) or hashlib.sha256(cell.source.encode()).hexdigest()[:8])
        cell.id, count = name, 1
        while cell.id in used:
            count += 1
            cell.id = f"{name}-{count}"
        used.add(cell.id)


def clean(nb) -> None:
    """Take out what differs from run to run: widget state, views of widgets that are gone, timings.

    A saved widget view would show "model not found" in place of the picture that stands beside it.
    """
    nb.metadata = nbformat.from_dict(METADATA)
    for cell in nb.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("data", True)]


def keep_alts(nb, state: dict) -> None:
    """Write the alt text that stands in a picture's widget beside the still picture, for readers without a kernel.

    state: the widgets' state by model, as nbclient stores it.
    """

    def alt(model: str) -> str:
        value = state.get(model, {}).get("state", {})
        page = str(value.get("value", ""))
        if match := re.search(r'<img alt="([^"]*)"', page):
            return html.unescape(match.group(1))
        if "<table" in page:  # a table is drawn for those alone who have no widgets: row by row, in words
            rows = re.findall(r"<tr.*?</tr>|<caption.*?</caption>", page, re.S)
            cells = [re.findall(r"<(?:td|th|caption)[^>]*>(.*?)</(?:td|th|caption)>", row, re.S) for row in rows]
            return html.unescape(re.sub(r"<[^>]*>", "", "; ".join(map(", ".join, cells))))
        inner = [child.removeprefix("IPY_MODEL_") for child in value.get("children", [])]
        return next(filter(None, map(alt, inner)), "")

    for cell in nb.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and WIDGET_VIEW in data and (text := alt(data[WIDGET_VIEW]["model_id"])):
                output.metadata["image/png"] = {"alt": text}


def build(source: Path, target: Path | None = None) -> Path:
    """Turn a py:percent file into its notebook and return the notebook's path.

    The target has the source's name, in notebooks/. Cells whose source did not change keep their outputs.
    """
    import jupytext

    target = target or NOTEBOOKS / (source.stem + ".ipynb")
    nb = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    apply_template(nb, lesson_of_file(target), repository())
    before = nbformat.read(target, as_version=4).cells if target.exists() else []
    results = {cell.source: cell for cell in before if cell.cell_type == "code"}
    for cell in nb.cells:
        cell.metadata.pop("lines_to_next_cell", None)
        if cell.cell_type == "code" and cell.source in results:
            cell.outputs = results[cell.source].outputs
            cell.execution_count = results[cell.source].execution_count
    set_ids(nb, {cell.source: cell.id for cell in before})
    write(nb, target)
    return target


def text(path: Path) -> str:
    """A notebook as a py:percent script, without outputs."""
    import jupytext

    nb = nbformat.read(path, as_version=4)
    nb.metadata["jupytext"] = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "tags,-all"}
    return jupytext.writes(nb, fmt="py:percent")


def execute(path: Path, timeout: int = 900) -> float:
    """Run a notebook top to bottom in a fresh kernel on the CPU, clean it, write it back; return the seconds.

    The learner's progress is left out of it. A cell that raises stops it: nothing is written then.
    """
    from nbclient import NotebookClient

    nb = nbformat.read(path, as_version=4)
    apply_template(nb, lesson_of_file(path), repository())
    client = NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=True,  # for the alt texts; `clean` takes it out again
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    with tempfile.TemporaryDirectory() as folder:
        own = {"COURSE_PROGRESS": os.path.join(folder, "progress.json"), "IPYTHONDIR": folder}
        begin = time.perf_counter()
        client.execute(env={"COURSE_DEVICE": "cpu", **os.environ, **own})
        seconds = time.perf_counter() - begin
    keep_alts(nb, nb.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {}))
    clean(nb)
    write(nb, path)
    return seconds


def write(nb, path: Path) -> None:
    """Write a notebook in one step, so that an interruption leaves the old one whole."""
    nbformat.validate(nb)
    write_whole(path, nbformat.writes(nb) + "\n")


def chosen(names: list[str]) -> list[Path]:
    """Section numbers or paths to notebook paths; all available lessons when none is named."""
    if not names:
        return [entry.path for entry in LESSONS if entry.available]
    return [Path(name).resolve() if name.endswith(".ipynb") else lesson(name).path for name in names]


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="course_utils.authoring.notebooks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("setup", "text", "build", "execute", "check"))
    parser.add_argument("names", nargs="*", metavar="LESSON or FILE")
    parser.add_argument("-o", "--output", type=Path, help="where `text` or `build` writes")
    args = parser.parse_args(argv)
    if args.command == "build":
        for name in args.names:
            print(build(Path(name), args.output))
        return 0
    faults = 0
    for path in chosen(args.names):
        if args.command == "setup":
            nb = nbformat.read(path, as_version=4)
            apply_template(nb, lesson_of_file(path), repository())
            write(nb, path)
            print(f"{path.name}: header and set-up cell written")
        elif args.command == "text" and args.output:
            args.output.write_text(text(path), encoding="utf-8")
        elif args.command == "text":
            print(text(path))
        else:
            if args.command == "execute":
                print(f"{path.name}: {execute(path):.0f} s", flush=True)
            broken = problems(path)
            faults += len(broken)
            print("\n".join(f"{path.name}: {line}" for line in broken) or f"{path.name}: all rules kept")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
