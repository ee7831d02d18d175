"""Table 10.1.9-momentum: a third of the usual updates, the same net and images as the other recordings.

Two questions: does it matter which way the momentum moves while the rate goes up and down (two peaks, three seeds),
and is it the cycle or only the long fall that helps (eight seeds against the cosine)?
"""

from __future__ import annotations

from functools import partial

from course_utils import schedules
from course_utils.runs import Run
from course_utils.training.recipes import SHAPES, fit_job, images, make_optimizer

M_MIN, M_MAX = 0.85, 0.95
LRS = (0.316228, 1.0)  # every kind of momentum is judged at the better of these


def turned_round(t: float, *, T: float) -> float:
    """Eq. 10.6 upside down: momentum is highest where the rate is."""
    return M_MIN + M_MAX - schedules.one_cycle_momentum(t, T=T, m_min=M_MIN, m_max=M_MAX)


# name -> function of the number of updates T -> momentum as a function of t
MOMENTA = {
    "cycled": lambda T: partial(schedules.one_cycle_momentum, T=T, m_min=M_MIN, m_max=M_MAX),
    "fixed 0.9": lambda T: lambda t: 0.9,
    "turned round": lambda T: partial(turned_round, T=T),
}


def jobs() -> list[dict]:
    """One dict of settings a run; share: of the usual number of updates."""
    plan = [("one cycle", kind, lr, seed) for seed in range(3) for lr in LRS for kind in MOMENTA]
    rivals = (("one cycle", "cycled"), ("one cycle", "fixed 0.9"), ("cosine", "fixed 0.9"))
    plan += [(*rival, 0.316228, seed) for seed in range(3, 8) for rival in rivals]
    return [dict(schedule=s, momentum_kind=kind, lr=lr, seed=seed, share=1 / 3) for s, kind, lr, seed in plan]


def run_one(job: dict) -> Run:
    """Train with the settings `job`, its momentum scheduled by MOMENTA."""
    from course_utils.training.scale import DESK

    data, model = images(DESK.train, DESK.val), DESK.model(seed=job["seed"])
    optimizer = make_optimizer("sgd+momentum", model, job["lr"], weight_decay=5e-4)
    updates = round(job["share"] * DESK.epochs * (len(data.train) // DESK.batch_size))
    schedule, momentum = SHAPES[job["schedule"]](job["lr"], updates), MOMENTA[job["momentum_kind"]](updates)
    plan = {"updates": updates, "batch_size": DESK.batch_size, "facts": {"model": DESK.model.__name__}}
    return fit_job(job, model, data, optimizer, schedule, momentum=momentum, **plan)
