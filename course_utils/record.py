"""Fill data/recorded/ with real training runs:  python -m course_utils.record 10.1.1  [--workers 2]

Every run is kept in a file of its own as soon as it ends (data/recording/NAME/), so an interrupted recording
goes on where it was. When all are there, they are thinned into data/recorded/NAME.npz. Runs on stand-in
images are refused.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path

from . import schedules
from .paths import data_dir, recorded_dir
from .runs import Run, RunTable

HALF_DECADES = [round(10 ** (k / 2), 6) for k in range(-8, 3)]  # 1e-4 ... 10: eleven rates, two a decade
PEAKS = [round(10 ** (k / 2), 6) for k in range(-4, 2)]  # 0.01 ... 3.16: six peak rates
SEEDS = [0, 1, 2]
OPTIMIZERS = ["sgd", "sgd+momentum", "adagrad", "rmsprop", "adam", "adamw"]

# Named shapes at a given peak rate and number of updates T: name -> function(peak, T) -> schedule.
SHAPES: dict[str, Callable] = {
    "constant": lambda peak, T: partial(schedules.constant, peak=peak),
    "cosine": lambda peak, T: partial(schedules.cosine, peak=peak, T=T),
    "step": lambda peak, T: drops(peak, T, (0.5, 0.75, 0.9)),
    "step, one drop": lambda peak, T: drops(peak, T, (0.75,)),
    "step, early": lambda peak, T: drops(peak, T, (0.1, 0.2, 0.3)),
    "step, late": lambda peak, T: drops(peak, T, (0.9, 0.95, 0.98)),
    "step, factor 0.5": lambda peak, T: drops(peak, T, (0.5, 0.75, 0.9), 0.5),
    "step, factor 0.01": lambda peak, T: drops(peak, T, (0.5, 0.75, 0.9), 0.01),
    "cosine, T twice too long": lambda peak, T: partial(schedules.cosine, peak=peak, T=2 * T),
    "cosine, T half as long": lambda peak, T: partial(schedules.cosine, peak=peak, T=T / 2),
    "cosine, once an epoch": lambda peak, T: partial(
        schedules.staircase, schedule=partial(schedules.cosine, peak=peak, T=T), every=T / 8
    ),
    "cosine, climbing again": lambda peak, T: partial(climbing_cosine, peak=peak, T=T / 2),
}


def climbing_cosine(t: float, *, peak: float, T: float) -> float:
    """What torch's CosineAnnealingLR(T_max=T) does: past T it climbs back to the peak at 2 T."""
    return schedules.cosine(abs((t + T) % (2 * T) - T), peak=peak, T=T)


def drops(peak: float, T: float, shares, factor: float = 0.1):
    """Step decay with milestones given as shares of T."""
    return partial(schedules.step, peak=peak, milestones=[share * T for share in shares], factor=factor)


