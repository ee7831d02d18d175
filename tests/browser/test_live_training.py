"""Live training steered by keyboard in JupyterLab: pause, learning rate, branch, stop, and the stop button."""

import re

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, PICTURE, press, wait_for, write_notebook

SET_UP = """
import time
from functools import partial
import torch
from course_utils.training import models
from course_utils.steering.panel import live_training
from course_utils.schedules import cosine
from course_utils.data.standin import stand_in
from course_utils.training import train

UPDATES = 20_000                                          # far more than a test waits for
data = stand_in(train=160, val=40, test=40)

def make(seed=0):
    model = models.mlp(seed=seed)
    return model, torch.optim.SGD(model.parameters(), lr=0.01)
"""
PANEL = """
panel = live_training(make, data, schedule=partial(cosine, peak=0.01, T=UPDATES), updates=UPDATES, batch_size=16,
                      validate_every=500, title="{title}")
panel
"""
TRAIN = """
model, optimizer = make()
seen = []
for step in train(model, data, optimizer, partial(cosine, peak=0.01, T=400), updates=400, batch_size=16,
                  checkpoint="interrupted.pt", checkpoint_every=10, validate_every=None):
    seen.append(step.t)
    time.sleep(0.01)                                      # slow enough for a hand to interrupt
print("from", seen[0], "to", seen[-1])
"""
COMPARE = """
other, optimizer = make()
for step in train(other, data, optimizer, partial(cosine, peak=0.01, T=400), updates=400, batch_size=16,
                  validate_every=None):
    pass
print("same weights:", all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters())))
print("same record:", now == list(range(now[0], 401)))
"""
WHOLE = "t = list(panel.run_record.t)\nprint(t == list(range(t[0], t[0] + len(t))), len(t) == panel.t)"
FORGET = """
import os
if os.path.exists("interrupted.pt"):
    os.remove("interrupted.pt")
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    """Cells: 0 set-up, 1 the panel, 2 and 3 whatever a test needs."""
    write_notebook(server.folder / "live.ipynb", SET_UP, "", "", "")
    opened = open_notebook("live.ipynb")
    opened.run_cell(0, timeout=120)
    checks.check_no_errors(opened)
    yield opened
    opened.close()


class Panel:
    """The panel as the learner sees it."""

    def __init__(self, notebook, title: str):
        self.notebook, self.page = notebook, notebook.page
        notebook.set_source(1, PANEL.format(title=title))
        notebook.run_cell(1)
        self.cell = notebook.cell(1)

    @property
    def words(self) -> str:
        """What is said about the present picture."""
        return self.cell.locator(PICTURE).get_attribute("alt")

    @property
    def t(self) -> int:
        """Updates made."""
        match = re.search(r"after (?:all|update) (\d+)", self.words)
        return int(match.group(1)) if match else 0

    @property
    def rate(self) -> float:
        """Learning rate of the main run."""
        return float(re.search(r"learning rate ([\d.e+-]+\d)", self.words).group(1))

    def push(self, button: str) -> None:
        """Reach a button by keyboard and press it."""
        press(self.cell.get_by_role("button", name=button, exact=True), "Enter")

    def until(self, what: str, condition, seconds: float = 40) -> None:
        """Wait for something to become true; the message says how the panel stands when it does not."""
        try:
            wait_for(self.page, what, condition, seconds)
        except AssertionError as error:
            status = self.cell.locator("[role=status]").text_content()
            raise AssertionError(f"{error}. Picture: {self.words} Status: {status}") from None

    def start(self) -> None:
        self.push("Start")
        self.until("the training starts", lambda: self.t > 5)

    def ask(self, code: str) -> str:
        """Run code in a cell below the panel; what it prints."""
        self.notebook.set_source(2, code)
        self.notebook.run_cell(2)
        return self.notebook.text(2).strip()


def test_pause_and_resume(notebook, artefacts):
    panel = Panel(notebook, "Pause and resume")
    assert panel.words.count("Ready") == 1
    panel.start()
    panel.push("Pause")
    panel.until("paused", lambda: "Paused after update" in panel.words)
    rested = panel.t
    notebook.page.wait_for_timeout(800)
    assert panel.t == rested, f"{panel.t - rested} updates were made during the pause"
    assert panel.ask("print(panel.t, panel.state)") == f"{rested} paused"
    assert "Paused" in panel.cell.locator("[role=status]").text_content()
    panel.push("Resume")
    panel.until("goes on", lambda: panel.t > rested)
    notebook.screenshot(artefacts / "live-training.png", 1)
    panel.push("Stop")
    panel.until("stopped", lambda: "Stopped after update" in panel.words)
    assert panel.ask(WHOLE) == "True True", "the record has a gap or a repetition where it was paused"
    checks.check_no_errors(notebook)


def test_learning_rate_by_hand(notebook):
    panel = Panel(notebook, "By hand")
    panel.start()
    first = panel.rate
    handle = panel.cell.locator(HANDLE).first
    for _ in range(4):
        press(handle, "ArrowLeft")
    readout = panel.cell.locator(".widget-readout").first
    panel.until("taken over by hand", lambda: "by hand" in panel.words and panel.rate < 0.7 * first)
    panel.until("words and slider agree", lambda: panel.rate == pytest.approx(float(readout.text_content()), rel=0.01))
    held = panel.rate
    rested = panel.t
    panel.until("trains on", lambda: panel.t > rested + 5)
    assert panel.rate == held, "a rate held by hand must stay"
    panel.push("Drop LR × 0.1")
    panel.until("dropped", lambda: panel.rate == pytest.approx(held / 10, rel=0.02))
    panel.cell.get_by_label("follow the schedule").press("Space")
    panel.until("back to the schedule", lambda: "by hand" not in panel.words and panel.rate > 5 * held / 10)
    panel.push("Stop")
    assert float(panel.ask("print(panel.run_record.lr[-1])")) == pytest.approx(panel.rate, rel=0.01)
    checks.check_no_errors(notebook)


def test_branches_are_drawn_beside_the_main_run(notebook, artefacts):
    panel = Panel(notebook, "Branches")
    panel.start()
    panel.push("Branch from here")
    panel.until("one branch", lambda: panel.words.count("from update") == 1)
    rested = panel.t
    panel.until("both train on", lambda: panel.t > rested + 5)
    panel.push("Branch from here")
    panel.until("two branches", lambda: panel.words.count("from update") == 2)
    rested = panel.t
    panel.until("all three train on", lambda: panel.t > rested + 20)
    panel.push("Pause")
    panel.until("paused", lambda: "Paused" in panel.words)
    notebook.screenshot(artefacts / "live-branches.png", 1)
    lengths = panel.ask("print(len({lane.t for lane in panel.lanes.lanes}), len(panel.branches))")
    assert lengths == "1 2", "the runs have to keep in step"
    rates = panel.ask("print(*[f'{run.lr[-1] / panel.run_record.lr[-1]:.3f}' for run in panel.branches])")
    assert rates == "0.100 0.100"
    panel.push("Stop")
    checks.check_no_errors(notebook)


def test_interrupted_wait_loses_no_update(notebook):
    panel = Panel(notebook, "Interrupted")
    notebook.set_source(3, "run = await panel.done()\nprint('finished', len(run.t))")
    notebook.start_cell(3)
    panel.until("trains", lambda: panel.t > 20)
    notebook.command("kernelmenu:interrupt")
    notebook.wait_idle(20)
    panel.until("the stop button pauses the panel", lambda: "Paused after update" in panel.words)
    rested = panel.t
    assert panel.ask("print(panel.t, panel.state)") == f"{rested} paused"
    notebook.start_cell(3)
    panel.until("the same cell goes on", lambda: panel.t > rested + 20)
    panel.push("Stop")
    notebook.wait_idle(20)
    assert "finished" in notebook.text(3)
    assert panel.ask(WHOLE) == "True True", "updates were lost or made twice around the interruption"
    checks.check_no_errors(notebook)


def test_interrupted_loop_goes_on_from_its_checkpoint(notebook):
    notebook.set_source(2, FORGET)
    notebook.run_cell(2)
    notebook.set_source(3, TRAIN)
    notebook.start_cell(3)
    wait_for(notebook.page, "a checkpoint", lambda: (notebook.server.folder / "interrupted.pt").exists(), 30)
    notebook.page.wait_for_timeout(300)
    notebook.command("kernelmenu:interrupt")
    notebook.wait_idle(20)
    assert any("KeyboardInterrupt" in error for error in notebook.errors()), "the loop was not interrupted"
    notebook.set_source(2, "before = seen[-1]\nprint(before)")
    notebook.run_cell(2)
    before = int(notebook.text(2))
    assert 10 <= before < 400
    notebook.run_cell(3, timeout=60)
    first, last = map(int, re.search(r"from (\d+) to (\d+)", notebook.text(3)).groups())
    assert 1 < first <= before + 1 and before + 1 - first <= 10 and last == 400
    notebook.set_source(2, "now = seen\n" + COMPARE)
    notebook.run_cell(2)
    assert notebook.text(2).split("\n")[:2] == ["same weights: True", "same record: True"], notebook.text(2)
    checks.check_no_errors(notebook)
