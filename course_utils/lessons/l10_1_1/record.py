"""Table 10.1.1: constant rates with every optimizer, and the decayed rival of the best of them.

No BatchNorm: the net then shows what too high a rate does, down to NaN.
"""

from __future__ import annotations

from course_utils.training.recipes import HALF_DECADES, OPTIMIZERS, SEEDS
from course_utils.training.recipes import usual_run as run_one

__all__ = ["jobs", "run_one"]


def jobs() -> list[dict]:
    """One dict of settings a run."""
    pairs = [(name, "constant") for name in OPTIMIZERS] + [("sgd+momentum", "cosine")]
    return [
        dict(optimizer=optimizer, schedule=schedule, lr=lr, seed=seed, epochs=5, norm=False)
        for seed in SEEDS
        for optimizer, schedule in pairs
        for lr in HALF_DECADES
    ]
