"""Fine-tuning: where a pretrained network is cut into a part that stays and a part that learns, and at what rates.

    net = Classifier(backbone(size=48), classes=10)
    tail = Tail(net, learn=2)                          # the last two stages and the head: what learns
    data = frozen_once(net, task, learn=2)             # the part below, run once over all images
    optimizer = torch.optim.AdamW(parameter_groups(tail, lr=3e-3))     # head 3e-3, stages 3e-4
    train(tail, data, optimizer, group_schedules(optimizer, T), updates=T, augment=False)

A frozen part gives the same activations for the same image for ever, so one pass over the images replaces one in every
update. That holds only while nothing in it moves: no weight, no BatchNorm statistic, no random crop in front of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from course_utils.checks import check_positive, check_whole
from course_utils.data.augment import epoch_generator
from course_utils.data.splits import Split
from course_utils.schedules import cosine
from course_utils.training.compute import Compute, pick
from course_utils.training.models import small_conv_net
from course_utils.transfer.backbones import Backbone, Classifier, backbone
from course_utils.transfer.feature_cache import features
from course_utils.transfer.tasks import TransferTask

SIZE = 48  # pixels: at 96 an update of the whole network takes three times as long


# ------------------------------------------------------------------------------------------------------- the regimes
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


# Rates: for each regime the best of three, by the validation images of two cells (see record_transfer.py).
REGIMES = {
    "linear probe": Regime(learn=0, lr=3e-3),
    "last blocks": Regime(learn=2, lr=3e-3),
    "all layers": Regime(learn=None, lr=3e-3),
    "from scratch": Regime(learn=None, lr=1e-3, ratio=1.0, pretrained=False),
    "small net": Regime(learn=None, lr=3e-3, ratio=1.0, pretrained=False, small=True),
}


@dataclass(frozen=True)
class SetUp:
    """What `train` needs for one run: `train(now.model, now.data, now.optimizer, now.schedules, ...)`."""

    model: nn.Module
    data: TransferTask
    optimizer: torch.optim.Optimizer
    schedules: list[Callable]
    compute: Compute


def set_up(
    regime: str, few: TransferTask, *, updates: int, seed: int = 0, lr: float | None = None, size: int = SIZE,
    data: Activations | None = None,
) -> SetUp:  # fmt: skip
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


def arithmetic() -> Compute:
    """float32 everywhere: on a CPU bfloat16 trains these convolutions more slowly, and kept activations stay exact."""
    return pick(dtype="float32")


# ----------------------------------------------------------------------------------------------------------- the cut
class Tail(nn.Module):
    """The part of `net` that learns: its last `learn` stages and the head. Activations at the cut -> logits.

    It shares its modules with `net`: what it learns, `net` knows. The stages below are frozen (`requires_grad`
    False). learn: 0 (only the head) to len(net.backbone.stages) (everything: it then takes prepared images).
    """

    def __init__(self, net: Classifier, learn: int):
        super().__init__()
        count = check_learn(net, learn)
        net.backbone.unfreeze(count)
        self.stages = net.backbone.stages[len(net.backbone.stages) - count :]
        self.dropout, self.head = net.dropout, net.head
        self.keep_norm = net.backbone.keep_norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps at the cut [N, channels, h, w], or features [N, width] with learn=0 -> logits [N, classes]."""
        for stage in self.stages:
            x = stage(x)
        return self.head(self.dropout(x.mean((2, 3)) if x.ndim == 4 else x))

    def train(self, mode: bool = True) -> Tail:
        """Training mode; BatchNorm keeps ImageNet's statistics where the backbone says so."""
        super().train(mode)
        if mode and self.keep_norm:
            for norm in norms(self):
                norm.eval()
        return self


def frozen_once(net: Classifier, task: TransferTask, learn: int) -> TransferTask:
    """`task` as the learning part sees it: its images after one pass through the frozen part, in evaluation mode.

    With learn=0 these are the features, which are kept on disk; with all stages the images themselves, prepared batch
    by batch. Raises ValueError for a `learn` out of range.
    """
    count = check_learn(net, learn)
    if count == len(net.backbone.stages):
        return task.seen_by(net.backbone)
    return Activations.of(task, partial(at_cut, net, learn=count))


