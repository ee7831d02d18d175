"""Replayed searches: the exact chances are those of counting every search, and of many random ones."""

import itertools
import math

import numpy as np
import pytest

from course_utils.runs import Run, RunTable
from course_utils.search.replays import (
    NAMES,
    Searches,
    SettingsTable,
    all_grids,
    exact_win_rate,
    expected,
    grid_counts,
    placements,
    replay,
    win_rate,
    winners,
)

LEVELS = {"lr": [0.01, 0.1, 1.0], "weight_decay": [1e-4, 1e-3], "dropout": [0.0, 0.5], "batch_size": [32, 128]}


def runs(seeds=(0, 1), skip=None):
    rng = np.random.default_rng(5)
    runs = []
    for seed in seeds:
        for setting in itertools.product(*LEVELS.values()):
            if (seed, setting) != skip:
                config = dict(zip(LEVELS, setting, strict=True))
                runs.append(Run(config=config, seed=seed, status="finished", val=[(10, 1.0, rng.random())]))
    return RunTable(runs)


@pytest.fixture(scope="module")
def table():
    return SettingsTable.of(runs())


def small(seed=0, shape=(6, 4)):
    rng = np.random.default_rng(seed)
    levels = {"lr": list(range(1, shape[0] + 1)), "weight_decay": list(range(1, shape[1] + 1))}
    return SettingsTable(("lr", "weight_decay"), levels, rng.integers(0, 9, shape).astype(float), rng.random(shape))


# ---------------------------------------------------------------------------------------------------- the table
def test_the_table_holds_every_run_at_its_place(table):
    assert table.names == NAMES and table.levels == LEVELS and table.size == 24
    for run in runs():
        at = tuple(LEVELS[name].index(run.config[name]) for name in NAMES)
        assert (table.seen, table.again)[run.seed][at] == pytest.approx(100 * run.final_accuracy)


def test_missing_and_doubled_runs_are_named():
    with pytest.raises(ValueError, match="1 combinations are missing for seed 1, for instance lr 0.1, weight_d"):
        SettingsTable.of(runs(skip=(1, (0.1, 1e-3, 0.5, 32))))
    doubled = RunTable([*runs(), runs()[3]])
    with pytest.raises(ValueError, match="seed 0 was recorded twice"):
        SettingsTable.of(doubled)


def test_a_diverged_run_counts_as_what_it_is():
    changed = runs()
    changed[0].val = []
    assert SettingsTable.of(changed).seen.ravel()[0] == 0


def test_parts_of_the_table(table):
    part = table.only(dropout=0.5, batch_size=(None, 32), lr=(0.1, None))
    assert part.names == ("lr", "weight_decay", "batch_size") and part.levels["lr"] == [0.1, 1.0]
    np.testing.assert_array_equal(part.seen, table.seen[1:, :, 1, :1])
    np.testing.assert_array_equal(part.again, table.again[1:, :, 1, :1])
    problems = table.problems(("lr", "weight_decay"))
    assert len(problems) == 4
    np.testing.assert_array_equal(problems[1].seen, table.seen[:, :, 0, 1])
    assert table.problems(NAMES)[0].seen is not None


def test_swapped_the_search_sees_the_second_training(table):
    np.testing.assert_array_equal(table.swapped.seen, table.again)
    np.testing.assert_array_equal(table.swapped.again, table.seen)
    assert table.swapped.levels == table.levels


NO_PARTS = [
    (dict(rate=0.1), "there is no axis 'rate'"), (dict(lr=0.5), "no level of lr lies in 0.5; recorded are 0.01, 0.1"),
    (dict(lr=(2, 3)), "no level"), (dict(lr=0.1, weight_decay=1e-3, dropout=0.0, batch_size=32), "every axis is fixed"),
]  # fmt: skip


@pytest.mark.parametrize("chosen, words", NO_PARTS)
def test_parts_that_are_not_there_are_refused(table, chosen, words):
    with pytest.raises(ValueError, match=words):
        table.only(**chosen)


