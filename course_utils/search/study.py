"""One Optuna study that several worker processes do together: each of its points is done exactly once.

    make_study("studies/mine.log", "my_module:objective", points=grid({...}))     # objective(settings, seed) -> Run
    # then, in as many terminals, or on as many machines, as there are:
    #     python -m course_utils.search.worker studies/mine.log
    for row in results(open_study("studies/mine.log")):
        print(row.point, row.params, row.value, row.worker)

How it holds together. The study keeps its *plan*: the objective's name and the points. A point of which no trial waits,
runs or has a result is a hole; whoever looks (`fill`) puts a waiting trial there, so a crash at any moment leaves at
worst a hole. A trial only moves from waiting to running to ended, and Optuna's storage lets one process alone make each
move. Two processes may fill the same hole; a worker therefore runs a trial only if no *earlier* trial of its point
waits, runs or has a result. A trial whose process is gone is ended as "failed", which leaves a hole again. (Optuna's
own heartbeat and retry serve databases only, not through a proxy, and a crash can separate the two.)

Trust a study like code: a worker imports, and calls, the function that its plan names.
"""

from __future__ import annotations

import json
import os
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from course_utils.checks import check_whole
from course_utils.runs import Run, plain
from course_utils.search.space import same
from course_utils.search.storage import open_storage, without_password
from course_utils.search.trials import Trials, checked_settings

NAME = "search"  # of the study in its file, where nobody says otherwise
TRIES = 3  # a point whose worker died that often is given up: it may be what kills them
DIRECTIONS = ("maximize", "minimize")
PRUNERS = {None: "NopPruner", "median": "MedianPruner", "halving": "SuccessiveHalvingPruner"}  # names in optuna.pruners


# ---------------------------------------------------------------------------------------------- make and open one
def make_study(where, objective: str, *, points, fixed=None, pruner=None, direction="maximize", seed=0, name=NAME):
    """Make the study, an optuna.Study, or open it where it is there already with the same plan.

    where: a journal file, a database URL or a storage (see `open_storage`).
    objective: "module:function", which every worker can import. As for `search`: objective(settings, seed) -> Run; or a
        number, and one that yields its Run on the way lets a pruner end it early.
    points: a list of settings, as from `grid` or `random_settings`. fixed: those that all share, e.g. {"epochs": 2}.
    pruner: None, "median" or "halving". direction: "maximize" or "minimize". seed: what every trial is trained with.
    Raises ValueError for a plan that cannot be kept, or another than the one that is there, by the name of the part.
    """
    find_objective(objective)
    plan = _plan(objective, points, fixed, pruner, direction, seed)
    storage, place = open_storage(where), without_password(where)
    with quiet():
        study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    known = study.user_attrs.get("plan")
    if known is None:
        if study.get_trials(deepcopy=False):
            raise ValueError(f"study {name!r} in {place} was not made by make_study: give another name or place.")
        study.set_user_attr("plan", plan)
    for part in plan if known else ():
        if known.get(part) != plan[part]:
            words = f"{part} is {str(known.get(part)):.80} there and {str(plan[part]):.80} here"
            raise ValueError(f"{place} holds another study: {words}. Give this one a place of its own.")
    fill(study)
    return study


def _plan(objective: str, points, fixed, pruner, direction, seed) -> dict:
    """The plan as it comes back from a storage. ValueError for what cannot be kept, or be done."""
    points = checked_settings(points)
    for n, point in enumerate(points):
        if set(point) != set(points[0]):
            raise ValueError(f"point {n}, {point}, must have a value for each of {', '.join(points[0])}, and no other.")
        if any(all(same(point[key], other[key]) for key in point) for other in points[:n]):
            raise ValueError(f"point {n} stands twice: {point}. Each is done once.")
    for what, value, allowed in (("pruner", pruner, PRUNERS), ("direction", direction, DIRECTIONS)):
        if value not in allowed:
            raise ValueError(f"{what} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")
    plan = dict(objective=objective, points=points, fixed=plain(dict(fixed or {}), "fixed"))
    plan |= dict(pruner=pruner, direction=direction, seed=check_whole("seed", seed, 0))
    return json.loads(json.dumps(plan))


def open_study(where, name: str = NAME) -> optuna.Study:
    """The study kept at `where`. ValueError for none, or for a plan changed by hand; nothing is made or changed."""
    is_path = isinstance(where, (str, os.PathLike)) and "://" not in str(where)
    if is_path and not os.path.exists(os.path.expanduser(where)):
        raise ValueError(f"there is no study at {where}: make it first, with make_study({str(where)!r}, ...).")
    storage, place = open_storage(where), without_password(where)
    try:
        with quiet():
            study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        names = ", ".join(repr(s.study_name) for s in storage.get_all_studies()) or "none"
        raise ValueError(f"there is no study {name!r} at {place}; there: {names}. Make it with make_study.") from None
    if "plan" not in study.user_attrs:
        raise ValueError(f"study {name!r} at {place} has no plan: it was not made by make_study.")
    try:
        _plan(**study.user_attrs["plan"])
        by_point(study)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"the plan of study {name!r} at {place} was changed by hand: {problem}") from problem
    study.pruner = getattr(optuna.pruners, PRUNERS[study.user_attrs["plan"]["pruner"]])()
    return study


