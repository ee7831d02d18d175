"""Table 10.1.9-resnet20: super-convergence on the largest net a CPU carries in an hour.

ResNet-20 on 10,000 images: a step baseline of 16 epochs, OneCycle at parts of it. Seed 0 is for choosing OneCycle's
peak, seeds 1 to 3 are the result.
"""

from __future__ import annotations

from course_utils.training.recipes import PEAKS, SEEDS, usual_job
from course_utils.training.recipes import usual_run as run_one

__all__ = ["jobs", "run_one"]

# Step: the rate of He et al. 2015, section 4.2. OneCycle: the best of seed 0.
CHOSEN = {"step": 0.1, "one cycle": 0.316228}


def jobs() -> list[dict]:
    """One dict of settings a run; share: of the 16 epochs."""

    def job(schedule, lr, seed, share):
        return usual_job(schedule, lr, seed, model="resnet20", batch_size=128, epochs=16, share=share)

    choosing = [job("range test", 10.0, seed, 1 / 12) for seed in SEEDS]
    choosing += [job("one cycle", lr, 0, 1 / 8) for lr in PEAKS[3:]]
    plan = [("one cycle", 1 / 8), ("one cycle", 1 / 3), ("step", 1)]
    return choosing + [job(name, CHOSEN[name], seed, share) for seed in (1, 2, 3) for name, share in plan]
