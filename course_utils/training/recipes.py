"""What most recorded runs are made of: optimizers, the schedules by name, the rates that are tried, the usual run."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from course_utils import schedules
from course_utils.runs import Run

HALF_DECADES = [round(10 ** (k / 2), 6) for k in range(-8, 3)]  # 1e-4 ... 10: eleven rates, two a decade
PEAKS = [round(10 ** (k / 2), 6) for k in range(-4, 2)]  # 0.01 ... 3.16: six peak rates
SEEDS = [0, 1, 2]
OPTIMIZERS = ["sgd", "sgd+momentum", "adagrad", "rmsprop", "adam", "adamw"]
# Named shapes at a given peak rate and number of updates T: name -> function(peak, T) -> schedule.
SHAPES: dict[str, Callable] = {
    "constant": lambda peak, T: partial(schedules.constant, peak=peak),
    "cosine": lambda peak, T: partial(schedules.cosine, peak=peak, T=T),
    "linear": lambda peak, T: partial(schedules.linear, peak=peak, T=T),
    "inverse sqrt": lambda peak, T: partial(schedules.inverse_sqrt, peak=peak),
    "inverse sqrt, warm-up": lambda peak, T: partial(schedules.inverse_sqrt, peak=peak, warmup=max(1, T // 20)),
    "one cycle": lambda peak, T: partial(schedules.one_cycle, peak=peak, T=T),
    "range test": lambda peak, T: partial(schedules.exponential, start=peak / 1e5, end=peak, T=T),
    "step": lambda peak, T: drops(peak, T, (0.5, 0.75, 0.9)),
    "step, one drop": lambda peak, T: drops(peak, T, (0.75,)),
    "step, early": lambda peak, T: drops(peak, T, (0.1, 0.2, 0.3)),
    "step, late": lambda peak, T: drops(peak, T, (0.9, 0.95, 0.98)),
    "step, factor 0.5": lambda peak, T: drops(peak, T, (0.5, 0.75, 0.9), 0.5),
    "step, factor 0.01": lambda peak, T: drops(peak, T, (0.5, 0.75, 0.9), 0.01),
    "cosine, T twice too long": lambda peak, T: partial(schedules.cosine, peak=peak, T=2 * T),
    "cosine, T half as long": lambda peak, T: partial(schedules.cosine, peak=peak, T=T / 2),
    "cosine, once an epoch": lambda peak, T: partial(
        schedules.staircase, schedule=partial(schedules.cosine, peak=peak, T=T), every=T / 8
    ),
    "cosine, climbing again": lambda peak, T: partial(climbing_cosine, peak=peak, T=T / 2),
}


def climbing_cosine(t: float, *, peak: float, T: float) -> float:
    """What torch's CosineAnnealingLR(T_max=T) does: past T it climbs back to the peak at 2 T."""
    return schedules.cosine(abs((t + T) % (2 * T) - T), peak=peak, T=T)


def drops(peak: float, T: float, shares, factor: float = 0.1):
    """Step decay with milestones given as shares of T."""
    return partial(schedules.step_decay, peak=peak, milestones=[share * T for share in shares], factor=factor)


def make_optimizer(name: str, model, lr: float, **more):
    """The six optimizers of lesson 10.1.1 with PyTorch's defaults (momentum 0.9 where it says so).

    more: weight_decay, for example.
    """
    import torch

    kinds = {
        "sgd": torch.optim.SGD,
        "sgd+momentum": partial(torch.optim.SGD, momentum=0.9),
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return kinds[name](model.parameters(), lr=lr, **more)


@lru_cache(maxsize=1)
def images(train: int | None = 10_000, val: int | None = 2_000):
    """CIFAR-10 for runs that are recorded, with all 10,000 test images: `run.test` is measured on them."""
    from course_utils.data.cifar import cifar10

    return cifar10(train=train, val=val, test=None, quiet=True)


def usual_job(schedule: str, lr: float, seed: int, **more) -> dict:
    """Settings of SGD with momentum on the desk-scale net with BatchNorm, which most recordings share."""
    usual = dict(optimizer="sgd+momentum", schedule=schedule, lr=lr, seed=seed, epochs=8, norm=True, weight_decay=5e-4)
    return {**usual, **more}


def at_full_scale(job: dict) -> dict:
    """The settings of a usual run, for a GPU: all images, ResNet-20, 30 epochs."""
    return {**job, "scale": "full", "epochs": 30, "model": "resnet20", "batch_size": 128}


def fit_job(
    job: dict, model, data, optimizer, schedule, *, test: bool = True, facts: dict | None = None, **more
) -> Run:
    """`fit(...)` with the updates, batch size and seed of `job`, which all goes into the record.

    test: measure the accuracy on the test images afterwards, `run.test`. facts: for the record beside the job. more:
    further arguments of `fit`, before those of the job.
    """
    from course_utils.training.loop import evaluate, fit

    plan = {key: job[key] for key in ("updates", "batch_size", "seed") if key in job} | more
    run = fit(model, data, optimizer, schedule, config={"scale": "desk", **job, **(facts or {})}, **plan)
    if test:
        run.test = evaluate(model, data, "test", more.get("compute"))
    return run


def usual_run(job: dict) -> Run:
    """Train with the settings `job`; the accuracy on all test images is in `run.test`.

    optimizer: a name of `make_optimizer`. schedule: one of SHAPES; lr: its peak. seed, epochs: whole numbers. Optional:
    weight_decay; share: of the updates in these epochs that are made (1); model (the small conv net; norm: with
    BatchNorm) and batch_size (64); scale: "desk" or "full".
    """
    from course_utils.training import models
    from course_utils.training.scale import SCALES

    scale = SCALES[job.get("scale", "desk")]
    data = images(scale.train, scale.val)
    job = {"model": scale.model.__name__, "batch_size": scale.batch_size, "scale": scale.name, **job}
    build = getattr(models, job["model"])
    norm = {"norm": job["norm"]} if build is models.small_conv_net else {}
    decay = {"weight_decay": job["weight_decay"]} if "weight_decay" in job else {}
    model = build(seed=job["seed"], **norm)
    optimizer = make_optimizer(job["optimizer"], model, job["lr"], **decay)
    updates = round(job.get("share", 1) * job["epochs"] * (len(data.train) // job["batch_size"]))
    schedule = SHAPES[job["schedule"]](job["lr"], updates)
    momentum = partial(schedules.one_cycle_momentum, T=updates) if job["schedule"] == "one cycle" else None
    return fit_job(job, model, data, optimizer, schedule, momentum=momentum, updates=updates)
