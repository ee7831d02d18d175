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


def check_number(
    name: str, value, low=-math.inf, high=math.inf, *, open_low=False, open_high=False, hint: str = ""
) -> float:
    """`value` as a float. ValueError unless it is a finite number in [low, high]; arrays and tensors are refused.

    open_low, open_high: that end itself is out of range.
    """
    allowed = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high or high == math.inf else ']'}"
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else math.nan
    except OverflowError:  # a whole number too large for a float
        number = math.inf
    if not math.isfinite(number):
        if hasattr(value, "__array__"):  # NumPy arrays, tensors
            hint = "For one number use float(...), for many make one call for each."
        raise ValueError(f"{name} must be a finite number in {allowed}, got {shown(value)}.{_more(hint)}")
    if number < low or number > high or (open_low and number == low) or (open_high and number == high):
        raise ValueError(f"{name} must lie in {allowed}, got {shown(value)}.{_more(hint)}")
    return number


def shown(value) -> str:
    """`value` as an error message shows it: not longer than a line."""
    if isinstance(value, int) and abs(value) > 10**300:  # Python refuses to write out very long whole numbers
        return "a whole number of more than 300 digits"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _more(hint: str) -> str:
    return f" {hint}" if hint else ""
