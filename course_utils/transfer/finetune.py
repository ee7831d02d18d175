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
from functools import partial

import torch
from torch import nn

from course_utils.checks import check_positive, check_whole
from course_utils.data.batches import Batches
from course_utils.data.splits import SPLITS, Split
from course_utils.schedules import cosine
from course_utils.training.compute import Compute, pick
from course_utils.transfer.backbones import Backbone, Classifier, KeepsNorm
from course_utils.transfer.feature_cache import features, passed
from course_utils.transfer.tasks import TransferTask


def arithmetic() -> Compute:
    """float32 everywhere: on a CPU bfloat16 trains these convolutions more slowly, and kept activations stay exact."""
    return pick(dtype="float32")


class Tail(KeepsNorm):
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
        self.train()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps at the cut [N, channels, h, w], or features [N, width] with learn=0 -> logits [N, classes]."""
        for stage in self.stages:
            x = stage(x)
        return self.head(self.dropout(x.mean((2, 3)) if x.ndim == 4 else x))


def frozen_once(net: Classifier, task: TransferTask, learn: int) -> TransferTask:
    """`task` as the learning part sees it: its images after one pass through the frozen part, in evaluation mode.

    With learn=0 these are the features, which are kept on disk; with all stages the images themselves, prepared batch
    by batch. Raises ValueError for a `learn` out of range.
    """
    count = check_learn(net, learn)
    if count == len(net.backbone.stages):
        return task.seen_by(net.backbone)
    return Activations.of(task, partial(at_cut, net, learn=count))


def at_cut(net: Classifier, images: torch.Tensor, learn: int) -> torch.Tensor:
    """What reaches the last `learn` stages of `net`: uint8 [N, 3, H, W] -> float32 maps [N, channels, h, w] on the CPU.

    With learn=0: features [N, width]. The frozen part is in evaluation mode meanwhile.
    """
    count = check_learn(net, learn)
    if count == 0:
        return features(net.backbone, images, compute=arithmetic())
    below = nn.Sequential(*net.backbone.stages[:-count])
    return passed(net.backbone, below, images, 100, arithmetic())


class Activations(TransferTask):
    """A task whose splits hold activations at a cut in place of images; goes into `train` without augmentation."""

    @classmethod
    def of(cls, task: TransferTask, run: Callable[[torch.Tensor], torch.Tensor]) -> Activations:
        """run: uint8 images -> their activations, called once for each split."""
        splits = {name: Split(run(getattr(task, name).inputs), getattr(task, name).labels) for name in SPLITS}
        return cls(**{**vars(task), **splits})

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> ActivationBatches:
        """Batches in the same order as those of the task's images. Refuses augmentation: it would come too late."""
        if augment:
            raise ValueError(
                "augment=True: these activations were computed once, from images that were never cropped or flipped. "
                "Pass augment=False, or let the frozen part run in every update."
            )
        return ActivationBatches(self.train, batch_size, seed, device)

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        return x


class ActivationBatches(Batches):
    """Shuffled batches of rows that need no more preparing: activations and labels [B]."""

    def __init__(self, split: Split, batch_size: int, seed: int, device):
        super().__init__(len(split), batch_size, seed)
        self.rows, self.labels, self.every_label = split.inputs.to(device), split.labels.to(device), split.labels.cpu()

    def draw(self, generator: torch.Generator) -> None:
        super().draw(generator)
        self.note(self.every_label[self.order])
        self.order = self.order.to(self.labels.device)

    def cut(self, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        index = self.order[part]
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


def trainable(module: nn.Module) -> int:
    """Number of weights that gradients can reach."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def check_learn(net: Classifier, learn: int) -> int:
    """`learn` as a whole number of stages; ValueError outside 0 .. len(net.backbone.stages)."""
    if not isinstance(net, Classifier) or not isinstance(net.backbone, Backbone):
        raise ValueError(f"net must be a Classifier around a backbone, got {type(net).__name__}.")
    most = len(net.backbone.stages)
    return check_whole("learn", learn, 0, most, of="stages", hint=f"0 trains the head alone, {most} everything.")
