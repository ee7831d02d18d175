"""Invented range tests whose answer is known: the loss falls between two known rates, then the training breaks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from course_utils.runs import Run

LOW, HIGH, N, START = 1e-5, 10.0, 100, math.log(10)
SHAPES = ("explodes", "gets stuck", "wears off")


@dataclass(frozen=True)
class Curve:
    """falls: log10 of the rate in the middle of the fall; breaks: log10 of the rate from which it gets worse.

    depth: how far the loss falls; noise: standard deviation of one batch's loss; shape: what breaking looks like.
    """

    shape: str
    falls: float
    breaks: float
    depth: float
    noise: float

    def loss(self, x: np.ndarray) -> np.ndarray:
        """The loss without noise at log10 rates x."""
        y = START - self.depth / (1 + np.exp(-(x - self.falls) / 0.25))
        past = x - self.breaks
        if self.shape == "explodes":
            return y + np.minimum(0.05 * self.depth * np.exp(np.minimum(past, 2) / 0.12), 1e4)
        if self.shape == "gets stuck":
            return y + 0.6 * self.depth / (1 + np.exp(-past / 0.1))
        return y + self.depth * np.maximum(past, 0) ** 2

    def run(self, seed: int, rng: np.random.Generator) -> Run:
        """One seed: independent noise, three times as strong after the break; ended at four times the lowest."""
        x = np.linspace(math.log10(LOW), math.log10(HIGH), N)
        noisy = self.loss(x) + self.noise * np.where(x > self.breaks, 3, 1) * rng.standard_normal(N)
        lost = np.flatnonzero(noisy > 4 * START)
        n = int(lost[0]) + 1 if len(lost) else N
        return Run(
            config={"high": HIGH, "updates": N},
            seed=seed,
            source="invented",
            t=list(range(1, n + 1)),
            lr=(10 ** x[:n]).tolist(),
            momentum=[0.9] * n,
            loss_log=noisy[:n].tolist(),
        )

    def usable(self) -> tuple[float, float]:
        """log10 of the first rate that has 5 % of the improvement, and of the rate with the lowest loss."""
        x = np.linspace(math.log10(LOW), math.log10(HIGH), 20_001)
        y = self.loss(x)
        best = int(y.argmin())
        return float(x[np.flatnonzero(y < START - 0.05 * (START - y[best]))[0]]), float(x[best])


def drawn(n: int, seed: int) -> list[Curve]:
    """n random curves, the shapes in turn."""
    rng = np.random.default_rng(seed)
    curves = []
    for i in range(n):
        falls = rng.uniform(-3.5, -1.2)
        curves.append(
            Curve(SHAPES[i % 3], falls, falls + rng.uniform(0.5, 1.5), rng.uniform(0.3, 1.0), rng.uniform(0.03, 0.08))
        )
    return curves
