"""Wrong labels on purpose: what a careless collection of images looks like to the network that trains on it."""

from __future__ import annotations

from dataclasses import replace

import torch

from course_utils.checks import check_within
from course_utils.data.splits import Data, Split


def with_wrong_labels(data: Data, share: float, seed: int = 0) -> Data:
    """A copy of `data` in which `share` (0 to 1) of the *training* labels are wrong: each a random other class.

    Which ones is drawn from `seed`. Validation and test labels stay right, and the images are shared, not copied.
    Raises ValueError for a share outside 0 ... 1.
    """
    check_within("share", share, 0, 1, hint="It is the part of the training labels to make wrong.")
    labels, classes = data.train.labels.clone(), len(data.classes)
    draw = torch.Generator().manual_seed(seed)
    which = torch.randperm(len(labels), generator=draw)[: round(share * len(labels))]
    away = torch.randint(1, classes, (len(which),), generator=draw)  # 1 ... 9 classes further: never the right one
    labels[which] = (labels[which] + away) % classes
    return replace(data, train=Split(data.train.inputs, labels))
