"""What a patient's settings do to its network and its data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from course_utils.data.splits import Data, Split
from course_utils.training.models import small_conv_net


@dataclass
class RawValidation(Data):
    """Data whose validation and test images are handed over as 0 ... 1, though training normalises: a common slip."""

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return images.float() / 255


def data_of(job: dict, data: Data) -> Data:
    """The images of a patient (see SOUND in patients.py): fewer, mislabelled, leaked, or wrongly prepared."""
    train = data.train.take(min(job["images"], len(data.train)))
    labels, draw = train.labels.clone(), torch.Generator().manual_seed(job["seed"])
    wrong = torch.randperm(len(labels), generator=draw)[: round(job["wrong_labels"] * len(labels))]
    away = torch.randint(1, len(data.classes), (len(wrong),), generator=draw)  # never the right class
    labels[wrong] = (labels[wrong] + away) % len(data.classes)
    data = replace(data, train=Split(train.inputs, labels))
    if job["validation"] == "not normalised":
        return RawValidation(**vars(data))
    if job["validation"] == "leaked":
        half = len(data.val) // 2
        both = zip((train.inputs, train.labels), (data.val.inputs, data.val.labels), strict=True)
        return replace(data, val=Split(*(torch.cat([a[:half], b[:half]]) for a, b in both)))
    return data


def network_of(job: dict) -> torch.nn.Module:
    """The small conv net of a patient, its weights as PyTorch draws them, times a factor, or by He's rule."""
    model = small_conv_net(width=job["width"], norm=job["norm"], seed=job["seed"])
    draw = torch.Generator().manual_seed(job["seed"])
    with torch.no_grad():
        for weights in (w for w in model.parameters() if w.dim() > 1):
            if job["gain"] == "he":  # variance 2 / fan-in where a ReLU follows, 1 / fan-in in the head (He et al. 2015)
                variance = (2 if weights.dim() == 4 else 1) / weights[0].numel()
                weights.copy_(torch.randn(weights.shape, generator=draw) * variance**0.5)
            else:
                weights.mul_(job["gain"])
    return model
