"""Where lesson 10.3.3 travels: five tasks, two networks, and the weights they may begin with.

`world("objects")`, "digits" and "angles" are the tasks of lesson 10.3.1. "where" asks for no class: a photograph,
shrunk to 16 x 16 pixels, lies somewhere on a blurred other one, and the network says where. "the other five" are five
classes of CIFAR-10, for a network that grew up on "five".
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import lru_cache

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from course_utils.data import Split
from course_utils.training import small_conv_net
from course_utils.transfer import TransferTask, backbone, task
from course_utils.transfer.backbones import KeepsNorm, norms

FIVE, OTHER_FIVE = (0, 3, 5, 7, 8), (1, 2, 4, 6, 9)  # aeroplane cat dog horse ship | car bird deer frog lorry
NEAR = 2 / 8  # "where" is a hit within two pixels, across and down; 8 pixels are 1
STAGES, SIZE = 4, 32  # of EfficientNet-Lite0, and pixels: an update in a sixth of the time of the whole at 48


# ------------------------------------------------------------------------------------------------------- the tasks
@lru_cache(maxsize=8)
def world(name: str, train: int = 12_000, val: int = 200, test: int = 500) -> TransferTask:
    """A task by its name. train: images of all ten classes (digits at most 1,000, angles 3,200)."""
    if name == "digits":
        return task(name, train=min(train, 1_000), val=min(val, 297), test=min(test, 500))
    if name == "angles":
        return task(name, train=min(train, 3_200), val=val, test=test)
    if name in ("five", "the other five"):
        twice = task("objects", train=train, val=4 * val, test=4 * test, quiet=True)
        return part_of(twice, FIVE if name == "five" else OTHER_FIVE)
    photographs = task("objects", train=train, val=val, test=test, quiet=True)
    if name == "where":
        return scenes(photographs)
    if name != "objects":
        raise ValueError(f"unknown task {name!r}: choose objects, digits, angles, where, five or the other five.")
    return photographs


def part_of(photographs: TransferTask, classes: tuple[int, ...]) -> TransferTask:
    """Only these classes, numbered anew from 0."""
    number = torch.full((len(photographs.classes),), -1)
    number[list(classes)] = torch.arange(len(classes))

    def of(split: Split) -> Split:
        labels = number[split.labels]
        return Split(split.inputs[labels >= 0], labels[labels >= 0])

    parts = {name: of(getattr(photographs, name)) for name in ("train", "val", "test")}
    return replace(photographs, **parts, classes=tuple(photographs.classes[c] for c in classes))


class Scenes(TransferTask):
    """Photographs somewhere on a ground. Labels: float [N, 2], across and down from the middle, 8 pixels are 1."""

    def few(self, per_class: int, seed: int = 0) -> Scenes:
        """Ten times `per_class` scenes, as many images as the other tasks get; nested for one seed."""
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(seed))[: 10 * per_class]
        return replace(self, train=Split(self.train.inputs[order], self.train.labels[order]))


def scenes(photographs: TransferTask) -> Scenes:
    """Each photograph of a part is laid once onto the blurred next one of the same part: no part sees another's."""
    parts = {}
    for k, name in enumerate(("train", "val", "test")):
        images = getattr(photographs, name).inputs
        at = torch.randint(0, 17, (len(images), 2), generator=torch.Generator().manual_seed(77 + k))
        ground = avg_pool2d(images.roll(1, 0).float(), 8)
        picture = interpolate(ground, size=(32, 32), mode="bilinear", align_corners=False)
        tiles = avg_pool2d(images.float(), 2)
        for i, (x, y) in enumerate(at.tolist()):
            picture[i, :, y : y + 16, x : x + 16] = tiles[i]
        parts[name] = Split(picture.round().clamp(0, 255).to(torch.uint8), at.float() / 8 - 1)
    return Scenes(**{**vars(photographs), **parts, "name": "where", "classes": ("across", "down")})


# -------------------------------------------------------------------------------------------------------- networks
class HalfLite(KeepsNorm):
    """The first four of eight stages of EfficientNet-Lite0, with a new last layer at zero: 255,000 weights."""

    def __init__(self, outputs: int, *, pretrained: bool, seed: int = 0):
        super().__init__()
        whole = backbone(size=SIZE, pretrained=pretrained, seed=seed)
        self.body = nn.Sequential(*whole.stages[:STAGES])
        self.prepare, self.keep_norm = whole.prepare, pretrained  # BatchNorm then keeps what it came with
        self.head = zeroed(nn.Linear(self.body[-1][-1]._bn2.num_features, outputs))
        for norm in norms(self):
            norm.momentum = 0.1  # PyTorch's own; this family's 0.01 is too slow for a short run (lesson 10.3.1)
        self.train()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).mean((2, 3)))


def zeroed(layer: nn.Linear) -> nn.Linear:
    """The same layer with all weights and biases at zero: every answer is equally likely at first."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer


def half_lite(start: str, outputs: int, seed: int = 0) -> HalfLite:
    """start: "pretrained" on ImageNet, or "scratch"."""
    if start not in ("pretrained", "scratch"):
        raise ValueError(f"unknown start {start!r}: choose pretrained or scratch.")
    return HalfLite(outputs, pretrained=start == "pretrained", seed=seed)


@torch.no_grad()
def shuffled(body: nn.Module, seed: int) -> nn.Module:
    """Every layer keeps its numbers, so their size and spread, and loses their order: what they knew. In place."""
    random = torch.Generator().manual_seed(seed)
    for weight in body.parameters():
        order = torch.randperm(weight.numel(), generator=random)
        weight.copy_(weight.flatten()[order].view_as(weight))
    for norm in norms(body):
        norm.reset_running_stats()
    return body


def small_net(outputs: int, seed: int = 0) -> nn.Sequential:
    """The course's small conv net, 34,000 weights, from scratch."""
    return small_conv_net(num_classes=outputs, seed=seed)


def transplant(source: nn.Sequential, outputs: int) -> nn.Sequential:
    """A copy of a trained small net with a new last layer, at zero: what transfer begins with."""
    net, old = deepcopy(source), source[-2]
    net[-2] = zeroed(nn.Linear(old.in_features, outputs, bias=False, device=old.weight.device))
    return net.train()
