"""Your progress: one small local JSON file that survives restarts, crashes and two notebooks at once.

Every change is a read, a merge and an atomic replace under a lock file. The previous file is kept as a backup. A file
that cannot be read is replaced by the backup; when both are damaged they are set aside, never deleted. Where nothing
can be written (read-only folder, full disk) the lesson goes on and progress lives in memory.
"""

from __future__ import annotations

import html
import json
import os
import time
from pathlib import Path

from course_utils import files
from course_utils.contents import LESSONS
from course_utils.exercises import bank
from course_utils.pictures import cards

VERSION = 1
PARTS = {"10.1": "Learning-rate schedules", "10.2": "Hyper-parameters", "10.3": "Transfer learning"}
LOCK_SECONDS = 2.0  # how long to wait for another notebook


_unsaved: dict = {"exercises": {}, "guesses": {}}  # what could not be written yet
_said: set[str] = set()


# ---------------------------------------------------------------- what lessons use


def record(exercise_id: str, outcome: str) -> None:
    """Keep the outcome of one check. A solved exercise stays solved whatever comes after. Never raises for a disk."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S")
    tried = 0 if outcome == "not attempted" else 1
    entry = {"outcome": outcome, "tries": tried, "solved": now if outcome == "correct" else None}
    _change({"exercises": {exercise_id: entry}, "guesses": {}})


def keep_guess(name: str, guess, question: str = "") -> None:
    """Keep a guess (a number or an option's text) made in a lesson; a later one replaces it."""
    _change({"exercises": {}, "guesses": {name: {"guess": guess, "question": question, "at": time.time()}}})


def guess(name: str):
    """The guess kept under this name (usually the lesson's id), or None."""
    return load()["guesses"].get(name, {}).get("guess")


def solved(lesson: str) -> int:
    """How many of the lesson's exercises are solved."""
    done = load()["exercises"]
    return sum(bool(done.get(one, {}).get("solved")) for one in bank.checked(lesson))


def summary() -> list[dict]:
    """One row a lesson: lesson, title, file, planned, solved, total, tries, guess (None: not made)."""
    data, rows = load(), []
    for lesson in LESSONS:
        ids = bank.checked(lesson.number)
        entries = [data["exercises"].get(one, {}) for one in ids]
        rows.append(
            {
                "lesson": lesson.number,
                "title": lesson.title,
                "file": lesson.file,
                "planned": not ids,
                "solved": sum(bool(one.get("solved")) for one in entries),
                "total": len(ids),
                "tries": sum(one.get("tries", 0) for one in entries),
                "guess": data["guesses"].get(lesson.number, {}).get("guess"),
            }
        )
    return rows


def progress_map() -> None:
    """Show a table of all lessons: exercises solved, guess made; planned lessons greyed."""
    rows = summary()
    if cards.in_notebook():
        cards.show_bundle({"text/html": _map_html(rows), "text/plain": _map_text(rows)})
    else:
        print(_map_text(rows))


# ---------------------------------------------------------------- the file


def load() -> dict:
    """Everything known: the file (or its backup) merged with what could not be written yet."""
    return _merge(_read(files.progress_file()), _unsaved)


def _change(new: dict) -> None:
    """Add entries: read, merge, write under the lock; on a disk that refuses, remember and say so once."""
    file = Path(files.progress_file())
    _remember(new)
    try:
        with files.lock(file, LOCK_SECONDS):
            _write(file, _merge(_read(file, repair=True), _unsaved))
    except OSError as error:
        _say(
            f"Progress could not be saved in {file} ({error.strerror or error}). The lesson goes on; your "
            f"progress is "
            "kept until this kernel ends. Way out: free some disk space, or set COURSE_PROGRESS to a "
            "writable file."
        )
        return
    _unsaved.update(exercises={}, guesses={})


def _remember(new: dict) -> None:
    merged = _merge(_unsaved, new)
    _unsaved.update(exercises=merged["exercises"], guesses=merged["guesses"])


def _merge(old: dict, new: dict) -> dict:
    """Both sets of entries: tries add up, solved stays solved, the newer outcome and guess win, the rest is kept."""
    exercises = {name: dict(entry) for name, entry in old["exercises"].items()}
    for name, entry in new["exercises"].items():
        before = exercises.get(name, {})
        exercises[name] = {
            **before,
            **entry,
            "tries": before.get("tries", 0) + entry["tries"],
            "solved": before.get("solved") or entry["solved"],
        }
    return {
        **old,
        "version": VERSION,
        "exercises": exercises,
        "guesses": {**old["guesses"], **new["guesses"]},
    }


def _empty() -> dict:
    return {"version": VERSION, "exercises": {}, "guesses": {}}


def _read(file, repair: bool = False) -> dict:
    """The file's content; its backup's when the file is damaged; a new one when there is neither.

    repair: set damaged files aside (only when about to write).
    """
    file = Path(file)
    backup = _backup(file)
    data, damaged = _parse(file)
    if data is not None:
        return data
    if not damaged:  # there is none: a first start, or the learner removed it to start anew
        return _empty()
    data, backup_damaged = _parse(backup)
    if data is not None:
        if damaged:
            _say(f"Your progress file was damaged and has been restored from its backup {backup.name}.")
        return data
    names = [_set_aside(one) if repair else one.name for one, bad in ((file, damaged), (backup, backup_damaged)) if bad]
    if repair and names:
        _say(
            f"Your progress file and its backup were damaged. They are kept as {' and '.join(names)}; "
            "a new progress file was started."
        )
    return _empty()


def _parse(file: Path) -> tuple[dict | None, bool]:
    """(content, damaged): content is None for a missing, unreadable or foreign file."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, False
    except (OSError, ValueError):  # ValueError: not JSON, not UTF-8
        return None, True
    if not (isinstance(data, dict) and isinstance(data.get("version"), int)):
        return None, True
    for part in ("exercises", "guesses"):
        if not (isinstance(data.get(part), dict) and all(isinstance(one, dict) for one in data[part].values())):
            return None, True
    return data, False


def _write(file: Path, data: dict) -> None:
    """Replace the file in one step, keeping the last good one as backup: at every moment one of them is whole."""
    if _parse(file)[0] is not None:
        files.write_whole(_backup(file), file.read_bytes())
    files.write_whole(file, json.dumps(data, indent=1, ensure_ascii=False))


def _backup(file: Path) -> Path:
    return file.with_name(file.stem + ".backup" + file.suffix)


def _set_aside(file: Path) -> str:
    number = 1
    while (aside := file.with_name(f"{file.stem}.damaged-{number}{file.suffix}")).exists():
        number += 1
    os.replace(file, aside)
    return aside.name


def _say(message: str) -> None:
    """Tell the learner once per kernel; a lesson must not repeat it under every cell."""
    if message not in _said:
        _said.add(message)
        print(message)


# ---------------------------------------------------------------- the map


def _guess_word(row: dict) -> str:
    return "not yet" if row["guess"] is None else "made"


def _cells(row: dict) -> tuple[str, str, str, str]:
    if row["planned"]:
        return row["lesson"], row["title"], "planned", ""
    return row["lesson"], row["title"], f"{row['solved']} of {row['total']} solved", _guess_word(row)


def _map_text(rows: list[dict]) -> str:
    lines = [f"{'lesson':8}{'':36}{'exercises':16}guess"]
    lines += [f"{a:8}{b:36}{c:16}{d}".rstrip() for a, b, c, d in map(_cells, rows)]
    return "\n".join(lines)


def _map_html(rows: list[dict]) -> str:
    left = "style='text-align:left'"  # JupyterLab sets tables flush right
    body, part = [], ""
    for row in rows:
        if (now := _part(row["lesson"])) != part:
            part = now
            body.append(f"<tr><th colspan=4 scope=rowgroup {left}>{part}</th></tr>")
        body.append(_map_row(row, left))
    head = "".join(f"<th scope=col {left}>{one}</th>" for one in ("Lesson", "Title", "Exercises", "Guess"))
    return (
        f"<table {left}><caption {left}>Your way through the course</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def _part(number: str) -> str:
    """The heading a lesson stands under."""
    return PARTS.get(".".join(number.split(".")[:2]), "")


def _map_row(row: dict, left: str) -> str:
    lesson, title, done, guessed = map(html.escape, _cells(row))
    if row["planned"]:
        cells, look = (lesson, title, "planned", ""), " style='opacity:.6'"
    else:
        mark = "✓ " if row["total"] and row["solved"] == row["total"] else ""
        cells, look = (lesson, f"<a href='{row['file']}'>{title}</a>", mark + done, guessed), ""
    return f"<tr{look}>" + "".join(f"<td {left}>{one}</td>" for one in cells) + "</tr>"