def make_optimizer(name: str, model, lr: float, **more):
    """The six optimizers of lesson 10.1.1 with PyTorch's defaults (momentum 0.9 where it says so).

    more: weight_decay, for example.
    """
    import torch

    kinds = {
        "sgd": torch.optim.SGD,
        "sgd+momentum": partial(torch.optim.SGD, momentum=0.9),
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return kinds[name](model.parameters(), lr=lr, **more)


def jobs(name: str) -> list[dict]:
    """What to run for a recording: one dict of settings a run."""
    if name == "10.1.1":  # constant rates, every optimizer; and the decayed rival of the best of them. No BatchNorm:
        # the net then shows what too high a rate does, down to NaN.
        table = [(o, "constant") for o in OPTIMIZERS] + [("sgd+momentum", "cosine")]
        return [dict(optimizer=o, schedule=s, lr=lr, seed=i, epochs=5, norm=False)
                for i in SEEDS for o, s in table for lr in HALF_DECADES]  # fmt: skip
    if name == "10.1.2":  # constant, step and cosine over the peak rate; then one change at a time
        at_best = [s for s in SHAPES if s not in ("constant", "step", "cosine")]
        return [dict(optimizer="sgd+momentum", schedule=s, lr=lr, seed=i, epochs=8, norm=True, weight_decay=5e-4)
                for i in SEEDS for s in SHAPES for lr in (PEAKS if s not in at_best else [0.316228])]  # fmt: skip
    raise SystemExit(f"unknown recording {name!r}: choose 10.1.1 or 10.1.2 (which lesson 10.1.3 shares).")


def job_file(job: dict, folder) -> Path:
    """Where the record of a job is kept."""
    return Path(folder) / f"{job['optimizer']}_{job['schedule']}_{job['lr']:g}_{job['seed']}.npz".replace(", ", "-")


def is_recorded(job: dict, path: Path) -> bool:
    """True if `path` holds this job: a damaged file, or one made with other settings, is recorded again."""
    try:
        found = Run.load(path)
    except (FileNotFoundError, ValueError):
        return False
    # At full scale the number of epochs is the scale's.
    return all(found.config.get(k) == v for k, v in job.items() if k != "epochs" or found.config["scale"] == "desk")


_data: dict = {}


def run_one(job: dict, folder: str, scale_name: str) -> str:
    """Train one job in this process (one thread a worker) and keep its record."""
    path = job_file(job, folder)
    if is_recorded(job, path):
        return f"kept     {path.stem}"
    from .data import cifar10
    from .scale import DESK, FULL
    from .training import evaluate, fit

    scale = replace(DESK, epochs=job["epochs"]) if scale_name == "desk" else FULL
    if scale_name not in _data:
        _data[scale_name] = cifar10(train=scale.train, val=scale.val, test=scale.test, quiet=True)
    data = _data[scale_name]
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    model = scale.model(seed=job["seed"], norm=job["norm"]) if scale_name == "desk" else scale.model(seed=job["seed"])
    decay = {"weight_decay": job["weight_decay"]} if "weight_decay" in job else {}
    optimizer = make_optimizer(job["optimizer"], model, job["lr"], **decay)
    schedule = SHAPES[job["schedule"]](job["lr"], scale.updates)
    config = {**job, "model": scale.model.__name__, "scale": scale.name, "epochs": scale.epochs}
    run = fit(model, data, optimizer, schedule, epochs=scale.epochs, batch_size=scale.batch_size, seed=job["seed"],
              config=config)  # fmt: skip
    run.test = evaluate(model, data.test, data)
    run.thinned().save(path)
    return f"recorded {path.stem}: {run.status}, accuracy {run.final_accuracy:.3f}"


def record(name: str, workers: int = 2, scale: str = "desk") -> Path:
    """Run what is missing of recording `name` and write its table. Returns the table's path."""
    folder = data_dir() / "recording" / f"{name}-{scale}"
    folder.mkdir(parents=True, exist_ok=True)
    todo = jobs(name)
    os.environ["COURSE_THREADS"] = "1"  # workers share the cores; each run then is as fast per core as it gets
    with ProcessPoolExecutor(workers) as pool:
        try:
            done = as_completed([pool.submit(run_one, job, str(folder), scale) for job in todo])
            for i, run in enumerate(done, 1):
                print(f"{i}/{len(todo)} {run.result()}", flush=True)
        except BaseException:  # the first failure, or Ctrl-C, also calls off the runs that wait
            pool.shutdown(cancel_futures=True)
            raise
    # Only what belongs to this list of jobs: the folder may hold runs of an earlier one.
    table = RunTable(Run.load(p) for p in sorted({job_file(job, folder) for job in todo}))
    suffix = "" if scale == "desk" else f"-{scale}"
    return table.save(recorded_dir() / f"{name}{suffix}.npz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="10.1.1 or 10.1.2")
    parser.add_argument("--workers", type=int, default=2, help="processes side by side (default 2)")
    sizes = "full: all images, ResNet-20, for a GPU"
    parser.add_argument("--scale", choices=["desk", "full"], default="desk", help=sizes)
    args = parser.parse_args()
    path = record(args.name, args.workers, args.scale)
    print(f"{path.name}: {len(RunTable.load(path))} runs, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
