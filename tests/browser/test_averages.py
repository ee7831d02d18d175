"""Every average at once, by keyboard: only a kind's own sliders are there, and a profile can be drawn by hand."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

EXPLORER = """
import torch
from course_utils.data import stand_in
from course_utils.lessons.l10_2_6 import Averages, Iterates, averages_explorer
from course_utils.training import small_conv_net, train

data, model = stand_in(train=160, val=40, test=20), small_conv_net(width=2, seed=0)
iterates = Iterates(model, 8)
sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for step in train(model, data, sgd, updates=8, batch_size=32, validate_every=None):
    iterates.see(step)
averages_explorer(Averages({"a run": iterates}, data, points=4, batches=2))
"""
SHOWN = "handles => handles.filter(handle => handle.offsetParent !== null).length"


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "averages.ipynb", EXPLORER)
    opened = open_notebook("averages.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def test_a_profile_is_drawn_by_hand(notebook, artefacts):
    cell = notebook.cell(0)
    words = lambda: cell.locator(PICTURE).get_attribute("alt")  # noqa: E731
    shown = lambda: cell.locator(HANDLE).evaluate_all(SHOWN)  # noqa: E731
    assert "a run, after 8 updates; window" in words() and shown() == 2  # made after, share
    cell.locator("select").nth(1).select_option(label="drawn by hand")
    wait_for(notebook.page, "the drawn profile", lambda: "drawn by hand" in words(), 40)
    wait_for(notebook.page, "made after, and eight heights", lambda: shown() == 9)
    before, last = words(), cell.locator(HANDLE).nth(-1)
    for _ in range(3):
        press(last, "ArrowUp")
    wait_for(notebook.page, "a higher last part", lambda: words() != before, 40)
    notebook.screenshot(artefacts / "averages-drawn.png", 0)
    checks.check_no_errors(notebook)
