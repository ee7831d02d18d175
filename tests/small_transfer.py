"""A backbone of three stages and a task of sixty images, for tests of transfer that take milliseconds."""

import torch
from torch import nn

from course_utils.data.splits import Split
from course_utils.transfer.backbones import Backbone, norms
from course_utils.transfer.tasks import TASKS, TransferTask


class SmallBackbone(Backbone):
    """A backbone of three stages in place of the real one: tests take milliseconds."""

    def __init__(self, keep_norm=True):
        torch.manual_seed(0)
        widths = [3, 4, 6, 8]
        stages = [
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in zip(widths, widths[1:], strict=False)
        ]
        super().__init__("efficientnet_lite0", 32, stages, nn.Linear(8, 10), keep_norm)
        for norm in norms(self):  # as if it had seen ImageNet
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 2)
        self.eval()


def small_task(n=60):
    g = torch.Generator().manual_seed(1)
    labels = torch.arange(n) % 3
    images = torch.randint(0, 100, (n, 3, 16, 16), generator=g, dtype=torch.uint8)
    images[:, :, :8] += (60 * labels).view(-1, 1, 1, 1).to(torch.uint8)
    split = Split(images, labels)
    parts = (split, split.take(30), split.take(30))
    known = dict(name="objects", known=TASKS["objects"])
    return TransferTask(*parts, ("a", "b", "c"), "drawn", True, (0.5,) * 3, (0.25,) * 3, **known)
