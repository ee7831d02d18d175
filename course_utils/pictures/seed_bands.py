"""Several seeds as one curve: the median at each update, with the range from lowest to highest seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

SMOOTH_ABOVE = 400  # a record with more points than this is per update and noisy; a thinned one holds means already

WORDS = {"loss": "training loss", "accuracy": "validation accuracy (%)"}
WORDS |= {"val_loss": "validation loss", "lr": "learning rate"}


def runs_of(group) -> list:
    """One run, a list of runs or a RunTable -> a list of runs."""
    return [group] if hasattr(group, "config") else list(group)


def note_of(groups: Mapping, note: str | None = None) -> str:
    """The note given, or what the runs themselves (label -> see `runs_of`) say about their data."""
    if note is not None:
        return note
    runs = [run for group in groups.values() for run in runs_of(group)]
    kinds = sorted({f"{run.kind}: {run.source}" for run in runs if run.source})
    return "; ".join(kinds) + (" (not CIFAR-10)" if any("stand-in" in kind for kind in kinds) else "")


def curve_of(run, what: str = "loss") -> tuple[np.ndarray, np.ndarray]:
    """(t, values) of one run. what: "loss" (smoothed if noisy), "accuracy" (per cent), "val_loss" or "lr"."""
    if what == "loss":
        values = run.ema(0.98) if len(run.t) > SMOOTH_ABOVE else run.loss
        return np.asarray(run.t, float), np.asarray(values, float)
    if what == "lr":
        return np.asarray(run.t, float), np.asarray(run.lr, float)
    if what in ("accuracy", "val_loss"):
        val = np.asarray(run.val, float).reshape(-1, 3)
        return val[:, 0], 100 * val[:, 2] if what == "accuracy" else val[:, 1]
    raise ValueError(f"what = {what!r}: choose one of {', '.join(WORDS)}")


def seed_band(runs: Iterable, what: str = "loss") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(t, median, lowest, highest) over the runs. Where one has ended or is not finite, the others go on."""
    curves = [curve_of(run, what) for run in runs]
    curves = [(t, y) for t, y in curves if len(t)]
    if not curves:
        return (np.empty(0),) * 4
    grid = max((t for t, _ in curves), key=lambda t: t[-1])
    rows = np.array([_on_grid(grid, t, y) for t, y in curves])
    seen = np.isfinite(rows).any(axis=0)
    grid, rows = grid[seen], rows[:, seen]
    return grid, np.nanmedian(rows, axis=0), np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)


def _on_grid(grid, t, y):
    finite = np.isfinite(y)
    if not finite.any():
        return np.full(len(grid), np.nan)
    return np.interp(grid, t[finite], y[finite], left=np.nan, right=np.nan)


def summary_of(runs: list) -> dict:
    """Numbers of one setting: seeds, when some diverged, accuracies (per cent) of those that did not."""
    accuracies = [run.percent for run in runs if run.status != "diverged" and run.val]
    return {
        "seeds": len(runs),
        "diverged_at": sorted(run.diverged_at or 0 for run in runs if run.status == "diverged"),
        "accuracies": sorted(accuracies),
        "median": float(np.median(accuracies)) if accuracies else float("nan"),
    }
