"""A heat map of a grid search that fills while its trials end, and the finished one.

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

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.charts import heat_map
from course_utils.pictures.watching import Watcher
from course_utils.runs import Run
from course_utils.search.space import levels_of, name_of, same
from course_utils.search.trials import LOST, Trials

EMPTY, BEST = "#efeeea", style.PALETTE[2]


class GridWatcher(Watcher):
    """See `watch_grid`. Called with a Run, it keeps it and, now and then, redraws."""

    kind = "Search"

    def __init__(self, space: Mapping, total: int, title: str, note: str):
        (self.x, self.columns), (self.y, self.rows) = ((name, levels_of(name, space[name])) for name in space)
        self.total, self.title = total, title
        self.runs: list[Run] = []
        self.values = np.full((len(self.rows), len(self.columns)), np.nan)
        height = 1.3 + min(0.5, 4 / len(self.rows)) * len(self.rows)
        with style.context():
            figure = style.new_figure((style.SIZE[0], height), title=title, note=note)
            self.build(figure)
            self.canvas = Canvas(figure)
        self.view = View(self.canvas, status_lines=2)
        self.redraw()

    def build(self, figure) -> None:
        axes = figure.subplots()
        axes.set(xlabel=name_of(self.x), ylabel=name_of(self.y), facecolor=EMPTY)
        axes.grid(False)
        self.mesh = axes.pcolormesh(np.ma.masked_invalid(self.values), edgecolors=style.CARD, linewidth=2)
        look = dict(ha="center", va="center", color=style.QUIET, fontsize=9.5 if len(self.columns) <= 8 else 7)
        self.words = {(r, c): axes.text(c + 0.5, r + 0.5, "·", **look) for r, c in np.ndindex(self.values.shape)}
        self.frame = axes.plot([], [], color=BEST, lw=2.4, ls="-", clip_on=False, zorder=5)[0]
        axes.set_xticks(np.arange(len(self.columns)) + 0.5, _labels(self.columns))
        axes.set_yticks(np.arange(len(self.rows)) + 0.5, _labels(self.rows))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        self.mesh.set_clim(0, 100)
        figure.colorbar(self.mesh, ax=axes, pad=0.02, label="validation accuracy (%)").outline.set_visible(False)

    def __call__(self, run: Run) -> None:
        """Take note of a trial that has ended."""
        for name in (self.x, self.y):
            if name not in run.config:
                raise ValueError(f"this trial has no {name!r}, which the picture needs; it has {', '.join(run.config)}")
        self.place(run)
        self.runs.append(run)
        if self.is_due() or len(self.runs) >= self.total:
            self.redraw()

    def place(self, run: Run) -> tuple[int, int]:
        """Row and column of a trial; ValueError if it is not on the grid."""
        at = []
        for name, levels in ((self.y, self.rows), (self.x, self.columns)):
            places = [n for n, level in enumerate(levels) if same(run.config[name], level)]
            if not places:
                raise ValueError(f"{name} = {run.config[name]!r} is not on the grid, whose levels are {levels}.")
            at += places
        return tuple(at)

    def redraw(self) -> None:
        """Draw all trials as they are."""
        for run in self.runs:
            at = self.place(run)
            self.values[at] = np.nan if run.status in LOST else run.percent
            self.words[at].set_text("×" if run.status in LOST else f"{self.values[at]:.1f}")
        self.mesh.set_array(np.ma.masked_invalid(self.values))
        seen = self.values[np.isfinite(self.values)]
        if len(seen):
            self.mesh.set_clim(seen.min(), max(seen.max(), seen.min() + 1))
        for at, word in self.words.items():
            dark = self.mesh.norm(self.values[at]) < 0.55
            word.set_color(style.QUIET if np.isnan(self.values[at]) else "white" if dark else "#1d1d24")
        if best := self.best():
            r, c = self.place(best)
            self.frame.set_data([c, c + 1, c + 1, c, c], [r, r, r + 1, r + 1, r])
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
        ends = [run.status for run in self.runs]
        lost = "".join(f", {ends.count(kind)} {kind}" for kind in LOST if kind in ends)
        words = f"{len(self.runs) or 'None'} of {self.total} trials done{lost}."
        if best := self.best():
            where = ", ".join(f"{name_of(name)} {_short(best.config[name])}" for name in (self.x, self.y))
            words += f"\nBest so far: {best.percent:.1f} % at {where}."
        return words


def watch_grid(
    space: Mapping[str, Sequence], *, total: int | None = None, title: str = "Grid search", note: str = ""
) -> GridWatcher:
    """Show an empty heat map that fills while the trials of a grid end, and return what `search(watch=...)` takes.

    space: two names with their levels; the first goes across. total: trials expected, default all cells. note: where
    the numbers come from, e.g. data.banner(). Raises ValueError for other than two names.
    """
    if not isinstance(space, Mapping) or len(space) != 2:
        raise ValueError(f"a heat map has two axes: give two names with their levels, got {space!r}.")
    columns, rows = (len(levels_of(name, axis)) for name, axis in space.items())
    watcher = GridWatcher(space, total or columns * rows, title, note)
    display(watcher)
    return watcher


def map_figure(trials, x: str, y: str, *, title: str = "", note: str = "", digits: int = 1) -> Figure:
    """The finished heat map of a grid: y upwards, x across; the mean where several trials share a cell.

    trials: a RunTable, e.g. what `search` returns. A cell is a cross if every trial in it diverged or failed, empty
    cells are crosses, too: choose one slice of a larger grid with trials.where(...) first.
    """
    columns, rows = trials.values(x), trials.values(y)[::-1]  # upwards, as on any axis
    cells = [[_mean(trials.where(**{x: column, y: row})) for column in columns] for row in rows]
    names = dict(row_name=name_of(y), column_name=name_of(x))
    return heat_map(cells, _labels(rows), _labels(columns), **names, title=title, note=note, digits=digits)


def _mean(runs) -> float:
    good = [run.percent for run in runs if run.status not in LOST]
    return float(np.mean(good)) if good else float("nan")


def _labels(levels) -> list[str]:
    """Levels as tick labels; many levels get two digits, so that they do not run into each other."""
    return [f"{value:.2g}" if isinstance(value, float) and len(levels) > 6 else _short(value) for value in levels]


def _short(value) -> str:
    return f"{value:.3g}" if isinstance(value, Real) else str(value)
