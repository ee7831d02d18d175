"""What other libraries read off a range test: torch-lr-finder 0.2.2, fastai 2.8, Lightning 2.6.

Their own code where their files can be found (on PYTHONPATH, or in the folder that COURSE_PEERS names: `pip install
--no-deps --target FOLDER torch-lr-finder fastai lightning`); only the rule is taken out of the file, so that nothing
else of those packages has to import. Otherwise the same few lines below, which are compared with the originals
whenever both are there.

Each gets the losses of one seed as its own finder would have kept them: smoothed its way, stopped its way.
"""

from __future__ import annotations

import ast
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

FILES = {
    "torch-lr-finder": ("torch_lr_finder/lr_finder.py", "plot"),
    "Lightning": ("lightning/pytorch/tuner/lr_finder.py", "suggestion"),
    **{f"fastai {name}": ("fastai/callback/schedule.py", name) for name in ("minimum", "steep", "valley", "slide")},
}
MODES = {name: "one cycle" if "fastai" in name else "constant" for name in FILES}  # what the authors mean it for


# ---------------------------------------------------------------------------------------- what each finder keeps
def _smoothed(raw, factor: float, corrected: bool) -> np.ndarray:
    """Moving average that keeps `factor` of the past; torch-lr-finder's starts at the first loss, uncorrected."""
    losses, average = [], 0.0 if corrected else raw[0]
    for i, loss in enumerate(raw):
        average = factor * average + (1 - factor) * loss
        losses.append(average / (1 - factor ** (i + 1)) if corrected else average)
    return np.array(losses)


def _until(losses, times: float) -> int:
    """How many losses are kept: up to and with the first one above `times` the best so far."""
    best = math.inf
    for i, loss in enumerate(losses):
        best = min(best, loss)
        if not loss <= times * best:
            return i + 1
    return len(losses)


def history(name: str, lr, raw) -> tuple[np.ndarray, np.ndarray]:
    """(rates, losses) as the finder of this name keeps them; lr, raw: [n] of one seed, ended by NaN if it diverged."""
    raw = np.asarray(raw, float)
    lr, raw = np.asarray(lr, float)[: len(raw)], raw
    keep, corrected, times = {"torch-lr-finder": (0.95, False, 5.0)}.get(name, (0.98, True, 4.0))
    losses = _smoothed(raw, keep, corrected)
    n = _until(losses, times)
    return lr[:n], losses[:n]


# ------------------------------------------------------------------------------------------------- the same lines
def _steepest(lr, loss):
    """torch_lr_finder/lr_finder.py, LRFinder.plot: steepest step of the loss, by index."""
    lr, loss = lr[10:-5], loss[10:-5]
    return lr[np.gradient(loss).argmin()] if len(lr) > 1 else None


def _lightning(lr, loss):
    """lightning/pytorch/tuner/lr_finder.py, _LRFinder.suggestion: steepest slope in the rate itself, not its log."""
    lr, loss = torch.tensor(lr[10:-1]), torch.tensor(loss[10:-1])
    finite = torch.isfinite(loss)
    lr, loss = lr[finite], loss[finite]
    return float(lr[torch.gradient(loss, spacing=[lr])[0].argmin()]) if len(loss) > 1 else None


def _minimum(lr, loss):
    return lr[loss.argmin()] / 10


def _steep(lr, loss):
    return lr[((loss[1:] - loss[:-1]) / (np.log(lr[1:]) - np.log(lr[:-1]))).argmin()]


def _valley(lr, loss):
    longest, start, end = [1] * len(loss), 0, 0
    for i in range(1, len(loss)):
        for j in range(i):
            if loss[i] < loss[j] and longest[i] < longest[j] + 1:
                longest[i] = longest[j] + 1
            if longest[end] < longest[i]:
                end = i
                start = end - longest[end]
    third = (end - start) / 3
    return lr[start + int(third) + int(third / 2)]


def _slide(lr, loss):
    slope, right, left = np.gradient(loss), -1, -16
    rate = lr[left]
    while left >= -len(loss) and abs(slope[right] - slope[left]) > 0.005:
        rate = lr[left]
        right, left = right - 1, left - 1
    return rate


SAME = {
    "torch-lr-finder": _steepest,
    "Lightning": _lightning,
    "fastai minimum": _minimum,
    "fastai steep": _steep,
    "fastai valley": _valley,
    "fastai slide": _slide,
}


# ------------------------------------------------------------------------------------------------- their own code
def _found(relative: str) -> Path | None:
    folders = [os.environ.get("COURSE_PEERS"), *sys.path]
    return next((Path(f) / relative for f in folders if f and (Path(f) / relative).is_file()), None)


def _taken(relative: str, name: str) -> Callable | None:
    """The function or method `name` out of an installed file, compiled alone."""
    path = _found(relative)
    if path is None:
        return None
    tree = ast.parse(path.read_text())
    node = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name)
    node.decorator_list, node.returns = [], None
    for argument in node.args.args:
        argument.annotation = None
    quiet = SimpleNamespace(error=lambda *_: None)
    space = {"np": np, "torch": torch, "log": quiet, "to_np": lambda x: x.numpy(), "print": lambda *_: None}
    exec(compile(ast.Module([node], []), str(path), "exec"), space)  # noqa: S102
    return space[name]


def _call(name: str, rule: Callable, lr, loss):
    if name == "torch-lr-finder":
        axes = SimpleNamespace(
            **dict.fromkeys(
                ("plot", "scatter", "legend", "set_xscale", "set_xlabel", "set_ylabel"), lambda *_, **__: None
            )
        )
        finder = SimpleNamespace(history={"lr": list(lr), "loss": list(loss)})
        return rule(finder, ax=axes)[1]
    if name == "Lightning":
        return rule(SimpleNamespace(results={"lr": list(lr), "loss": list(loss)}))
    return rule(torch.tensor(lr), torch.tensor(loss), len(loss))[0]


OWN = {name: _taken(*place) for name, place in FILES.items()}


def suggested(name: str, lr, raw, planned: int) -> float | None:
    """The rate that library `name` suggests for one seed, or None where it says it cannot or breaks off.

    lr, raw: [n], of the updates that were made; planned: updates of the whole sweep.
    """
    rates, losses = history(name, lr, raw)
    if "fastai" in name:  # Learner.lr_find leaves out a tenth at the start and five at the end
        rates, losses = rates[planned // 10 : -5], losses[planned // 10 : -5]
    if len(rates) < (18 if "fastai" in name else 17):
        return None
    same = SAME[name](rates, losses)
    if OWN[name] is None:
        return None if same is None else float(same)
    own = _call(name, OWN[name], rates, losses)
    if not math.isclose(own, same, rel_tol=1e-5):
        raise AssertionError(f"{name} suggests {own!r}, the lines kept here {same!r}")
    return float(own)


def origin() -> str:
    """Where the peers' rules came from, for the head of the report."""
    own = [name for name, rule in OWN.items() if rule]
    rest = [name for name in FILES if name not in own]
    return f"own code of: {', '.join(own) or 'none'}; the same lines kept here for: {', '.join(rest) or 'none'}"
