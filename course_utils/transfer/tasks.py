"""Small tasks to transfer to, all of the same form: some like ImageNet, some nothing like it.

objects = task("objects", train=2_000)      # CIFAR-10: photographs of things, as ImageNet has them
few = objects.few(5, seed=0)                # five images a class to learn from; the same test set
few.seen_by(net)                            # for `train`: batches as the backbone wants them
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from course_utils.checks import check_whole
from course_utils.data.batches import ImageBatches
from course_utils.data.cifar import cifar10
from course_utils.data.readers import channel_statistics
from course_utils.data.splits import SPLITS, Data, Split
from course_utils.transfer import drawn_tasks

MOST = 20_000  # drawn images of one part


@dataclass(frozen=True)
class Known:
    """What is known about a task. similar: to ImageNet; grey: its three colours are equal; flips: mirroring an image
    keeps its class; pad: pixels that a random crop may shift it."""

    what: str
    similar: bool
    grey: bool = False
    flips: bool = False
    pad: int = 2


TASKS = {
    "objects": Known("photographs of ten kinds of things (CIFAR-10)", similar=True, flips=True, pad=4),
    "digits": Known("handwritten digits, 8 x 8 pixels (scikit-learn)", similar=False, grey=True, pad=1),
    "counts": Known("how many dots, 1 to 10, on a textured ground (drawn)", similar=False, flips=True),
    "angles": Known("the angle of a bar, in steps of 18 degrees (drawn)", similar=False),
    "sounds": Known("the spectrogram of ten kinds of sound (synthesised)", similar=False, grey=True),
}


@dataclass(kw_only=True)
class TransferTask(Data):
    """A pool to learn from, images to choose by, and a fixed test set; goes into `train` as `cifar10()` does.

    Images are uint8 [N, 3, H, W]. is_real: False for stand-ins in place of photographs (drawn tasks are what they say
    they are). view: uint8 images -> what the model wants; None: normalised by mean and std.
    """

    name: str
    known: Known
    view: Callable | None = None

    @property
    def similar(self) -> bool:
        return self.known.similar

    def few(self, per_class: int, seed: int = 0) -> TransferTask:
        """The same task with `per_class` training images of each class; the seed chooses which.

        Of one seed they are nested: the first 5 of a class are among its 10. Raises ValueError for a class that has
        none, or fewer than asked.
        """
        rows = self.chosen(check_whole("per_class", per_class, 1), check_whole("seed", seed, 0, 2**32 - 1))
        return replace(self, train=Split(self.train.inputs[rows], self.train.labels[rows]))

    def chosen(self, per_class: int, seed: int) -> torch.Tensor:
        """The positions in `train` of the images that `few` takes, int64: to pick rows of features computed before."""
        order = torch.from_numpy(np.random.RandomState([seed, 7]).permutation(len(self.train)))
        shuffled, rows = self.train.labels[order], []
        for label, name in enumerate(self.classes):
            images = order[shuffled == label]
            if len(images) < per_class:
                raise ValueError(
                    f"class {name!r} of {self.name!r} has {len(images)} training images, {per_class} were asked for. "
                    + ("Take fewer, or a larger pool: task(..., train=...)." if len(images) else "It is empty.")
                )
            rows.append(images[:per_class])
        return torch.stack(rows, 1).ravel()  # each class in turn: any beginning is balanced

    def seen_by(self, backbone) -> TransferTask:
        """The same task with its images prepared for a backbone (see `Backbone.prepare`)."""
        return replace(self, view=backbone.prepare)

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> TaskBatches:
        """The training batches of one run. Augmented: shifted a little, and mirrored where that keeps the class."""
        return TaskBatches(self, batch_size, seed=seed, augment=augment, device=device)

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 images as the model wants them: the backbone's way after `seen_by`, else normalised and at least
        32 x 32 pixels (smaller ones enlarged by whole pixels)."""
        if self.view is not None:
            return self.view(images)
        x = super().prepare(images)
        times = -(-32 // x.shape[-1])
        return x.repeat_interleave(times, 2).repeat_interleave(times, 3) if times > 1 else x

    def pixels(self, split: Split) -> np.ndarray:
        """The raw pixels of a split, uint8 [N, colours * H * W]; one colour where the three are equal."""
        images = split.inputs[:, :1] if self.known.grey else split.inputs
        return images.reshape(len(images), -1).cpu().numpy()


class TaskBatches(ImageBatches):
    """Batches of a task: cut and mirrored as bytes, then prepared as the task says."""

    def __init__(self, task: TransferTask, batch_size: int, *, seed: int, augment: bool, device):
        as_they_are = dict(mean=(0.0,) * 3, std=(1 / 255,) * 3)  # the pixels stay whole numbers
        how = dict(seed=seed, augment=augment, pad=task.known.pad, device=device)
        super().__init__(task.train.inputs, task.train.labels, batch_size, **as_they_are, **how)
        self.augment = augment and task.known.flips
        self.prepare = task.prepare

    def cut(self, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = super().cut(part)
        return self.prepare(images.round().to(torch.uint8)), labels


def task(name: str, *, train=None, val=None, test=None, seed: int = 0, quiet: bool = False) -> TransferTask:
    """One of `TASKS`, class-balanced (the digits nearly).

    train, val, test: images of each part; None means 2,000, 1,000, 1,000 (digits: all, 1,000, 297, 500). Smaller sets
    are the beginnings of larger ones. seed: which images go where, and how they are drawn; keep 0 to compare with the
    records. quiet: no word where photographs are not to be had and stand-ins take their place.
    Raises ValueError for an unknown name or a size out of range.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}: choose {', '.join(TASKS)}.")
    usual = (1_000, 297, 500) if name == "digits" else (2_000, 1_000, 1_000)
    most = {"objects": (45_000, 5_000, 10_000), "digits": usual}.get(name, (MOST,) * 3)
    given = [default if size is None else size for size, default in zip((train, val, test), usual, strict=True)]
    parts = zip(SPLITS, given, most, strict=True)
    sizes = tuple(check_whole(part, size, 1, limit, of=f"{name} images") for part, size, limit in parts)
    if name == "objects":
        data = cifar10(*sizes, seed=seed, quiet=quiet)
        return TransferTask(**vars(data), name=name, known=TASKS[name])
    splits, classes, source = _digits(sizes, seed) if name == "digits" else _drawn(name, sizes, seed)
    statistics = channel_statistics(splits[0].inputs.numpy())
    return TransferTask(*splits, classes, source, True, *statistics, name=name, known=TASKS[name])


def _digits(sizes, seed) -> tuple[list[Split], tuple[str, ...], str]:
    """1797 digits of UCI's optical recognition set (Alpaydin and Kaynak 1998), as scikit-learn ships them."""
    from sklearn.datasets import load_digits

    stored = load_digits()
    order = np.random.RandomState(seed).permutation(len(stored.target))
    grey = torch.from_numpy(np.round(stored.images[order] * (255 / 16)).astype(np.uint8))
    images, labels = grey[:, None].expand(-1, 3, -1, -1).contiguous(), torch.from_numpy(stored.target[order]).long()
    begins = (0, 1_000, 1_297)
    splits = [Split(images[b : b + n], labels[b : b + n]) for b, n in zip(begins, sizes, strict=True)]
    return splits, tuple("0123456789"), "scikit-learn's digits"


@lru_cache(maxsize=4)
def _drawn(name, sizes, seed) -> tuple[list[Split], tuple[str, ...], str]:
    parts = [drawn_tasks.draw(name, n, seed, stream) for stream, n in enumerate(sizes)]
    splits = [Split(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in parts]
    return splits, getattr(drawn_tasks, name.upper()), f"drawn {name}"
