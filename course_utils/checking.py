"""Judge an answer: correct, not yet, error in your code, or not attempted.

`judge(exercise, answer)` is pure: it displays nothing and records nothing. Functions are probed with fresh
inputs in `sandbox`; the learner's numbers come back and are compared here with the reference and, when they
are wrong, with every known misconception.
"""

from __future__ import annotations

import copy
import dis
import linecache
import math
import os
import random
import sys
import traceback
from dataclasses import dataclass, field

from course_utils import bank, sandbox

CORRECT, NOT_YET = "correct", "not yet"
ERROR, NOT_ATTEMPTED = "error in your code", "not attempted"
MOST_NUMBERS = 100_000


@dataclass
class Outcome:
    """kind: one of the four words above. text: Markdown for the learner. misconception: its name, if one fits."""

    kind: str
    text: str = ""
    misconception: str | None = None
    printed: str = ""
    details: dict = field(default_factory=dict)


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
        raise NotANumber(f"{_short(value)} ({type(value).__name__})")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise NotANumber(f"{_short(value)} ({type(value).__name__})") from None


def flat(value) -> list[float]:
    """The numbers of a nested list in one row."""
    return [x for one in value for x in flat(one)] if isinstance(value, list) else [value]


def close(got, expected, relative: float, floor: float) -> bool:
    """True when both hold the same numbers: |got - expected| <= max(floor, relative * |expected|) for each."""
    got, expected = flat(got), flat(expected)
    return len(got) == len(expected) and all(
        g == e or abs(g - e) <= max(floor, relative * abs(e)) for g, e in zip(got, expected, strict=True)
    )


def judge(exercise, answer, *, seed: int | None = None, given: dict | None = None, fork: bool | None = None,
          seconds: float = sandbox.SECONDS) -> Outcome:
    """Judge one answer. seed fixes the probes (tests); without it they come from the operating system.

    given: replaces what a value or choice exercise shows. fork, seconds: see `sandbox.run`.
    """
    if isinstance(exercise, bank.FunctionExercise):
        rng = random.Random(int.from_bytes(os.urandom(8), "big") if seed is None else seed)
        return _judge_function(exercise, answer, rng, fork, seconds)
    if isinstance(exercise, bank.ValueExercise):
        return _judge_value(exercise, answer, {**exercise.given, **(given or {})})
    if isinstance(exercise, bank.ChoiceExercise):
        return _judge_choice(exercise, answer, {**exercise.given, **(given or {})})
    return Outcome(NOT_ATTEMPTED, "This is an open experiment: there is nothing to check, only something to see.")


# ---------------------------------------------------------------- functions

def _judge_function(exercise, answer, rng, fork, seconds) -> Outcome:
    if answer is None or answer is ...:
        return Outcome(NOT_ATTEMPTED)
    if not callable(answer):
        return Outcome(NOT_YET, f"Hand over the function itself: `check(\"{exercise.id}\", {exercise.function})`, "
                                f"without calling it. You gave {_short(answer)}.")
    inputs = exercise.inputs(rng)
    result = sandbox.run(lambda: _probe(answer, inputs), fork=fork, seconds=seconds)
    if result.problem is None and _fork_is_the_problem(result.value):
        result = sandbox.run(lambda: _probe(answer, inputs), fork=False, seconds=seconds)
    outcome = _judge_probes(exercise, answer, inputs, result)
    outcome.printed = _printed(result)
    return outcome


def _judge_probes(exercise, answer, inputs, result) -> Outcome:
    name = exercise.function
    if result.problem:
        return Outcome(ERROR, f"`{name}` was stopped: {result.detail}.", details={"problem": result.problem})
    answers = result.value["answers"]
    error = result.value["error"]
    if error:
        if error["type"] == "NotImplementedError":
            return Outcome(NOT_ATTEMPTED)
        return Outcome(ERROR, _error_text(exercise, inputs[len(answers)], error), details=error)
    if all(one["what"] == "Ellipsis" for one in answers):
        return Outcome(NOT_ATTEMPTED)
    if all(one["what"] == "None" for one in answers):
        if not _does_something(answer):
            return Outcome(NOT_ATTEMPTED)
        return Outcome(NOT_YET, f"`{name}` gives back nothing (`None`). Is the last line a `return`?")
    return _compare(exercise, inputs, answers, result.value["changed"])


