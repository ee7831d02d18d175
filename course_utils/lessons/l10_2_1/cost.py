"""What n levels on each of d axes cost, as a live picture."""

from __future__ import annotations

import math

import numpy as np

from course_utils.checks import check_positive, check_whole, check_within
from course_utils.pictures import style
from course_utils.pictures.controls import log_slider, snap, whole
from course_utils.pictures.live import LivePicture, Scene

MOST_LEVELS, MOST_AXES = 10, 8
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
YEAR = 365.25 * DAY
MARKS = {"a minute": MINUTE, "an hour": HOUR, "a day": DAY, "a month": YEAR / 12, "a year": YEAR}
MARKS |= {"a century": 100 * YEAR, "10,000 years": 1e4 * YEAR}
AT_ONCE = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


def grid_seconds(levels: int, axes: int, seconds: float, machines: int = 1) -> float:
    """Time until all levels ** axes trials are done, `machines` at a time: rounds of trials times seconds a trial."""
    for name, value in (("levels", levels), ("axes", axes), ("machines", machines)):
        check_whole(name, value, 1)
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
    check_within("seconds", seconds, 0.1, 1e5)
    check_whole("levels", levels, 2, MOST_LEVELS)
    check_whole("axes", axes, 1, MOST_AXES)
    controls = [
        whole("levels", "levels n", 2, MOST_LEVELS, levels),
        whole("axes", "hyper-parameters d", 1, MOST_AXES, axes),
        log_slider("seconds", "seconds a trial", 0.1, 1e5, float(seconds), per_decade=10),
        snap("machines", "trials at once", [(f"{n:,}", n) for n in AT_ONCE], 1),
    ]
    return LivePicture(
        draw,
        controls,
        title="What a grid costs: n levels on each of d axes",
        alt="Left, time of a grid search against the number of hyper-parameters; right, the grid of the first two",
        build=build,
        status_lines=2,
        figsize=(style.SIZE[0], 3.7),
    )


def build(figure):
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


def draw(state) -> Scene:
    """state: levels, axes, seconds, machines. Pure: the same numbers give the same scene."""
    n, d = state.levels, state.axes
    ds = np.arange(1, MOST_AXES + 1)
    times = {
        k: [grid_seconds(k, int(axes), float(state.seconds), state.machines) for axes in ds]
        for k in range(2, MOST_LEVELS + 1)
    }
    total = times[n][d - 1]
    top = 10.0 ** math.ceil(math.log10(times[MOST_LEVELS][-1]) + 1)
    low = 10.0 ** math.floor(math.log10(times[2][0]) - 0.3)
    ticks = np.linspace(0, 1, n)
    planes = n ** (d - 2) if d > 2 else 1
    artists = {f"n = {k}": (ds, values) for k, values in times.items()}
    artists |= {
        "chosen": (ds, times[n]),
        "here": ([d], [total]),
        "word": (d, total * (top / low) ** 0.04, duration(total)),
        "fewest": (MOST_AXES + 0.2, times[2][-1], "n = 2"),
        "most": (MOST_AXES + 0.2, times[MOST_LEVELS][-1], "n = 10"),
        "dots": tuple(np.array([(x, y) for x in ticks for y in (ticks if d > 1 else [0.5])]).T),
        "planes": (-0.08, 1.13, f"{planes:,} plane{'s' * (planes > 1)} like this one"),
    }
    return Scene(artists, words(state, total), {"left": (None, None, low, top)})


def words(state, total: float) -> str:
    n, d, seconds, machines = state.levels, state.axes, float(state.seconds), state.machines
    rounds = -(-(n**d) // machines)
    many = f", {machines:,} at once: {rounds:,} rounds" if machines > 1 else ""
    more_levels = duration(grid_seconds(n + 1, d, seconds, machines))
    more_axes = duration(grid_seconds(n, d + 1, seconds, machines))
    return (
        f"{n}^{d} = {n**d:,} trials of {duration(seconds)}{many}. Time of the whole grid: {duration(total)}.\n"
        f"With one level more on every axis: {more_levels}. With one hyper-parameter more: {more_axes}."
    )
