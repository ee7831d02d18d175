"""The small real trainings on which the rules for reading a range test are compared, and a cache of their results."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from course_utils.data.cifar import cifar10
from course_utils.files import data_dir
from course_utils.range_test.curve import RangeTest
from course_utils.range_test.sweep import range_test
from course_utils.runs import RunTable
from course_utils.schedules import one_cycle, one_cycle_momentum
from course_utils.training.compute import pick
from course_utils.training.loop import evaluate, train
from course_utils.training.models import cifar_resnet, mlp, small_conv_net
from tests.benchmarks.size import SMALLEST, size

UPDATES = size(150, 25)  # of every training, short or long peaks alike
SEEDS = (0, 1)
NETS = {
    "mlp": partial(mlp, (128, 64)),
    "conv+norm": partial(small_conv_net, 8),
    "conv": partial(small_conv_net, 8, norm=False),
    "resnet8": partial(cifar_resnet, 8),
}
OPTIMIZERS: dict[str, tuple[Callable, float]] = {  # and the lowest rate of its sweep
    "sgd": (torch.optim.SGD, 3e-3),
    "momentum": (partial(torch.optim.SGD, momentum=0.9), 1e-3),
    "adam": (torch.optim.Adam, 1e-4),
    "adamw": (partial(torch.optim.AdamW, weight_decay=0.05), 1e-4),
    "rmsprop": (torch.optim.RMSprop, 3e-5),
}


@dataclass(frozen=True)
class Task:
    """A net, an optimizer, a batch size. held_out: never looked at while the rule was made."""

    net: str
    optimizer: str
    batch_size: int
    held_out: bool

    @property
    def name(self) -> str:
        return f"{self.net}, {self.optimizer}, batch {self.batch_size}"

    @property
    def grid(self) -> list[float]:
        """Eight rates, two in each decade."""
        low = OPTIMIZERS[self.optimizer][1]
        return [float(f"{low * math.sqrt(10) ** k:.3g}") for k in range(8)]

    def snapped(self, lr: float) -> float:
        """The nearest of ten rates a decade, the grid among them: rules that agree within an eighth share a run."""
        low = OPTIMIZERS[self.optimizer][1]
        return float(f"{low * 10 ** (round(10 * math.log10(lr / low)) / 10):.3g}")

    def fresh(self, seed: int, lr: float = 0.01):
        model = NETS[self.net](seed=seed)
        return model, OPTIMIZERS[self.optimizer][0](model.parameters(), lr=lr)


TASKS = [
    Task("mlp", "sgd", 64, False),
    Task("mlp", "adam", 32, False),
    Task("conv+norm", "momentum", 64, False),
    Task("conv+norm", "adamw", 128, False),
    Task("conv", "momentum", 32, False),
    Task("conv", "rmsprop", 64, False),
    Task("mlp", "momentum", 128, True),
    Task("mlp", "adamw", 64, True),
    Task("conv+norm", "sgd", 32, True),
    Task("conv+norm", "rmsprop", 64, True),
    Task("conv", "sgd", 64, True),
    Task("conv", "adam", 256, True),
    Task("resnet8", "momentum", 32, True),
]
if SMALLEST:
    TASKS = [Task("mlp", "sgd", 64, False), Task("mlp", "adamw", 64, True)]


class Results:
    """Accuracies (per cent) of trainings, made when asked for and kept in a file of the data folder."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or data_dir() / "cache" / "bench_range_test"
        self.file = self.folder / "accuracies.json"
        self.known = json.loads(self.file.read_text()) if self.file.exists() else {}
        self._data = None

    @property
    def data(self):
        if self._data is None:
            self._data = cifar10(train=5_000, val=1_000, test=100, quiet=True)
            if not (self._data.is_real or SMALLEST):
                raise SystemExit("this benchmark compares on real CIFAR-10 only: set COURSE_CIFAR10 to a copy")
        return self._data

    def test(self, task: Task) -> RangeTest:
        """The range test of a task: three seeds of 100 updates from 1e-5 to 10."""
        path = self.folder / f"{task.name}.npz"
        if not path.exists():
            sweep = range_test(*self._swap(task), batch_size=task.batch_size, compute=pick("cpu"), validate_every=10)
            sweep.runs.save(path, points=10_000)
        return RangeTest(RunTable.load(path))

    def _swap(self, task):
        model, optimizer = task.fresh(seed=0)
        return model, self.data, optimizer

    def accuracy(self, task: Task, mode: str, lr: float) -> float:
        """Validation accuracy at the end, mean over the seeds. mode: "constant" or "one cycle"."""
        return sum(self._one(task, mode, lr, seed) for seed in SEEDS) / len(SEEDS)

    def _one(self, task, mode, lr, seed) -> float:
        key = f"{task.name} | {mode} | {lr:.3g} | {seed}"
        if key not in self.known:
            self.known[key] = trained(task, mode, float(f"{lr:.3g}"), seed, self.data)
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.file.with_suffix(".part")
            part.write_text(json.dumps(self.known, indent=0))
            part.replace(self.file)
        return self.known[key]


def trained(task: Task, mode: str, lr: float, seed: int, data) -> float:
    """Accuracy in per cent after UPDATES updates; a constant rate jumps about, so there it is a mean of three."""
    model, optimizer = task.fresh(seed, lr)
    how = dict(updates=UPDATES, batch_size=task.batch_size, seed=seed, validate_every=None, compute=pick("cpu"))
    if mode == "one cycle":
        how["momentum"] = None if task.optimizer in ("sgd", "rmsprop") else partial(one_cycle_momentum, T=UPDATES)
        schedule = partial(one_cycle, peak=lr, T=UPDATES)
        looks = [UPDATES]
    else:
        schedule, looks = None, [UPDATES - 20, UPDATES - 10, UPDATES]
    seen = []
    for step in train(model, data, optimizer, schedule, **how):
        if step.run.status == "diverged":
            return 10.0
        if step.t in looks:
            seen.append(100 * evaluate(model, data, "val", pick("cpu"))[1])
    return sum(seen) / len(seen)
