"""The exchange office by keyboard: the arrows follow the images, the bill follows the tasks that share the price."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

EXPLORER = """
from course_utils.lessons.l10_3_3 import Exchange, exchange_office
from course_utils.runs import recorded

exchange_office(Exchange(recorded("10.3.3")))
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "office.ipynb", EXPLORER)
    opened = open_notebook("office.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def test_the_office_by_keyboard(notebook, artefacts):
    cell = notebook.cell(0)
    words = lambda: cell.locator(PICTURE).get_attribute("alt")  # noqa: E731
    assert "the other five, 20 a class, 32 updates" in words() and "500 / 1 =" in words()
    press(cell.locator(HANDLE).nth(2), "ArrowRight")
    wait_for(notebook.page, "two tasks share the price", lambda: "500 / 2 =" in words(), 40)
    press(cell.locator(HANDLE).nth(1), "ArrowRight")
    wait_for(notebook.page, "more updates", lambda: "64 updates" in words(), 40)
    press(cell.locator(HANDLE).nth(0), "Home")
    wait_for(notebook.page, "fewer images", lambda: "five, 5 a class" in words(), 40)
    notebook.screenshot(artefacts / "exchange-office.png", 0)
    checks.check_no_errors(notebook)
