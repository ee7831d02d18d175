"""Which points of a study's plan wait, run, are done or lost, read from its trials. See `study` for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course_utils.runs import Run, RunTable

TRIES = 3  # a point whose worker died that often is given up: it may be what kills them


def ended_well(trial) -> bool:
    """It has a result: a value, or an error of the objective (which would come again)."""
    return trial.state.name in ("COMPLETE", "PRUNED") or (trial.state.name == "FAIL" and "error" in trial.user_attrs)


def stands(trial, after: int = -1) -> bool:
    """It waits, runs or has a result. after: number of the last trial whose error does not count (tried once more)."""
    if trial.state.name == "FAIL" and trial.number <= after:
        return False
    return trial.state.name in ("WAITING", "RUNNING") or ended_well(trial)


def lost(trial) -> bool:
    """Its worker died."""
    return trial.state.name == "FAIL" and not {"error", "again", "given back"} & set(trial.user_attrs)


def by_point(study) -> list[list]:
    """The trials of each point of the plan, in the order in which they came."""
    lists = [[] for _ in study.user_attrs["plan"]["points"]]
    for trial in study.get_trials(deepcopy=False):
        if "point" in trial.user_attrs:
            lists[trial.user_attrs["point"]].append(trial)
    return lists


def label_of(note: Mapping | None) -> str:
    """A worker in a few words: its name, or machine and process."""
    if not note:
        return "nobody"
    return note.get("name") or f"{note['machine'].partition('/')[0]}:{note['pid']}"


# ---------------------------------------------------------------------------------------------------- the results
@dataclass(frozen=True)
class Row:
    """What became of one point. state: "done", "pruned", "failed" (error says why), "running", "waiting", "given up".

    tries: how often a worker began it. lost: which workers died over it. run: the training's record, if it was kept.
    """

    point: int
    params: dict
    state: str
    value: float | None = None
    worker: str = ""
    seconds: float | None = None
    error: str = ""
    run: Run | None = None
    tries: int = 0
    lost: tuple[str, ...] = ()


def results(study) -> list[Row]:
    """One row for each point of the plan. study: from `make_study` or `open_study`."""
    points = study.user_attrs["plan"]["points"]
    return [_row(n, point, trials) for n, (point, trials) in enumerate(zip(points, by_point(study), strict=True))]


def _row(n: int, point: dict, trials: list) -> Row:
    begun = [t for t in trials if "worker" in t.user_attrs and "again" not in t.user_attrs]
    more = dict(tries=len(begun), lost=tuple(label_of(t.user_attrs.get("worker")) for t in trials if lost(t)))
    order = ("COMPLETE", "PRUNED", "RUNNING", "WAITING", "FAIL")
    standing = sorted((t for t in trials if stands(t)), key=lambda t: order.index(t.state.name))
    if not standing:
        return Row(n, point, "given up" if len(more["lost"]) >= TRIES else "waiting", **more)
    trial = standing[0]
    state = dict(zip(order, ("done", "pruned", "running", "waiting", "failed"), strict=True))[trial.state.name]
    attrs, seconds = trial.user_attrs, trial.duration and trial.duration.total_seconds()
    worker = label_of(attrs["worker"]) if "worker" in attrs else ""
    run = Run(**attrs["run"]) if "run" in attrs else None
    return Row(n, trial.params or point, state, trial.value, worker, seconds, attrs.get("error", ""), run, **more)


def runs_of(study) -> RunTable:
    """The Runs of all points that kept theirs (see `study_objectives.keep`), with `point` and `worker` in config."""
    rows = [row for row in results(study) if row.run is not None]
    for row in rows:
        row.run.config |= {**row.params, "point": row.point, "worker": row.worker}
    return RunTable(row.run for row in rows)


def times_done(study) -> list[int]:
    """For each point, how many results stand in the storage. All 1: nothing was lost, nothing was done twice."""
    counts = []
    for trials in by_point(study):
        after = max((t.user_attrs.get("after", -1) for t in trials), default=-1)  # errors that were tried once more
        counts.append(sum(ended_well(t) and stands(t, after) for t in trials))
    return counts
