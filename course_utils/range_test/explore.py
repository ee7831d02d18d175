"""The explorer of a range test: pick the peak rate yourself and see how it stands to the rule.

range_explorer(test)
"""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import NullFormatter

from course_utils.pictures import style
from course_utils.pictures.controls import choice, slider, snap, switch
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.seed_bands import WORDS
from course_utils.range_test.curve import WIDTH, RangeTest, slope_per_decade
from course_utils.range_test.picture import loss_limits, note_of, rate_limits
from course_utils.range_test.rule import Suggestion, suggest

EVERYONE = "all"


def range_explorer(test: RangeTest, *, title: str = "Range test: where would you set the peak?") -> LivePicture:
    """Pick a peak rate yourself and see how it stands to the rule.

    Above: the loss with your pick and the slope there; below: the slope per tenfold rate, whose last good stretch the
    rule looks for. Sliders: the pick, the smoothing, which seeds, the raw curves, the axis. Raises ValueError for
    anything but a RangeTest.
    """
    if not isinstance(test, RangeTest):
        raise ValueError(f"test must be a RangeTest, got {type(test).__name__}. RangeTest(runs) makes one of runs.")
    numbers = Numbers(test)
    rates = numbers.rates()
    seeds = [("all: median and band", EVERYONE), *((f"only seed {run.seed}", run.seed) for run in test.runs)]
    controls = [
        snap("pick", "your peak rate", [(f"{rate:.3g}", rate) for rate in rates], rates[len(rates) // 2]),
        slider("width", "smoothing", 0.0, 0.1, WIDTH, step=0.005),
        choice("seed", "seeds", seeds, EVERYONE),
        switch("raw", "single batches", True),
        switch("rule", "show the rule"),
        switch("log", "logarithmic axis", True),
    ]
    return LivePicture(
        partial(draw, numbers),
        controls,
        title=title,
        note=note_of(test),
        alt="Above, training loss against learning rate with the picked rate; below, the slope of that curve",
        build=partial(build, numbers),
        figsize=(style.SIZE[0], 4.7),
        status_lines=3,
    )


class Numbers:
    """The numbers behind the picture; what no slider changes is computed once."""

    def __init__(self, test: RangeTest):
        self.whole, self.loss = test, loss_limits(test)
        self.of_seed = lru_cache(maxsize=None)(self._of_seed)
        self.suggestion = lru_cache(maxsize=None)(lambda seed: suggest(self.of_seed(seed)))
        self.curves = lru_cache(maxsize=256)(self._curves)
        self.peak = self.suggestion(EVERYONE).eta_max or math.inf

    def _of_seed(self, seed) -> RangeTest:
        return self.whole if seed == EVERYONE else RangeTest(self.whole.runs.where(seed=seed))

    def _curves(self, seed, width: float):
        """lr, median, lowest, highest and the slope of the median (per tenfold rate)."""
        lr, median, low, high = self.of_seed(seed).band(width)
        return lr, median, low, high, slope_per_decade(lr, median)

    def steepest(self, seed, width: float) -> float:
        """The steepest slope up to twice the rule's peak (or anywhere, where it declined); negative where it falls."""
        lr, *_, slope = self.curves(seed, width)
        sound = slope[lr <= 2 * (self.suggestion(seed).eta_max or math.inf)]
        return float(np.nanmin(sound)) if np.isfinite(sound).any() else 0.0

    def rate_limits(self, log: bool) -> tuple[float, float]:
        """Ends of the axis of rates."""
        return rate_limits(self.whole.lr[0], self.whole.high, log, self.peak)

    def rates(self) -> list[float]:
        """Where the pick can stand: swept rates, twelve or so in each decade."""
        swept = self.whole.lr
        steps = max(1, round(len(swept) / (12 * math.log10(self.whole.high / swept[0]))))
        return [float(rate) for rate in swept[::steps]]


def build(numbers: Numbers, figure):
    """Two axes and the artists that move."""
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.1, 1])
    deep = max(0.1, -numbers.steepest(EVERYONE, WIDTH))
    upper.set(ylabel=WORDS["loss"], ylim=numbers.loss, xscale="log", xlim=numbers.rate_limits(True))
    lower.set(xlabel="learning rate", ylabel="slope per tenfold", ylim=(-1.6 * deep, 1.1 * deep))
    lower.axhline(0, color=style.QUIET, lw=0.9)
    for axes in (upper, lower):
        axes.xaxis.set_minor_formatter(NullFormatter())
    look = {**style.look(0), "lw": 2.1}
    color, pick = look["color"], {"color": style.INK, "lw": 1.1, "ls": (0, (2, 2)), "zorder": 3.5}
    here = {"marker": style.MARKERS[0], "color": color, "mec": style.INK, "ls": "none", "zorder": 5}
    batches = LineCollection([], colors=color, lw=0.7, alpha=0.4, zorder=1.8)
    artists = {
        "pick": upper.axvline(numbers.whole.lr[0], **pick),
        "pick below": lower.axvline(numbers.whole.lr[0], **pick),
        "rule": upper.fill_between([], [], [], color=style.PALETTE[1], alpha=0.15, lw=0, zorder=0.6),
        "raw": upper.add_collection(batches),
        "band": upper.fill_between([], [], [], color=color, alpha=0.2, lw=0, zorder=1.9),
        "curve": upper.plot([], [], **look)[0],
        "slope": lower.plot([], [], **look)[0],
        "tangent": upper.plot([], [], color=style.INK, lw=2.4, ls="-", zorder=4)[0],
        "here": upper.plot([], [], ms=8, mew=1.3, **here)[0],
        "here below": lower.plot([], [], ms=6, mew=1.1, **here)[0],
    }
    return {"loss": upper, "slope": lower}, artists


