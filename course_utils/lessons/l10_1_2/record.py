"""Table 10.1.2: constant, step and cosine over the peak rate; then one change at a time, at the best peak."""

from __future__ import annotations

from course_utils.training.recipes import PEAKS, SEEDS, SHAPES, usual_job
from course_utils.training.recipes import usual_run as run_one

__all__ = ["jobs", "run_one"]


def jobs() -> list[dict]:
    """One dict of settings a run."""
    over_peaks = [(name, lr) for name in ("constant", "step", "cosine") for lr in PEAKS]
    at_best = [(name, 0.316228) for name in SHAPES if name.startswith(("step,", "cosine,"))]
    return [usual_job(name, lr, seed) for seed in SEEDS for name, lr in over_peaks + at_best]
