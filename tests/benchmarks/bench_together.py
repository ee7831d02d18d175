"""One update of many small networks, one after the other and together (torch.func), in the same run.

    python -m tests.benchmarks.bench_together [--threads 2]

For each kind of network: milliseconds an update both ways, and the ratio (above 1: together is faster). Measured in
turns, the least of several tries counts: a machine that is busy with something else slows both. Bar: 64 small
multi-layer perceptrons are at least 1.3 times as fast together. The convolutional nets have no bar: on a CPU they are
*slower* together, and the lesson says so. Then the same comparison for whole trainings, where each batch is cut out
once instead of once a network, and how far the results lie apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial

import torch

from course_utils.data.cifar import cifar10
from course_utils.lessons.l10_2_1 import race
from course_utils.schedules import cosine
from course_utils.search.space import grid, log_uniform
from course_utils.training.compute import pick
from course_utils.training.loop import fit
from course_utils.training.models import mlp, small_conv_net
from course_utils.training.together import train_together
from tests.benchmarks.size import size, status

BAR = 1.3
KINDS = {  # how many, and which network
    "MLP, 16 hidden": (64, partial(mlp, hidden=(16,))),
    "MLP, 32 hidden": (64, partial(mlp, hidden=(32,))),
    "MLP, 16 hidden ": (256, partial(mlp, hidden=(16,))),
    "conv net, width 8": (8, partial(small_conv_net, width=8, norm=False)),
    "conv net, width 16": (8, partial(small_conv_net, width=16, norm=False)),
}


def whole_trainings(data, updates: int) -> tuple[float, float, float]:
    """Seconds for 64 small MLPs alone and together, and the largest relative difference of a loss (stable rates)."""
    settings = grid({"lr": log_uniform(1e-4, 0.02).levels(8), "weight_decay": log_uniform(1e-5, 1e-1).levels(8)})
    how = dict(updates=updates, batch_size=32, seed=0, compute=pick(dtype="float32"))
    begin = time.perf_counter()
    alone = []
    for setting in settings:
        model = mlp(hidden=(16,), seed=0)
        sgd = torch.optim.SGD(model.parameters(), lr=setting["lr"], momentum=0.9, weight_decay=setting["weight_decay"])
        alone.append(
            fit(model, data, sgd, partial(cosine, peak=setting["lr"], T=updates), validate_every=updates, **how)
        )
    middle = time.perf_counter()
    runs = train_together([mlp(hidden=(16,), seed=0) for _ in settings], data, settings, **how)
    end = time.perf_counter()
    pairs = [
        (a, b) for single, run in zip(alone, runs, strict=True) for a, b in zip(single.loss, run.loss, strict=True)
    ]
    return middle - begin, end - middle, max(abs(a - b) / a for a, b in pairs)


def main() -> int:
    """Print the ratios; 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--updates", type=int, default=size(8, 1))
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    data = cifar10(train=2_000, val=500, test=100, quiet=True)
    print(f"{pick(dtype='float32').describe()}; {data.banner()}; batches of 32")
    ratios = []
    for name, (networks, build) in KINDS.items():
        one_by_one, together = race(build, networks, data, updates=args.updates)
        ratios.append(one_by_one / together)
        times = f"{1e3 * one_by_one:7.1f} ms alone {1e3 * together:7.1f} ms together"
        print(f"{networks:4} x {name:20} {times} {ratios[-1]:6.2f}x")
    alone, together, apart = whole_trainings(data, updates=size(40, 2))
    print(f"  64 trainings of 40 updates: {alone:.1f} s alone, {together:.1f} s together, {alone / together:.1f}x")
    print(f"  losses of all updates agree to {apart:.0e}")
    print(f"bar: the first at least {BAR:g}x, losses to 1e-4")
    return status(ratios[0] < BAR or apart > 1e-4)


if __name__ == "__main__":
    sys.exit(main())
