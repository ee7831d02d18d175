"""The networks of the course, under the names the field gives them. All take images [N, 3, 32, 32] and return
logits [N, num_classes]. `seed` fixes the initial weights without touching PyTorch's global random state."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def _seeded(build: Callable[[], nn.Module], seed: int | None) -> nn.Module:
    if seed is None:
        return build()
    # Weights are drawn on the CPU, so they are the same on every device.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _conv_block(cin: int, cout: int, norm: bool, pool: bool = False) -> list[nn.Module]:
    layers = [nn.Conv2d(cin, cout, 3, padding=1, bias=not norm)]
    layers += [nn.BatchNorm2d(cout)] if norm else []
    layers += [nn.ReLU(inplace=True)]
    return layers + ([nn.MaxPool2d(2)] if pool else [])


def small_conv_net(
    width: int = 16, norm: bool = True, num_classes: int = 10, seed: int | None = None, dropout: float = 0.0
) -> nn.Sequential:
    """Three 3x3 convolutions (width, 2 width, 4 width channels), each halving the image; a linear classifier.

    The logits are scaled by 1/8, as in `resnet9`: BatchNorm feeds the last layer large features, and without
    the scale that layer alone would set the highest learning rate the net can stand. norm=False leaves out
    BatchNorm and scale. dropout: share of the features, in [0, 1), that the classifier does not see in training.
    """
    if width < 1:
        raise ValueError(f"width must be >= 1, got {width}. The desk-scale net of the lessons uses 16.")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout!r}. 0 leaves it out; 0.5 is a strong one.")

    def build():
        layers = _conv_block(3, width, norm, pool=True) + _conv_block(width, 2 * width, norm, pool=True)
        layers += _conv_block(2 * width, 4 * width, norm, pool=True)
        head = [nn.Linear(4 * width * 16, num_classes, bias=not norm)] + ([Scale(1 / 8)] if norm else [])
        drop = [nn.Dropout(dropout)] if dropout else []
        return nn.Sequential(*layers, nn.Flatten(), *drop, *head)

    return _seeded(build, seed)


def mlp(hidden: tuple[int, ...] = (256, 128), num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """A multi-layer perceptron on the flattened pixels: fully connected layers with ReLU between them."""

    def build():
        sizes = (3 * 32 * 32, *hidden)
        layers = [nn.Flatten()]
        for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))

    return _seeded(build, seed)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them (He et al. 2015, arXiv 1512.03385).

    Where the shape changes the shortcut takes every second pixel and pads new channels with zeros: their
    option A, which has no parameters.
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
        layers, cin = _conv_block(3, 16, norm=True), 16
        for cout in (16, 32, 64):
            for i in range(blocks):
                layers.append(BasicBlock(cin, cout, stride=2 if i == 0 and cout > 16 else 1))
                cin = cout
        net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes))
        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)  # He initialisation, as in the paper
        return net

    return _seeded(build, seed)


def resnet8(num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """CIFAR ResNet with one block a stage (0.08 M parameters): a ResNet for a laptop."""
    return cifar_resnet(8, num_classes, seed)


def resnet20(num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """CIFAR ResNet with three blocks a stage (0.27 M parameters)."""
    return cifar_resnet(20, num_classes, seed)


def resnet56(num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """CIFAR ResNet with nine blocks a stage (0.85 M parameters), as in the super-convergence paper."""
    return cifar_resnet(56, num_classes, seed)


class Residual(nn.Module):
    """x + module(x)."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.inner = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.inner(x)


class Scale(nn.Module):
    """Multiply by a constant."""

    def __init__(self, by: float):
        super().__init__()
        self.by = by

    def forward(self, x):
        return x * self.by


def resnet9(num_classes: int = 10, seed: int | None = None) -> nn.Sequential:
    """The nine-layer residual net of David Page's "How to train your ResNet" (2018): 6.6 M parameters, 94 %
    on CIFAR-10 in 24 epochs. The logits are scaled by 1/8, as there."""

    def build():
        def block(cin, cout, pool=False):
            return _conv_block(cin, cout, norm=True, pool=pool)

        return nn.Sequential(
            *block(3, 64),
            *block(64, 128, pool=True),
            Residual(*block(128, 128), *block(128, 128)),
            *block(128, 256, pool=True),
            *block(256, 512, pool=True),
            Residual(*block(512, 512), *block(512, 512)),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(512, num_classes, bias=False),
            Scale(1 / 8),
        )

    return _seeded(build, seed)
