"""Figure 10.28 with numbers in it: which regime wins, for how many images and for which task, and what is advised.

    transfer_explorer(recorded("10.3.1"))        # a slider over the number of images, a choice of task
    table_figure(recorded("10.3.1"))             # all corners of the table at once

The advice is the lecture's 2 x 2 table. It names no number of images: here the fewest that were recorded of a task are
"few", the most are "many", and between them it says nothing. Whether a lead is real is decided as in
`course_utils.claims.compare`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from statistics import fmean

import numpy as np
from matplotlib.figure import Figure

from course_utils.claims.compare import REAL, Difference, difference
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap
from course_utils.pictures.live import CannotDraw, LivePicture, Scene

SHORT = {"linear probe": "linear\nprobe", "last blocks": "last\nblocks", "all layers": "all\nlayers",
         "small net": "small\nnet", "from scratch": "from\nscratch"}  # fmt: skip

PRETRAINED = ("linear probe", "last blocks", "all layers")


@dataclass(frozen=True)
class Guideline:
    """What the lecture says to one corner of its table. regimes: of ours, those that follow it."""

    regimes: tuple[str, ...]
    words: str


# (similar to ImageNet?, many images?) -> advice; the lecture's guidelines 1 to 4 (Fig 10.28)
ADVICE = {
    (True, False): Guideline(("linear probe",), "a linear classifier on frozen features"),
    (True, True): Guideline(("last blocks",), "fine-tune a few of the later layers"),
    (False, True): Guideline(("all layers",), "fine-tune a larger part of the network"),
    (False, False): Guideline(
        PRETRAINED, "the hardest corner: try a linear classifier or fine-tuning, without a promise"
    ),
}


@dataclass(eq=False)
class Cell:
    """One task with one number of images a class. accuracies: regime -> {seed: test accuracy in per cent}."""

    task: str
    per_class: int
    similar: bool
    advice: Guideline | None
    runs: dict[str, list] = field(repr=False)

    @cached_property
    def accuracies(self) -> dict[str, dict[int, float]]:
        return {name: {run.seed: accuracy(run) for run in runs} for name, runs in self.runs.items()}

    def ranking(self) -> list[str]:
        """The regimes, best mean first; those of a single seed come last, whatever it says."""
        means = {name: (len(ends) > 1, fmean(ends.values())) for name, ends in self.accuracies.items()}
        return sorted(means, key=means.get, reverse=True)

    def lead(self, among: tuple[str, ...] | None = None) -> Difference:
        """The winner minus the second, with its interval; among: only these regimes."""
        first, second = [name for name in self.ranking() if among is None or name in among][:2]
        return difference(self.runs[second], self.runs[first], accuracy, names=(second, first), label="accuracy (%)")


def accuracy(run) -> float:
    """Accuracy on the test images, in per cent. Raises ValueError for a run that has none."""
    if run.test is None:
        raise ValueError(f"the run {run.label()!r} was never tested; take table.where(purpose='result').")
    return run.test_percent


def cells(table) -> dict[tuple[str, int], Cell]:
    """(task, images a class) -> Cell, of all results in a RunTable. Raises ValueError where there are none."""
    results = [run for run in table if run.config.get("purpose") == "result"]
    if not results:
        raise ValueError("the table holds no fine-tuning results; recorded('10.3.1') does.")
    grid: dict[tuple[str, int], Cell] = {}
    for task in dict.fromkeys(run.config["task"] for run in results):
        of_task = [run for run in results if run.config["task"] == task]
        sizes, similar = sorted({run.config["per_class"] for run in of_task}), of_task[0].config["similar"]
        for n in sizes:
            many = {sizes[0]: False, sizes[-1]: True}.get(n)
            runs: dict[str, list] = {}
            for run in of_task:
                if run.config["per_class"] == n:
                    runs.setdefault(run.config["regime"], []).append(run)
            order = [name for name in dict.fromkeys([*SHORT, *runs]) if name in runs]
            grid[task, n] = Cell(task, n, similar, ADVICE.get((similar, many)), {name: runs[name] for name in order})
    return grid


def _sources(table) -> str:
    return "recorded: " + ", ".join(dict.fromkeys(run.source for run in table))


@cache
def words(cell: Cell) -> str:
    """Two lines: what was measured, and what the lecture advises."""
    lead, kind = cell.lead(), "similar to" if cell.similar else "different from"
    second, first = lead.names
    measured = (
        f"{cell.task} ({kind} ImageNet), {cell.per_class} a class: {first} leads with "
        f"{fmean(cell.accuracies[first].values()):.1f} %, {lead.mean:.1f} points above {second}: "
        f"{'a real lead' if _is_real(lead) else 'too close to call'}."
    )
    if cell.advice is None:
        return f"{measured}\nThe lecture: between its “small” and its “large”, no advice."
    lead = cell.lead(PRETRAINED)  # the lecture speaks of these
    first = lead.names[1]
    agrees = "as measured" if first in cell.advice.regimes else f"measured: {first}" if _is_real(lead) else "undecided"
    return f"{measured}\nThe lecture: {cell.advice.words} ({agrees})."


def _is_real(lead: Difference) -> bool:
    return lead.verdict.startswith(REAL)


# ----------------------------------------------------------------------------------------------------- the explorer
def transfer_explorer(table, task: str | None = None) -> LivePicture:
    """A slider over the images a class and a list of tasks, over recorded runs.

    Left: test accuracy against images a class, mean and band over seeds. Right: every seed at the chosen number;
    shaded: what the lecture advises there. task: shown first. Raises ValueError for a table without results or a task
    that is not in it.
    """
    grid = cells(table)
    tasks = {name: cell.similar for (name, _), cell in grid.items()}
    task = task or next(iter(tasks))
    if task not in tasks:
        raise ValueError(f"task {task!r} was not recorded; there are {', '.join(tasks)}.")
    sizes = sorted({n for _, n in grid})
    names = list(dict.fromkeys(name for cell in grid.values() for name in cell.runs))
    start = next(n for n in sizes if (task, n) in grid)
    labels = [(f"{name} ({'similar' if like else 'different'})", name) for name, like in tasks.items()]
    controls = [
        snap("per_class", "images a class", [(str(n), n) for n in sizes], start),
        choice("task", "task", labels, task),
    ]
    return LivePicture(
        partial(draw, grid, names),
        controls,
        title="Which regime, for how many images?",
        alt="Left, test accuracy against images a class for each regime; right, every seed at the chosen number",
        note=_sources(table),
        build=partial(build, sizes, names),
        status_lines=2,
        figsize=(style.SIZE[0], 3.7),
    )


def build(sizes, names, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1], sharey=True)
    left.set(xlabel="images a class", xscale="log", xlim=(sizes[0] / 1.3, sizes[-1] * 1.3))
    left.set(ylabel="test accuracy (%)", ylim=(0, 102))
    left.set_xticks(sizes, labels=[str(n) for n in sizes])
    left.minorticks_off()
    right.set_xlim(-0.6, len(names) - 0.4)
    right.set_xticks(range(len(names)), labels=[SHORT.get(name, name) for name in names])
    right.grid(axis="x", visible=False)
    artists = {"size": left.plot([], [], color=style.INK, lw=0.9, ls=(0, (2, 2)))[0]}
    shade = dict(color=style.INK, alpha=0.1, lw=0, zorder=0.5)
    for k in range(len(names)):  # the shade of the advice, a column for each regime
        artists[f"advised {k}"] = right.fill_between([0], [0], [0], **shade)
    artists["advice"] = right.text(0, 0, "", fontsize=8, color=style.QUIET, ha="center", va="top", style="italic")
    for n, name in enumerate(names):
        look, mark = style.look(n), style.MARKERS[n % 6]
        artists[f"band {name}"] = left.fill_between([0], [0], [0], color=look["color"], alpha=0.18, lw=0)
        artists[name] = left.plot([], [], label=name, marker=mark, ms=4.5, **look)[0]
        artists[f"seeds {name}"] = right.plot([], [], ls="none", marker=mark, ms=5, color=look["color"], alpha=0.75)[0]
        artists[f"mean {name}"] = right.plot([], [], color=look["color"], lw=3, ls="-")[0]
    left.set_title(" ", fontsize=9)  # keeps the row for the legend, which is wider than its panel
    style.legend_row(left, [artists[name] for name in names], names).set_in_layout(False)
    return {"left": left, "right": right}, artists


def draw(grid: dict[tuple[str, int], Cell], names, state) -> Scene:
    cell = grid.get((state.task, state.per_class))
    of_task = {n: other for (task, n), other in grid.items() if task == state.task}
    if cell is None:
        raise CannotDraw(
            f"{state.task} has no {state.per_class} images of each class to learn from; up to {max(of_task)} were "
            "recorded."
        )
    artists = {"size": ([state.per_class] * 2, [0, 102])}
    for k, name in enumerate(names):
        sizes = [n for n in sorted(of_task) if name in of_task[n].runs]
        ends = [list(of_task[n].accuracies[name].values()) for n in sizes]
        artists[name] = (sizes, [fmean(values) for values in ends])
        artists[f"band {name}"] = (sizes, [min(values) for values in ends], [max(values) for values in ends])
        if name in cell.runs:
            values = list(cell.accuracies[name].values())
            artists[f"seeds {name}"] = (k + np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [k], values)
            artists[f"mean {name}"] = ([k - 0.3, k + 0.3], [fmean(values)] * 2)
        if cell.advice and name in cell.advice.regimes:
            artists[f"advised {k}"] = ([k - 0.45, k + 0.45], [0, 0], [102, 102])
    if cell.advice:
        middle = fmean(names.index(name) for name in cell.advice.regimes if name in names)
        artists["advice"] = (middle, 8, "advised")
    return Scene(artists, words(cell))


# -------------------------------------------------------------------------------------------------------- the table
def table_figure(table) -> Figure:
    """The lecture's table with numbers: a column for each task, few images above, many below.

    Bars: mean test accuracy; dots: seeds; shaded: what the lecture advises. Raises ValueError without results.
    """
    measured = cells(table)
    tasks = list(dict.fromkeys(task for task, _ in measured))
    with style.context():
        figure = style.new_figure((style.SIZE[0], 4.6), title="Figure 10.28, measured", note=_sources(table))
        panels = figure.subplots(2, len(tasks), sharex=True, sharey=True, squeeze=False)
        for column, task in enumerate(tasks):
            sizes = sorted(n for name, n in measured if name == task)
            for row, n in enumerate((sizes[0], sizes[-1])):
                _panel(panels[row, column], measured[task, n])
                panels[row, column].set_title(f"{task}, {n} a class", fontsize=9)
            panels[1, column].set_xlabel("test accuracy (%)")
        for row, label in enumerate(("few images", "many images")):
            panels[row, 0].set_ylabel(label, fontweight="bold")
    return figure


def _panel(axes, cell: Cell) -> None:
    names = list(SHORT)
    for k, name in enumerate(names):
        if cell.advice and name in cell.advice.regimes:
            axes.axhspan(k - 0.46, k + 0.46, color=style.INK, alpha=0.1, lw=0)
        ends = list(cell.accuracies.get(name, {}).values())
        if ends:
            color = style.look(k)["color"]
            axes.barh(k, fmean(ends), height=0.56, color=color, alpha=0.55)
            dots = dict(ls="none", marker=style.MARKERS[k], ms=3.6, color=color, mec=style.INK, mew=0.4)
            axes.plot(ends, [k] * len(ends), **dots)
            axes.text(119, k, f"{fmean(ends):.0f}", va="center", ha="right", fontsize=8)
    axes.set(xlim=(0, 120), xticks=(0, 25, 50, 75, 100), yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticklabels(names)
    axes.grid(axis="y", visible=False)
