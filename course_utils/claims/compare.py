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
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev, variance

import ipywidgets as widgets
from matplotlib.figure import Figure

from course_utils.checks import check_positive, check_within
from course_utils.claims import card
from course_utils.claims.compare_picture import draw
from course_utils.claims.rule import FAILS, HOLDS, OPEN, decide, in_unit, measured_line, strip_of, student
from course_utils.pictures.outputs import bundle
from course_utils.pictures.seed_bands import WORDS, note_of
from course_utils.pictures.still import still

REAL, SMALL, BOTH, UNKNOWN = "real", "too small to matter", "real, but too small to matter", "cannot tell"
MOST = 1000  # seeds that nobody will train; above this no number is given


@dataclass(frozen=True)
class Difference:
    """What was measured, and what it allows to say.

    verdict: REAL, SMALL, BOTH or UNKNOWN. mean, low, high: of second minus first, in `unit`; the interval is NaN
    when a set has a single run. spread: standard deviation behind it, one seed's worth. needed: seeds a set that would
    decide it in 4 of 5 experiments, if the true difference is what was seen (see `seeds_needed`); None when it is
    decided, or above 1000. values: of each set, seed -> number.
    """

    verdict: str
    mean: float
    low: float
    high: float
    spread: float
    needed: int | None
    values: tuple[dict, dict]
    names: tuple[str, str]
    unit: str
    margin: float | None
    label: str
    note: str
    title: str

    @property
    def paired(self) -> bool:
        """Seed by seed; else by Welch's interval."""
        return self.values[0].keys() == self.values[1].keys()

    @property
    def seeds(self) -> tuple[int, int]:
        """How many each set has."""
        return len(self.values[0]), len(self.values[1])

    @property
    def what(self) -> str:
        return f"{self.names[1]} minus {self.names[0]}"

    @property
    def words(self) -> str:
        """The verdict with its numbers, in one or two sentences."""
        how = "paired seed by seed" if self.paired else "seeds differ, so not paired"
        numbers = f"{self.mean:+.3g}{in_unit(self.unit)}"
        if math.isfinite(self.low):
            numbers += f" [{self.low:+.3g}, {self.high:+.3g}]"
        counts = f"{self.seeds[0]}" if self.seeds[0] == self.seeds[1] else f"{self.seeds[0]} and {self.seeds[1]}"
        seeds = f"{counts} seed{'s' * (self.seeds != (1, 1))}, {how}"
        return f"{self.what}: {numbers} ({seeds}). {self.verdict[0].upper()}{self.verdict[1:]}{self._because()}"

    def _because(self) -> str:
        inside = "" if self.margin is None else f"within ±{self.margin:g}{in_unit(self.unit)}"
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
        return bundle(box, f"{self!r}\n    measured: {self.words}", png=picture.png)


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
    if margin is not None:
        hint = f"It is the difference, in {unit or 'your unit'}, that you would still call none."
        check_positive("margin", margin, hint=hint)
    sets = [list(first), list(second)]
    a, b = (_by_seed(runs, name, what) for runs, name in zip(sets, names, strict=True))
    paired = a.keys() == b.keys()
    mean, low, high, spread = _paired(a, b) if paired else _welch(list(a.values()), list(b.values()))
    verdict = _verdict(mean, low, high, margin)
    needed = None
    if verdict == UNKNOWN and math.isfinite(spread):
        needed = _to_decide(mean, spread, margin, sets=1 if paired else 2)
    if not label:
        label = WORDS["accuracy"] if what == "final_accuracy" else unit if callable(what) else what.replace("_", " ")
    title = title or f"Is the difference real? {names[1]} − {names[0]}"
    note = note_of(dict(zip(names, sets, strict=True)), note)
    return Difference(verdict, mean, low, high, spread, needed, (a, b), names, unit, margin, label, note, title)


def seeds_needed(spread: float, goal: float, *, chance: float = 0.8, sets: int = 1) -> int | None:
    """The fewest seeds n with (t(n) + z) · spread / √n <= goal, or None above 1000.

    t(n) is the 95 % point of Student's t that the interval uses, z the normal quantile of `chance`, in [0.5, 1).
    spread: standard deviation of one difference, >= 0. goal: in the same unit, > 0 to be reachable. sets: 1 for pairs
    (n - 1 degrees of freedom), 2 for two independent sets. What it means: if the true difference is `goal`, the
    interval of n seeds stays clear of zero in a share `chance` of all experiments. With chance 0.9 and no true
    difference it stays inside ± goal in 80 % of them. The spread itself is an estimate: from three seeds, n may be four
    times too low.
    """
    check_within("spread", spread, 0)
    check_within("goal", goal, 0)
    z = round(NormalDist().inv_cdf(check_within("chance", chance, 0.5, 1, ends="[)")), 3)
    if sets not in (1, 2):
        raise ValueError(f"sets must be 1 (paired) or 2 (independent), got {sets!r}.")
    enough = (n for n in range(2, MOST + 1) if (student(sets * (n - 1)) + z) * spread <= goal * math.sqrt(n))
    return next(enough, None)


def claim_within(text: str, values, margin: float, *, unit: str = "", source: str = "") -> None:
    """Show the verdict on "no difference that matters": the whole 90 % interval must lie inside ± margin.

    text, values, unit, source: as in `rule.claim`; values: one difference a seed. These are two claims at once,
    "at least -margin" and "at most +margin": both must hold; if one of them does not hold here, this does not.
    Raises ValueError, naming the claim, for no values or a margin that is not above 0.
    """
    name, values = text.rstrip(". "), [float(value) for value in values]
    try:
        check_positive("margin", margin)
        sides = [decide(values, -margin, higher=True), decide(values, margin, higher=False)]
    except ValueError as error:
        raise ValueError(f"claim {name!r}: {error}") from None
    verdicts = {side.verdict for side in sides}
    verdict = FAILS if FAILS in verdicts else HOLDS if verdicts == {HOLDS} else OPEN
    count = f"{len(values)} seed{'s' * (len(values) != 1)}"
    line = f"Claim {name}: {verdict} (within ±{margin:g}{in_unit(unit)} asked; {count})"
    card.show(
        line,
        measured_line(sides[0], values, unit, source),
        verdict,
        strip_of(sides[0], values, (-margin, margin), unit),
    )


# ------------------------------------------------------------------------------------------------------- the numbers
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
        where = f"the run of {name!r} with seed {run.seed}"
        raise ValueError(f"{where} gives {number}; an interval needs finite numbers. Its status is {run.status!r}.")
    return number


def _paired(a: dict, b: dict) -> tuple[float, float, float, float]:
    """Mean, low, high and spread of the differences seed by seed."""
    differences = [b[seed] - a[seed] for seed in a]
    result = decide(differences, 0.0)
    return result.mean, result.low, result.high, stdev(differences) if result.n > 1 else math.nan


def _welch(a: list, b: list) -> tuple[float, float, float, float]:
    """Mean, low, high and spread by Welch's interval; degrees of freedom by Satterthwaite's formula, rounded down."""
    mean = fmean(b) - fmean(a)
    if min(len(a), len(b)) < 2:
        return mean, math.nan, math.nan, math.nan
    variances = [variance(a), variance(b)]
    parts = [variances[0] / len(a), variances[1] / len(b)]
    below = parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1)
    freedom = max(1, math.floor(sum(parts) ** 2 / below + 1e-9)) if below else len(a) + len(b) - 2
    half = student(freedom) * math.sqrt(sum(parts))
    return mean, mean - half, mean + half, math.sqrt(sum(variances))


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
