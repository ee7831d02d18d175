"""A range test that is drawn while it runs, stopped in the middle by the stop button, and read with the keyboard."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

SET_UP = """
import time
import torch
from course_utils.training import models
from course_utils.range_test.explore import range_explorer
from course_utils.range_test import range_test, suggest
from course_utils.range_test.watch import watch_range
from course_utils.data.standin import stand_in

data = stand_in(train=640, val=40, test=40)
model = models.mlp((32,), seed=0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
before = [w.clone() for w in model.parameters()]

def sweep(pause=0.0, **how):
    seen = watch_range(low=1e-4, high=10, note=data.banner())
    def watch(step):
        seen(step)
        time.sleep(pause)                                 # slow enough for an eye, or a hand on the stop button
    return range_test(model, data, optimizer, low=1e-4, high=10, updates=60, batch_size=32, watch=watch, **how)
"""
SAME = "print(all(torch.equal(a, b) for a, b in zip(before, model.parameters())), optimizer.param_groups[0]['lr'])"


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    """Cells: 0 set-up, 1 the test, 2 what is asked afterwards."""
    write_notebook(server.folder / "range.ipynb", SET_UP, "", "")
    opened = open_notebook("range.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def start(notebook, source: str):
    """Run cell 1 without waiting for its end; the picture's words, as a function."""
    notebook.set_source(1, source)
    notebook.start_cell(1)
    picture = notebook.cell(1).locator(PICTURE)
    wait_for(notebook.page, "the empty picture", picture.count, 40)
    return lambda: picture.get_attribute("alt")


def ask(notebook, code: str) -> str:
    notebook.set_source(2, code)
    notebook.run_cell(2)
    return notebook.text(2).strip()


def test_it_is_drawn_while_it_runs(notebook, artefacts):
    words = start(notebook, "test = sweep(0.05)")
    seen = set()
    wait_for(notebook.page, "the first seed on its way", lambda: seen.add(words()) or "seed 0" in words(), 40)
    wait_for(notebook.page, "the second seed", lambda: seen.add(words()) or "seed 1" in words(), 40)
    notebook.wait_command(60)
    assert len(seen) >= 3, f"the picture did not grow: {seen}"
    assert "seed 2: up to" in words()
    notebook.screenshot(artefacts / "range-test-live.png", 1)
    assert ask(notebook, SAME) == "True 0.05"


def test_the_stop_button_leaves_the_model_alone(notebook):
    words = start(notebook, "test = sweep(0.2)")
    wait_for(notebook.page, "the first seed on its way", lambda: "seed 0: up to" in words(), 40)
    notebook.command("notebook:interrupt-kernel")
    notebook.wait_command(60)
    assert any("KeyboardInterrupt" in error for error in notebook.errors())
    assert ask(notebook, SAME) == "True 0.05"


def test_a_pick_is_moved_by_keyboard(notebook, artefacts):
    notebook.set_source(1, "range_explorer(sweep(), title='Where would you set the peak?')")
    notebook.run_cell(1)
    output = notebook.cell(1).locator(".jp-OutputArea-output").filter(has=notebook.page.locator(HANDLE))
    for handle in output.locator(HANDLE).all():
        checks.check_slider(notebook, handle)
    box = output.locator("input[type=checkbox]").first
    before = output.locator(PICTURE).get_attribute("src")
    press(box, "Space")
    wait_for(notebook.page, "another picture", lambda: output.locator(PICTURE).get_attribute("src") != before, 20)
    checks.check_no_errors(notebook)
    output.screenshot(path=artefacts / "range-explorer.png")
