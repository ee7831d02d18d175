"""Effective steps as a picture and as a number of decades; plain line pictures."""

import math

import numpy as np
import pytest

from course_utils.lessons.l10_1_7.step_spread import decades, spread_figure
from course_utils.pictures.charts import line_figure

STEPS = 10 ** np.random.default_rng(0).normal(0, 0.4, 2000)


def test_decades():
    assert decades(np.logspace(-3, 1, 1001), middle=1.0) == pytest.approx(4)
    assert decades(np.logspace(-3, 1, 1001)) == pytest.approx(3.92)
    assert decades([0.3, 0.3]) == 0
    assert decades([1.0] * 99 + [1e9]) < 9  # a hundredth at either end is left out


@pytest.mark.parametrize("values", [[], [1.0, 0.0], [1.0, -2.0], [math.nan], [math.inf]])
def test_steps_that_are_none_are_refused(values):
    with pytest.raises(ValueError, match="effective steps"):
        decades(values)


@pytest.mark.parametrize("middle", [0, 1.1, -1])
def test_a_share_that_is_none_is_refused(middle):
    with pytest.raises(ValueError, match="middle"):
        decades([1.0, 2.0], middle)


def test_the_picture_has_a_row_for_each_layer_and_an_outline_for_each_moment():
    moments = {"update 10": {"first": STEPS, "last": 10 * STEPS}, "update 99": {"first": STEPS / 3, "last": STEPS}}
    figure = spread_figure(moments, rate=0.003, note="somewhere")
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["last", "first"]
    outlines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    assert len(outlines) == 4
    peak = {n: outlines[n].get_xdata()[np.argmax(outlines[n].get_ydata())] for n in range(4)}
    assert 0.5 < peak[0] < 2 and 0.15 < peak[1] < 0.7 and 5 < peak[2] < 20
    assert all(0 <= line.get_ydata().min() and line.get_ydata().max() < 2 for line in outlines)
    assert axes.get_xlim()[0] < 0.003 and axes.get_xscale() == "log"


def test_a_layer_of_one_single_weight_can_be_drawn():
    spread_figure({"now": {"scale": [0.5]}})


def test_moments_must_name_the_same_layers():
    with pytest.raises(ValueError, match="same layers"):
        spread_figure({"a": {"x": STEPS}, "b": {"y": STEPS}})
    with pytest.raises(ValueError, match="moments is empty"):
        spread_figure({})


# --------------------------------------------------------------------------------------------------- line_figure
def test_lines_and_bands():
    lines = {"one": ([0, 1, 2], [3, 4, 5]), "seeds": ([0, 1], [[1, 2], [3, 4], [9, 9]])}
    figure = line_figure(lines, xlabel="x", ylabel="y", limits=(0, 2, None, 10), dots=["one"])
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [3, 4])
    assert len(axes.collections) == 1 and axes.lines[0].get_linestyle() == "None"
    assert axes.get_xlim() == (0, 2) and axes.get_ylim()[1] == 10
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_short_logarithmic_axes_have_readable_ticks():
    figure = line_figure({"a": ([1, 2, 30], [1.0, 3.0, 20.0])}, xlabel="x", ylabel="y", log_x=True, log_y=True)
    figure.canvas.draw()
    assert "5" in [tick.get_text() for tick in figure.axes[0].get_yticklabels()]


@pytest.mark.parametrize("y", [[1, 2], [[1, 2]], 3.0])
def test_lines_of_unequal_length_are_refused(y):
    with pytest.raises(ValueError, match="'a'"):
        line_figure({"a": ([0, 1, 2], y)}, xlabel="x", ylabel="y")
    with pytest.raises(ValueError, match="lines is empty"):
        line_figure({}, xlabel="x", ylabel="y")
