"""Two live pictures about grids: what n levels on d axes cost, and where the levels of an axis should lie."""

from __future__ import annotations

import math
from functools import partial
from numbers import Real

import numpy as np

from course_utils.checks import check_positive, check_whole
from course_utils.pictures import style
from course_utils.pictures.controls import log_slider, snap, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.search.space import log_uniform, uniform

MOST_LEVELS, MOST_AXES = 10, 8
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
YEAR = 365.25 * DAY
MARKS = {"a minute": MINUTE, "an hour": HOUR, "a day": DAY, "a month": YEAR / 12, "a year": YEAR}
MARKS |= {"a century": 100 * YEAR, "10,000 years": 1e4 * YEAR}


# ---------------------------------------------------------------------------------------------------- the cost
def grid_seconds(levels: int, axes: int, seconds: float, machines: int = 1) -> float:
    """Time until all levels ** axes trials are done, `machines` at a time: rounds of trials times seconds a trial."""
    for name, value, least in (("levels", levels, 1), ("axes", axes, 1), ("machines", machines, 1)):
        check_whole(name, value, least)
    check_positive("seconds", seconds, hint="It is the time of one trial.")
    return -(-(levels**axes) // machines) * seconds


def duration(seconds: float) -> str:
    """A length of time in the unit a person would choose: '45 s', '1.5 hours', '12 years'."""
    for name, length in (("years", YEAR), ("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
        if seconds >= 1.5 * length:
            number = seconds / length
            return f"{number:,.0f} {name}" if number >= 10 else f"{number:.1f} {name}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def cost_explorer(seconds: float = 1.1, *, levels: int = 4, axes: int = 2) -> LivePicture:
    """Sliders for levels n (2 to 10), hyper-parameters d (1 to 8), seconds a trial (0.1 to 100,000), trials at once.

    Left: time of the whole grid against d on a logarithmic axis, the chosen n among the others. Right: the n x n plane
    of the grid that its first two hyper-parameters make, and how many such planes it has. seconds, levels, axes:
    where the sliders start; ValueError outside of them.
    """
    limits = {"seconds": (seconds, 0.1, 1e5), "levels": (levels, 2, MOST_LEVELS), "axes": (axes, 1, MOST_AXES)}
    for name, (value, low, high) in limits.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high:
            raise ValueError(f"{name} must lie in [{low:g}, {high:g}], got {value!r}.")
    counts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000]
    controls = [
        whole("levels", "levels n", 2, MOST_LEVELS, int(levels)),
        whole("axes", "hyper-parameters d", 1, MOST_AXES, int(axes)),
        log_slider("seconds", "seconds a trial", 0.1, 1e5, float(seconds), per_decade=10),
        snap("machines", "trials at once", [(f"{n:,}", n) for n in counts], 1),
    ]
    return LivePicture(
        _draw_cost,
        controls,
        title="What a grid costs: n levels on each of d axes",
        alt="Left, time of a grid search against the number of hyper-parameters; right, the grid of the first two",
        build=_build_cost,
        status_lines=2,
        figsize=(style.SIZE[0], 3.7),
    )


def _build_cost(figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    left.set(xlabel="hyper-parameters d", ylabel="time of the whole grid", yscale="log", xlim=(0.6, MOST_AXES + 1.3))
    left.set_ylim(0.1, 1e13)
    left.set_xticks(range(1, MOST_AXES + 1))
    left.set_yticks(list(MARKS.values()), list(MARKS))
    left.minorticks_off()
    right.set(xticks=[], yticks=[], xlim=(-0.08, 1.08), ylim=(-0.08, 1.08), aspect="equal")
    right.set(xlabel="first hyper-parameter", ylabel="second")
    right.grid(False)
    right.set_title(" ", fontsize=9)
    artists = {}
    for n in range(2, MOST_LEVELS + 1):
        artists[f"n = {n}"] = left.plot([], [], color=style.FAINT, lw=1.0, ls="-", zorder=1.8)[0]
    blue, red = style.PALETTE[0], style.PALETTE[2]
    artists |= {
        "chosen": left.plot([], [], color=blue, lw=2.2, ls="-", marker="o", ms=4, zorder=3)[0],
        "here": left.plot([], [], color=red, marker="o", ms=10, ls="none", mec=style.CARD, mew=1.3, zorder=5)[0],
        "word": left.text(0, 0, "", fontsize=9, color=red, fontweight="bold", zorder=6, va="bottom", ha="center"),
        "fewest": left.text(0, 0, "", fontsize=8, color=style.QUIET, va="center"),
        "most": left.text(0, 0, "", fontsize=8, color=style.QUIET, va="center"),
        "dots": right.plot([], [], marker="o", ms=7, ls="none", color=blue, zorder=3)[0],
        "planes": right.text(0, 1.13, "", fontsize=9, color=style.INK),
    }
    artists["planes"].set_in_layout(False)  # a longer number must not make the picture narrower
    return {"left": left, "right": right}, artists


def _draw_cost(state) -> Scene:
    n, d = state.levels, state.axes
    ds = np.arange(1, MOST_AXES + 1)
    seconds = float(state.seconds)

    def times(levels):
        return [grid_seconds(levels, int(k), seconds, state.machines) for k in ds]

    total = times(n)[d - 1]
    top = 10.0 ** math.ceil(math.log10(times(MOST_LEVELS)[-1]) + 1)
    low = 10.0 ** math.floor(math.log10(times(2)[0]) - 0.3)
    above = total * (top / low) ** 0.04
    artists = {f"n = {k}": (ds, times(k)) for k in range(2, MOST_LEVELS + 1)}
    artists |= {"chosen": (ds, times(n)), "here": ([d], [total]), "word": (d, above, duration(total))}
    artists |= {
        "fewest": (MOST_AXES + 0.2, times(2)[-1], "n = 2"),
        "most": (MOST_AXES + 0.2, times(MOST_LEVELS)[-1], "n = 10"),
    }
    ticks = np.linspace(0, 1, n)
    rows = ticks if d > 1 else [0.5]
    artists["dots"] = tuple(np.array([(x, y) for x in ticks for y in rows]).T)
    planes = n ** (d - 2) if d > 2 else 1
    artists["planes"] = (-0.08, 1.13, f"{planes:,} plane{'s' * (planes > 1)} like this one")
    rounds = -(-(n**d) // state.machines)
    many = f", {state.machines:,} at once: {rounds:,} rounds" if state.machines > 1 else ""
    level = duration(grid_seconds(n + 1, d, seconds, state.machines))
    axis = duration(grid_seconds(n, d + 1, seconds, state.machines))
    status = f"{n}^{d} = {n**d:,} trials of {duration(seconds)}{many}. Time of the whole grid: {duration(total)}.\n"
    status += f"With one level more on every axis: {level}. With one hyper-parameter more: {axis}."
    return Scene(artists, status, {"left": (None, None, low, top)})


# ---------------------------------------------------------------------------------------------------- the levels
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
    options = [(f"{value:.3g}", value) for value in values]
    controls = [
        whole("levels", "levels n", 2, 12, 4),
        snap("spacing", "spacing", [("equal factors (log)", "log"), ("equal steps (linear)", "linear")], "log"),
        snap("low", "lowest level", options[: len(values) // 2], values[0]),
        snap("high", "highest level", options[len(values) // 2 :], values[-1]),
    ]
    curve = (np.array(values), np.array(accuracy))
    return LivePicture(
        partial(_draw_levels, curve),
        controls,
        title="Where should the levels lie?",
        alt="Recorded validation accuracy against learning rate, the levels of a grid marked on it",
        note=note or table.label(),
        build=partial(_build_levels, curve),
        status_lines=2,
    )


def _build_levels(curve, figure):
    axes = figure.subplots()
    axes.set(xlabel="learning rate", ylabel="validation accuracy (%)", xscale="log")
    axes.set_ylim(0, 10 * math.ceil(curve[1].max() / 10 + 0.2))
    axes.set_xlim(curve[0][0] / 1.3, curve[0][-1] * 1.3)
    axes.minorticks_off()
    axes.plot(*curve, color=style.FAINT, lw=2, ls="-", marker="o", ms=3.5, label="recorded")
    blue, red = style.PALETTE[0], style.PALETTE[2]
    look = dict(ls="none", zorder=4, mec=style.CARD)
    artists = {
        "levels": axes.plot([], [], marker="o", ms=9, color=blue, label="levels of the grid", **look)[0],
        "best": axes.plot([], [], marker="D", ms=10, color=red, label="best of them", **{**look, "zorder": 5})[0],
        "span": axes.plot([], [], color=blue, lw=3, ls="-", solid_capstyle="butt", zorder=2)[0],
    }
    handles = [axes.lines[0], artists["levels"], artists["best"]]
    style.legend_row(axes, handles, [handle.get_label() for handle in handles])
    return {"main": axes}, artists


def _draw_levels(curve, state) -> Scene:
    axis = (log_uniform if state.spacing == "log" else uniform)(state.low, state.high)
    levels = np.array(axis.levels(state.levels))
    found = np.interp(np.log(levels), np.log(curve[0]), curve[1])
    best = int(found.argmax())
    low_half = int((levels < math.sqrt(state.low * state.high)).sum())
    words = "factors" if state.spacing == "log" else "steps"
    status = f"{state.levels} levels, equal {words} apart: best {found[best]:.1f} % at {levels[best]:.3g}. "
    status += f"Best of all recorded: {curve[1].max():.1f} % at {curve[0][curve[1].argmax()]:.3g}.\n"
    status += f"In the lower half of the logarithmic axis: {low_half} of {state.levels} levels."
    artists = {
        "levels": (levels, found),
        "best": (levels[best : best + 1], found[best : best + 1]),
        "span": ([state.low, state.high], [0, 0]),
    }
    return Scene(artists, status)
