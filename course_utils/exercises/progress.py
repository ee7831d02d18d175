"""Your progress: one small local JSON file that survives restarts, crashes and two notebooks at once.

Every change is a read, a merge and an atomic replace under a lock. The previous file is kept as a backup. A file that
is damaged (it has a checksum) is replaced by the backup; when both are, they are set aside, never deleted. Where
nothing can be written the lesson goes on, progress lives in memory, and it is tried again with the next outcome and
when the kernel ends. No function here raises for what lies on the disk.
"""

from __future__ import annotations

import atexit
import json
import os
import time
import zlib
from pathlib import Path

from course_utils import files
from course_utils.checks import is_number
from course_utils.contents import LESSONS
from course_utils.exercises import bank
from course_utils.interrupts import uninterrupted
from course_utils.pictures.outputs import say

VERSION = 1
LOCK_SECONDS = 2.0  # how long to wait for another notebook
LARGEST = 10_000_000  # bytes; a thousand exercises need 0.1 million

NOTHING: dict = {"exercises": {}, "guesses": {}}
_unsaved = dict(NOTHING)  # what could not be written yet
_said: set[str] = set()


# ------------------------------------------------------------------------------------- what lessons use
def record(exercise_id: str, outcome: str) -> None:
    """Keep the outcome of one check. A solved exercise stays solved whatever comes after. Never raises for a disk."""
    tries = 0 if outcome == "not attempted" else 1
    solved = time.strftime("%Y-%m-%dT%H:%M:%S") if outcome == "correct" else None
    _change(NOTHING | {"exercises": {exercise_id: {"outcome": outcome, "tries": tries, "solved": solved}}})


def keep_guess(name: str, guess, question: str = "") -> None:
    """Keep a guess (a number or an option's text) made in a lesson; a later one replaces it."""
    _change(NOTHING | {"guesses": {name: {"guess": guess, "question": question, "at": time.time()}}})


def guess(name: str):
    """The guess kept under this name (usually the lesson's id), or None."""
    return load()["guesses"].get(name, {}).get("guess")


def solved(lesson: str) -> int:
    """How many of the lesson's exercises are solved."""
    return _solved(load(), bank.checked(lesson))


def summary() -> list[dict]:
    """One row a lesson: lesson, title, file, planned, solved, total, guess (None: not made)."""
    data, rows = load(), []
    for lesson in LESSONS:
        names = bank.checked(lesson.number)
        row = {"lesson": lesson.number, "title": lesson.title, "file": lesson.file, "planned": not names}
        row |= {"total": len(names), "solved": _solved(data, names)}
        rows.append(row | {"guess": data["guesses"].get(lesson.number, {}).get("guess")})
    return rows


def _solved(data: dict, names: list[str]) -> int:
    return sum(bool(data["exercises"].get(name, {}).get("solved")) for name in names)


# ------------------------------------------------------------------------------------- the file
def load() -> dict:
    """Everything known: the file (or its backup) merged with what could not be written yet."""
    return _merge(_read(_file()), _unsaved)


def _file() -> Path:
    """The file itself where a symbolic link leads to it: two notebooks that know it by two names share its lock."""
    return Path(os.path.realpath(files.progress_file()))


@uninterrupted()  # else an outcome may be written and not yet known to be: it would be counted twice
def _change(new: dict) -> None:
    """Add entries: read, merge, write under the lock; on a disk that refuses, remember and say so once."""
    file = _file()
    _unsaved.update(_merge(_unsaved, new))
    try:
        files.check_regular(file)  # before a lock is put beside it
        with files.lock(file, LOCK_SECONDS):
            data = _merge(_read(file, repair=True), _unsaved)
            if _parse(file) is not None:  # the last good one: at every moment one of the two is whole
                files.write_whole(_backup(file), file.read_bytes())
            data = json.loads(
                json.dumps(data, ensure_ascii=False).encode(errors="replace")
            )  # half a character is a "?"
            files.write_whole(file, json.dumps(data | {"sum": _sum(data)}, indent=1, ensure_ascii=False))
    except OSError as error:
        _say(
            f"Progress could not be saved in {file} ({error}). The lesson goes on; your progress is "
            "kept until this kernel ends. Way out: free some disk space, or set COURSE_PROGRESS to a writable file."
        )
        return
    _unsaved.update(NOTHING)


atexit.register(lambda: any(_unsaved[part] for part in NOTHING) and _change(NOTHING))


def _merge(old: dict, new: dict) -> dict:
    """Both sets of entries: tries add up, solved stays solved, the newer outcome and guess win, the rest is kept."""
    exercises = {name: dict(entry) for name, entry in old["exercises"].items()}
    for name, entry in new["exercises"].items():
        before = exercises.get(name, {})
        tries, first = before.get("tries", 0) + entry["tries"], before.get("solved") or entry["solved"]
        exercises[name] = {**before, **entry, "tries": tries, "solved": first}
    return {**old, "version": VERSION, "exercises": exercises, "guesses": {**old["guesses"], **new["guesses"]}}


def _read(file: Path, repair: bool = False) -> dict:
    """The file's content; its backup's when the file is damaged; a new one when there is neither.

    repair: set damaged files aside (only when about to write).
    """
    data, backup = _parse(file), _backup(file)
    if data is None and os.path.exists(file):  # else a first start, or the learner removed it to start anew
        data = _parse(backup)
        if data is not None:
            _say(f"Your progress file was damaged and has been restored from its backup {backup.name}.")
        elif repair:
            names = [_set_aside(damaged) for damaged in (file, backup) if os.path.isfile(damaged)]
            _say(
                f"Your progress file and its backup were damaged. They are kept as {' and '.join(names)}; "
                "a new progress file was started."
            )
    return data or {"version": VERSION, **NOTHING}


def _parse(file: Path) -> dict | None:
    """The content of the file; None where it is missing, damaged, foreign, or no regular file."""
    try:
        files.check_regular(file)
        if os.path.getsize(file) > LARGEST:
            return None
        data = json.loads(file.read_text(encoding="utf-8"))
        json.dumps(data, ensure_ascii=False).encode()  # half a character (a lone surrogate) could not be shown
    except (OSError, ValueError, RecursionError):  # ValueError: not JSON, not UTF-8
        return None
    return data if _is_whole(data) else None


def _is_whole(data) -> bool:
    """True for what `_change` writes: what lessons read has the type they count on; the rest may be anything."""
    try:
        whole = isinstance(data["version"], int) and data.get("sum", _sum(data)) == _sum(data)
        for row in data["exercises"].values():
            whole &= 0 <= row.get("tries", 0) < 10**9 and isinstance(row.get("solved") or "", str)
        for row in data["guesses"].values():
            guess = row.get("guess")
            whole &= guess is None or isinstance(guess, str | float | bool) or is_number(guess)
        return whole
    except (AttributeError, KeyError, TypeError):
        return False


def _sum(data: dict) -> int:
    return zlib.crc32(json.dumps({**data, "sum": 0}, sort_keys=True).encode())


def _backup(file: Path) -> Path:
    root, suffix = os.path.splitext(file)
    return Path(f"{root}.backup{suffix}")


def _set_aside(file: Path) -> str:
    names = (file.with_name(f"{file.stem}.damaged-{number}{file.suffix}") for number in range(1, 10**6))
    files.replace(file, aside := next(name for name in names if not os.path.lexists(name)))
    return aside.name


def _say(message: str) -> None:
    """Tell the learner once per kernel; a lesson must not repeat it under every cell."""
    if message not in _said:
        _said.add(message)
        say(message)
