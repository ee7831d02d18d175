"""Main effects and interactions of the switches, from the recorded design, each with its interval. No torch.

    table = cells(recorded("10.3.4"))
    table["objects", 5].effects["mixup"]        # Effect(mean=-3.1, low=-4.6, high=-1.6), points of test accuracy

A cell is one task with one number of images a class. Its runs are fitted by least squares: a constant, one number for
each seed, one for each switch. The interval is Student's, 90 %, with the residual degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.special import stdtrit

from course_utils.claims.rule import student


@dataclass(frozen=True)
class Effect:
    """Points of accuracy with a switch on minus off, and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        return "gains" if self.low > 0 else "costs" if self.high < 0 else "undecided"


@dataclass(eq=False)
class Cell:
    """The designed runs of one task with one number of images a class. names: of the switches, in order."""

    task: str
    per_class: int
    runs: list
    names: tuple[str, ...]

    @cached_property
    def on(self) -> np.ndarray:
        """[runs, switches], 1 where a switch is on."""
        return np.array([[name in switches_of(run) for name in self.names] for run in self.runs], float)

    @cached_property
    def accuracy(self) -> np.ndarray:
        """Test accuracy of each run in per cent."""
        return np.array([run.test_percent for run in self.runs])

    @cached_property
    def blocks(self) -> np.ndarray:
        """[runs, seeds]: 1 for the seed of a run; their sum is the constant."""
        seeds = np.array([run.seed for run in self.runs])
        return (seeds[:, None] == np.unique(seeds)).astype(float)

    @cached_property
    def fit(self) -> tuple[np.ndarray, dict[str, Effect], float]:
        """(accuracy at each seed with all off, the effects, spread of what is left)."""
        X = np.hstack([self.blocks, self.on])
        numbers, errors, spread, freedom = least_squares(X, self.accuracy)
        half, first = student(freedom) * errors, self.blocks.shape[1]
        effects = {
            name: Effect(numbers[k], numbers[k] - half[k], numbers[k] + half[k])
            for k, name in enumerate(self.names, first)
        }
        return numbers[:first], effects, spread

    @property
    def effects(self) -> dict[str, Effect]:
        return self.fit[1]

    def predicted(self, on) -> float:
        """The sum of the main effects: accuracy in per cent, at the mean seed."""
        return float(np.mean(self.fit[0]) + sum(self.effects[name].mean for name in on))

    def nearest(self, on) -> tuple[int, int]:
        """(position of the recorded run that differs in the fewest switches, how many those are)."""
        apart = np.abs(self.on - [name in on for name in self.names]).sum(1)
        return int(apart.argmin()), int(apart.min())


def switches_of(run) -> set[str]:
    """The switches that were on in a recorded run."""
    return {name for name in run.config["on"].split("+") if name}


def cells(table, names=None) -> dict[tuple[str, int], Cell]:
    """(task, images a class) -> Cell, of all designed runs in a RunTable. Raises ValueError where there are none."""
    runs = [run for run in table if run.config.get("kind") == "desk"]
    if not runs:
        raise ValueError("the table holds no designed runs; recorded('10.3.4') does.")
    if names is None:
        from course_utils.lessons.l10_3_4.switches import SWITCHES as names
    groups: dict[tuple[str, int], list] = {}
    for run in runs:
        groups.setdefault((run.config["task"], run.config["per_class"]), []).append(run)
    return {key: Cell(*key, group, tuple(names)) for key, group in groups.items()}


def least_squares(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, int]:
    """(numbers, their standard errors, spread of the residuals, degrees of freedom). ValueError for too few rows."""
    numbers, _, rank, _ = np.linalg.lstsq(X, y, rcond=None)
    freedom = len(y) - rank
    if freedom < 1 or rank < X.shape[1]:
        raise ValueError(f"{len(y)} runs cannot tell {X.shape[1]} numbers apart.")
    spread = float(np.sqrt(((y - X @ numbers) ** 2).sum() / freedom))
    return numbers, spread * np.sqrt(np.diag(np.linalg.inv(X.T @ X))), spread, freedom


def interactions(table: dict[tuple[str, int], Cell]) -> list[tuple[str, str, Effect, bool]]:
    """Every pair of switches, the strongest first: (a, b, effect, is it real?), all cells fitted together.

    effect: how many points more switch a gains when b is on than when b is off, the same in all cells; interval 90 %.
    Real: it stays clear of zero at the level divided by the number of pairs (Bonferroni), since 66 are looked at.
    """
    names = next(iter(table.values())).names
    pairs = list(combinations(range(len(names)), 2))
    blocks, rows = [], []
    for cell in table.values():
        sign = cell.on - 0.5
        blocks.append(np.hstack([cell.blocks, sign]))
        rows.append(np.stack([sign[:, a] * sign[:, b] for a, b in pairs], 1))
    own = np.zeros((sum(map(len, blocks)), sum(block.shape[1] for block in blocks)))
    top = left = 0
    for block in blocks:
        own[top : top + len(block), left : left + block.shape[1]] = block
        top, left = top + len(block), left + block.shape[1]
    y = np.concatenate([cell.accuracy for cell in table.values()])
    numbers, errors, _, freedom = least_squares(np.hstack([own, np.vstack(rows)]), y)
    strict = float(stdtrit(freedom, 1 - 0.05 / len(pairs)))
    result = []
    for (a, b), mean, error in zip(pairs, numbers[left:], errors[left:], strict=True):
        half = student(freedom) * error
        result.append((names[a], names[b], Effect(mean, mean - half, mean + half), abs(mean) > strict * error))
    return sorted(result, key=lambda row: -abs(row[2].mean))
