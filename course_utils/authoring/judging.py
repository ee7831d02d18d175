"""Judge what one learner handed in: `python -m course_utils.authoring.judging FOLDER`, a process of its own.

FOLDER holds the notebooks 0.ipynb, 1.ipynb, ... and is where whatever the answers write goes. A line of JSON for each
check goes to stdout as soon as it is judged. The answers themselves are made and called in the sandbox only, so that
this process and what it knows of right and wrong stay as they are. The report ends it when it takes too long.

On Linux with Landlock nothing outside FOLDER can be written, and no file grows beyond 64 MB.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import importlib
import json
import linecache
import os
import struct
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils import contents
from course_utils.authoring.answers import Answer, answers, cells
from course_utils.authoring.same_code import is_the_solution
from course_utils.exercises import bank, checking, sandbox
from course_utils.exercises.probing import NotANumber, numbers, short

LARGEST_FILE = 64_000_000
MEMORY_TO_READ = 2_000_000_000
WRITES = 0b1_1111_1111_0010  # Landlock's rights that change something, but for those that newer systems added
NOTEBOOK_ONLY = {"display": lambda *_, **__: None, "get_ipython": lambda: None}


@dataclass
class Verdict:
    """One judged check: notebook (its number), cell, exercise, what came of it, and what a teacher should look at."""

    notebook: int
    cell: int = 0
    exercise: str = ""
    kind: str = ""
    misconception: str = ""
    text: str = ""
    same: bool = False
    ran: bool = True
    problem: str = ""


class Written:
    """A function that is there as source: made where it is called first, which is in the sandbox."""

    def __init__(self, answer: Answer, file: str):
        self.source, self.file, self.function = answer.source, file, None
        code = function_code(answer, file)
        if code is not None:
            self.__code__ = code  # names of arguments and lines, without running anything

    def __call__(self, *args):
        if self.function is None:
            self.function = value_in(self.source, self.file)
        return self.function(*args)


def function_code(answer: Answer, file: str):
    """The code object of the function that the answer is; None where it is made in another way."""
    if not answer.defines:
        return None
    constants = compile(answer.source, file, "exec").co_consts
    codes = [part for part in constants if getattr(part, "co_name", None) == answer.defines]
    return codes[-1] if codes else None


def value_in(source: str, file: str):
    """Run the source (in the sandbox) and give what it calls the answer."""
    names = {"__name__": "__main__", "__builtins__": builtins, **NOTEBOOK_ONLY}
    exec(compile(source, file, "exec"), names)
    return names["answer_"]


def sent(value):
    """A number, a label or nothing, as JSON can carry it."""
    if value is ... or value is None:
        return ["nothing", None]
    if isinstance(value, str):
        return ["plain", value[:500]]
    try:
        return ["plain", numbers(value)]
    except NotANumber:
        return ["other", f"{short(value)} ({type(value).__name__})"]


def judged(answer: Answer, seconds: float = sandbox.SECONDS) -> checking.Outcome:
    """What the bank says to an answer; the course's own four outcomes."""
    exercise, file = bank.find(answer.exercise), f"<cell {answer.cell}>"
    if answer.problem:
        return checking.Outcome(checking.ERROR, answer.problem)
    if answer.literal:
        return checking.judge(exercise, answer.literal[0])
    linecache.cache[file] = (len(answer.source), None, answer.source.splitlines(keepends=True), file)
    for library in ("numpy", "torch"):  # what the judge may hand over must be loaded before the sandbox forks
        if library in answer.source:
            importlib.import_module(library)
    if isinstance(exercise, bank.FunctionExercise):
        return checking.judge(exercise, Written(answer, file), seconds=seconds)
    result = sandbox.run(lambda: value_of(answer, file), seconds=seconds)
    if result.problem:
        return checking.Outcome(checking.ERROR, f"The answer's code was stopped: {result.detail}.")
    what, value = result.value
    if what == "error":
        return checking.Outcome(checking.ERROR, value)
    if what == "other":
        return checking.Outcome(checking.NOT_YET, f"A number or a label is asked; given: {value}.")
    return checking.judge(exercise, None if what == "nothing" else value)


