"""Pictures of a search that fill while its trials end: a heat map for a grid, points for a random search.

    watch = watch_grid({"lr": [0.001, 0.01, 0.1], "weight_decay": [1e-4, 1e-3]})    # shows itself; first name across
    trials = search(grid(space), objective, watch=watch)
    show(map_figure(trials, "lr", "weight_decay"), alt="...")                       # the finished picture

A trial that diverged or failed is a cross, the best so far has a red frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.charts import heat_map
from course_utils.pictures.watching import Watcher
from course_utils.runs import Run
from course_utils.search.space import Axis, levels_of, name_of, same
from course_utils.search.trials import Trials

EMPTY, BEST = "#efeeea", style.PALETTE[2]


class _Watcher(Watcher):
    """A growing picture of trials. Called with a Run, it keeps it and, now and then, redraws."""

    kind = "Search"

    def __init__(self, space: Mapping, total: int, title: str, note: str, height: float):
        self.space, (self.x, self.y) = space, list(space)[:2]
        self.total, self.title = total, title
        self.runs: list[Run] = []
        with style.context():
            figure = style.new_figure((style.SIZE[0], height), title=title, note=note)
            self.axes = figure.subplots()
            self.canvas = Canvas(figure)
            self.axes.set(xlabel=name_of(self.x), ylabel=name_of(self.y))
            self.build(figure)
        self.view = View(self.canvas, status_lines=2)
        self.redraw()

    def __call__(self, run: Run) -> None:
        """Take note of a trial that has ended."""
        for name in (self.x, self.y):
            if name not in run.config:
                raise ValueError(f"this trial has no {name!r}, which the picture needs; it has {', '.join(run.config)}")
        self.place(run)
        self.runs.append(run)
        if self.is_due() or len(self.runs) >= self.total:
            self.redraw()

    def redraw(self) -> None:
        """Draw all trials as they stand."""
        with style.context():
            self.draw()
        self.canvas.forget_background()
        self.show()

    def best(self) -> Run | None:
        """The best trial so far, None if none came to an accuracy."""
        try:
            return Trials(self.runs).best
        except ValueError:
            return None

    def status(self) -> str:
        """What the picture shows, in words."""
        lost = [run.status for run in self.runs if run.status in ("diverged", "failed")]
        words = f"{len(self.runs) or 'None'} of {self.total} trials done"
        words += "".join(f", {lost.count(kind)} {kind}" for kind in ("diverged", "failed") if kind in lost) + "."
        best = self.best()
        if best:
            words += f"\nBest so far: {best.percent:.1f} % at " + ", ".join(
                f"{name_of(name)} {_short(best.config[name])}" for name in (self.x, self.y)) + "."  # fmt: skip
        return words


class GridWatcher(_Watcher):
    """See `watch_grid`."""

    def build(self, figure) -> None:
        axes = self.axes
        self.columns, self.rows = (levels_of(name, self.space[name]) for name in (self.x, self.y))
        self.values = np.full((len(self.rows), len(self.columns)), np.nan)
        axes.grid(False)
        axes.set_facecolor(EMPTY)
        self.mesh = axes.pcolormesh(np.ma.masked_invalid(self.values), edgecolors=style.CARD, linewidth=2)
        self.words = {at: axes.text(at[1] + 0.5, at[0] + 0.5, "·", ha="center", va="center", color=style.QUIET,
                                    fontsize=9.5 if len(self.columns) <= 8 else 7)
                      for at in np.ndindex(self.values.shape)}  # fmt: skip
        self.frame = axes.plot([], [], color=BEST, lw=2.4, ls="-", clip_on=False, zorder=5)[0]
        axes.set_xticks(np.arange(len(self.columns)) + 0.5, _labels(self.columns))
        axes.set_yticks(np.arange(len(self.rows)) + 0.5, _labels(self.rows))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        self.mesh.set_clim(0, 100)
        figure.colorbar(self.mesh, ax=axes, pad=0.02, label="validation accuracy (%)").outline.set_visible(False)

    def place(self, run: Run) -> tuple[int, int]:
        """Row and column of a trial; ValueError if it is not on the grid."""
        at = []
        for name, levels in ((self.y, self.rows), (self.x, self.columns)):
            found = [n for n, level in enumerate(levels) if same(run.config[name], level)]
            if not found:
                raise ValueError(f"{name} = {run.config[name]!r} is not on the grid, whose levels are {levels}.")
            at += found
        return tuple(at)

    def draw(self) -> None:
        for run in self.runs:
            at = self.place(run)
            lost = run.status in ("diverged", "failed")
            self.values[at] = np.nan if lost else run.percent
            self.words[at].set_text("×" if lost else f"{self.values[at]:.1f}")
        self.mesh.set_array(np.ma.masked_invalid(self.values))
        seen = self.values[np.isfinite(self.values)]
        if len(seen):
            self.mesh.set_clim(seen.min(), max(seen.max(), seen.min() + 1))
        for at, word in self.words.items():
            dark = self.mesh.norm(self.values[at]) < 0.55
            word.set_color(style.QUIET if np.isnan(self.values[at]) else "white" if dark else "#1d1d24")
        best = self.best()
        if best:
            r, c = self.place(best)
            self.frame.set_data([c, c + 1, c + 1, c, c], [r, r, r + 1, r + 1, r])


class ScatterWatcher(_Watcher):
    """See `watch_scatter`."""

    def build(self, figure) -> None:
        axes = self.axes
        for name, scale, limit in ((self.x, axes.set_xscale, axes.set_xlim), (self.y, axes.set_yscale, axes.set_ylim)):
            low, high, log = _ends(name, self.space[name])
            scale("log" if log else "linear")
            room = (high / low) ** 0.06 if log else 0.06 * (high - low)
            limit(*((low / room, high * room) if log else (low - room, high + room)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
        look = dict(s=74, edgecolors=style.INK, linewidths=0.7, zorder=3)
        self.dots = axes.scatter([], [], c=[], cmap="cividis", vmin=0, vmax=100, **look)
        self.lost = axes.plot([], [], marker="X", ms=9, ls="none", color=style.PALETTE[4], mec=style.INK, zorder=4)[0]
        self.ring = axes.plot([], [], marker="o", ms=15, ls="none", mfc="none", mec=BEST, mew=2.2, zorder=5)[0]
        figure.colorbar(self.dots, ax=axes, pad=0.02, label="validation accuracy (%)").outline.set_visible(False)

    def place(self, run: Run) -> tuple[float, float]:
        """x and y of a trial; ValueError if one is no number."""
        at = run.config[self.x], run.config[self.y]
        if not all(isinstance(value, Real) for value in at):
            raise ValueError(f"{self.x} = {at[0]!r}, {self.y} = {at[1]!r}: a point needs two numbers.")
        return at

    def draw(self) -> None:
        good = [run for run in self.runs if run.status not in ("diverged", "failed")]
        lost = [self.place(run) for run in self.runs if run.status in ("diverged", "failed")]
        colours = np.array([run.percent for run in good])
        self.dots.set_offsets(np.array([self.place(run) for run in good], float).reshape(-1, 2))
        self.dots.set_array(colours)
        if len(colours):
            self.dots.set_clim(colours.min(), max(colours.max(), colours.min() + 1))
        self.lost.set_data(*(zip(*lost, strict=True) if lost else ([], [])))
        best = self.best()
        if best:
            self.ring.set_data([[value] for value in self.place(best)])


def watch_grid(
    space: Mapping[str, Sequence], *, total: int | None = None, title: str = "Grid search", note: str = ""
) -> GridWatcher:
    """Show an empty heat map that fills while the trials of a grid end, and return what `search(watch=...)` takes.

    space: two names with their levels; the first goes across. total: trials expected, default all cells. note: where
    the numbers come from, e.g. data.banner(). Raises ValueError for other than two names.
    """
    if not isinstance(space, Mapping) or len(space) != 2:
        raise ValueError(f"a heat map has two axes: give two names with their levels, got {space!r}.")
    rows = len(levels_of(list(space)[1], list(space.values())[1]))
    cells = rows * len(levels_of(list(space)[0], list(space.values())[0]))
    watcher = GridWatcher(space, total or cells, title, note, height=1.3 + min(0.5, 4 / rows) * rows)
    display(watcher)
    return watcher


def watch_scatter(
    space: Mapping, *, total: int, title: str = "Random search", note: str = "", height: float = 3.4
) -> ScatterWatcher:
    """Show an empty picture in which a coloured point appears for every trial that ends.

    space: at least two names with an Axis or levels (numbers); the first goes across, the second up, others are not
    drawn. total: trials expected, >= 1. Raises ValueError for fewer than two names or for texts.
    """
    if not isinstance(space, Mapping) or len(space) < 2:
        raise ValueError(f"a picture of points needs two hyper-parameters, got {space!r}.")
    if isinstance(total, bool) or not isinstance(total, int) or total < 1:
        raise ValueError(f"total must be a whole number >= 1, got {total!r}: the number of trials expected.")
    watcher = ScatterWatcher(space, total, title, note, height)
    display(watcher)
    return watcher


def map_figure(trials, x: str, y: str, *, title: str = "", note: str = "", digits: int = 1) -> Figure:
    """The finished heat map of a grid: y upwards, x across; the mean where several trials share a cell.

    trials: a RunTable, e.g. what `search` returns. A cell is a cross if every trial in it diverged or failed, empty
    cells are crosses, too: choose one slice of a larger grid with trials.where(...) first.
    """
    columns, rows = trials.values(x), trials.values(y)[::-1]  # upwards, as on any axis
    cells = [[_mean([run for run in trials.where(**{x: c, y: r})]) for c in columns] for r in rows]
    names = dict(row_name=name_of(y), column_name=name_of(x))
    return heat_map(cells, _labels(rows), _labels(columns), **names, title=title, note=note, digits=digits)


def _mean(runs) -> float:
    good = [run.percent for run in runs if run.status not in ("diverged", "failed")]
    return float(np.mean(good)) if good else float("nan")


def _ends(name, axis) -> tuple[float, float, bool]:
    """Lowest, highest, logarithmic: levels count as logarithmic if they span more than a factor of 20."""
    if isinstance(axis, Axis) and axis.kind != "choice":
        return axis.low, axis.high, axis.kind == "log"
    levels = levels_of(name, axis.values if isinstance(axis, Axis) else axis)
    if not all(isinstance(level, Real) for level in levels):
        raise ValueError(f"{name} has texts as levels, {levels}: points need numbers.")
    low, high = min(levels), max(levels)
    if low == high:
        low, high = (low * 0.9, high * 1.1) if low > 0 else (low - 1, high + 1)
    return low, high, low > 0 and high / low > 20


def _labels(levels) -> list[str]:
    """Levels as tick labels; many levels get two digits, so that they do not run into each other."""
    return [f"{value:.2g}" if isinstance(value, float) and len(levels) > 6 else _short(value) for value in levels]


def _short(value) -> str:
    return f"{value:.3g}" if isinstance(value, Real) else str(value)
