"""Work on a study until it is done:  python -m course_utils.search.worker STUDY [--name A] [--trials N]

STUDY: the journal file or database URL that make_study was given. Start as many as you like, wherever the study can be
reached; each takes the next point that waits, so the faster ones do more. One that is killed loses nothing: the others,
or the next one that starts, do its point again. Ctrl-C (and SIGTERM, as a cluster sends it) gives the point back.
Exit status: 0 all done, 2 refused, 130 given back.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from numbers import Real
from pathlib import Path

import optuna
from optuna.trial import TrialState

from course_utils.files import ROOT
from course_utils.interrupts import interrupt, interruptible, stop_if_asked
from course_utils.search.liveness import me
from course_utils.search.plan import find_objective
from course_utils.search.points import label_of
from course_utils.search.study import NAME, Watch, end_as_failed, fill, open_study, quiet, take

LOOK = 0.2  # seconds between two looks while others still run
BEAT = 10.0  # seconds between two signs of life, for workers on other machines


def work(
    where,
    *,
    study_name: str = NAME,
    name: str = "",
    trials: int | None = None,
    beat: float = BEAT,
    patience: float = 60.0,
    retry_failed: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Do points until none is left (or `trials` of them); returns how many this worker did.

    It stays while others still run theirs, because one of them may die. name: what the results call it; default:
    machine and process. beat, patience: seconds between two signs of life, and without one until the worker of
    *another* machine counts as dead; on this machine a dead process is seen at once. say: gets each line of the report.
    Raises ValueError for a study that is not there or whose objective cannot be imported.
    """
    study = open_study(where, study_name)
    objective = find_objective(study.user_attrs["plan"]["objective"])
    note, watch, done = {**me(), **({"name": name} if name else {})}, Watch(patience), 0
    who = label_of(note)
    fill(study, retry_failed)
    while trials is None or done < trials:
        stop_if_asked()
        for line in watch.reclaim(study):
            say(f"{who}: {line}")
        fill(study)
        trial = take(study, note)
        if trial is None:
            if not study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
                break
            time.sleep(LOOK)
            continue
        point, begin = trial.user_attrs["point"], time.perf_counter()
        try:
            outcome = _run(trial, objective, beat)
        except KeyboardInterrupt:
            _give_back(where, study_name, trial.number)
            say(f"{who}: stopped; point {point} is given back, {done} done here.")
            raise
        done += outcome is not None
        settings = " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial.params.items())
        seconds = time.perf_counter() - begin
        say(f"{who}: point {point} {settings}: {outcome or 'taken away meanwhile, not counted'} ({seconds:.1f} s)")
    return done


def _run(trial, objective, beat: float) -> str | None:
    """One trial to its end; what became of it in words, None if another worker has ended it meanwhile."""
    study = trial.study
    with _Heart(trial, beat):
        value, state, words = None, TrialState.COMPLETE, ""
        try:
            with interruptible():
                value = objective(trial)
            if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
                raise ValueError(f"the objective returned {value!r}, not a finite number")
            words = f"{value:.4g}"
        except optuna.TrialPruned:
            value, state, words = None, TrialState.PRUNED, "pruned"
        except optuna.exceptions.UpdateFinishedTrialError:
            return None
        except Exception as problem:  # an error is a result: it would come again
            value, state, words = None, TrialState.FAIL, f"{type(problem).__name__}: {problem}"
    try:
        if state is TrialState.FAIL:
            trial.set_user_attr("error", words)
            words = f"failed: {words}"
        study.tell(trial, value, state=state)
    except (optuna.exceptions.UpdateFinishedTrialError, ValueError):
        if study._storage.get_trial(trial._trial_id).state.is_finished():
            return None
        raise
    return words


def _give_back(where, study_name: str, number: int) -> None:
    """End the trial so that its point waits again; with a storage of its own, as the other was interrupted anywhere."""
    study = open_study(where, study_name)
    try:
        id_ = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        study._storage.set_trial_user_attr(id_, "given back", True)
        end_as_failed(study, number)
    except optuna.exceptions.UpdateFinishedTrialError:
        pass
    fill(study)


class _Heart:
    """Counts up in the trial's notes while it runs: a sign of life for other machines."""

    def __init__(self, trial, seconds: float):
        self.trial, self.seconds, self.stop = trial, seconds, threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _beat(self) -> None:
        storage, id_, n = self.trial.study._storage, self.trial._trial_id, 0
        while not self.stop.wait(self.seconds):
            n += 1
            try:
                storage.set_trial_user_attr(id_, "beat", n)
            except Exception:  # ended meanwhile, or the database cannot be reached: the result will tell
                pass


def start_worker(where, name: str, *arguments: str, log: str | Path | None = None) -> subprocess.Popen:
    """Start this module's command as a process of its own: `python -m course_utils.search.worker WHERE --name NAME`.

    arguments: more of the command line. log: file for what it prints; default: the study's file with the name, ending
    in .txt (of a database just NAME.txt, here). Returns the process: .wait() for its end, .kill() is kill -9 (on
    Windows, too, where there are no signals).
    """
    log = Path(log or (f"{name}.txt" if "://" in str(where) else f"{where}.{name}.txt"))
    command = [sys.executable, "-m", "course_utils.search.worker", str(where), "--name", name, *arguments]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with open(log, "a") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.search.worker", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = parser.add_argument
    add("study", help="journal file or database URL")
    add("--study-name", default=NAME, help=f"name of the study there (default {NAME})")
    add("--name", default="", help="what the results call this worker (default: machine and process)")
    add("--trials", type=int, help="stop after so many (default: when all are done)")
    add("--threads", type=int, default=1, help="threads for the arithmetic of this worker (default 1)")
    add("--beat", type=float, default=BEAT, help="seconds between two signs of life (default 10)")
    add("--patience", type=float, default=60.0, help="seconds without a sign of life until the worker of another "
        "machine counts as dead (default 60); at least three beats")  # fmt: skip
    add("--retry-failed", action="store_true", help="try points again whose objective raised an error")
    args = parser.parse_args(arguments)
    for name in ("trials", "threads", "beat", "patience"):
        value = getattr(args, name)
        if value is not None and not value > 0:
            parser.error(f"--{name} must be above 0, got {value:g}.")
    if args.patience < 3 * args.beat:
        parser.error(f"--patience {args.patience:g} must be at least three times --beat {args.beat:g}.")
    for variable in ("COURSE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before torch is imported
        os.environ[variable] = str(args.threads)
    # Explicitly: what runs in the background of a shell script would otherwise not hear Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupt())
    try:
        with quiet():
            try:
                find_objective(open_study(args.study, args.study_name).user_attrs["plan"]["objective"])
            except ValueError as problem:
                print(f"refused: {problem}", file=sys.stderr, flush=True)
                return 2
            how = dict(trials=args.trials, beat=args.beat, patience=args.patience, retry_failed=args.retry_failed)
            done = work(args.study, study_name=args.study_name, name=args.name, say=partial(print, flush=True), **how)
    except KeyboardInterrupt:
        return 130
    print(f"{args.name or 'worker'}: nothing is left to do, {done} done here.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
