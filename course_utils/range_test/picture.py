"""Pictures of an LR range test: Figures 10.8a and b, and the explorer in which you pick the peak rate yourself.

show(range_figure(test, suggest(test)), alt="...")
range_explorer(test)                             # or several: range_explorer(sgd=test, adam=other)
"""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from course_utils.pictures import style
from course_utils.pictures.controls import choice, slider, snap, switch
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.seed_bands import WORDS
from course_utils.range_test.curve import WIDTH, RangeTest, slope_per_decade
from course_utils.range_test.rule import Suggestion, suggest

EVERYONE = "all"
TOP = 1.25  # of the loss at the start: what lies above is on its way out


def _note(tests, note: str | None) -> str:
    """The note given, or what the runs say about their data."""
    if note is not None:
        return note
    sources = sorted({run.source for test in tests for run in test.runs if run.source})
    return "; ".join(s + ", not CIFAR-10" if "stand-in" in s else s for s in sources)


def _rates(low: float, high: float, log: bool, peak: float = math.inf) -> tuple[float, float]:
    """Ends of the axis of rates; with equal steps only up to a few times the peak, or nothing could be seen."""
    right = min(high, 6 * peak)
    return (low / 1.15, high * 1.15) if log else (-0.012 * right, right * 1.012)


def _loss_range(tests) -> tuple[float, float]:
    """Ends of the loss axis: all that is not on its way out, and a little air."""
    start = max(test.start for test in tests)
    lowest = min(float(np.nanmin(test.smooth)) for test in tests)
    top = TOP * start
    return max(0.0, lowest - 0.25 * (top - lowest)), top


# --------------------------------------------------------------------------------------------------- Figure 10.8
def range_figure(
    test: RangeTest,
    suggestion: Suggestion | None = None,
    what: str = "loss",
    *,
    log: bool = True,
    title: str = "",
    note: str | None = None,
    width: float = WIDTH,
) -> Figure:
    """Loss or accuracy against the learning rate of a range test, as in Figure 10.8.

    Faint: each seed as measured. Thick: the median of the smoothed curves, with the band of the seeds. Shaded: from
    eta_min to eta_max of the suggestion. A cross marks where a seed was stopped. what: "loss" or "accuracy" (where the
    test validated). log: equal factors on the axis, else equal steps. width: of the smoothing, a share of the sweep.
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
        figure = style.new_figure(title=title or f"Range test: {WORDS[what].split(' (')[0]}", note=_note([test], note))
        axes = figure.subplots()
        blue = style.PALETTE[0]
        for row in rows:
            axes.plot(lr, row, color=blue, lw=0.8, ls="-", alpha=0.35, zorder=1.8)
        x, median, low, high = test.accuracy_band() if accuracy else test.band(width)
        axes.fill_between(x, low, high, color=blue, alpha=0.2, lw=0)
        marks = {"marker": "o", "ms": 4} if accuracy else {}
        axes.plot(x, median, color="#1f4fa8", lw=2.2, ls="-", **marks)
        axes.set(xlabel="learning rate", ylabel=WORDS[what], xscale="log" if log else "linear")
        shown = suggestion is not None and not suggestion.declined
        axes.set_xlim(*_rates(test.lr[0], test.high, log, suggestion.eta_max if shown else math.inf))
        axes.set_ylim(*((0, 1.18 * np.nanmax(rows)) if accuracy else _loss_range([test])))
        axes.xaxis.set_minor_formatter(NullFormatter())
        if shown:
            _shade(axes, suggestion, log)
        _crosses(axes, test)
    return figure


def _shade(axes, found: Suggestion, log: bool) -> None:
    orange = style.PALETTE[1]
    axes.axvspan(found.eta_min, found.eta_max, color=orange, alpha=0.16, lw=0, zorder=0.5)
    left = "right" if log else "left"  # on an axis with equal steps there is no room to the left of the band
    ends = ((found.eta_min, r"$\eta_\mathrm{min}$", left, 0.98), (found.eta_max, r"$\eta_\mathrm{max}$", "left", 0.9))
    for rate, name, side, height in ends:
        axes.axvline(rate, color=orange, lw=1.3, ls=(0, (5, 2)), zorder=1.6)
        axes.annotate(
            f"{name} {rate:.2g}",
            (rate, height),
            xycoords=axes.get_xaxis_transform(),
            va="top",
            ha=side,
            fontsize=9,
            xytext=(-5 if side == "right" else 5, 0),
            textcoords="offset points",
        )


def _crosses(axes, test: RangeTest) -> None:
    """A cross at the foot where a seed was stopped."""
    ends = np.sort(test.ends())
    ends = ends[(ends < 0.999 * test.high) & (ends < axes.get_xlim()[1])]
    if len(ends):
        red, foot = style.PALETTE[2], axes.get_xaxis_transform()
        look = {"marker": "X", "ms": 7, "ls": "none", "color": red, "mec": style.CARD, "zorder": 5}
        axes.plot(ends, [0.05] * len(ends), transform=foot, **look)
        axes.annotate(
            "stopped",
            (ends[0], 0.05),
            xycoords=foot,
            xytext=(-7, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8.5,
            color=red,
        )


# --------------------------------------------------------------------------------------------------- the explorer
class _Explored:
    """The numbers behind the picture; what no slider changes is computed once."""

    def __init__(self, tests: dict[str, RangeTest]):
        self.tests = tests
        self.low = min(test.lr[0] for test in tests.values())
        self.high = max(test.high for test in tests.values())
        self.seeds = sorted({run.seed for test in tests.values() for run in test.runs})
        self.loss = _loss_range(tests.values())
        self.chosen = lru_cache(maxsize=None)(self._chosen)
        self.found = lru_cache(maxsize=None)(lambda name, seed: suggest(self.chosen(name, seed)))
        self.curves = lru_cache(maxsize=256)(self._curves)
        self.peak = max((self.found(name, EVERYONE).eta_max or math.inf for name in tests), default=math.inf)

    def _chosen(self, name: str, seed) -> RangeTest:
        test = self.tests[name]
        own = [run for run in test.runs if seed in (EVERYONE, run.seed)]
        return RangeTest(own) if own and len(own) < len(test.runs) else test

    def _curves(self, name: str, seed, width: float):
        """lr, median, lowest, highest and the slope of the median (per tenfold rate)."""
        test = self.chosen(name, seed)
        lr, median, low, high = test.band(width)
        return lr, median, low, high, slope_per_decade(lr, median)

    def steepest(self, name: str, seed, width: float) -> float:
        """The steepest slope up to twice the rule's peak (or anywhere, where it declined); negative where it falls."""
        lr, *_, slope = self.curves(name, seed, width)
        sound = slope[lr <= 2 * (self.found(name, seed).eta_max or math.inf)]
        return float(np.nanmin(sound)) if np.isfinite(sound).any() else 0.0

    def rates(self) -> list[float]:
        """Where the pick can stand: swept rates, twelve or so in each decade."""
        swept = max(self.tests.values(), key=lambda test: test.lr[-1]).lr
        steps = max(1, round(len(swept) / (12 * math.log10(self.high / self.low))))
        return [float(rate) for rate in swept[::steps]]


