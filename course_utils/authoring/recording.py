"""Fill data/recorded/ with real training runs:  python -m course_utils.authoring.recording 10.1.1  [--workers 2]

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

from course_utils import schedules
from course_utils.files import data_dir, recorded_dir
from course_utils.lessons.l10_1_8 import record as overfitting
from course_utils.lessons.l10_2_1 import record as search
from course_utils.runs import Run, RunTable
from course_utils.training.recipes import HALF_DECADES, OPTIMIZERS, PEAKS, SEEDS, SHAPES, make_optimizer


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
    "10.1.4-text": "l10_1_4.record_text",
    "10.1.5": "l10_1_5.record",
    "10.1.7": "l10_1_7.record",
    "10.1.9-momentum": "l10_1_9.record_momentum",
    "10.3": "l10_3.record",
    "10.3.1": "l10_3_1.record",
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
    from course_utils.data.cifar import cifar10
    from course_utils.training import models
    from course_utils.training.loop import evaluate, fit
    from course_utils.training.scale import DESK, FULL

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
    run.test = evaluate(model, data, "test")
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
        importlib.import_module(f"course_utils.lessons.{APART[args.name]}").record()
        return
    path = record(args.name, args.workers, args.scale)
    print(f"{path.name}: {len(RunTable.load(path))} runs, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
