"""Claims: a sentence of the lecture, and the measurement that decides it.

    claim("10.1.3-a: cosine beats a constant rate", differences, at_least=1.0, unit="points",
          source=data.banner())

prints two lines. The first, with the verdict, is compared between machines; the second, with the numbers, is
not:

    Claim 10.1.3-a: cosine beats a constant rate: holds (at least 1 points asked; 3 seeds)
        measured: +3.4 points [+2.6, +4.2] on CIFAR-10; by seed: +2.9 +3.5 +3.8

**The rule.** `values` are one number a seed, paired where a pair makes sense (same seed, same data order, the
difference between the two trainings). Their mean has a 90 % Student t interval (mean ± t · s/√n, t = 2.92 for
three seeds), whose ends are one-sided 95 % bounds (Student 1908, "The probable error of a mean"). The claim

- **holds** when the whole interval is on the right side of the margin,
- **does not hold here** when the whole interval is on the wrong side,
- **cannot tell from these seeds** when the margin lies inside it, or with a single seed.

Factors (unit "x") are averaged as logarithms: twice and half cancel out. An infinite value (a run that
diverged) allows no interval: then every seed must be on the right side to hold, and every seed on the wrong
side not to hold. A NaN is on neither side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HOLDS, FAILS, OPEN = "holds", "does not hold here", "cannot tell from these seeds"
FACTORS = ("x", "×", "times")

# 95 % points of Student's t for 1 to 30 degrees of freedom
T95 = (
    6.314,
    2.920,
    2.353,
    2.132,
    2.015,
    1.943,
    1.895,
    1.860,
    1.833,
    1.812,
    1.796,
    1.782,
    1.771,
    1.761,
    1.753,
    1.746,
    1.740,
    1.734,
    1.729,
    1.725,
    1.721,
    1.717,
    1.714,
    1.711,
    1.708,
    1.706,
    1.703,
    1.701,
    1.699,
    1.697,
)


@dataclass(frozen=True)
class Verdict:
    """verdict: one of HOLDS, FAILS, OPEN. mean, low, high: in the claim's unit (NaN where there is none)."""

    verdict: str
    mean: float
    low: float
    high: float
    n: int


def decide(values, margin: float, *, higher: bool = True, factors: bool = False) -> Verdict:
    """Apply the rule above to one number a seed.

    higher: True when the claim says "at least margin", False for "at most". factors: average logarithms.
    Raises ValueError for no values, a margin that is not finite, or factors that are not positive.
    """
    values = [float(one) for one in values]
    _refuse(values, margin, factors)
    if not all(map(math.isfinite, values)) and len(values) > 1:
        return _decide_by_side(values, margin, higher)
    scale, back = (math.log, math.exp) if factors else (float, float)
    if len(values) == 1:
        return Verdict(OPEN, values[0], math.nan, math.nan, 1)
    scaled = [scale(one) for one in values]
    mean = math.fsum(scaled) / len(scaled)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in scaled) / (len(scaled) - 1))
    half = student(len(scaled) - 1) * spread / math.sqrt(len(scaled))
    low, high = back(mean - half), back(mean + half)
    right, wrong = (low >= margin, high < margin) if higher else (high <= margin, low > margin)
    return Verdict(HOLDS if right else FAILS if wrong else OPEN, back(mean), low, high, len(values))


def student(freedom: int) -> float:
    """The 95 % point of Student's t; above 30 degrees of freedom by the first term of its normal
    expansion."""
    if freedom <= len(T95):
        return T95[freedom - 1]
    return 1.645 * (1 + (1.645**2 + 1) / (4 * freedom))


