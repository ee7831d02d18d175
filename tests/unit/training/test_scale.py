"""Desk scale and full scale."""

from dataclasses import replace

import pytest
import torch

from course_utils.training import scale
from course_utils.training.compute import Compute, pick
from course_utils.training.models import mlp
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
TINY = replace(scale.DESK, train=160, epochs=3, batch_size=16, model=lambda seed: mlp((4,), seed=seed))


@pytest.fixture(autouse=True)
def no_wish(monkeypatch):
    monkeypatch.delenv("COURSE_SCALE", raising=False)


def test_a_scale_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("COURSE_SCALE", "tiny")
    assert scale.pick_scale(CPU) is scale.TINY
    monkeypatch.setenv("COURSE_SCALE", "huge")
    with pytest.raises(ValueError, match="COURSE_SCALE must be one of desk, full, tiny"):
        scale.pick_scale(CPU)


def test_scale_follows_the_device():
    assert scale.pick_scale(CPU) is scale.DESK
    assert scale.pick_scale(Compute(torch.device("cuda"))) is scale.FULL
    assert scale.DESK.updates == scale.DESK.epochs * (10_000 // scale.DESK.batch_size)
    assert scale.FULL.updates_per_epoch == 45_000 // scale.FULL.batch_size  # None means all 45,000


def test_updates_are_those_that_train_makes():
    from course_utils.training.loop import fit

    data = tiny_data(train=160, val=20, test=10)
    model = TINY.model(seed=0)
    record = fit(
        model,
        data,
        torch.optim.SGD(model.parameters(), lr=0.1),
        epochs=TINY.epochs,
        batch_size=TINY.batch_size,
        compute=CPU,
    )
    assert record.t[-1] == TINY.updates


def test_expected_time_grows_with_the_work_and_is_said(capsys, monkeypatch):
    data = tiny_data(train=160, val=20, test=10)
    clock = iter(range(1000))
    monkeypatch.setattr(scale.time, "perf_counter", lambda: next(clock))  # ten updates last one second
    one = scale.expected_seconds(TINY, data, compute=CPU)
    assert one == TINY.updates / 10 and scale.expected_seconds(TINY, data, 7, CPU) == 7 * one
    scale.announce(TINY, data, 2, CPU)
    assert capsys.readouterr().out == (
        "2 runs of 30 updates at desk scale on stand-in images: about 6 seconds on this machine.\n"
    )
    scale.announce(TINY, data, 100, CPU)
    assert "about 5.0 minutes" in capsys.readouterr().out
