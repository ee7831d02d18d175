"""The two objectives of appendix A1: a short training, and the same looked up in a table of recorded ones."""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np

USUAL = dict(images=4_000, val=2_000, epochs=2, batch_size=32, dropout=0.0, weight_decay=5e-4)


def short_training(settings: dict, seed: int):
    """Train a small conv net for a moment; yields its Run after each epoch but the last, and returns it.

    The trial of lesson 10.2.1 and its recorded table: SGD with momentum 0.9, cosine decay to 0. settings: lr, and what
    is not as in USUAL (images to train on, images to validate on, ...). ValueError for a name that is not there.
    """
    import torch

    from course_utils.schedules import cosine
    from course_utils.training.loop import train
    from course_utils.training.models import small_conv_net

    if unknown := set(settings) - {"lr", *USUAL}:
        raise ValueError(f"short_training has no {', '.join(sorted(unknown))}; it has lr, {', '.join(USUAL)}.")
    chosen = {**USUAL, **settings}
    data, batch_size = _images(chosen["images"], chosen["val"]), chosen["batch_size"]
    model = small_conv_net(dropout=chosen["dropout"], seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=chosen["lr"], momentum=0.9, weight_decay=chosen["weight_decay"])
    per_epoch = len(data.train) // batch_size
    T = chosen["epochs"] * per_epoch
    torch.manual_seed(seed)  # which features dropout leaves out
    how = dict(updates=T, batch_size=batch_size, seed=seed, validate_every=per_epoch)
    how["config"] = {"model": "small_conv_net", "dropout": chosen["dropout"]}
    for step in train(model, data, optimizer, partial(cosine, peak=chosen["lr"], T=T), **how):
        if step.validated and step.t < T:
            yield step.run
    return step.run


@lru_cache(maxsize=1)
def _images(images: int, val: int):
    from course_utils.data.cifar import cifar10

    return cifar10(train=images, val=val, quiet=True)


class RecordedTrials:
    """Accuracy of the nearest recorded setting: a search over real trainings that costs no time.

    runs: with "lr", "weight_decay", "dropout" and "batch_size" in their config. Distance: in decades for the first two,
    in tenths for dropout, in doublings for the batch size.
    """

    def __init__(self, runs):
        runs = list(runs)
        if not runs:
            raise ValueError("there are no recorded runs to look up.")
        names = ("lr", "weight_decay", "dropout", "batch_size")
        self.places = np.array([self._place(*(run.config[name] for name in names)) for run in runs])
        self.accuracies = [run.final_accuracy for run in runs]

    @staticmethod
    def _place(lr, weight_decay, dropout, batch_size) -> list[float]:
        return [math.log10(lr), math.log10(weight_decay), 10 * dropout, math.log2(batch_size)]

    def __call__(self, lr: float, weight_decay: float, dropout: float = 0.0, batch_size: float = 32) -> float:
        """Accuracy in [0, 1] of the recorded run nearest to these settings (the first of equals)."""
        for name, value in (("lr", lr), ("weight_decay", weight_decay), ("batch_size", batch_size)):
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}.")
        away = self.places - self._place(lr, weight_decay, dropout, batch_size)
        return self.accuracies[int((away * away).sum(1).argmin())]
