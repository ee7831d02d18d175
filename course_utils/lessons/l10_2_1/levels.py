"""Where should the levels of an axis lie? Equal factors or equal steps apart, on a recorded curve: a live picture."""

from __future__ import annotations

import math
from functools import partial
from numbers import Real

import numpy as np

from course_utils.pictures import style
from course_utils.pictures.controls import snap, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.search.space import log_uniform, uniform


def levels_explorer(table, *, x: str = "lr", note: str = "") -> LivePicture:
    """n levels between two ends, equal factors or equal steps apart, on the recorded accuracy over `x`.

    table: runs of one slice of a recorded search, one for each value of x (positive), at least three. Between two
    recorded values the accuracy is read off a straight line. Raises ValueError for fewer, or several runs a value.
    """
    values = table.values(x)
    if len(values) < 3 or len(values) != len(table):
        raise ValueError(f"{len(table)} runs for {len(values)} values of {x}: there must be one each, at least three.")
    if not all(isinstance(value, Real) and value > 0 for value in values):
        raise ValueError(f"{x} must be a positive number in every run, got {values}.")
    accuracy = [table.where(**{x: value})[0].percent for value in values]
    options, half = [(f"{value:.3g}", value) for value in values], len(values) // 2
    controls = [
        whole("levels", "levels n", 2, 12, 4),
        snap("spacing", "spacing", [("equal factors (log)", "log"), ("equal steps (linear)", "linear")], "log"),
        snap("low", "lowest level", options[:half], values[0]),
        snap("high", "highest level", options[half:], values[-1]),
    ]
    curve = (np.array(values), np.array(accuracy))
    return LivePicture(
        partial(draw, curve),
        controls,
        title="Where should the levels lie?",
        alt="Recorded validation accuracy against learning rate, the levels of a grid marked on it",
        note=note or table.label(),
        build=partial(build, curve),
        status_lines=2,
    )


def build(curve, figure):
    axes = figure.subplots()
    axes.set(xlabel="learning rate", ylabel="validation accuracy (%)", xscale="log")
    axes.set_ylim(0, 10 * math.ceil(curve[1].max() / 10 + 0.2))
    axes.set_xlim(curve[0][0] / 1.3, curve[0][-1] * 1.3)
    axes.minorticks_off()
    axes.plot(*curve, color=style.FAINT, lw=2, ls="-", marker="o", ms=3.5, label="recorded")
    blue, red = style.PALETTE[0], style.PALETTE[2]
    look = dict(ls="none", mec=style.CARD)
    artists = {
        "levels": axes.plot([], [], marker="o", ms=9, color=blue, label="levels of the grid", zorder=4, **look)[0],
        "best": axes.plot([], [], marker="D", ms=10, color=red, label="best of them", zorder=5, **look)[0],
        "span": axes.plot([], [], color=blue, lw=3, ls="-", solid_capstyle="butt", zorder=2)[0],
    }
    handles = [axes.lines[0], artists["levels"], artists["best"]]
    style.legend_row(axes, handles, [handle.get_label() for handle in handles])
    return {"main": axes}, artists


def draw(curve, state) -> Scene:
    """state: levels, spacing ("log" or "linear"), low, high. Pure: the same numbers give the same scene."""
    axis = (log_uniform if state.spacing == "log" else uniform)(state.low, state.high)
    levels = np.array(axis.levels(state.levels))
    accuracy = np.interp(np.log(levels), np.log(curve[0]), curve[1])
    best = int(accuracy.argmax())
    artists = {
        "levels": (levels, accuracy),
        "best": (levels[best : best + 1], accuracy[best : best + 1]),
        "span": ([state.low, state.high], [0, 0]),
    }
    return Scene(artists, words(curve, state, levels, accuracy, best))


def words(curve, state, levels, accuracy, best: int) -> str:
    low_half = int((levels < math.sqrt(state.low * state.high)).sum())
    spacing = "factors" if state.spacing == "log" else "steps"
    return (
        f"{state.levels} levels, equal {spacing} apart: best {accuracy[best]:.1f} % at {levels[best]:.3g}. "
        f"Best of all recorded: {curve[1].max():.1f} % at {curve[0][curve[1].argmax()]:.3g}.\n"
        f"In the lower half of the logarithmic axis: {low_half} of {state.levels} levels."
    )
