"""A range test that is drawn while it runs.

watch = watch_range(low=1e-5, high=10, note=data.banner())       # shows itself
test = range_test(model, data, optimizer, low=1e-5, high=10, watch=watch)
"""

from __future__ import annotations

import math

import numpy as np
from IPython.display import display

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.live import move
from course_utils.pictures.numbers import nice_limit
from course_utils.pictures.watching import Watcher
from course_utils.range_test.picture import rate_limits

MOST = 8  # seeds; more lines cannot be told apart


class RangeWatcher(Watcher):
    """See `watch_range`. Calling it with the Step of a range test keeps its Run and, now and then, redraws."""

    kind = "Range test"

    def __init__(self, low: float, high: float, title: str, note: str):
        self.title, self.runs = title, []
        with style.context():
            figure = style.new_figure(title=title, note=note)
            self.canvas = Canvas(figure)
            self.axes = figure.subplots()
            self.axes.set(xlabel="learning rate", ylabel="training loss", xscale="log", ylim=(0, 5))
            self.axes.set_xlim(rate_limits(low, high, True))
            colors = [style.look(n)["color"] for n in range(MOST)]
            lines = [self.axes.plot([], [], lw=1.1, color=color, ls="-")[0] for color in colors]
            self.lines = [self.canvas.moving(line) for line in lines]
        self.view = View(self.canvas)
        self.redraw()

    def __call__(self, step) -> None:
        """Take note of an update of the range test."""
        if not any(run is step.run for run in self.runs):
            if len(self.runs) == MOST:
                raise ValueError(f"a picture holds {MOST} seeds. Leave out `watch`, or take fewer seeds.")
            self.runs.append(step.run)
        if self.is_due() or step.t == step.T:
            self.redraw()

    def redraw(self) -> None:
        """Draw all seeds as they stand."""
        losses = [np.asarray(run.loss, float) for run in self.runs]
        for line, run, loss in zip(self.lines, self.runs, losses, strict=False):
            n = len(loss)
            move(line, (run.lr[:n], np.where(np.isfinite(loss), loss, np.nan)))
        if losses and math.isfinite(losses[0][0]):
            self.axes.set_ylim(0, nice_limit(1.25 * losses[0][0]))
        self.show()

    def status(self) -> str:
        """What the picture shows, in words."""
        seen = [f"seed {run.seed}: up to {run.lr[-1]:.2g}, loss {run.loss[-1]:.2f}" for run in self.runs if run.lr]
        return "; ".join(seen) or "Nothing has been trained yet."


def watch_range(*, low: float, high: float, title: str = "Range test while it runs", note: str = "") -> RangeWatcher:
    """Show an empty picture that fills while a range test runs; hand what it returns to `range_test(watch=...)`.

    low, high: ends of the axis, as in the test. note: where the images come from, e.g. data.banner().
    Raises ValueError unless 0 < low < high.
    """
    if not 0 < low < high < math.inf:
        raise ValueError(f"low = {low!r}, high = {high!r}: the axis needs 0 < low < high, as in range_test.")
    watcher = RangeWatcher(low, high, title, note)
    display(watcher)
    return watcher
