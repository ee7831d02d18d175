"""Table 10.2.6: nets whose weights are averages of one training's iterates, each measured on all test images.

Trainings at several rates, seed 20, choose the rates on validation. The other seeds report: many averages, with
BatchNorm's statistics copied, averaged or measured anew. Jobs of one training stand together: its iterates are kept
until the next one is asked for.
"""

from __future__ import annotations

from functools import lru_cache

from course_utils.lessons.l10_2_6 import profiles
from course_utils.lessons.l10_2_6.iterates import Iterates, collect
from course_utils.runs import Run
from course_utils.training.recipes import SHAPES, images, make_optimizer

CHOOSING, REPORTING = (20,), (5, 6, 7)
RATES = {"constant": (0.03, 0.1, 0.3), "cosine": (0.1, 0.3, 1.0)}
CHOSEN = {"constant": 0.1, "cosine": 0.3}
ALPHAS = (0.9, 0.99, 0.995, 0.999)
SHARES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
SIGMAS = (0.05, 0.1)
EXPONENTIAL = ("exponential", "from a copy")  # debiased; as torch's AveragedModel begins
STATISTICS = ("copied", "averaged", "recalibrated")
WINDOW = 0.08
POINTS = 8


def jobs() -> list[dict]:
    """One dict of settings a net: `average` and `value` say which iterates count, `statistics` what BatchNorm gets."""
    few = [("none", 0.0, "copied"), ("none", 0.0, "recalibrated"), ("window", WINDOW, "recalibrated")]
    every = [(kind, alpha, which) for kind in EXPONENTIAL for alpha in ALPHAS for which in STATISTICS]
    every += [("window", share, which) for share in SHARES for which in STATISTICS[::2]]
    every += [("window", WINDOW, "averaged")] + [("power", sigma, "recalibrated") for sigma in SIGMAS]
    plain = [("none", 0.0, "recalibrated, plain images"), ("window", WINDOW, "recalibrated, plain images")]
    trainings = [(s, lr, seed, 8, few) for s, rates in RATES.items() for lr in rates for seed in CHOOSING]
    trainings += [(s, lr, seed, 8, few[:2] + every + plain) for seed in REPORTING for s, lr in CHOSEN.items()]
    return [
        dict(schedule=s, lr=lr, seed=seed, epochs=epochs, average=kind, value=value, statistics=which)
        for s, lr, seed, epochs, nets in trainings
        for kind, value, which in nets
    ]


@lru_cache(maxsize=1)
def iterates_of(schedule: str, lr: float, seed: int, epochs: int) -> Iterates:
    """Train the desk net as usual and keep every iterate."""
    from course_utils.training import small_conv_net, train

    data, model = images(), small_conv_net(seed=seed)
    optimizer = make_optimizer("sgd+momentum", model, lr, weight_decay=5e-4)
    T = epochs * (len(data.train) // 64)
    facts = {"model": "small_conv_net", "peak": lr}
    steps = train(
        model,
        data,
        optimizer,
        SHAPES[schedule](lr, T),
        updates=T,
        batch_size=64,
        seed=seed,
        validate_every=T,
        config=facts,
    )
    return collect(steps, model, T)


def profile_of(T: int, average: str, value: float):
    """The weight profile of a job."""
    makers = {
        "none": lambda: profiles.last(T),
        "exponential": lambda: profiles.exponential_profile(T, value),
        "from a copy": lambda: profiles.exponential_profile(T, value, debias=False),
        "window": lambda: profiles.window_profile(T, value),
        "power": lambda: profiles.power_profile(T, profiles.gamma_of(value)),
    }
    return makers[average]()


def run_one(job: dict) -> Run:
    """Put the average together and measure it on validation and test images."""
    from course_utils.training import evaluate

    iterates = iterates_of(*(job[key] for key in ("schedule", "lr", "seed", "epochs")))
    statistics, _, plain = job["statistics"].partition(", plain")
    row = profile_of(iterates.T, job["average"], job["value"])
    net = iterates.net(row, statistics, images(), augment=not plain)
    trained = iterates.run
    facts = dict(source=trained.source, device=trained.device, dtype=trained.dtype, versions=trained.versions)
    run = Run(config={**trained.config, "scale": "desk", **job}, seed=job["seed"], status="finished", **facts)
    run.val, run.test = [(iterates.T, *evaluate(net, images(), "val"))], evaluate(net, images(), "test")
    return run
