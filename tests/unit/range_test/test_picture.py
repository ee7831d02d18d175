"""Pictures of a range test: they show its numbers, the words agree with them, and every slider value can be drawn."""

import itertools
import math

import numpy as np
import pytest

from course_utils.range_test.curve import RangeTest, slope_per_decade
from course_utils.range_test.explore import range_explorer
from course_utils.range_test.picture import range_figure
from course_utils.range_test.rule import suggest
from course_utils.range_test.watch import watch_range
from course_utils.runs import Run

X = np.linspace(-5, 1, 100)


def made_up(breaks=-1.2, seeds=3, source="made up", stops=math.inf):
    """Runs whose loss is lowest shortly before 10**breaks, with an accuracy every ten updates; `stops`: log10 rate."""
    rng, runs = np.random.default_rng(0), []
    for seed in range(seeds):
        loss = 2.3 - 0.6 / (1 + np.exp(-(X - breaks + 1.3) / 0.2)) + 0.02 * np.exp(np.minimum((X - breaks) / 0.12, 5))
        loss = loss + 0.03 * rng.standard_normal(len(X))
        end = min(100, int(np.sum(X <= stops)) + seed)
        run = Run(
            config={"high": 10.0, "updates": 100},
            seed=seed,
            source=source,
            t=list(range(1, end + 1)),
            lr=(10 ** X[:end]).tolist(),
            momentum=[0.9] * end,
            loss_log=loss[:end].tolist(),
        )
        run.val = [(t, 2.0, 0.1 + 0.2 * math.exp(-((X[t - 1] - breaks) ** 2))) for t in range(10, end + 1, 10)]
        runs.append(run)
    return RangeTest(runs)


TEST = made_up()


def words_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [t.get_text() for t in figure.texts]


# ---------------------------------------------------------------------------------------------------- still pictures
@pytest.mark.parametrize("log", [True, False])
def test_the_thick_line_is_the_smoothed_median_and_the_shade_the_suggestion(log):
    found = suggest(TEST)
    figure = range_figure(TEST, found, log=log)
    axes = figure.axes[0]
    thick = max(axes.lines, key=lambda line: (line.get_linewidth(), len(line.get_xdata())))
    np.testing.assert_array_equal(thick.get_ydata(), TEST.band()[1])
    span = axes.patches[0]
    assert [span.get_x(), span.get_x() + span.get_width()] == pytest.approx([found.eta_min, found.eta_max])
    assert axes.get_xscale() == ("log" if log else "linear")
    assert any(f"{found.eta_max:.2g}" in words for words in words_of(figure))
    assert axes.get_xlim()[1] > found.eta_max


def test_accuracy_is_drawn_where_it_was_measured():
    figure = range_figure(TEST, suggest(TEST, "accuracy"), "accuracy")
    dotted = next(line for line in figure.axes[0].lines if line.get_marker() == "o")
    np.testing.assert_allclose(dotted.get_xdata(), 10 ** X[9::10])
    np.testing.assert_allclose(dotted.get_ydata(), TEST.accuracy_band()[1])
    assert figure.axes[0].get_ylabel() == "validation accuracy (%)"


def test_seeds_that_were_stopped_are_marked_and_a_declined_rule_shades_nothing():
    test = made_up(stops=-0.9)
    figure = range_figure(test, suggest(test))
    crosses = next(line for line in figure.axes[0].lines if line.get_marker() == "X")
    np.testing.assert_allclose(crosses.get_xdata(), np.sort(test.ends()))
    assert "stopped" in words_of(figure) and "stopped" not in words_of(range_figure(TEST))
    declined = suggest(TEST.runs[0].thinned(5))
    assert declined.declined and not range_figure(TEST, declined).axes[0].patches


