"""Shares of the variance: what an axis explains alone, and what a forest says about the same table."""

import numpy as np
import pytest

from course_utils.search.importance import by_forest, main_effects

NAMES = ("lr", "weight_decay")


def additive(a=3.0, b=1.0):
    """a and b: standard deviations that the two axes bring, without interaction."""
    x, y = np.linspace(-1, 1, 9), np.linspace(-1, 1, 5)
    return a * (x / x.std())[:, None] + b * (y / y.std())[None, :]


def test_shares_of_a_sum_are_those_of_its_parts():
    shares = main_effects(additive(), NAMES)
    assert shares == {"lr": pytest.approx(0.9), "weight_decay": pytest.approx(0.1)}


def test_a_product_is_all_interaction():
    x, y = np.linspace(-1, 1, 9), np.linspace(-1, 1, 5)
    table = np.outer(x, y)
    assert main_effects(table, NAMES) == {name: pytest.approx(0, abs=1e-12) for name in NAMES}


def test_shares_never_exceed_the_whole():
    values = np.random.default_rng(0).random((4, 3, 2, 5))
    assert 0 < sum(main_effects(values, ("a", "b", "c", "d")).values()) <= 1 + 1e-12


def test_an_axis_of_one_level_explains_nothing():
    shares = main_effects(additive()[:, :1], NAMES)
    assert shares == {"lr": pytest.approx(1), "weight_decay": 0}


REFUSALS = [
    (np.ones((3, 3)), NAMES, "all results are the same"), (np.ones(3), NAMES, "the table has 1 axes, but 2 names"),
    ([[1.0, np.nan]], NAMES, "not finite"), (1.0, (), "axes"),
]  # fmt: skip


@pytest.mark.parametrize("values, names, words", REFUSALS)
def test_refusals(values, names, words):
    with pytest.raises(ValueError, match=words):
        main_effects(values, names)


# ------------------------------------------------------------------------------------------------- with optuna
LEVELS = {"lr": [10.0**k for k in range(-4, 5)], "weight_decay": [1.0, 2.0, 3.0, 4.0, 5.0]}


def test_the_forest_agrees_with_the_table():
    pytest.importorskip("optuna")
    pytest.importorskip("sklearn")
    shares = by_forest(additive(), LEVELS)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["lr"] == pytest.approx(0.9, abs=0.04)
    assert by_forest(additive(), LEVELS) == shares


def test_without_the_logarithm_the_small_rates_count_for_nothing():
    pytest.importorskip("optuna")
    pytest.importorskip("sklearn")
    table = additive()
    table[-1] = table[-2]  # the top decade is flat: nine tenths of a linear axis
    assert by_forest(table, LEVELS)["lr"] > 0.8
    assert by_forest(table, LEVELS, log=False)["lr"] < 0.4


def test_the_forest_refuses_what_does_not_fit():
    pytest.importorskip("optuna")
    with pytest.raises(ValueError, match="the levels ask for"):
        by_forest(additive().T, LEVELS)
