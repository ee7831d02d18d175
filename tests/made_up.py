"""Runs, tables and images that tests make up."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product

from course_utils.runs import Run, RunTable


def a_run(loss: Sequence[float] = (2.0, 1.5, 1.0), accuracy: float | Sequence[float] = 0.5, *, lr=0.1, **fields) -> Run:
    """A finished run with these losses, one an update, at the rate `lr` (a number, or one an update).

    accuracy: at the validations, in [0, 1]; they are spread evenly, the last one after the last update.
    fields: of the Run, in place of what it would have (config, seed, status, val, test, ...).
    """
    n, accuracies = len(loss), list(accuracy) if isinstance(accuracy, Sequence) else [accuracy]
    times = [max(1, round((i + 1) * n / len(accuracies))) for i in range(len(accuracies))]
    usual = dict(
        status="finished",
        source="made up",
        t=list(range(1, n + 1)),
        momentum=[0.9] * n,
        loss_log=list(loss),
        lr=list(lr) if isinstance(lr, Sequence) else [lr] * n,
        val=[(t, loss[t - 1], a) for t, a in zip(times, accuracies, strict=True)],
    )
    return Run(**{**usual, **fields})


def a_table(accuracy: Callable[[dict], float] = lambda config: 0.5, **values: Sequence) -> RunTable:
    """A run for every combination of settings: `a_table(lr=[0.1, 1.0], seed=range(3))` holds six.

    accuracy: settings -> the validation accuracy of the run that has them.
    """
    settings = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    return RunTable(a_run(accuracy=accuracy(config), config=config, seed=config.get("seed", 0)) for config in settings)


@lru_cache
def tiny_data(train: int = 160, val: int = 40, test: int = 20, *, real: bool = False):
    """A few stand-in images, the same ones for all who ask. real: they say that they are CIFAR-10."""
    from course_utils.data.standin import stand_in

    data = stand_in(train=train, val=val, test=test)
    return replace(data, is_real=True, source="CIFAR-10, made up") if real else data
