"""Two more tasks out of the photographs of another: some of its classes only, and where a photograph lies.

five = part_of(task("objects"), (0, 3, 5, 7, 8))   # these classes, numbered anew
where = scenes(task("objects"))                    # labels are places; for a loop with a loss of its own
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn.functional import avg_pool2d, interpolate

from course_utils.data.splits import SPLITS, Split
from course_utils.transfer.tasks import TransferTask

NEAR = 2 / 8  # a hit lies within two pixels, across and down; 8 pixels are 1


def part_of(photographs: TransferTask, classes: tuple[int, ...]) -> TransferTask:
    """Only these classes, numbered anew from 0."""
    number = torch.full((len(photographs.classes),), -1)
    number[list(classes)] = torch.arange(len(classes))

    def of(split: Split) -> Split:
        labels = number[split.labels]
        return Split(split.inputs[labels >= 0], labels[labels >= 0])

    parts = {name: of(getattr(photographs, name)) for name in SPLITS}
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
    for k, name in enumerate(SPLITS):
        images = getattr(photographs, name).inputs
        at = torch.randint(0, 17, (len(images), 2), generator=torch.Generator().manual_seed(77 + k))
        ground = avg_pool2d(images.roll(1, 0).float(), 8)
        picture = interpolate(ground, size=(32, 32), mode="bilinear", align_corners=False)
        tiles = avg_pool2d(images.float(), 2)
        for i, (x, y) in enumerate(at.tolist()):
            picture[i, :, y : y + 16, x : x + 16] = tiles[i]
        parts[name] = Split(picture.round().clamp(0, 255).to(torch.uint8), at.float() / 8 - 1)
    return Scenes(**{**vars(photographs), **parts, "name": "where", "classes": ("across", "down")})
