"""Work on a study until it is done:  python -m course_utils.search.worker STUDY [--name A] [--trials N]

STUDY: the journal file or database URL that make_study was given; without it the variable COURSE_STUDY, which other
users of the machine cannot read, as they can read a password in a command. Trust a study like code: its plan names a
function, and a worker imports and calls it. Start as many as you like, wherever the study can be reached; each takes
the next point that waits, so the faster ones do more. One that is killed loses nothing: the others, or the next one
that starts, do its point again. Ctrl-C (and SIGTERM, as a cluster sends it) gives the point back.
Exit status: 0 all done, 2 refused, 130 given back.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from course_utils.checks import is_number
from course_utils.files import ROOT
from course_utils.runs import Run
from course_utils.search.liveness import is_dead, me
from course_utils.search.study import NAME, by_point, fill, find_objective, open_study, quiet, standing, worker_name
from course_utils.search.trials import try_once

LOOK = 0.2  # seconds between two looks while others still run
PATIENCE = 60.0  # seconds without a sign of life until the worker of another machine counts as dead
UNSIGNED = 5.0  # seconds a trial may run without its worker's note, which follows at once


class Interrupts:
    """Ctrl-C, raised only while an objective computes: out of nowhere it might be swallowed by whatever library is at
    work just then. At any other time it waits for `look`."""

    came = welcome = False

    def __call__(self, *_) -> None:
        """The signal handler."""
        self.came = True
        if self.welcome:
            self.look()

    def look(self) -> None:
        """KeyboardInterrupt here, if one has come."""
        if self.came:
            raise KeyboardInterrupt

    @contextmanager
    def let(self, welcome: bool):
        before, self.welcome = self.welcome, welcome
        try:
            if welcome:
                self.look()
            yield
        finally:
            self.welcome = before


def work(
    where, *, study_name=NAME, name="", trials=None, patience=PATIENCE, retry_failed=False, say=print, interrupts=None
) -> int:
    """Do points until none is left (or `trials` of them); returns how many this worker did.

    It stays while others still run theirs, because one of them may die. name: what the results call it; default:
    machine and process. patience: seconds without a sign of life (they come six times as often) until the worker of
    *another* machine counts as dead; on this machine a dead process is seen at once. say: gets each line of the report.
    interrupts: an `Interrupts` that is the handler of signals. retry_failed: as in `fill`.
    Raises ValueError for a study that is not there or whose objective cannot be imported.
    """
    study, interrupts = open_study(where, study_name), interrupts or Interrupts()
    objective = find_objective(study.user_attrs["plan"]["objective"])
    note, watch, done = {**me(), **({"name": name} if name else {})}, Watch(patience), 0
    who = worker_name(note)
    fill(study, retry_failed)
    while trials is None or done < trials:
        interrupts.look()
        for line in watch.reclaim(study):
            say(f"{who}: {line}")
        fill(study)
        trial = take(study, note)
        if trial is None:
            if not study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
                break
            time.sleep(LOOK)
            continue
        begin, point = time.perf_counter(), trial.user_attrs["point"]
        try:
            with _beating(trial, patience / 6):
                words = _run(trial, objective, interrupts)
        except KeyboardInterrupt:
            with suppress(UpdateFinishedTrialError):
                trial.set_user_attr("given back", True)
            end_as_failed(study, trial._trial_id)
            fill(study)
            say(f"{who}: stopped; point {point} is given back, {done} done here.")
            raise
        done += words is not None
        settings = study.user_attrs["plan"]["points"][point].items()
        shown = " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in settings)
        words = words or "taken away meanwhile, not counted"
        say(f"{who}: point {point} {shown}: {words} ({time.perf_counter() - begin:.1f} s)")
    return done


# ----------------------------------------------------------------------------------------------------- one trial
def take(study, note: Mapping) -> optuna.Trial | None:
    """The next waiting trial, running from now on for the worker of this `note` (see `liveness.me`); None if none.

    Only one process gets it; a trial whose point an earlier trial has is ended here, unused.
    """
    storage = study._storage
    for waiting in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if "point" not in waiting.user_attrs:
            continue
        id_, point = waiting._trial_id, waiting.user_attrs["point"]
        with suppress(UpdateFinishedTrialError):  # somebody ended it meanwhile
            if not storage.set_trial_state_values(id_, TrialState.RUNNING):
                continue  # another worker was quicker
            storage.set_trial_user_attr(id_, "worker", dict(note))
            if all(trial.number >= waiting.number for trial in standing(by_point(study)[point])):
                return optuna.Trial(study, id_)
            storage.set_trial_user_attr(id_, "copy", True)
            storage.set_trial_state_values(id_, TrialState.FAIL)
    return None


def _run(trial, objective, interrupts: Interrupts) -> str | None:
    """One trial to its end; what became of it in words, None if another worker has ended it meanwhile."""
    plan, record = trial.study.user_attrs["plan"], {}
    settings = {**plan["fixed"], **plan["points"][trial.user_attrs["point"]]}

    def note(result) -> float:
        step = result.val[-1][0] if isinstance(result, Run) and result.val else len(record) + 1
        if step not in record:
            trial.report(_value(result), step)
        record[step] = result
        return _value(result)

    def report(result) -> None:
        with interrupts.let(False):
            note(result)
            if not getattr(result, "diverged", False) and trial.should_prune():
                raise optuna.TrialPruned

    value, state = None, TrialState.COMPLETE
    try:
        with interrupts.let(True):
            result = try_once(objective, settings, plan["seed"], report)
        value = note(result)
        words = f"{value:.4g}"
    except optuna.TrialPruned:
        state, words = TrialState.PRUNED, "pruned"
    except UpdateFinishedTrialError:
        return None
    except (Exception, SystemExit, GeneratorExit) as problem:  # an error is a result: it would come again
        state, words = TrialState.FAIL, f"{type(problem).__name__}: {problem}"
    try:
        last = record[max(record)] if record else None
        if isinstance(last, Run):
            trial.set_user_attr("run", last.thinned(8).as_dict())
        if state is TrialState.FAIL:
            trial.set_user_attr("error", words)
            words = f"failed: {words}"
        ended = trial.study.tell(trial, value, state=state, skip_if_finished=True)
    except UpdateFinishedTrialError:
        return None
    return words if ended.state is state else None


def _value(result) -> float:
    value = result.final_accuracy if isinstance(result, Run) else result
    if not is_number(value):
        raise ValueError(f"the objective returned {value!r}, not a finite number")
    return float(value)


# ------------------------------------------------------------------------------------------- looking after others
@contextmanager
def _beating(trial, seconds: float):
    """Inside, a number in the trial's notes counts up: a sign of life for other machines."""
    stop = threading.Event()

    def beat(n=0):
        while not stop.wait(seconds):
            n += 1
            with suppress(Exception):  # ended meanwhile, or the database cannot be reached: the result will tell
                trial.set_user_attr("beat", n)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Watch:
    """Who looks after the others, with a clock of its own: clocks of two machines need not agree."""

    def __init__(self, patience: float = PATIENCE):
        self.patience, self.signs = patience, {}

    def reclaim(self, study) -> list[str]:
        """End the trials whose workers are gone; a line for each. `fill` then makes them wait again."""
        lines = []
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            note = trial.user_attrs.get("worker")
            gone = is_dead(note) if note else None
            if gone is None:
                sign = trial.number, trial.user_attrs.get("beat"), bool(note)
                waited = time.monotonic() - self.signs.setdefault(sign, time.monotonic())
                gone = waited > (self.patience if note else UNSIGNED)
            if gone and end_as_failed(study, trial._trial_id):
                where = f"trial {trial.number} (point {trial.user_attrs.get('point')})"
                lines.append(f"{where} was lost with worker {worker_name(note)}: it waits to be done again.")
        return lines


