"""Table 10.2.6-leap: is the leap after a drop of the rate learning, or noise averaged out?

From a run at a constant rate, at half and at three quarters of its updates: the net as it is; with BatchNorm's
statistics measured anew; the average of the iterates so far. Then a tenth of the rate, for a quarter of an epoch and
for a whole one, from the net *and* from the average (both with a fresh momentum); and the same without a drop.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.lessons.l10_2_6.record import WINDOW, iterates_of
from course_utils.runs import Run
from course_utils.schedules import constant
from course_utils.training.recipes import images, make_optimizer

LR = 0.1
ARMS = ("as it is", "recalibrated", "averaged", "drop", "drop from the average", "no drop", "no drop, averaged")
SEEDS = (5, 6, 7, 8)
POINTS = 8


def jobs() -> list[dict]:
    """One dict of settings a net. at: share of the updates when it begins; more: updates made from there on."""
    arms = [(arm, 0) for arm in ARMS[:3]] + [(arm, more) for arm in ARMS[3:] for more in (39, 156)]
    return [
        dict(arm=arm, at=at, more=more, lr=LR, seed=seed, epochs=8)
        for seed in SEEDS
        for at in (0.5, 0.75)
        for arm, more in arms
    ]


def window_until(T: int, t: int) -> np.ndarray:
    """The mean of the last 8 % of T updates before update t, as a profile over all of them."""
    length = round(WINDOW * T)
    return np.eye(T + 1)[t - length + 1 : t + 1].mean(0)


def go_on(net, data, lr: float, t: int, more: int, seed: int):
    """Train a net on for some updates at a fixed rate, with a fresh momentum, on the batches that would have come."""
    from course_utils.training import fit

    net.requires_grad_(True)
    optimizer = make_optimizer("sgd+momentum", net, lr, weight_decay=5e-4)
    how = dict(start=t, updates=t + more, batch_size=64, seed=seed, validate_every=None)
    return fit(net, data, optimizer, partial(constant, peak=lr), **how)


def run_one(job: dict) -> Run:
    """Make the net of an arm and measure it on validation and test images."""
    from course_utils.training import evaluate

    arm, seed, more, data = job["arm"], job["seed"], job["more"], images()
    iterates = iterates_of("constant", LR, seed, job["epochs"])
    t = round(job["at"] * iterates.T)
    end = t if arm.startswith("drop") else t + more
    averaged = "average" in arm
    row = window_until(iterates.T, end) if averaged else np.eye(iterates.T + 1)[end]
    net = iterates.net(row, "recalibrated" if averaged or arm == "recalibrated" else "copied", data)
    facts = {key: getattr(iterates.run, key) for key in ("source", "device", "dtype", "versions")}
    run = go_on(net, data, LR / 10, t, more, seed) if arm.startswith("drop") else Run(seed=seed, **facts)
    run.config, run.status = {**iterates.run.config, "scale": "desk", **job}, "finished"
    run.val, run.test = [(t + more, *evaluate(net, data, "val"))], evaluate(net, data, "test")
    net.requires_grad_(False)
    return run
