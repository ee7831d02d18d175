"""Judge an answer: correct, not yet, error in your code, or not attempted.

`judge(exercise, answer)` is pure: it displays nothing and records nothing. Functions are probed with fresh
inputs in `sandbox`; the learner's numbers come back and are compared here with the reference and, when they
are wrong, with every known misconception.
"""

from __future__ import annotations

import copy
import dis
import functools
import linecache
import math
import os
import random
import sys
from dataclasses import dataclass, field

from course_utils.exercises import bank, sandbox
from course_utils.exercises.probing import NotANumber, numbers, probe, short

CORRECT, NOT_YET = "correct", "not yet"
ERROR, NOT_ATTEMPTED = "error in your code", "not attempted"
NO_FORK = (
    "fork-based multiprocessing",
    "in forked subprocess",
)  # torch's words: autograd or CUDA refuse a forked child


@dataclass
class Outcome:
    """kind: one of the four words above; text: Markdown for the learner; misconception: its name or None."""

    kind: str
    text: str = ""
    misconception: str | None = None
    printed: str = ""
    details: dict = field(default_factory=dict)


def flat(value) -> list[float]:
    """The numbers of a nested list in one row."""
    return [x for one in value for x in flat(one)] if isinstance(value, list) else [value]


def close(got, expected, relative: float, floor: float) -> bool:
    """True when both hold the same numbers: each |got - expected| <= max(floor, relative * |expected|)."""
    got, expected = flat(got), flat(expected)
    return len(got) == len(expected) and all(
        g == e or abs(g - e) <= max(floor, relative * abs(e)) for g, e in zip(got, expected, strict=True)
    )


def judge(
    exercise,
    answer,
    *,
    seed: int | None = None,
    given: dict | None = None,
    way: str | None = None,
    seconds: float = sandbox.SECONDS,
) -> Outcome:
    """Judge one answer. seed fixes the probes (tests); without it they come from the operating system.

    given: replaces what a value or choice exercise shows. way, seconds: see `sandbox.run`.
    """
    if isinstance(exercise, bank.FunctionExercise):
        rng = random.Random(int.from_bytes(os.urandom(8), "big") if seed is None else seed)
        return _judge_function(exercise, answer, rng, way, seconds)
    if isinstance(exercise, bank.ValueExercise):
        return _judge_value(exercise, answer, {**exercise.given, **(given or {})})
    if isinstance(exercise, bank.ChoiceExercise):
        return _judge_choice(exercise, answer, {**exercise.given, **(given or {})})
    return Outcome(NOT_ATTEMPTED, "This is an open experiment: there is nothing to check, only something to see.")


# ---------------------------------------------------------------- functions


def _judge_function(exercise, answer, rng, way, seconds) -> Outcome:
    if answer is None or answer is ...:
        return Outcome(NOT_ATTEMPTED)
    if not callable(answer):
        return Outcome(
            NOT_YET,
            f'Hand over the function itself: `check("{exercise.id}", {exercise.function})`, '
            f"without calling it. You gave {short(answer)}.",
        )
    inputs = exercise.inputs(rng)
    result = _probed(answer, inputs, way, seconds)
    outcome = _judge_probes(exercise, answer, inputs, result)
    outcome.printed = _printed(result)
    return outcome


def _probed(answer, inputs, way, seconds) -> sandbox.Guarded:
    """The answers in the first form of arguments that the function can take: plain numbers, NumPy or torch.

    A learner may have written for any of them: `torch.cos(t)` refuses a float, `math.cos(t)` takes all three. What the
    function raised for plain numbers is what is reported when no form works.
    """
    first = None
    for library in (None, *(sys.modules[name] for name in ("numpy", "torch") if name in sys.modules)):
        work = functools.partial(probe, answer, inputs, library)
        result = sandbox.run(work, way=way, seconds=seconds)
        error = None if result.problem else result.value["error"]
        if error and error["type"] == "RuntimeError" and any(words in error["message"] for words in NO_FORK):
            result = sandbox.run(work, way="spawn", seconds=seconds)
            error = None if result.problem else result.value["error"]
        first = first or result
        if not error or first is result and error["type"] not in ("TypeError", "AttributeError"):
            return result
    return first