def range_explorer(*tests: RangeTest, title: str = "", note: str | None = None, **named: RangeTest) -> LivePicture:
    """One or several range tests; pick a peak rate yourself and see how it stands to the rule.

    tests: RangeTest objects, or name=RangeTest for several to compare. Above: the loss with your pick and the slope
    there; below: the slope per tenfold rate, whose last good stretch the rule looks for. Sliders: the pick, the
    smoothing, which seeds, the raw curves, the axis. Raises ValueError for none, more than four, or something else.
    """
    numbered = {f"test {n}" if len(tests) > 1 else "range test": test for n, test in enumerate(tests, 1)}
    all_tests = {**numbered, **{name.replace("_", " "): test for name, test in named.items()}}
    if not 1 <= len(all_tests) <= 4:
        raise ValueError(f"give one to four range tests, got {len(all_tests)}.")
    for name, test in all_tests.items():
        if not isinstance(test, RangeTest):
            raise ValueError(f"{name} must be a RangeTest, got {type(test).__name__}. RangeTest(runs) makes one.")
    data = _Explored(all_tests)
    rates = data.rates()
    start = rates[len(rates) // 2]
    seeds = [("all: median and band", EVERYONE), *((f"only seed {seed}", seed) for seed in data.seeds)]
    controls = [
        snap("pick", "your peak rate", [(f"{rate:.3g}", rate) for rate in rates], start),
        slider("width", "smoothing", 0.0, 0.1, WIDTH, step=0.005),
        choice("seed", "seeds", seeds, EVERYONE),
        switch("raw", "single batches", True),
        switch("rule", "show the rule"),
        switch("log", "logarithmic axis", True),
    ]
    return LivePicture(
        partial(_draw, data),
        controls,
        title=title or "Range test: where would you set the peak?",
        note=_note(all_tests.values(), note),
        alt="Above, training loss against learning rate with the picked rate; below, the slope of that curve",
        build=partial(_build, data),
        figsize=(style.SIZE[0], 4.7),
        status_lines=2 * len(all_tests) + 1,
    )


def _build(data: _Explored, figure):
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.1, 1])
    upper.set(ylabel=WORDS["loss"], ylim=data.loss, xscale="log", xlim=_rates(data.low, data.high, True))
    lower.set(xlabel="learning rate", ylabel="slope per tenfold", ylim=_slope_range(data))
    lower.axhline(0, color=style.QUIET, lw=0.9)
    for axes in (upper, lower):
        axes.xaxis.set_minor_formatter(NullFormatter())
    artists = {
        "pick": upper.axvline(data.low, color=style.INK, lw=1.1, ls=(0, (2, 2)), zorder=3.5),
        "pick below": lower.axvline(data.low, color=style.INK, lw=1.1, ls=(0, (2, 2)), zorder=3.5),
    }
    for n, name in enumerate(data.tests):
        look = style.look(n)
        color = look["color"]
        dark = {**look, "lw": 2.1}
        artists |= {
            f"rule {name}": upper.fill_between([], [], [], color=style.PALETTE[1] if len(data.tests) == 1 else color,
                                               alpha=0.15, lw=0, zorder=0.6),
            f"raw {name}": upper.add_collection(LineCollection([], colors=color, lw=0.7, alpha=0.4, zorder=1.8)),
            f"band {name}": upper.fill_between([], [], [], color=color, alpha=0.2, lw=0, zorder=1.9),
            f"curve {name}": upper.plot([], [], label=name, **dark)[0],
            f"slope {name}": lower.plot([], [], **dark)[0],
            f"tangent {name}": upper.plot([], [], color=style.INK, lw=2.4, ls="-", zorder=4)[0],
            f"here {name}": upper.plot([], [], marker=style.MARKERS[n], ms=8, color=color, mec=style.INK, mew=1.3,
                                       ls="none", zorder=5)[0],
            f"here below {name}": lower.plot([], [], marker=style.MARKERS[n], ms=6, color=color, mec=style.INK, mew=1.1,
                                             ls="none", zorder=5)[0],
        }  # fmt: skip
    if len(data.tests) > 1:
        style.legend_row(upper, [artists[f"curve {name}"] for name in data.tests], list(data.tests))
    return {"loss": upper, "slope": lower}, artists


