"""The clinic of lesson 10.2.4 by keyboard: an envelope is opened, paid for, and stays open; handing in is final."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

SET_UP = """
from course_utils.lessons.l10_2_4 import clinic_explorer
from course_utils.runs import recorded

clinic_explorer(recorded("10.2.4"))
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "clinic.ipynb", SET_UP)
    opened = open_notebook("clinic.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def test_an_envelope_costs_a_point_and_stays_open(notebook):
    cell = notebook.cell(0)
    words = lambda: cell.locator(PICTURE).get_attribute("alt")  # noqa: E731
    assert "Open: only the training loss. Spent: 0 points." in words()
    press(cell.get_by_label("gradient norm (−1)"), "Space")
    wait_for(notebook.page, "the envelope is open", lambda: "Open: gradient norm. Spent: 1 point." in words())
    assert cell.get_by_label("gradient norm (−1)").is_disabled()
    press(cell.locator(HANDLE).first, "ArrowRight")
    wait_for(notebook.page, "the next patient", lambda: "Patient B. Open: only the training loss." in words())
    press(cell.locator(HANDLE).first, "ArrowLeft")
    wait_for(notebook.page, "the first patient again", lambda: "Patient A. Open: gradient norm." in words())
    press(cell.get_by_label("hand in (final)"), "Space")
    wait_for(notebook.page, "the truth", lambda: "Patient A had:" in words() and "1 of 15 patients" in words())
    press(cell.get_by_role("button", name="Reset"), "Enter")
    wait_for(notebook.page, "a new day", lambda: "Spent: 0 points." in words())
    checks.check_no_errors(notebook)
