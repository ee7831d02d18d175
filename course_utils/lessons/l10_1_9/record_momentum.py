"""Fill data/recorded/10.1.9-momentum.npz:  python -m course_utils.lessons.l10_1_9.record_momentum

A third of the usual updates, the same net and images as the other recordings. Two questions: does it matter which way
the momentum moves while the rate goes up and down (at two peaks, three seeds), and is it the cycle or only the long
fall that helps (eight seeds against the cosine)? Runs that are there already are kept.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from course_utils import schedules
from course_utils.authoring.recording import is_recorded, job_file
from course_utils.files import data_dir, recorded_dir
from course_utils.runs import Run, RunTable
from course_utils.training.recipes import SHAPES, make_optimizer

SHARE = 1 / 3
M_MIN, M_MAX = 0.85, 0.95


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
    """One dict of settings a run."""
    three = [dict(schedule="one cycle", momentum_kind=kind, lr=lr, seed=seed)
             for seed in range(3) for lr in (0.316228, 1.0) for kind in MOMENTA]  # fmt: skip
    rivals = (("one cycle", "cycled"), ("one cycle", "fixed 0.9"), ("cosine", "fixed 0.9"))
    more = [dict(schedule=schedule, momentum_kind=kind, lr=0.316228, seed=seed)
            for seed in range(3, 8) for schedule, kind in rivals]  # fmt: skip
    return three + more


def run_one(job: dict, folder: Path, scale, data) -> Run:
    """Train one job, or read it if it is there."""
    path = job_file(job, folder)
    if is_recorded(job, path):
        return Run.load(path)
    from course_utils.training.loop import fit

    model = scale.model(seed=job["seed"], norm=True)
    optimizer = make_optimizer("sgd+momentum", model, job["lr"], weight_decay=5e-4)
    updates = round(SHARE * scale.updates)
    schedule = SHAPES[job["schedule"]](job["lr"], updates)
    config = {**job, "share": SHARE, "scale": scale.name, "model": scale.model.__name__}
    run = fit(model, data, optimizer, schedule, momentum=MOMENTA[job["momentum_kind"]](updates), updates=updates,
              batch_size=scale.batch_size, seed=job["seed"], config=config)  # fmt: skip
    run.thinned().save(path)
    print(f"{path.stem}: {run.status}, accuracy {run.final_accuracy:.3f}", flush=True)
    return run


def record() -> None:
    from course_utils.data.cifar import cifar10
    from course_utils.training.scale import DESK

    data = cifar10(train=DESK.train, val=DESK.val, test=DESK.test, quiet=True)
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    folder = data_dir() / "recording" / "10.1.9-momentum-desk"
    folder.mkdir(parents=True, exist_ok=True)
    table = RunTable(run_one(job, folder, DESK, data) for job in jobs())
    table.save(recorded_dir() / "10.1.9-momentum.npz")


if __name__ == "__main__":
    record()