def _slope_range(data: _Explored) -> tuple[float, float]:
    steepest = min(data.steepest(name, EVERYONE, WIDTH) for name in data.tests)
    deep = max(0.1, -steepest)
    return -1.6 * deep, 1.1 * deep


def _draw(data: _Explored, state) -> Scene:
    artists = {"pick": ([state.pick] * 2, [0, 1]), "pick below": ([state.pick] * 2, [0, 1])}
    bottom, top = data.loss
    words = []
    for name in data.tests:
        test, found = data.chosen(name, state.seed), data.found(name, state.seed)
        width = round(state.width, 6)
        lr, median, low, high, slope = data.curves(name, state.seed, width)
        steepest = data.steepest(name, state.seed, width)
        known = np.isfinite(median)
        artists[f"curve {name}"] = (lr[known], np.minimum(median[known], 2 * top))
        artists[f"slope {name}"] = (lr[known], slope[known])
        if len(test.raw) > 1:
            artists[f"band {name}"] = (lr[known], low[known], np.minimum(high[known], 2 * top))
        if state.raw:
            seen = [(row, np.isfinite(row)) for row in test.raw]
            artists[f"raw {name}"] = [(lr[there], np.minimum(row[there], 2 * top)) for row, there in seen]
        if state.rule and not found.declined:
            artists[f"rule {name}"] = ([found.eta_min, found.eta_max], [bottom] * 2, [top] * 2)
        at = _nearest(lr, known, state.pick)
        if at is not None:
            artists[f"here {name}"] = ([lr[at]], [median[at]])
            artists[f"here below {name}"] = ([lr[at]], [slope[at]])
            beside = lr[at] * 10 ** np.linspace(-0.3, 0.3, 13)  # a straight line in log LR
            artists[f"tangent {name}"] = (beside, median[at] + slope[at] * np.log10(beside / lr[at]))
        who = f"{name}: your" if len(data.tests) > 1 else "Your"
        at_pick = None if at is None else (median[at], slope[at], steepest)
        words.append(f"{who} pick {_picked(state.pick, at_pick)}\n{_beside_rule(state, found)}")
    axis = "log" if state.log else "linear"
    limits = {"loss": (*_rates(data.low, data.high, state.log, data.peak), None, None)}
    return Scene(artists, "\n".join(words), limits, {"loss": (axis, "linear")})


def _nearest(lr, known, pick) -> int | None:
    """Index of the pick; None where the curve had ended before it."""
    at = int(np.argmin(np.abs(np.log(lr / pick))))
    return at if known[at] and pick <= lr[-1] * 1.0001 else None


def _picked(pick: float, at) -> str:
    """at: (loss, slope, steepest slope) at the pick, None where the test had broken off."""
    if at is None:
        return f"{pick:.3g}: the test had broken off before this rate."
    loss, slope, steepest = at
    share = f", {slope / steepest:.0%} of its steepest slope" if steepest < 0 else ""
    falls, stays = f"falls by {-slope:.2g} per tenfold{share}", f"no longer falls (slope {slope:+.2g} per tenfold)"
    return f"{pick:.3g}: the loss there is {loss:.2f} and {falls if slope < 0 else stays}."


def _beside_rule(state, found: Suggestion) -> str:
    if found.declined:
        return f"The rule declines: {found.why}"
    if not state.rule:
        return "Tick “show the rule” to compare."
    rule = f"The rule says eta_max {found.eta_max:.2g}, eta_min {found.eta_min:.2g}"
    ratio = state.pick / found.eta_max
    if state.pick < found.eta_min:
        return f"{rule}: your pick lies below the band, where the loss hardly improves yet."
    if ratio > 1.5:
        return f"{rule}: your pick is {ratio:.1f} times higher, where the training becomes unstable."
    if ratio < 1 / 1.5:
        return f"{rule}: your pick is {1 / ratio:.1f} times lower, safe but slower."
    return f"{rule}: you agree within a factor of 1.5."
