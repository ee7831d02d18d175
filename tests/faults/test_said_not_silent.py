"""Plausible mistakes around a training are refused in words, or said; modes that a learner set are kept."""

import copy
import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, SparseAdam

from course_utils.data.splits import Split
from course_utils.data.text import continue_text, python_text
from course_utils.training.compute import pick
from course_utils.training.loop import evaluate, fit, train
from course_utils.training.models import mlp, resnet20, small_conv_net
from course_utils.training.transformer import small_transformer
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=64, val=16, test=10)


def run(model, optimizer=None, schedule=None, data=DATA, **more):
    how = dict(updates=2, batch_size=16, compute=CPU) | more
    return fit(model, data, optimizer or SGD(model.parameters(), lr=0.1), schedule, **how)


# ------------------------------------------------------------------------------------------- the optimizer
def test_a_head_that_was_replaced_after_the_optimizer_was_built():
    model = mlp((8,), seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    model[-1] = nn.Linear(8, 10)
    with pytest.raises(ValueError, match="holds 2 parameters of another model. Build it .* after the last layer"):
        run(model, optimizer)


def test_parameters_that_no_group_holds_are_said():
    model = mlp((8,), seed=0)
    with pytest.warns(UserWarning, match=r"2 parameters are in no group .* \['1.weight', '1.bias'\].*freeze them"):
        run(model, SGD(model[-1].parameters(), lr=0.1))
    model[1].requires_grad_(False)
    run(model, SGD(model[-1].parameters(), lr=0.1))  # frozen ones need no word


@pytest.mark.parametrize(
    "optimizer, says",
    [
        (lambda m: LBFGS(m.parameters()), "LBFGS does not work here"),
        (lambda m: SparseAdam(list(m.parameters())), "SparseAdam does not work here"),
        (lambda m: SGD(m.requires_grad_(False).parameters(), lr=0.1), "could move nothing: all its .* are frozen"),
        (lambda m: SGD(m.parameters(), lr=1e300), "the optimizer's lr must be a finite number"),
    ],
)
def test_optimizers_that_cannot_work(optimizer, says):
    model = mlp((8,), seed=0)
    with pytest.raises(ValueError, match=says):
        run(model, optimizer(model))


@pytest.mark.parametrize("switch", [torch.no_grad, torch.inference_mode])
def test_without_gradients(switch):
    with switch(), pytest.raises(ValueError, match="gradients are switched off"):
        run(mlp((8,), seed=0))


# ------------------------------------------------------------------------------------------- rates and lengths
@pytest.mark.parametrize("path", [None, "run.pt"])
@pytest.mark.parametrize(
    "value, says",
    [
        (torch.tensor(0.1), r"got tensor\(0.1000\).*float"),
        (np.array(0.1), r"got array\(0.1\).*float"),
        (np.array([0.1]), r"got array"),
        (Decimal("0.1"), r"got Decimal"),
        (0.1 + 0j, r"got \(0.1\+0j\)"),
        (1e308, r"in \[0, 3e\+38\], got 1e\+308"),
        (10**400, "got a whole number of more than 300 digits"),
        ((x for x in [0.1]), "got <generator"),
    ],
)
def test_a_schedule_that_returns_no_rate(value, says, path, tmp_path):
    with pytest.raises(ValueError, match=r"schedule\(0\) must be a finite number.*" + says):
        run(mlp((8,), seed=0), schedule=lambda t: value, checkpoint=path and tmp_path / path)


def test_with_a_checkpoint_a_wrong_rate_is_found_before_the_first_update(tmp_path):
    model = mlp((8,), seed=0)
    untouched = copy.deepcopy(model)
    with pytest.raises(ValueError, match=r"schedule\(7\)"):
        run(model, schedule=lambda t: 0.1 if t < 7 else math.nan, updates=8, checkpoint=tmp_path / "run.pt")
    assert torch.equal(model[1].weight, untouched[1].weight)


@pytest.mark.parametrize("length", [dict(epochs=1e308), dict(epochs=10**400), dict(updates=10**30)])
def test_lengths_without_end(length):
    with pytest.raises(ValueError, match="(epochs|updates) must be"):
        run(mlp((8,), seed=0), **(dict(updates=None) | length))


def test_a_rate_by_hand_keeps_the_ratio_of_the_groups():
    model = mlp((8,), seed=0)
    first, *others = model.parameters()
    optimizer, seen = SGD([dict(params=[first], lr=0.3), dict(params=others, lr=0.03)]), []
    for step in train(model, DATA, optimizer, updates=4, batch_size=16, compute=CPU):
        seen.append([group["lr"] for group in optimizer.param_groups])
        step.lr = {1: 0.1, 2: 0.0, 3: 0.2}.get(step.t)
    assert seen[:3] == [[0.3, 0.03], [0.1, pytest.approx(0.01)], [0.0, 0.0]]


# ------------------------------------------------------------------------------------------- labels
def labelled(labels, part="train"):
    return replace(DATA, **{part: Split(DATA.train.inputs[: max(1, len(labels))][: len(labels)], labels)})


@pytest.mark.parametrize(
    "data, says",
    [
        (labelled(torch.full((64,), 12)), "the model has 10 outputs, but labels go up to 12: 13 are needed"),
        (labelled(torch.full((16,), 12), "val"), "labels go up to 12"),
        (labelled(torch.full((64,), -1)), "the train split has the label -1"),
        (labelled(torch.zeros(64)), r"64 labels \(float32\) for 64 inputs.*int64"),
        (labelled(torch.zeros(64, dtype=torch.int32)), r"int32.*int64"),
        (replace(DATA, train=Split(DATA.train.inputs, DATA.train.labels[:60])), "60 labels .* for 64 inputs"),
        (labelled(torch.zeros(0, dtype=torch.int64), "val"), "the val split asks nothing: it is empty"),
        (labelled(torch.full((16,), -100), "val"), "the val split asks nothing"),
        (labelled(torch.full((64,), -100)), "the train split asks nothing"),
        (labelled(torch.zeros(64, 2, dtype=torch.int64)), r"the model gives \[16, 10\] for labels \[16, 2\]"),
    ],
)
def test_labels_that_do_not_fit(data, says):
    model = mlp((8,), seed=0)
    untouched = copy.deepcopy(model)
    with pytest.raises(ValueError, match=says):
        run(model, data=data)
    assert torch.equal(model[1].weight, untouched[1].weight)


def test_models_that_do_not_fit():
    with pytest.raises(ValueError, match="the model has 5 outputs, but labels go up to 9: 10 are needed"):
        run(mlp((8,), num_classes=5, seed=0))
    with pytest.raises(ValueError, match=r"the model gives \[16, 10, 1\] for labels \[16\]"):
        run(nn.Sequential(*mlp((8,), seed=0), nn.Unflatten(1, (10, 1))))
    with pytest.raises(ValueError, match="the model has 5 outputs"):
        evaluate(mlp((8,), num_classes=5, seed=0), DATA, "val", CPU)
    with pytest.raises(ValueError, match="the test split asks nothing"):
        evaluate(mlp((8,), seed=0), replace(DATA, test=Split(DATA.test.inputs[:0], DATA.test.labels[:0])), "test", CPU)


# ------------------------------------------------------------------------------------------- modes
def norms(model):
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize("frozen", [True, False])
def test_a_batchnorm_in_evaluation_mode_keeps_its_statistics(frozen):
    model = resnet20(seed=0)
    if frozen:
        model.requires_grad_(False)[-1].requires_grad_(True)
    for norm in norms(model):
        norm.eval()
    before = [norm.running_mean.clone() for norm in norms(model)]
    run(model, SGD(model[-1].parameters() if frozen else model.parameters(), lr=0.1))
    assert all(torch.equal(norm.running_mean, was) for norm, was in zip(norms(model), before, strict=True))


def test_a_model_in_evaluation_mode_as_a_whole_is_trained():
    model, other = small_conv_net(width=2, seed=0).eval(), small_conv_net(width=2, seed=0)
    assert run(model).loss == run(other).loss and not torch.equal(norms(model)[0].running_mean, torch.zeros(2))


def test_a_mode_that_the_loop_changes_for_a_moment_does_not_stay():
    """A learner looks at the model in evaluation mode and forgets to go back."""
    model, losses = small_conv_net(width=2, seed=0, dropout=0.5), []
    for step in train(model, DATA, SGD(model.parameters(), lr=0.1), updates=4, batch_size=16, compute=CPU):
        assert model.training or step.t == 0
        model.eval()
        losses.append(float(step.loss))
    assert norms(model)[0].num_batches_tracked == 4


def test_evaluate_gives_every_layer_its_own_mode_back():
    model = small_conv_net(width=2, seed=0, dropout=0.5)
    norms(model)[0].eval()
    modes = [m.training for m in model.modules()]
    evaluate(model, DATA, "val", CPU)
    assert [m.training for m in model.modules()] == modes and len(set(modes)) == 2


def test_writing_on_gives_every_layer_its_own_mode_back():
    text = python_text("next", length=8, vocabulary=50)
    model = small_transformer(50, 8, causal=True, width=8, layers=1, heads=1, seed=0)
    next(model.children()).eval()
    modes = [m.training for m in model.modules()]
    continue_text(model, text, "the", words=2)
    assert [m.training for m in model.modules()] == modes


# ------------------------------------------------------------------------------------------- other versions
@pytest.mark.filterwarnings("ignore:.*GradScaler")
def test_float16_with_a_pytorch_that_has_its_scaler_elsewhere(monkeypatch):
    """torch 2.2 has no torch.amp.GradScaler."""
    from course_utils.training import loop
    from course_utils.training.compute import Compute

    class Scaler(torch.cuda.amp.GradScaler):
        def __init__(self):
            used.append(self)
            super().__init__(enabled=False)

    used = []
    monkeypatch.delattr(torch.amp, "GradScaler")
    monkeypatch.setattr(torch.cuda.amp, "GradScaler", Scaler)
    monkeypatch.setattr(Compute, "autocast", CPU.autocast.__func__.__get__(CPU))
    model = mlp((8,), seed=0)
    half = Compute(torch.device("cpu"), torch.float16)
    assert loop.fit(model, DATA, SGD(model.parameters(), 0.1), updates=1, batch_size=16, compute=half).t == [1]
    assert len(used) == 1
