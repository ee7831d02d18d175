"""Replay searches from a table of recorded runs: hundreds of grid and random searches in a moment, every answer real.

    table = SettingsTable.of(recorded("10.2.1"))                       # 15 x 9 x 3 x 2 settings, each trained twice
    small = table.only(dropout=0.0, batch_size=128, weight_decay=(1e-5, 1e-3))
    races = replay(small, n=16, repeats=1000)                  # grid and random, equally many trials
    races["random"].best, win_rate(races), exact_win_rate(small, n=16)

Both kinds of search choose among the recorded levels, which lie equal factors (or equal steps) apart:

- **random**: all settings are equally likely, none is tried twice (drawn from a range, no two numbers are alike),
- **grid**: as equal numbers of levels on all axes as the budget allows, evenly spaced, and all ways to place them are
  equally likely, so that every level is tried equally often on average: nobody knows beforehand where the peak lies.

Settings are judged by the accuracy the search saw (first seed); what the same setting got when trained once more
(second seed) tells how much of it was luck. Source: Bergstra and Bengio 2012 (JMLR 13). No torch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from course_utils.checks import check_whole

NAMES = ("lr", "weight_decay", "dropout", "batch_size")
KINDS = ("grid", "random")


# ----------------------------------------------------------------------------------------------------- the table
@dataclass(frozen=True, eq=False)
class SettingsTable:
    """Accuracies of all combinations of levels. names: of the axes. levels: name -> values, rising.
    seen, again: accuracy in per cent [levels of axis 0, of axis 1, ...] of the first and of the second seed."""

    names: tuple[str, ...]
    levels: dict
    seen: np.ndarray
    again: np.ndarray

    @classmethod
    def of(cls, runs, names=NAMES, seeds=(0, 1)) -> SettingsTable:
        """From runs with every combination once a seed. ValueError for a missing or doubled one; a run that diverged
        counts with the accuracy it ended with, one without a number as 0."""
        levels = {name: runs.values(name) for name in names}
        tables = {seed: np.full([len(values) for values in levels.values()], -1.0) for seed in seeds}
        for run in runs:
            if run.seed not in seeds:
                continue
            at = tuple(levels[name].index(run.config[name]) for name in names)
            if tables[run.seed][at] >= 0:
                raise ValueError(f"seed {run.seed} was recorded twice with {_words(run.config, names)}.")
            tables[run.seed][at] = run.percent if math.isfinite(run.final_accuracy) else 0.0
        for seed, table in tables.items():
            missing = np.argwhere(table < 0)
            if len(missing):
                setting = {name: levels[name][n] for name, n in zip(names, missing[0], strict=True)}
                raise ValueError(
                    f"{len(missing)} combinations are missing for seed {seed}, for instance {_words(setting, names)}. "
                    "A replay needs all of them."
                )
        return cls(tuple(names), levels, *tables.values())

    def only(self, **chosen) -> SettingsTable:
        """A part of the table. name=value fixes an axis (it is gone then); name=(low, high) keeps the levels inside,
        both ends included, None for an open end. ValueError for an unknown name, or where nothing is left."""
        names, levels, tables = list(self.names), dict(self.levels), [self.seen, self.again]
        for name, wanted in chosen.items():
            if name not in names:
                raise ValueError(f"there is no axis {name!r}; there are {', '.join(self.names)}.")
            axis, values = names.index(name), levels[name]
            low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
            low, high = -math.inf if low is None else low, math.inf if high is None else high
            inside = [n for n, value in enumerate(values) if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
            if not inside:
                recorded = ", ".join(f"{value:g}" for value in values)
                raise ValueError(f"no level of {name} lies in {wanted!r}; recorded are {recorded}.")
            tables, levels[name] = [table.take(inside, axis) for table in tables], [values[n] for n in inside]
            if not isinstance(wanted, tuple):
                tables = [table.squeeze(axis) for table in tables]
                names.remove(name)
                del levels[name]
        if not names:
            raise ValueError("every axis is fixed: a search needs at least one to search on.")
        return SettingsTable(tuple(names), levels, *tables)

    def problems(self, names=("lr", "weight_decay")) -> list[SettingsTable]:
        """The table cut up: one table over `names` for every combination of the other axes."""
        others = [name for name in self.names if name not in names]
        cuts = itertools.product(*(self.levels[name] for name in others))
        return [self.only(**dict(zip(others, values, strict=True))) for values in cuts]

    @property
    def size(self) -> int:
        """Number of settings."""
        return self.seen.size

    @property
    def swapped(self) -> SettingsTable:
        """The same settings with the second training as what a search sees, and the first as the retraining."""
        return SettingsTable(self.names, self.levels, self.again, self.seen)

    def searches(self, places) -> Searches:
        """What searches find that try these settings. places: [repeats, n], into the flat table."""
        return Searches(self.seen.ravel()[places], self.again.ravel()[places])


def _words(setting: Mapping, names) -> str:
    return ", ".join(f"{name} {setting[name]:g}" for name in names)


# -------------------------------------------------------------------------------------------------- the searches
def grid_counts(shape, n: int) -> tuple[int, ...]:
    """Levels of the grid on each axis of a table of this shape, as equal as n trials allow: the axis with fewest (the
    first of equals) gets one more as long as the product stays <= n and no recorded level is tried twice."""
    check_whole("n", n, 1)
    counts = [1] * len(shape)
    while True:
        total = math.prod(counts)
        free = [a for a, most in enumerate(shape) if counts[a] < most and total // counts[a] * (counts[a] + 1) <= n]
        if not free:
            return tuple(counts)
        counts[min(free, key=lambda a: counts[a])] += 1


@lru_cache(maxsize=256)
def placements(count: int, size: int) -> np.ndarray:
    """All ways, equally likely, to place `count` evenly spaced levels on `size` recorded ones [ways, count].

    Levels spaced size / count apart and shifted by less than one spacing, each rounded down: level i of shift v is
    (i size + v) // count. Every recorded level is used by the same share of the ways. Needs 1 <= count <= size.
    """
    if not 1 <= count <= size:
        raise ValueError(f"count must lie in 1 ... {size}, got {count!r}: no recorded level is tried twice.")
    return np.array([(np.arange(count) * size + shift) // count for shift in range(0, size, math.gcd(count, size))])


def all_grids(shape, counts) -> np.ndarray:
    """Every grid with these numbers of levels, all equally likely: its settings as places in the flat table
    [grids, product of counts]."""
    places = np.zeros((1, 1), int)
    for count, size in zip(counts, shape, strict=True):
        ways = placements(count, size)
        places = places[:, None, :, None] * size + ways[None, :, None, :]
        places = places.reshape(-1, places.shape[2] * count)
    return places


def random_places(size: int, n: int, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Settings of `repeats` random searches, as places in a flat table of `size` settings [repeats, n], none twice."""
    return rng.random((repeats, size)).argsort(axis=1)[:, :n]


