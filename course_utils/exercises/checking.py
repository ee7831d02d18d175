"""Judge an answer: correct, not yet, error in your code, or not attempted.

`judge(exercise, answer)` is pure: it displays nothing and records nothing. Functions are probed with fresh inputs in
`sandbox`; the learner's numbers come back and are compared here with the reference and, when they are wrong, with every
known misconception.
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
from dataclasses import dataclass

from course_utils.exercises import bank, sandbox
from course_utils.exercises.probing import NotANumber, numbers, probe, short
from course_utils.pictures.originals import own_functions

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


def flat(value) -> list[float]:
    """The numbers of a nested list in one row."""
    return [x for part in value for x in flat(part)] if isinstance(value, list) else [value]


def close(got, expected, relative: float, floor: float) -> bool:
    """True when both hold the same numbers: each |got - expected| <= max(floor, relative * |expected|)."""
    got, expected = flat(got), flat(expected)
    return len(got) == len(expected) and all(
        g == e or abs(g - e) <= max(floor, relative * abs(e)) for g, e in zip(got, expected, strict=True)
    )


def judge(exercise, answer, *, seed=None, given: dict | None = None, way=None, seconds=sandbox.SECONDS) -> Outcome:
    """Judge one answer. seed fixes the probes (tests); without it they come from the operating system.

    given: replaces what a value or choice exercise shows. way, seconds: see `sandbox.run`. Whatever the answer is or
    does, the outcome says so; names of `math` that a cell has overwritten count as if it had not.
    """
    with own_functions():
        return _judged(exercise, answer, seed, given, way, seconds)


def _judged(exercise, answer, seed, given, way, seconds) -> Outcome:
    if isinstance(exercise, bank.OpenExercise):
        return Outcome(NOT_ATTEMPTED, "This is an open experiment: there is nothing to check, only something to see.")
    if answer is None or answer is ...:
        return Outcome(NOT_ATTEMPTED)
    if isinstance(exercise, bank.FunctionExercise):
        rng = random.Random(int.from_bytes(os.urandom(8), "big") if seed is None else seed)
        return _judge_function(exercise, answer, rng, way, seconds)
    judge_it = _judge_value if isinstance(exercise, bank.ValueExercise) else _judge_choice
    return judge_it(exercise, answer, {**exercise.given, **(given or {})})


def _not_yet(text: str, wrong: bank.Misconception | None = None) -> Outcome:
    """Not yet; where a known misconception answers the same, its message comes first."""
    return Outcome(NOT_YET, f"**{wrong.message}**\n\n{text}", wrong.name) if wrong else Outcome(NOT_YET, text)


# ------------------------------------------------------------------------------------- functions
def _judge_function(exercise, answer, rng, way, seconds) -> Outcome:
    if not callable(answer):
        call = f'`check("{exercise.id}", {exercise.function})`'
        return _not_yet(f"Hand over the function itself: {call}, without calling it. You gave {short(answer)}.")
    inputs = exercise.inputs(rng)
    result = _probed(answer, inputs, way, seconds)
    outcome = _judge_probes(exercise, answer, inputs, result)
    if more := result.printed_chars - min(result.printed_chars, 500):
        outcome.printed = f"{result.printed[:500]}\n… and {more:,} more characters"
    else:
        outcome.printed = result.printed
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
            # Never here, in the kernel: an answer may only pretend to be refused.
            result = sandbox.run(work, way="spawn", seconds=seconds, others=False) or result
            error = None if result.problem else result.value["error"]
        first = first or result
        if not error or first is result and error["type"] not in ("TypeError", "AttributeError"):
            return result
    return first


def _judge_probes(exercise, answer, inputs, result) -> Outcome:
    name = exercise.function
    if result.problem:
        return Outcome(ERROR, f"`{name}` was stopped: {result.detail}.")
    answers, error = result.value["answers"], result.value["error"]
    if error:
        if error["todo"]:
            return Outcome(NOT_ATTEMPTED)
        return Outcome(ERROR, _error_text(exercise, answer, inputs[len(answers)], error))
    kinds = {value["what"] for value in answers}
    if kinds == {"Ellipsis"} or kinds == {"None"} and not _does_something(answer):
        return Outcome(NOT_ATTEMPTED)
    if kinds == {"None"}:
        return _not_yet(f"`{name}` gives back nothing (`None`). Is the last line a `return`?")
    for value, args in zip(answers, inputs, strict=True):
        if value["what"] != "numbers":
            return _not_yet(f"Asked: {exercise.returns}. Given: {value['what']}, for {_call(exercise, args)}.")
    return _compare(exercise, inputs, [value["numbers"] for value in answers], result.value["changed"])


def _compare(exercise, inputs, got, changed) -> Outcome:
    """The learner's numbers beside the reference's. changed: names of arguments that are not what they were."""

    def numbers_of(function):
        return [numbers(function(*copy.deepcopy(args))) for args in inputs]

    def agree(left, right):
        floors = (exercise.floor(*args) for args in inputs)
        return [close(a, b, exercise.relative, f) for a, b, f in zip(left, right, floors, strict=True)]

    expected = numbers_of(exercise.reference)
    right = agree(got, expected)
    for name in exercise.keeps if all(right) else ():
        if name in changed:
            text = (
                f"The numbers are right, but `{exercise.function}` changes its argument `{name}` in place: whoever "
                "calls it finds their own data altered. Work on a copy, or make a new list."
            )
            return Outcome(NOT_YET, text, "changes its argument")
    if all(right):
        text = f"{len(inputs)} inputs tried, most of them drawn afresh; every answer agrees with the formula."
        if changed:
            text += (
                f" One remark: the function changes `{changed[0]}` in place. Right here, and what optimizers do; "
                "but the caller's old value is gone."
            )
        return Outcome(CORRECT, text)
    worst = right.index(False)
    text = _side_by_side(exercise, inputs[worst], got[worst], expected[worst])
    for wrong in exercise.misconceptions:
        if all(agree(got, numbers_of(bank.define(wrong.source, exercise.function)))):
            return _not_yet(text, wrong)
    return _not_yet(f"{text}\n\n{sum(right)} of {len(right)} inputs agree.")


def _side_by_side(exercise, args, got, expected) -> str:
    counts = ["", ""]
    if len(flat(got)) != len(flat(expected)):
        counts = [f"{len(flat(row))} numbers: " for row in (got, expected)]
    return (
        f"- asked: {exercise.returns}\n- input: {_call(exercise, args)}\n- given: {counts[0]}`{shown(got)}`\n"
        f"- expected: {counts[1]}`{shown(expected)}`"
    )


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


# ------------------------------------------------------------------------------------- numbers and choices
def _judge_value(exercise, answer, given) -> Outcome:
    try:
        row = flat(numbers(float(answer) if isinstance(answer, str) else answer))
    except (NotANumber, ValueError):
        return _not_yet(f"A number is asked; given: {short(answer)} ({type(answer).__name__}).")
    if len(row) != 1 or math.isnan(row[0]):
        return _not_yet(f"One number is asked; given: {short(answer)}.")
    unit = f" {exercise.unit}" if exercise.unit else ""

    def is_it(value):
        return close(row[0], numbers(value), exercise.relative, 1e-12)

    right = exercise.answer(**given)
    if is_it(right):
        return Outcome(CORRECT, f"{shown(row[0])}{unit} is right (to within {exercise.relative:.1%}).")
    names = ", ".join(f"{key} = {shown(value)}" for key, value in given.items())
    text = (
        f"- asked: {exercise.title}, for {names}\n- given: `{shown(row[0])}`{unit}\n- expected: a "
        f"{'smaller' if row[0] > numbers(right) else 'larger'} number (not shown: it would be the solution)"
    )
    wrong = exercise.misconceptions
    return _not_yet(text, next((w for w in wrong if is_it(bank.value_of(w.source, given))), None))


def _judge_choice(exercise, answer, given) -> Outcome:
    labels = ", ".join(f'"{label}"' for label in exercise.options)
    pick = answer.strip().strip(".)(").upper() if isinstance(answer, str) else answer
    if not isinstance(pick, str) or pick not in exercise.options:
        return _not_yet(f"Pick one of {labels}; given: {short(answer)}.")
    if pick == exercise.answer(**given):
        return Outcome(CORRECT, f"{pick}: {exercise.options[pick]}")
    text, names = f"- asked: {exercise.title}\n- given: {pick}: {exercise.options[pick]}", {**exercise.names, **given}
    wrong = exercise.misconceptions
    return _not_yet(text, next((w for w in wrong if pick == bank.value_of(w.source, names)), None))


# ------------------------------------------------------------------------------------- words
def shown(value) -> str:
    """Numbers as a reader likes them: six digits, long lists cut in the middle."""
    if isinstance(value, (list, tuple)):
        row = [shown(part) for part in value]
        return "[" + ", ".join(row if len(row) <= 8 else [*row[:6], "…", row[-1]]) + "]"
    if isinstance(value, (int, float)):
        return f"{value:.6g}"
    return short(value)


def _call(exercise, args) -> str:
    code = exercise.reference.__code__
    named = zip(code.co_varnames[: code.co_argcount], args, strict=True)
    return f"`{exercise.function}({', '.join(f'{name}={shown(value)}' for name, value in named)})`"
