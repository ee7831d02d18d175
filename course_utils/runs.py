"""Run: the record of one training. RunTable: many of them in one small file. Nothing here needs PyTorch.

A Run that is saved comes back number for number (as kind "recorded"): measurements are stored as 8-byte
floats. A RunTable is thinned when saved.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from course_utils.files import check_regular, recorded_dir, write_whole

FORMAT = 1  # raised when the files change in a way old code cannot read
MOST_BYTES = 1_000_000_000  # of a record, unpacked: a table of 2,000 runs has 10 MB
_CURVES = ("t", "lr", "momentum", "loss")


@dataclass
class Run:
    """What happened in one training. Every number a lesson shows comes from one of these.

    config: what was chosen (optimizer, peak LR, batch size, ...), names -> numbers or short strings.
    status: "running", "finished", "stopped" (by hand) or "diverged" (the loss became infinite or NaN).
    diverged_at: number of updates after which the loss was first not finite, else None.
    kind: "live" (made in this kernel) or "recorded" (loaded from a file).
    t, lr, momentum, loss: one entry an update. lr and momentum are read from the optimizer after it has used them, t
        counts the updates made (first entry 1), loss is the mean over the training batch before the update.
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
        """Highest validation accuracy of the run, in [0, 1]; NaN if there was none with a finite loss."""
        return max((v[2] for v in self.val if math.isfinite(v[1])), default=math.nan)

    @property
    def percent(self) -> float:
        """Accuracy at the last validation in per cent, as pictures and lessons show it; NaN if there was none."""
        return 100 * self.final_accuracy

    @property
    def test_percent(self) -> float:
        """Accuracy on the test images in per cent; NaN if it was not measured."""
        return 100 * self.test[1] if self.test else math.nan

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
        """A copy with at most `points` entries a curve, each for an equal stretch of updates: t, lr and
        momentum of its last update, and the mean loss (to 7 digits, which keeps files small)."""
        if points < 1:
            raise ValueError(f"points must be >= 1, got {points!r}. 100 are plenty for a picture.")
        copy = Run(**self.as_dict())
        if len(self.t) <= points:
            return copy
        ends = np.linspace(0, len(self.t), points + 1).round().astype(int)
        parts = list(zip(ends[:-1], ends[1:], strict=True))
        copy.t = [self.t[b - 1] for _, b in parts]
        for name in ("lr", "momentum"):
            values = getattr(self, name)
            setattr(copy, name, [values[b - 1] for _, b in parts])
        copy.loss_log = [float(np.float32(np.mean(self.loss[a:b]))) for a, b in parts]
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
        """All fields as plain Python values, independent of this run (for checkpoints)."""
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"loss_log": self.loss}
        return {k: v.copy() if isinstance(v, (list, dict)) else v for k, v in values.items()}

    def even_out(self) -> None:
        """Drop the last entry of curves that are one longer: an interrupt may fall between two of them."""
        shortest = min(len(self.t), len(self.lr), len(self.momentum), len(self.loss_log))
        for curve in (self.t, self.lr, self.momentum, self.loss_log):
            del curve[shortest:]


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
        """The different values of `key` in this table, sorted (None first, numbers before texts)."""
        order = lambda v: (v is not None, isinstance(v, str), v)  # noqa: E731
        return sorted({_look_up(r, key) for r in self}, key=order)

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
        n, first = len({r.seed for r in self}), self.runs[0]
        return f"{first.kind} runs, {first.source}, {n} seed{'s' * (n > 1)}, {first.device} {first.dtype}"

    def save(self, path: str | os.PathLike, points: int = 100) -> Path:
        """Write all runs to one .npz, curves thinned to `points` (see Run.thinned)."""
        return _save([r.thinned(points) for r in self], path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> RunTable:
        """Read a table; nothing in the file is executed. Raises ValueError if the file is not one of ours."""
        return cls(_load(path))


def recorded(name: str) -> RunTable:
    """The runs recorded for a lesson, e.g. recorded("10.1.1"). Raises FileNotFoundError naming what there is."""
    path = recorded_dir() / f"{name}.npz"
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in recorded_dir().glob("*.npz"))) or "nothing yet"
        raise FileNotFoundError(
            f"no recorded runs {name!r}; recorded so far: {names}. See `python -m course_utils.authoring.recording`."
        )
    return RunTable.load(path)


