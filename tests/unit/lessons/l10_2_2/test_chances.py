"""The chance of holding a good setting is that of counting all searches; the interval covers what it should."""

import itertools
import math

import numpy as np
import pytest

from course_utils.lessons.l10_2_2.chances import grid_hit_chance, hit_chance, hit_chance_distinct, share_interval


def test_sixty_trials_for_the_best_twentieth():
    assert hit_chance(0.05, 58) < 0.95 < hit_chance(0.05, 59)
    assert hit_chance(0.0, 5) == 0 and hit_chance(1.0, 1) == 1


def test_without_repeats_the_chance_is_counted():
    hits = [bool(set(pick) & {0, 1}) for pick in itertools.combinations(range(7), 3)]
    assert hit_chance_distinct(2, 7, 3) == pytest.approx(np.mean(hits))
    assert hit_chance_distinct(1, 10, 10) == 1 and hit_chance_distinct(0, 10, 5) == 0
    assert hit_chance_distinct(40, 810, 59) > hit_chance(40 / 810, 59)


def test_the_interval_covers_the_truth_nine_times_in_ten():
    counts = np.random.default_rng(0).binomial(200, 0.6, size=2000)
    inside = [low <= 0.6 <= high for low, high in (share_interval(count / 200, 200) for count in counts)]
    assert 0.87 < np.mean(inside) < 0.93
    assert share_interval(0.0, 10)[0] == pytest.approx(0, abs=1e-12) and share_interval(1.0, 10)[1] == pytest.approx(1)


REFUSALS = [
    (lambda: hit_chance(1.5, 3), "share"), (lambda: hit_chance(0.1, 0), "n must be a whole number"),
    (lambda: hit_chance(0.1, 2.5), "whole number"), (lambda: grid_hit_chance(1.2, 3), "share"),
    (lambda: grid_hit_chance(0.1, 0), "side must be a whole number"),
    (lambda: hit_chance_distinct(5, 4, 1), "must not exceed"),
    (lambda: hit_chance_distinct(1, 4, 5), "must not exceed"),
    (lambda: hit_chance_distinct(-1, 4, 1), "good must"), (lambda: share_interval(0.5, 0), "n must be"),
    (lambda: share_interval(math.nan, 5), "share"),
]  # fmt: skip


@pytest.mark.parametrize("call, words", REFUSALS)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
