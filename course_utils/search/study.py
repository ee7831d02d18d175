"""One Optuna study that several worker processes do together: each of its points is done exactly once.

    make_study("studies/mine.log", "course_utils.lessons.l10_2_2.objectives:short_training", points=grid({...}))
    # then, in as many terminals, or on as many machines, as there are:
    #     python -m course_utils.search.worker studies/mine.log
    for row in results(open_study("studies/mine.log")):
        print(row.point, row.params, row.value, row.worker)

How it holds together. The study keeps its *plan*: the objective's name, the space and the points. A point of which no
trial waits, runs or has a result is a hole; whoever looks (`fill`) puts a waiting trial there, so a crash at any moment
leaves at worst a hole. A trial only moves from waiting to running to ended, and the storage lets one process alone make
each move. Two processes may fill the same hole; a worker therefore runs a trial only if no *earlier* trial of its point
waits, runs or has a result. A trial whose process is gone is ended as "failed", which leaves a hole again.

(Optuna's ask() makes a new trial where none waits, and its retry callback enqueues in a second step that a crash can
separate from the first. So trials are taken here, with the storage's own moves.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.search.liveness import is_dead
from course_utils.search.plan import PRUNERS, difference, find_objective, plan_of
from course_utils.search.points import (
    TRIES,
    Row,
    by_point,
    ended_well,
    label_of,
    lost,
    results,
    runs_of,
    stands,
    times_done,
)
from course_utils.search.space import Axis
from course_utils.search.storage import open_storage, without_password

__all__ = ["Row", "Watch", "by_point", "ended_well", "fill", "make_study", "open_study", "results", "runs_of", "take",
           "times_done"]  # fmt: skip
NAME = "search"  # of the study in its file, where nobody says otherwise
UNOWNED = 5.0  # seconds a trial may run without its worker's note, which follows at once


# ---------------------------------------------------------------------------------------------- make and open one
def make_study(
    where,
    objective: str,
    *,
    points: Sequence[Mapping] | None = None,
    trials: int | None = None,
    space: Mapping[str, Axis] | None = None,
    facts: Mapping | None = None,
    sampler: str = "random",
    pruner: str | None = None,
    direction: str = "maximize",
    seed: int = 0,
    name: str = NAME,
):
    """Make the study, or open it where it is there already with the same plan. Returns an optuna Study.

    where: a journal file, a database URL or a storage (see `open_storage`).
    objective: "module:function", an Optuna objective that every worker can import.
    points: explicit settings, such as `grid(...)` makes; each is done once. Or trials: a number of settings which
        `sampler` ("random" or "tpe") chooses from `space`; each has random numbers of its own, from `seed`.
    space: name -> log_uniform, uniform or choice; default: the objective's own, its attribute `space`.
    facts: what the objective is to be told, e.g. {"images": 4000}; it reads them with `facts_of(trial)`.
    pruner: None, "median" or "halving": for an objective that reports on the way and asks should_prune().
    Raises ValueError for a plan that cannot be kept, or another than the one that is there, by the name of the part.
    """
    import optuna

    function = find_objective(objective)
    plan = plan_of(function, objective, points, trials, space, facts, sampler, pruner, direction, seed)
    storage, place = open_storage(where), without_password(where)
    with quiet():
        study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    there = study.user_attrs.get("plan")
    if there is None:
        if study.get_trials(deepcopy=False):
            raise ValueError(f"study {name!r} in {place} was not made by make_study: give another name or place.")
        study.set_user_attr("plan", plan)
    else:
        other = difference(there, plan)
        if other:
            raise ValueError(f"{place} holds another study: {other}. Give this one a place of its own.")
    fill(study)
    return study


def open_study(where, name: str = NAME):
    """The study kept at `where` with its plan. ValueError where there is none; nothing is made or changed."""
    import optuna

    is_path = isinstance(where, (str, os.PathLike)) and "://" not in str(where)
    if is_path and not Path(where).expanduser().exists():
        raise ValueError(f"there is no study at {where}: make it first, with make_study({str(where)!r}, ...).")
    storage, place = open_storage(where), without_password(where)
    try:
        with quiet():
            study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        there = ", ".join(repr(s.study_name) for s in storage.get_all_studies()) or "none"
        raise ValueError(f"there is no study {name!r} at {place}; there: {there}. Make it with make_study.") from None
    plan = study.user_attrs.get("plan")
    if plan is None:
        raise ValueError(f"study {name!r} at {place} has no plan: it was not made by make_study.")
    study.pruner = getattr(optuna.pruners, PRUNERS[plan["pruner"]])()
    return study


@contextmanager
def quiet():
    """`with quiet(): ...` keeps Optuna's notes about new studies away."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


