"""The two pictures about grids: their numbers at every slider, their words, what they refuse."""

import itertools
import math

import numpy as np
import pytest

from course_utils.lessons.l10_2_1.cost import cost_explorer, duration, grid_seconds
from course_utils.lessons.l10_2_1.levels import levels_explorer
from course_utils.pictures.live import Scene
from course_utils.runs import Run, RunTable

RATES = [1e-3, 1e-2, 1e-1, 1.0, 10.0]
ACCURACY = [0.1, 0.3, 0.5, 0.4, 0.1]
TABLE = RunTable(Run(config={"lr": lr}, val=[(1, 1.0, a)]) for lr, a in zip(RATES, ACCURACY, strict=True))


def test_time_of_a_grid():
    assert grid_seconds(4, 2, 1.5) == 24
    assert grid_seconds(4, 2, 1.0, machines=5) == 4  # the last round is not full
    assert grid_seconds(10, 8, 3600.0, machines=1000) == 10**5 * 3600
    assert grid_seconds(3, 1, 2.0, machines=100) == 2


LENGTHS = [
(0.5, "0.5 s"), (12, "12 s"), (89, "89 s"), (90, "1.5 minutes"), (3600, "60 minutes"), (86400, "24 hours"),
     (3 * 86400, "3.0 days"), (365.25 * 86400 * 1234, "1,234 years")
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "words"), LENGTHS)
def test_lengths_of_time_in_words(seconds, words):
    assert duration(seconds) == words


def test_the_cost_at_every_slider():
    picture = cost_explorer()
    for n, d, machines, seconds in itertools.product((2, 5, 10), (1, 2, 8), (1, 64, 1000), (0.1, 1.0, 1e5)):
        scene = picture.set(levels=n, axes=d, machines=machines, seconds=seconds).scene
        assert isinstance(scene, Scene)
        (x,), (y,) = scene.artists["here"]
        assert (x, y) == (d, pytest.approx(grid_seconds(n, d, seconds, machines)))
        ds, times = scene.artists["chosen"]
        assert list(ds) == list(range(1, 9)) and times[d - 1] == y and times == sorted(times)
        low, high = scene.limits["left"][2:]
        assert low < min(scene.artists["n = 2"][1]) and max(scene.artists["n = 10"][1]) < high
        assert len(scene.artists["dots"][0]) == (n if d == 1 else n * n)
        assert f"{n}^{d} = {n**d:,} trials" in scene.status


def test_more_of_anything_costs_more_and_machines_cost_less():
    base = grid_seconds(4, 3, 2.0, 8)
    assert grid_seconds(5, 3, 2.0, 8) > base < grid_seconds(4, 4, 2.0, 8) and grid_seconds(4, 3, 2.0, 16) < base


def test_the_levels_at_every_slider():
    picture = levels_explorer(TABLE)
    for n, spacing, low, high in itertools.product((2, 4, 12), ("log", "linear"), RATES[:2], RATES[2:]):
        scene = picture.set(levels=n, spacing=spacing, low=low, high=high).scene
        levels, found = scene.artists["levels"]
        assert len(levels) == n and levels[0] == low and levels[-1] == high
        gaps = np.diff(np.log(levels)) if spacing == "log" else np.diff(levels)
        assert np.allclose(gaps, gaps[0])
        assert scene.artists["best"][1][0] == found.max()
        assert f"{n} levels" in scene.status and "Best of all recorded: 50.0 % at 0.1" in scene.status


def test_recorded_values_are_met_exactly_and_between_them_a_line_is_read():
    picture = levels_explorer(TABLE)
    scene = picture.set(levels=3, low=1e-3, high=10.0).scene
    np.testing.assert_allclose(scene.artists["levels"][1], [10, 50, 10])
    scene = picture.set(levels=2, low=1e-2, high=0.1).set(levels=3).scene
    rates, accuracy = scene.artists["levels"]
    assert rates[1] == pytest.approx(math.sqrt(1e-3)) and accuracy[1] == pytest.approx(40)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: cost_explorer(seconds=0), "seconds must be a finite number in"),
        (lambda: cost_explorer(levels=11), "levels must be a whole number in"),
        (lambda: cost_explorer(axes=0), "axes must be a whole number in"),
        (lambda: grid_seconds(0, 2, 1.0), "levels must be"),
        (lambda: grid_seconds(4, 2.5, 1.0), "axes must be"),
        (lambda: grid_seconds(4, 2, -1.0), "seconds must be"),
        (lambda: grid_seconds(4, 2, 1.0, machines=0), "machines must be"),
        (lambda: levels_explorer(RunTable(TABLE.runs[:2])), "one each"),
        (lambda: levels_explorer(RunTable([*TABLE, TABLE[0]])), "one each"),
        (lambda: levels_explorer(RunTable(Run(config={"lr": lr}) for lr in (0.0, 0.1, 1.0))), "positive"),
    ],
)
def test_bad_input_is_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
