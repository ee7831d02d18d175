"""What a study tries: a short training, and the same looked up in a table of recorded ones."""

from __future__ import annotations

import math
from functools import lru_cache, partial

from course_utils.runs import Run
from course_utils.search.plan import facts_of, suggest
from course_utils.search.space import choice, log_uniform, uniform


def short_training(trial) -> float:
    """Train a small conv net for a moment; returns the validation accuracy in [0, 1].

    The trial of lesson 10.2.1 and its recorded table: SGD with momentum 0.9, cosine decay to 0. Tried: any of `space`.
    facts: images (4000), epochs (2), val (2000) images to validate on, seed (0); and where they are not tried:
    batch_size (32), dropout (0), weight_decay (5e-4). Reports the accuracy after each epoch and asks whether to go on.
    """
    import optuna
    import torch

    from course_utils.schedules import cosine
    from course_utils.training.loop import train
    from course_utils.training.models import small_conv_net

    facts = dict(images=4_000, epochs=2, val=2_000, batch_size=32, dropout=0.0, weight_decay=5e-4, seed=0)
    facts |= {**facts_of(trial), **suggest(trial)}
    data, seed = _images(facts["images"], facts["val"]), facts["seed"]
    model = small_conv_net(dropout=facts["dropout"], seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=facts["lr"], momentum=0.9, weight_decay=facts["weight_decay"])
    per_epoch = len(data.train) // facts["batch_size"]
    updates = facts["epochs"] * per_epoch
    torch.manual_seed(seed)  # which features dropout leaves out
    for step in train(model, data, optimizer, partial(cosine, peak=facts["lr"], T=updates), updates=updates,
                      batch_size=facts["batch_size"], seed=seed, validate_every=per_epoch,
                      config={"model": "small_conv_net", "dropout": facts["dropout"]}):  # fmt: skip
        if step.validated:
            trial.report(step.run.final_accuracy, step.t)
            if step.t < updates and not step.run.diverged and trial.should_prune():
                keep(trial, step.run)
                raise optuna.TrialPruned
    keep(trial, step.run)
    return step.run.final_accuracy


short_training.space = {
    "lr": log_uniform(1e-4, 10),
    "weight_decay": log_uniform(1e-6, 1),
    "dropout": uniform(0, 0.9),
    "batch_size": choice(16, 32, 64, 128),
}


@lru_cache(maxsize=1)
def _images(images: int, val: int):
    from course_utils.data.cifar import cifar10

    return cifar10(train=images, val=val, quiet=True)


def keep(trial, run: Run) -> None:
    """Put a run's record, its curves thinned to eight points, into the trial's notes; `runs_of(study)` reads it."""
    trial.set_user_attr("run", run.thinned(8).as_dict())


class RecordedTrials:
    """Accuracy of the nearest recorded setting: a search over real trainings that costs no time.

    runs: with "lr", "weight_decay", "dropout" and "batch_size" in their config. Distance: in decades for the first two,
    in tenths for dropout, in doublings for the batch size.
    """

    def __init__(self, runs):
        import numpy as np

        self.runs = list(runs)
        if not self.runs:
            raise ValueError("there are no recorded runs to look up.")
        self.places = np.array([self._place(**{k: r.config[k] for k in ("lr", "weight_decay", "dropout", "batch_size")})
                                for r in self.runs])  # fmt: skip
        self.accuracies = [run.final_accuracy for run in self.runs]

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