def end_as_failed(study, trial_id: int) -> bool:
    """End a running trial, which leaves a hole in the plan; False where somebody else was quicker."""
    with suppress(UpdateFinishedTrialError):
        return study._storage.set_trial_state_values(trial_id, TrialState.FAIL)
    return False


# ---------------------------------------------------------------------------------------------------- the command
def start_worker(where, name: str, *arguments: str, log: str | Path | None = None) -> subprocess.Popen:
    """Start this module's command as a process of its own: `python -m course_utils.search.worker --name NAME`, with
    `where` in the variable COURSE_STUDY.

    arguments: more of the command line. log: file for what it prints; default: the study's file with the name, ending
    in .txt (of a database just NAME.txt, here). Returns the process: .wait() for its end, .kill() is kill -9 (on
    Windows, too, where there are no signals).
    """
    log = Path(log or (f"{name}.txt" if "://" in str(where) else f"{where}.{name}.txt"))
    command = [sys.executable, "-m", "course_utils.search.worker", "--name", name, *arguments]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": paths, "COURSE_STUDY": str(where), "PYTHONIOENCODING": "utf-8"}
    with open(log, "a") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m course_utils.search.worker", description=__doc__, formatter_class=form)
    add = parser.add_argument
    add("study", nargs="?", default=os.environ.get("COURSE_STUDY"), help="journal file or database URL")
    add("--study-name", default=NAME, help=f"name of the study there (default {NAME})")
    add("--name", default="", help="what the results call this worker (default: machine and process)")
    add("--trials", type=int, help="stop after so many (default: when all are done)")
    add("--threads", type=int, default=1, help="threads for the arithmetic of this worker (default 1)")
    words = "seconds without a sign of life until the worker of another machine counts as dead; the same for all"
    add("--patience", type=float, default=PATIENCE, help=f"{words} (default {PATIENCE:g})")
    add("--retry-failed", action="store_true", help="try points again whose objective raised an error")
    args = parser.parse_args(arguments)
    if not args.study:
        parser.error("name a study, here or in the variable COURSE_STUDY.")
    for name in ("trials", "threads", "patience"):
        value = getattr(args, name)
        if value is not None and not value > 0:
            parser.error(f"--{name} must be above 0, got {value:g}.")
    for variable in ("COURSE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before torch is imported
        os.environ[variable] = str(args.threads)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # an error may hold letters that this terminal cannot show
    interrupts = Interrupts()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell script starts jobs in its background with Ctrl-C ignored
        signal.signal(number, interrupts)
    how = {name: value for name, value in vars(args).items() if name not in ("study", "threads")}
    try:
        with quiet():
            done = work(args.study, say=partial(print, flush=True), interrupts=interrupts, **how)
    except ValueError as problem:
        print(f"refused: {problem}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        return 130
    print(f"{args.name or 'worker'}: nothing is left to do, {done} done here.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
