"""Images with labels, in memory: a `Split`, and the `Data` that a training draws its batches from."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from course_utils.data.augment import Batches, normalise

NOT_ASKED = -100  # the label that PyTorch's cross_entropy passes over


@dataclass
class Split:
    """Some images with labels: `images` uint8 [N, 3, 32, 32], 0..255; `labels` int64 [N], 0..9."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, n: int) -> Split:
        """The first n images, 1 <= n <= len; class-balanced too (each class n/10 times, give or take one)."""
        if not 1 <= n <= len(self):
            raise ValueError(f"n = {n}: this split has {len(self):,} images; take 1 to {len(self):,} of them")
        return Split(self.images[:n], self.labels[:n])

    def parts(self, size: int):
        """(images, labels) of `size` images after the other, in order; the last part may be smaller."""
        return zip(self.images.split(size), self.labels.split(size), strict=True)


@dataclass
class Data:
    """Three splits, what is known about them, and how `train` gets its batches out of them.

    `mean`, `std`: one number per channel (red, green, blue) of images/255, from all official training images.
    `source`: "CIFAR-10", "CIFAR-10 (JPEG copy)" or "stand-in images".
    """

    train: Split
    val: Split
    test: Split
    classes: tuple[str, ...]
    source: str
    is_real: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    counted = "images"  # what a record calls the training examples

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> Batches:
        """The training batches of one run (see `Batches`)."""
        return Batches(self.train.images, self.train.labels, batch_size, self.mean, self.std,
                       seed=seed, augment=augment, device=device)  # fmt: skip

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Images as the model wants them when it is only looked at: normalised, not augmented."""
        return normalise(images, self.mean, self.std)

    def banner(self) -> str:
        """One line for pictures and records that says what the images are."""
        return self.source if self.is_real else f"{self.source}, NOT CIFAR-10"
