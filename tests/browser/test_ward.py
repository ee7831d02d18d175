"""The ward by keyboard: an instrument is pressed, runs, is paid once; a diagnosis is sealed and the fault revealed."""

import pytest

from tests.browser import checks
from tests.browser.lab import PICTURE, press, wait_for, write_notebook

SET_UP = """
from course_utils.data.standin import stand_in
from course_utils.lessons.l10_2_3 import INSTRUMENTS, Bench, Patient, Ward, examine

class Band:
    "Everything is healthy: half-widths so large that no reading is outside."
    def __init__(self, names):
        self.names = names
    def place(self, readings):
        return {name: 0.01 * x for name, x in readings.items()}

bench = Bench(stand_in(train=320, val=100, test=100), share=0.05)
names = [name for tool in INSTRUMENTS for name in examine(Patient(bench), tool)]
ward = Ward(bench, Band(tuple(names)), lambda named, true: float(set(named) == set(true)), seed=3)
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "ward.ipynb", SET_UP, "ward", "")
    opened = open_notebook("ward.ipynb")
    opened.run_cell(0, timeout=120)
    opened.run_cell(1)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def test_instruments_and_diagnosis_by_keyboard(notebook, artefacts):
    cell = notebook.cell(1)
    picture = cell.locator(PICTURE)
    wait_for(notebook.page, "the ward", picture.count, 40)
    words = lambda: picture.get_attribute("alt")  # noqa: E731
    assert "0 of 8 instruments, 0 updates" in words()
    press(cell.get_by_role("button", name="dependency (1)"), "Enter")
    wait_for(notebook.page, "the reading", lambda: "1 of 8 instruments, 1 updates" in words(), 20)
    press(cell.get_by_role("button", name="dependency (1)"), "Space")
    press(cell.get_by_role("button", name="Seal the diagnosis"), "Enter")
    wait_for(notebook.page, "the fault", lambda: "It was: softmax over the batch" in words(), 20)
    assert "you 0 for 1" in words(), "healthy was the wrong diagnosis, and the instrument was paid once"
    notebook.screenshot(artefacts / "ward.png", 1)