def claim(
    text: str,
    values,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    higher: bool = True,
    unit: str = "",
    seeds: int | None = None,
    source: str = "",
    note: str | None = None,
) -> None:
    """Print the verdict on a claim, and under it what was measured.

    text:     begins with the claim's id: "10.1.3-a: cosine beats a constant rate"
    values:   one measured number a seed (a difference, or with unit "x" a factor), see the rule above
    at_least / at_most: the margin asked; exactly one of them (higher=False turns at_least into at_most)
    seeds:    number of seeds, when it is not the number of values
    source:   what was measured on, for instance `data.banner()`; note: one more sentence for the measured
    line Raises ValueError, naming the claim, for no values, no margin or two margins.
    """
    name = text.rstrip(". ")
    if (at_least is None) == (at_most is None):
        raise ValueError(f"claim {name!r} needs a margin: give either at_least= or at_most=")
    higher = higher and at_most is None
    margin = at_most if at_least is None else at_least
    factors = unit in FACTORS
    values = [float(one) for one in values]
    try:
        result = decide(values, margin, higher=higher, factors=factors)
    except ValueError as error:
        raise ValueError(f"claim {name!r}: {error}") from None
    count = result.n if seeds is None else seeds
    asked = f"{'at least' if higher else 'at most'} {margin:g}{_unit(unit)} asked"
    print(f"Claim {name}: {result.verdict} ({asked}; {count} seed{'s' * (count != 1)})")
    print(_measured(_numbers(result, values, unit, factors, source), note))


def claim_exact(
    text: str,
    measured,
    expected=True,
    *,
    tolerance: float = 0.0,
    unit: str = "",
    source: str = "",
    note: str | None = None,
) -> None:
    """Print the verdict on a fact that no seed can change: a count, a formula's value, a yes or no.

    measured, expected: numbers (compared to within `tolerance`), or any values (compared with ==).
    """
    name = text.rstrip(". ")
    number = isinstance(expected, (int, float)) and not isinstance(expected, bool)
    holds = abs(float(measured) - expected) <= tolerance if number else measured == expected
    asked = f"{expected:g}{_unit(unit)}" if number else str(expected)
    within = f" within {tolerance:g}" if tolerance else ""
    print(f"Claim {name}: {HOLDS if holds else FAILS} (exact fact; {asked}{within} asked)")
    shown = f"{float(measured):.6g}{_unit(unit)}" if number else str(measured)
    print(_measured(shown + (f" on {source}" if source else ""), note))


def _refuse(values, margin, factors):
    if not values:
        raise ValueError("there are no measured values; give one number for each seed")
    if not math.isfinite(margin):
        raise ValueError(f"the margin is {margin}; give a finite number")
    wrong = [one for one in (*values, margin) if factors and one <= 0]
    if wrong:
        raise ValueError(f"a factor must be above 0; got {wrong[0]:g} (for differences leave out unit='x')")


def _decide_by_side(values, margin, higher) -> Verdict:
    right = [one >= margin if higher else one <= margin for one in values]
    wrong = [one < margin if higher else one > margin for one in values]
    verdict = HOLDS if all(right) else FAILS if all(wrong) else OPEN
    return Verdict(verdict, math.nan, math.nan, math.nan, len(values))


def _unit(unit: str) -> str:
    return f" {unit}" if unit and unit not in FACTORS else unit


def _numbers(result: Verdict, values, unit: str, factors: bool, source: str) -> str:
    form = "{:.3g}" if factors else "{:+.3g}"
    where = f" on {source}" if source else ""
    row = " ".join(form.format(one) for one in values)
    if len(values) == 1:
        return f"{row}{_unit(unit)} (one seed: no interval){where}"
    if math.isnan(result.mean):
        bad = sum(not math.isfinite(one) for one in values)
        return f"{bad} of {len(values)} seeds gave no finite number{where}; by seed: {row}"
    interval = f"[{form.format(result.low)}, {form.format(result.high)}]"
    return f"{form.format(result.mean)}{_unit(unit)} {interval}{where}; by seed: {row}"


def _measured(numbers: str, note: str | None) -> str:
    return f"    measured: {numbers}" + (f". {note}" if note else "")
