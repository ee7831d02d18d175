"""Exercises as data: `exercises.py` in the folder of each lesson, found by their id.

An exercise is what a learner reads (task, stub, hints, solution) and what a check needs (a reference, a source of fresh
inputs, the known misconceptions). Nothing here displays or runs a learner's code: checking.py judges, asking.py shows.

Task texts, hints and messages are small Markdown: paragraphs, lists, `code`, **bold**, fenced blocks.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import math
import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from course_utils.contents import LESSONS


@dataclass(frozen=True)
class Misconception:
    """A plausible wrong answer and the message that names its fault.

    source: for a FunctionExercise the whole wrong function; for a ValueExercise an expression in the given names
    (`1 / curvature`); for a ChoiceExercise an expression that gives a label (`"B"`). Plain Python with `math` only: it
    is run beside the learner's answer on the same inputs.
    """

    name: str
    message: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What every exercise has."""

    id: str
    title: str
    task: str
    hints: tuple[str, ...] = ()
    solution: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenExercise(Exercise):
    """An experiment without one right answer: a question, a way in, and what to look for."""


@dataclass(frozen=True, kw_only=True)
class CheckedExercise(Exercise):
    """An exercise with a check. Its misconceptions are written as one text and become a tuple of Misconceptions:

        one late: Your drop comes one update late: at t = milestone
        the new rate already holds.
            t >= milestone -> t > milestone
        divides: You divide by the factor.
            return peak / factor ** sum(t >= m for m in milestones)

    A name, a message, and under them, indented, the wrong answer. Of a function it may be the body alone, or changes
    to the solution, a line each: `OLD -> NEW`. Raises ValueError for a text that does not read like this.
    """

    misconceptions: str | tuple[Misconception, ...]
    stub: str = "answer = ..."

    def __post_init__(self):
        if not isinstance(self.misconceptions, str):
            return  # read before: a copy is being made
        rows = re.findall(r"((?:^\S.*\n)+)((?:^ .*\n)+)", self.misconceptions, re.M)
        if "".join(head + code for head, code in rows) != self.misconceptions.lstrip("\n"):
            raise ValueError(f"{self.id}: misconceptions are lines `name: message`, and under them indented code")
        parsed = []
        for head, code in rows:
            name, message = head.strip().replace("\n", " ").split(": ", 1)
            parsed.append(Misconception(name, message, self.whole(textwrap.dedent(code))))
        object.__setattr__(self, "misconceptions", tuple(parsed))

    def whole(self, code: str) -> str:
        """The source of an answer that was written as `code`."""
        return " ".join(code.split())


@dataclass(frozen=True, kw_only=True)
class FunctionExercise(CheckedExercise):
    """The learner writes a function. It is probed with fresh random inputs against `reference`.

    draw: random.Random -> tuple of plain Python arguments (numbers and lists of numbers)
    edges: inputs every check probes as well (boundaries that random draws may miss)
    floor: arguments -> absolute tolerance, for results near zero (float32 answers must pass)
    keeps: names of arguments that must still be the same after the call
    variants: other correct forms (their bodies); the tests run them
    """

    function: str
    reference: Callable
    draw: Callable[[random.Random], tuple]
    returns: str
    edges: tuple[tuple, ...] = ()
    floor: Callable[..., float] = lambda *args: 1e-9
    relative: float = 1e-5
    keeps: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    probes: int = 24

    def inputs(self, rng: random.Random) -> list[tuple]:
        """The edge cases and `probes` fresh draws, each a tuple of plain Python arguments."""
        return [*self.edges, *(self.draw(rng) for _ in range(self.probes))]

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "variants", tuple(map(self.whole, self.variants)))

    def whole(self, code: str) -> str:
        """The whole function: `code` itself, the function with this body, or the solution so changed."""
        if f"def {self.function}(" in code:
            return code
        if not all(" -> " in line for line in code.splitlines()):
            return self.stub.strip().splitlines()[0] + "\n" + textwrap.indent(code, "    ")
        source = self.solution
        for old, new in (line.split(" -> ") for line in code.splitlines()):
            if old not in source:
                raise ValueError(f"{self.id}: the solution does not hold {old!r}, which a misconception changes")
            source = source.replace(old, new)
        return source


@dataclass(frozen=True, kw_only=True)
class ValueExercise(CheckedExercise):
    """The learner gives one number. `answer(**given)` computes the right one from what the task shows."""

    given: dict
    answer: Callable[..., float]
    unit: str = ""
    relative: float = 5e-3


@dataclass(frozen=True, kw_only=True)
class ChoiceExercise(CheckedExercise):
    """The learner picks one label. `answer(**given)` computes the right one from what the lesson shows."""

    options: dict[str, str]
    answer: Callable[..., str]
    given: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)  # extra names the misconceptions' expressions may use


class UnknownExercise(LookupError):
    """An exercise id that is in no lesson; the message lists the nearest ones."""


def _folder(lesson: str) -> str:
    return f"course_utils.lessons.l{lesson.lower().replace('.', '_')}"


def has_lesson(lesson: str) -> bool:
    """True when exercises are written for this lesson ("00", "10.1.1", ...)."""
    return importlib.util.find_spec(_folder(lesson)) is not None


def lessons() -> list[str]:
    """The lessons that have exercises, in the order of the course."""
    return [lesson.number for lesson in LESSONS if has_lesson(lesson.number)]


@functools.cache
def of_lesson(lesson: str) -> dict[str, Exercise]:
    """Exercises of one lesson by id, in teaching order; empty for a lesson that has none yet."""
    if not has_lesson(lesson):
        return {}
    exercises = importlib.import_module(_folder(lesson) + ".exercises").EXERCISES
    return {exercise.id: exercise for exercise in exercises}


def checked(lesson: str) -> list[str]:
    """Ids of the lesson's exercises that have a check (open experiments are not counted)."""
    return [name for name, exercise in of_lesson(lesson).items() if isinstance(exercise, CheckedExercise)]


def find(exercise_id: str) -> Exercise:
    """The exercise with this id, e.g. "10.1.1.momentum".

    Raises UnknownExercise (naming near matches) for an id that does not exist, TypeError for a non-string.
    """
    if not isinstance(exercise_id, str):
        raise TypeError(f'an exercise is named by its id in quotes, like "10.1.1.momentum"; got {exercise_id!r}')
    wanted = exercise_id.strip().lower()
    everything = {name.lower(): entry for lesson in lessons() for name, entry in of_lesson(lesson).items()}
    if wanted in everything:
        return everything[wanted]
    near = [everything[name].id for name in difflib.get_close_matches(wanted, everything, n=4, cutoff=0.5)]
    listed = near or [*of_lesson(wanted.rpartition(".")[0])] or [entry.id for entry in everything.values()]
    raise UnknownExercise(f"there is no exercise {exercise_id!r}. Near it: {', '.join(listed)}")


def define(source: str, name: str) -> Callable:
    """The function `name` that `source` defines (used for stubs, solutions and misconceptions)."""
    namespace: dict = {"math": math}
    exec(compile(source, f"<{name}>", "exec"), namespace)
    return namespace[name]


def value_of(source: str, names: dict):
    """The value of a misconception's expression in the given names."""
    return eval(source, {"math": math, **names})
