"""Networks that have seen ImageNet, under one interface: images in, one row of features an image out.

    net = backbone("efficientnet_lite0", size=96)
    rows = net(net.prepare(images))          # uint8 [N, 3, H, W] -> features [N, net.width]
    net.classify(net.prepare(images))        # the 1000 classes of ImageNet, for a look

The EfficientNet-Lite family (Tan and Le 2019, arXiv 1905.11946, in the version for mobile phones) comes with its
weights as Python packages: no network is needed. Weights are read as plain data, and only if their checksum is right.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from course_utils.checks import check_whole, check_within
from course_utils.training.models import seeded
from course_utils.transfer.backbone_weights import BackboneError, read

SIZES = (32, 512)  # pixels; five halvings leave one pixel of 32


@dataclass(frozen=True)
class Kind:
    """What is known about a backbone. top1: published accuracy on ImageNet in per cent, at `native` pixels."""

    family: str
    native: int
    top1: float
    mean: tuple[float, float, float]  # of pixels 0 .. 255
    std: tuple[float, float, float]


_LITE = dict(family="lite", mean=(127.0,) * 3, std=(128.0,) * 3)
_VISION = dict(family="torchvision", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
KINDS = {
    "efficientnet_lite0": Kind(native=224, top1=75.1, **_LITE),
    "efficientnet_lite1": Kind(native=240, top1=76.7, **_LITE),
    "efficientnet_lite2": Kind(native=260, top1=77.6, **_LITE),
    "resnet18": Kind(native=224, top1=69.8, **_VISION),
    "mobilenet_v3_small": Kind(native=224, top1=67.7, **_VISION),
    "efficientnet_b0": Kind(native=224, top1=77.7, **_VISION),
}


class KeepsNorm(nn.Module):
    """A module in which, with keep_norm, every BatchNorm stays in evaluation mode while the rest trains.

    In training mode BatchNorm would use, and slowly take over, the mean and spread of small batches of another kind of
    images; the weights were learned for those of ImageNet.
    """

    keep_norm: bool

    def train(self, mode: bool = True) -> KeepsNorm:
        super().train(mode)
        if mode and self.keep_norm:
            for norm in norms(self):
                norm.eval()
        return self


class Backbone(KeepsNorm):
    """A network without its last layer; made by `backbone`.

    name, size: as asked for. width: features an image. stages: from the input to the output, to freeze from below and
    unfreeze from the top.
    """

    def __init__(self, name: str, size: int, stages: Iterable[nn.Module], imagenet: nn.Module, keep_norm: bool):
        super().__init__()
        self.name, self.size, self.kind = name, size, KINDS[name]
        self.width = next(layer.in_features for layer in imagenet.modules() if isinstance(layer, nn.Linear))
        self.stages = nn.ModuleList(stages)
        self.imagenet = imagenet.requires_grad_(False)  # the layer that transfer leaves out; only for `classify`
        self.keep_norm = keep_norm

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [N, 3, H, W], 0 .. 255, red first -> float32 [N, 3, size, size] as the network was trained to see it.

        On the device of the network. Bicubic, smoothed first where it shrinks. Raises ValueError for another shape or
        number format.
        """
        check_images(images)
        x = images.to(next(self.parameters()).device).float()
        if x.shape[-2:] != (self.size, self.size):
            shrinks = max(x.shape[-2:]) > self.size
            how = dict(mode="bicubic", align_corners=False, antialias=shrinks)
            x = nn.functional.interpolate(x, size=(self.size, self.size), **how).clamp_(0, 255)
        mean, std = (torch.tensor(v, device=x.device).view(3, 1, 1) for v in (self.kind.mean, self.kind.std))
        return x.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Prepared images [N, 3, size, size] -> features [N, width], the mean of the last maps over their places."""
        if x.ndim != 4 or x.shape[1:] != (3, self.size, self.size) or not x.is_floating_point():
            raise ValueError(
                f"{self.name} wants float [N, 3, {self.size}, {self.size}], got {_look(x)}. Send images through "
                "`prepare` first, or build the backbone with another size."
            )
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Prepared images -> logits [N, 1000] of the classes in `imagenet_classes()`."""
        return self.imagenet(self(x))

    def unfreeze(self, stages: int) -> Backbone:
        """Let the last `stages` stages learn and freeze those below; 0 freezes all. Returns itself.

        A frozen stage needs no gradients: an update then costs little more than a forward pass up to there.
        Raises ValueError outside 0 .. len(self.stages).
        """
        most = len(self.stages)
        stages = check_whole("stages", stages, 0, most, hint=f"{most} unfreezes all.")
        for n, stage in enumerate(self.stages):
            stage.requires_grad_(n >= most - stages)
        return self

    @property
    def fingerprint(self) -> str:
        """32 letters that change when a weight, the name or the image size changes; for caches."""
        digest = hashlib.blake2b(f"{self.name} {self.size}".encode(), digest_size=16)
        for name, weight in self.stages.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()


