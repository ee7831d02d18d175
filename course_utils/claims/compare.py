"""Is this difference real? Two sets of runs, the difference of their means, its interval, and what may be said of it.

    d = difference(runs["cosine"], runs["linear"], names=("cosine", "linear"), margin=1.5)
    d                          # as the last line of a cell: the picture, and under it the words
    d.verdict, d.mean, d.low, d.high

**The rule** is that of `rule.py`: a 90 % Student interval for the mean difference, second minus first. Where both
sets have the same seeds, the difference is taken seed by seed (paired), which takes out what a seed does to both;
else by Welch's interval for two independent sets (Welch 1947, "The generalization of 'Student's' problem"). Then

- **real**: the whole interval lies on one side of zero,
- **too small to matter**: the whole interval lies inside ± margin, the difference that you would still call none
  (the two one-sided tests of Schuirmann 1987). Choose it *before* you look,
- **real, but too small to matter**: both at once,
- **cannot tell**: neither. "No difference was found" is not "there is no difference".
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import ipywidgets as widgets
from matplotlib.figure import Figure

from course_utils.claims import rule
from course_utils.claims.compare_picture import draw
from course_utils.claims.rule import FAILS, HOLDS, OPEN, decide, student
from course_utils.pictures.canvas import bundle
from course_utils.pictures.run_curves import _note
from course_utils.pictures.seed_bands import WORDS
from course_utils.pictures.still import still

REAL, SMALL, BOTH, UNKNOWN = "real", "too small to matter", "real, but too small to matter", "cannot tell"
MOST = 1000  # seeds that nobody will train; above this no number is given


@dataclass(frozen=True)
class Difference:
    """What was measured, and what it allows to say.

    verdict: REAL, SMALL, BOTH or UNKNOWN. mean, low, high: of second minus first, in `unit`; the interval is NaN
    when a set has a single run. spread: standard deviation behind it, one seed's worth. paired: seed by seed or
    Welch. seeds: of each set. needed: seeds a set that would decide it in 4 of 5 experiments, if the true difference is
    what was seen (see `seeds_needed`); None when it is decided, or above 1000. values: of each set, seed -> number.
    """

    verdict: str
    mean: float
    low: float
    high: float
    spread: float
    paired: bool
    seeds: tuple[int, int]
    needed: int | None
    names: tuple[str, str]
    unit: str
    margin: float | None
    values: tuple[dict, dict] = field(repr=False)
    label: str = ""
    note: str = ""
    title: str = ""

    @property
    def what(self) -> str:
        return f"{self.names[1]} minus {self.names[0]}"

    @property
    def words(self) -> str:
        """The verdict with its numbers, in one or two sentences."""
        unit, how = _unit(self.unit), "paired seed by seed" if self.paired else "seeds differ, so not paired"
        numbers = f"{self.mean:+.3g}{unit}"
        if math.isfinite(self.low):
            numbers += f" [{self.low:+.3g}, {self.high:+.3g}]"
        counts = f"{self.seeds[0]}" if self.seeds[0] == self.seeds[1] else f"{self.seeds[0]} and {self.seeds[1]}"
        seeds = f"{counts} seed{'s' * (self.seeds != (1, 1))}, {how}"
        return f"{self.what}: {numbers} ({seeds}). {self.verdict[0].upper()}{self.verdict[1:]}{self._because()}"

    def _because(self) -> str:
        inside = "" if self.margin is None else f"within ±{self.margin:g}{_unit(self.unit)}"
        if self.verdict in (SMALL, BOTH):
            return f" ({inside})."
        if self.verdict == REAL:
            return ": the interval does not reach zero."
        if min(self.seeds) < 2:
            return ": a single run has no spread. Two seeds are the least, three to five are better."
        if self.needed is None:
            return f": even {MOST} seeds would hardly do" + (", and no margin was given." if not self.margin else ".")
        return f": about {self.needed} seeds would be needed, if the truth is what was seen."

    @property
    def figure(self) -> Figure:
        """Left every run as a dot, pairs joined; right the mean difference with its interval, zero and the margin."""
        return draw(self)

    def __repr__(self) -> str:
        return f"Difference: {self.what}"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        picture = still(self.figure, f"Is the difference real? {self.words}", name=repr(self))
        line = f"<div role='status' style='line-height:22px;padding-left:4px'>{html.escape(self.words)}</div>"
        box = widgets.VBox([*picture.widget.children, widgets.HTML(line)])
        return bundle(box, picture.png, f"{self!r}\n    measured: {self.words}")


def difference(
    first: Iterable,
    second: Iterable,
    what: str | Callable = "final_accuracy",
    *,
    names: tuple[str, str] = ("first", "second"),
    margin: float | None = None,
    unit: str = "points",
    label: str = "",
    title: str = "",
    note: str | None = None,
) -> Difference:
    """Compare two sets of runs; positive means that `second` has the larger number.

    first, second: lists of Run or RunTables, one run a seed. what: "final_accuracy" or "best_accuracy" (taken in per
    cent), another attribute of a Run, or a function run -> number in `unit`. margin: > 0, in `unit`: a difference
    up to this would not matter to you. label: the words at the axis of the numbers. note: where the numbers come from;
    default: what the runs say. Raises ValueError for an empty set, a seed that occurs twice in a set, a run without a
    finite number, a margin that is not above 0, or names that are not two different texts.
    """
    names = _names(names)
    if margin is not None and not (_is_number(margin) and margin > 0):
        raise ValueError(f"margin must be a finite number above 0, or None, got {margin!r}. It is the difference, in "
                         f"{unit or 'your unit'}, that you would still call none.")  # fmt: skip
    sets = [list(first), list(second)]
    a, b = (_by_seed(runs, name, what) for runs, name in zip(sets, names, strict=True))
    paired = a.keys() == b.keys()
    mean, low, high, spread, freedom = _paired(a, b) if paired else _welch(list(a.values()), list(b.values()))
    verdict = _verdict(mean, low, high, margin)
    needed = None
    if verdict == UNKNOWN and math.isfinite(spread):
        needed = _to_decide(mean, spread, margin, sets=1 if paired else 2)
    note = _note(dict(zip(names, sets, strict=True)), note)
    shown = label or (WORDS["accuracy"] if what == "final_accuracy" else what.replace("_", " ") if isinstance(what, str)
                      else unit)  # fmt: skip
    return Difference(verdict, mean, low, high, spread, paired, (len(a), len(b)), needed, names, unit, margin, (a, b),
                      shown, note, title or f"Is the difference real? {names[1]} − {names[0]}")  # fmt: skip


def seeds_needed(spread: float, goal: float, *, chance: float = 0.8, sets: int = 1) -> int | None:
    """The fewest seeds n with (t(n) + z) · spread / √n <= goal, or None above 1000.

    t(n) is the 95 % point of Student's t that the interval uses, z the normal quantile of `chance`. spread: standard
    deviation of one difference, >= 0. goal: in the same unit, > 0 to be reachable. sets: 1 for pairs (n - 1 degrees
    of freedom), 2 for two independent sets. What it means: if the true difference is `goal`, the interval of n seeds
    stays clear of zero in a share `chance` of all experiments. With chance 0.9 and no true difference it stays inside
    ± goal in 80 % of them. The spread itself is an estimate: from three seeds, n may be four times too low.
    """
    for name, value in (("spread", spread), ("goal", goal)):
        if not (_is_number(value) and value >= 0):
            raise ValueError(f"{name} must be a finite number >= 0, got {value!r}.")
    if chance not in _NORMAL:
        raise ValueError(f"chance must be one of {', '.join(map(str, _NORMAL))}, got {chance!r}.")
    if sets not in (1, 2):
        raise ValueError(f"sets must be 1 (paired) or 2 (independent), got {sets!r}.")
    reach = range(2, MOST + 1)
    return next((n for n in reach if (student(sets * (n - 1)) + _NORMAL[chance]) * spread <= goal * math.sqrt(n)), None)


def claim_within(text: str, values, margin: float, *, unit: str = "", source: str = "") -> None:
    """Print the verdict on "no difference that matters": the whole 90 % interval must lie inside ± margin.

    text, values, unit, source: as in `rule.claim`; values: one difference a seed. These are two claims at once,
    "at least -margin" and "at most +margin": both must hold; if one of them does not hold here, this does not.
    Raises ValueError, naming the claim, for no values or a margin that is not above 0.
    """
    name = text.rstrip(". ")
    if not (_is_number(margin) and margin > 0):
        raise ValueError(f"claim {name!r}: margin must be a finite number above 0, got {margin!r}")
    values = [float(one) for one in values]
    try:
        sides = [decide(values, -margin, higher=True), decide(values, margin, higher=False)]
    except ValueError as error:
        raise ValueError(f"claim {name!r}: {error}") from None
    told = [side.verdict for side in sides]
    verdict = FAILS if FAILS in told else HOLDS if told == [HOLDS, HOLDS] else OPEN
    count = f"{len(values)} seed{'s' * (len(values) != 1)}"
    print(f"Claim {name}: {verdict} (within ±{margin:g}{_unit(unit)} asked; {count})")
    print(rule._measured(rule._numbers(sides[0], values, unit, False, source), None))


# ------------------------------------------------------------------------------------------------------- the numbers
_NORMAL = {0.5: 0.0, 0.8: 0.842, 0.9: 1.282, 0.95: 1.645}  # chance -> quantile of the normal distribution


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _names(names) -> tuple[str, str]:
    good = isinstance(names, (tuple, list)) and len(names) == 2 and all(isinstance(n, str) and n.strip() for n in names)
    if not good or names[0] == names[1]:
        raise ValueError(f'names must be two different texts, such as ("cosine", "linear"), got {names!r}.')
    return tuple(names)


def _by_seed(runs: list, name: str, what) -> dict:
    """seed -> number of one set, in the order of the seeds."""
    if not runs:
        raise ValueError(f"the set {name!r} holds no runs. Look at table.values(...) to see what there is.")
    values = {}
    for run in runs:
        if not hasattr(run, "seed"):
            raise ValueError(f"the set {name!r} holds {run!r}, which is no Run. Give a list of runs or a RunTable.")
        if run.seed in values:
            raise ValueError(f"seed {run.seed} occurs twice in the set {name!r}. Choose one setting: table.where(...).")
        values[run.seed] = _number_of(run, name, what)
    return dict(sorted(values.items()))


def _number_of(run, name: str, what) -> float:
    if callable(what):
        number = float(what(run))
    elif isinstance(what, str) and hasattr(run, what):
        number = float(getattr(run, what)) * (100 if what.endswith("accuracy") else 1)
    else:
        raise ValueError(f"what = {what!r} is no number of a run: give 'final_accuracy', or a function of the run.")
    if not math.isfinite(number):
        raise ValueError(f"the run of {name!r} with seed {run.seed} gives {number}; an interval needs finite numbers. "
                         f"Its status is {run.status!r}.")  # fmt: skip
    return number


def _paired(a: dict, b: dict):
    result = decide([b[seed] - a[seed] for seed in a], 0.0)
    half = result.high - result.mean  # = t · s / √n: gives the spread back
    spread = half * math.sqrt(result.n) / student(result.n - 1) if result.n > 1 else math.nan
    return result.mean, result.low, result.high, spread, result.n - 1


def _welch(a: list, b: list):
    """Welch's interval; degrees of freedom by Satterthwaite's formula, rounded down."""
    means = [math.fsum(one) / len(one) for one in (a, b)]
    mean = means[1] - means[0]
    if min(len(a), len(b)) < 2:
        return mean, math.nan, math.nan, math.nan, 0
    var = [math.fsum((x - m) ** 2 for x in one) / (len(one) - 1) for one, m in zip((a, b), means, strict=True)]
    parts = [v / len(one) for v, one in zip(var, (a, b), strict=True)]
    below = sum(part**2 / (len(one) - 1) for part, one in zip(parts, (a, b), strict=True))
    freedom = max(1, math.floor(sum(parts) ** 2 / below + 1e-9)) if below else len(a) + len(b) - 2
    half = student(freedom) * math.sqrt(sum(parts))
    return mean, mean - half, mean + half, math.sqrt(sum(var)), freedom


def _verdict(mean, low, high, margin) -> str:
    if not math.isfinite(low):
        return UNKNOWN
    clear, inside = low > 0 or high < 0, margin is not None and -margin <= low and high <= margin
    return BOTH if clear and inside else REAL if clear else SMALL if inside else UNKNOWN


def _to_decide(mean, spread, margin, sets) -> int | None:
    """Seeds for "real" or for "too small", whichever takes fewer, if the true difference is `mean`."""
    ways = [seeds_needed(spread, abs(mean), sets=sets)]
    if margin is not None and abs(mean) < margin:  # both ends must stay inside: hence 0.9 for 4 of 5
        ways.append(seeds_needed(spread, margin - abs(mean), chance=0.9, sets=sets))
    return min((n for n in ways if n), default=None) if mean or margin else None


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
