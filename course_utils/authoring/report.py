"""For teachers: judge a folder or zip of handed-in notebooks afresh. `python3 course.py report FOLDER` calls it.

Outputs that a notebook brings along are not believed: each answer is taken from it as code (answers.py) and judged in a
process of its own (judging.py), which the network is cut off from where the system allows it. Whatever a notebook
is or does costs its own row only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil

from course_utils.authoring import report_page
from course_utils.authoring.handed_in import Learner, Unreadable, learners
from course_utils.authoring.judging import Verdict
from course_utils.checks import check_whole
from course_utils.exercises import bank
from course_utils.exercises.checking import CORRECT, NOT_ATTEMPTED
from course_utils.files import ROOT, write_whole

SECONDS = (30, 15, 300)  # a learner may use: to begin, for each notebook, at most
MOST_LINES = 5_000_000  # bytes that are read of what a judging process says
APART = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
BLIND = ["--user", "--map-root-user", "--net"]


@dataclass
class Row:
    """What one learner's notebooks came to: a Verdict for each exercise, and what else a teacher should know."""

    learner: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    never_ran: int = 0
    cells: int = 0
    confined: bool | None = None  # could it write in its own folder only? None: nothing of it ran

    def lessons(self) -> set[str]:
        """The lessons of which something was handed in."""
        return {name.rpartition(".")[0] for name in self.verdicts}

    def kind(self, exercise: str) -> str:
        """The outcome of an exercise; empty where nothing of its lesson was handed in."""
        if exercise in self.verdicts:
            return self.verdicts[exercise].kind
        return NOT_ATTEMPTED if exercise.rpartition(".")[0] in self.lessons() else ""


@dataclass
class Report:
    """All rows, the exercises they are about, and what held the judged code back."""

    rows: list[Row]
    guard: str

    def exercises(self) -> list[str]:
        """Ids of all exercises of the lessons of which somebody handed in something, in the order of the course."""
        handed_in = set().union(*(row.lessons() for row in self.rows))
        return [name for lesson in bank.lessons() if lesson in handed_in for name in bank.checked(lesson)]

    def shared(self) -> list[tuple[str, str, str, int]]:
        """(exercise, misconception, its message, learners) of what at least two learners got wrong in the same way."""
        every = [verdict for row in self.rows for verdict in row.verdicts.values() if verdict.misconception]
        counts = Counter((verdict.exercise, verdict.misconception) for verdict in every)
        messages = {(v.exercise, v.misconception): v.text.split("\n\n")[0].strip("*") for v in every}
        return [(*pair, messages[pair], count) for pair, count in counts.most_common() if count > 1]


@cache
def unshare() -> tuple[str, ...]:
    """The command that cuts a process off from the network, and from other processes where it can; else nothing."""
    for flags in (APART, BLIND):
        with suppress(OSError, subprocess.SubprocessError):
            if not subprocess.run(["unshare", *flags, "true"], capture_output=True, timeout=20).returncode:
                return ("unshare", *flags)
    return ()


def guard(rows: list[Row]) -> str:
    """In words, what held the judged code back on this machine."""
    network = "no network" if unshare() else "the NETWORK WAS OPEN (this system cannot cut it off without rights)"
    others = "no other process in sight" if "--pid" in unshare() else "your OTHER PROCESSES NOT PROTECTED"
    confined = {row.confined for row in rows} - {None}
    files = "no files written outside its own folder" if confined == {True} else "your FILES NOT PROTECTED"
    return f"Each answer ran in a sandbox with limits of time and memory; {network}; {others}; {files}."


def judge(learner: Learner) -> Row:
    """Judge one learner in a process of its own. Never raises for what was handed in."""
    row = Row(clean(learner.name), problems=[clean(line) for line in learner.problems])
    names = {}
    with tempfile.TemporaryDirectory(prefix="course-report-", ignore_cleanup_errors=True) as folder:
        for number, (name, read) in enumerate(learner.notebooks.items()):
            try:
                Path(folder, f"{number}.ipynb").write_bytes(read())
                names[number] = clean(name)
            except Unreadable as error:
                row.problems.append(f"{clean(name)}: {clean(str(error))}")
        if names:
            take(row, names, *spoken(Path(folder), len(names)))
    return row