@contextmanager
def quiet():
    """`with quiet(): ...` keeps Optuna's notes about new studies away."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def find_objective(name: str) -> Callable:
    """The function behind "module:function", which is imported. ValueError where a worker could not do the same."""
    module, _, function = str(name).partition(":")
    if not module or not function:
        raise ValueError(f"objective must be 'module:function', got {name!r}.")
    if module == "__main__":
        way_out = f"Write it to a file, with %%writefile mine.py, and give 'mine:{function}'"
        raise ValueError(f"objective {name!r}: no worker can import what stands in a notebook. {way_out}.")
    try:
        objective = pkgutil.resolve_name(name)
    except (Exception, SystemExit) as problem:  # a module may do anything when it is imported
        reason = f"{type(problem).__name__}: {problem}"
        raise ValueError(f"objective {name!r}: {reason}. Start workers where Python can import it.") from problem
    if not callable(objective):
        raise ValueError(f"objective {name!r} is {objective!r}, not a function.")
    return objective


# ------------------------------------------------------------------------------------------- the trials of each point
def by_point(study) -> list[list]:
    """The trials of each point of the plan, in the order in which they came. ValueError for one of no point."""
    lists = [[] for _ in study.user_attrs["plan"]["points"]]
    for trial in study.get_trials(deepcopy=False):
        if "point" in trial.user_attrs:
            lists[check_whole("point", trial.user_attrs["point"], 0, len(lists) - 1)].append(trial)
    return lists


def has_result(trial) -> bool:
    """A value, or an error of the objective (which would come again)."""
    return trial.state.name in ("COMPLETE", "PRUNED") or (trial.state.name == "FAIL" and "error" in trial.user_attrs)


def is_lost(trial) -> bool:
    """Its worker died."""
    return trial.state.name == "FAIL" and not {"error", "copy", "given back"} & set(trial.user_attrs)


def standing(trials: list) -> list:
    """Those trials of a point that wait, run or have a result; without errors that were tried once more since."""
    after = max((trial.user_attrs.get("after", -1) for trial in trials), default=-1)
    return [t for t in trials if t.state.name != "FAIL" or (t.number > after and has_result(t))]


def fill(study, retry_failed: bool = False) -> int:
    """Put a waiting trial into every hole of the plan; returns how many. Any process may do so at any time.

    After TRIES lost tries a point stays a hole ("given up"). retry_failed: where the objective raised an error, too.
    """
    filled, points = 0, study.user_attrs["plan"]["points"]
    for n, trials in enumerate(by_point(study)):
        failed = [trial.number for trial in trials if trial.state.name == "FAIL"] if retry_failed else []
        if any(t.number not in failed for t in standing(trials)) or sum(map(is_lost, trials)) >= TRIES:
            continue
        axes = {name: _axis([point[name] for point in points]) for name in points[n]}
        notes = {"point": n} | ({"after": max(failed)} if failed else {})
        waiting = dict(state=TrialState.WAITING, user_attrs=notes)
        study.add_trial(optuna.create_trial(params=points[n], distributions=axes, **waiting))
        filled += 1
    return filled


def _axis(values: list):
    """What Optuna's own pictures and importances want to know of a hyper-parameter that took these values."""
    if not all(isinstance(value, (int, float)) for value in values):
        return CategoricalDistribution(list(dict.fromkeys(values)))
    low, high = min(values), max(values)
    return FloatDistribution(low, high, log=low > 0 and high >= 10 * low)


# ---------------------------------------------------------------------------------------------------- the results
STATES = {"COMPLETE": "done", "PRUNED": "pruned", "RUNNING": "running", "WAITING": "waiting", "FAIL": "failed"}


@dataclass(frozen=True)
class PointResult:
    """What became of one point. state: "done", "pruned", "failed" (error says why), "running", "waiting", "given up".

    tries: how often a worker began it. lost: which workers died over it. run: its record, if the objective gave one.
    """

    point: int
    params: dict
    state: str
    tries: int = 0
    lost: tuple[str, ...] = ()
    value: float | None = None
    worker: str = ""
    error: str = ""
    run: Run | None = None


def results(study) -> list[PointResult]:
    """One for each point of the plan. study: from `make_study` or `open_study`."""
    return [_result(n, trials, study.user_attrs["plan"]) for n, trials in enumerate(by_point(study))]


def _result(n: int, trials: list, plan: Mapping) -> PointResult:
    lost = tuple(worker_name(trial.user_attrs.get("worker")) for trial in trials if is_lost(trial))
    tries = sum("worker" in trial.user_attrs and "copy" not in trial.user_attrs for trial in trials)
    result = PointResult(n, plan["points"][n], "given up" if len(lost) >= TRIES else "waiting", tries, lost)
    trial = min(standing(trials), key=lambda trial: list(STATES).index(trial.state.name), default=None)
    if trial is None:
        return result
    notes, run = trial.user_attrs, trial.user_attrs.get("run")
    return replace(
        result,
        state=STATES[trial.state.name],
        value=trial.value,
        worker=worker_name(notes["worker"]) if "worker" in notes else "",
        error=notes.get("error", ""),
        run=run and Run(**run),
    )


def worker_name(note: Mapping | None) -> str:
    """A worker in a few words: its name, or machine and process. note: from `liveness.me`."""
    return (note.get("name") or f"{note['machine'].partition('/')[0]}:{note['pid']}") if note else "nobody"


def runs_of(study) -> Trials:
    """The records of all points that have one, as `search` gives them, with `point` and `worker` in config."""
    rows = [row for row in results(study) if row.run is not None]
    for row in rows:
        row.run.config |= {**row.params, "settings": row.params, "point": row.point, "worker": row.worker}
    return Trials(row.run for row in rows)


def times_done(study) -> list[int]:
    """For each point, how many results stand in the storage. All 1: nothing was lost, nothing was done twice."""
    return [sum(map(has_result, standing(trials))) for trials in by_point(study)]
