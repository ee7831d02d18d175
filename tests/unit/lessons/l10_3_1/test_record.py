"""The recording of the fine-tuning table: what is in it, that it goes on where it was; stand-ins are refused."""

import pytest

from course_utils.authoring.recording import job_file
from course_utils.lessons.l10_3_1 import record as record_transfer
from course_utils.lessons.l10_3_1.record import POOL, RATE_CELLS, RATES, SIZES, UPDATES, WHOLE, jobs, run_one
from course_utils.runs import Run
from course_utils.transfer.finetune import REGIMES, Activations


def test_every_job_is_another_one_with_a_file_of_its_own(tmp_path):
    found = jobs()
    assert len({job_file(job, tmp_path) for job in found}) == len(found)
    assert {job["regime"] for job in found} == set(REGIMES)


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


def test_a_run_that_is_there_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(record_transfer, "_images", lambda job: pytest.fail("it would be trained again"))
    job = next(job for job in jobs() if job["purpose"] == "result")
    path = job_file(job, tmp_path)
    Run(config={**job, "scale": "desk"}, seed=job["seed"], test=(1.0, 0.5)).save(path)
    assert run_one(job, path).test == (1.0, 0.5)


def test_a_result_is_tested_and_a_rate_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(record_transfer, "_kept", {})
    monkeypatch.setattr(record_transfer, "UPDATES", 3)
    monkeypatch.setitem(POOL, "digits", 200)
    base = dict(task="digits", per_class=5, regime="small net", lr=3e-3, seed=0)
    result = run_one({**base, "purpose": "result"}, tmp_path / "result.npz")
    assert result.val == [] and 0 <= result.test[1] <= 1 and result.config["similar"] is False
    rate = run_one({**base, "purpose": "rate"}, tmp_path / "rate.npz")
    assert rate.test is None and len(rate.val) == 1
    assert Run.load(tmp_path / "result.npz").test == result.test


def test_what_no_seed_changes_is_computed_once(monkeypatch):
    calls = []

    def once(net, task, learn):
        calls.append((task.name, learn))
        return Activations.of(task, lambda images: images.float().mean((2, 3)))

    monkeypatch.setattr(record_transfer, "_kept", {})
    monkeypatch.setattr("course_utils.transfer.finetune.frozen_once", once)
    monkeypatch.setattr("course_utils.transfer.finetune.fresh", lambda few, kind: None)
    for seed in (0, 1):
        few, at_cut = record_transfer._images(dict(task="digits", per_class=5, regime="linear probe", seed=seed))
        assert len(few.train) == len(at_cut.train) == 50
        assert at_cut.train.labels.equal(few.train.labels)
        assert at_cut.train.inputs.equal(few.train.inputs.float().mean((2, 3)))
    assert calls == [("digits", 0)]


def test_stand_ins_are_refused(monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_CIFAR10", "")
    monkeypatch.setenv("COURSE_DATA", "/nowhere")
    monkeypatch.setattr(record_transfer, "_kept", {})
    monkeypatch.setitem(POOL, "objects", 100)
    with pytest.raises(SystemExit, match="real CIFAR-10 is needed"):
        record_transfer._images(dict(task="objects", per_class=5, regime="all layers", seed=0))


def test_the_budget_is_that_of_the_lesson():
    assert UPDATES == 100


def test_a_damaged_file_is_recorded_again(tmp_path, monkeypatch):
    monkeypatch.setattr(record_transfer, "_images", lambda job: pytest.fail("trained again"))
    job = jobs()[0]
    path = job_file(job, tmp_path)
    path.write_bytes(b"half a file")
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        run_one(job, path)
