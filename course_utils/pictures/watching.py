"""A picture that grows while several trainings run: one colour a setting, the median over seeds with their band.

watch = watch_curves(["constant", "cosine"], T=624)      # shows itself
for seed in seeds:
    for name, schedule in schedules.items():
        for step in train(model, data, optimizer, schedule, ...):
            watch(name, step)
watch.runs["cosine"]                                     # the records, one a seed
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from IPython.display import display

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.live import move
from course_utils.pictures.numbers import capital, nice_limit
from course_utils.pictures.outputs import bundle
from course_utils.pictures.seed_bands import WORDS, curve_of, seed_band

PAUSE = 0.25  # seconds between two pictures: training should not wait for drawing


class Watcher:
    """A picture that code feeds while something runs; base of all of them.

    A subclass makes `title`, `canvas` and `view`, says in `status()` what is seen, and ends `redraw()` with `show()`.
    """

    kind = "Training curves"
    _last = 0.0  # when it was shown last

    def is_due(self) -> bool:
        """True when PAUSE seconds have gone by since the last picture."""
        return time.monotonic() - self._last > PAUSE

    def show(self) -> None:
        """Bring the canvas to the page, with its status as text."""
        status = self.status()
        self.view.show(self.canvas.png(), alt=f"{self.title}. {status}", status=status)
        self._last = time.monotonic()

    def __repr__(self) -> str:
        return f"{self.kind}: {self.title} (live; the finished picture follows)"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        # No still image: when this is shown nothing has been trained yet, and an empty picture would be saved.
        return bundle(self.view.box, repr(self))


class CurveWatcher(Watcher):
    """See `watch_curves`. Calling it with a name and a Step keeps the step's Run and, now and then, redraws."""

    def __init__(self, names: Sequence[str], T: int, what: str, title: str, note: str):
        self.names, self.T, self.what, self.title = list(names), T, what, title
        self.runs: dict[str, list] = {name: [] for name in names}
        with style.context():
            figure = style.new_figure(title=title, note=note)
            self.canvas = Canvas(figure)
            axes = figure.subplots()
            self.axes, self.lines, self.bands, self.newest = axes, {}, {}, {}
            for n, name in enumerate(names):
                look = style.look(n)
                self.bands[name] = axes.fill_between([0], [0], [0], color=look["color"], alpha=0.2, lw=0)
                self.newest[name] = axes.plot([], [], color=look["color"], lw=0.9, ls="-", alpha=0.7)[0]
                self.lines[name] = axes.plot([], [], label=name, **look)[0]
                for artists in (self.bands, self.newest, self.lines):
                    self.canvas.moving(artists[name])
            axes.set(xlabel="update", ylabel=WORDS[what], xlim=(0, T), ylim=(0, 100 if what == "accuracy" else 3))
            style.legend_row(axes, list(self.lines.values()), list(names))
        self.view = View(self.canvas)
        self.redraw()

    def __call__(self, name: str, step) -> None:
        """Take note of a step of the training called `name`."""
        if name not in self.runs:
            raise ValueError(f"{name!r} is not watched; the names are {', '.join(self.names)}")
        if not any(run is step.run for run in self.runs[name]):
            self.runs[name].append(step.run)
        due = step.validated or self.what == "loss"
        if (due and self.is_due()) or step.t == step.T:
            self.redraw()

    def redraw(self) -> None:
        """Draw all curves as they stand."""
        top = 0.0
        for name, runs in self.runs.items():
            t, median, low, high = seed_band(runs, self.what)
            move(self.lines[name], (t, median))
            move(self.bands[name], (t, low, high))
            move(self.newest[name], curve_of(runs[-1], self.what) if runs else ([], []))
            top = max(top, float(high.max())) if len(high) else top
        if self.what != "lr":
            most = 100 if self.what == "accuracy" else 5
            self.axes.set_ylim(0, min(nice_limit(top * 1.05), most) if top else most)
        self.show()

    def status(self) -> str:
        """What the picture shows, in words."""
        parts = []
        for name, runs in self.runs.items():
            done = sum(run.status != "running" for run in runs)
            ends = [float(y[-1]) for y in (curve_of(run, self.what)[1] for run in runs) if len(y)]
            if ends:
                parts.append(f"{name}: {done} of {len(runs)} runs done, median {np.median(ends):.3g}")
        return "; ".join(parts) or "Nothing has been trained yet."


def watch_curves(
    names: Sequence[str], *, T: int, what: str = "accuracy", title: str = "", note: str = ""
) -> CurveWatcher:
    """Show an empty picture that fills while trainings run, and return what feeds it.

    names: the settings, one colour each. T: updates of a run, the right end of the axis. what: "accuracy" (validation,
    per cent), "loss" or "val_loss". note: where the numbers come from, e.g. data.banner().
    Raises ValueError for an unknown `what` or no names.
    """
    if what not in WORDS or not names:
        allowed = ", ".join(WORDS)
        raise ValueError(f"what = {what!r}, names = {list(names)}: what is one of {allowed}; names need one entry")
    watcher = CurveWatcher(names, T, what, title or f"{capital(WORDS[what])} while it trains", note)
    display(watcher)
    return watcher
