"""Table 10.1.2-long: step decay that has come to a standstill before each of its three drops, for Figure 10.2.

Four times as long as the usual run, from a rate at which the net soon stops learning, and with gentler drops: after one
by 0.1 this small net has little left to gain from the next. Every update is kept. One run; about a minute on one core.
"""

from __future__ import annotations

from course_utils.runs import Run
from course_utils.training.recipes import drops, fit_job, images, make_optimizer

POINTS = 5_000  # all updates of a run: the noise of single batches is part of the figure
SHARES = (0.25, 0.5, 0.75)  # of the updates, at which the rate drops


def jobs() -> list[dict]:
    """One dict of settings a run."""
    usual = dict(optimizer="sgd+momentum", schedule="step, long", lr=1.0, factor=0.3, weight_decay=5e-4, batch_size=64)
    return [dict(usual, updates=32 * 156, seed=0)]


def run_one(job: dict) -> Run:
    """Train the desk-scale net for 32 epochs of 156 updates."""
    from course_utils.training.models import small_conv_net

    model = small_conv_net(seed=job["seed"])
    optimizer = make_optimizer(job["optimizer"], model, job["lr"], weight_decay=job["weight_decay"])
    return fit_job(job, model, images(), optimizer, drops(job["lr"], job["updates"], SHARES, job["factor"]))