def _judge_probes(exercise, answer, inputs, result) -> Outcome:
    name = exercise.function
    if result.problem:
        return Outcome(ERROR, f"`{name}` was stopped: {result.detail}.", details={"problem": result.problem})
    answers = result.value["answers"]
    error = result.value["error"]
    if error:
        if error["type"] == "NotImplementedError":
            return Outcome(NOT_ATTEMPTED)
        return Outcome(ERROR, _error_text(exercise, answer, inputs[len(answers)], error), details=error)
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
        return Outcome(
            NOT_YET,
            f"The numbers are right, but `{exercise.function}` changes its argument "
            f"`{kept[0]}` in place: whoever calls it finds their own data altered. Work on a copy, "
            "or make a new list.",
            "changes its argument",
        )
    if all(right):
        text = f"{len(inputs)} inputs tried, most of them drawn afresh; every answer agrees with the formula."
        if changed:
            text += (
                f" One remark: the function changes `{changed[0]}` in place. Right here, and what "
                f"optimizers do; "
                "but the caller's old value is gone."
            )
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
        return (
            f"{asked}\n- given: {len(flat(got))} numbers: `{_show(got)}`"
            f"\n- expected: {len(flat(expected))} numbers: `{_show(expected)}`"
        )
    return f"{asked}\n- given: `{_show(got)}`\n- expected: `{_show(expected)}`"


def _error_text(exercise, answer, args, error) -> str:
    where = "\n".join(_source_line(answer, *place) for place in error["where"])
    text = f"`{exercise.function}` raised **{error['type']}**: {error['message']}\n\n```\n{where}\n```"
    if error["type"] == "RecursionError":
        text += "\nIt calls itself without end."
    return text + f"\n- input: {_call(exercise, args)}"


def _source_line(answer, file: str, number: int, name: str) -> str:
    """One line of a traceback. A function that was sent to a fresh Python has forgotten its file there."""
    code = getattr(getattr(answer, "__globals__", {}).get(name, answer), "__code__", None)
    text = linecache.getline(file, number) or linecache.getline(getattr(code, "co_filename", ""), number)
    return f"line {number} of {name}: {text.strip()}".rstrip(": ")


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
        return Outcome(NOT_YET, f"A number is asked; given: {short(answer)} ({type(answer).__name__}).")
    if len(row) != 1 or math.isnan(row[0]):
        return Outcome(NOT_YET, f"One number is asked; given: {short(answer)}.")
    unit = f" {exercise.unit}" if exercise.unit else ""
    right = numbers(exercise.answer(**given))
    if close(row[0], right, exercise.relative, 1e-12):
        return Outcome(CORRECT, f"{_show(row[0])}{unit} is right (to within {exercise.relative:.1%}).")
    shown = ", ".join(f"{key} = {_show(value)}" for key, value in given.items())
    text = (
        f"- asked: {exercise.title}, for {shown}\n- given: `{_show(row[0])}`{unit}"
        f"\n- expected: a {'smaller' if row[0] > right else 'larger'} number (not shown: it would be the "
        f"solution)"
    )
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
        return Outcome(NOT_YET, f"Pick one of {labels}; given: {short(answer)}.")
    if pick == exercise.answer(**given):
        return Outcome(CORRECT, f"{pick}: {exercise.options[pick]}")
    text = f"- asked: {exercise.title}\n- given: {pick}: {exercise.options[pick]}"
    for wrong in exercise.misconceptions:
        if pick == bank.evaluate(wrong.source, {**exercise.names, **given}):
            return Outcome(NOT_YET, f"**{wrong.message}**\n\n{text}", wrong.name)
    return Outcome(NOT_YET, text)


# ---------------------------------------------------------------- words


def _show(value) -> str:
    """Numbers as a reader likes them: six digits, long lists cut in the middle."""
    if isinstance(value, (list, tuple)):
        row = [_show(one) for one in value]
        return "[" + ", ".join(row if len(row) <= 8 else [*row[:6], "…", row[-1]]) + "]"
    if isinstance(value, (int, float)):
        return f"{value:.6g}"
    return short(value)


def _call(exercise, args) -> str:
    code = exercise.reference.__code__
    named = zip(code.co_varnames[: code.co_argcount], args, strict=True)
    return f"`{exercise.function}({', '.join(f'{name}={_show(value)}' for name, value in named)})`"


def _printed(result) -> str:
    if not result.printed_chars:
        return ""
    more = result.printed_chars - min(result.printed_chars, 500)
    return result.printed[:500] + (f"\n… and {more:,} more characters" if more else "")
