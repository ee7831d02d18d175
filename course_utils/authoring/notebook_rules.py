"""The rules a committed notebook keeps, one function each: `problems(path)` lists every breach in words.

The rules are what makes a notebook readable on GitHub, comparable by nbval and free of traces of one machine.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from course_utils.authoring.template import WIDGET_VIEW, tagged, template
from course_utils.contents import lesson_of_file, repository

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|private|var/folders)/|\b[A-Z]:\\\\?\w+\\")
DATA_URL = re.compile(r"data:image/[^\"')\s]*")  # base64 may hold "/tmp/" by chance
NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
MAX_MB = 3


def problems(path: Path) -> list[str]:
    """Every rule the notebook at `path` breaks, one sentence each; an empty list when all is well."""
    nb = nbformat.read(path, as_version=4)
    found = (
        [f"{len(path.read_bytes()) / 1e6:.1f} MB; keep it under {MAX_MB} MB"]
        if path.stat().st_size > MAX_MB * 1e6
        else []
    )
    found += template_cells(nb, path)
    for rule in RULES:
        found += rule(nb)
    return found


def code_cells(nb) -> list:
    """The code cells that hold code."""
    return [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]


def template_cells(nb, path: Path) -> list[str]:
    """Header (badge, links to the neighbours) and set-up cell are the ones of the template."""
    found = []
    for tag, source in template(lesson_of_file(path), repository()).items():
        cells = tagged(nb, tag)
        if len(cells) != 1:
            found.append(f"{len(cells)} cells tagged {tag!r}, there should be 1")
        elif cells[0].source != source:
            found.append(f"the {tag} cell is not the template's: `python -m course_utils.authoring.notebooks setup`")
    return found


def kernelspec(nb) -> list[str]:
    """Without a kernel's name JupyterLab asks for one before it opens the notebook."""
    name = nb.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"kernelspec is {name!r}, should be 'python3'"]


def executed_in_order(nb) -> list[str]:
    """Every code cell was run, from top to bottom, in one kernel."""
    counts = [cell.execution_count for cell in code_cells(nb)]
    if None in counts:
        return [f"{counts.count(None)} of {len(counts)} code cells were never run"]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"cells were not run in order: {counts}"]


def no_errors(nb) -> list[str]:
    """No error output (but where the lesson shows one on purpose), nothing on stderr."""
    found = []
    for cell in code_cells(nb):
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"cell {cell.id}: error {output.ename}: {output.evalue}")
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {cell.id}: stderr in the output: {output.text.strip()[:80]!r}")
    return found


def _words(value) -> str:
    """All text in a cell's output, pictures left out."""
    if isinstance(value, dict):
        return "\n".join(_words(v) for k, v in value.items() if not str(k).startswith("image/png"))
    if isinstance(value, list):
        return "\n".join(_words(v) for v in value)
    return DATA_URL.sub("", value) if isinstance(value, str) else ""


def no_machine_paths(nb) -> list[str]:
    """No path of the machine it ran on, neither in a source nor in an output."""
    found = []
    for cell in nb.cells:
        hit = MACHINE_PATH.search(cell.source + "\n" + _words(cell.get("outputs", [])))
        if hit:
            found.append(f"cell {cell.id}: a path of one machine ({hit.group()!r})")
    return found


def no_widget_state(nb) -> list[str]:
    """Saved widgets are dead: the picture beside them is what stays."""
    found = ["metadata.widgets is stored"] if "widgets" in nb.metadata else []
    return found + [
        f"cell {cell.id}: a widget view is stored"
        for cell in code_cells(nb)
        for output in cell.outputs
        if WIDGET_VIEW in output.get("data", {})
    ]


def is_compared(cell) -> bool:
    """True when nbval compares this cell's outputs."""
    marked = re.search(r"#\s*NBVAL_(IGNORE_OUTPUT|SKIP)", cell.source)
    return not marked and not NOT_COMPARED & set(cell.metadata.get("tags", []))


def half_is_compared(nb) -> list[str]:
    """nbval compares the outputs of at least half of the code cells."""
    cells = code_cells(nb)
    compared = sum(map(is_compared, cells))
    enough = 2 * compared >= len(cells)
    return [] if enough else [f"nbval compares only {compared} of {len(cells)} code cells"]


def alt_text(nb) -> list[str]:
    """Every picture says in words what it shows: alt of an <img>, or the text/plain that goes with a PNG."""
    found = []
    for cell in nb.cells:
        parts = [output.get("data", {}) for output in cell.get("outputs", [])]
        html = [part.get("text/html", "") for part in parts]
        html += [cell.source] if cell.cell_type == "markdown" else []
        for tag in re.findall(r"<img\b[^>]*>", "\n".join(html)):
            if not re.search(r"""\balt=(["'])\s*\S.*?\1""", tag, re.S):
                found.append(f"cell {cell.id}: an <img> without alt text")
        if cell.cell_type == "markdown" and re.search(r"!\[\s*\]\(", cell.source):
            found.append(f"cell {cell.id}: a Markdown picture without alt text")
        for part in parts:
            plain = part.get("text/plain", "")
            silent = not plain.strip() or plain.startswith(("<Figure", "<IPython", "<PIL"))
            if silent and "image/png" in part and "<img" not in part.get("text/html", ""):
                found.append(f"cell {cell.id}: a PNG without a text that says what it shows")
    return found


def unique_ids(nb) -> list[str]:
    """Every cell has its own id."""
    ids = [cell.get("id") for cell in nb.cells]
    return [] if None not in ids and len(set(ids)) == len(ids) else ["cell ids are missing or repeated"]


RULES = (
    kernelspec,
    executed_in_order,
    no_errors,
    no_machine_paths,
    no_widget_state,
    half_is_compared,
    alt_text,
    unique_ids,
)
