"""The networks of the course, under the names the field gives them.

All take images [N, 3, 32, 32] and return logits [N, num_classes]. `seed` fixes the initial weights without touching
PyTorch's global random state.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from course_utils.checks import check_whole, check_within


def seeded(build: Callable[[], nn.Module], seed: int | None) -> nn.Module:
    """What `build` makes, its weights drawn from `seed`: on the CPU, so they are the same on every device."""
    if seed is None:
        return build()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


class Times(nn.Module):
    """Multiply by a constant."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def _halving_block(cin: int, cout: int, norm: bool) -> list[nn.Module]:
    """Convolution, 2x2 maximum, BatchNorm where asked, ReLU.

    The maximum comes first: BatchNorm and ReLU then work on a quarter of the pixels. Without BatchNorm the order
    changes nothing (a ReLU commutes with a maximum).
    """
    norms = [nn.BatchNorm2d(cout)] if norm else []
    return [nn.Conv2d(cin, cout, 3, padding=1, bias=not norm), nn.MaxPool2d(2), *norms, nn.ReLU(inplace=True)]


def small_conv_net(
    width: int = 16, norm: bool = True, num_classes: int = 10, seed: int | None = None, dropout: float = 0.0
) -> nn.Sequential:
    """Three 3x3 convolutions (width, 2 width, 4 width channels), each halving the image; a linear classifier.

    The logits are multiplied by 1/8, as in David Page's "How to train your ResNet" (2018): BatchNorm feeds the last
    layer large features, and without the factor that layer alone would set the highest learning rate the net can stand.
    norm=False leaves out BatchNorm and the factor. dropout: share of the features, in [0, 1), that the classifier does
    not see in training. Raises ValueError for a width or dropout out of range.
    """
    check_whole("width", width, 1, hint="The desk-scale net of the lessons uses 16.")
    hint = "0 leaves it out; 0.5 is a strong one."
    check_within("dropout", dropout, 0, 1, ends="[)", hint=hint)

    def build():
        layers = [*_halving_block(3, width, norm), *_halving_block(width, 2 * width, norm)]
        layers += _halving_block(2 * width, 4 * width, norm)
        head = [nn.Linear(4 * width * 16, num_classes, bias=not norm)] + ([Times(1 / 8)] if norm else [])
        drop = [nn.Dropout(dropout)] if dropout else []
        return nn.Sequential(*layers, nn.Flatten(), *drop, *head)

    return seeded(build, seed)


def mlp(hidden: tuple[int, ...] = (256, 128), num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """A multi-layer perceptron on the flattened pixels: fully connected layers with ReLU between them."""

    def build():
        sizes = (3 * 32 * 32, *hidden)
        layers = [nn.Flatten()]
        for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))

    return seeded(build, seed)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them (He et al. 2015, arXiv 1512.03385).

    Where the shape changes the shortcut takes every second pixel and pads new channels with zeros: their option A,
    which has no parameters.
    """

    def __init__(self, cin: int, cout: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.stride, self.extra = stride, cout - cin

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.stride != 1 or self.extra:
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))
        return torch.relu(out + x)


def cifar_resnet(depth: int, num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """The CIFAR ResNet of He et al. 2015, section 4.2: depth = 6 n + 2, widths 16, 32, 64."""
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ValueError(f"depth must be 6 n + 2 (8, 20, 56, ...), got {depth}.")

    def build():
        layers, cin = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)], 16
        for cout in (16, 32, 64):
            for i in range(blocks):
                layers.append(BasicBlock(cin, cout, stride=2 if i == 0 and cout > 16 else 1))
                cin = cout
        net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes))
        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)  # He initialisation, as in the paper
        return net

    return seeded(build, seed)


def resnet20(num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """CIFAR ResNet with three blocks a stage: 0.27 M parameters."""
    return cifar_resnet(20, num_classes, seed)
