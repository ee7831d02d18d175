"""The picture of the live training panel: loss, validation accuracy and learning rate over the updates."""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.collections import LineCollection
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas

SIZE = (7.2, 5.0)
POINTS = 700  # most points of a curve: about one a pixel
BETA = 0.98  # of the EMA: an average over about 50 updates
LOSS_TOPS = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


class Trace:
    """The curves of one run as arrays, brought up to date piece by piece and thinned for drawing."""

    def __init__(self, T: int):
        self.loss, self.ema, self.lr = (np.full(T, np.nan) for _ in range(3))
        self.n, self._sum = 0, 0.0

    def follow(self, run) -> None:
        """Take over what is new in the record: one copy from the device, not one an update."""
        new = run.loss_log[self.n :]
        if new:
            if isinstance(new[0], torch.Tensor):
                new = torch.stack(new).float().cpu().numpy()
            stop = self.n + len(new)
            self.loss[self.n : stop], self.lr[self.n : stop] = new, run.lr[self.n : stop]
            for i, value in enumerate(new, start=self.n):
                self._sum = BETA * self._sum + (1 - BETA) * float(value)
                self.ema[i] = self._sum / (1 - BETA ** (i + 1))
            self.n = stop

    def curves(self, born: int) -> dict:
        """name -> (t, values) from the branch on: every update up to POINTS of them, then thinned.

        The loss keeps the lowest and the highest value of each stretch, so that its noise is not smoothed away.
        """
        first = max(0, born - 1)
        t = np.arange(first + 1, self.n + 1)
        every = max(1, math.ceil(len(t) / POINTS))
        pick = np.unique(np.append(np.arange(0, len(t), every), max(0, len(t) - 1)))[: len(t)]
        loss, whole = self.loss[first : self.n], len(t) // every * every
        if every > 1:
            part = loss[:whole].reshape(-1, every)
            noisy = np.column_stack([part.min(1), part.max(1)]).ravel()
            middle = np.repeat(t[:whole:every], 2)
        else:
            noisy, middle = loss, t
        return {
            "loss": (middle, noisy),
            "ema": (t[pick], self.ema[first : self.n][pick]),
            "lr": (t[pick], self.lr[first : self.n][pick]),
        }


