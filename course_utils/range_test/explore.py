"""The explorer of range tests: pick the peak rate yourself and see how it stands to the rule.

range_explorer(test)                             # or several: range_explorer(sgd=test, adam=other)
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
    numbers = Numbers(all_tests)
    rates = numbers.rates()
    seeds = [("all: median and band", EVERYONE), *((f"only seed {seed}", seed) for seed in numbers.seeds)]
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
        title=title or "Range test: where would you set the peak?",
        note=note_of(all_tests.values(), note),
        alt="Above, training loss against learning rate with the picked rate; below, the slope of that curve",
        build=partial(build, numbers),
        figsize=(style.SIZE[0], 4.7),
        status_lines=2 * len(all_tests) + 1,
    )


class Numbers:
    """The numbers behind the picture; what no slider changes is computed once."""

    def __init__(self, tests: dict[str, RangeTest]):
        self.tests = tests
        self.low = min(test.lr[0] for test in tests.values())
        self.high = max(test.high for test in tests.values())
        self.seeds = sorted({run.seed for test in tests.values() for run in test.runs})
        self.loss = loss_limits(tests.values())
        self.of_seed = lru_cache(maxsize=None)(self._of_seed)
        self.suggestion = lru_cache(maxsize=None)(lambda name, seed: suggest(self.of_seed(name, seed)))
        self.curves = lru_cache(maxsize=256)(self._curves)
        self.peak = max((self.suggestion(name, EVERYONE).eta_max or math.inf for name in tests), default=math.inf)

    def _of_seed(self, name: str, seed) -> RangeTest:
        test = self.tests[name]
        own = [run for run in test.runs if seed in (EVERYONE, run.seed)]
        return RangeTest(own) if own and len(own) < len(test.runs) else test

    def _curves(self, name: str, seed, width: float):
        """lr, median, lowest, highest and the slope of the median (per tenfold rate)."""
        lr, median, low, high = self.of_seed(name, seed).band(width)
        return lr, median, low, high, slope_per_decade(lr, median)

    def steepest(self, name: str, seed, width: float) -> float:
        """The steepest slope up to twice the rule's peak (or anywhere, where it declined); negative where it falls."""
        lr, *_, slope = self.curves(name, seed, width)
        sound = slope[lr <= 2 * (self.suggestion(name, seed).eta_max or math.inf)]
        return float(np.nanmin(sound)) if np.isfinite(sound).any() else 0.0

    def slope_limits(self) -> tuple[float, float]:
        """Ends of the slope axis."""
        deep = max(0.1, *(-self.steepest(name, EVERYONE, WIDTH) for name in self.tests))
        return -1.6 * deep, 1.1 * deep

    def rates(self) -> list[float]:
        """Where the pick can stand: swept rates, twelve or so in each decade."""
        swept = max(self.tests.values(), key=lambda test: test.lr[-1]).lr
        steps = max(1, round(len(swept) / (12 * math.log10(self.high / self.low))))
        return [float(rate) for rate in swept[::steps]]


