"""Is this number what it has to be? What most functions ask of their arguments, with one answer."""

from __future__ import annotations

import math
from numbers import Integral, Real


def is_number(value) -> bool:
    """True for a finite real number; True and False are none, and neither are arrays and tensors."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


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
    good = is_number(value) and low <= value <= high
    if not good or (value == low and ends[0] == "(") or (value == high and ends[1] == ")"):
        at_least = ">=" if ends[0] == "[" else ">"
        allowed = f"{at_least} {low:g}" if high == math.inf else f"in {ends[0]}{low:g}, {high:g}{ends[1]}"
        if hasattr(value, "__array__"):  # NumPy arrays, tensors; a number of NumPy's has it, too
            hint = hint if isinstance(value, Real) else "For one number use float(...), for many make a call for each."
        raise ValueError(f"{name} must be a finite number {allowed}, got {shown(value)}.{_more(hint)}")
    return float(value)


def check_positive(name: str, value, *, hint: str = "") -> float:
    """`value` as a float. ValueError unless it is a finite number > 0."""
    return check_within(name, value, 0, ends="()", hint=hint)


def shown(value) -> str:
    """`value` as an error message shows it: not longer than a line."""
    if isinstance(value, int) and abs(value) > 10**300:  # Python refuses to write out very long whole numbers
        return "a whole number of more than 300 digits"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _more(hint: str) -> str:
    return f" {hint}" if hint else ""
