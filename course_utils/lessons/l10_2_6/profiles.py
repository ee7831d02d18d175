"""Weight profiles: how much each iterate counts in an average. T + 1 numbers that sum to 1."""

from __future__ import annotations

import math

import numpy as np

from course_utils.checks import check_within
from course_utils.training.averaging import ema, power_ema, profile, tail_mean


def last(T: int) -> np.ndarray:
    """Everything on the last iterate: no average at all."""
    return np.eye(T + 1)[T]


def exponential_profile(T: int, alpha: float, debias: bool = True) -> np.ndarray:
    """Equation 10.8; without debias what a library keeps, whose average begins as a copy of the first iterate."""
    return profile(ema(alpha, debias), T)


def window_profile(T: int, share: float) -> np.ndarray:
    """The plain mean of the last `share` of the training, in (0, 1]: at least one iterate."""
    length = max(1, round(check_within("share", share, 0, 1, ends="(]") * T))
    return profile(tail_mean(T - length), T)


def power_profile(T: int, gamma: float) -> np.ndarray:
    """The iterate after s updates counts in proportion to s^gamma."""
    return profile(power_ema(gamma), T)


def drawn_profile(T: int, heights) -> np.ndarray:
    """The training in equal stretches, every iterate of a stretch counts in proportion to its height.

    If all heights are 0 nothing can be averaged: then it is the last iterate.
    """
    heights = np.asarray(heights, float)
    weights = np.r_[0.0, heights[(np.arange(T) * len(heights)) // T]]
    return weights / weights.sum() if weights.any() else last(T)


def width(weights: np.ndarray) -> float:
    """How long a profile is, as Karras et al. measure it: its standard deviation over time, as a share of T."""
    t = np.arange(len(weights)) / (len(weights) - 1)
    return math.sqrt(max(0.0, float(weights @ t**2 - (weights @ t) ** 2)))


def gamma_of(sigma: float) -> float:
    """The power gamma whose profile has the width sigma, in (0, 0.288]: sigma^2 = (g + 1) / ((g + 2)^2 (g + 3))."""
    check_within("sigma", sigma, 0, 0.288, ends="(]", hint="The plain mean of everything has 0.289.")
    s = sigma**-2
    return float(np.roots([1, 7, 16 - s, 12 - s]).real.max())
