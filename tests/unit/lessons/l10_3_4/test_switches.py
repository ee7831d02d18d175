"""The switches: each does what it says, the frozen part stays still, the records are of the settings they name."""

import pytest
import torch

from course_utils.authoring.recording import keep
from course_utils.lessons.l10_3_4 import record, record_walk
from course_utils.lessons.l10_3_4.switches import (
    SWITCHES,
    augmented,
    part_groups,
    pull_back,
    start,
    tune,
)
from course_utils.transfer import task

POOL = task("digits", train=200, val=20, test=20)
FEW = POOL.few(2, seed=0)


def test_everything_at_once_and_nothing():
    run, tail = tune(FEW, SWITCHES, updates=2, seed=0)
    assert run.status == "finished" and len(run.loss) == 2 and 0 <= run.test[1] <= 1 and run.config["train"] <= 1
    assert len(tail.stages) == 2 and len(tail.head) == 7 and not tail.keep_norm
    seen = []
    plain, tail = tune(FEW, [], updates=1, seed=0, test=False, see=seen.append)
    assert plain.test is None and len(tail.stages) == 4 and [step.t for step in seen] == [1]
    assert plain.loss[0] == pytest.approx(2.302585, abs=1e-4)  # a zero head: ten classes, all as likely
    for wrong in (["mixupp"], "mixup"):
        with pytest.raises(ValueError, match="unknown switch"):
            tune(FEW, wrong, updates=1, seed=0)


def test_the_frozen_part_is_still_and_remembered_activations_change_nothing():
    net, _ = start(FEW)
    before = {name: value.clone() for name, value in net.backbone.stages[:4].state_dict().items()}
    memory = {}
    first, tail = tune(FEW, ["decay", "norm"], updates=1, seed=0, memory=memory)
    again, _ = tune(FEW, ["decay", "norm"], updates=1, seed=0, memory=memory)
    assert first.test == again.test and [key[1] for key in memory] == [4]
    assert all(
        torch.equal(value, before[name]) for name, value in start(FEW)[0].backbone.stages[:4].state_dict().items()
    )
    moved = tail.stages[0].state_dict()
    assert any(not torch.equal(value, moved[name]) for name, value in net.backbone.stages[4].state_dict().items())


def test_rates_and_groups():
    _, tail = start(FEW, ["deep head"])
    groups = part_groups(tail, 1e-3, 0.5, 0.1)
    held = [w for group in groups for w in group["params"]]
    assert len(held) == len(set(held)) == sum(w.requires_grad for w in tail.parameters())
    assert all(group["weight_decay"] == (0.1 if group["params"][0].ndim > 1 else 0.0) for group in groups)
    assert groups[0]["lr"] == 1e-3 and min(group["lr"] for group in groups) == pytest.approx(1e-4 / 8)


def test_the_pull_goes_back_its_share():
    layer = torch.nn.Linear(2, 1)
    home = layer.weight.detach().clone()
    sgd = torch.optim.SGD(layer.parameters(), lr=0.1)
    sgd.register_step_post_hook(pull_back([layer], 2.0))
    layer.weight.grad = torch.ones(1, 2)
    sgd.step()
    torch.testing.assert_close(layer.weight, home - 0.1 * 0.8)


def test_mixed_labels_and_damaged_images():
    images, labels = FEW.train.inputs, FEW.train.labels
    prepare = lambda x: x.float()  # noqa: E731
    inputs, shares = augmented(images, labels, {"mixup", "randaug"}, prepare, 10)
    assert shares.shape == (20, 10) and torch.allclose(shares.sum(1), torch.ones(20)) and inputs.shape == images.shape
    assert augmented(images, labels, set(), prepare, 10)[1] is labels
    for kind in record_walk.KINDS:
        worse = record_walk.damaged(images, kind)
        assert worse.dtype is torch.uint8 and worse.shape == images.shape
        assert torch.equal(worse, record_walk.damaged(images, kind))
    assert not torch.equal(record_walk.damaged(images, "blur"), images)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(record, "_pool", lambda name: POOL)
    monkeypatch.setattr(record_walk, "_pool", lambda: POOL)
    monkeypatch.setattr(record_walk, "PER_CLASS", 2)
    monkeypatch.setattr(record_walk, "UPDATES", 1)
    monkeypatch.setattr(record_walk, "BATCHES", {8: 1, 256: 1})
    monkeypatch.setattr(record, "MEMORY", {})


def test_recorded_runs_are_of_the_settings_they_say(small):
    job = record._job("pair", "digits", 5, "freeze+average", 3, updates=1)
    run = record.run_one(job)
    assert run.test and all({**run.config, "seed": run.seed}[name] == value for name, value in job.items())
    tried = record.run_one(record._job("rate", "digits", 5, "freeze", 3, updates=1))
    assert tried.test is None and len(tried.val) == 1


def test_points_of_the_walk(small):
    for cached in (record_walk._tuned, record_walk._asked, record_walk._scratch):
        cached.cache_clear()
    ends = [record_walk.run_one(dict(kind="segment", share=share, seed=0)) for share in (0.0, 1.0)]
    assert all(0 <= run.config["shifted"] <= 1 and run.config["share"] in (0.0, 1.0) for run in ends)
    batch = record_walk.run_one(dict(kind="batch", batch_size=8, norm=False, lr=0.1, seed=5))
    assert batch.test is None and batch.config["rate"] == 0.1
    mean = record_walk._mean(
        [{"w": torch.zeros(2), "n": torch.tensor(3)}, {"w": torch.ones(2), "n": torch.tensor(5)}], [0.25, 0.75]
    )
    assert mean["w"].tolist() == [0.75, 0.75] and mean["n"] == 3
    for cached in (record_walk._tuned, record_walk._asked, record_walk._scratch):
        cached.cache_clear()


def test_stand_ins_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CIFAR10", "")
    monkeypatch.setenv("COURSE_DATA", "/nowhere")
    pool = task("objects", train=100, val=20, test=20, quiet=True)
    monkeypatch.setattr(record, "_pool", lambda name: pool)
    monkeypatch.setattr(record, "MEMORY", {})
    with pytest.raises(SystemExit, match="real CIFAR-10 is needed"):
        keep(record.run_one, record._job("pair", "objects", 5, "freeze", 0, updates=1), tmp_path / "run.npz")
