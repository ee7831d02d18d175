"""The same study by one worker and by two, one thread each: how much of one worker's time do two need?

python -m tests.benchmarks.bench_workers [--trials 16] [--rounds 2]

Bar: at most 0.65, start of the processes included, on two free cores. One worker, then two, in turn; the ratio of the
sums, and the one of each round. Trials are those of the recorded search: 4,000 images, two epochs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.size import size, status

BAR = 0.65


def seconds(workers: int, trials: int, folder: Path) -> float:
    """Wall time of one study, from starting the processes until the last has ended. Every point has to be done once."""
    from course_utils.search.space import log_uniform, random_settings
    from course_utils.search.study import make_study, times_done
    from course_utils.search.worker import start_worker

    points = random_settings({"lr": log_uniform(1e-2, 0.5), "weight_decay": log_uniform(1e-5, 1e-3)}, trials)
    file = folder / f"{workers}-{time.time_ns()}.log"
    study = make_study(file, "course_utils.lessons.la1.objectives:short_training", points=points)
    begin = time.perf_counter()
    processes = [start_worker(file, str(n)) for n in range(workers)]
    failed = [process.wait() for process in processes]
    wall = time.perf_counter() - begin
    if any(failed) or times_done(study) != [1] * trials:
        raise SystemExit(f"the study was not done: exit {failed}, results {times_done(study)}. See {file}.*.txt")
    return wall


def main() -> int:
    """Print the times; 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=size(16, 2))
    parser.add_argument("--rounds", type=int, default=size(2, 1))
    args = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        print("one core only: two workers cannot be faster here; not measured")
        return 0
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    print(f"{args.trials} trials, {os.cpu_count()} cores, load before: {busy:.1f}" + " (NOT QUIET)" * (busy > 0.5))
    alone, both = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            alone.append(seconds(1, args.trials, Path(folder)))
            both.append(seconds(2, args.trials, Path(folder)))
            ratio = both[-1] / alone[-1]
            print(f"one worker {alone[-1]:6.1f} s   two workers {both[-1]:6.1f} s   ratio {ratio:.2f}", flush=True)
    ratio = sum(both) / sum(alone)
    print(f"two workers need {ratio:.2f} of one worker's time   (bar {BAR})")
    return status(ratio > BAR)


if __name__ == "__main__":
    sys.exit(main())