# ----------------------------------------------------------------------------------------------------- the grids
COUNTS = [
    ((15, 9), 16, (4, 4)), ((15, 9), 9, (3, 3)), ((15, 9), 15, (5, 3)), ((15, 9), 1, (1, 1)), ((15, 3), 16, (5, 3)),
    ((15, 9, 3), 8, (2, 2, 2)), ((15, 9, 3, 2), 16, (2, 2, 2, 2)), ((15, 9, 3, 2), 9, (2, 2, 2, 1)),
    ((2, 2), 99, (2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("shape, n, counts", COUNTS)
def test_levels_of_a_grid(shape, n, counts):
    assert grid_counts(shape, n) == counts


@pytest.mark.parametrize("count, size", [(1, 9), (2, 9), (3, 9), (4, 15), (5, 15), (9, 9), (7, 15)])
def test_placements_are_even_and_treat_every_level_alike(count, size):
    ways = placements(count, size)
    assert all(len(set(way)) == count and 0 <= min(way) and max(way) < size for way in ways)
    gaps = np.diff(ways, axis=1)
    assert not gaps.size or gaps.max() - gaps.min() <= 1
    used = np.bincount(ways.ravel(), minlength=size)
    assert used.min() == used.max()
    assert len({tuple(way) for way in ways}) == len(ways)


def test_all_grids_are_all_combinations_of_placements():
    shape, counts = (6, 4), (4, 2)
    grids = {tuple(sorted(grid)) for grid in all_grids(shape, counts)}
    flat = np.arange(24).reshape(shape)
    by_hand = {tuple(sorted(flat[np.ix_(a, b)].ravel())) for a in placements(4, 6) for b in placements(2, 4)}
    assert grids == by_hand and len(all_grids(shape, counts)) == len(by_hand)


# ------------------------------------------------------------------------------------------------------ the races
@pytest.mark.parametrize("by", ["best", "retrained"])
@pytest.mark.parametrize("n", [1, 4, 9, 20])
def test_the_exact_win_rate_is_that_of_many_races(n, by):
    table = small(n)
    exact, counted = exact_win_rate(table, n, by), win_rate(replay(table, n, repeats=20_000, seed=1), by)
    assert counted == pytest.approx(exact, abs=1.6)  # four standard errors


def test_the_exact_win_rate_is_that_of_counting_every_search():
    table = small(3, (3, 2))
    flat, again = table.seen.ravel(), table.again.ravel()
    won = {"best": [], "retrained": []}
    for grid in all_grids((3, 2), (2, 1)):
        for pair in itertools.combinations(range(6), 2):
            tops = [[at for at in places if flat[at] == flat[list(places)].max()] for places in (grid, pair)]
            both = list(itertools.product(*tops))
            for by, values in (("best", flat), ("retrained", again)):
                won[by].append(np.mean([(values[b] > values[a]) + (values[b] == values[a]) / 2 for a, b in both]))
    for by, rates in won.items():
        assert exact_win_rate(table, 2, by) == pytest.approx(100 * np.mean(rates))


def test_winners_are_probabilities_and_the_expected_accuracy_is_that_of_many_searches():
    table = small(8)
    for kind, chance in winners(table, 9).items():
        assert chance.sum() == pytest.approx(1) and (chance >= 0).all()
        many = replay(table, 9, repeats=20_000)[kind]
        seen, again = expected(table, 9)[kind]
        assert many.best.mean() == pytest.approx(seen, abs=0.05)
        assert many.retrained.mean() == pytest.approx(again, abs=0.02)


def test_two_equal_searches_draw():
    table = small(4)
    assert exact_win_rate(table, 1) == pytest.approx(50)
    assert exact_win_rate(table, table.size) == pytest.approx(50)


def test_where_only_one_axis_matters_random_search_wins():
    values = np.repeat(np.where(np.arange(16) == 11, 90.0, 10.0)[:, None], 16, axis=1)
    levels = {"lr": list(range(1, 17)), "weight_decay": list(range(1, 17))}
    table = SettingsTable(("lr", "weight_decay"), levels, values, values)
    grid, rand = 4 / 16, 1 - math.comb(240, 16) / math.comb(256, 16)
    drawn = rand * grid + (1 - rand) * (1 - grid)
    assert exact_win_rate(table, 16) == pytest.approx(100 * (rand * (1 - grid) + drawn / 2))
    assert exact_win_rate(table, 16) > 65


def test_who_knows_the_important_axis_puts_all_levels_there():
    values = np.repeat(np.where(np.arange(16) == 11, 90.0, 10.0)[:, None], 16, axis=1)
    table = SettingsTable(
        ("lr", "weight_decay"), {"lr": list(range(16)), "weight_decay": list(range(16))}, values, values
    )
    assert winners(table, 16, (16, 1))["grid"].reshape(16, 16)[11].sum() == pytest.approx(1)
    assert exact_win_rate(table, 16, counts=(16, 1)) < 50 < exact_win_rate(table, 16)


def test_searches():
    searches = Searches(np.array([[1.0, 5.0, 3.0], [2.0, 2.0, 7.0]]), np.array([[9.0, 4.0, 8.0], [1.0, 1.0, 6.0]]))
    np.testing.assert_array_equal(searches.best, [5, 7])
    np.testing.assert_array_equal(searches.retrained, [4, 6])
    np.testing.assert_array_equal(searches.best_so_far, [[1, 5, 5], [2, 2, 7]])


def test_races_try_equally_many_settings_none_twice_and_come_again():
    table = small(2)
    table = SettingsTable(table.names, table.levels, np.arange(24.0).reshape(6, 4), table.again)  # accuracy = place
    races, again = replay(table, 9, 50, seed=3), replay(table, 9, 50, seed=3)
    for kind in ("grid", "random"):
        assert races[kind].seen.shape == (50, 9)
        assert all(len(set(row)) == 9 for row in races[kind].seen)
        np.testing.assert_array_equal(races[kind].seen, again[kind].seen)
    assert not np.array_equal(races["random"].seen, replay(table, 9, 50, seed=4)["random"].seen)


REFUSALS = [
    (lambda t: replay(t, 0), "n must be"), (lambda t: replay(t, 4, repeats=0), "repeats must be"),
    (lambda t: replay(t, 2.0), "n must be"), (lambda t: win_rate(replay(t, 4, 5), "seen"), "by must be 'best'"),
    (lambda t: exact_win_rate(t, 4, "luck"), "by must be"), (lambda t: placements(4, 3), "count must lie in 1 ... 3"),
]  # fmt: skip


@pytest.mark.parametrize("call, words", REFUSALS)
def test_refusals(table, call, words):
    with pytest.raises(ValueError, match=words):
        call(table)
