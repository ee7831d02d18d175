"""Run: the record of one training. RunTable: many of them in one small file. Nothing here needs PyTorch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

FORMAT = 1  # raised when the files change in a way old code cannot read
_CURVES = ("t", "lr", "momentum", "loss")


@dataclass
class Run:
    """What happened in one training. Every number a lesson shows comes from one of these.

    config: what was chosen (optimizer, peak LR, batch size, ...), names -> numbers or short strings.
    status: "running", "finished", "stopped" (by hand) or "diverged" (the loss became infinite or NaN).
    diverged_at: number of updates after which the loss was first not finite, else None.
    kind: "live" (made in this kernel) or "recorded" (loaded from a file).
    t, lr, momentum, loss: one entry an update. lr and momentum are read from the optimizer after it has used them,
        t counts the updates made (first entry 1), loss is the mean over the training batch before the update.
    val: (t, mean loss, accuracy in [0, 1]) at each validation; test: (mean loss, accuracy) or None.
    """

    config: dict = field(default_factory=dict)
    seed: int = 0
    status: str = "running"
    diverged_at: int | None = None
    kind: str = "live"
    source: str = ""
    device: str = ""
    dtype: str = ""
    versions: dict = field(default_factory=dict)
    t: list = field(default_factory=list)
    lr: list = field(default_factory=list)
    momentum: list = field(default_factory=list)
    loss_log: list = field(default_factory=list, repr=False)  # numbers, or 0-d tensors nobody has looked at yet
    val: list = field(default_factory=list)
    test: tuple | None = None

    @property
    def loss(self) -> list[float]:
        """Loss of every update. Looking is what copies new values from the device."""
        if self.loss_log and not isinstance(self.loss_log[-1], float):
            self.loss_log[:] = [float(x) for x in self.loss_log]
        return self.loss_log

    @property
    def diverged(self) -> bool:
        return self.status == "diverged"

    @property
    def final_accuracy(self) -> float:
        """Accuracy at the last validation, in [0, 1]; NaN if there was none."""
        return self.val[-1][2] if self.val else math.nan

    @property
    def best_accuracy(self) -> float:
        """Highest validation accuracy of the run, in [0, 1]; NaN if there was none."""
        return max((v[2] for v in self.val), default=math.nan)

    def ema(self, beta: float = 0.98) -> list[float]:
        """Exponential moving average of the loss, bias-corrected as in Adam: s_t / (1 - beta^t)."""
        if not 0 <= beta < 1:
            raise ValueError(f"beta must lie in [0, 1), got {beta!r}. 0.98 averages over about 50 updates.")
        smooth, s = [], 0.0
        for i, x in enumerate(self.loss, start=1):
            s = beta * s + (1 - beta) * x
            smooth.append(s / (1 - beta**i))
        return smooth

    def label(self) -> str:
        """What this record is: 'live run, CIFAR-10 (JPEG copy), seed 0'."""
        return f"{self.kind} run, {self.source or 'unnamed data'}, seed {self.seed}"

    def thinned(self, points: int = 100) -> Run:
        """A copy with at most `points` entries a curve: means over equal stretches of updates, at their last update."""
        if len(self.t) <= points:
            return self
        ends = np.linspace(0, len(self.t), points + 1).round().astype(int)
        parts = list(zip(ends[:-1], ends[1:]))
        copy = Run(**{**self.__dict__, "val": list(self.val)})
        copy.t = [self.t[b - 1] for _, b in parts]
        for name in ("lr", "momentum"):
            values = getattr(self, name)
            setattr(copy, name, [values[b - 1] for _, b in parts])
        copy.loss_log = [float(np.mean(self.loss[a:b])) for a, b in parts]
        return copy

    def save(self, path: str | os.PathLike) -> Path:
        """Write this run to `path` (.npz), all updates kept."""
        return _save([self], path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Run:
        """Read a run written by `save`; it is then of kind "recorded"."""
        runs = _load(path)
        if len(runs) != 1:
            raise ValueError(f"{path} holds {len(runs)} runs, not one. Read it with RunTable.load.")
        return runs[0]

    def as_dict(self) -> dict:
        """Plain Python values only (for checkpoints)."""
        return {**asdict(self), "loss_log": list(self.loss)}


class RunTable:
    """A list of runs that can be filtered by what was chosen.

    table.where(optimizer="sgd", lr=0.1).median("final_accuracy")
    """

    def __init__(self, runs: Iterable[Run]):
        self.runs = list(runs)

    def __len__(self):
        return len(self.runs)

    def __iter__(self):
        return iter(self.runs)

    def __getitem__(self, i):
        return self.runs[i]

    def __repr__(self):
        return f"RunTable({len(self)} runs)"

    def where(self, **chosen) -> RunTable:
        """The runs whose config (or seed, status, ...) equals every given value; numbers are compared to 1e-9."""
        return RunTable(r for r in self if all(_same(_look_up(r, k), v) for k, v in chosen.items()))

    def values(self, key: str) -> list:
        """The different values of `key` in this table, sorted."""
        return sorted({_look_up(r, key) for r in self})

    def numbers(self, what: str = "final_accuracy") -> list[float]:
        """One number a run: the attribute `what` of each."""
        return [getattr(r, what) for r in self]

    def median(self, what: str = "final_accuracy") -> float:
        if not self.runs:
            raise ValueError("no run fits. Print table.values(...) to see what was recorded.")
        return float(np.median(self.numbers(what)))

    def label(self) -> str:
        """What these records are, in one line."""
        if not self.runs:
            return "no runs"
        seeds, first = len({r.seed for r in self}), self.runs[0]
        return f"{first.kind} runs, {first.source}, {seeds} seed{'s' * (seeds > 1)}, {first.device} {first.dtype}"

    def save(self, path: str | os.PathLike, points: int = 100) -> Path:
        """Write all runs to one .npz, curves thinned to `points` (see Run.thinned)."""
        return _save([r.thinned(points) for r in self], path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> RunTable:
        """Read a table; nothing in the file is executed. Raises ValueError if the file is not one of ours."""
        return cls(_load(path))


def recorded(name: str) -> RunTable:
    """The runs recorded for a lesson, e.g. recorded("10.1.1"). Raises FileNotFoundError naming what there is."""
    from course_utils.paths import recorded_dir

    path = recorded_dir() / f"{name}.npz"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in recorded_dir().glob("*.npz"))) or "nothing yet"
        raise FileNotFoundError(f"no recorded runs {name!r}; recorded so far: {there}. See `python -m course_utils.record`.")
    return RunTable.load(path)


def _look_up(run: Run, key: str):
    if key in run.config:
        return run.config[key]
    if hasattr(run, key):
        return getattr(run, key)
    raise KeyError(f"{key!r} is not in this run's config, which has {', '.join(sorted(run.config))}.")


def _same(a, b) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9)
    return a == b


# ----------------------------------------------------------------------------------------------------------- files
_SKIP = {*_CURVES, "loss_log", "val"}


def _save(runs: list[Run], path) -> Path:
    """One JSON text for what was chosen, flat float32 arrays for what was measured."""
    path = Path(path)
    meta = [{k: v for k, v in asdict(r).items() if k not in _SKIP} for r in runs]
    arrays = {
        "format": np.array(FORMAT),
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
        "length": np.array([len(r.t) for r in runs]),
        "val_length": np.array([len(r.val) for r in runs]),
        "val": np.array([v for r in runs for v in r.val], dtype=np.float32).reshape(-1, 3),
    }
    for name in _CURVES:
        kind = np.int32 if name == "t" else np.float32
        arrays[name] = np.array([x for r in runs for x in getattr(r, name)], dtype=kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "wb") as f:
        np.savez_compressed(f, **arrays)
    os.replace(part, path)  # atomic: a reader sees the old file or the new one
    return path


def _load(path) -> list[Run]:
    try:
        with np.load(path, allow_pickle=False) as z:
            arrays = {k: z[k] for k in z.files}
        found = int(arrays["format"])
        meta = json.loads(arrays["meta"].tobytes())
    except FileNotFoundError:
        raise
    except Exception as e:
        raise ValueError(f"{path} is not a run record of this course ({e}). Delete it, or fetch it again.") from e
    if found > FORMAT:
        raise ValueError(f"{path} has format {found}, this code reads up to {FORMAT}. Update the course.")
    runs, i, j = [], 0, 0
    for m, n, nv in zip(meta, arrays["length"], arrays["val_length"]):
        run = Run(**{**m, "kind": "recorded", "test": tuple(m["test"]) if m["test"] else None})
        run.t, run.lr, run.momentum, run.loss_log = (arrays[name][i : i + n].tolist() for name in _CURVES)
        run.val = [(int(t), loss, acc) for t, loss, acc in arrays["val"][j : j + nv].tolist()]
        runs.append(run)
        i, j = i + n, j + nv
    return runs
