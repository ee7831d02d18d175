"""Figures 10.8a and b: loss or accuracy of a range test against the learning rate, and what the rule reads there.

show(range_figure(test, suggest(test)), alt="...")
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from course_utils.pictures import style
from course_utils.pictures.seed_bands import WORDS
from course_utils.range_test.curve import RangeTest
from course_utils.range_test.rule import Suggestion

TOP = 1.25  # of the loss at the start: what lies above is on its way out


def note_of(test: RangeTest) -> str:
    """What the runs say about their data."""
    sources = sorted({run.source for run in test.runs if run.source})
    return "; ".join(s + ", not CIFAR-10" if "stand-in" in s else s for s in sources)


def rate_limits(low: float, high: float, log: bool, peak: float = math.inf) -> tuple[float, float]:
    """Ends of the axis of rates; with equal steps only up to a few times the peak, or nothing could be seen."""
    right = min(high, 6 * peak)
    return (low / 1.15, high * 1.15) if log else (-0.012 * right, right * 1.012)


def loss_limits(test: RangeTest) -> tuple[float, float]:
    """Ends of the loss axis: all that is not on its way out, and a little air."""
    top, lowest = TOP * test.start, float(np.nanmin(test.smooth))
    return max(0.0, lowest - 0.25 * (top - lowest)), top


# --------------------------------------------------------------------------------------------------- Figure 10.8
def range_figure(
    test: RangeTest,
    suggestion: Suggestion | None = None,
    what: str = "loss",
    *,
    log: bool = True,
    title: str = "",
) -> Figure:
    """Loss or accuracy against the learning rate of a range test, as in Figure 10.8.

    Faint: each seed as measured. Thick: the median of the smoothed curves, with the band of the seeds. Shaded: from
    eta_min to eta_max of the suggestion. A cross marks where a seed was stopped. what: "loss" or "accuracy" (where the
    test validated). log: equal factors on the axis, else equal steps.
    Raises ValueError for another `what`, or accuracy where none was measured.
    """
    if not isinstance(test, RangeTest):
        raise ValueError(f"test must be a RangeTest, got {type(test).__name__}. RangeTest(runs) makes one of runs.")
    if what not in ("loss", "accuracy"):
        raise ValueError(f"what must be loss or accuracy, got {what!r}.")
    accuracy = what == "accuracy"
    lr, rows = test.accuracy() if accuracy else (test.lr, test.raw)
    if not len(lr):
        raise ValueError("this test measured no accuracy. Run range_test with validate_every=10, say.")
    with style.context():
        figure = style.new_figure(title=title or f"Range test: {WORDS[what].split(' (')[0]}", note=note_of(test))
        axes = figure.subplots()
        blue = style.PALETTE[0]
        for row in rows:
            axes.plot(lr, row, color=blue, lw=0.8, ls="-", alpha=0.35, zorder=1.8)
        x, median, low, high = test.accuracy_band() if accuracy else test.band()
        axes.fill_between(x, low, high, color=blue, alpha=0.2, lw=0)
        marks = {"marker": "o", "ms": 4} if accuracy else {}
        axes.plot(x, median, color="#1f4fa8", lw=2.2, ls="-", **marks)
        axes.set(xlabel="learning rate", ylabel=WORDS[what], xscale="log" if log else "linear")
        shown = suggestion is not None and not suggestion.declined
        axes.set_xlim(*rate_limits(test.lr[0], test.high, log, suggestion.eta_max if shown else math.inf))
        axes.set_ylim(*((0, 1.18 * np.nanmax(rows)) if accuracy else loss_limits(test)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        if shown:
            _shade(axes, suggestion, log)
        _crosses(axes, test)
    return figure


def _shade(axes, suggestion: Suggestion, log: bool) -> None:
    orange = style.PALETTE[1]
    axes.axvspan(suggestion.eta_min, suggestion.eta_max, color=orange, alpha=0.16, lw=0, zorder=0.5)
    left = "right" if log else "left"  # on an axis with equal steps there is no room to the left of the band
    ends = ((suggestion.eta_min, "min", left, 0.98), (suggestion.eta_max, "max", "left", 0.9))
    for rate, name, side, height in ends:
        axes.axvline(rate, color=orange, lw=1.3, ls=(0, (5, 2)), zorder=1.6)
        words, beside = rf"$\eta_\mathrm{{{name}}}$ {rate:.2g}", (-5 if side == "right" else 5, 0)
        _words_at(axes, words, (rate, height), beside, va="top", ha=side, fontsize=9)


def _words_at(axes, words: str, place: tuple, beside: tuple, **look) -> None:
    """Words at (rate, share of the height), so many points beside it."""
    foot = axes.get_xaxis_transform()
    axes.annotate(words, place, xycoords=foot, xytext=beside, textcoords="offset points", **look)


def _crosses(axes, test: RangeTest) -> None:
    """A cross at the foot where a seed was stopped."""
    ends = np.sort(test.ends())
    ends = ends[(ends < 0.999 * test.high) & (ends < axes.get_xlim()[1])]
    if len(ends):
        red = style.PALETTE[2]
        look = {"marker": "X", "ms": 7, "ls": "none", "color": red, "mec": style.CARD, "zorder": 5}
        axes.plot(ends, [0.05] * len(ends), transform=axes.get_xaxis_transform(), **look)
        _words_at(axes, "stopped", (ends[0], 0.05), (-7, 0), ha="right", va="center", fontsize=8.5, color=red)