def _look_up(run: Run, key: str):
    if key in run.config:
        return run.config[key]
    if hasattr(run, key):
        return getattr(run, key)
    raise KeyError(f"{key!r} is not in this run's config, which has {', '.join(sorted(run.config))}.")


def _same(a, b) -> bool:
    if isinstance(a, Real) and isinstance(b, Real):
        return math.isclose(a, b, rel_tol=1e-9)
    return a == b


# ------------------------------------------------------------------------------------------------------ files
_SKIP = {*_CURVES, "loss_log", "val"}


def plain(value, name: str):
    """`value` with NumPy numbers made Python's. Raises ValueError for what a record cannot hold."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, (list, tuple)):
        return [plain(v, f"{name}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {k: plain(v, f"{name}[{k!r}]") for k, v in value.items()}
    raise ValueError(f"{name} cannot be recorded: {value!r}. Use numbers, texts or lists.")


def _save(runs: list[Run], path) -> Path:
    """One JSON text for what was chosen, flat arrays for what was measured."""
    meta = [{k: plain(v, k) for k, v in r.as_dict().items() if k not in _SKIP} for r in runs]
    arrays = {
        "format": np.array(FORMAT),
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
        "length": np.array([len(r.t) for r in runs]),
        "val_length": np.array([len(r.val) for r in runs]),
        "val": np.array([v for r in runs for v in r.val], dtype=np.float64).reshape(-1, 3),
    }
    for name in _CURVES:
        kind = np.int64 if name == "t" else np.float64
        arrays[name] = np.array([x for r in runs for x in getattr(r, name)], dtype=kind)
    return write_whole(path, lambda file: np.savez_compressed(file, **arrays))


def _load(path) -> list[Run]:
    try:
        check_regular(path)
        with np.load(path, allow_pickle=False) as z:
            if (size := sum(member.file_size for member in z.zip.infolist())) > MOST_BYTES:
                raise ValueError(f"it would unpack to {size / 1e9:.1f} GB")
            version = int(z["format"])
            arrays = {k: z[k] for k in z.files} if version <= FORMAT else {}
        if version <= FORMAT:
            return _runs(arrays)
    except OSError:  # not there, not readable: says so itself
        raise
    except Exception as e:
        raise ValueError(f"{path} is not a run record of this course ({e}). Delete it, or fetch it again.") from e
    raise ValueError(f"{path} has format {version}, this code reads up to {FORMAT}. Update the course.")


def _runs(arrays: dict) -> list[Run]:
    metas = json.loads(arrays["meta"].tobytes())
    lengths, val_lengths = arrays["length"].tolist(), arrays["val_length"].tolist()
    if any(len(arrays[name]) != sum(lengths) for name in _CURVES) or len(arrays["val"]) != sum(val_lengths):
        raise ValueError("curves of unequal length")
    curves = [arrays[name].tolist() for name in _CURVES]
    val = [(int(t), loss, accuracy) for t, loss, accuracy in arrays["val"].tolist()]
    runs, i, j = [], 0, 0
    for meta, n, nv in zip(metas, lengths, val_lengths, strict=True):
        test = tuple(meta["test"]) if meta["test"] else None
        run = Run(**{**meta, "kind": "recorded", "test": test, "val": val[j : j + nv]})
        run.t, run.lr, run.momentum, run.loss_log = (curve[i : i + n] for curve in curves)
        runs.append(run)
        i, j = i + n, j + nv
    return runs
