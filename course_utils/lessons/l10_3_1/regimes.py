"""The ways to use a pretrained network that lesson 10.3.1 compares, each set up with a few lines of its part 4.

ready = set_up("last blocks", task("objects").few(20, seed=0), updates=100)
train(ready.model, ready.data, ready.optimizer, ready.schedules, updates=100, augment=False)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from course_utils.checks import check_positive
from course_utils.training.compute import Compute
from course_utils.training.models import small_conv_net
from course_utils.transfer.backbones import Classifier, backbone, norms
from course_utils.transfer.finetune import (
    Activations,
    Tail,
    arithmetic,
    frozen_once,
    group_schedules,
    parameter_groups,
)
from course_utils.transfer.tasks import TransferTask

SIZE = 48  # pixels: at 96 an update of the whole network takes three times as long


@dataclass(frozen=True)
class Regime:
    """One way to use a pretrained network.

    learn: stages that learn, from the top; None: all of them. pretrained: False begins with fresh weights. lr: peak
    rate of the head; the stages get lr / ratio. small: the course's small conv net in place of the backbone.
    """

    learn: int | None
    lr: float
    ratio: float = 10.0
    pretrained: bool = True
    small: bool = False


# Rates: for each regime the best of three, by the validation images of two cells (see `record.py`).
REGIMES = {
    "linear probe": Regime(learn=0, lr=3e-3),
    "last blocks": Regime(learn=2, lr=3e-3),
    "all layers": Regime(learn=None, lr=3e-3),
    "from scratch": Regime(learn=None, lr=1e-3, ratio=1.0, pretrained=False),
    "small net": Regime(learn=None, lr=1e-2, ratio=1.0, pretrained=False, small=True),
}


@dataclass(frozen=True)
class SetUp:
    """What `train` needs for one run: see above."""

    model: nn.Module
    data: TransferTask
    optimizer: torch.optim.Optimizer
    schedules: list[Callable]
    compute: Compute


def set_up(
    regime: str,
    few: TransferTask,
    *,
    updates: int,
    seed: int = 0,
    lr: float | None = None,
    size: int = SIZE,
    data: Activations | None = None,
) -> SetUp:
    """Model, data, optimizer (AdamW) and cosine schedules of one regime on a task.

    few: the images to learn from, such as task("objects").few(20, seed). updates: of the run, >= 1. seed: of fresh
    weights. lr: peak rate of the head; default: the regime's. size: pixels. data: `few` at the regime's cut, where it
    went through the frozen part before (`frozen_once`). Raises ValueError for an unknown regime or a number out of
    range.
    """
    kind = named(regime)
    lr = kind.lr if lr is None else lr
    if kind.small:
        model, data = small_conv_net(num_classes=len(few.classes), seed=seed), replace(few, view=None)
        groups = [dict(params=list(model.parameters()), lr=check_positive("lr", lr))]
    else:
        net = fresh(few, kind, seed=seed, size=size)
        learn = len(net.backbone.stages) if kind.learn is None else kind.learn
        model, data = Tail(net, learn), data or frozen_once(net, few, learn)
        groups = parameter_groups(model, lr, kind.ratio)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    return SetUp(model, data, optimizer, group_schedules(optimizer, updates), arithmetic())


def named(regime: str) -> Regime:
    """The regime of this name; ValueError for one that there is not."""
    if regime not in REGIMES:
        raise ValueError(f"unknown regime {regime!r}: choose {', '.join(REGIMES)}.")
    return REGIMES[regime]


def fresh(few: TransferTask, kind: Regime, *, seed: int = 0, size: int = SIZE) -> Classifier:
    """A backbone with a new head for the classes of `few`, pretrained or not as `kind` says."""
    net = Classifier(backbone(size=size, pretrained=kind.pretrained, seed=seed), len(few.classes))
    if not kind.pretrained:
        # This family averages BatchNorm's statistics over about 100 updates; a short run would end with those of
        # random weights in them. 0.1 is PyTorch's own default: about 10 updates.
        for norm in norms(net):
            norm.momentum = 0.1
    return net
