"""The rules a committed notebook keeps, one function each: `problems(path)` lists every breach in words.

They make a notebook readable on GitHub, comparable by nbval and free of traces of one machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from course_utils.authoring.template import WIDGET_VIEW, tagged, template
from course_utils.contents import lesson_of_file, repository

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|private|var/folders)/|\b[A-Z]:\\\\?\w+\\")
STAND_IN = re.compile(r"not CIFAR-10\b.*", re.I)  # what every text about stand-in images says
PROGRESS = re.compile(r"\d+%\|")
DATA_URL = re.compile(r"data:image/[^\"')\s]*")  # base64 may hold "/tmp/" by chance
NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
MAX_MB = 3


def problems(path: Path) -> list[str]:
    """Every rule the notebook at `path` breaks, one sentence each; an empty list when all is well."""
    nb = nbformat.read(path, as_version=4)
    size = path.stat().st_size / 1e6
    too_big = [f"{size:.1f} MB; keep it under {MAX_MB} MB"] if size > MAX_MB else []
    return too_big + list(template_cells(nb, path)) + [fault for rule in RULES for fault in rule(nb)]


def code_cells(nb) -> list:
    """The code cells that hold code."""
    return [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]


def template_cells(nb, path: Path) -> Iterator[str]:
    """Header (badge, links to the neighbours) and set-up cell are the ones of the template."""
    for tag, source in template(lesson_of_file(path), repository()).items():
        cells = tagged(nb, tag)
        if len(cells) != 1:
            yield f"{len(cells)} cells tagged {tag!r}, there should be 1"
        elif cells[0].source != source:
            yield f"the {tag} cell is not the template's: `python -m course_utils.authoring.notebooks setup`"


def kernelspec(nb) -> Iterator[str]:
    """Without a kernel's name JupyterLab asks for one before it opens the notebook."""
    name = nb.metadata.get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"kernelspec is {name!r}, should be 'python3'"


def executed_in_order(nb) -> Iterator[str]:
    """Every code cell was run, from top to bottom, in one kernel."""
    counts = [cell.execution_count for cell in code_cells(nb)]
    if None in counts:
        yield f"{counts.count(None)} of {len(counts)} code cells were never run"
    elif counts != list(range(1, len(counts) + 1)):
        yield f"cells were not run in order: {counts}"


def no_errors(nb) -> Iterator[str]:
    """No error output (but where the lesson shows one on purpose), nothing on stderr."""
    for cell in code_cells(nb):
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                yield f"cell {cell.id}: error {output.ename}: {output.evalue}"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {cell.id}: stderr in the output: {output.text.strip()[:80]!r}"


def _words(value) -> str:
    """All text in a cell's output, pictures left out."""
    if isinstance(value, dict):
        return "\n".join(_words(v) for k, v in value.items() if not str(k).startswith("image/png"))
    if isinstance(value, list):
        return "\n".join(map(_words, value))
    return DATA_URL.sub("", value) if isinstance(value, str) else ""


def no_machine_paths(nb) -> Iterator[str]:
    """No path of the machine it ran on, neither in a source nor in an output."""
    for cell in nb.cells:
        if hit := MACHINE_PATH.search(cell.source + "\n" + _words(cell.get("outputs", []))):
            yield f"cell {cell.id}: a path of one machine ({hit.group()!r})"


def real_images(nb) -> Iterator[str]:
    """Every output comes from the real images."""
    for cell in code_cells(nb):
        if hit := STAND_IN.search(_words(cell.outputs)):
            yield f"cell {cell.id}: an output from stand-in images ({hit.group()[:60]!r})"


def no_progress_bars(nb) -> Iterator[str]:
    """What a bar shows is over; it is there when data are fetched or decoded for the first time."""
    for cell in code_cells(nb):
        if PROGRESS.search(_words(cell.outputs)):
            yield f"cell {cell.id}: a progress bar in the output; execute once more"


def no_widget_state(nb) -> Iterator[str]:
    """Saved widgets are dead: the picture beside them is what stays."""
    if "widgets" in nb.metadata:
        yield "metadata.widgets is stored"
    for cell in code_cells(nb):
        if any(WIDGET_VIEW in output.get("data", {}) for output in cell.outputs):
            yield f"cell {cell.id}: a widget view is stored"


def is_compared(cell) -> bool:
    """True when nbval compares this cell's outputs."""
    marked = re.search(r"#\s*NBVAL_(IGNORE_OUTPUT|SKIP)", cell.source)
    return not marked and not NOT_COMPARED & set(cell.metadata.get("tags", []))


def half_is_compared(nb) -> Iterator[str]:
    """nbval compares the outputs of at least half of the code cells."""
    cells = code_cells(nb)
    compared = sum(map(is_compared, cells))
    if 2 * compared < len(cells):
        yield f"nbval compares only {compared} of {len(cells)} code cells"


def alt_text(nb) -> Iterator[str]:
    """Every picture says in words what it shows: alt of an <img>, or the text/plain that goes with a PNG."""
    for cell in nb.cells:
        parts = [output.get("data", {}) for output in cell.get("outputs", [])]
        markdown = cell.source if cell.cell_type == "markdown" else ""
        html = "\n".join([markdown, *(part.get("text/html", "") for part in parts)])
        for tag in re.findall(r"<img\b[^>]*>", html):
            if not re.search(r"""\balt=(["'])\s*\S.*?\1""", tag, re.S):
                yield f"cell {cell.id}: an <img> without alt text"
        if re.search(r"!\[\s*\]\(", markdown):
            yield f"cell {cell.id}: a Markdown picture without alt text"
        for part in parts:
            plain = part.get("text/plain", "")
            silent = not plain.strip() or plain.startswith(("<Figure", "<IPython", "<PIL"))
            if silent and "image/png" in part and "<img" not in part.get("text/html", ""):
                yield f"cell {cell.id}: a PNG without a text that says what it shows"


def unique_ids(nb) -> Iterator[str]:
    """Every cell has its own id."""
    ids = [cell.get("id") for cell in nb.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield "cell ids are missing or repeated"


RULES = (
    kernelspec,
    executed_in_order,
    no_errors,
    no_machine_paths,
    real_images,
    no_progress_bars,
    no_widget_state,
    half_is_compared,
    alt_text,
    unique_ids,
)
