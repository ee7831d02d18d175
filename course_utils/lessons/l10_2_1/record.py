"""Table 10.2.1, also read by lesson 10.2.2: every combination of four hyper-parameters, trained twice.

A trial is short (4,000 images, two epochs, cosine decay), because a search needs many. Seed 0 is what a search may look
at; seed 1 is the same setting trained again, which tells how much of a winner's lead was luck. The validation images
are the same for all of them. `run.test` is measured on all test images: no search may look at it, and it says what the
setting that was chosen is worth.
"""

from __future__ import annotations

from functools import partial

from course_utils.runs import Run
from course_utils.training.recipes import fit_job, images, make_optimizer

RATES = [round(10 ** (k / 4), 6) for k in range(-12, 3)]  # 1e-3 ... 3.16: fifteen learning rates, four a decade
DECAYS = [round(10 ** (k / 2), 9) for k in range(-10, -1)]  # 1e-5 ... 1e-1: nine weight decays, two a decade
DROPOUTS = [0.0, 0.25, 0.5]
BATCH_SIZES = [32, 128]
SEEDS = [0, 1]
IMAGES, EPOCHS = 4_000, 2
POINTS = 8


def jobs() -> list[dict]:
    """One dict of settings a run: all combinations, first of seed 0, then of seed 1."""
    return [
        dict(
            lr=lr,
            weight_decay=decay,
            dropout=dropout,
            batch_size=batch_size,
            seed=seed,
            epochs=EPOCHS,
            images=IMAGES,
            trial="conv net",
        )
        for seed in SEEDS
        for dropout in DROPOUTS
        for batch_size in BATCH_SIZES
        for decay in DECAYS
        for lr in RATES
    ]


def run_one(job: dict) -> Run:
    """Train the small conv net for a short while."""
    import torch

    from course_utils.schedules import cosine
    from course_utils.training.models import small_conv_net

    data = images(train=job["images"])
    model = small_conv_net(dropout=job["dropout"], seed=job["seed"])
    optimizer = make_optimizer("sgd+momentum", model, job["lr"], weight_decay=job["weight_decay"])
    updates = job["epochs"] * (len(data.train) // job["batch_size"])
    schedule, facts = partial(cosine, peak=job["lr"], T=updates), {"model": "small_conv_net"}
    torch.manual_seed(job["seed"])  # which features dropout leaves out
    return fit_job(job, model, data, optimizer, schedule, updates=updates, validate_every=updates, facts=facts)
