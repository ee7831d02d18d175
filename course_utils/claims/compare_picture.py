"""The picture of a `Difference` (compare.py): the runs, and beside them the interval of their mean difference."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from course_utils.pictures import style


def draw(d) -> Figure:
    """Left every run as a dot, pairs joined; right the mean difference with its interval, zero and the margin."""
    with style.context():
        figure = style.new_figure(title=d.title, note=d.note)
        left, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
        _draw_runs(left, d)
        _draw_interval(right, d)
    return figure


def _draw_runs(axes, d) -> None:
    a, b = d.values
    if d.paired:
        for seed in a:
            axes.plot([0, 1], [a[seed], b[seed]], color=style.FAINT, lw=1.1, ls="-", zorder=1.8, gid="pair")
    for n, numbers in enumerate(d.values):
        x, look = [n] * len(numbers), style.PALETTE[n]
        dots = dict(marker=style.MARKERS[n], ms=6, color=look, mec=style.CARD, mew=0.6)
        axes.plot(x, list(numbers.values()), ls="none", gid=f"runs {n}", **dots)
        mean = math.fsum(numbers.values()) / len(numbers)
        out = -1 if n == 0 else 1
        axes.plot([n + 0.1 * out, n + 0.26 * out], [mean] * 2, color=look, lw=2.6, ls="-", gid=f"mean {n}")
        side = "right" if n == 0 else "left"
        axes.annotate(f"{mean:.4g}", (n + 0.29 * out, mean), ha=side, va="center", fontsize=8.5)
    axes.set(xlim=(-0.75, 1.75), xticks=[0, 1], ylabel=d.label)
    axes.set_xticklabels(d.names, fontsize=9.5, color=style.INK)
    axes.margins(y=0.12)
    axes.grid(axis="x", visible=False)


def _draw_interval(axes, d) -> None:
    margin = [d.margin, -d.margin] if d.margin else []
    single = [d.values[1][seed] - d.values[0][seed] for seed in d.values[0]] if d.paired else []
    bar = [d.low, d.high] if math.isfinite(d.low) else []
    if margin:
        axes.axhspan(*margin, color=style.PALETTE[4], alpha=0.2, lw=0, gid="margin")
    axes.axhline(0, color=style.INK, lw=1.0, ls=(0, (4, 3)), gid="zero")
    dots = dict(marker="o", ms=5, color=style.QUIET, alpha=0.75, mec="none")
    axes.plot([0.3] * len(single), single, ls="none", gid="differences", **dots)
    color = style.PALETTE[5]
    axes.plot([0.6] * len(bar), bar, color=color, lw=3, ls="-", marker="_", ms=13, mew=2.4, gid="interval")
    axes.plot([0.6], [d.mean], ls="none", marker="D", ms=8, color=color, mec=style.CARD, mew=1.0, zorder=5, gid="mean")
    look = dict(va="center", fontsize=9, bbox=dict(facecolor=style.CARD, edgecolor="none", pad=0.8))  # zero's line ends
    axes.annotate(f"{d.mean:+.3g}", (0.6, d.mean), xytext=(11, 0), textcoords="offset points", **look)
    low, high = (end([0.0, d.mean, *margin, *single, *bar]) for end in (min, max))
    room = (high - low) * 0.08 or 1.0
    axes.set(xlim=(0, 1), ylim=(low - room, high + room), xticks=[])
    axes.set_ylabel("difference" + (f", {d.unit}" if d.unit else ""))
    axes.set_title(_heading(d), fontsize=9.5)
    parts = ["dots: one a seed; " * d.paired + "bar: 90 % interval"]
    parts += [f"grey: within ±{d.margin:g}, would not matter"] if margin else []
    axes.set_xlabel("\n".join(parts), fontsize=8.5, color=style.QUIET)


def _heading(d) -> str:
    """The verdict over the right half."""
    return f"{d.verdict}: about {d.needed} seeds needed" if d.needed else d.verdict