def draw(numbers: Numbers, state) -> Scene:
    """The numbers of every artist for one state of the sliders."""
    test, suggestion, width = numbers.of_seed(state.seed), numbers.suggestion(state.seed), round(state.width, 6)
    lr, median, low, high, slope = numbers.curves(state.seed, width)
    (bottom, top), known = numbers.loss, np.isfinite(median)
    artists = {"pick": ([state.pick] * 2, [0, 1]), "pick below": ([state.pick] * 2, [0, 1])}
    artists |= {"curve": (lr[known], np.minimum(median[known], 2 * top)), "slope": (lr[known], slope[known])}
    if len(test.raw) > 1:
        artists["band"] = (lr[known], low[known], np.minimum(high[known], 2 * top))
    if state.raw:
        rows = [(row, np.isfinite(row)) for row in test.raw]
        artists["raw"] = [(lr[finite], np.minimum(row[finite], 2 * top)) for row, finite in rows]
    if state.rule and not suggestion.declined:
        artists["rule"] = ([suggestion.eta_min, suggestion.eta_max], [bottom] * 2, [top] * 2)
    at, at_pick = int(np.argmin(np.abs(np.log(lr / state.pick)))), None
    if known[at] and state.pick <= lr[-1] * 1.0001:  # else the curve had ended before
        beside = lr[at] * 10 ** np.linspace(-0.3, 0.3, 13)  # a straight line in log LR
        artists["tangent"] = (beside, median[at] + slope[at] * np.log10(beside / lr[at]))
        artists |= {"here": ([lr[at]], [median[at]]), "here below": ([lr[at]], [slope[at]])}
        at_pick = (median[at], slope[at], numbers.steepest(state.seed, width))
    limits = {"loss": (*numbers.rate_limits(state.log), None, None)}
    axis = "log" if state.log else "linear"
    return Scene(artists, words(state, at_pick, suggestion), limits, {"loss": (axis, "linear")})


def words(state, at_pick: tuple | None, suggestion: Suggestion) -> str:
    """The pick, what the curve does there, and how it stands to the rule: two lines."""
    return f"Your pick {state.pick:.3g}: {_at_pick(at_pick)}\n{_beside_rule(state, suggestion)}"


def _at_pick(at: tuple | None) -> str:
    if at is None:
        return "the test had broken off before this rate."
    loss, slope, steepest = at
    share = f", {slope / steepest:.0%} of its steepest slope" if steepest < 0 else ""
    falls, stays = f"falls by {-slope:.2g} per tenfold{share}", f"no longer falls (slope {slope:+.2g} per tenfold)"
    return f"the loss there is {loss:.2f} and {falls if slope < 0 else stays}."


def _beside_rule(state, suggestion: Suggestion) -> str:
    if suggestion.declined:
        return f"The rule declines: {suggestion.why}"
    if not state.rule:
        return "Tick “show the rule” to compare."
    rule = f"The rule says eta_max {suggestion.eta_max:.2g}, eta_min {suggestion.eta_min:.2g}"
    ratio = state.pick / suggestion.eta_max
    if state.pick < suggestion.eta_min:
        return f"{rule}: your pick lies below the band, where the loss hardly improves yet."
    if ratio > 1.5:
        return f"{rule}: your pick is {ratio:.1f} times higher, where the training becomes unstable."
    if ratio < 1 / 1.5:
        return f"{rule}: your pick is {1 / ratio:.1f} times lower, safe but slower."
    return f"{rule}: you agree within a factor of 1.5."
