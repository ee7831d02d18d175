"""The mixing desk: twelve switches, a verdict for each, and the nearest run that was really made.

    desk_explorer(recorded("10.3.4"))

Left: the main effect of every switch at this number of images, with its interval; hollow marks: at the other numbers.
Right: all recorded runs of the cell, the one nearest to the desk ringed, and what the sum of the effects promises.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.lessons.l10_3_4.effects import Cell, cells, switches_of
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap, switch
from course_utils.pictures.live import LivePicture, Scene

COLORS = {"gains": style.PALETTE[0], "costs": style.PALETTE[2], "undecided": style.QUIET}
REACH = 30.0  # points either side


def key(name: str) -> str:
    """The name of a switch as a control has it."""
    return name.replace(" ", "_").replace("-", "_")


def desk_explorer(table, names=None) -> LivePicture:
    """A live picture over recorded runs: a task, images a class, and the switches as boxes to tick.

    Raises ValueError for a table without designed runs.
    """
    grid = cells(table, names)
    first = next(iter(grid.values()))
    sizes, tasks = sorted({n for _, n in grid}), list(dict.fromkeys(task for task, _ in grid))
    controls = [
        choice("task", "task", tasks),
        snap("per_class", "images a class", [(str(n), n) for n in sizes], sizes[0]),
        *(switch(key(name), name) for name in first.names),
    ]
    return LivePicture(
        partial(draw, grid),
        controls,
        build=partial(build, first.names, sizes, max(len(cell.runs) for cell in grid.values())),
        title="The mixing desk: a verdict for every switch",
        alt="Left, the main effect of each switch with its interval; right, the recorded runs in order, the nearest "
        "to the desk ringed",
        note="recorded: " + ", ".join(dict.fromkeys(run.source for run in first.runs)),
        status_lines=4,
        figsize=(style.SIZE[0], 4.3),
    )


def build(names, sizes, runs, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    left.set(xlim=(-REACH, REACH), ylim=(len(names) - 0.4, -0.6), xlabel="main effect, points of test accuracy")
    left.set_yticks(range(len(names)), labels=names)
    left.grid(axis="y", visible=False)
    left.axvline(0, color=style.INK, lw=0.9)
    right.set(xlim=(-1, runs), xlabel="recorded runs, in order", ylabel="test accuracy (%)", xticks=[])
    dots = lambda axes, marker, size, **how: axes.plot([], [], ls="none", marker=marker, ms=size, **how)[0]  # noqa: E731
    artists = {"on": dots(left, "s", 7, color=style.INK, clip_on=False, label="on")}
    for n, size in enumerate(sizes):
        look = dict(mfc="none", color=style.QUIET, mew=0.9, label=f"{size} a class")
        artists[f"at {size}"] = dots(left, style.MARKERS[n], 4.5, **look)
    for k in range(len(names)):
        artists[f"bar {k}"] = left.plot([], [], lw=2.2, ls="-", color=style.QUIET)[0]
    for verdict, color in COLORS.items():
        artists[verdict] = dots(left, "D", 6.5, color=color, zorder=3, label=verdict)
    artists["cell"] = left.text(0, 0, "", fontsize=9, fontweight="bold", va="bottom")
    artists["runs"] = dots(right, "o", 3.2, color=style.QUIET)
    artists["nearest"] = dots(right, "o", 10, mfc="none", mew=2, color=style.PALETTE[1])
    artists["promise"] = right.plot([], [], color=style.PALETTE[0], lw=1.6, ls=(0, (5, 2)))[0]
    artists["numbers"] = right.text(0, 0, "", fontsize=8.8, va="top", linespacing=1.4, transform=right.transAxes)
    handles = [artists[name] for name in (*COLORS, "on", *(f"at {size}" for size in sizes))]
    how = dict(loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=4, handlelength=0.8, columnspacing=1.0)
    left.legend(handles, [handle.get_label() for handle in handles], **how)
    return {"left": left, "right": right}, artists


def draw(grid: dict[tuple[str, int], Cell], state) -> Scene:
    cell = grid[state.task, state.per_class]
    on = [name for name in cell.names if getattr(state, key(name))]
    clip = lambda x: float(np.clip(x, -REACH, REACH))  # noqa: E731
    artists = {
        "cell": (-REACH, -0.75, f"{cell.task}, {cell.per_class} images a class"),
        "on": ([-REACH * 0.97] * len(on), [cell.names.index(name) for name in on]),
    }
    for verdict in COLORS:
        rows = [k for k, name in enumerate(cell.names) if cell.effects[name].verdict == verdict]
        artists[verdict] = ([clip(cell.effects[cell.names[k]].mean) for k in rows], rows)
    for k, name in enumerate(cell.names):
        artists[f"bar {k}"] = ([clip(cell.effects[name].low), clip(cell.effects[name].high)], [k, k])
    for (task, n), other in grid.items():
        if task == cell.task and n != cell.per_class:
            means = [clip(other.effects[name].mean) for name in cell.names]
            artists[f"at {n}"] = (means, list(range(len(means))))
    order, (position, apart) = np.argsort(cell.accuracy, kind="stable"), cell.nearest(on)
    y, promise = float(cell.accuracy[position]), cell.predicted(on)
    low, high = 10 * np.floor((cell.accuracy.min() - 2) / 10), 10 * np.ceil((cell.accuracy.max() + 6) / 10)
    artists |= {
        "runs": (np.arange(len(order)), cell.accuracy[order]),
        "nearest": ([int(np.flatnonzero(order == position)[0])], [y]),
        "promise": ([-1, len(order)], [float(np.clip(promise, low + 1, high - 1))] * 2),
        "numbers": (0.02, 1.13, f"nearest {y:.1f} %, {apart} away\npromised {promise:.1f} %"),
    }
    return Scene(artists, words(cell, on, position, apart, promise), {"right": (None, None, low, high)})


def words(cell: Cell, on: list[str], position: int, apart: int, promise: float) -> str:
    listed = {
        verdict: ", ".join(name for name in cell.names if cell.effects[name].verdict == verdict) or "none"
        for verdict in COLORS
    }
    other = ", ".join(sorted(switches_of(cell.runs[position]) ^ set(on), key=cell.names.index))
    where = "this very setting" if not apart else f"{apart} switch{'es' * (apart > 1)} away ({other})"
    return (
        f"{cell.task}, {cell.per_class} a class, {len(cell.runs)} runs. On: {', '.join(on) or 'nothing'}.\n"
        f"Nearest recorded run: {where}: {cell.accuracy[position]:.1f} %. The effects add up to {promise:.1f} %.\n"
        f"Gain here: {listed['gains']}.\nCost here: {listed['costs']}."
    )