def spoken(folder: Path, notebooks: int) -> tuple[bytes, bool]:
    """What the judging process said, and whether it had to be stopped."""
    command = [*unshare(), sys.executable, "-m", "course_utils.authoring.judging", str(folder)]
    own = ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "TMPDIR", "TEMP", "TMP", "COURSE_DATA")
    passed = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")  # and no secrets
    env = {name: os.environ[name] for name in passed if name in os.environ}
    env |= dict.fromkeys(own, str(folder)) | {"COURSE_PROGRESS": str(folder / "progress.json")}
    env |= {"COURSE_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    first, each, most = SECONDS
    late = threading.Event()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(min(first + each * notebooks, most))
        except subprocess.TimeoutExpired:
            late.set()
        finally:
            end(process)
        out.seek(0)
        return out.read(MOST_LINES), late.is_set()


def end(process: subprocess.Popen) -> None:
    """Kill a judging process and what it started, also what left its group."""
    started = []
    with suppress(psutil.Error):
        started = psutil.Process(process.pid).children(recursive=True)
    with suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for other in started:
        with suppress(psutil.Error):
            other.kill()
    process.wait()


def take(row: Row, names: dict[int, str], lines: bytes, late: bool) -> None:
    """Put what a judging process said into the row. It may have been cut off, or made to talk nonsense."""
    whole = False
    for line in lines.decode("utf-8", "replace").splitlines():
        try:
            said = json.loads(line)
            if "end" in said:
                whole = True
            elif "confined" in said:
                row.confined = said["confined"] is True
            elif "cells" in said:
                row.never_ran += int(said["never_ran"])
                row.cells += int(said["cells"])
            else:
                add(row, names, Verdict(**said))
        except (ValueError, TypeError, KeyError, RecursionError):
            row.problems.append("the process that judged it said something that is no verdict")
    if not whole:
        row.problems.append("took too long and was stopped" if late else "ended the process that judged it")


def add(row: Row, names: dict[int, str], verdict: Verdict) -> None:
    """Keep the verdict: a correct one counts, else the last attempt."""
    if verdict.problem:
        row.problems.append(f"{names[verdict.notebook]}: {clean(verdict.problem)}")
        return
    verdict.text, verdict.misconception = clean(verdict.text, 2000), clean(verdict.misconception)
    before = row.verdicts.get(bank.find(verdict.exercise).id)
    if before is None or before.kind != CORRECT and (verdict.kind != NOT_ATTEMPTED or before.kind == NOT_ATTEMPTED):
        row.verdicts[verdict.exercise] = verdict


def clean(text: str, most: int = 200) -> str:
    """A text that a terminal, a page and a table can bear: no control characters, no half letters, not endless."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = "".join(sign if sign == "\n" or sign.isprintable() else "?" for sign in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def report(place: str | os.PathLike, jobs: int = 2) -> Report:
    """Judge all that was handed in. place: see `learners`; jobs: how many learners at once."""
    jobs = check_whole("jobs", jobs, 1, 256)
    unshare()
    with ThreadPoolExecutor(jobs) as pool:
        rows = []
        for row in pool.map(judge, learners(place)):
            rows.append(row)
            print(f"\r{len(rows)} judged", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return Report(rows, guard(rows))


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="course.py report", description="Judge handed-in notebooks afresh.")
    parser.add_argument("folder", help="a folder or zip: one folder, zip or notebook a learner")
    parser.add_argument("--html", help="write a page")
    parser.add_argument("--csv", help="write a table, a line for each learner and exercise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="learners at once (default: all cores)")
    args = parser.parse_args(argv)
    try:
        result = report(args.folder, args.jobs)
        print(report_page.as_text(result))
        for path, make in ((args.html, report_page.as_html), (args.csv, report_page.as_csv)):
            if path:
                print(write_whole(path, make(result)))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
