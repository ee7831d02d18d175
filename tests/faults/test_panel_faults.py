"""The live training panel when things go wrong: interrupts, errors, divergence."""

import asyncio
import os
import signal
import threading
import time
from functools import partial

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from course_utils.interrupts import uninterrupted
from course_utils.schedules import constant
from course_utils.steering.lanes import Lanes
from course_utils.steering.panel import live_training
from course_utils.training.compute import pick
from course_utils.training.loop import fit
from tests.made_up import tiny_data

LENGTH = {"updates": 12, "batch_size": 20, "validate_every": 4, "compute": pick("cpu", "float32")}
RATE = partial(constant, peak=0.1)


@pytest.fixture(scope="module")
def data():
    return tiny_data(train=100, val=40, test=10)


def make(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.AvgPool2d(10), torch.nn.Flatten(), torch.nn.Linear(27, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def uninterrupted_run(data):
    model, optimizer = make()
    return fit(model, data, optimizer, RATE, **LENGTH)


def panel_of(data, **more):
    return live_training(make, data, **{**LENGTH, "schedule": RATE, **more})


def test_an_interrupted_cell_pauses_the_panel_and_run_again_goes_on_bitwise(data):
    panel = panel_of(data)

    async def cells():
        waiting = asyncio.ensure_future(panel.done())
        while panel.t < 5:
            await asyncio.sleep(0)
        waiting.cancel()  # what ipykernel makes of Ctrl-C while a cell awaits
        with pytest.raises(asyncio.CancelledError):
            await waiting
        t = panel.t
        for _ in range(10):
            await asyncio.sleep(0)
        assert panel.state == "paused" and panel.t == t < 12 and panel._task.done()
        return await panel.done()

    assert asyncio.run(cells()).loss == uninterrupted_run(data).loss


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself Ctrl-C from a test")
def test_ctrl_c_in_a_script_pauses_it_and_a_new_event_loop_goes_on_bitwise(data):
    panel = panel_of(data).at(5, lambda panel: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(panel.run())
    assert panel.state == "paused" and 5 <= panel.t < 12
    assert asyncio.run(panel.run()).loss == uninterrupted_run(data).loss


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself Ctrl-C from a test")
def test_ctrl_c_waits_for_the_end_of_an_update():
    steps = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        steps.append("done")
    assert steps == ["done"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_updates_can_be_made_in_another_thread(data):
    lanes = Lanes(make, data, **LENGTH)
    thread = threading.Thread(target=lanes.round)
    thread.start()
    thread.join()
    assert lanes.t == 1


def test_an_error_is_shown_in_the_panel_and_raised_where_it_is_awaited(data):
    armed = []

    def broken(t):  # the panel looks at the schedule when it is built, too
        if armed and t == 3:
            raise ZeroDivisionError("a schedule of yours")
        return 0.1

    panel = panel_of(data, schedule=broken)
    armed.append(True)
    for _ in range(2):  # each time one asks
        with pytest.raises(ZeroDivisionError, match="a schedule of yours"):
            asyncio.run(panel.done())
    assert panel.state == "failed" and panel.t == 3
    assert "a schedule of yours" in panel.view.alert.value and 'role="alert"' in panel.view.alert.value
    assert "Failed after update 3 of 12" in panel.view.status.value


def test_an_error_in_something_scripted_is_not_swallowed(data):
    panel = panel_of(data).at(3, lambda panel: panel.drop(-1))
    with pytest.raises(ValueError, match="factor must be a finite number"):
        asyncio.run(panel.run())


def test_a_picture_that_cannot_be_drawn_is_heard_of_too(data, monkeypatch):
    panel = panel_of(data)

    def broken(lanes):
        raise ZeroDivisionError("no picture")

    panel.at(3, lambda panel: monkeypatch.setattr(panel.picture, "_limits", broken)).at(
        4, lambda panel: panel.refresh()
    )
    with pytest.raises(ZeroDivisionError, match="no picture"):
        asyncio.run(panel.done())  # drawing the end fails as well: done() must not wait for ever
    assert panel.state == "failed" and "no picture" in panel.view.alert.value


def test_after_an_error_restart_begins_anew(data):
    faults = [RuntimeError("once")]

    def once(panel):
        if faults:
            raise faults.pop()

    panel = panel_of(data).at(3, once)

    async def cells():
        with pytest.raises(RuntimeError, match="once"):
            await panel.done()
        panel.restart()
        return await panel.done()

    assert asyncio.run(cells()).status == "finished" and panel.view.alert.value == ""


def test_a_diverged_run_is_a_result_in_words(data):
    panel = panel_of(data, schedule=lambda t: 3e38)
    run = asyncio.run(panel.run())
    assert run.status == "diverged" and panel.state == "finished"
    assert f"Diverged after update {run.diverged_at} of 12" in panel.view.status.value
    assert "infinite or NaN" in panel.view.status.value


def test_start_outside_a_notebook_says_what_to_do(data):
    with pytest.raises(RuntimeError, match="asyncio.run"):
        panel_of(data).start()


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"updates": None}, "either epochs or updates"),
        ({"updates": 0}, "updates must be"),
        ({"drop": 2}, "drop must be"),
        ({"schedule": [RATE, RATE]}, "2 functions for 1"),
        ({"schedule": 0.1}, "function"),
    ],
)
def test_wrong_arguments_are_refused_when_the_panel_is_built(data, wrong, words):
    with pytest.raises(ValueError, match=words):
        panel_of(data, **wrong)


def test_a_make_that_returns_something_else_is_refused(data):
    with pytest.raises(TypeError, match=r"\(model, optimizer\), got Linear"):
        live_training(lambda: torch.nn.Linear(2, 2), data, **LENGTH)


@pytest.mark.parametrize("update", [-1, 12, 2.5, True])
def test_at_refuses_updates_that_never_come(data, update):
    with pytest.raises(ValueError, match=r"\[0, 11\]"):
        panel_of(data).at(update, print)


INTERRUPTED = """
import torch
from course_utils.steering.panel import live_training
from course_utils.data.standin import stand_in
data = stand_in(train=100, val=40, test=10)
def make():
    model = torch.nn.Sequential(torch.nn.AvgPool2d(10), torch.nn.Flatten(), torch.nn.Linear(27, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)
panel = live_training(make, data, updates=40, batch_size=20, title="To be interrupted")
import os, signal
def interrupt(panel):
    os.kill(os.getpid(), signal.SIGINT)
panel.at(20, interrupt)
---
run = await panel.done()
---
print(panel.state, 20 <= panel.t < 40)
run = await panel.done()
print(panel.state, len(run.t))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself Ctrl-C from a test")
def test_interrupting_the_kernel_pauses_the_panel_and_the_cell_run_again_goes_on():
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in INTERRUPTED.split("---\n")]
    nb = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(nb, timeout=120, kernel_name="python3", allow_errors=True).execute()
    assert nb.cells[1].outputs[-1].output_type == "error"
    assert nb.cells[1].outputs[-1].ename in ("CancelledError", "KeyboardInterrupt")
    said = "".join(output.get("text", output.get("evalue", "")) for output in nb.cells[2].outputs)
    assert said == "paused True\nfinished 40\n"
    assert not [output for output in nb.cells[2].outputs if output.output_type == "error"]
