"""Table 10.1.9: OneCycle, step and cosine with an eighth to half of the updates; OneCycle also with twice as many."""

from __future__ import annotations

from course_utils.training.recipes import PEAKS, SEEDS, usual_job
from course_utils.training.recipes import usual_run as run_one

__all__ = ["jobs", "run_one"]


def jobs() -> list[dict]:
    """One dict of settings a run; share: of the usual number of updates."""
    short = [
        usual_job(name, lr, seed, share=share)
        for seed in SEEDS
        for name in ("one cycle", "step", "cosine")
        for share in (1 / 8, 1 / 3, 1 / 2)
        for lr in PEAKS[2:5]
    ]
    return short + [usual_job("one cycle", lr, seed, share=2) for seed in SEEDS for lr in PEAKS[3:5]]
