"""Two searches in one picture that fills while their trials end: Figure 10.12 with real trainings.

    watch = watch_race({"grid": settings, "random": others}, "lr", "weight_decay", note=data.banner())   # shows itself
    trials = {name: search(settings, objective, watch=watch[name]) for name, settings in ...}

One column a search. Below, every setting at its place, coloured once its trial has ended; above, the same trials'
accuracy against the first axis alone: what the search knows about that axis. The best so far wears a red ring,
a trial that diverged or failed is a cross.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from IPython.display import display
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.watching import Watcher
from course_utils.runs import Run
from course_utils.search.space import name_of
from course_utils.search.trials import LOST, Trials


class RaceWatcher(Watcher):
    """See `watch_race`. watch[name] is a function that takes the Run of a trial of that search."""

    kind = "Search"

    def __init__(self, searches: Mapping[str, Sequence[dict]], x: str, y: str, title: str, note: str):
        self.searches, self.x, self.y, self.title = {k: list(v) for k, v in searches.items()}, x, y, title
        self.runs: dict[str, list[Run]] = {name: [] for name in searches}
        with style.context():
            figure = style.new_figure((style.SIZE[0], 4.6), title=title, note=note)
            panels = figure.subplots(2, len(searches), sharex=True, sharey="row", height_ratios=[1, 1.1], squeeze=False)
            self.canvas, self.parts = Canvas(figure), {}
            for name, (above, below) in zip(searches, panels.T, strict=True):
                self.parts[name] = self._column(name, above, below)
            panels[0, 0].set_ylabel("accuracy (%)")
            panels[1, 0].set_ylabel(name_of(y))
            self.above = panels[0]
            for axes in self.above:
                axes.set_ylim(0, 50)
            self.dots = [part["dots"] for part in self.parts.values()]
            bar = figure.colorbar(self.dots[0], ax=panels, pad=0.02, label="validation accuracy (%)")
            bar.outline.set_visible(False)
        self.view = View(self.canvas, status_lines=1)
        self.redraw()

    def _column(self, name, above, below) -> dict:
        settings = self.searches[name]
        places = np.array([[setting[self.x], setting[self.y]] for setting in settings], float)
        every = np.array([[s[self.x], s[self.y]] for others in self.searches.values() for s in others], float)
        low, high = every.min(0), every.max(0)
        room = (high / low) ** 0.08
        below.set(xlabel=name_of(self.x), xscale="log", yscale="log")
        below.set(xlim=(low[0] / room[0], high[0] * room[0]), ylim=(low[1] / room[1], high[1] * room[1]))
        for axis in (below.xaxis, below.yaxis):
            axis.set(major_locator=LogLocator(numticks=8), minor_locator=NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        below.plot(*places.T, ls="none", marker="o", ms=9, mfc="none", mec=style.FAINT, mew=1.2)
        values = sorted(set(places[:, 0]))
        above.set_title(f"{name}: {len(settings)} trials, {len(values)} {name_of(self.x)}s", fontsize=9.5)
        for value in values:
            above.axvline(value, color=style.GRID, lw=0.8, ls="-", zorder=0.5)
        ring = dict(marker="o", ls="none", mfc="none", mec=style.PALETTE[2], mew=2.0, zorder=6)
        cross = dict(marker="X", ms=8, ls="none", color=style.PALETTE[4], mec=style.INK, zorder=4)
        dot = dict(ls="none", marker="o", ms=5, mfc=style.PALETTE[0], mec=style.INK, mew=0.5)
        return {
            "dots": below.scatter([], [], c=[], s=70, vmin=0, vmax=50, edgecolors=style.INK, linewidths=0.7, zorder=3),
            "heights": above.plot([], [], **dot)[0],
            "lost": below.plot([], [], **cross)[0],
            "best": below.plot([], [], ms=14, **ring)[0],
            "best above": above.plot([], [], ms=11, **ring)[0],
        }

    def __getitem__(self, name: str):
        """What `search(watch=...)` takes for the search called `name`."""
        if name not in self.runs:
            raise ValueError(f"there is no search {name!r}; there are {', '.join(self.runs)}.")
        return partial(self._take, name)

    def _take(self, name: str, run: Run) -> None:
        self.runs[name].append(run)
        if self.is_due() or len(self.runs[name]) == len(self.searches[name]):
            self.redraw()

    def redraw(self) -> None:
        """Draw all trials as they are."""
        good = {name: [run for run in runs if run.status not in LOST] for name, runs in self.runs.items()}
        seen = [run.percent for runs in good.values() for run in runs]
        if seen:
            low, high = min(seen), max(*seen, min(seen) + 1)
            for dots in self.dots:
                dots.set_clim(low, high)
            for axes in self.above:
                axes.set_ylim(low - 0.08 * (high - low), high + 0.1 * (high - low))
        for name, part in self.parts.items():
            xs, ys = ([run.config[key] for run in good[name]] for key in (self.x, self.y))
            heights = [run.percent for run in good[name]]
            part["dots"].set_offsets(np.column_stack([xs, ys]) if xs else np.empty((0, 2)))
            part["dots"].set_array(np.array(heights))
            part["heights"].set_data(xs, heights)
            gone = [run for run in self.runs[name] if run.status in LOST]
            part["lost"].set_data([run.config[self.x] for run in gone], [run.config[self.y] for run in gone])
            top = [int(np.argmax(heights))] if heights else []
            part["best"].set_data([xs[n] for n in top], [ys[n] for n in top])
            part["best above"].set_data([xs[n] for n in top], [heights[n] for n in top])
        self.canvas.forget_background()
        self.show()

    def status(self) -> str:
        """What the picture shows, in words."""
        parts = []
        for name, runs in self.runs.items():
            words = f"{name}: {len(runs)} of {len(self.searches[name])} trials"
            lost = sum(run.status in LOST for run in runs)
            words += f", {lost} without a result" if lost else ""
            if len(runs) > lost:
                best = Trials(runs).best
                words += f", best {best.percent:.1f} % at {name_of(self.x)} {best.config[self.x]:.3g}"
            parts.append(words)
        return "; ".join(parts) + "."

    @property
    def figure(self):
        """The picture as it is, for `show`."""
        return self.canvas.figure


def watch_race(
    searches: Mapping[str, Sequence[dict]], x: str, y: str, *, title: str = "Grid and random search", note: str = ""
) -> RaceWatcher:
    """Show an empty picture that fills while the trials of several searches end.

    searches: name -> settings (see `search`), each with numbers > 0 under x and y. note: where the numbers come from.
    Raises ValueError for no searches or settings, or for a setting without such a number.
    """
    if not searches or not all(searches.values()):
        raise ValueError(f"every search needs at least one setting, got {searches!r}.")
    for name, settings in searches.items():
        for setting, key in itertools.product(settings, (x, y)):
            if not (isinstance(setting.get(key), (int, float)) and setting[key] > 0):
                raise ValueError(f"{name}: {key} = {setting.get(key)!r}; logarithmic axes need numbers > 0.")
    watcher = RaceWatcher(searches, x, y, title, note)
    display(watcher)
    return watcher
