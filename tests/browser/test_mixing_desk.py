"""The mixing desk, by keyboard: boxes are ticked, the number of images moves the verdicts, the words follow."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

EXPLORER = """
import numpy as np
from course_utils.lessons.l10_3_4 import desk_explorer
from course_utils.lessons.l10_3_4.record import jobs
from course_utils.runs import Run, RunTable

rng, runs = np.random.RandomState(0), []
for job in jobs():
    if job["kind"] == "desk":
        gain = 5 * (job["per_class"] - 30) / 50 * ("mixup" in job["on"])
        score = 0.4 + 0.01 * (gain + rng.randn())
        runs.append(Run(config=job, seed=job["seed"], source="made up", test=(1.0, score)))
desk_explorer(RunTable(runs))
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "desk.ipynb", EXPLORER)
    opened = open_notebook("desk.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


def test_the_desk_follows_boxes_and_slider(notebook, artefacts):
    cell = notebook.cell(0)
    words = lambda: cell.locator(PICTURE).get_attribute("alt")  # noqa: E731
    assert "objects, 5 a class, 44 runs. On: nothing" in words()
    assert "mixup" in words().split("Cost here:")[1]
    box = cell.locator("input[type=checkbox]")
    assert box.count() == 12
    box.nth(7).focus()
    notebook.page.keyboard.press("Space")
    wait_for(notebook.page, "mixup on", lambda: "On: mixup" in words(), 40)
    for _ in range(2):
        press(cell.locator(HANDLE).first, "ArrowRight")
    wait_for(notebook.page, "80 a class", lambda: "objects, 80 a class" in words(), 40)
    assert "mixup" in words().split("Gain here:")[1].split("Cost here:")[0]
    cell.locator("select").first.select_option(label="angles")
    wait_for(notebook.page, "the other task", lambda: "angles, 80 a class" in words(), 40)
    notebook.screenshot(artefacts / "mixing-desk.png", 0)
    checks.check_no_errors(notebook)
