"""The recording of the fine-tuning table: what is in it, which runs are tested, what is computed once."""

import pytest

from course_utils.authoring.recording import keep
from course_utils.lessons.l10_3_1 import record
from course_utils.lessons.l10_3_1.record import POOL, RATE_CELLS, RATES, SIZES, UPDATES, WHOLE, jobs, run_one
from course_utils.lessons.l10_3_1.regimes import REGIMES
from course_utils.transfer.finetune import Activations


def test_the_corners_have_five_seeds_and_every_cell_has_every_regime():
    seeds = {}
    for job in jobs():
        if job["purpose"] == "result":
            assert job["lr"] == REGIMES[job["regime"]].lr
            seeds.setdefault((job["task"], job["per_class"], job["regime"]), set()).add(job["seed"])
    assert {key[:2] for key in seeds} == {(task, n) for task, sizes in SIZES.items() for n in sizes}
    for (task, n, regime), found in seeds.items():
        corner = n in (SIZES[task][0], SIZES[task][-1])
        least = (2 if corner else 1) if regime == WHOLE else (5 if corner else 3)
        assert found == set(range(least)), (task, n, regime)


def test_every_regime_had_the_same_tries_at_its_rate_with_a_seed_of_their_own():
    tries = [job for job in jobs() if job["purpose"] == "rate"]
    results = {job["seed"] for job in jobs() if job["purpose"] == "result"}
    for regime in REGIMES:
        mine = [(job["task"], job["per_class"], job["lr"]) for job in tries if job["regime"] == regime]
        assert sorted(mine) == sorted((*cell, lr) for cell in RATE_CELLS for lr in RATES)
    assert not results & {job["seed"] for job in tries}


def test_a_pool_holds_what_is_asked_of_it():
    for task, sizes in SIZES.items():
        assert POOL[task] >= 10 * sizes[-1]


@pytest.fixture(autouse=True)
def new_pools():
    """What the recording keeps in memory begins empty and does not stay."""
    for kept in (record._pool, record._frozen):
        kept.cache_clear()
    yield
    for kept in (record._pool, record._frozen):
        kept.cache_clear()


BASE = dict(task="digits", per_class=5, regime="small net", lr=3e-3, seed=0, updates=3, batch_size=32)


def test_a_result_is_tested_and_a_rate_is_not(monkeypatch):
    monkeypatch.setitem(POOL, "digits", 200)
    result = run_one({**BASE, "purpose": "result"})
    assert result.val == [] and 0 <= result.test[1] <= 1 and result.config["similar"] is False
    rate = run_one({**BASE, "purpose": "rate"})
    assert rate.test is None and len(rate.val) == 1


def test_what_no_seed_changes_is_computed_once(monkeypatch):
    calls = []

    def once(net, task, learn):
        calls.append((task.name, learn))
        return Activations.of(task, lambda images: images.float().mean((2, 3)))

    monkeypatch.setattr("course_utils.transfer.finetune.frozen_once", once)
    monkeypatch.setattr("course_utils.lessons.l10_3_1.regimes.fresh", lambda few, kind: None)
    for seed in (0, 1):
        few, at_cut = record._images({**BASE, "regime": "linear probe", "seed": seed})
        assert len(few.train) == len(at_cut.train) == 50
        assert at_cut.train.labels.equal(few.train.labels)
        assert at_cut.train.inputs.equal(few.train.inputs.float().mean((2, 3)))
    assert calls == [("digits", 0)]


def test_the_budget_is_that_of_the_lesson():
    assert UPDATES == 100


def test_stand_ins_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CIFAR10", "")
    monkeypatch.setenv("COURSE_DATA", "/nowhere")
    monkeypatch.setitem(POOL, "objects", 100)
    with pytest.raises(SystemExit, match="real CIFAR-10 is needed"):
        keep(run_one, {**BASE, "task": "objects", "purpose": "result"}, tmp_path / "run.npz")
