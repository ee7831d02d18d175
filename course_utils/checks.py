"""Is this number what it has to be? What most functions ask of their arguments, with one answer."""

from __future__ import annotations

import math
from numbers import Integral, Real


def check_whole(name: str, value, low: int, high: int | None = None, *, of: str = "", hint: str = "") -> int:
    """`value` as an int. ValueError unless it is a whole number in [low, high]; high None: as large as you like.

    of: what it counts ("pixels"). hint: a sentence for the end of the message, the way out.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low or (high is not None and value > high):
        allowed = f">= {low:,}" if high is None else f"in [{low:,}, {high:,}]"
        raise ValueError(f"{name} must be a whole number{of and f' of {of}'} {allowed}, got {value!r}.{_more(hint)}")
    return int(value)


def check_positive(name: str, value, *, hint: str = "") -> float:
    """`value` as a float. ValueError unless it is a finite number > 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number > 0, got {value!r}.{_more(hint)}")
    return float(value)


def _more(hint: str) -> str:
    return f" {hint}" if hint else ""