@dataclass(frozen=True, eq=False)
class Searches:
    """Many searches of one kind. seen, again: per cent [repeats, n], of every trial in its order."""

    seen: np.ndarray
    again: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The best accuracy each search saw [repeats]."""
        return self.seen.max(axis=1)

    @property
    def retrained(self) -> np.ndarray:
        """What the winner of each search got when it was trained once more [repeats]."""
        return self.again[np.arange(len(self.seen)), self.seen.argmax(axis=1)]

    @property
    def best_so_far(self) -> np.ndarray:
        """[repeats, n]: the best of the first 1, 2, ... n trials."""
        return np.maximum.accumulate(self.seen, axis=1)


def replay(table: SettingsTable, n: int, repeats: int = 1000, seed: int = 0) -> dict[str, Searches]:
    """Race grid against random search `repeats` times on one table: {"grid": Searches, "random": Searches}.

    n: trials allowed; the grid has `grid_counts(shape, n)` levels, and random search gets as many trials as that.
    Each tries its settings in random order. The same seed gives the same races. ValueError for n or repeats below 1.
    """
    check_whole("repeats", repeats, 1)
    shape, rng = table.seen.shape, np.random.default_rng(seed)
    grids = all_grids(shape, grid_counts(shape, n))
    grid = rng.permuted(grids[rng.integers(len(grids), size=repeats)], axis=1)
    random = random_places(table.size, grids.shape[1], repeats, rng)
    return {"grid": table.searches(grid), "random": table.searches(random)}


def win_rate(races: Mapping[str, Searches], by: str = "best") -> float:
    """Per cent of the races in which random search ends higher; a draw counts half. by: "best" or "retrained"."""
    _checked(by)
    ahead = getattr(races["random"], by) - getattr(races["grid"], by)
    return 100 * float((ahead > 1e-9).mean() + (np.abs(ahead) <= 1e-9).mean() / 2)


# ----------------------------------------------------------------------------------------------- known exactly
def winners(table: SettingsTable, n: int, counts: tuple[int, ...] | None = None) -> dict[str, np.ndarray]:
    """Probability of every setting to come out best, {"grid": [settings], "random": [settings]}: counted over all
    possible searches, not simulated. Settings that saw the same accuracy share theirs.

    counts: levels of the grid on each axis, for instance (9, 1) when somebody knows which one matters; default: equal.
    """
    seen, shape = np.round(table.seen.ravel(), 9), table.seen.shape
    grids = all_grids(shape, counts or grid_counts(shape, n))
    tops = seen[grids] == seen[grids].max(axis=1, keepdims=True)
    by_grid = np.bincount(grids[tops], (tops / tops.sum(axis=1, keepdims=True))[tops], minlength=seen.size)
    _, group, sizes = np.unique(seen, return_inverse=True, return_counts=True)
    upto = _none_better(seen.size, grids.shape[1])[np.cumsum(sizes)]
    by_random = np.diff(upto, prepend=0.0) / sizes
    return {"grid": by_grid / len(grids), "random": by_random[group]}


@lru_cache(maxsize=512)
def _none_better(size: int, n: int) -> np.ndarray:
    """[size + 1]: chance that n settings out of `size` all lie among the c worst, C(c, n) / C(size, n)."""
    return np.array([math.comb(c, n) / math.comb(size, n) for c in range(size + 1)])


def exact_win_rate(table: SettingsTable, n: int, by: str = "best", counts: tuple[int, ...] | None = None) -> float:
    """Per cent of all possible races that random search wins, ties half; by: "best" (what it saw) or "retrained"."""
    values = np.round(table.seen if _checked(by) == "best" else table.again, 9).ravel()
    chance = winners(table, n, counts)
    levels, group = np.unique(values, return_inverse=True)
    grid, rand = (np.bincount(group, chance[kind], minlength=len(levels)) for kind in KINDS)
    below = np.cumsum(grid) - grid
    return 100 * float(rand @ (below + grid / 2))


def expected(table: SettingsTable, n: int) -> dict[str, tuple[float, float]]:
    """Mean over all possible searches, in per cent: {kind: (accuracy the winner was seen with, when retrained)}."""
    seen, again = table.seen.ravel(), table.again.ravel()
    return {kind: (float(chance @ seen), float(chance @ again)) for kind, chance in winners(table, n).items()}


def _checked(by: str) -> str:
    if by not in ("best", "retrained"):
        raise ValueError(f"by must be 'best' (what the search saw) or 'retrained', got {by!r}.")
    return by
