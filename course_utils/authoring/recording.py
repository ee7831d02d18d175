"""Fill data/recorded/ with real training runs:  python -m course_utils.authoring.recording 10.1.1  [--workers 2]

A lesson's record.py says what is in its table: `jobs()` gives a dict of settings for each run, `run_one(job)` makes
the run, with all of them in its config. (record_text.py makes a second table, 10.1.4-text.) POINTS, if it is there, is
how many points a curve keeps. Runs of images keep their accuracy on all test images in `run.test`: nothing is chosen
by it, it is there to say what a choice was worth.

Every run is kept in a file of its own as soon as it ends (data/recording/NAME/), so an interrupted recording goes on
where it was; one with other settings is made again. Runs on stand-in images are refused.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from pathlib import Path

from course_utils.files import ROOT, data_dir, recorded_dir
from course_utils.runs import Run, RunTable
from course_utils.training.recipes import at_full_scale, usual_run


def modules() -> dict[str, str]:
    """Name of every table that can be recorded -> the module that makes it."""
    tables = {}
    for path in sorted((ROOT / "course_utils" / "lessons").glob("l*/record*.py")):
        number, rest = path.parent.name[1:].replace("_", "."), path.stem.removeprefix("record").replace("_", "-")
        tables[number + rest] = f"course_utils.lessons.{path.parent.name}.{path.stem}"
    return tables


def job_file(job: dict, folder: str | Path) -> Path:
    """Where the run of a job is kept: all its settings are in the name."""
    return Path(folder) / ("_".join(f"{v:g}" if isinstance(v, float) else str(v) for v in job.values()) + ".npz")


def left_out(job: dict, run: Run) -> list[str]:
    """The settings of the job that this run was not made with."""
    settings = {**run.config, "seed": run.seed}
    return [key for key in job if key not in settings or settings[key] != job[key]]


def is_recorded(job: dict, path: Path) -> bool:
    """True if `path` holds the run of this job: a damaged file, or one with other settings, is recorded again."""
    try:
        return not left_out(job, Run.load(path))
    except (FileNotFoundError, ValueError):
        return False


def keep(run_one: Callable[[dict], Run], job: dict, path: Path, points: int = 100) -> str:
    """Make the run of a job, unless `path` holds it, and keep it there. Returns a line that says what was done.

    Raises SystemExit for a run on stand-in images, ValueError for one whose config lacks settings of the job.
    """
    if is_recorded(job, path):
        return f"kept     {path.stem}"
    run = run_one(job)
    if "stand-in" in run.source:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    if lacking := left_out(job, run):
        raise ValueError(f"{path.stem}: the run was made with another {', '.join(lacking)} than its job asks for.")
    run.thinned(points).save(path)
    accuracy = f"accuracy {run.test[1]:.3f} (test)" if run.test else f"accuracy {run.final_accuracy:.3f}"
    return f"recorded {path.stem}: {run.status}, {accuracy}"


def record(name: str, workers: int = 2, scale: str = "desk") -> Path:
    """Run what is missing of table `name` and write it. Returns the table's path.

    Raises SystemExit for an unknown name, and for a table that has no full scale.
    """
    if name not in modules():
        raise SystemExit(f"unknown recording {name!r}: choose {', '.join(modules())}.")
    lesson = import_module(modules()[name])
    jobs, points = lesson.jobs(), getattr(lesson, "POINTS", 100)
    if scale == "full":
        if lesson.run_one is not usual_run:
            raise SystemExit(f"recording {name!r} has desk scale only.")
        jobs = [at_full_scale(job) for job in jobs]
    table = f"{name}-{scale}".removesuffix("-desk")
    files = [job_file(job, data_dir() / "recording" / table) for job in jobs]
    with ProcessPoolExecutor(workers, initializer=_one_thread) as pool:
        try:
            runs = [pool.submit(keep, lesson.run_one, *pair, points) for pair in zip(jobs, files, strict=True)]
            for i, done in enumerate(as_completed(runs), 1):
                print(f"{i}/{len(jobs)} {done.result()}", flush=True)
        except BaseException:  # the first failure, or Ctrl-C, also calls off the runs that wait
            pool.shutdown(cancel_futures=True)
            raise
    return RunTable(map(Run.load, files)).save(recorded_dir() / f"{table}.npz", points)


def _one_thread() -> None:
    """The workers share the cores; each run then is as fast per core as it gets."""
    os.environ["COURSE_THREADS"] = "1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help=", ".join(modules()))
    parser.add_argument("--workers", type=int, default=2, help="processes side by side (default 2)")
    sizes = "full: all images, ResNet-20, for a GPU"
    parser.add_argument("--scale", choices=["desk", "full"], default="desk", help=sizes)
    arguments = parser.parse_args()
    path = record(**vars(arguments))
    print(f"{path.name}: {len(RunTable.load(path))} runs, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
