"""A schedule as a curve: sampled for a picture, measured, and told in a line. No torch, no matplotlib."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

POINTS = 201  # samples of a curve: one every three pixels


def sample(schedule: Callable, T: float, jumps=(), points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Times 0 ... T and the schedule there; a jump is sampled just before and at it, so it stands upright."""
    early = (0.1 * T) * np.linspace(0, 1, 12) ** 3  # 1 / sqrt(t) falls most in the first few updates
    t = np.concatenate([np.linspace(0, T, points), early])
    inside = np.array([jump for jump in jumps if 0 < jump <= T], dtype=float)
    t = np.unique(np.concatenate([t, inside, np.nextafter(inside, 0)]))
    return t, values_at(schedule, t)


def values_at(schedule: Callable, t) -> np.ndarray:
    """The schedule at each of these times."""
    return np.array([schedule(float(u)) for u in t], dtype=float)


def read_off(curve: tuple[np.ndarray, np.ndarray], u: float) -> float:
    """The curve (t, lr) at time u: at a jump what follows it."""
    t, lr = curve
    return float(lr[np.searchsorted(t, u, side="right") - 1] if u in t else np.interp(u, t, lr))


def mean_rate(t: np.ndarray, lr: np.ndarray) -> float:
    """Mean LR over the run: the area under the curve divided by its length (trapezoid rule)."""
    return float(np.sum((lr[1:] + lr[:-1]) / 2 * np.diff(t)) / (t[-1] - t[0]))


def share_above(t: np.ndarray, lr: np.ndarray, level: float) -> float:
    """Share of the run, 0 to 1, with LR >= level; straight lines between the samples."""
    low, high = np.minimum(lr[1:], lr[:-1]), np.maximum(lr[1:], lr[:-1])
    rise = np.where(high > low, high - low, 1.0)
    part = np.where(low >= level, 1.0, np.clip((high - level) / rise, 0.0, 1.0))
    return float(np.sum(part * np.diff(t)) / (t[-1] - t[0]))


def momentum_foot(m: np.ndarray) -> float:
    """Lower end of an axis for this momentum, in tenths: it changes rarely."""
    return max(0.0, math.floor((m.min() - 0.02) * 10) / 10)


def summary(label: str, t: np.ndarray, lr: np.ndarray) -> str:
    """One line in words: where it starts, its peak and end, its mean, how long it stays large."""
    peak, share = lr.max(), share_above(t, lr, lr.max() / 2)
    start = "" if lr[0] == peak else f"starts at {lr[0]:.3g}, "
    words = f"{label}: {start}peak {peak:.3g}, ends at {written(lr[-1], peak)}"
    words += f", mean LR (area / T) {mean_rate(t, lr):.3g}"
    return f"{words}, {share:.0%} of the updates at or above half the peak."


def written(value: float, peak: float) -> str:
    """A rate as it is written beside its peak: what is only rounding is 0."""
    return "0" if abs(value) < 1e-9 * peak else f"{value:.3g}"
