"""The sampler explorer on a small made-up table of two seeds."""

import math

import numpy as np
import optuna
import pytest

from course_utils.lessons.la1.trial_by_trial import AT_ONCE, SAMPLERS, SEARCHES, STARTUP, TRIALS, sampler_explorer
from course_utils.runs import Run, RunTable


def a_run(lr, decay, seed):
    accuracy = 0.6 * math.exp(-((math.log10(lr) + 1) ** 2) - decay) + 0.01 * seed
    config = dict(lr=lr, weight_decay=decay, dropout=0.0, batch_size=32)
    run = Run(config=config, seed=seed, status="finished", kind="recorded", source="CIFAR-10")
    run.t, run.lr, run.momentum, run.loss_log, run.val = [1], [lr], [0.9], [1.0], [(1, 1.0, accuracy)]
    return run


TABLE = RunTable(
    a_run(lr, decay, seed) for lr in (1e-3, 1e-2, 0.1, 1.0) for decay in (1e-5, 1e-3, 1e-1) for seed in (0, 1)
)


@pytest.fixture(scope="module")
def explorer():
    return sampler_explorer(TABLE)


def test_every_control_shows_in_the_picture(explorer):
    explorer.reset()
    before = explorer.view.png
    for change in (dict(sampler="random"), dict(search=SEARCHES - 1), dict(trials=TRIALS), dict(trials=1)):
        explorer.reset()
        explorer.set(**change)
        assert explorer.view.png != before, change
        assert all(str(value) in explorer.scene.status for value in change.values())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_was_drawn_at_random_and_what_was_not(explorer, sampler):
    explorer.set(sampler=sampler, search=2, trials=TRIALS)
    first, later = (len(explorer.scene.artists[name][0]) for name in ("first", "later"))
    expected = {"random": TRIALS, "TPE": STARTUP, "TPE, eight at once": 2 * AT_ONCE}[sampler]
    assert (first, later) == (expected, TRIALS - expected)
    seen = explorer.scene.artists["seen"][1]
    assert np.all(np.diff(seen) >= 0)  # the best so far never falls


def test_for_ten_trials_tpe_is_random_search(explorer):
    explorer.set(sampler="TPE", search=5, trials=STARTUP)
    tpe = explorer.scene.artists["single"][1].copy()
    explorer.set(sampler="random")
    assert np.array_equal(tpe, explorer.scene.artists["single"][1])


def test_the_learners_logging_is_left_as_it_was(explorer):
    before = optuna.logging.get_verbosity()
    explorer.set(sampler="TPE", search=7, trials=3)
    assert optuna.logging.get_verbosity() == before


def test_one_seed_cannot_judge():
    with pytest.raises(ValueError, match="two seeds"):
        sampler_explorer(TABLE.where(seed=0))
