"""Fill data/recorded/10.3.1.npz:  python -m course_utils.lessons.l10_3_1.record

Real fine-tuning runs for the lecture's table: three tasks (objects like ImageNet's; digits and angles unlike them), 5
to 320 images a class, five ways to use a pretrained network, all with the same number of updates. Accuracy is that on
the test images (`run.test`). Rates were chosen before, by the validation images, with another seed: three tries for
every regime in the same two cells; those runs are in the file, too (purpose "rate"). Runs that are there are kept.
About half an hour on one core. Stand-in images are refused.
"""

from __future__ import annotations

from pathlib import Path

from course_utils.authoring.recording import is_recorded, job_file
from course_utils.files import data_dir, recorded_dir
from course_utils.runs import Run, RunTable

SIZES = {"objects": (5, 20, 80, 320), "digits": (5, 20, 80), "angles": (5, 20, 80, 320)}  # images a class
POOL = {"objects": 3_200, "digits": 1_000, "angles": 3_200}
WHOLE = "from scratch"  # the dearest regime, and no rule of the lecture needs it: fewer seeds
REGIMES = ("linear probe", "last blocks", "all layers", "small net", WHOLE)
UPDATES, BATCH_SIZE = 100, 32
RATES, RATE_SEED, RATE_CELLS = (1e-3, 3e-3, 1e-2), 5, (("objects", 20), ("angles", 80))


def jobs() -> list[dict]:
    """One dict of settings a run, the most important first: rates; every cell once; the corners with five seeds."""
    rates = [_job(task, n, regime, RATE_SEED, lr, "rate") for task, n in RATE_CELLS for regime in REGIMES
             for lr in RATES]  # fmt: skip
    cells = [(task, n) for task, sizes in SIZES.items() for n in sizes]
    corners = [(task, n) for task, sizes in SIZES.items() for n in (sizes[0], sizes[-1])]
    between = [cell for cell in cells if cell not in corners]
    plan = [(cell, regime, 0) for cell in cells for regime in REGIMES]
    plan += [(cell, regime, seed) for seed in range(1, 5) for cell in corners for regime in REGIMES[:-1]]
    plan += [(cell, regime, seed) for seed in (1, 2) for cell in between for regime in REGIMES[:-1]]
    plan += [(cell, WHOLE, 1) for cell in corners]
    return rates + [_job(*cell, regime, seed, None, "result") for cell, regime, seed in plan]


def _job(task: str, per_class: int, regime: str, seed: int, lr: float | None, purpose: str) -> dict:
    from course_utils.transfer.finetune import named

    return dict(task=task, per_class=per_class, regime=regime, lr=lr or named(regime).lr, seed=seed, purpose=purpose)


def run_one(job: dict, path: Path) -> Run:
    """Train one job and keep its record at `path`, or read it if it is there."""
    if is_recorded(job, path):
        return Run.load(path)
    from course_utils.training.loop import evaluate, fit
    from course_utils.transfer.finetune import SIZE, set_up

    few, at_cut = _images(job)
    now = set_up(job["regime"], few, updates=UPDATES, seed=job["seed"], lr=job["lr"], data=at_cut)
    tries = job["purpose"] == "rate"
    run = fit(now.model, now.data, now.optimizer, now.schedules, updates=UPDATES, batch_size=BATCH_SIZE,
              seed=job["seed"], augment=False, validate_every=UPDATES if tries else None, compute=now.compute,
              config={**job, "size": SIZE, "similar": few.similar, "scale": "desk"})  # fmt: skip
    if not tries:  # a rate must not be chosen by the test images
        run.test = evaluate(now.model, now.data, "test", now.compute)
    run.thinned(25).save(path)
    print(f"{path.stem}: {run.status}, accuracy {run.val[-1][2] if tries else run.test[1]:.3f}", flush=True)
    return run


def _images(job: dict):
    """The images of a job, and the same at the regime's cut (None where nothing is frozen).

    What no seed changes is kept from one job to the next: the pool, and its activations."""
    from course_utils.transfer.finetune import fresh, frozen_once, named
    from course_utils.transfer.tasks import task

    name, kind = job["task"], named(job["regime"])
    if name not in _kept:
        _kept[name] = task(name, train=POOL[name], val=297 if name == "digits" else 500, quiet=True)
    if not _kept[name].is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    few = _kept[name].few(job["per_class"], job["seed"])
    if kind.learn is None:
        return few, None
    if (name, kind) not in _kept:
        _kept[name, kind] = frozen_once(fresh(few, kind), _kept[name], kind.learn)
    return few, _kept[name, kind].few(job["per_class"], job["seed"])


_kept: dict = {}


def record(folder: Path | None = None) -> Path:
    """Run what is missing and write the table. Returns its path. Raises SystemExit on stand-in images."""
    folder = folder or data_dir() / "recording" / "10.3.1-desk"
    folder.mkdir(parents=True, exist_ok=True)
    table = RunTable(run_one(job, job_file(job, folder)) for job in jobs())
    return table.save(recorded_dir() / "10.3.1.npz", points=25)


if __name__ == "__main__":
    print(record())