def test_the_note_says_where_the_numbers_come_from():
    assert "stand-in images, not CIFAR-10" in words_of(range_figure(made_up(source="stand-in images")))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((3,), "test must be a RangeTest, got int"),
        ((TEST, None, "speed"), "what must be loss or accuracy, got 'speed'"),
        ((RangeTest(Run(t=[1], lr=[0.1], momentum=[0], loss_log=[2.0])), None, "accuracy"), "no accuracy"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        range_figure(*arguments)


# ------------------------------------------------------------------------------------------------------ the explorer
def test_the_explorer_draws_every_state():
    for test in (TEST, made_up(stops=-1.0)):
        picture = range_explorer(test)
        picks = picture.controls["pick"].options
        some, yes_no = (picks[0], picks[len(picks) // 2], picks[-1]), (True, False)
        for log, seed, rule, width, pick in itertools.product(yes_no, ("all", 2), yes_no, (0.0, 0.1), some):
            scene = picture.set(pick=pick, width=width, seed=seed, rule=rule, log=log, raw=rule).scene
            assert picture.view.alert.value == "" and len(scene.status.split("\n")) == 2
            assert picture.axes["loss"].get_xscale() == ("log" if log else "linear")


def test_pick_slope_and_words_agree_with_the_curve():
    picture = range_explorer(TEST)
    found, (lr, median, _, _) = suggest(TEST), TEST.band()
    slope = slope_per_decade(lr, median)
    for pick in picture.controls["pick"].options[::7]:
        picture.set(pick=pick, rule=True)
        at = int(np.argmin(np.abs(np.log(lr / pick))))
        assert picture.artists["here"].get_data() == ([lr[at]], [median[at]])
        assert picture.artists["here below"].get_ydata()[0] == slope[at]
        status = picture.scene.status
        assert f"Your pick {pick:.3g}: the loss there is {median[at]:.2f}" in status
        assert ("no longer falls" in status) == (slope[at] >= 0)
        ratio = pick / found.eta_max
        assert ("below the band" in status) == (pick < found.eta_min)
        assert ("times higher" in status) == (ratio > 1.5)
        assert ("you agree" in status) == (1 / 1.5 <= ratio <= 1.5)
        tangent = np.asarray(picture.artists["tangent"].get_data())
        rise = (tangent[1][-1] - tangent[1][0]) / (np.log10(tangent[0][-1] / tangent[0][0]))
        assert rise == pytest.approx(slope[at])


def test_the_rule_is_hidden_until_it_is_asked_for():
    picture = range_explorer(TEST)
    assert "eta_max" not in picture.scene.status and not picture.artists["rule"].get_visible()
    assert picture.set(rule=True).artists["rule"].get_visible()


def test_one_seed_is_read_alone():
    picture = range_explorer(TEST).set(rule=True, seed=1)
    alone = suggest(TEST.runs[1])
    assert f"eta_max {alone.eta_max:.2g}" in picture.scene.status
    np.testing.assert_array_equal(picture.artists["curve"].get_ydata(), RangeTest(TEST.runs[1]).band()[1])
    assert not picture.artists["band"].get_visible()


def test_a_pick_behind_the_break_is_said_to_be_unknown():
    picture = range_explorer(made_up(stops=-1.0)).set(seed=0)  # the first to be stopped
    status = picture.set(pick=picture.controls["pick"].options[-1]).scene.status
    assert "the test had broken off before this rate." in status and not picture.artists["tangent"].get_visible()


def test_moving_the_pick_keeps_the_background_and_the_axis_comes_back():
    picture = range_explorer(TEST)
    first, before = picture.view.png, picture.canvas.full_draws
    start = picture.state.pick
    for pick in picture.controls["pick"].options[::20]:
        picture.set(pick=pick)
    assert picture.canvas.full_draws == before
    assert picture.set(pick=start, log=False).view.png != first
    assert picture.set(log=True).view.png == first


def test_anything_else_is_refused():
    with pytest.raises(ValueError, match="test must be a RangeTest, got list"):
        range_explorer([1])


# -------------------------------------------------------------------------------------------------- while it runs
class Step:
    def __init__(self, run, t, T=100):
        self.run, self.t, self.T = run, t, T


def test_watching_draws_each_seed_and_says_where_it_is(monkeypatch):
    monkeypatch.setattr("course_utils.range_test.watch.display", lambda _: None)
    watch = watch_range(low=1e-5, high=10)
    assert "Nothing" in watch.view.status.value
    for run in TEST.runs:
        watch(Step(run, 100))
    for line, run in zip(watch.lines, TEST.runs, strict=False):
        np.testing.assert_allclose(line.get_ydata(), run.loss)
    assert "seed 2: up to 10, loss" in watch.view.status.value and watch.axes.get_ylim()[1] == 5
    with pytest.raises(ValueError, match="holds 8 seeds"):
        for run in made_up(seeds=6).runs:
            watch(Step(run, 1))
    with pytest.raises(ValueError, match="low = 1, high = 0.1"):
        watch_range(low=1, high=0.1)
