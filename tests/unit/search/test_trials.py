"""Searches: what is tried, in which order, what becomes of each trial, and where the best lies."""

import math
import random

import numpy as np
import pytest
import torch

from course_utils.runs import Run
from course_utils.search.space import Axis, categorical, grid, log_uniform, random_settings, uniform
from course_utils.search.trials import Trials, border_warning, search
from course_utils.search.trials import trial_name as name_of


def objective(settings, seed):
    """A made trial: accuracy falls with the distance of lr from 0.01; 1.0 diverges, 9.0 raises."""
    if settings["lr"] == 9.0:
        raise RuntimeError("out of memory")
    lost = settings["lr"] == 1.0
    accuracy = 0.5 - 0.1 * abs(math.log10(settings["lr"]) + 2)
    return Run(
        seed=seed,
        status="diverged" if lost else "finished",
        diverged_at=3 if lost else None,
        config={"lr": "of the optimizer", "model": "none"},
        val=[(10, 1.0, accuracy)],
    )


RATES = {"lr": [0.001, 0.01, 0.1, 1.0, 9.0]}


# ------------------------------------------------------------------------------------------------ what is tried
@pytest.mark.parametrize(("n", "d"), [(2, 1), (2, 5), (3, 3), (7, 2)])
def test_a_grid_has_every_combination_once(n, d):
    found = grid({f"axis {j}": list(range(n)) for j in range(d)})
    assert len(found) == n**d == len({tuple(one.values()) for one in found})