class Picture:
    """Three axes over the update number; every run has a colour and a line style of its own."""

    def __init__(self, T: int, *, most: int, title: str, note: str, log_lr: bool, lr_range: tuple):
        """most: how many runs there can be. lr_range: lowest and highest LR to be expected."""
        self.T, self.lr_range, self.traces, self._labels = T, lr_range, {}, []
        self._named: list[str] = []
        with style.context():
            figure = style.new_figure(SIZE, title=title, note=note)
            self.canvas = Canvas(figure)
            figure.set_layout_engine("none")  # everything keeps its place, whatever the numbers are
            self.axes = figure.subplots(
                3,
                1,
                sharex=True,
                height_ratios=(2.3, 1.5, 1.1),
                gridspec_kw={"left": 0.13, "right": 0.97, "top": 0.835, "bottom": 0.098, "hspace": 0.14},
            )
            self.loss, self.accuracy, self.lr = self.axes
            self.loss.set(xlim=(0, T), ylim=(0, 2.5), ylabel="training loss")
            self.accuracy.set(ylim=(0, 100), ylabel="validation\naccuracy (%)")
            self.lr.set(xlabel="update t", ylabel="learning rate")
            for axes in self.axes:
                axes.yaxis.set_label_coords(-0.088, 0.5)
            self.lines = [self._lines_of(number) for number in range(most)]
            moving = self.canvas.moving
            self.marks = [moving(axes.add_collection(_upright_lines(axes))) for axes in self.axes]
            corner = {"transform": self.lr.transAxes, "ha": "right", "va": "center", "clip_on": False}
            self.where = moving(self.lr.text(1, -0.4, "", fontsize=8.8, color=style.QUIET, **corner))
            cross = {"marker": "X", "linestyle": "", "color": "#e42536", "markersize": 11}
            self.bad = moving(self.loss.plot([], [], **cross, zorder=5)[0])
        self.log_lr = None
        self.set_log(log_lr)

    def _lines_of(self, number: int) -> dict:
        look, moving = style.look(number), self.canvas.moving
        high = 3 - 0.1 * number  # the main run on top
        noise = {"color": look["color"], "linestyle": "-", "linewidth": 0.7, "alpha": 0.33, "zorder": high - 0.8}
        dots = {"marker": style.MARKERS[number], "markersize": 4.5, "clip_on": False}
        return {
            "loss": moving(self.loss.plot([], [], **noise)[0]),
            "ema": moving(self.loss.plot([], [], **look, linewidth=2.2, zorder=high)[0]),
            "val": moving(self.accuracy.plot([], [], **look, **dots, zorder=high)[0]),
            "lr": moving(self.lr.plot([], [], **look, drawstyle="steps-pre", zorder=high)[0]),
        }

    def set_log(self, on: bool) -> None:
        """Learning rate on a logarithmic or on a linear axis."""
        if on == self.log_lr:
            return
        self.log_lr = on
        with style.context():
            self.lr.set_yscale("log" if on else "linear")
            if on:
                self.lr.yaxis.set_major_locator(LogLocator(numticks=6))
                self.lr.yaxis.set_minor_locator(NullLocator())
                self.lr.yaxis.set_minor_formatter(NullFormatter())

    def forget(self) -> None:
        """Start again with an empty picture."""
        self.traces.clear()
        self.canvas.forget_background()

    def draw(self, lanes, per_epoch: int) -> bytes:
        """The present state of all runs as PNG bytes."""
        for number, line in enumerate(self.lines):
            if number < len(lanes):
                self._draw_lane(lanes[number], line)
            for name in line:
                line[name].set_visible(number < len(lanes))
        marks = [(t, words) for lane in lanes for t, words in lane.marks]
        for collection in self.marks:
            collection.set_segments([[(t, 0), (t, 1)] for t, _ in marks])
        self._write(marks)
        t = max(lane.t for lane in lanes)
        self.where.set_text(f"update {t} of {self.T}  ·  epoch {t / per_epoch:.1f}" if t else "")
        self._limits(lanes)
        bad = [lane.run.diverged_at for lane in lanes if lane.run.diverged]
        self.bad.set_data(bad, [0.955 * self.loss.get_ylim()[1]] * len(bad))
        self._legend(lanes)
        return self.canvas.png()

    def trace(self, lane) -> Trace:
        return self.traces.setdefault(id(lane), Trace(self.T))

    @property
    def _cap(self) -> float:
        """The highest loss that is drawn, twice that of guessing or of the start: a diverging run leaves there."""
        start = next((trace.loss[0] for trace in self.traces.values() if trace.n), 0.0)
        return max(2 * start, 4.6) if math.isfinite(start) else 4.6

    def _draw_lane(self, lane, line) -> None:
        trace = self.trace(lane)
        trace.follow(lane.run)
        for name, (t, values) in trace.curves(lane.born).items():
            if name == "lr":
                values = np.where(values > 0, values, np.nan) if self.log_lr else values
            else:
                values = np.clip(values, None, 20 * self._cap)  # dashes up to 1e38 would take for ever
            line[name].set_data(t, values)
        val = lane.run.val
        before = [i for i, (t, *_) in enumerate(val) if t <= lane.born]
        first = before[-1] if before else 0  # the parent's last one: there the lines part
        line["val"].set_data([v[0] for v in val[first:]], [100 * v[2] for v in val[first:]])

    def _write(self, marks) -> None:
        """What was done, beside its vertical line; one that would run into the one before is left out."""
        free, shown = -1.0, []
        for t, words in sorted(marks):
            wide = (len(words) + 1.5) * 0.0098 * self.T
            if t >= free:
                right = t + wide > self.T
                shown.append((t, words, "right" if right else "left"))
                free = t if right else t + wide
        while len(self._labels) < len(shown):
            with style.context():
                text = self.accuracy.text(
                    0, 0.05, "", transform=self.accuracy.get_xaxis_transform(), fontsize=7.8, color=style.QUIET
                )
            self._labels.append(self.canvas.moving(text))
        for number, label in enumerate(self._labels):
            label.set_visible(number < len(shown))
            if number < len(shown):
                t, words, side = shown[number]
                label.set(x=t + (0.006 if side == "left" else -0.006) * self.T, text=words, ha=side)

    def _limits(self, lanes) -> None:
        """Axis ends in few, round steps: every change costs a full draw."""
        traces = [self.trace(lane) for lane in lanes]
        loss = np.concatenate([trace.loss[: trace.n] for trace in traces])
        loss = loss[np.isfinite(loss)]
        if len(loss):
            high = min(np.quantile(loss, 0.99), self._cap)
            _set(self.loss, 0, next((top for top in LOSS_TOPS if top >= high), self._cap))
        best = max((100 * v[2] for lane in lanes for v in lane.run.val), default=60)
        _set(self.accuracy, 0, min(100, 20 * math.ceil((best + 5) / 20)))
        rates = np.concatenate([self.lr_range, *(trace.lr[: trace.n] for trace in traces)])
        low, high = rates[rates > 0].min(), rates.max()
        if self.log_lr:
            _set(self.lr, 10.0 ** math.floor(math.log10(low) - 0.01), 10.0 ** math.ceil(math.log10(high) + 0.01))
        else:
            power = 10 ** math.floor(math.log10(high))
            tops = (1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12)
            _set(self.lr, 0, next(top * power for top in tops if top * power >= 1.05 * high))

    def _legend(self, lanes) -> None:
        names = [lane_words(lane) for lane in lanes]
        if names != self._named:
            self._named = names
            with style.context():
                handles = [line["ema"] for line in self.lines[: len(lanes)]]
                style.legend_row(self.loss, handles, names, columns=2)
            self.canvas.forget_background()


def lane_words(lane) -> str:
    """Name of a run in the legend."""
    if not lane.born:
        return "main run (faint: each update, bold: EMA)"
    return f"{lane.name}: LR × {lane.run.config['branch_factor']:g} from update {lane.born}"


def _upright_lines(axes) -> LineCollection:
    look = {"colors": style.QUIET, "linewidths": 0.9, "linestyles": [(0, (2, 2))], "zorder": 1.5}
    return LineCollection([], transform=axes.get_xaxis_transform(), **look)


def _set(axes, low: float, high: float) -> None:
    if (low, high) != axes.get_ylim():
        axes.set_ylim(low, high)