class Classifier(nn.Module):
    """A backbone with a fresh last layer for `classes` classes: prepared images -> logits [N, classes].

    Its two parts are `backbone` and `head`. The head begins at zero, so that every class is equally likely and the
    first gradients into the backbone are small. dropout: of the features, in [0, 1).
    """

    def __init__(self, backbone: Backbone, classes: int, *, dropout: float = 0.0):
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(backbone.width, check_whole("classes", classes, 2))
        self.dropout = nn.Dropout(check_within("dropout", dropout, 0, 1, ends="[)"))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.train()  # the backbone came in evaluation mode, to be looked through

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.backbone(x)))


def backbone(
    name: str = "efficientnet_lite0", *, size: int = 96, pretrained: bool = True, seed: int | None = None
) -> Backbone:
    """A network from `KINDS`, in evaluation mode, with all stages unfrozen.

    name: efficientnet_lite0, _lite1, _lite2 (from packages, no network), resnet18, mobilenet_v3_small,
        efficientnet_b0 (torchvision; downloaded once). size: images become size x size pixels, 32 to 512. It was
        trained at `KINDS[name].native`; half of that is four times as fast and loses some accuracy.
    pretrained: False for fresh weights from `seed`; BatchNorm then learns its statistics (keep_norm False).

    Raises ValueError for an unknown name or a size out of range, BackboneError for a missing package, weights that are
    damaged, or no network where one is needed.
    """
    if name not in KINDS:
        raise ValueError(f"unknown backbone {name!r}: choose {', '.join(KINDS)}.")
    size = check_whole("size", size, *SIZES, of="pixels", hint="96 is a good start.")
    build = _lite if KINDS[name].family == "lite" else _torchvision
    whole, parts = seeded(lambda: build(name, size), 0 if pretrained and seed is None else seed)
    if pretrained:
        whole.load_state_dict(read(name))
    return Backbone(name, size, *parts(whole), keep_norm=pretrained).eval()


def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, in the order of `classify`."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    return tuple(_IMAGENET_CATEGORIES)


def norms(module: nn.Module) -> list[nn.Module]:
    """All BatchNorm layers inside."""
    return [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def check_images(images) -> None:
    """ValueError unless `images` is a uint8 tensor [N, 3, H, W] with N >= 1."""
    right = isinstance(images, torch.Tensor) and images.dtype is torch.uint8 and images.ndim == 4
    if not right or images.shape[1] != 3 or 0 in images.shape:
        hint = "Pixels are whole numbers 0 .. 255, red, green, blue first; for one image use image[None]."
        raise ValueError(f"images must be uint8 [N, 3, height, width], got {_look(images)}. {hint}")


def _look(x) -> str:
    if not isinstance(x, torch.Tensor):
        return type(x).__name__
    return f"{str(x.dtype).removeprefix('torch.')} {list(x.shape)}"


def _lite(name: str, size: int) -> tuple[nn.Module, Callable]:
    """EfficientNet-Lite: its convolutions pad by the size of the image, so they are built for it."""
    try:
        package = importlib.import_module("efficientnet_lite_pytorch")
    except ImportError as problem:
        raise BackboneError(f"{name} needs a package: pip install efficientnet-lite-pytorch") from problem
    return package.EfficientNet.from_name(name.replace("_", "-"), image_size=size), _lite_parts


def _lite_parts(net) -> tuple[list[nn.Module], nn.Module]:
    """Stem and first blocks, the other groups of blocks (a group: equal output channels), the last convolution.

    Called one after the other, without the random dropping of blocks of the package's own forward pass."""
    groups: dict[int, list] = {}
    for block in net._blocks:
        groups.setdefault(block._block_args.output_filters, []).append(block)
    first, *rest = groups.values()
    stem = [net._conv_stem, net._bn0, nn.ReLU6(inplace=True), *first]
    head = [net._conv_head, net._bn1, nn.ReLU6(inplace=True)]
    return [nn.Sequential(*part) for part in (stem, *rest, head)], net._fc


def _torchvision(name: str, size: int) -> tuple[nn.Module, Callable]:
    from torchvision import models

    more = {"stochastic_depth_prob": 0.0} if name == "efficientnet_b0" else {}
    return getattr(models, name)(weights=None, **more), _resnet_parts if name == "resnet18" else _features_parts


def _resnet_parts(net) -> tuple[list[nn.Module], nn.Module]:
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    return [stem, net.layer1, net.layer2, net.layer3, net.layer4], net.fc


def _features_parts(net) -> tuple[list[nn.Module], nn.Module]:
    """MobileNet, EfficientNet: the layers of `features` in at most eight stages, cut where the channels change."""
    layers, last = list(net.features), net.classifier
    while len(layers) > 8:  # the smallest two neighbours become one
        sizes = [sum(p.numel() for p in layer.parameters()) for layer in layers]
        k = min(range(len(layers) - 1), key=lambda i: sizes[i] + sizes[i + 1])
        layers[k : k + 2] = [nn.Sequential(layers[k], layers[k + 1])]
    return layers, last
