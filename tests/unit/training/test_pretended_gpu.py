"""The path of a GPU, proven without one: the same code on PyTorch's `meta` device, which has shapes but no numbers.

There every look at a number raises, as it would make a GPU wait; a tensor that was forgotten on the CPU raises, too;
and a dispatch mode counts what is copied over after the first update of an epoch.
"""

from contextlib import nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.data.splits import Split
from course_utils.data.text import python_text
from course_utils.training.averaging import WeightAverage, ema
from course_utils.training.compute import Compute
from course_utils.training.loop import train
from course_utils.training.models import mlp, resnet20, small_conv_net
from course_utils.training.transformer import small_transformer
from course_utils.transfer.backbones import Classifier
from course_utils.transfer.finetune import Activations, Tail, frozen_once, group_schedules, parameter_groups
from tests.made_up import tiny_data
from tests.small_transfer import SmallBackbone, small_task

UPDATES = 49  # a GPU is looked at every 50
META = torch.device("meta")


class PretendedGpu(Compute):
    """Says that it is a GPU; its device has no numbers."""

    on_gpu = property(lambda self: True)

    def autocast(self):
        return nullcontext()

    def facts(self):
        return {"device": "pretended", "dtype": "float32", "versions": {}}

    def place(self, module):
        return module  # it is there already: moving to this device would make new parameters


class CopiesFromTheCpu(TorchDispatchMode):
    """Notes every operation that turns a CPU tensor of more than one number into one over there."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        given = [x for x in args if isinstance(x, torch.Tensor) and x.numel() > 1]
        if isinstance(out, torch.Tensor) and out.device == META and any(x.device.type == "cpu" for x in given):
            self.found.append(str(operation))
        return out


def steps(model, data, optimizer, **more):
    how = dict(compute=PretendedGpu(META), updates=400, batch_size=16, seed=0, validate_every=None)
    return train(model, data, optimizer, **(how | more))


def watched(model, data, optimizer, see=None, **more):
    """Train; what was copied over from the second update on, within an epoch."""
    copies = CopiesFromTheCpu()
    for step in steps(model, data, optimizer, **more):
        assert step.loss.device == META
        if see:
            see(step)
        if step.t == 1:
            copies.__enter__()
        if step.t == UPDATES:
            break
    copies.__exit__(None, None, None)
    return copies.found


IMAGES = dict(train=16 * (UPDATES + 5), val=20, test=10)
NETS = {"small_conv_net": small_conv_net, "mlp": lambda seed: mlp((8,), seed=seed), "resnet20": resnet20}
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=1e-3),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_images_with_crops_and_flips(net, optimizer):
    model = NETS[net](seed=0).to(META)
    assert watched(model, tiny_data(**IMAGES), OPTIMIZERS[optimizer](model.parameters())) == []


@pytest.mark.parametrize("task", ["next", "masked"])
def test_text(task):
    data = python_text(task, length=16, vocabulary=200)
    model = small_transformer(200, 16, width=8, heads=2, causal=task == "next", seed=0).to(META)
    assert watched(model, data, torch.optim.AdamW(model.parameters(), lr=1e-3)) == []


def test_averaged_weights():
    model = small_conv_net(width=4, seed=0).to(META)
    average = WeightAverage(model, ema(0.99))
    found = watched(model, tiny_data(**IMAGES), OPTIMIZERS["SGD"](model.parameters()), see=average.see)
    assert found == [] and average.n == UPDATES


def test_schedules_that_are_functions():
    model = mlp((8,), seed=0).to(META)
    sgd = OPTIMIZERS["SGD"](model.parameters())
    assert watched(model, tiny_data(**IMAGES), sgd, schedule=lambda t: 0.1 / (1 + t), momentum=lambda t: 0.9) == []


@pytest.mark.parametrize("learn", [0, 1])
def test_fine_tuning_over_a_frozen_part(learn):
    task = small_task(n=16 * (UPDATES + 5))
    net = Classifier(SmallBackbone(), 3)
    cut = frozen_once(net, task, learn) if learn else Activations.of(task, lambda images: images.float().mean((2, 3)))
    tail = (Tail(net, learn) if learn else torch.nn.Linear(3, 3)).to(META)
    groups = parameter_groups(tail, 0.01) if learn else tail.parameters()
    sgd = torch.optim.SGD(groups, lr=0.01, momentum=0.9)
    schedules = group_schedules(sgd, 400)
    assert watched(tail, cut, sgd, schedule=schedules, augment=False) == []


def test_a_look_at_a_number_and_a_forgotten_tensor_are_found():
    """What the tests above would catch."""
    model = mlp((8,), seed=0).to(META)
    with pytest.raises((NotImplementedError, RuntimeError)):
        for step in steps(model, tiny_data(**IMAGES), OPTIMIZERS["SGD"](model.parameters())):
            float(step.loss)
    forgetful = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10)).to(META)
    forgetful.register_forward_hook(lambda module, inputs, out: out + torch.ones(10))
    with pytest.raises(RuntimeError, match="device"):
        next(steps(forgetful, tiny_data(**IMAGES), OPTIMIZERS["SGD"](forgetful.parameters())))

    class Careless(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3072, 10)

        def forward(self, x):
            return self.layer(x.flatten(1)) + torch.ones(10).to(x.device)

    careless = Careless().to(META)
    assert len(watched(careless, tiny_data(**IMAGES), OPTIMIZERS["SGD"](careless.parameters()))) == UPDATES - 1


def test_labels_are_checked_before_they_are_over_there():
    data = tiny_data(**IMAGES)
    wrong = Split(data.train.inputs, data.train.labels + 5)
    model = mlp((8,), seed=0).to(META)
    with pytest.raises(ValueError, match="label"):
        from dataclasses import replace

        next(steps(model, replace(data, train=wrong), OPTIMIZERS["SGD"](model.parameters())))
