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
REACH = 20.0  # points either side


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
    count = len(names)
    left.set(xlim=(-REACH, REACH), ylim=(count - 0.4, -0.6), xlabel="main effect, points of test accuracy")
    left.set_yticks(range(count), labels=names)
    left.grid(axis="y", visible=False)
    left.axvline(0, color=style.INK, lw=0.9)
    right.set(xlim=(-1, runs), xlabel="recorded runs, in order", ylabel="test accuracy (%)", xticks=[])
    words = dict(fontsize=9, fontweight="bold", va="bottom")
    artists = {
        "on": left.plot([], [], ls="none", marker="s", ms=7, color=style.INK, clip_on=False, label="switched on")[0]
    }
    for n, size in enumerate(sizes):
        how = dict(ls="none", marker=style.MARKERS[n], ms=4.5, mfc="none", color=style.QUIET, mew=0.9)
        artists[f"at {size}"] = left.plot([], [], label=f"{size} a class", **how)[0]
    for k in range(count):
        artists[f"bar {k}"] = left.plot([], [], lw=2.2, ls="-", color=style.QUIET)[0]
    for verdict, color in COLORS.items():
        how = dict(ls="none", ms=6.5, color=color, zorder=3)
        artists[verdict] = left.plot([], [], marker="D", **how)[0]
    artists["cell"] = left.text(0, 0, "", **words)
    artists["runs"] = right.plot([], [], ls="none", marker="o", ms=3.2, color=style.QUIET)[0]
    artists["nearest"] = right.plot([], [], ls="none", marker="o", ms=10, mfc="none", mew=2, color=style.PALETTE[1])[0]
    artists["promise"] = right.plot([], [], color=style.PALETTE[0], lw=1.6, ls=(0, (5, 2)))[0]
    artists["promised"] = right.text(0, 0, "", fontsize=8.5, color=style.INK, va="bottom")
    artists["apart"] = right.text(0, 0, "", fontsize=8.5, color=style.INK, ha="center", va="top")
    handles = [artists["on"], *(artists[f"at {size}"] for size in sizes)]
    left.legend(handles, [handle.get_label() for handle in handles], loc="upper center", bbox_to_anchor=(0.4, -0.16),
                ncols=4, handlelength=0.8, columnspacing=1.0)  # fmt: skip
    return {"left": left, "right": right}, artists


def chosen(cell: Cell, state) -> list[str]:
    """The switches that are on."""
    return [name for name in cell.names if getattr(state, key(name))]


def draw(grid: dict[tuple[str, int], Cell], state) -> Scene:
    cell = grid[state.task, state.per_class]
    on, rows = chosen(cell, state), range(len(cell.names))
    artists = {
        "cell": (-REACH, -0.75, f"{cell.task}, {cell.per_class} images a class"),
        "on": ([-REACH * 0.97] * len(on), [cell.names.index(name) for name in on]),
    }
    clip = lambda x: float(np.clip(x, -REACH, REACH))  # noqa: E731
    for verdict in COLORS:
        mine = [(clip(cell.effects[name].mean), k) for k, name in enumerate(cell.names)
                if cell.effects[name].verdict == verdict]  # fmt: skip
        artists[verdict] = ([x for x, _ in mine], [y for _, y in mine])
    for k, name in enumerate(cell.names):
        effect = cell.effects[name]
        artists[f"bar {k}"] = ([clip(effect.low), clip(effect.high)], [k, k])
    for (task, n), other in grid.items():
        if task == cell.task and n != cell.per_class:
            artists[f"at {n}"] = ([clip(other.effects[name].mean) for name in cell.names], list(rows))
    order = np.argsort(cell.accuracy, kind="stable")
    position, apart = cell.nearest(on)
    x, y = int(np.flatnonzero(order == position)[0]), float(cell.accuracy[position])
    promise, low, high = cell.predicted(on), cell.accuracy.min(), cell.accuracy.max()
    low, high = 10 * np.floor((low - 6) / 10), 10 * np.ceil((high + 4) / 10)
    shown = float(np.clip(promise, low + 1, high - 4))
    below = y - low > 0.25 * (high - low)
    artists |= {
        "runs": (np.arange(len(order)), cell.accuracy[order]),
        "nearest": ([x], [y]),
        "promise": ([-1, len(order)], [shown, shown]),
        "promised": (-0.5, shown + 0.3, f"promised {promise:.0f}"),
        "apart": (min(max(x, 8), len(order) - 9), y - 0.045 * (high - low) if below else y + 0.13 * (high - low),
                  f"nearest: {y:.1f}"),
    }  # fmt: skip
    return Scene(artists, words(cell, on, position, apart, promise), {"right": (None, None, low, high)})


def words(cell: Cell, on: list[str], position: int, apart: int, promise: float) -> str:
    listed = {verdict: [name for name in cell.names if cell.effects[name].verdict == verdict] for verdict in COLORS}
    run = cell.runs[position]
    other = sorted(switches_of(run) ^ set(on), key=cell.names.index)
    where = "this very setting" if not apart else f"{apart} switch{'es' * (apart > 1)} away ({', '.join(other)})"
    return (
        f"{cell.task}, {cell.per_class} a class, {len(cell.runs)} runs. On: {', '.join(on) or 'nothing'}.\n"
        f"Nearest recorded run: {where}: {run.test_percent:.1f} %. The effects add up to {promise:.1f} %.\n"
        f"Gain here: {', '.join(listed['gains']) or 'none'}.\n"
        f"Cost here: {', '.join(listed['costs']) or 'none'}."
    )
