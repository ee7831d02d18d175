"""Which hyper-parameter matters? The variance of a full table of results, shared out among its axes.

    effects = main_effects(table.seen, table.names)        # {"lr": 0.61, "weight_decay": 0.22, ...}, shares of 1
    by_forest(table.seen, table.levels)                    # the same question to optuna's fANOVA, a random forest

The *main effect* of an axis is what is left of it when all others are averaged out; its variance, divided by the
variance of the whole table, is its share. What the shares leave to 1 are interactions: effects that only show in
combination, and the noise of training. All of it holds for the space that was tabled: another range, other shares.
Source: Fisher's analysis of variance (1925); functional ANOVA: Hutter, Hoos, Leyton-Brown 2014 (ICML).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

TREES = 16


def main_effects(values, names: Sequence[str]) -> dict[str, float]:
    """Share of the variance, 0 to 1, that each axis explains alone: name -> share.

    values: the full table, one axis a name, in any unit. Raises ValueError for a table with another number of axes,
    with a number that is not finite, or without any variance.
    """
    values = _table(values, names)
    shares = {}
    for axis, name in enumerate(names):
        others = tuple(a for a in range(values.ndim) if a != axis)
        shares[name] = float(values.mean(axis=others).var() / values.var())
    return shares


def interactions(values, names: Sequence[str]) -> dict[tuple[str, str], float]:
    """Share of the variance that each pair of axes explains beyond their main effects: (name, name) -> share."""
    values = _table(values, names)
    alone, shares = main_effects(values, names), {}
    for pair in itertools.combinations(range(values.ndim), 2):
        others = tuple(a for a in range(values.ndim) if a not in pair)
        together = float(values.mean(axis=others).var() / values.var())
        one, two = (names[a] for a in pair)
        shares[one, two] = max(0.0, together - alone[one] - alone[two])
    return shares


def by_forest(values, levels: Mapping[str, Sequence], seed: int = 0, *, log: bool = True) -> dict[str, float]:
    """Importances, their sum 1, by `optuna.importance`: fANOVA on a random forest that is fitted to the table.

    values: [levels of axis 0, of axis 1, ...]; levels: name -> the axis' values. log: an axis of numbers > 0 that span
    a factor of ten or more is handed over as its logarithm; without it, as it is, and optuna's forest then weighs
    every *linear* step alike, even where the parameter was declared log=True. Raises ImportError without optuna or
    scikit-learn, ValueError as `main_effects`.
    """
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    names = list(levels)
    values = _table(values, names)
    if values.shape != tuple(len(levels[name]) for name in names):
        raise ValueError(f"values have shape {values.shape}, the levels ask for {[len(levels[n]) for n in names]}.")
    levels = {name: _axis(levels[name]) if log else [float(one) for one in levels[name]] for name in names}
    ranges = {name: optuna.distributions.FloatDistribution(min(axis), max(axis), log=not log and _by_factors(axis))
              for name, axis in levels.items() if len(axis) > 1}  # fmt: skip
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # no line for a study that nobody sees
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed))
    optuna.logging.set_verbosity(before)
    study.add_trials([
        optuna.trial.create_trial(
            params={name: levels[name][n] for name, n in zip(names, at, strict=True) if name in ranges},
            distributions=ranges, value=float(values[at]))
        for at in np.ndindex(values.shape)
    ])  # fmt: skip
    evaluator = FanovaImportanceEvaluator(n_trees=TREES, seed=seed)
    found = get_param_importances(study, evaluator=evaluator)
    return {name: float(found.get(name, 0.0)) for name in names}


def _by_factors(levels) -> bool:
    return min(levels) > 0 and max(levels) / min(levels) >= 10


def _axis(levels) -> list[float]:
    return [math.log10(one) if _by_factors(levels) else float(one) for one in levels]


def _table(values, names) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim != len(names) or not values.ndim:
        raise ValueError(f"the table has {values.ndim} axes, but {len(names)} names were given: {list(names)}.")
    if not np.isfinite(values).all():
        raise ValueError("the table holds numbers that are not finite. Give a run that failed a number, such as 0.")
    if values.max() - values.min() < 1e-12:
        raise ValueError("all results are the same: there is no variance to share out.")
    return values
