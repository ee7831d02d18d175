"""What a learner's function answers on fresh inputs, in whatever form it was written (runs in the sandbox).

Its answers come back as plain Python, ready for JSON.
"""

from __future__ import annotations

import copy
import dis
import traceback
from collections.abc import Callable

MOST_NUMBERS = 100_000


class NotANumber(TypeError):
    """A result that is neither a number nor a list or array of numbers."""


def numbers(value):
    """Plain Python for a number in any form: float for a scalar, (nested) list for arrays and sequences.

    Takes int, float, bool, Fraction, NumPy scalars and arrays, torch tensors (any dtype, with or without
    gradient), lists, tuples, ranges. Raises NotANumber for anything else, or more than 100,000 numbers.
    """
    try:
        return _numbers(value)
    except NotANumber:
        raise
    except Exception:  # a tensor without storage, a list that holds itself, an object whose float() fails
        raise NotANumber(f"{short(value)} ({type(value).__name__})") from None


def _numbers(value):
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
        return [numbers(part) for part in value]
    if isinstance(value, (str, bytes, complex)) or value is None or value is ...:
        raise NotANumber(f"{short(value)} ({type(value).__name__})")
    return float(value)


def probe(function, inputs, library=None) -> dict:
    """The function's answers for all inputs; what it changed in its arguments; the error that ended it, or None.

    library: the module numpy or torch hands the arguments over in its own form; None leaves them plain.
    """
    dress, answers, changed = _dress(library), [], []
    names = function.__code__.co_varnames if hasattr(function, "__code__") else ()
    for args in inputs:
        mine = [dress(copy.deepcopy(value)) for value in args]
        try:
            answer = function(*mine)
        except (MemoryError, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # the learner's own mistake: it is the answer of this probe, shown to them
            return {"answers": answers, "changed": changed, "error": _describe(error, function)}
        answers.append(_encode(answer))
        for place, (value, before) in enumerate(zip(mine, args, strict=True)):
            if not _same(value, dress(copy.deepcopy(before))):
                name = names[place] if place < len(names) else f"argument {place + 1}"
                changed += [] if name in changed else [name]
    return {"answers": answers, "changed": changed, "error": None}


def _same(left, right) -> bool:
    try:
        return numbers(left) == numbers(right)
    except NotANumber:  # something that is no number was put into an argument
        return False


def _dress(library):
    """A way to hand over an argument. Whole numbers stay whole for torch: they count things."""
    if library is None:
        return lambda x: x
    if library.__name__ == "torch":
        return lambda x: library.tensor(x, dtype=None if isinstance(x, int) else library.float64)
    return lambda x: library.asarray(x) if isinstance(x, list) else library.float64(x)


def _encode(value) -> dict:
    if value is None or value is ...:
        return {"what": "None" if value is None else "Ellipsis"}
    try:
        return {"what": "numbers", "numbers": numbers(value)}
    except NotANumber as error:
        return {"what": str(error)}


def _describe(error: BaseException, function) -> dict:
    """Type, message and where in the learner's own code: (file, line, function) of the last three calls.

    todo: the function itself says `raise NotImplementedError`, as an exercise does that was not begun.
    """
    file = function.__code__.co_filename if hasattr(function, "__code__") else None
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if frame.filename == file] or frames[1:]
    where = [(frame.filename, frame.lineno, frame.name) for frame in mine[-3:]]
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    code = last.tb_frame.f_code
    raised = code.co_filename == file and dis.opname[code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    todo = type(error) is NotImplementedError and raised
    return {"type": type(error).__name__, "message": short(error, 300, str), "where": where, "todo": todo}


def short(value, most: int = 80, words: Callable = repr) -> str:
    """repr(value), or a string itself, cut to `most` characters; objects that cannot say what they are have no text."""
    try:
        text = value if isinstance(value, str) else str(words(value))
    except Exception:
        text = "?"
    return text if len(text) <= most else text[: most - 1] + "…"
