"""The live training panel without a browser: what its buttons do to the training, and what it shows and says."""

import asyncio
import gc
import math
import weakref
from functools import partial

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from course_utils.pictures.outputs import WIDGET_VIEW
from course_utils.runs import Run
from course_utils.schedules import cosine
from course_utils.steering.panel import LiveTraining, live_training
from course_utils.steering.picture import POINTS, Trace
from course_utils.training.compute import pick
from course_utils.training.loop import fit
from tests.made_up import tiny_data

UPDATES = 12
CPU = pick("cpu", "float32")
LENGTH = {"updates": UPDATES, "batch_size": 20, "validate_every": 4, "compute": CPU}
SCHEDULE = partial(cosine, peak=0.1, T=UPDATES)


@pytest.fixture(scope="module")
def data():
    return tiny_data(train=100, val=40, test=10)


def make(seed=0, lr=0.1):
    """A network with dropout, so that it matters which random numbers a run sees."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = torch.nn.Linear(27, 10)
    model = torch.nn.Sequential(
        torch.nn.AvgPool2d(10), torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Dropout(0.2), head
    )
    return model, torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def panel_of(data, **more):
    torch.manual_seed(7)  # of the dropout
    return live_training(make, data, **{**LENGTH, "schedule": SCHEDULE, **more})


def finished(panel) -> Run:
    return asyncio.run(panel.run())


def fitted(data, **more) -> tuple[Run, torch.nn.Module]:
    torch.manual_seed(7)
    model, optimizer = make()
    return fit(model, data, optimizer, **{**LENGTH, "schedule": SCHEDULE, **more}), model


def same(run: Run, other: Run) -> bool:
    return (run.t, run.lr, run.momentum, run.loss, run.val) == (
        other.t,
        other.lr,
        other.momentum,
        other.loss,
        other.val,
    )


def status(panel) -> str:
    return panel.view.status.value


# ------------------------------------------------------------------------------------------------- the training
@pytest.mark.parametrize("schedule", [SCHEDULE, [SCHEDULE], None])
def test_left_alone_it_gives_bitwise_what_fit_gives(data, schedule):
    panel = panel_of(data, schedule=schedule)
    run = finished(panel)
    expected, model = fitted(data, schedule=schedule)
    assert same(run, expected) and run.config == expected.config and run.status == "finished"
    state = panel.lanes.main.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_without_a_click_nothing_trains_and_done_starts_it(data):
    panel = panel_of(data)
    assert panel.state == "ready" and panel.t == 0 and panel._task is None
    assert len(asyncio.run(panel.done()).t) == UPDATES


def test_make_may_take_the_seed(data):
    seeds = []
    panel_of(data, seed=5).stop()
    live_training(lambda seed: seeds.append(seed) or make(seed), data, seed=5, **LENGTH)
    assert seeds == [5]


def test_other_code_runs_between_the_updates(data):
    panel, seen = panel_of(data), []

    async def cell():
        panel.start()
        while panel.state == "training":
            seen.append(panel.t)
            await asyncio.sleep(0)

    asyncio.run(cell())
    assert set(range(1, UPDATES)) <= set(seen)


def test_the_task_lives_though_nobody_holds_the_panel(data):
    records = []

    async def cells():
        panel = panel_of(data).at(UPDATES - 1, lambda panel: records.append(panel.run_record)).start()
        there = weakref.ref(panel)
        del panel
        while there() is not None and there().state == "training":
            gc.collect()
            await asyncio.sleep(0)

    asyncio.run(cells())
    assert len(records[0].t) == UPDATES


# --------------------------------------------------------------------------------------------- pause, stop, restart
def test_pause_stops_the_updates_and_resume_goes_on_bitwise(data):
    panel = panel_of(data).at(5, LiveTraining.pause)

    async def cells():
        panel.start()
        for _ in range(30):
            await asyncio.sleep(0)
        assert panel.state == "paused" and panel.t == 5 and panel._task.done()  # no task, no CPU
        assert panel.controls.go.description == "Resume" and "Paused after update 5 of 12" in status(panel)
        panel.controls.go.click()
        assert panel.controls.go.description == "Pause"
        return await panel.done()

    assert same(asyncio.run(cells()), fitted(data)[0])


def test_pausing_and_resuming_at_once_leaves_one_task(data):
    panel = panel_of(data)

    async def cells():
        panel.start()
        await asyncio.sleep(0)
        task = panel._task
        panel.controls.go.click()
        panel.controls.go.click()
        assert panel.state == "training" and panel._task is task
        return await panel.done()

    assert same(asyncio.run(cells()), fitted(data)[0])


def test_stop_ends_the_run_as_a_recorded_fact(data):
    panel = panel_of(data).at(5, lambda panel: panel.controls.stop.click())
    run = finished(panel)
    assert run.status == "stopped" and len(run.t) == 5 and panel.state == "stopped"
    assert "Stopped after update 5 of 12" in status(panel)
    assert panel.controls.go.disabled and panel.controls.drop.disabled and not panel.controls.restart.disabled
    with pytest.raises(ValueError, match="restart"):
        panel.start()


def test_stop_before_the_start(data):
    panel = panel_of(data)
    panel.stop()
    assert panel.run_record.status == "stopped" and finished(panel).t == []


def test_restart_begins_again_with_a_fresh_network(data):
    again = []
    panel = panel_of(data).at(6, lambda panel: again or panel.drop())

    async def cells():
        first = await panel.done()
        again.append(True)
        torch.manual_seed(7)
        panel.controls.restart.click()
        assert panel.state == "training" and panel.t == 0
        return first, await panel.done()

    first, second = asyncio.run(cells())
    assert first.lr[6] != second.lr[6] and same(second, fitted(data)[0])


def test_a_panel_built_again_stops_the_old_one(data):
    async def cells():
        old = panel_of(data, title="One cell").start()
        other = panel_of(data, title="Another cell").start()
        await asyncio.sleep(0)
        panel_of(data, title="One cell")
        assert old.state == "stopped" and "newer panel" in status(old) and other.state == "training"
        other.stop()

    asyncio.run(cells())


# --------------------------------------------------------------------------------------------------- by hand
def test_the_slider_takes_the_learning_rate_over_and_the_box_gives_it_back(data):
    panel = panel_of(data)

    def by_hand(panel):
        panel.controls.slider.value = 0.02
        assert not panel.controls.following.value

    panel.at(3, by_hand).at(6, lambda panel: setattr(panel.controls.following, "value", True))
    run = finished(panel)
    expected = [SCHEDULE(t) for t in range(UPDATES)]
    expected[3:6] = [0.02] * 3
    assert run.lr == expected
    assert run.config["by_hand"] == "3: LR 0.02; 6: schedule again"
    np.testing.assert_array_equal(panel.picture.lines[0]["lr"].get_ydata(), expected)  # as the optimizer had it


def test_unchecking_the_box_holds_the_rate_as_it_is(data):
    panel = panel_of(data).at(3, lambda panel: setattr(panel.controls.following, "value", False))
    assert finished(panel).lr[3:] == [SCHEDULE(3)] * (UPDATES - 3)


def test_the_slider_follows_the_schedule_without_taking_over(data):
    panel = panel_of(data).at(6, LiveTraining.refresh)
    shown = []
    panel.at(6, lambda panel: shown.append(panel.controls.slider.value))
    finished(panel)
    assert shown == [pytest.approx(SCHEDULE(6))] and panel.lanes.main.hand is None


def test_the_rate_set_before_the_start_holds_from_the_first_update(data):
    panel = panel_of(data)
    panel.controls.slider.value = 0.02
    assert finished(panel).lr == [0.02] * UPDATES


def test_the_drop_button(data):
    panel = panel_of(data, schedule=None)
    assert panel.controls.drop.description == "Drop LR × 0.1"
    panel.at(4, lambda panel: panel.controls.drop.click()).at(8, lambda panel: panel.controls.drop.click())
    assert finished(panel).lr == pytest.approx([0.1] * 4 + [0.01] * 4 + [0.001] * 4)


def test_changes_without_an_update_between_are_one_mark_and_both_count(data):
    panel = panel_of(data, schedule=None).at(4, LiveTraining.drop).at(4, LiveTraining.drop)
    assert finished(panel).lr[4:] == pytest.approx([0.001] * 8)
    assert len(panel.lanes.main.marks) == 1


@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf])
def test_a_wrong_rate_is_refused_by_name(data, wrong):
    panel = panel_of(data)
    with pytest.raises(ValueError, match="lr must be a finite number >= 0"):
        panel.take_over(wrong)
    assert panel.lanes.main.hand is None


# --------------------------------------------------------------------------------------------------- branches
def test_branches_share_the_past_and_the_main_run_does_not_notice(data):
    panel = panel_of(data).at(5, lambda panel: panel.branch(0.1)).at(8, lambda panel: panel.branch(3.0, run=1))
    run, (first, second) = finished(panel), panel.branches
    assert same(run, fitted(data)[0])
    assert first.loss[:6] == run.loss[:6] and first.loss[6:] != run.loss[6:]  # loss[5] is of the shared weights
    assert second.loss[:9] == first.loss[:9] and second.loss[9:] != first.loss[9:]
    assert first.lr == run.lr[:5] + [pytest.approx(0.1 * lr) for lr in run.lr[5:]]
    assert second.lr[8:] == pytest.approx([0.3 * lr for lr in run.lr[8:]])
    assert [v[0] for v in second.val] == [4, 8, 12] and first.val[0] == run.val[0]
    assert first.config["branched_at"] == 5 and first.config["lr"] == run.config["lr"]
    assert "by_hand" not in run.config and first.status == second.status == "finished"


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_a_branch_is_an_exact_copy(data, kind):
    def made():
        model, _ = make()
        return model, kind(model.parameters(), lr=0.01)

    torch.manual_seed(7)
    panel = live_training(made, data, **LENGTH).at(5, lambda panel: panel.branch(1.0))
    run = finished(panel)
    assert same(run, panel.branches[0])


def test_the_chosen_run_is_the_one_that_is_steered(data):
    panel = panel_of(data, schedule=None).at(4, lambda panel: panel.controls.branch.click())

    def steer(panel):
        panel.controls.steered.value = 1
        assert panel.controls.slider.value == pytest.approx(0.01)  # shows the rate of the chosen one
        panel.controls.drop.click()

    panel.at(8, steer)
    run = finished(panel)
    assert run.lr == [0.1] * UPDATES
    assert panel.branches[0].lr == pytest.approx([0.1] * 4 + [0.01] * 4 + [0.001] * 4)


def test_there_is_room_for_three_branches_and_the_fourth_is_refused(data):
    panel, refused = panel_of(data), []

    def many(panel):
        for _ in range(3):
            panel.branch(0.5)
        assert panel.controls.branch.disabled
        with pytest.raises(ValueError, match="3 branches already"):
            panel.branch(0.5)
        refused.append(True)

    finished(panel.at(4, many))
    assert refused and len(panel.branches) == 3


def test_what_cannot_be_done_is_said_in_words_when_clicked(data):
    panel = panel_of(data)
    assert panel.controls.branch.disabled
    panel.controls.branch.click()
    assert "has not begun" in status(panel) and panel.branches == []


def test_a_diverging_branch_ends_as_a_fact_and_the_main_run_goes_on(data):
    panel = panel_of(data).at(4, lambda panel: panel.branch(3e39))
    run = finished(panel)
    branch = panel.branches[0]
    assert branch.status == "diverged" and branch.diverged_at < UPDATES and same(run, fitted(data)[0])
    assert f"infinite or NaN at update {branch.diverged_at}" in status(panel)
    assert "Finished after all 12 updates" in status(panel)
    x, y = panel.picture.bad.get_data()
    assert list(x) == [branch.diverged_at] and 0 < y[0] < panel.picture.loss.get_ylim()[1]


# ------------------------------------------------------------------------------------------------ the picture
def test_the_picture_shows_the_records(data):
    panel = panel_of(data).at(5, lambda panel: panel.branch(0.1))
    run = finished(panel)
    main, branch = panel.picture.lines[:2]
    np.testing.assert_allclose(main["loss"].get_ydata(), run.loss)
    np.testing.assert_allclose(main["ema"].get_ydata(), run.ema())
    np.testing.assert_allclose(branch["ema"].get_ydata(), panel.branches[0].ema()[4:])
    assert list(branch["ema"].get_xdata()) == list(range(5, 13))
    np.testing.assert_allclose(main["val"].get_ydata(), [100 * v[2] for v in run.val])
    assert list(branch["val"].get_xdata()) == [4, 8, 12]
    marked = [segment[0][0] for segment in panel.picture.marks[0].get_segments()]
    assert marked == [5]
    assert panel.picture.where.get_text() == "update 12 of 12  ·  epoch 2.4"


def test_pictures_come_by_the_clock_and_make_nothing_grow(data):
    panel = panel_of(data)
    finished(panel)
    pieces = [len(axes.get_children()) for axes in panel.picture.axes]
    draws, moving = panel.picture.canvas.full_draws, len(panel.picture.canvas._moving)
    for _ in range(20):
        panel.refresh()
    assert [len(axes.get_children()) for axes in panel.picture.axes] == pieces
    assert panel.picture.canvas.full_draws == draws and len(panel.picture.canvas._moving) == moving


def test_long_runs_are_drawn_from_few_points_that_keep_the_extremes():
    run, trace = Run(), Trace(20_000)
    rng = np.random.default_rng(0)
    for part in np.split(rng.normal(2, 0.3, 20_000), 4):  # piece by piece, as it trains
        run.loss_log += part.tolist()
        run.lr += [0.1] * len(part)
        trace.follow(run)
    curves = trace.curves(0)
    assert max(len(x) for x, _ in curves.values()) <= 2 * POINTS + 2
    assert max(curves["loss"][1]) == max(run.loss_log) and min(curves["loss"][1]) == min(run.loss_log)
    assert curves["ema"][0][-1] == 20_000 and curves["ema"][1][-1] == pytest.approx(run.ema()[-1])


def test_it_shows_itself_as_one_stable_bundle_and_leaves_a_still_picture(data):
    panel = panel_of(data, title="A panel")
    before = panel._repr_mimebundle_()
    finished(panel)
    after, picture = panel._repr_mimebundle_(), panel.still()
    assert before["text/plain"] == after["text/plain"] == "Live training: A panel"
    assert set(after) == {WIDGET_VIEW, "image/png", "text/plain"} and after["image/png"] != before["image/png"]
    assert repr(picture) == "Picture: A panel" and picture.png.startswith(b"\x89PNG")
    assert "Finished after all 12 updates" in picture.alt and 'role="status"' in status(panel)
    assert "validation accuracy" in panel.view.image.value  # the alt text


@pytest.mark.parametrize("schedule, log", [(None, True), (SCHEDULE, True), (partial(cosine, peak=0.1, T=6), False)])
def test_the_axis_of_the_rate_is_logarithmic_unless_it_comes_near_zero(data, schedule, log):
    panel = panel_of(data, schedule=schedule)
    assert panel.picture.lr.get_yscale() == ("log" if log else "linear")
    panel.controls.log_axis.value = not log
    finished(panel)
    assert panel.picture.lr.get_yscale() == ("linear" if log else "log")


NOTEBOOK = """
import torch
from course_utils.steering.panel import live_training
from course_utils.data.standin import stand_in
data = stand_in(train=100, val=40, test=10)
def make():
    model = torch.nn.Sequential(torch.nn.AvgPool2d(10), torch.nn.Flatten(), torch.nn.Linear(27, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)
---
panel = live_training(make, data, updates=12, batch_size=20, title="In a notebook")
panel.at(5, lambda panel: panel.branch(0.1))
panel.start()
---
run = await panel.done()
print(run.status, len(run.t), [len(branch.t) for branch in panel.branches])
---
panel.still()
---
panel.restart()
run = await panel.run()
print(run.status, len(run.t))
"""


def test_in_a_kernel_it_trains_behind_the_cells_and_is_awaited():
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in NOTEBOOK.split("---\n")]
    nb = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(nb, timeout=120, kernel_name="python3").execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in nb.cells]
    assert said[2] == "finished 12 [12]\n" and said[4] == "finished 12\n"
    shown = nb.cells[1].outputs[0].data
    assert shown["text/plain"] == "Live training: In a notebook" and WIDGET_VIEW in shown and "image/png" in shown
    assert nb.cells[3].outputs[0].data["text/plain"] == "Picture: In a notebook"
    assert all(len(cell.outputs) <= 1 for cell in nb.cells)
