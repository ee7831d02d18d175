"""What a patient's settings do to data, network and measurement."""

import math

import pytest
import torch

from course_utils.lessons.l10_2_4.illnesses import data_of, network_of
from course_utils.lessons.l10_2_4.patients import SOUND, settings
from course_utils.lessons.l10_2_4.ratios import RatioMeter
from course_utils.lessons.l10_2_4.record import drop_on_stall
from course_utils.runs import Run
from tests.made_up import tiny_data


def job(patient: str) -> dict:
    return dict(seed=3, **settings(patient))


def test_labels_are_wrong_in_training_only():
    data = tiny_data(train=200)
    ill = data_of(job("wrong labels"), data)
    changed = ill.train.labels != data.train.labels
    assert int(changed.sum()) == 100 and torch.equal(ill.val.labels, data.val.labels)
    assert torch.equal(ill.train.labels, data_of(job("wrong labels"), data).train.labels)


def test_validation_is_handed_over_raw_or_leaks():
    data = tiny_data(train=200)
    raw = data_of(job("validation prepared otherwise"), data).prepare(data.val.inputs[:5])
    assert 0 <= float(raw.min()) and float(raw.max()) <= 1
    leaked, half = data_of(job("validation leaked"), data), len(data.val) // 2
    assert len(leaked.val) == 2 * half and torch.equal(leaked.val.inputs[:half], data.train.inputs[:half])
    assert torch.equal(leaked.test.inputs, data.test.inputs)


def test_weights_at_the_start():
    as_drawn, small = network_of(job("rate far too high (0.4)")), network_of(job("poor initialisation"))
    he = network_of({**job("poor initialisation"), "gain": "he"})
    assert torch.allclose(small[0].weight, 0.3 * as_drawn[0].weight)
    assert float(he[6].weight.detach().std()) == pytest.approx(math.sqrt(2 / he[6].weight[0].numel()), rel=0.05)


def test_ratios_are_measured_after_the_step():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2), torch.nn.Linear(2, 2))
    torch.nn.init.zeros_(model[1].weight)  # left out
    meter, before = RatioMeter(model), model[0].weight.detach().clone()
    assert meter.names == ["layer 1", "head"]
    with torch.no_grad():
        model[0].weight.mul_(1.25)
    assert meter.update() == pytest.approx([0.25, 0])
    assert meter.means() == ({"layer 1": 0.25, "head": 0}, 0) and not torch.equal(model[0].weight, before)


def test_the_rate_drops_when_validation_stalls():
    class Step:
        run, lr = Run(t=[1, 2, 3, 4], lr=[0.1] * 4), 0.1

    for losses, lr in (([2.0, 1.5, 1.4], 0.1), ([2.0, 1.5, 1.6], 0.1), ([2.0, 1.5, 1.6, 1.5], 0.01)):
        step = Step()
        step.run.val = [(t + 1, loss, 0.1) for t, loss in enumerate(losses)]
        drop_on_stall(step)
        assert step.lr == pytest.approx(lr)


def test_a_sound_patient_is_sound():
    assert settings("nothing") == SOUND and settings("rate too low")["lr"] == 0.001
