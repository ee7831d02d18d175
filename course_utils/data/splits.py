"""Inputs with labels, in memory: a `Split`, and the `Data` of images that a training draws its batches from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from course_utils.checks import check_whole
from course_utils.data.batches import NOT_ASKED, ImageBatches, normalise

SPLITS = ("train", "val", "test")


@dataclass
class Split:
    """Inputs with their labels, a part of some data: for training, validation or the test.

    inputs: [N, ...]; images uint8 [N, 3, 32, 32], 0..255, texts int64 [N, L], numbers of words, or kept activations.
    labels: int64 [N], the class of each image, or [N, L], the word asked for at each place of a text.
    """

    inputs: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, n: int) -> Split:
        """The first n, 1 <= n <= len; images are class-balanced then too (each class n/10 times, give or take one)."""
        n = check_whole("n", n, 1, len(self), hint="There are no more in this split.")
        return Split(self.inputs[:n], self.labels[:n])

    def parts(self, size: int):
        """(inputs, labels) of `size` after the other, in order; the last part may be smaller."""
        return zip(self.inputs.split(size), self.labels.split(size), strict=True)


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

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> ImageBatches:
        """The training batches of one run (see `ImageBatches`)."""
        how = dict(seed=seed, augment=augment, device=device)
        return ImageBatches(self.train.inputs, self.train.labels, batch_size, self.mean, self.std, **how)

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Images as the model wants them when it is only looked at: normalised, not augmented."""
        return normalise(images, self.mean, self.std)

    def banner(self) -> str:
        """One line for pictures and records that says what the images are."""
        return self.source if self.is_real else f"{self.source}, NOT CIFAR-10"


def split_of(data, name: str):
    """The split of this name; ValueError for a name that is none, or one that these data lack."""
    if isinstance(name, str) and name in SPLITS and getattr(data, name, None) is not None:
        return getattr(data, name)
    names = [n for n in SPLITS if getattr(data, n, None) is not None]
    raise ValueError(f"split must be one of {', '.join(map(repr, names))}, got {name!r}.")


def check_labels(split, name: str) -> tuple[int, bool]:
    """(highest label asked for, does an example ask nothing?) of a split. ValueError where its labels cannot be used.

    They are whole numbers >= 0, one row of them for each input; -100 where nothing is asked.
    """
    labels = split.labels
    if labels.dtype is not torch.int64 or len(split.inputs) != len(labels):
        raise ValueError(
            f"the {name} split has {len(labels)} labels ({str(labels.dtype).removeprefix('torch.')}) for "
            f"{len(split.inputs)} inputs: give each its label, a whole number (int64; labels.long())."
        )
    asked_for = labels != NOT_ASKED
    if not asked_for.any():
        raise ValueError(f"the {name} split asks nothing: it is empty, or all its labels are {NOT_ASKED}.")
    low, high = (int(x) for x in labels[asked_for].aminmax())
    if low < 0:
        raise ValueError(
            f"the {name} split has the label {low}: labels are >= 0, or {NOT_ASKED} where nothing is asked."
        )
    return high, not bool(asked_for.reshape(len(labels), -1).any(1).all())


def check_logits(logits, labels: torch.Tensor, highest: int) -> None:
    """ValueError unless a model's output is one row of logits for each label, with a place for the highest."""
    shape = tuple(getattr(logits, "shape", ()))
    if len(shape) != labels.ndim + 1 or (shape[0], *shape[2:]) != tuple(labels.shape):
        raise ValueError(
            f"the model gives {list(shape) or type(logits).__name__} for labels {list(labels.shape)}: it has to give "
            "one number for each class, [batch, classes]."
        )
    if shape[1] <= highest:
        raise ValueError(f"the model has {shape[1]} outputs, but labels go up to {highest}: {highest + 1} are needed.")


def check_sizes(most: Mapping[str, int], *sizes: int | None) -> tuple[int, ...]:
    """The sizes as whole numbers, None replaced by the most there is; ValueError names one that is out of range.

    most: for each size in turn, its name and its limit.
    """
    return tuple(
        check_whole(name, limit if size is None else size, 1, limit, hint=f"None means all {limit:,}.")
        for (name, limit), size in zip(most.items(), sizes, strict=True)
    )