def _compare(exercise, inputs, answers, changed) -> Outcome:
    for one, args in zip(answers, inputs, strict=True):
        if one["what"] != "numbers":
            return Outcome(NOT_YET, f"Asked: {exercise.returns}. Given: {one['what']}, for {_call(exercise, args)}.")
    got = [one["numbers"] for one in answers]
    expected = [numbers(exercise.reference(*copy.deepcopy(args))) for args in inputs]
    floors = [exercise.floor(*args) for args in inputs]

    def agree(left, right):
        return [close(a, b, exercise.relative, f) for a, b, f in zip(left, right, floors, strict=True)]

    right = agree(got, expected)
    kept = [name for name in exercise.keeps if name in changed]
    if all(right) and kept:
        return Outcome(NOT_YET, f"The numbers are right, but `{exercise.function}` changes its argument "
                                f"`{kept[0]}` in place: whoever calls it finds their own data altered. Work on a copy, "
                                "or make a new list.", "changes its argument")
    if all(right):
        text = f"{len(inputs)} inputs tried, most of them drawn afresh; every answer agrees with the formula."
        if changed:
            text += (f" One remark: the function changes `{changed[0]}` in place. Right here, and what optimizers do; "
                     "but the caller's old value is gone.")
        return Outcome(CORRECT, text)
    worst = right.index(False)
    text = _difference(exercise, inputs[worst], got[worst], expected[worst])
    for wrong in exercise.misconceptions:
        behaves = bank.define(wrong.source, exercise.function)
        if all(agree(got, [numbers(behaves(*copy.deepcopy(args))) for args in inputs])):
            return Outcome(NOT_YET, f"**{wrong.message}**\n\n{text}", wrong.name)
    text += f"\n\n{sum(right)} of {len(right)} inputs agree."
    return Outcome(NOT_YET, text)


def _difference(exercise, args, got, expected) -> str:
    asked = f"- asked: {exercise.returns}\n- input: {_call(exercise, args)}"
    if len(flat(got)) != len(flat(expected)):
        return (f"{asked}\n- given: {len(flat(got))} numbers: `{_show(got)}`"
                f"\n- expected: {len(flat(expected))} numbers: `{_show(expected)}`")
    return f"{asked}\n- given: `{_show(got)}`\n- expected: `{_show(expected)}`"


def _probe(function, inputs) -> dict:
    """(In the sandbox.) The function's answers for all inputs, in the first kind of arguments it can take.

    A learner may have written for plain numbers, NumPy or torch: `torch.cos(t)` refuses a float, `math.cos(t)`
    takes all three. What it raised for plain numbers is the error reported when no kind works.
    """
    first = None
    for dress in _dresses():
        result = _probe_with(function, inputs, dress)
        if result["error"] is None or result["error"]["type"] == "NotImplementedError":
            return result
        first = first or result
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
        except Exception as error:      # the learner's own mistake: it is the answer of this probe, shown to them
            return {"answers": answers, "changed": changed, "error": _describe(error, function)}
        answers.append(_encode(value))
        for place, (one, before) in enumerate(zip(mine, args, strict=True)):
            if numbers(one) != numbers(dress(copy.deepcopy(before))):
                name = names[place] if place < len(names) else f"argument {place + 1}"
                changed += [] if name in changed else [name]
    return {"answers": answers, "changed": changed, "error": None}


def _dresses():
    yield lambda x: x
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy:
        yield lambda x: numpy.asarray(x) if isinstance(x, list) else numpy.float64(x)
    if torch:
        yield lambda x: torch.tensor(x, dtype=torch.float64 if isinstance(x, float) else None) \
            if not isinstance(x, list) else torch.tensor(x, dtype=torch.float64)


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
    lines = [f"line {f.lineno} of {f.name}: {f.line or linecache.getline(f.filename, f.lineno).strip()}".rstrip(": ")
             for f in mine[-3:]]
    return {"type": type(error).__name__, "message": _short(str(error), 300), "lines": lines, "depth": len(mine)}


def _fork_is_the_problem(value: dict) -> bool:
    """True when torch refused to work in a forked child (autograd's threads, CUDA): then the check runs here."""
    error = value["error"]
    return bool(error) and error["type"] == "RuntimeError" and (
        "fork-based multiprocessing" in error["message"] or "in forked subprocess" in error["message"])


