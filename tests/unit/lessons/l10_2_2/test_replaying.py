"""The replay explorer: its numbers are those of replays.py and importance.py, at every stand of the sliders."""

import itertools

import numpy as np
import pytest

from course_utils.lessons.l10_2_2.replaying import BUDGETS, LEAST, SPACES, Replays, draw, replay_explorer
from course_utils.search.importance import main_effects
from course_utils.search.replays import KINDS, SettingsTable, exact_win_rate

LEVELS = {
    "lr": [10 ** (k / 2) for k in range(-6, 1)],
    "weight_decay": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    "dropout": [0.0, 0.25, 0.5],
    "batch_size": [32, 128],
}


def a_table(seed=0):
    """A learning rate that matters, a weight decay that does so above 1e-3, and a little noise."""
    rng = np.random.default_rng(seed)
    lr, decay = np.linspace(-1, 1, 7), np.array([0, 0, 0, -8, -25.0])
    values = 40 - 25 * (lr[:, None] - 0.3) ** 2 + decay
    values = np.repeat(np.repeat(values[:, :, None, None], 3, axis=2), 2, axis=3)
    seen, again = (values + 0.7 * rng.standard_normal(values.shape) for _ in range(2))
    return SettingsTable(tuple(LEVELS), LEVELS, seen, again)


@pytest.fixture(scope="module")
def table():
    return a_table()


@pytest.fixture(scope="module")
def picture(table):
    return replay_explorer(table)


def test_the_curve_is_the_exact_win_rate(table, picture):
    picture.reset().set(top=1e-3, n=9)
    problems = table.only(weight_decay=(None, 1e-3)).problems(("lr", "weight_decay"))
    problems += [problem.swapped for problem in problems]
    line = picture.artists["exact"]
    assert list(line.get_xdata()) == [n for n in BUDGETS if n <= 21]
    for n, rate in zip(*line.get_data(), strict=True):
        assert rate == pytest.approx(np.mean([exact_win_rate(problem, n) for problem in problems]))
    counted = picture.artists["counted"].get_ydata()[0]
    assert counted == pytest.approx(line.get_ydata()[1], abs=8)
    low, high = picture.artists["reach"].get_segments()[0][:, 1]
    assert low < counted < high


def test_the_shares_are_those_of_the_table(table, picture):
    picture.reset().set(axes=SPACES["all four"], top=0.1)
    share = np.mean([main_effects(values, table.names)["lr"] for values in (table.seen, table.again)])
    assert f"learning rate {share:.0%}" in picture.scene.status


def test_a_wider_range_makes_the_second_axis_important(picture):
    shown = {top: picture.reset().set(top=top).artists["exact"].get_ydata()[1] for top in (1e-3, 1e-1)}
    assert shown[1e-3] > shown[1e-1]


STANDS = list(itertools.product(BUDGETS, [1e-4, 1e-3, 1e-1], SPACES.values(), ["best", "retrained"]))


def test_the_picture_over_its_sliders(table, picture):
    replays, state = Replays(table), picture.state
    for n, top, axes, by in STANDS:
        vars(state).update(n=n, top=top, axes=axes, by=by)
        scene = draw(replays, state)
        for kind in KINDS:
            done, low, high = scene.artists[f"{kind} band"]
            middle = scene.artists[kind][1]
            assert len(done) <= n and (np.diff(middle) <= 1e-9).all(), "the best so far never gets worse"
            assert (low >= middle - 1e-9).all() and (middle >= high - 1e-9).all() and (high >= LEAST).all()
        assert 0 <= scene.artists["counted"][1][0] <= 100
        assert "nan" not in scene.status and scene.status.count("\n") == 3
        assert ("trained once more)," in scene.status or "once more).\n" in scene.status) == (by == "retrained")


def test_there_and_back_gives_the_same_picture(picture):
    picture.reset()
    start = picture.view.png
    for change in (dict(n=4), dict(top=0.1), dict(axes=SPACES["all four"]), dict(by="retrained")):
        assert picture.set(**change).view.png != start, change
        assert picture.reset().view.png == start, change
    assert picture.canvas.full_draws == 1


def test_refusals(table):
    for n in (5, 0, True, "16"):
        with pytest.raises(ValueError, match="n must be one of"):
            replay_explorer(table, n=n)
    with pytest.raises(ValueError, match="the picture needs"):
        replay_explorer(table.only(dropout=0.0))
