"""What a search may try: the range of each hyper-parameter, all combinations of levels, or random settings.

grid({"lr": log_uniform(1e-4, 1e-1).levels(4), "dropout": [0, 0.5]})             # 4 x 2 = 8 settings
random_settings({"lr": log_uniform(1e-4, 1e-1), "dropout": uniform(0, 0.5)}, n=8)
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from course_utils.checks import check_whole, check_within, is_number
from course_utils.runs import plain


# ---------------------------------------------------------------------------------------------------- one axis
@dataclass(frozen=True)
class Axis:
    """The values one hyper-parameter may take; made by `log_uniform`, `uniform` or `categorical`.

    kind: "log", "linear" or "categorical". low, high: ends of a range. values: the categories.
    """

    kind: str
    low: float = 0.0
    high: float = 0.0
    values: tuple = ()

    @property
    def is_range(self) -> bool:
        return self.kind != "categorical"

    def at(self, share: float):
        """The value at `share` in [0, 1] of the way: equal shares are equally likely in `random_settings`."""
        check_within("share", share, 0, 1, hint="0 is the low end, 1 the high end.")
        if not self.is_range:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if share in (0, 1):  # the ends exactly, no rounding error
            return self.high if share else self.low
        if self.kind == "log":
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share

    def share(self, value) -> float:
        """Where `value` lies on the way from low (0) to high (1); the reverse of `at` for ranges."""
        if self.kind == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def levels(self, n: int) -> list:
        """n values for a grid, both ends included: equal factors apart on a log axis, else equal steps."""
        if not self.is_range:
            raise ValueError("a categorical axis has its levels already: use its values.")
        check_whole("n", n, 2, hint="A grid has both ends of the range.")
        return [float(f"{self.at(k / (n - 1)):.12g}") for k in range(n)]


def log_uniform(low: float, high: float) -> Axis:
    """A range 0 < low < high whose *logarithm* is uniform: every factor of ten is equally likely."""
    _check_range("log_uniform", low, high)
    if low <= 0:
        raise ValueError(f"log_uniform needs low > 0, got {low!r}: zero has no logarithm. Use uniform(0, ...) or 1e-6.")
    return Axis("log", float(low), float(high))


def uniform(low: float, high: float) -> Axis:
    """A range low < high in which equal steps are equally likely, for a share such as dropout."""
    _check_range("uniform", low, high)
    return Axis("linear", float(low), float(high))


def categorical(*values) -> Axis:
    """One of the given numbers or short texts, each equally likely."""
    return Axis("categorical", values=tuple(levels_of("categorical", values)))


def _check_range(name, low, high) -> None:
    if not is_number(low) or not is_number(high):
        raise ValueError(f"{name}: low and high must be finite numbers, got {low!r} and {high!r}.")
    if not low < high:
        raise ValueError(f"{name} needs low < high, got {low!r} and {high!r}. Swap them.")


def levels_of(name, axis) -> list:
    """The levels of an axis as plain Python: a list, or categories. ValueError for a range, for none, or for a level
    that is no number or text, or stands twice."""
    if isinstance(axis, Axis) and axis.is_range:
        raise ValueError(f"{name}: a grid needs levels, not a range: write log_uniform(...).levels(4), say.")
    values = axis.values if isinstance(axis, Axis) else axis
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise ValueError(f"{name} must be a list of values, got {values!r}. For example [0.01, 0.1, 1].")
    levels = [plain(value, name) for value in values]
    if not levels:
        raise ValueError(f"{name} has no values. Give at least one.")
    for n, value in enumerate(levels):
        if isinstance(value, (list, dict)) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{name}: {value!r} is not a finite number or a text.")
        if any(same(value, other) for other in levels[:n]):
            raise ValueError(f"{name}: {value!r} stands twice (to nine digits): its trials would be done twice.")
    return levels


def name_of(name: str) -> str:
    """A hyper-parameter's name for the reader: 'lr' -> 'learning rate', 'weight_decay' -> 'weight decay'."""
    return "learning rate" if name == "lr" else name.replace("_", " ")


def same(a, b) -> bool:
    """Equal, numbers to nine digits."""
    return math.isclose(a, b, rel_tol=1e-9) if isinstance(a, Real) and isinstance(b, Real) else a == b


# ------------------------------------------------------------------------------------------------ what to try
def grid(space: Mapping[str, Sequence]) -> list[dict]:
    """All combinations, the last name changing fastest. space: name -> its levels (or `categorical`).

    n levels on each of d axes are n^d settings. Raises ValueError for an empty axis or a level that stands twice.
    """
    names = names_of(space)
    levels = [levels_of(name, axis) for name, axis in space.items()]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*levels)]


def random_settings(space: Mapping[str, Axis], n: int, seed: int = 0) -> list[dict]:
    """n settings, each hyper-parameter drawn independently from its axis (a list of values counts as categories).

    The first k of n settings are the k settings of the same seed. Source: Bergstra and Bengio 2012 (JMLR 13).
    """
    names_of(space)
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        check_whole(name, value, least)
    axes = {k: axis if isinstance(axis, Axis) else categorical(*levels_of(k, axis)) for k, axis in space.items()}
    draw = random.Random(seed).random  # Python promises that these numbers never change
    return [{name: axis.at(draw()) for name, axis in axes.items()} for _ in range(n)]


def names_of(space) -> list[str]:
    """The names of a space; ValueError for what is none."""
    if not isinstance(space, Mapping) or not space or not all(isinstance(name, str) for name in space):
        raise ValueError(f'a space is a dict, one name for each hyper-parameter: {{"lr": [0.01, 0.1]}}; got {space!r}.')
    return list(space)