@torch.no_grad()
def at_cut(net: Classifier, images: torch.Tensor, learn: int) -> torch.Tensor:
    """What reaches the last `learn` stages of `net`: uint8 [N, 3, H, W] -> float32 maps [N, channels, h, w] on the CPU.

    With learn=0: features [N, width]. The frozen part is in evaluation mode meanwhile.
    """
    count, compute = check_learn(net, learn), arithmetic()
    if count == 0:
        return features(net.backbone, images, compute=compute)
    compute.place(net)
    below = net.backbone.stages[: len(net.backbone.stages) - count]
    was_training = net.training
    net.eval()
    parts = []
    try:
        for part in images.split(100):
            x = net.backbone.prepare(part.to(compute.device))
            for stage in below:
                x = stage(x)
            parts.append(x.float().cpu())
    finally:
        net.train(was_training)
    return torch.cat(parts)


class Activations(TransferTask):
    """A task whose splits hold activations at a cut in place of images; goes into `train` without augmentation."""

    @classmethod
    def of(cls, task: TransferTask, run: Callable[[torch.Tensor], torch.Tensor]) -> Activations:
        """run: uint8 images -> their activations, called once for each split."""
        parts = {part: Split(run(getattr(task, part).inputs), getattr(task, part).labels)
                 for part in ("train", "val", "test")}  # fmt: skip
        return cls(**{**vars(task), **parts})

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> ActivationBatches:
        """Batches in the same order as those of the task's images. Refuses augmentation: it would come too late."""
        if augment:
            raise ValueError("augment=True: these activations were computed once, from images that were never cropped "
                             "or flipped. Pass augment=False, or let the frozen part run in every update.")  # fmt: skip
        return ActivationBatches(self.train, batch_size, seed, device)

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        return x


class ActivationBatches:
    """Shuffled batches of rows that need no more preparing; the order of epoch e comes from (seed, e)."""

    def __init__(self, split: Split, batch_size: int, seed: int, device):
        self.rows, self.labels = split.inputs.to(device), split.labels.to(device)
        self.batch_size = check_whole("batch_size", batch_size, 1, len(split), hint="There are no more images.")
        self.seed = check_whole("seed", seed, 0, 2**32 - 1)
        self._drawn = (None, None)

    def __len__(self) -> int:
        return len(self.labels) // self.batch_size

    def get(self, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch of update t: activations, labels [B]."""
        epoch, i = divmod(t, len(self))
        if self._drawn[0] != epoch:
            order = torch.randperm(len(self.labels), generator=epoch_generator(self.seed, epoch))
            self._drawn = epoch, order.to(self.labels.device)
        index = self._drawn[1][i * self.batch_size : (i + 1) * self.batch_size]
        return self.rows[index], self.labels[index]


# ------------------------------------------------------------------------------------------------- rates and counting
def parameter_groups(tail: Tail, lr: float, ratio: float = 10.0) -> list[dict]:
    """Two groups for any torch optimizer: the new head at `lr`, the pretrained stages at lr / ratio.

    With no stage that learns there is one group. lr, ratio: > 0.
    """
    lr, ratio = check_positive("lr", lr), check_positive("ratio", ratio)
    groups = [dict(params=list(tail.head.parameters()), lr=lr)]
    stages = [p for p in tail.stages.parameters() if p.requires_grad]
    return groups + ([dict(params=stages, lr=lr / ratio)] if stages else [])


def group_schedules(optimizer: torch.optim.Optimizer, T: int) -> list[Callable[[float], float]]:
    """For each parameter group a cosine of T updates from its present rate to 0: their ratio never changes."""
    T = check_whole("T", T, 1, of="updates")
    return [partial(cosine, peak=group["lr"], T=T) for group in optimizer.param_groups]


def norms(module: nn.Module) -> list[nn.Module]:
    """All BatchNorm layers inside."""
    return [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def trainable(module: nn.Module) -> int:
    """Number of weights that gradients can reach."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def check_learn(net: Classifier, learn: int) -> int:
    """`learn` as a whole number of stages; ValueError outside 0 .. len(net.backbone.stages)."""
    if not isinstance(net, Classifier) or not isinstance(net.backbone, Backbone):
        raise ValueError(f"net must be a Classifier around a backbone, got {type(net).__name__}.")
    most = len(net.backbone.stages)
    return check_whole("learn", learn, 0, most, of="stages", hint=f"0 trains the head alone, {most} everything.")