def value_of(answer: Answer, file: str):
    """The answer's value, or the error that its code raised, for JSON (runs in the sandbox)."""
    try:
        return sent(value_in(answer.source, file))
    except Exception as error:
        return ["error", f"{type(error).__name__}: {short(error, 300, str)}"]


@functools.cache
def as_given(lesson: str) -> set[tuple[str, str]]:
    """(exercise, source) of the checks that stand in the lesson itself: nobody's answers."""
    try:
        text = contents.lesson(lesson).path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return set()
    return {(answer.exercise, answer.source) for answer in answers(text)}


def verdicts(text: str, notebook: int):
    """A Verdict for each check of a notebook that the bank knows, one by one."""
    for answer in answers(text):
        verdict = Verdict(notebook, answer.cell, ran=answer.ran)
        try:
            exercise = bank.find(answer.exercise)
        except bank.UnknownExercise:
            continue  # a learner's own check of something else
        if isinstance(exercise, bank.OpenExercise):
            continue
        answer.exercise = verdict.exercise = exercise.id
        try:
            own = (exercise.id, answer.source) not in as_given(exercise.id.rpartition(".")[0])
            outcome = judged(answer) if own or answer.problem else checking.Outcome(checking.NOT_ATTEMPTED)
            verdict.kind, verdict.misconception, verdict.text = outcome.kind, outcome.misconception or "", outcome.text
            verdict.same = outcome.kind == checking.CORRECT and is_the_solution(answer)
        except Exception as error:  # of this answer alone: the others are judged
            verdict.kind, verdict.text = checking.ERROR, f"could not be judged: {type(error).__name__}: {short(error)}"
        yield verdict


def never_ran(text: str) -> tuple[int, int]:
    """(code cells with something in them that bear no execution count, code cells with something in them)."""
    rows = [ran for _, source, ran in cells(text) if source.strip()]
    return rows.count(False), len(rows)


def confine(folder: Path) -> bool:
    """Let this process and its children write nowhere but in `folder`; False where the system cannot do that."""
    if not sys.platform.startswith("linux"):
        return False
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(444, None, ctypes.c_size_t(0), 1)  # landlock_create_ruleset: what does the system know?
    if version < 1:
        return False
    rights = WRITES | (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0)  # rename across, truncate
    handled = struct.pack("Q", rights)
    rules = libc.syscall(444, handled, ctypes.c_size_t(len(handled)), 0)
    for path, allowed in ((folder, rights), (Path(os.devnull), rights & (1 << 1 | 1 << 14))):
        with suppress(OSError):
            opened = os.open(path, os.O_PATH)
            libc.syscall(445, rules, 1, struct.pack("=Qi", allowed, opened), 0)
            os.close(opened)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges: asked for by the next call
    done = libc.syscall(446, rules, 0) == 0
    os.close(rules)
    return done


def read_guarded(work, *args):
    """Call `work` with a limit of memory: a notebook of 16 MB can become gigabytes of Python objects."""
    if not sys.platform.startswith("linux"):
        return work(*args)
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_TO_READ, before[1]))
    try:
        return work(*args)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def main(argv: list[str] | None = None) -> int:
    """Judge the notebooks of the folder; lines of JSON to stdout."""
    folder = Path((sys.argv[1:] if argv is None else argv)[0]).resolve()
    files = sorted(folder.glob("*.ipynb"), key=lambda path: int(path.stem))
    texts = [(int(path.stem), path.read_bytes().decode("utf-8-sig", "replace")) for path in files]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")

    def say(row: dict):
        print(json.dumps(row), file=out, flush=True)

    os.chdir(folder)
    say({"confined": confine(folder)})
    for number, text in texts:
        try:
            missing, total = read_guarded(never_ran, text)
            say({"notebook": number, "never_ran": missing, "cells": total})
            for verdict in verdicts(text, number):
                say(asdict(verdict))
        except (ValueError, MemoryError, RecursionError) as error:
            words = "its JSON is broken" if isinstance(error, json.JSONDecodeError) else str(error)
            say(asdict(Verdict(number, problem=words or "it needs more memory than a notebook should")))
    say({"end": True})
    return 0


if __name__ == "__main__":
    sys.exit(main())