def _error_text(exercise, args, error) -> str:
    where = "\n".join(error["lines"])
    text = f"`{exercise.function}` raised **{error['type']}**: {error['message']}\n\n```\n{where}\n```"
    if error["type"] == "RecursionError":
        text += "\nIt calls itself without end."
    return text + f"\n- input: {_call(exercise, args)}"


def _does_something(function) -> bool:
    """True when the body computes anything: a forgotten `return`, as opposed to an untouched stub."""
    if not hasattr(function, "__code__"):
        return True
    work = ("BINARY_", "INPLACE_", "COMPARE_", "CALL", "STORE_", "FOR_ITER")
    return any(step.opname.startswith(work) for step in dis.get_instructions(function))


# ---------------------------------------------------------------- numbers and choices

def _judge_value(exercise, answer, given) -> Outcome:
    if answer is None or answer is ...:
        return Outcome(NOT_ATTEMPTED)
    try:
        row = flat(numbers(float(answer) if isinstance(answer, str) else answer))
    except (NotANumber, ValueError):
        return Outcome(NOT_YET, f"A number is asked; given: {_short(answer)} ({type(answer).__name__}).")
    if len(row) != 1 or math.isnan(row[0]):
        return Outcome(NOT_YET, f"One number is asked; given: {_short(answer)}.")
    unit = f" {exercise.unit}" if exercise.unit else ""
    right = numbers(exercise.answer(**given))
    if close(row[0], right, exercise.relative, 1e-12):
        return Outcome(CORRECT, f"{_show(row[0])}{unit} is right (to within {exercise.relative:.1%}).")
    shown = ", ".join(f"{key} = {_show(value)}" for key, value in given.items())
    text = (f"- asked: {exercise.title}, for {shown}\n- given: `{_show(row[0])}`{unit}"
            f"\n- expected: a {'smaller' if row[0] > right else 'larger'} number (not shown: it would be the solution)")
    for wrong in exercise.misconceptions:
        if close(row[0], numbers(bank.evaluate(wrong.source, given)), exercise.relative, 1e-12):
            return Outcome(NOT_YET, f"**{wrong.message}**\n\n{text}", wrong.name)
    return Outcome(NOT_YET, text)


def _judge_choice(exercise, answer, given) -> Outcome:
    if answer is None or answer is ...:
        return Outcome(NOT_ATTEMPTED)
    labels = ", ".join(f'"{label}"' for label in exercise.options)
    pick = answer.strip().strip(".)(").upper() if isinstance(answer, str) else answer
    if pick not in exercise.options:
        return Outcome(NOT_YET, f"Pick one of {labels}; given: {_short(answer)}.")
    if pick == exercise.answer(**given):
        return Outcome(CORRECT, f"{pick}: {exercise.options[pick]}")
    text = f"- asked: {exercise.title}\n- given: {pick}: {exercise.options[pick]}"
    for wrong in exercise.misconceptions:
        if pick == bank.evaluate(wrong.source, {**exercise.names, **given}):
            return Outcome(NOT_YET, f"**{wrong.message}**\n\n{text}", wrong.name)
    return Outcome(NOT_YET, text)


# ---------------------------------------------------------------- words

def _short(value, most: int = 80) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[:most - 1] + "…"


def _show(value) -> str:
    """Numbers as a reader likes them: six digits, long lists cut in the middle."""
    if isinstance(value, (list, tuple)):
        row = [_show(one) for one in value]
        return "[" + ", ".join(row if len(row) <= 8 else [*row[:6], "…", row[-1]]) + "]"
    if isinstance(value, (int, float)):
        return f"{value:.6g}"
    return _short(value)


def _call(exercise, args) -> str:
    code = exercise.reference.__code__
    named = zip(code.co_varnames[:code.co_argcount], args, strict=True)
    return f"`{exercise.function}({', '.join(f'{name}={_show(value)}' for name, value in named)})`"


def _printed(result) -> str:
    if not result.printed_chars:
        return ""
    more = result.printed_chars - min(result.printed_chars, 500)
    return result.printed[:500] + (f"\n… and {more:,} more characters" if more else "")
