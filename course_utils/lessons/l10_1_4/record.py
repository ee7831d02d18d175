"""Table 10.1.4: the other schedules over the peak rate; cosine and linear at their best with seven seeds more."""

from __future__ import annotations

from course_utils.training.recipes import PEAKS, SEEDS, usual_job
from course_utils.training.recipes import usual_run as run_one

__all__ = ["jobs", "run_one"]


def jobs() -> list[dict]:
    """One dict of settings a run."""
    peaks = {
        "linear": PEAKS[1:],
        "inverse sqrt": [*PEAKS[3:], 10.0],
        "inverse sqrt, warm-up": PEAKS[2:],
        "one cycle": PEAKS[2:],
    }
    over_peaks = [usual_job(name, lr, seed) for seed in SEEDS for name in peaks for lr in peaks[name]]
    return over_peaks + [usual_job(name, 0.316228, seed) for seed in range(3, 10) for name in ("cosine", "linear")]
