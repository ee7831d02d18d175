"""Claims: a sentence of the lecture, and the measurement that decides it.

    claim("10.1.3-a: cosine beats a constant rate", differences, at_least=1.0, unit="points",
          source=data.banner())

shows a card (card.py), or outside a notebook prints its two lines. The first, with the verdict, is compared between
machines; the second, with the numbers, is not:

    Claim 10.1.3-a: cosine beats a constant rate: holds (at least 1 point asked; 3 seeds)
        measured: +3.4 points [+2.6, +4.2] on CIFAR-10; by seed: +2.9 +3.5 +3.8

**The rule.** `values` are one number a seed, paired where a pair makes sense (same seed, same data order, the
difference between the two trainings). Their mean has a 90 % Student t interval (mean ± t · s/√n, t = 2.92 for three
seeds), whose ends are one-sided 95 % bounds (Student 1908, "The probable error of a mean"). The claim

- **holds** when the whole interval is on the right side of the margin,
- **does not hold here** when the whole interval is on the wrong side,
- **cannot tell from these seeds** when the margin lies inside it, or with a single seed.

Factors (unit "x") are averaged as logarithms: twice and half cancel out. An infinite value (a run that diverged) allows
no interval: then every seed must be on the right side to hold, and every seed on the wrong side not to hold. A NaN is
on neither side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from course_utils.checks import is_number
from course_utils.claims import card
from course_utils.claims.card import FAILS, HOLDS, OPEN

FACTORS = ("x", "×", "times")


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
    values = [float(value) for value in values]
    _refuse(values, margin, factors)
    if len(values) == 1:
        return Verdict(OPEN, values[0], math.nan, math.nan, 1)
    finite = all(map(math.isfinite, values))
    if finite:
        scale, back = (math.log, math.exp) if factors else (float, float)
        scaled = [scale(value) for value in values]
        half = student(len(scaled) - 1) * stdev(scaled) / math.sqrt(len(scaled))
        mean, low, high = (back(fmean(scaled) + way * half) for way in (0, -1, 1))
    else:  # no interval: every seed has to be on one side, and a NaN is on neither
        low, high = (-math.inf, math.inf) if any(map(math.isnan, values)) else (min(values), max(values))
    right, wrong = (low >= margin, high < margin) if higher else (high <= margin, low > margin)
    numbers = (mean, low, high) if finite else (math.nan, math.nan, math.nan)
    return Verdict(HOLDS if right else FAILS if wrong else OPEN, *numbers, len(values))


def student(freedom: int) -> float:
    """The 95 % point of Student's t with `freedom` degrees of freedom, to three digits after the point."""
    from scipy.special import stdtrit  # here, so that a lesson's first slider does not wait for it

    return round(float(stdtrit(freedom, 0.95)), 3)


def claim(
    text, values, *, at_least=None, at_most=None, higher=True, unit="", seeds: int | None = None, source="", note=None
) -> None:
    """Show the verdict on a claim, what was measured, and each seed beside the margin (see card.py).

    text: begins with the claim's id: "10.1.3-a: cosine beats a constant rate". values: one measured number a seed (a
    difference, or with unit "x" a factor), see the rule above. at_least / at_most: the margin asked; exactly one of
    them (higher=False turns at_least into at_most). seeds: their number, when it is not the number of values. source:
    what was measured on, for instance `data.banner()`. note: one more sentence for the measured line. Raises
    ValueError, naming the claim, for no values, no margin or two margins.
    """
    name = text.rstrip(". ")
    if (at_least is None) == (at_most is None):
        raise ValueError(f"claim {name!r} needs a margin: give either at_least= or at_most=")
    higher, margin = higher and at_most is None, at_most if at_least is None else at_least
    values = [float(value) for value in values]
    try:
        result = decide(values, margin, higher=higher, factors=unit in FACTORS)
    except ValueError as error:
        raise ValueError(f"claim {name!r}: {error}") from None
    count = result.n if seeds is None else seeds
    words = f"{'at least' if higher else 'at most'} {amount(margin, unit)}"
    line = f"Claim {name}: {result.verdict} ({words} asked; {count} seed{'s' * (count != 1)})"
    measured = measured_line(result, values, unit, source, note)
    card.show(
        line, measured, result.verdict, strip_of(result, values, (margin, None) if higher else (None, margin), unit)
    )


def strip_of(result: Verdict, values: list[float], margins: tuple, unit: str) -> card.Strip:
    """What a claim's card draws."""
    return card.Strip(tuple(values), result.mean, result.low, result.high, margins, unit, unit in FACTORS)


def claim_exact(text, measured, expected=True, *, tolerance: float = 0.0, unit="", source="", note=None) -> None:
    """Show the verdict on a fact that no seed can change: a count, a formula's value, a yes or no.

    measured, expected: numbers (compared to within `tolerance`), or any values (compared with ==).
    """
    name = text.rstrip(". ")
    number = is_number(expected)
    holds = abs(float(measured) - expected) <= tolerance if number else measured == expected
    words = f"{expected:g}{in_unit(unit)}" if number else str(expected)
    within = f" within {tolerance:g}" if tolerance else ""
    verdict = HOLDS if holds else FAILS
    shown = f"{float(measured):.6g}{in_unit(unit)}" if number else str(measured)
    line = f"Claim {name}: {verdict} (exact fact; {words}{within} asked)"
    card.show(line, _measured(shown + (f" on {source}" if source else ""), note), verdict)


def _refuse(values, margin, factors):
    if not values:
        raise ValueError("there are no measured values; give one number for each seed")
    if not math.isfinite(margin):
        raise ValueError(f"the margin is {margin}; give a finite number")
    wrong = [value for value in (*values, margin) if factors and value <= 0]
    if wrong:
        raise ValueError(f"a factor must be above 0; got {wrong[0]:g} (for differences leave out unit='x')")


def amount(number: float, unit: str) -> str:
    """A margin in words: "1 point", "5 points", "10x"."""
    single = number == 1 and unit.endswith("s") and unit not in FACTORS
    return f"{number:g}{in_unit(unit.removesuffix('s') if single else unit)}"


def in_unit(unit: str) -> str:
    """What follows a number: nothing, "x", or a space and the unit."""
    return f" {unit}" if unit and unit not in FACTORS else unit


def measured_line(result: Verdict, values, unit: str, source: str, note: str | None = None) -> str:
    """The second line of a claim: mean, interval, where it was measured and the number of each seed."""
    form = "{:.3g}" if unit in FACTORS else "{:+.3g}"
    where = f" on {source}" if source else ""
    row = " ".join(form.format(value) for value in values)
    if len(values) == 1:
        return _measured(f"{row}{in_unit(unit)} (one seed: no interval){where}", note)
    if math.isnan(result.mean):
        bad = sum(not math.isfinite(value) for value in values)
        return _measured(f"{bad} of {len(values)} seeds gave no finite number{where}; by seed: {row}", note)
    mean, low, high = map(form.format, (result.mean, result.low, result.high))
    return _measured(f"{mean}{in_unit(unit)} [{low}, {high}]{where}; by seed: {row}", note)


def _measured(numbers: str, note: str | None) -> str:
    return f"    measured: {numbers}" + (f". {note}" if note else "")