def test_the_last_name_changes_fastest_and_choices_are_levels():
    assert grid({"a": [1, 2], "b": categorical("x", "y")}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_levels_are_equal_factors_or_equal_steps_apart_and_keep_both_ends():
    assert log_uniform(1e-4, 1e-1).levels(4) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert uniform(0, 0.5).levels(6) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    levels = log_uniform(3e-5, 2.0).levels(9)
    assert levels[0] == 3e-5 and levels[-1] == 2.0
    assert np.allclose(np.diff(np.log(levels)), np.log(2.0 / 3e-5) / 8)


def test_random_settings_are_uniform_in_the_logarithm_and_the_first_k_of_n_are_the_same():
    space = {
        "lr": log_uniform(1e-4, 1e-1),
        "dropout": uniform(0, 0.5),
        "batch": categorical(32, 64),
        "norm": ["yes", "no"],
    }
    many = random_settings(space, 3000, seed=1)
    assert many[:7] == random_settings(space, 7, seed=1) != random_settings(space, 7, seed=2)
    decades = np.floor([math.log10(one["lr"]) for one in many])
    assert all(abs(np.mean(decades == k) - 1 / 3) < 0.04 for k in (-4, -3, -2))
    assert abs(np.mean([one["dropout"] for one in many]) - 0.25) < 0.01
    assert {one["batch"] for one in many} == {32, 64} and {one["norm"] for one in many} == {"yes", "no"}


def test_global_random_numbers_are_not_touched_by_drawing_settings():
    random.seed(5)
    before = random.getstate()
    random_settings({"lr": log_uniform(0.1, 1)}, 5)
    assert random.getstate() == before


@pytest.mark.parametrize("axis", [log_uniform(1e-3, 10.0), uniform(-2.0, 3.0)])
def test_share_is_the_reverse_of_at(axis):
    for share in (0.0, 0.25, 0.7, 1.0):
        assert axis.share(axis.at(share)) == pytest.approx(share)


BAD_SPACES = [
    (lambda: log_uniform(0, 1), "low > 0"),
    (lambda: log_uniform(1, 1), "low < high"),
    (lambda: uniform(1, 0), "Swap"),
    (lambda: uniform(0, math.inf), "finite"),
    (lambda: uniform("0", 1), "finite numbers"),
    (lambda: uniform(False, 1), "finite numbers"),
    (lambda: categorical(), "no values"),
    (lambda: categorical(0.3, 0.1 + 0.2), "stands twice"),
    (lambda: categorical(math.nan), "not a finite"),
    (lambda: categorical([1, 2]), "not a finite number or a text"),
    (lambda: categorical(1, 2).levels(3), "use its values"),
    (lambda: log_uniform(0.1, 1).levels(1), "n must be"),
    (lambda: log_uniform(0.1, 1).levels(2.5), "n must be"),
    (lambda: log_uniform(0.1, 1).at(1.5), r"\[0, 1\]"),
    (lambda: grid({}), "one name for each"),
    (lambda: grid([0.1]), "one name for each"),
    (lambda: grid({"lr": []}), "lr has no values"),
    (lambda: grid({"lr": 0.1}), "lr must be a list"),
    (lambda: grid({"lr": "0.1"}), "lr must be a list"),
    (lambda: grid({"lr": [0.1, 0.1]}), "0.1 stands twice"),
    (lambda: grid({"lr": log_uniform(0.1, 1)}), "lr: a grid needs levels"),
    (lambda: random_settings({"lr": log_uniform(0.1, 1)}, 0), "n must be"),
    (lambda: random_settings({"lr": log_uniform(0.1, 1)}, 2, seed=-1), "seed must be"),
    (lambda: random_settings({"lr": 3}, 2), "lr must be a list"),
]


@pytest.mark.parametrize(("make", "words"), BAD_SPACES)
def test_bad_spaces_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# --------------------------------------------------------------------------------------------- what becomes of it
def test_every_setting_is_tried_and_a_lost_trial_is_a_result():
    trials = search(grid(RATES), objective, seed=4)
    assert [run.config["lr"] for run in trials] == RATES["lr"]  # not what the objective called its rate
    assert [run.status for run in trials] == ["finished"] * 3 + ["diverged", "failed"]
    assert trials[4].config["error"] == "RuntimeError: out of memory" and trials[4].seed == 4
    assert trials[0].config["settings"] == {"lr": 0.001} and trials[0].config["model"] == "none"
    assert trials.where(lr=0.1).median() == pytest.approx(0.4)


def test_the_best_never_is_a_lost_one_and_the_table_ranks():
    trials = search(grid({"lr": [1.0, 0.01, 0.1, 9.0]}), objective)
    assert trials.best.config["lr"] == 0.01
    assert [run.config["lr"] for run in trials.ranked()] == [0.01, 0.1, 1.0, 9.0]
    told = trials.table().alt
    assert "1: 0.01, 50.0, finished" in told and "diverged at update 3" in told
    assert "RuntimeError: out of memory" in told
    assert trials.table(rows=1).alt.count(";") == 0
    with pytest.raises(ValueError, match="there is no best"):
        _ = search(grid({"lr": [1.0, 9.0]}), objective).best
    with pytest.raises(ValueError, match="there is no best"):
        _ = Trials([]).best


def test_the_watcher_sees_every_trial_as_it_ends():
    seen = []
    trials = search(grid(RATES), objective, watch=seen.append)
    assert seen == list(trials)


def test_a_setting_that_stands_twice_is_trained_once():
    calls = []
    search([{"lr": 0.1}, {"lr": 0.1}, {"lr": 0.2}], lambda s, seed: calls.append(s) or objective(s, seed))
    assert len(calls) == 2


def test_no_trial_depends_on_the_ones_before_it_and_the_kernels_numbers_stay():
    def drawn(settings, seed):
        numbers = random.random(), float(np.random.rand()), float(torch.rand(()))
        return Run(seed=seed, status="finished", config={"numbers": list(numbers)}, val=[(1, 1.0, 0.5)])

    torch.manual_seed(3)
    before = torch.get_rng_state()
    both = search([{"lr": 0.1}, {"lr": 0.2}], drawn, seed=7)
    second = search([{"lr": 0.2}], drawn, seed=7)
    assert both[1].config["numbers"] == second[0].config["numbers"]
    assert both[1].config["numbers"] != search([{"lr": 0.2}], drawn, seed=8)[0].config["numbers"]
    assert torch.equal(torch.get_rng_state(), before)


BAD_SETTINGS = [
    ([], "list of dicts"), ({"lr": 0.1}, "list of dicts"), ([0.1], "every setting is a dict"), ([{}], "every setting"),
    ([{"lr": object()}], "cannot be recorded"), (None, "list of dicts"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "words"), BAD_SETTINGS)
def test_bad_settings_are_refused_by_name(settings, words):
    with pytest.raises(ValueError, match=words):
        search(settings, objective)


def test_an_objective_that_breaks_its_promise_is_named():
    with pytest.raises(ValueError, match="must return the Run"):
        search([{"lr": 0.1}], lambda settings, seed: 0.7)
    with pytest.raises(ValueError, match="Run of seed 0"):
        search([{"lr": 0.1}], lambda settings, seed: objective(settings, 0), seed=3)


def test_file_names_tell_settings_apart_that_read_alike():
    assert name_of({"lr": 0.1}, 0) != name_of({"lr": 0.1 + 1e-12}, 0) != name_of({"lr": 0.1}, 1)
    assert name_of({"a": 1, "b": 2}, 0)[-8:] == name_of({"b": 2, "a": 1}, 0)[-8:]
    odd = name_of({"model": "../up/wide net*"}, 0)
    assert "/" not in odd and "*" not in odd and " " not in odd
    assert len(name_of({f"axis {n}": 0.123456789 for n in range(40)}, 0)) < 120


# ---------------------------------------------------------------------------------------------------- the border
def test_the_border_of_a_grid_is_named_with_what_to_do():
    space = {"lr": [0.001, 0.01, 0.1], "weight_decay": [0.1, 0.001, 0.01], "model": ["a", "b"]}
    assert border_warning({"lr": 0.01, "weight_decay": 0.01, "model": "a"}, space) == ""
    told = border_warning({"lr": 0.1, "weight_decay": 0.001, "model": "a"}, space).splitlines()
    assert "best learning rate, 0.1" in told[0] and "nothing above" in told[0]
    assert "upper end of 0.001 to 0.1" in told[0]
    assert "best weight decay, 0.001" in told[1] and "lower end" in told[1] and "nothing below" in told[1]
    assert len(told) == 2 and "Go on in that direction" in told[0]


def test_the_border_of_a_range_is_its_last_part_on_its_own_axis():
    space = {"lr": log_uniform(1e-4, 1e-1), "dropout": uniform(0, 0.5)}
    assert border_warning({"lr": 0.05, "dropout": 0.2}, space) == ""
    assert "upper end" in border_warning({"lr": 0.08, "dropout": 0.2}, space)
    assert "best dropout" in border_warning({"lr": 0.01, "dropout": 0.02}, space)
    assert border_warning({"lr": 0.08, "dropout": 0.2}, space, near=0.01) == ""


def test_an_axis_with_one_level_has_no_border_and_a_missing_name_is_told():
    assert border_warning({"lr": 0.1}, {"lr": [0.1]}) == ""
    assert border_warning({"b": 64}, {"b": categorical(32, 64, 128)}) == ""
    assert "upper end" in border_warning({"b": 128}, {"b": categorical(32, 64, 128)})
    two = {"lr": [0.01, 0.1]}
    assert "best learning rate" in border_warning(search(grid(two), objective).best, two)
    with pytest.raises(ValueError, match="no 'weight_decay'"):
        border_warning({"lr": 0.1}, {"weight_decay": [0, 1]})


def test_axis_is_a_plain_value():
    assert log_uniform(0.1, 1) == Axis("log", 0.1, 1.0) and categorical(1, "a").values == (1, "a")


def test_an_objective_that_ends_the_process_is_a_failed_trial():
    def ends(settings, seed):
        raise SystemExit(3)

    (run,) = search([{"lr": 0.1}], ends)
    assert run.status == "failed" and run.config["error"] == "SystemExit: 3"
