"""Table 10.2.3: forty settings drawn from the lecture's four ranges, each trained for 1, 2, 4 and 8 epochs.

From it searches are played again: whatever a player wants to try is one of these runs. Four more settings are the
lecture's learning-rate sweep. An epoch is 2,000 images here, so that a search of a few thousand updates means
something; every run ends its own cosine. The first 17 settings have their full length once more, with seed 1.
`run.test` is measured on all test images, and no player looks at it.
"""

from __future__ import annotations

from functools import partial

from course_utils.runs import Run
from course_utils.search.space import categorical, log_uniform, random_settings, uniform
from course_utils.training.recipes import fit_job, images, make_optimizer

SPACE = {
    "lr": log_uniform(1e-4, 1e-1),
    "weight_decay": log_uniform(1e-6, 1e-3),
    "dropout": uniform(0.0, 0.6),
    "batch_size": categorical(32, 64, 128),
}
SWEEP = (1e-1, 1e-2, 1e-3, 1e-4)  # with L2 1e-4, no dropout, batches of 64
SETTINGS, TWICE, EPOCHS, IMAGES = 40, 17, (1, 2, 4, 8), 2_000
POINTS = 16


def settings() -> list[dict]:
    """The forty of the pool, then the four of the sweep; numbers rounded to four digits."""
    drawn = random_settings(SPACE, SETTINGS, seed=23)
    short = lambda value: float(f"{value:.4g}") if isinstance(value, float) else value  # noqa: E731
    pool = [{name: short(value) for name, value in setting.items()} | {"part": "pool"} for setting in drawn]
    plain = dict(weight_decay=1e-4, dropout=0.0, batch_size=64, part="sweep")
    return pool + [{"lr": lr, **plain} for lr in SWEEP]


def jobs() -> list[dict]:
    """One dict of settings a run; short ones first."""
    full = [(setting, epochs, 0) for epochs in EPOCHS for setting in settings()]
    full += [(setting, EPOCHS[-1], 1) for setting in settings()[:TWICE]]
    return [{**setting, "epochs": epochs, "seed": seed, "images": IMAGES} for setting, epochs, seed in full]


def run_one(job: dict) -> Run:
    """Train the small conv net with Adam and a cosine of its own."""
    import torch

    from course_utils.schedules import cosine
    from course_utils.training.models import small_conv_net

    data = images(train=job["images"])
    model = small_conv_net(dropout=job["dropout"], seed=job["seed"])
    optimizer = make_optimizer("adam", model, job["lr"], weight_decay=job["weight_decay"])
    updates = job["epochs"] * (len(data.train) // job["batch_size"])
    schedule, facts = partial(cosine, peak=job["lr"], T=updates), {"model": "small_conv_net"}
    torch.manual_seed(job["seed"])  # which features dropout leaves out
    return fit_job(job, model, data, optimizer, schedule, updates=updates, validate_every=updates, facts=facts)
