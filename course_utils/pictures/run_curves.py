"""The still pictures of the course. Each function returns a matplotlib Figure; `show(figure, alt)` shows it.

Several seeds are always drawn as the median with a band from the lowest to the highest seed, and a run that diverged
is drawn as far as it went and marked. `note` is the small text in the corner: say there where the numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from course_utils.pictures import style
from course_utils.pictures.numbers import capital
from course_utils.pictures.schedule_curves import sample
from course_utils.pictures.seed_bands import WORDS, note_of, runs_of, seed_band, summary_of


def curves(
    groups: Mapping[str, object],
    what: str = "accuracy",
    *,
    title: str = "",
    note: str | None = None,
    top: float | None = None,
    log: bool = False,
) -> Figure:
    """Training curves of several settings, one colour each.

    groups: label -> a Run, a list of runs or a RunTable. what: "loss", "accuracy", "val_loss" or "lr".
    top: upper end of the y axis; default: all of it, for losses at most 3.2. log: logarithmic y axis.
    """
    with style.context():
        figure = style.new_figure(title=title or capital(WORDS[what]), note=note_of(groups, note))
        axes = figure.subplots()
        highest, floor = 0.0, math.inf
        for n, (label, group) in enumerate(groups.items()):
            runs = runs_of(group)
            t, median, low, high = seed_band(runs, what)
            look = style.look(n)
            if len(runs) > 1:
                axes.fill_between(t, low, high, color=look["color"], alpha=0.2, lw=0)
            axes.plot(t, median, label=label, **look)
            if len(t):
                highest, floor = max(highest, high.max()), min(floor, low.min())
            lost = [run.diverged_at or 0 for run in runs if run.status == "diverged"]
            crosses = {"ms": 9, "color": look["color"], "mec": style.INK, "mew": 0.8, "zorder": 6}
            _cross(axes, lost, 0.05 if what == "accuracy" else 0.95, **crosses)
        axes.set(xlabel="update", ylabel=WORDS[what], xlim=(0, None))
        if log:
            axes.set_yscale("log")
        else:
            limit = min(highest * 1.04, 3.2) if what in ("loss", "val_loss") else highest * 1.04
            axes.set_ylim(0 if floor < 0.5 * highest else None, top or limit or None)
        _name_crosses(axes, "diverged", max, 9, style.INK)
        style.legend_row(axes, columns=min(len(groups), 4))
    return figure


def _cross(axes, xs: Sequence[float], height: float, **look) -> None:
    """Crosses at these x, at `height` (a share of the axes), where a loss was no longer finite."""
    if xs:
        foot = axes.get_xaxis_transform()
        axes.plot(xs, [height] * len(xs), transform=foot, marker="X", ls="none", gid="diverged", **look)


def _name_crosses(axes, words: str, end: Callable, aside: float, color: str) -> None:
    """One label for all crosses, beside the first (end: min) or the last (max), so that nobody has to guess."""
    ends = [(end(line.get_xdata()), line.get_ydata()[0]) for line in axes.lines if line.get_gid() == "diverged"]
    if ends:
        look = {"fontsize": 8.5, "color": color, "va": "center", "ha": "right" if aside < 0 else "left"}
        place = {"xycoords": axes.get_xaxis_transform(), "xytext": (aside, 0), "textcoords": "offset points"}
        axes.annotate(words, end(ends, key=lambda point: point[0]), **place, **look)


def loss_figure(run, *, beta: float = 0.98, title: str = "Loss of every update", note: str | None = None) -> Figure:
    """Fig 10.2: the noisy loss of every update (faint), its moving average (bold), a line at each LR drop.

    run: a Run with every update in it. beta: of the average, in [0, 1). A drop is a fall of the LR by more than a third
    from one update to the next.
    """
    t, lr, loss = (np.asarray(values, float) for values in (run.t, run.lr, run.loss))
    with style.context():
        figure = style.new_figure(title=title, note=note_of({"": run}, note))
        axes = figure.subplots()
        axes.plot(t, loss, color=style.PALETTE[0], alpha=0.35, lw=0.8, ls="-", label="loss of one batch")
        axes.plot(t, run.ema(beta), color="#1f4fa8", lw=2.2, ls="-", label=f"its moving average (β = {beta:g})")
        shown = loss[np.isfinite(loss)]
        top = min(float(np.quantile(shown, 0.995)) * 1.12, 4.0) if len(shown) else 1.0
        axes.set(xlabel="update", ylabel="training loss", xlim=(0, t[-1] * 1.01), ylim=(0, top))
        for n, k in enumerate(lr_drops(lr)):
            axes.axvline(t[k], color=style.PALETTE[2], lw=1.2, ls=(0, (5, 3)))
            late = t[k] > 0.8 * t[-1]  # near the right end the words stand to the left of the line
            lower = -11 * n  # each a line lower: neighbours would run into each other
            place = {"xycoords": axes.get_xaxis_transform(), "xytext": (-4 if late else 4, lower)}
            look = {"fontsize": 8.5, "color": style.PALETTE[2], "va": "top", "ha": "right" if late else "left"}
            look["bbox"] = {"facecolor": style.CARD, "edgecolor": "none", "pad": 0.8}  # no line runs through the words
            words = f"LR {lr[k - 1]:.2g} → {lr[k]:.2g}"
            axes.annotate(words, (t[k], 0.97), textcoords="offset points", **place, **look)
        style.legend_row(axes)
    return figure


def lr_drops(lr: Sequence[float]) -> list[int]:
    """Indices at which the learning rate fell by more than a third against the update before."""
    lr = np.asarray(lr, float)
    return [int(k) for k in np.flatnonzero(lr[1:] < lr[:-1] * 2 / 3) + 1]


def lr_axis(
    groups: Mapping[str, object],
    x: str = "lr",
    *,
    title: str = "Accuracy against learning rate",
    xlabel: str = "learning rate",
    note: str | None = None,
) -> Figure:
    """Final validation accuracy against the LR (log axis): median, seed band, crosses for divergence.

    groups: label -> RunTable (for example one for each optimizer). x: the config entry on the axis.
    """
    with style.context():
        figure = style.new_figure(title=title, note=note_of(groups, note))
        axes = figure.subplots()
        for n, (label, group) in enumerate(groups.items()):
            known = {value: summary_of(list(group.where(**{x: value}))) for value in group.values(x)}
            good = [value for value in known if known[value]["accuracies"]]
            lost = [value for value in known if known[value]["diverged_at"]]
            look = style.look(n)
            low, high = ([known[value]["accuracies"][end] for value in good] for end in (0, -1))
            axes.fill_between(good, low, high, color=look["color"], alpha=0.2, lw=0)
            medians = [known[value]["median"] for value in good]
            axes.plot(good, medians, label=label, marker=style.MARKERS[n % 6], **look)
            _cross(axes, lost, 0.035 + 0.045 * n, ms=6.5, color=look["color"], mec=style.CARD, zorder=5)
        axes.set(xscale="log", xlabel=xlabel, ylabel=WORDS["accuracy"], ylim=(0, None))
        axes.xaxis.set_minor_formatter(NullFormatter())
        _name_crosses(axes, "a seed diverged", min, -8, style.QUIET)
        style.legend_row(axes, columns=min(len(groups), 5))
    return figure


def schedules_figure(
    schedules: Mapping[str, Callable[[float], float]],
    T: float,
    *,
    jumps: Sequence[float] = (),
    title: str = "Learning-rate schedules",
    xlabel: str = "update t",
    log: bool = False,
    note: str = "",
) -> Figure:
    """Figs 10.3 to 10.6: learning rate against update for one or several schedules (label -> callable of t).

    T: right end of the axis, > 0. jumps: where a schedule breaks (milestones), so that drops stand upright.
    """
    with style.context():
        figure = style.new_figure(title=title, note=note)
        axes = figure.subplots()
        top = 0.0
        for n, (label, schedule) in enumerate(schedules.items()):
            t, lr = sample(schedule, T, jumps, points=801)
            axes.plot(t, lr, label=label, **style.look(n))
            top = max(top, float(lr.max()))
        axes.set(xlabel=xlabel, ylabel="learning rate", xlim=(-0.008 * T, 1.008 * T))
        if log:
            axes.set_yscale("log")
            axes.set_ylim(top * 1e-5, top * 1.5)
        else:
            axes.set_ylim(0, top * 1.05)
        if len(schedules) > 1:
            style.legend_row(axes, columns=min(len(schedules), 5))
    return figure