def build(numbers: Numbers, figure):
    """Two axes and the artists that move."""
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.1, 1])
    upper.set(ylabel=WORDS["loss"], ylim=numbers.loss, xscale="log", xlim=rate_limits(numbers.low, numbers.high, True))
    lower.set(xlabel="learning rate", ylabel="slope per tenfold", ylim=numbers.slope_limits())
    lower.axhline(0, color=style.QUIET, lw=0.9)
    upright = {"color": style.INK, "lw": 1.1, "ls": (0, (2, 2)), "zorder": 3.5}
    artists = {"pick": upper.axvline(numbers.low, **upright), "pick below": lower.axvline(numbers.low, **upright)}
    for axes in (upper, lower):
        axes.xaxis.set_minor_formatter(NullFormatter())
    for n, name in enumerate(numbers.tests):
        look = {**style.look(n), "lw": 2.1}
        color = look["color"]
        here = {"marker": style.MARKERS[n], "color": color, "mec": style.INK, "ls": "none", "zorder": 5}
        rule = {"color": style.PALETTE[1] if len(numbers.tests) == 1 else color, "alpha": 0.15}
        batches = LineCollection([], colors=color, lw=0.7, alpha=0.4, zorder=1.8)
        artists |= {
            f"rule {name}": upper.fill_between([], [], [], **rule, lw=0, zorder=0.6),
            f"raw {name}": upper.add_collection(batches),
            f"band {name}": upper.fill_between([], [], [], color=color, alpha=0.2, lw=0, zorder=1.9),
            f"curve {name}": upper.plot([], [], label=name, **look)[0],
            f"slope {name}": lower.plot([], [], **look)[0],
            f"tangent {name}": upper.plot([], [], color=style.INK, lw=2.4, ls="-", zorder=4)[0],
            f"here {name}": upper.plot([], [], ms=8, mew=1.3, **here)[0],
            f"here below {name}": lower.plot([], [], ms=6, mew=1.1, **here)[0],
        }
    if len(numbers.tests) > 1:
        style.legend_row(upper, [artists[f"curve {name}"] for name in numbers.tests], list(numbers.tests))
    return {"loss": upper, "slope": lower}, artists


def draw(numbers: Numbers, state) -> Scene:
    """The numbers of every artist for one state of the sliders."""
    artists = {"pick": ([state.pick] * 2, [0, 1]), "pick below": ([state.pick] * 2, [0, 1])}
    lines = []
    for name in numbers.tests:
        pieces, at_pick = _curves_of(numbers, name, state)
        artists |= {f"{what} {name}": piece for what, piece in pieces.items()}
        who = f"{name}: your" if len(numbers.tests) > 1 else "Your"
        lines.append(f"{who} pick {words(state, at_pick, numbers.suggestion(name, state.seed))}")
    limits = {"loss": (*rate_limits(numbers.low, numbers.high, state.log, numbers.peak), None, None)}
    return Scene(artists, "\n".join(lines), limits, {"loss": ("log" if state.log else "linear", "linear")})


def _curves_of(numbers: Numbers, name: str, state) -> tuple[dict, tuple | None]:
    """What is drawn of one test, and (loss, slope, steepest slope) at the pick; None where it had ended before."""
    test, suggestion, width = numbers.of_seed(name, state.seed), numbers.suggestion(name, state.seed), state.width
    lr, median, low, high, slope = numbers.curves(name, state.seed, round(width, 6))
    (bottom, top), known = numbers.loss, np.isfinite(median)
    pieces = {"curve": (lr[known], np.minimum(median[known], 2 * top)), "slope": (lr[known], slope[known])}
    if len(test.raw) > 1:
        pieces["band"] = (lr[known], low[known], np.minimum(high[known], 2 * top))
    if state.raw:
        rows = [(row, np.isfinite(row)) for row in test.raw]
        pieces["raw"] = [(lr[finite], np.minimum(row[finite], 2 * top)) for row, finite in rows]
    if state.rule and not suggestion.declined:
        pieces["rule"] = ([suggestion.eta_min, suggestion.eta_max], [bottom] * 2, [top] * 2)
    at = int(np.argmin(np.abs(np.log(lr / state.pick))))
    if not known[at] or state.pick > lr[-1] * 1.0001:
        return pieces, None
    beside = lr[at] * 10 ** np.linspace(-0.3, 0.3, 13)  # a straight line in log LR
    pieces["tangent"] = (beside, median[at] + slope[at] * np.log10(beside / lr[at]))
    pieces |= {"here": ([lr[at]], [median[at]]), "here below": ([lr[at]], [slope[at]])}
    return pieces, (median[at], slope[at], numbers.steepest(name, state.seed, round(width, 6)))


def words(state, at_pick: tuple | None, suggestion: Suggestion) -> str:
    """The pick, what the curve does there, and how it stands to the rule: two lines."""
    return f"{state.pick:.3g}: {_at_pick(at_pick)}\n{_beside_rule(state, suggestion)}"


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
