"""The chance that a search holds a good setting, and how sure a counted share is. Source: Bergstra and Bengio 2012."""

from __future__ import annotations

import math

from course_utils.checks import check_whole, check_within


def hit_chance(share: float, n: int) -> float:
    """Probability that n independent draws hold at least one of the best `share` of all settings: 1 - (1 - share)^n.

    59 trials hold one of the best 5 % with 95 %. Raises ValueError for a share outside [0, 1].
    """
    check_within("share", share, 0, 1, hint="0.05 is the best twentieth.")
    check_whole("n", n, 1)
    return 1 - (1 - share) ** n


def hit_chance_distinct(good: int, total: int, n: int) -> float:
    """The same when no setting is drawn twice (hypergeometric): 1 - C(total - good, n) / C(total, n).

    good of total settings count as a hit. Raises ValueError unless 0 <= good <= total and 1 <= n <= total.
    """
    for name, value, least in (("total", total, 1), ("good", good, 0), ("n", n, 1)):
        check_whole(name, value, least)
    if good > total or n > total:
        raise ValueError(f"good = {good} and n = {n} must not exceed total = {total}: no setting is drawn twice.")
    return 1 - math.comb(total - good, n) / math.comb(total, n)


def grid_hit_chance(share: float, side: int) -> float:
    """Probability that a grid with `side` levels 1 / side apart, shifted at random, has one in a peak that takes this
    share of the axis: min(1, side share). The levels on other axes add nothing."""
    check_within("share", share, 0, 1)
    check_whole("side", side, 1)
    return min(1.0, side * share)


def share_interval(share: float, n: int) -> tuple[float, float]:
    """90 % interval of a share counted in n independent repeats (Wilson 1927); share in [0, 1], n >= 1."""
    check_within("share", share, 0, 1)
    check_whole("n", n, 1)
    z = 1.645
    middle, reach = (share + z * z / (2 * n)), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