# ------------------------------------------------------------------------------------------ which points are done
def fill(study, retry_failed: bool = False) -> int:
    """Put a waiting trial into every hole of the plan; returns how many. Any process may do so at any time.

    A point lost on the way keeps the settings it had. After TRIES lost tries it stays a hole ("given up").
    retry_failed: points whose objective raised an error are holes, too.
    """
    filled, points = 0, study.user_attrs["plan"]["points"]
    for point, trials in enumerate(by_point(study)):
        after = max((t.number for t in trials if t.state.name == "FAIL"), default=-1) if retry_failed else -1
        if any(stands(trial, after) for trial in trials) or sum(map(lost, trials)) >= TRIES:
            continue
        params = points[point] or next((t.params for t in trials[::-1] if t.params), {})
        note = {"point": point} | ({"after": after} if retry_failed else {})
        study.enqueue_trial(params, user_attrs=note)
        filled += 1
    return filled


def take(study, note: Mapping):
    """The next waiting trial, running from now on for the worker of this `note` (see `liveness.me`); None if none.

    Only one process gets it; a trial whose point an earlier trial has is ended here, unused.
    """
    import optuna
    from optuna.trial import TrialState

    storage = study._storage
    for waiting in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if "point" not in waiting.user_attrs:
            continue
        number = waiting._trial_id
        try:
            if not storage.set_trial_state_values(number, TrialState.RUNNING):
                continue  # another worker was quicker
            storage.set_trial_user_attr(number, "worker", dict(note))
            point, after = waiting.user_attrs["point"], waiting.user_attrs.get("after", -1)
            earlier = [t for t in by_point(study)[point] if t.number < waiting.number]
            if any(stands(trial, after) for trial in earlier):
                storage.set_trial_user_attr(number, "again", True)
                storage.set_trial_state_values(number, TrialState.FAIL)
                continue
        except optuna.exceptions.UpdateFinishedTrialError:  # somebody ended it meanwhile
            continue
        study.sampler = _sampler(study.user_attrs["plan"], point)
        return optuna.Trial(study, number)
    return None


def _sampler(plan: Mapping, point: int):
    """Random numbers of its own for each point: which worker does it makes no difference, and no two do the same."""
    import warnings

    import optuna

    seed = (plan["seed"] * 1_000_003 + point) % 2**32
    if plan["sampler"] == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():  # constant_liar: what others just try counts as bad, so it is not tried twice
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def end_as_failed(study, number: int) -> bool:
    """End the running trial of this number, which leaves a hole; False where somebody else was quicker."""
    import optuna
    from optuna.trial import TrialState

    try:
        id_ = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        return bool(study._storage.set_trial_state_values(id_, TrialState.FAIL))
    except optuna.exceptions.UpdateFinishedTrialError:
        return False


@dataclass
class Watch:
    """Who looks after the others, with a clock of its own: clocks of two machines need not agree.

    patience: seconds without a sign of life after which the worker of another machine counts as gone.
    """

    patience: float = 60.0
    seen: dict = field(default_factory=dict)

    def reclaim(self, study) -> list[str]:
        """End the trials whose workers are gone; a line for each. `fill` then makes them wait again."""
        from optuna.trial import TrialState

        lines = []
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            note = trial.user_attrs.get("worker")
            gone = is_dead(note) if note else None
            if gone is None:
                sign, now = (trial.number, trial.user_attrs.get("beat"), bool(note)), time.monotonic()
                since = self.seen.setdefault(sign, now)
                gone = now - since > (self.patience if note else UNOWNED)
            if gone and end_as_failed(study, trial.number):
                lines.append(f"trial {trial.number} (point {trial.user_attrs.get('point')}) was lost with worker "
                             f"{label_of(note)}: it waits to be done again.")  # fmt: skip
        return lines
