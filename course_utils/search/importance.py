"""Which hyper-parameter matters? The variance of a full table of results, shared out among its axes.

    effects = main_effects(table.seen, table.names)        # {"lr": 0.61, "weight_decay": 0.22, ...}, shares of 1
    by_forest(table.seen, table.levels)                    # the same question to optuna's fANOVA, a random forest

The *main effect* of an axis is what is left of it when all others are averaged out; its variance, divided by the
variance of the whole table, is its share. What the shares leave to 1 are interactions: effects that only show in
combination, and the noise of training. All of it holds for the space that was tabled: another range, other shares.
Source: Fisher's analysis of variance (1925); functional ANOVA: Hutter, Hoos, Leyton-Brown 2014 (ICML).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

TREES = 16


def main_effects(values, names: Sequence[str]) -> dict[str, float]:
    """Share of the variance, 0 to 1, that each axis explains alone: name -> share.

    values: the full table, one axis a name, in any unit. Raises ValueError for a table with another number of axes,
    with a number that is not finite, or without any variance.
    """
    values = _checked(values, names)
    others = [tuple(other for other in range(values.ndim) if other != axis) for axis in range(values.ndim)]
    return {name: float(values.mean(axis=rest).var() / values.var()) for name, rest in zip(names, others, strict=True)}


def by_forest(values, levels: Mapping[str, Sequence], seed: int = 0, *, log: bool = True) -> dict[str, float]:
    """Importances, their sum 1, by `optuna.importance`: fANOVA on a random forest that is fitted to the table.

    values: [levels of axis 0, of axis 1, ...]; levels: name -> the axis' values. log: an axis of numbers > 0 that span
    a factor of ten or more is handed over as its logarithm; without it, as it is, and optuna's forest then weighs
    every *linear* step alike, even where the parameter was declared log=True. Raises ValueError as `main_effects`.
    """
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    from course_utils.search.study import quiet

    names = list(levels)
    values = _checked(values, names)
    if values.shape != tuple(len(levels[name]) for name in names):
        raise ValueError(f"values have shape {values.shape}, the levels ask for {[len(levels[n]) for n in names]}.")
    wide = {name for name, axis in levels.items() if min(axis) > 0 and max(axis) / min(axis) >= 10}
    scale = {name: math.log10 if log and name in wide else float for name in names}
    axes = {name: [scale[name](level) for level in levels[name]] for name in names}
    ranges = {
        name: optuna.distributions.FloatDistribution(min(axis), max(axis), log=not log and name in wide)
        for name, axis in axes.items()
        if len(axis) > 1
    }
    with quiet():  # no line for a study that nobody sees
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed))
    for at in np.ndindex(values.shape):
        params = {name: axes[name][n] for name, n in zip(names, at, strict=True) if name in ranges}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=ranges, value=float(values[at])))
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=TREES, seed=seed))
    return {name: float(shares.get(name, 0.0)) for name in names}


def _checked(values, names) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim != len(names) or not values.ndim:
        raise ValueError(f"the table has {values.ndim} axes, but {len(names)} names were given: {list(names)}.")
    if not np.isfinite(values).all():
        raise ValueError("the table holds numbers that are not finite. Give a run that failed a number, such as 0.")
    if values.max() - values.min() < 1e-12:
        raise ValueError("all results are the same: there is no variance to share out.")
    return values
