"""The scene table by keyboard: a tile is moved and painted out; caption and answers follow."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

TABLE = """
from course_utils.data import stand_in
from course_utils.lessons.l10_3_2 import scene_table, tiles

scene_table(tiles(stand_in(train=160, val=40, test=60)), {0: (1, 1), 0.5: (0.9, 0.8), 0.9: (0.9, 0.4), 1: (1, 0)})
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "scene_table.ipynb", TABLE)
    opened = open_notebook("scene_table.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def test_a_tile_is_moved_and_everything_answers(notebook, artefacts):
    cell = notebook.cell(0)
    words = lambda: cell.locator(PICTURE).get_attribute("alt")  # noqa: E731
    assert "On the table: red ship, green frog" in words() and "right: red" in words()
    first = cell.locator(HANDLE).first
    press(first, "End")  # the ship to the right edge, past the frog
    wait_for(notebook.page, "the other order", lambda: "On the table: green frog, red ship" in words(), 60)
    cell.locator("input[type=checkbox]").first.check()  # paint the ship out
    wait_for(notebook.page, "an empty place", lambda: "On the table: green frog." in words(), 60)
    assert "right: -" in words()
    notebook.screenshot(artefacts / "scene-table.png", 0)
    checks.check_no_errors(notebook)
