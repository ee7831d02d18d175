"""The plan of a study: which function is tried, on which settings, with what it is told. Checked before it starts."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping

from course_utils.checks import check_whole
from course_utils.runs import plain
from course_utils.search.space import Axis, names_of, same

SAMPLERS = ("random", "tpe")
PRUNERS = {None: "NopPruner", "median": "MedianPruner", "halving": "SuccessiveHalvingPruner"}  # names in optuna.pruners


def plan_of(function, objective, points, trials, space, facts, sampler, pruner, direction, seed) -> dict:
    """The plan as plain data, as it comes back from a storage; for the arguments see `study.make_study`."""
    space = space or getattr(function, "space", None)
    names = names_of(space) if space else []
    if not names or not all(isinstance(axis, Axis) for axis in space.values()):
        raise ValueError(f"space must be a dict of log_uniform, uniform or choice, got {space!r}.")
    unknown = set(names) - set(getattr(function, "space", None) or names)
    if unknown:
        known = ", ".join(function.space)
        raise ValueError(f"space has {', '.join(sorted(unknown))}, which {objective} does not take: it takes {known}.")
    if (points is None) == (trials is None):
        raise ValueError("give either points (explicit settings) or trials (how many the sampler chooses).")
    if points is None:
        points = [{}] * check_whole("trials", trials, 1)
    elif not points or isinstance(points, (str, Mapping)):
        raise ValueError(f"points must be a list of dicts, as from grid(...), got {points!r}.")
    else:
        points = [_checked(point, space) for point in points]
        twice = [n for n, point in enumerate(points) if any(_equal(point, other) for other in points[:n])]
        if twice:
            raise ValueError(f"point {twice[0]} stands twice: {points[twice[0]]}. Each is done once.")
    for what, value, allowed in (("sampler", sampler, SAMPLERS), ("pruner", pruner, PRUNERS),
                                 ("direction", direction, ("maximize", "minimize"))):  # fmt: skip
        if value not in allowed:
            raise ValueError(f"{what} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")
    axes = {n: {"kind": a.kind, "low": a.low, "high": a.high, "values": list(a.values)} for n, a in space.items()}
    plan = dict(objective=objective, space=axes, points=points, facts=plain(dict(facts or {}), "facts"),
                sampler=sampler, pruner=pruner, direction=direction, seed=int(seed))  # fmt: skip
    return json.loads(json.dumps(plan))


def _checked(point: Mapping, space: Mapping[str, Axis]) -> dict:
    """A point with a value inside the space for each of its names. Optuna would take another one without a word."""
    if not isinstance(point, Mapping) or set(point) != set(space):
        raise ValueError(f"point {point!r} must have a value for each of {', '.join(space)}, and for nothing else.")
    for name, axis in space.items():
        value = plain(point[name], name)
        if axis.kind == "choice":
            inside, allowed = any(same(value, other) for other in axis.values), axis.values
        else:
            edge = 1e-9 * abs(axis.high)
            inside = isinstance(value, (int, float)) and axis.low - edge <= value <= axis.high + edge
            allowed = f"{axis.low:g} ... {axis.high:g}"
        if not inside:
            raise ValueError(f"{name} = {value!r} lies outside the space, {allowed}.")
    clipped = {name: point[name] if axis.kind == "choice" else min(max(point[name], axis.low), axis.high)
               for name, axis in space.items()}  # fmt: skip
    return plain(clipped, "point")


def _equal(a: Mapping, b: Mapping) -> bool:
    return set(a) == set(b) and all(same(a[k], b[k]) for k in a)


def _short(value) -> str:
    text = str(value)
    return text if len(text) < 90 else text[:87] + "..."


def find_objective(name: str) -> Callable:
    """The function behind "module:function". ValueError where there is none."""
    module, colon, function = str(name).partition(":")
    if not colon or not module or not function:
        raise ValueError(f"objective must be 'module:function', got {name!r}.")
    try:
        found = getattr(importlib.import_module(module), function)
    except ImportError as problem:
        raise ValueError(f"objective {name!r}: {problem}. Start the worker where Python can import it.") from problem
    except AttributeError:
        raise ValueError(f"objective {name!r}: module {module} has no {function}.") from None
    if not callable(found):
        raise ValueError(f"objective {name!r} is {found!r}, not a function.")
    return found


def difference(there: Mapping, here: Mapping) -> str:
    """The first part in which two plans differ, in words; "" where they are the same."""
    for part, value in here.items():
        if there.get(part) != value:
            return f"{part} is {_short(there.get(part))} there and {_short(value)} here"
    return ""


# --------------------------------------------------------------------------------------------- for objectives
def suggest(trial) -> dict:
    """A value for each name of the study's own space, by Optuna's suggest functions."""
    plan, chosen = trial.study.user_attrs["plan"], {}
    for name, axis in plan["space"].items():
        if axis["kind"] == "choice":
            chosen[name] = trial.suggest_categorical(name, axis["values"])
        else:
            chosen[name] = trial.suggest_float(name, axis["low"], axis["high"], log=axis["kind"] == "log")
    return chosen


def facts_of(trial) -> dict:
    """What `make_study(..., facts=...)` said."""
    return trial.study.user_attrs["plan"]["facts"]
