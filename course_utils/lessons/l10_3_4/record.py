"""Table 10.3.4: what twelve switches of a fine-tuning do, on two tasks, for 5, 20 and 80 images a class.

**desk**: 44 runs in each of six cells, rows of an orthogonal design of 48: a Hadamard matrix of order 24 and its mirror
image (Plackett and Burman 1946). Every switch is on in half of the runs, any two together in a quarter, and no main
effect is mixed up with an interaction of two; two more columns choose the seed (0 to 3: which images, which order).
**pair**: the base, and with one switch on, seeds 10 to 12. **long**: four times the updates. **rate**: tries of a rate.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from course_utils.runs import Run

TASKS, PER_CLASS = ("objects", "angles"), (5, 20, 80)
UPDATES = {5: 30, 20: 30, 80: 50}  # at 80 a class one pass over the images
LONG, TEST = 120, 500
PAIRS = {
    ("objects", 5): ("", "dropout", "deep head", "deep head+dropout", "decay", "norm", "mixup", "randaug", "pull"),
    ("objects", 20): ("", "mixup", "randaug", "decay"),
    ("objects", 80): ("", "mixup", "randaug", "decay"),
    ("angles", 20): ("", "randaug"),
}
ALL = (("objects", 20), ("angles", 20))  # with all eight stages learning, too: dear
LONG_PAIRS = ((20, ""), (20, "mixup"), (20, "randaug"), (5, "deep head"), (5, "deep head+dropout"))
PAIR_SEEDS = LONG_SEEDS = range(10, 13)
TRIES, TRY_SEED = (1e-3, 3e-3), 30
POINTS, ROWS = 10, (*range(37), *range(41, 48))  # of the design's 48, those that were run


def hadamard24() -> np.ndarray:
    """Paley's matrix of order 24, entries +-1, rows and columns orthogonal."""
    squares = {k * k % 23 for k in range(1, 23)}
    sign = np.array([0] + [1 if k in squares else -1 for k in range(1, 23)])
    skew = np.zeros((24, 24), int)
    skew[0, 1:], skew[1:, 0] = 1, -1
    skew[1:, 1:] = [[sign[(i - j) % 23] for j in range(23)] for i in range(23)]
    return skew + np.eye(24, dtype=int)


def design(task: str, per_class: int) -> list[tuple[str, int]]:
    """48 x (switches that are on, joined by "+"; seed): a design of its own for each cell."""
    from course_utils.lessons.l10_3_4.switches import SWITCHES

    rng, names = np.random.RandomState([TASKS.index(task), per_class]), list(SWITCHES)
    half = hadamard24()[rng.permutation(24)][:, rng.permutation(24)[: len(names) + 2]]
    rows = np.stack([half, -half], 1).reshape(48, -1)  # a row and its mirror image, one after the other
    return [
        ("+".join(name for name, sign in zip(names, row, strict=False) if sign > 0), 2 * (row[-2] > 0) + (row[-1] > 0))
        for row in rows
    ]


def jobs() -> list[dict]:
    """One dict of settings a run; the cells take turns, so that a shorter recording is balanced, too."""
    designs = {(task, n): design(task, n) for n in PER_CLASS for task in TASKS}
    plan = [_job("desk", *cell, *rows[k]) for k in ROWS for cell, rows in designs.items()]
    long = [_job("long", "objects", n, on, seed, updates=LONG) for seed in LONG_SEEDS for n, on in LONG_PAIRS]
    lrs = [(n, on, lr) for n in PER_CLASS for on in ("", "head start") for lr in TRIES]
    order, share = (
        [_job("rate", "objects", n, on, TRY_SEED, lr=lr) for n, on, lr in lrs],
        -(-len(plan) // len(PAIR_SEEDS)),
    )
    for k, seed in enumerate(PAIR_SEEDS):
        order += [_job("pair", *cell, on, seed) for cell, switches in PAIRS.items() for on in switches]
        order += [_job("pair", *cell, "", seed, learn=8) for cell in ALL]
        order += plan[k * share : (k + 1) * share]
    return order + long


def _job(kind: str, task: str, per_class: int, on: str, seed: int, **more) -> dict:
    usual = dict(updates=UPDATES[per_class], lr=1e-3, learn=4)
    return {**dict(kind=kind, task=task, per_class=per_class, on=on, seed=int(seed)), **usual, **more}


MEMORY: dict = {}


def run_one(job: dict) -> Run:
    """Train with the settings `job`; a try at a rate is validated, not tested."""
    from course_utils.lessons.l10_3_4.switches import SIZE, tune

    pool = _pool(job["task"])
    few, choosing = pool.few(job["per_class"], job["seed"]), job["kind"] == "rate"
    few = replace(few, test=pool.val) if choosing else few
    plan = {key: job[key] for key in ("updates", "seed", "lr", "learn")}
    on = [name for name in job["on"].split("+") if name]
    run = tune(few, on, config={"size": SIZE, **job}, memory=None if choosing else MEMORY, **plan)[0]
    if choosing:
        run.val, run.test = [(job["updates"], *run.test)], None
    return run


@cache
def _pool(name: str):
    from course_utils.transfer.tasks import task

    return task(name, train=2_000, val=500, test=TEST, quiet=True)
