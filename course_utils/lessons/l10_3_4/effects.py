"""Main effects and interactions of the switches, from the recorded design, each with its interval. No torch.

    table = cells(recorded("10.3.4"))
    table["objects", 5].effects["mixup"]        # Effect(mean=-3.1, low=-4.6, high=-1.6), points of test accuracy

A cell is one task with one number of images a class. Its runs are fitted by least squares: one number for each seed,
one for each switch. The interval is Student's, 90 %, with the residual degrees of freedom.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from course_utils.claims.rule import student


class Effect(NamedTuple):
    """Points of accuracy with a switch on minus off, and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        return "gains" if self.low > 0 else "costs" if self.high < 0 else "undecided"


class Cell:
    """The designed runs of one task with one number of images a class. names: of the switches, in order.

    on: [runs, switches], 1 where a switch is on. seeds: [runs, seeds], 1 for the seed of a run. accuracy: on the test
    images, per cent. effects: switch -> Effect.
    """

    def __init__(self, task: str, per_class: int, runs: list, names):
        self.task, self.per_class, self.runs, self.names = task, per_class, runs, tuple(names)
        self.on = np.array([[name in switches_of(run) for name in self.names] for run in runs], float)
        numbers = np.array([run.seed for run in runs])
        self.seeds = (numbers[:, None] == np.unique(numbers)).astype(float)
        self.accuracy = np.array([run.test_percent for run in runs])
        fitted, errors, freedom = least_squares(np.hstack([self.on, self.seeds]), self.accuracy)
        rows = zip(self.names, fitted, student(freedom) * errors, strict=False)
        self.effects = {name: Effect(mean, mean - half, mean + half) for name, mean, half in rows}
        self.base = float(fitted[len(self.names) :].mean())

    def predicted(self, on) -> float:
        """What the main effects of these switches add up to: accuracy in per cent, at the mean seed."""
        return self.base + sum(self.effects[name].mean for name in on)

    def nearest(self, on) -> tuple[int, int]:
        """(position of the recorded run that differs in the fewest switches, how many those are)."""
        apart = np.abs(self.on - [name in on for name in self.names]).sum(1)
        return int(apart.argmin()), int(apart.min())


def switches_of(run) -> set[str]:
    """The switches that were on in a recorded run."""
    return {name for name in run.config["on"].split("+") if name}


def cells(table, names=None) -> dict[tuple[str, int], Cell]:
    """(task, images a class) -> Cell, of all designed runs in a RunTable. Raises ValueError where there are none."""
    if names is None:
        from course_utils.lessons.l10_3_4.switches import SWITCHES as names
    groups: dict[tuple[str, int], list] = {}
    for run in table:
        if run.config.get("kind") == "desk":
            groups.setdefault((run.config["task"], run.config["per_class"]), []).append(run)
    if not groups:
        raise ValueError("the table holds no designed runs; recorded('10.3.4') does.")
    return {key: Cell(*key, group, names) for key, group in groups.items()}


def least_squares(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """(numbers, their standard errors, degrees of freedom). ValueError for too few rows."""
    numbers, _, rank, _ = np.linalg.lstsq(X, y, rcond=None)
    freedom = len(y) - rank
    if freedom < 1 or rank < X.shape[1]:
        raise ValueError(f"{len(y)} runs cannot tell {X.shape[1]} numbers apart.")
    spread = np.sqrt(((y - X @ numbers) ** 2).sum() / freedom)
    return numbers, spread * np.sqrt(np.diag(np.linalg.inv(X.T @ X))), freedom


def interactions(table: dict[tuple[str, int], Cell]) -> list[tuple[str, str, Effect, bool]]:
    """Every pair of switches, the strongest first: (a, b, effect, is it real?), all cells fitted together.

    effect: how many points more switch a gains when b is on than when b is off, the same in all cells; interval 90 %.
    Real: it stays clear of zero at the level divided by the number of pairs (Bonferroni), since 66 are looked at.
    """
    names = next(iter(table.values())).names
    pairs, left = list(combinations(range(len(names)), 2)), 0
    own = [np.hstack([cell.seeds, cell.on - 0.5]) for cell in table.values()]  # each cell has numbers of its own
    rows = []
    for cell, block in zip(table.values(), own, strict=True):
        rows.append(np.zeros((len(block), sum(b.shape[1] for b in own) + len(pairs))))
        rows[-1][:, left : left + block.shape[1]] = block
        rows[-1][:, -len(pairs) :] = np.stack([(cell.on[:, a] - 0.5) * (cell.on[:, b] - 0.5) for a, b in pairs], 1)
        left += block.shape[1]
    fitted = least_squares(np.vstack(rows), np.concatenate([cell.accuracy for cell in table.values()]))
    (numbers, errors, freedom), result = fitted, []
    strict = float(stdtrit(freedom, 1 - 0.05 / len(pairs)))
    for (a, b), mean, error in zip(pairs, numbers[left:], errors[left:], strict=True):
        half = student(freedom) * error
        result.append((names[a], names[b], Effect(mean, mean - half, mean + half), abs(mean) > strict * error))
    return sorted(result, key=lambda row: -abs(row[2].mean))
