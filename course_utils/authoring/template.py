"""The cells of a lesson that are made, not written: header and set-up cell."""

from __future__ import annotations

from course_utils.contents import LESSONS, Lesson, neighbours

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
COLAB = "https://colab.research.google.com"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SETUP = """\
# Set-up, the same in every lesson. Opened alone (as in Colab), a lesson first fetches the course.
import importlib.util
import os
import subprocess
import sys

home = next((f for f in ("..", ".", "course") if os.path.isdir(f + "/course_utils")), None)
if home is None and importlib.util.find_spec("course_utils") is None:
    address = os.environ.get("COURSE_REPO") or "{address}"
    if not address:
        raise RuntimeError(
            "The course is not here: open this lesson inside the course's folder, "
            "or set COURSE_REPO to the address of its repository."
        )
    home, clone = "course", ["git", "clone", "--depth", "1", address, "course"]
    done = subprocess.run(clone, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Could not fetch the course from {{address}}: {{done.stderr.strip()}}")
if home:
    sys.path.insert(0, os.path.abspath(home))
from course_utils.contents import start

start("{number}")"""


def setup_source(number: str, address: str) -> str:
    """The set-up cell of a lesson. Only its last line differs between lessons."""
    return SETUP.format(number=number, address=address)


def header_source(entry: Lesson, address: str) -> str:
    """The first cell of a lesson: title, badge (once the address is known), links to its neighbours."""
    lines = [f"# {entry}", ""]
    if address.startswith("https://github.com/"):
        page = f"{COLAB}/github/{address.removeprefix('https://github.com/')}/blob/main/notebooks/{entry.file}"
        lines += [f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({page})", ""]
    before, after = neighbours(entry.number)
    links = [f"[← {before}]({before.file})"] if before else []
    links += [f"[All lessons]({LESSONS[0].file})"] if entry is not LESSONS[0] else []
    links += [f"[{after} →]({after.file})"] if after else []
    if entry.minutes:
        on_gpu = "On a GPU the same cells train on all images; that has not been timed yet."
        lines += [f"*{entry.length()} of computing on two laptop cores, measured. {on_gpu}*", ""]
    return "\n".join([*lines, " · ".join(links)]).rstrip()


def template(entry: Lesson, address: str) -> dict[str, str]:
    """Tag -> source of the cells that are made, not written."""
    return {"header": header_source(entry, address), "setup": setup_source(entry.number, address)}


def tagged(nb, tag: str) -> list:
    """The cells of a notebook that carry this tag."""
    return [cell for cell in nb.cells if tag in cell.metadata.get("tags", [])]
