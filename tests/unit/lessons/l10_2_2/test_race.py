"""Two searches in one picture: every trial at its place, the best ringed, a lost one a cross."""

import numpy as np
import pytest

from course_utils.lessons.l10_2_2.race import watch_race
from course_utils.runs import Run

GRID = [{"lr": lr, "weight_decay": decay} for lr in (0.01, 0.1) for decay in (1e-4, 1e-3)]
RANDOM = [{"lr": 0.02 * 1.7**k, "weight_decay": 1e-4 * 1.5**k} for k in range(4)]


def run(setting, accuracy, status="finished"):
    return Run(config=dict(setting), status=status, val=[(10, 1.0, accuracy)])


@pytest.fixture
def watch():
    return watch_race({"grid": GRID, "random": RANDOM}, "lr", "weight_decay", title="Race")


def test_an_empty_picture_says_so(watch):
    assert watch.status() == "grid: 0 of 4 trials; random: 0 of 4 trials."
    assert watch.view.png.startswith(b"\x89PNG") and "Race" in repr(watch)


def test_trials_appear_at_their_place(watch):
    empty = watch.view.png
    for n, setting in enumerate(GRID):
        watch["grid"](run(setting, 0.1 * (n + 1), "diverged" if n == 3 else "finished"))
    watch["random"](run(RANDOM[2], 0.35))
    watch.redraw()
    grid, rand = watch.parts["grid"], watch.parts["random"]
    np.testing.assert_allclose(grid["dots"].get_offsets(), [[s["lr"], s["weight_decay"]] for s in GRID[:3]])
    np.testing.assert_allclose(grid["dots"].get_array(), [10, 20, 30])
    np.testing.assert_allclose(grid["heights"].get_ydata(), [10, 20, 30])
    assert list(grid["lost"].get_xdata()) == [0.1] and list(grid["best"].get_xdata()) == [0.1]
    assert list(rand["best above"].get_ydata()) == [35]
    assert "grid: 4 of 4 trials, 1 without a result, best 30.0 %" in watch.status()
    assert "random: 1 of 4 trials, best 35.0 % at learning rate 0.0578" in watch.status()
    assert watch.view.png != empty and watch.figure is watch.canvas.figure


def test_a_search_where_everything_fails_has_no_best(watch):
    for setting in GRID:
        watch["grid"](run(setting, 0.1, "failed"))
    assert "grid: 4 of 4 trials, 4 without a result; random" in watch.status()


REFUSALS = [
    ({}, "at least one setting"), ({"grid": []}, "at least one"), ({"grid": [{"lr": 0.1}]}, "weight_decay = None"),
    ({"grid": [{"lr": 0, "weight_decay": 1e-4}]}, "lr = 0"), ({"grid": [{"lr": "a", "weight_decay": 1}]}, "lr = 'a'"),
]  # fmt: skip


@pytest.mark.parametrize("searches, words", REFUSALS)
def test_refusals(searches, words):
    with pytest.raises(ValueError, match=words):
        watch_race(searches, "lr", "weight_decay")


def test_an_unknown_search_is_named(watch):
    with pytest.raises(ValueError, match="there is no search 'tpe'; there are grid, random"):
        watch["tpe"]
