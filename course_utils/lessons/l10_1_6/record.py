"""Table 10.1.6: does Adam need a schedule, too? AdamW's weight decay makes lr * decay what it is for SGD."""

from __future__ import annotations

from course_utils.training.recipes import HALF_DECADES, SEEDS, usual_job
from course_utils.training.recipes import usual_run as run_one

__all__ = ["jobs", "run_one"]


def jobs() -> list[dict]:
    """One dict of settings a run."""
    return [
        usual_job(schedule, lr, seed, optimizer=optimizer, weight_decay=decay)
        for seed in SEEDS
        for optimizer, decay in (("adam", 0.0), ("adamw", 0.05))
        for schedule in ("constant", "cosine")
        for lr in HALF_DECADES[2:6]
    ]
