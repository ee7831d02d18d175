"""Fill data/recorded/ with real training runs:  python -m course_utils.record 10.1.1  [--workers 2]

Every run is kept in a file of its own as soon as it ends (data/recording/NAME/), so an interrupted recording
goes on where it was. When all are there, they are thinned into data/recorded/NAME.npz. Runs on stand-in
images are refused.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path

from . import schedules
from .paths import data_dir, recorded_dir
from .recorders import overfitting, search
from .runs import Run, RunTable

HALF_DECADES = [round(10 ** (k / 2), 6) for k in range(-8, 3)]  # 1e-4 ... 10: eleven rates, two a decade
PEAKS = [round(10 ** (k / 2), 6) for k in range(-4, 2)]  # 0.01 ... 3.16: six peak rates
SEEDS = [0, 1, 2]
OPTIMIZERS = ["sgd", "sgd+momentum", "adagrad", "rmsprop", "adam", "adamw"]

# Named shapes at a given peak rate and number of updates T: name -> function(peak, T) -> schedule.
SHAPES: dict[str, Callable] = {
    "constant": lambda peak, T: partial(schedules.constant, peak=peak),
    "cosine": lambda peak, T: partial(schedules.cosine, peak=peak, T=T),
    "linear": lambda peak, T: partial(schedules.linear, peak=peak, T=T),
    "inverse sqrt": lambda peak, T: partial(schedules.inverse_sqrt, peak=peak),
    "inverse sqrt, warm-up": lambda peak, T: partial(schedules.inverse_sqrt, peak=peak, warmup=max(1, T // 20)),
    "one cycle": lambda peak, T: partial(schedules.one_cycle, peak=peak, T=T),
    "range test": lambda peak, T: partial(schedules.exponential, start=peak / 1e5, end=peak, T=T),
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
    """What to run for a recording: one dict of settings a run. Raises SystemExit for an unknown name."""
    if name not in RECORDINGS:
        raise SystemExit(f"unknown recording {name!r}: choose {', '.join(sorted([*RECORDINGS, *APART]))}.")
    return RECORDINGS[name]()


def _job(schedule: str, lr: float, seed: int, **more) -> dict:
    """One run of SGD with momentum on the desk-scale net with BatchNorm, the setting most recordings share."""
    return {**dict(optimizer="sgd+momentum", schedule=schedule, lr=lr, seed=seed, epochs=8, norm=True,
                   weight_decay=5e-4), **more}  # fmt: skip


def _choosing() -> list[dict]:
    """Constant rates, every optimizer; and the decayed rival of the best of them. No BatchNorm: the net then shows
    what too high a rate does, down to NaN."""
    table = [(o, "constant") for o in OPTIMIZERS] + [("sgd+momentum", "cosine")]
    return [dict(optimizer=o, schedule=s, lr=lr, seed=i, epochs=5, norm=False)
            for i in SEEDS for o, s in table for lr in HALF_DECADES]  # fmt: skip


def _step() -> list[dict]:
    """Constant, step and cosine over the peak rate; then one change at a time, at the best peak."""
    over_peaks = ("constant", "step", "cosine")
    at_best = [s for s in SHAPES if s.startswith(("step,", "cosine,"))]
    return [_job(s, lr, i) for i in SEEDS for s in (*over_peaks, *at_best)
            for lr in (PEAKS if s in over_peaks else [0.316228])]  # fmt: skip


def _shapes() -> list[dict]:
    """The other schedules over the peak rate; cosine and linear at their best with seven seeds more."""
    peaks = {"linear": PEAKS[1:], "inverse sqrt": [*PEAKS[3:], 10.0], "inverse sqrt, warm-up": PEAKS[2:],
             "one cycle": PEAKS[2:]}  # fmt: skip
    return [_job(s, lr, i) for i in SEEDS for s in peaks for lr in peaks[s]] + [
        _job(s, 0.316228, i) for i in range(3, 10) for s in ("cosine", "linear")
    ]


def _optimizers() -> list[dict]:
    """Does Adam need a schedule, too? AdamW's weight decay makes lr * decay what it is for SGD."""
    decays = {"adam": 0.0, "adamw": 0.05}
    return [_job(s, lr, i, optimizer=o, weight_decay=decays[o])
            for i in SEEDS for o in decays for s in ("constant", "cosine") for lr in HALF_DECADES[2:6]]  # fmt: skip


