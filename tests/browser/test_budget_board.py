"""The budget board of lesson 10.2.5 by keyboard: the budget, the members, a plan that was never recorded."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

SOURCE = """
from course_utils.lessons.l10_2_5 import budget_board, load_members

budget_board(load_members())
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "board.ipynb", SOURCE)
    opened = open_notebook("board.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def words(notebook) -> str:
    return notebook.cell(0).locator(PICTURE).get_attribute("alt")


def test_it_opens_with_four_nets_of_sixteen_epochs(notebook):
    assert "4 nets of 16 epochs" in words(notebook) and "Best for 64 epochs" in words(notebook)


def test_budget_and_members_move_by_keyboard(notebook, artefacts):
    budget, nets = notebook.cell(0).locator(HANDLE).all()
    press(budget, "ArrowLeft")
    wait_for(notebook.page, "the smaller budget", lambda: "4 nets of 8 epochs" in words(notebook))
    press(nets, "ArrowLeft")
    wait_for(notebook.page, "fewer members", lambda: "2 nets of 16 epochs" in words(notebook))
    notebook.cell(0).screenshot(path=artefacts / "budget-board.png")
    press(nets, "ArrowRight")
    press(budget, "ArrowRight")
    wait_for(notebook.page, "the plan it began with", lambda: "4 nets of 16 epochs" in words(notebook))


def test_a_plan_that_was_not_recorded_leaves_the_picture_and_says_where_to_go(notebook):
    before = words(notebook)
    kind = notebook.cell(0).locator("select").nth(1)
    kind.select_option(label="snapshots of one training")
    wait_for(notebook.page, "snapshots", lambda: "snapshots of one training of 64 epochs" in words(notebook))
    press(notebook.cell(0).locator(HANDLE).first, "ArrowLeft")
    status = notebook.cell(0).locator("[role=status]")
    wait_for(notebook.page, "the advice", lambda: "Not drawn" in status.inner_text())
    press(notebook.cell(0).get_by_role("button", name="Reset"), "Enter")
    wait_for(notebook.page, "the first plan", lambda: words(notebook) == before)
