"""How big the experiments are: desk scale on a CPU, full scale on a GPU. The cells of a lesson serve both."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from course_utils.training import models
from course_utils.training.compute import Compute, pick


@dataclass(frozen=True)
class Scale:
    """The size of one training run.

    train, val, test: images of each part (None: all of them). epochs: passes over the training images.
    batch_size: images an update. model: seed -> a fresh network.
    """

    name: str
    train: int | None
    val: int | None
    test: int | None
    epochs: int
    batch_size: int
    model: Callable[..., torch.nn.Module]

    @property
    def updates_per_epoch(self) -> int:
        return (self.train or 45_000) // self.batch_size

    @property
    def updates(self) -> int:
        """Updates in one run: T of the schedules."""
        return self.epochs * self.updates_per_epoch


DESK = Scale("desk", 10_000, 2_000, 2_000, epochs=8, batch_size=64, model=models.small_conv_net)
FULL = Scale("full", None, None, None, epochs=30, batch_size=128, model=models.resnet20)
TINY = Scale("tiny", 640, 200, 200, epochs=2, batch_size=64, model=models.small_conv_net)
SCALES = {scale.name: scale for scale in (DESK, FULL, TINY)}


def pick_scale(compute: Compute | None = None) -> Scale:
    """Desk scale on a CPU (10,000 images, a small conv net), full scale on CUDA (all images, ResNet-20).

    The variable COURSE_SCALE overrides: "desk", "full", or "tiny" (a dry run of seconds that proves nothing).
    Raises ValueError for another name.
    """
    wanted = os.environ.get("COURSE_SCALE")
    if wanted and wanted not in SCALES:
        raise ValueError(f"COURSE_SCALE must be one of {', '.join(SCALES)}, got {wanted!r}. Unset it to choose freely.")
    return SCALES[wanted] if wanted else FULL if (compute or pick()).on_gpu else DESK


def expected_seconds(scale: Scale, data, runs: int = 1, compute: Compute | None = None) -> float:
    """How long `runs` trainings will take here, from a probe of 12 updates of the real thing (about a second)."""
    from course_utils.training.loop import train

    model = scale.model(seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    probe = train(model, data, optimizer, updates=12, batch_size=scale.batch_size, validate_every=None, compute=compute)
    for step in probe:
        if step.t == 2:  # the first updates pay for memory and kernel choice
            float(step.loss)
            begin = time.perf_counter()
    float(step.loss)
    return runs * scale.updates * (time.perf_counter() - begin) / 10


def announce(scale: Scale, data, runs: int, compute: Compute | None = None) -> None:
    """Say how much is about to be computed and how long it should take, before it starts."""
    seconds = expected_seconds(scale, data, runs, compute)
    length = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.1f} minutes"
    what = f"{runs} runs of {scale.updates} updates at {scale.name} scale on {data.source}"
    print(f"{what}: about {length} on this machine.")