def _budgets() -> list[dict]:
    """OneCycle, step and cosine with an eighth, a third and half of the updates; OneCycle with twice as many."""
    short = [_job(s, lr, i, share=share) for i in SEEDS for s in ("one cycle", "step", "cosine")
             for share in (1 / 8, 1 / 3, 1 / 2) for lr in PEAKS[2:5]]  # fmt: skip
    return short + [_job("one cycle", lr, i, share=2) for i in SEEDS for lr in PEAKS[3:5]]


def _resnet20() -> list[dict]:
    """Super-convergence on the largest net a CPU carries in an hour: ResNet-20 on 10,000 images, a step baseline of 16
    epochs, OneCycle at parts of it. Seed 0 is for choosing OneCycle's peak, seeds 1 to 3 are the result."""

    def job(schedule, lr, seed, share):
        more = dict(model="resnet20", batch_size=128, epochs=16, share=share)
        return _job(schedule, lr, seed, **more)

    chosen = [job("range test", 10.0, i, 1 / 12) for i in SEEDS]
    chosen += [job("one cycle", lr, 0, 1 / 8) for lr in PEAKS[3:]]
    plan = [("one cycle", 1 / 8), ("one cycle", 1 / 3), ("step", 1)]
    return chosen + [job(s, RESNET20_PEAKS[s], i, share) for i in (1, 2, 3) for s, share in plan]


# Step: the rate of He et al. 2015, section 4.2. OneCycle: the best of seed 0 in _resnet20.
RESNET20_PEAKS = {"step": 0.1, "one cycle": 0.316228}

# name -> the jobs. A lesson may read several recordings; each has the name of the first one that needed it.
RECORDINGS: dict[str, Callable[[], list[dict]]] = {
    "10.1.1": _choosing,
    "10.1.2": _step,
    "10.1.4": _shapes,
    "10.1.6": _optimizers,
    "10.1.8": overfitting.jobs,
    "10.1.9": _budgets,
    "10.1.9-resnet20": _resnet20,
    "10.2.1": search.jobs,
}


# name -> the module that makes it: recordings whose runs are of another kind (text, a rule that steers, transfer).
APART = {
    "10.1.4-text": "masked",
    "10.1.5": "inverse_sqrt",
    "10.1.7": "plateau",
    "10.1.9-momentum": "momentum",
    "10.3": "features",
    "10.3.1": "transfer",
}


def job_file(job: dict, folder) -> Path:
    """Where the record of a job is kept: all its settings are in the name."""
    return Path(folder) / ("_".join(f"{v:g}" if isinstance(v, float) else str(v) for v in job.values()) + ".npz")


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
    if "wrong_labels" in job:
        return overfitting.run_one(job, path)
    if "trial" in job:
        return search.run_one(job, path)
    from . import models
    from .data import cifar10
    from .scale import DESK, FULL
    from .training import evaluate, fit

    scale = replace(DESK, epochs=job["epochs"]) if scale_name == "desk" else FULL
    if scale_name not in _data:
        _data[scale_name] = cifar10(train=scale.train, val=scale.val, test=scale.test, quiet=True)
    data = _data[scale_name]
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    if scale_name == "desk" and "model" in job:  # another net than the usual one of this scale
        scale = replace(scale, model=getattr(models, job["model"]), batch_size=job["batch_size"])
    usual = scale.model is models.small_conv_net
    model = scale.model(seed=job["seed"], norm=job["norm"]) if usual else scale.model(seed=job["seed"])
    decay = {"weight_decay": job["weight_decay"]} if "weight_decay" in job else {}
    optimizer = make_optimizer(job["optimizer"], model, job["lr"], **decay)
    updates = round(job.get("share", 1) * scale.updates)  # share: of the usual length of a run
    schedule = SHAPES[job["schedule"]](job["lr"], updates)
    momentum = partial(schedules.one_cycle_momentum, T=updates) if job["schedule"] == "one cycle" else None
    config = {**job, "model": scale.model.__name__, "scale": scale.name, "epochs": scale.epochs, "updates": updates}
    run = fit(model, data, optimizer, schedule, momentum=momentum, updates=updates, batch_size=scale.batch_size,
              seed=job["seed"], config=config)  # fmt: skip
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
    parser.add_argument("name", help=", ".join(sorted([*RECORDINGS, *APART])))
    parser.add_argument("--workers", type=int, default=2, help="processes side by side (default 2)")
    sizes = "full: all images, ResNet-20, for a GPU"
    parser.add_argument("--scale", choices=["desk", "full"], default="desk", help=sizes)
    args = parser.parse_args()
    if args.name in APART:  # one worker, desk scale
        importlib.import_module(f"course_utils.recorders.{APART[args.name]}").record()
        return
    path = record(args.name, args.workers, args.scale)
    print(f"{path.name}: {len(RunTable.load(path))} runs, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
