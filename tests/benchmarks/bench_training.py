"""Images a second of `train()` beside the usual DataLoader + torchvision-transforms loop, in the same run.

    python -m tests.benchmarks.bench_training               # speed
    python -m tests.benchmarks.bench_training --accuracy    # and the accuracy of both after equally many epochs
    python -m tests.benchmarks.bench_training --profile     # where the time of train() goes

The net is `small_conv_net(width=16)`, batch 128, random crops and flips. The usual loop is what a tutorial shows: PIL
images, RandomCrop(32, 4), RandomHorizontalFlip, ToTensor, Normalize, float32; its better of 0 and 2 workers counts.
Measured in turns, medians compared: a machine that slows down slows both. Bars: 4x where the CPU has bfloat16 units,
2.2x in float32.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from functools import partial

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from course_utils.data.cifar import cifar10
from course_utils.schedules import cosine
from course_utils.training.compute import Compute, cpu_has_bfloat16, pick
from course_utils.training.loop import evaluate, fit
from course_utils.training.models import small_conv_net
from tests.benchmarks.size import size, status

BATCH, PEAK = 128, 0.1
BARS = {torch.bfloat16: 4.0, torch.float32: 2.2}


class PilImages(Dataset):
    """The training images as a tutorial holds them: PIL images with a transform."""

    def __init__(self, split, mean, std):
        from PIL import Image
        from torchvision import transforms as tv

        self.images = [Image.fromarray(x.permute(1, 2, 0).numpy()) for x in split.inputs]
        self.labels = split.labels.tolist()
        self.transform = tv.Compose(
            [tv.RandomCrop(32, 4), tv.RandomHorizontalFlip(), tv.ToTensor(), tv.Normalize(mean, std)]
        )

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.labels[i]


def usual_epoch(model, optimizer, loader, t=0, T=None) -> int:
    """One epoch of the usual loop; with T also a cosine schedule. Returns the updates made so far."""
    model.train()
    for images, labels in loader:
        if T:
            optimizer.param_groups[0]["lr"] = cosine(t, peak=PEAK, T=T)
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimizer.step()
        t += 1
    return t


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=PEAK, momentum=0.9)


def loader_of(data, workers):
    return DataLoader(
        PilImages(data.train, data.mean, data.std),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def speeds(data, rounds: int) -> dict[str, float]:
    """Images a second of every contestant: the median over rounds, each round one epoch of each in turn."""
    contestants = {}
    for workers in (0, 2):
        model = small_conv_net(seed=0)
        contestants[f"usual loop, {workers} workers"] = partial(
            usual_epoch, model, sgd(model), loader_of(data, workers)
        )
    for dtype in BARS:
        if dtype is torch.float32 or cpu_has_bfloat16():
            model = small_conv_net(seed=0)
            how = dict(epochs=1, batch_size=BATCH, validate_every=None, compute=Compute(torch.device("cpu"), dtype))
            contestants[f"train(), {str(dtype).removeprefix('torch.')}"] = partial(fit, model, data, sgd(model), **how)
    times = {name: [] for name in contestants}
    for i in range(rounds + 1):  # the first round is the warm-up
        for name, epoch in contestants.items():
            start = time.perf_counter()
            epoch()
            if i:
                times[name].append(time.perf_counter() - start)
    images = len(data.train) // BATCH * BATCH
    return {name: images / statistics.median(ts) for name, ts in times.items()}


def accuracies(data, epochs: int, seeds: int) -> dict[str, list[float]]:
    """Validation accuracy of both after equally many epochs from the same weights."""
    result, T = {"usual loop": [], "train()": []}, epochs * (len(data.train) // BATCH)
    for seed in range(seeds):
        torch.manual_seed(seed)
        model, t = small_conv_net(seed=seed), 0
        optimizer, loader = sgd(model), loader_of(data, 0)
        for _ in range(epochs):
            t = usual_epoch(model, optimizer, loader, t, T)
        result["usual loop"].append(evaluate(model, data, "val", Compute(torch.device("cpu")))[1])
        model = small_conv_net(seed=seed)
        schedule = partial(cosine, peak=PEAK, T=T)
        run = fit(model, data, sgd(model), schedule, updates=T, seed=seed, batch_size=BATCH)
        result["train()"].append(run.final_accuracy)
    return result


def profile(data, updates: int = 60) -> None:
    """Print where the time of train() goes."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    model = small_conv_net(seed=0)
    with record(activities=[ProfilerActivity.CPU]) as p:
        fit(model, data, sgd(model), updates=updates, batch_size=BATCH, validate_every=None)
    print(p.key_averages().table(sort_by="self_cpu_time_total", row_limit=16, max_name_column_width=40))


def main() -> int:
    """Print the ratios; 1 if one is under its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--images", type=int, default=size(5_120, 256))
    parser.add_argument("--rounds", type=int, default=size(3, 1))
    args = parser.parse_args()
    data = cifar10(train=args.images, val=size(2_000, 100), test=100, quiet=True)
    print(f"{pick('cpu').describe()}; {data.banner()}")
    rates = speeds(data, args.rounds)
    for name, value in rates.items():
        print(f"{name:24} {value:8.0f} images/s")
    usual = max(v for name, v in rates.items() if name.startswith("usual"))
    missed = 0
    for dtype, bar in BARS.items():
        ours = rates.get(f"train(), {str(dtype).removeprefix('torch.')}")
        if ours:
            missed += ours < bar * usual
            print(f"{str(dtype):24} {ours / usual:8.1f} times the usual loop (bar {bar:g})")
    if args.accuracy:
        for name, values in accuracies(data, epochs=5, seeds=3).items():
            spread = statistics.stdev(values)
            print(f"{name:24} accuracy {statistics.mean(values):.3f}, standard deviation over seeds {spread:.3f}")
    if args.profile:
        profile(data)
    return status(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
