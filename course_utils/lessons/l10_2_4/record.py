"""Table 10.2.4: every patient of the clinic, untreated and under the treatments that were tried.

A run is known by its settings alone: what cures one patient may be what another is like untreated.
`config` also has lists, one entry a validation: train_accuracy (500 training images), gradient (its norm) and ratio
(layer -> update/weight ratio), the last two averaged over the updates since the validation before.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from course_utils.lessons.l10_2_4.patients import PATIENTS, TRIED, settings
from course_utils.runs import Run
from course_utils.schedules import constant, cosine, step_decay
from course_utils.training.recipes import images, make_optimizer

SEEDS = (0, 1, 2)
POINTS = 52
SHAPES = {
    "constant": lambda lr, T: partial(constant, peak=lr),
    "cosine": lambda lr, T: partial(cosine, peak=lr, T=T),
    "early drop": lambda lr, T: partial(step_decay, peak=lr, milestones=[0.1 * T], factor=0.01),
    "on stall": lambda lr, T: partial(constant, peak=lr),  # and drops by hand, see `drop_on_stall`
}


def jobs() -> list[dict]:
    """One dict of settings a run, each setting once; a seed after the other, untreated patients first."""
    pairs = [(patient, "none") for patient in PATIENTS] + [(p, treatment) for p in PATIENTS for treatment in TRIED[p]]
    chosen = {tuple(job.items()): job for job in (settings(*pair) for pair in pairs)}
    return [dict(seed=seed, **job) for seed in SEEDS for job in chosen.values()]


def run_one(job: dict) -> Run:
    """Train one patient and watch it from all sides."""
    from course_utils.lessons.l10_2_4.illnesses import data_of, network_of
    from course_utils.lessons.l10_2_4.ratios import RatioMeter
    from course_utils.training.loop import evaluate, train

    everything = images(train=10_000, val=1_000)
    data = data_of(job, everything)
    model = network_of(job)
    optimizer = make_optimizer(job["optimizer"], model, job["lr"], weight_decay=job["weight_decay"])
    schedule = SHAPES[job["schedule"]](job["lr"], job["updates"])
    seen = data.train.take(min(500, len(data.train)))
    seen = replace(everything, train=seen)  # prepared as for training, whatever validation does
    meter = RatioMeter(model)
    lists = {"train_accuracy": [], "gradient": [], "ratio": {name: [] for name in meter.names}}
    every, config = max(1, job["updates"] // 8), {**job, "scale": "desk"}
    more = dict(updates=job["updates"], batch_size=64, seed=job["seed"], augment=job["augment"])
    for step in train(model, data, optimizer, schedule, validate_every=every, config=config, **more):
        meter.update()
        if step.validated:
            lists["train_accuracy"].append(evaluate(model, seen, "train")[1])
            ratios, gradient = meter.means()
            lists["gradient"].append(gradient)
            lists["ratio"] = {name: [*curve, ratios[name]] for name, curve in lists["ratio"].items()}
            if job["schedule"] == "on stall":
                drop_on_stall(step)
    run = step.run
    run.config.update(lists)
    run.test = evaluate(model, data, "test")
    return run


def drop_on_stall(step, factor: float = 0.1, patience: int = 2) -> None:
    """Multiply the rate by `factor` when the best validation loss since the last drop is `patience` validations old."""
    drops = [t for t, before, lr in zip(step.run.t[1:], step.run.lr, step.run.lr[1:], strict=False) if lr < before]
    losses = [v[1] for v in step.run.val if not drops or v[0] >= drops[-1]]
    if len(losses) - 1 - losses.index(min(losses)) >= patience:
        step.lr = factor * step.lr
