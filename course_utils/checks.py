"""Is this number what it has to be? What most functions ask of their arguments, with one answer."""

from __future__ import annotations

import math
from numbers import Integral, Real


def is_number(value) -> bool:
    """True for a finite real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_whole(name: str, value, low: int, high: int | None = None, *, of: str = "", hint: str = "") -> int:
    """`value` as an int. ValueError unless it is a whole number in [low, high]; high None: as large as you like.

    of: what it counts ("pixels"). hint: a sentence for the end of the message, the way out.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low or (high is not None and value > high):
        allowed = f">= {low:,}" if high is None else f"in [{low:,}, {high:,}]"
        raise ValueError(f"{name} must be a whole number{of and f' of {of}'} {allowed}, got {value!r}.{_more(hint)}")
    return int(value)


def check_within(name: str, value, low: float, high: float = math.inf, *, ends: str = "[]", hint: str = "") -> float:
    """`value` as a float. ValueError unless it is a finite number between low and high.

    ends: whether these belong to it, as mathematicians write it: "[]", "[)", "(]" or "()". hint: as in `check_whole`.
    """
    at_an_end = value == low and ends[0] == "[" or value == high and ends[1] == "]"
    if not (is_number(value) and (low < value < high or at_an_end)):
        at_least = ">=" if ends[0] == "[" else ">"
        allowed = f"{at_least} {low:g}" if high == math.inf else f"in {ends[0]}{low:g}, {high:g}{ends[1]}"
        raise ValueError(f"{name} must be a finite number {allowed}, got {value!r}.{_more(hint)}")
    return float(value)


def check_positive(name: str, value, *, hint: str = "") -> float:
    """`value` as a float. ValueError unless it is a finite number > 0."""
    return check_within(name, value, 0, ends="()", hint=hint)


def _more(hint: str) -> str:
    return f" {hint}" if hint else ""
