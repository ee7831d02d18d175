"""What a learner's function answers on fresh inputs, in whatever form it was written (runs in the sandbox).

A function may have been written for plain numbers, for NumPy or for torch. It is called with plain numbers
first, then with NumPy and torch forms of the same inputs, and its answers come back as plain Python, ready
for JSON.
"""

from __future__ import annotations

import copy
import linecache
import sys
import traceback

MOST_NUMBERS = 100_000


class NotANumber(TypeError):
    """A result that is neither a number nor a list or array of numbers."""


def numbers(value):
    """Plain Python for a number in any form: float for a scalar, (nested) list for arrays and sequences.

    Takes int, float, bool, Fraction, NumPy scalars and arrays, torch tensors (any dtype, with or without
    gradient), lists, tuples, ranges. Raises NotANumber for anything else, or more than 100,000 numbers.
    """
    if hasattr(value, "detach"):
        value = value.detach()
    size = value.numel() if hasattr(value, "numel") else getattr(value, "size", 0)
    if isinstance(size, int) and size > MOST_NUMBERS:
        raise NotANumber(f"an array of {size:,} numbers")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple, range)):
        if len(value) > MOST_NUMBERS:
            raise NotANumber(f"a {type(value).__name__} of {len(value):,} items")
        return [numbers(one) for one in value]
    if isinstance(value, (str, bytes, complex)) or value is None or value is ...:
        raise NotANumber(f"{short(value)} ({type(value).__name__})")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise NotANumber(f"{short(value)} ({type(value).__name__})") from None


def probe(function, inputs) -> dict:
    """The function's answers for all inputs, in the first kind of arguments it can take.

    A learner may have written for plain numbers, NumPy or torch: `torch.cos(t)` refuses a float,
    `math.cos(t)` takes all three. What it raised for plain numbers is the error reported when no kind
    works.
    """
    plain, *others = _dresses()
    first = _probe_with(function, inputs, plain)
    if first["error"] is None or first["error"]["type"] not in ("TypeError", "AttributeError"):
        return first
    for dress in others:
        result = _probe_with(function, inputs, dress)
        if result["error"] is None:
            return result
    return first


def _probe_with(function, inputs, dress) -> dict:
    answers, changed = [], []
    names = function.__code__.co_varnames if hasattr(function, "__code__") else ()
    for args in inputs:
        mine = [dress(copy.deepcopy(one)) for one in args]
        try:
            value = function(*mine)
        except MemoryError:
            raise
        except Exception as error:  # the learner's own mistake: it is the answer of this probe, shown to them
            return {"answers": answers, "changed": changed, "error": _describe(error, function)}
        answers.append(_encode(value))
        for place, (one, before) in enumerate(zip(mine, args, strict=True)):
            if not _same(one, dress(copy.deepcopy(before))):
                name = names[place] if place < len(names) else f"argument {place + 1}"
                changed += [] if name in changed else [name]
    return {"answers": answers, "changed": changed, "error": None}


def _same(left, right) -> bool:
    try:
        return numbers(left) == numbers(right)
    except NotANumber:  # something that is no number was put into an argument
        return False


def _dresses():
    """Ways to hand over an argument: as it is, as NumPy, as torch (only what the learner has imported)."""
    yield lambda x: x
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy:
        yield lambda x: numpy.asarray(x) if isinstance(x, list) else numpy.float64(x)
    if torch:  # whole numbers stay whole: they count things
        yield lambda x: torch.tensor(x, dtype=None if isinstance(x, int) else torch.float64)


def _encode(value) -> dict:
    if value is None or value is ...:
        return {"what": "None" if value is None else "Ellipsis"}
    try:
        return {"what": "numbers", "numbers": numbers(value)}
    except NotANumber as error:
        return {"what": str(error)}


def _describe(error: Exception, function) -> dict:
    """Type, message and the learner's own lines of a traceback (the last three)."""
    file = function.__code__.co_filename if hasattr(function, "__code__") else None
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if f.filename == file] or frames[1:]
    lines = []
    for f in mine[-3:]:
        source = f.line or linecache.getline(f.filename, f.lineno).strip()
        lines.append(f"line {f.lineno} of {f.name}: {source}".rstrip(": "))
    return {
        "type": type(error).__name__,
        "message": short(str(error), 300),
        "lines": lines,
        "depth": len(mine),
    }


def short(value, most: int = 80) -> str:
    """repr(value), or a string itself, cut to `most` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
