"""Reading an LR range test: a smoother that does not move the curve, and the rule that picks the band.

No torch here: a test that was saved is read like one that was just made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .runs import Run, RunTable

WIDTH = 0.025  # of the sweep: one standard deviation of the smoothing window
FEW = 12  # points; with fewer there is no curve to read


class RangeTest:
    """What a range test has seen: one run a seed.

    runs: RunTable, one Run a seed (`runs.save(path)`; `RangeTest(RunTable.load(path))` is the same test again).
    lr: [n], the swept rates, growing. raw: [seeds, n], the loss of every batch. smooth: [seeds, n], see `smoothed`.
    Both are NaN where a seed had been stopped.
    """

    def __init__(self, runs: Run | Iterable[Run]):
        """runs: of one test. Raises ValueError for no runs, runs without updates, or rates that do not grow."""
        self.runs = RunTable([runs] if isinstance(runs, Run) else runs)
        if not len(self.runs) or not all(isinstance(run, Run) for run in self.runs):
            raise ValueError(f"a range test needs at least one Run, got {runs!r}. Make some with range_test(...).")
        for run in self.runs:
            rates = np.asarray(run.lr, float)
            if not len(rates) or not (rates > 0).all() or not (np.diff(rates) > 0).all():
                raise ValueError(
                    f"the run of seed {run.seed} is no range test: its learning rate must grow from update to update. "
                    "Make one with range_test(...)."
                )
        longest = max(self.runs, key=lambda run: run.lr[-1])
        self.high = float(longest.config.get("high", longest.lr[-1]))  # where the sweep would have ended
        self.lr = np.asarray(longest.lr, float)
        self.raw = np.array([_on(self.lr, run.lr, run.loss) for run in self.runs])

    @property
    def smooth(self) -> np.ndarray:
        """[seeds, n]: `smoothed()` with its usual width."""
        return self.smoothed()

    def smoothed(self, width: float = WIDTH) -> np.ndarray:
        """[seeds, n]: the curves without the noise of single batches, not shifted (see `smooth_curve`).

        width: standard deviation of the window as a share of the sweep, in [0, 0.2]; 0 leaves the curves raw.
        """
        return np.array([smooth_curve(row, width * len(self.lr), cap=2 * _start(row)) for row in self.raw])

    def band(self, width: float = WIDTH) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(lr, median, lowest, highest) of the smoothed curves over the seeds.

        A seed that was stopped counts as worse than all others; the median is NaN where it would be a stopped one.
        """
        return (self.lr, *_median_band(self.smoothed(width)))

    def accuracy(self) -> tuple[np.ndarray, np.ndarray]:
        """(lr [k], accuracy [seeds, k] in per cent) at the validations; empty if there were none."""
        known = [{t: 100 * accuracy for t, _, accuracy in run.val if t != run.diverged_at} for run in self.runs]
        times = sorted({t for found in known for t in found})
        longest = max(self.runs, key=lambda run: run.t[-1])
        lr = np.exp(np.interp(times, longest.t, np.log(longest.lr)))
        return lr, np.array([[found.get(t, math.nan) for t in times] for found in known])

    def __repr__(self):
        return f"RangeTest({len(self.runs)} seeds, rates {self.lr[0]:.3g} to {self.lr[-1]:.3g}, {len(self.lr)} points)"


@dataclass(frozen=True)
class Suggestion:
    """What a range test says about the learning rate.

    eta_max: the peak for a schedule that comes down again (OneCycle, cosine). constant: for a rate that stays as it
    is. eta_min: where the loss first got better. All None where the rule declined; why: one sentence, always.
    """

    eta_max: float | None
    eta_min: float | None
    constant: float | None
    declined: bool
    why: str


# ------------------------------------------------------------------------------------------------------ smoothing
def smooth_curve(y, width: float, cap: float = math.inf) -> np.ndarray:
    """`y` [n] smoothed by straight lines fitted around each point (Gaussian weights, sd `width` points).

    A moving average that looks back shows at every rate what happened some updates before, so that minimum and slope
    lie at too high a rate: bias correction does not cure that. A window that looks equally far to both sides has no
    such lag, and a line instead of a mean has none at the ends either. The sweep has equal steps in log LR, hence the
    window is symmetric there. Values above `cap` count as `cap`: a loss that explodes would pull its neighbours up.
    NaN and infinite values are left out, and stay NaN. width 0 only caps.
    """
    fits, _ = _fit(np.minimum(np.asarray(y, float), cap), width)
    return fits


def _fit(y: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope (per point) of the line fitted around each point; NaN where y is not finite."""
    known = np.isfinite(y)
    value, slope = np.full(len(y), math.nan), np.full(len(y), math.nan)
    if width <= 0 or known.sum() < 3:
        value[known] = y[known]
        if known.sum() > 1:
            slope[known] = np.gradient(y[known], np.flatnonzero(known))
        return value, slope
    x = np.flatnonzero(known).astype(float)
    apart = x[None, :] - x[:, None]
    weight = np.exp(-0.5 * (apart / width) ** 2)
    s0, s1, s2 = (np.sum(weight * apart**k, axis=1) for k in range(3))
    y0, y1 = weight @ y[known], (weight * apart) @ y[known]
    det = s0 * s2 - s1**2
    value[known], slope[known] = (s2 * y0 - s1 * y1) / det, (s0 * y1 - s1 * y0) / det
    return value, slope


def _on(grid, lr, loss) -> np.ndarray:
    """The losses of a run at the rates `grid`; NaN above its last rate and where they are not finite."""
    lr, loss = np.asarray(lr, float), np.asarray(loss, float)
    if len(lr) <= len(grid) and np.array_equal(lr, grid[: len(lr)]):
        row = np.full(len(grid), math.nan)
        row[: len(lr)] = loss
    else:  # thinned records of different lengths
        row = np.interp(np.log(grid), np.log(lr), loss, right=math.nan)
    return np.where(np.isfinite(row), row, math.nan)


def _start(row: np.ndarray) -> float:
    """Loss before anything happened: the median of the first twentieth."""
    first = row[: max(3, len(row) // 20)]
    return float(np.median(first[np.isfinite(first)])) if np.isfinite(first).any() else math.nan


def _median_band(rows: np.ndarray):
    worst = np.where(np.isfinite(rows), rows, math.inf)
    median = np.median(worst, axis=0)
    median = np.where(np.isfinite(median), median, math.nan)
    low = worst.min(axis=0)
    high = np.where(np.isfinite(rows), rows, -math.inf).max(axis=0)
    return median, np.where(np.isfinite(low), low, math.nan), np.where(np.isfinite(high), high, math.nan)


# ------------------------------------------------------------------------------------------------------- the rule
def suggest(test: RangeTest | Run | Iterable[Run]) -> Suggestion:
    """Read eta_max, eta_min and a constant rate off a range test, or decline and say why.

    Everything is judged in log LR. Raises ValueError if `test` is neither a RangeTest nor runs of one.
    """
    test = test if isinstance(test, RangeTest) else RangeTest(test)
    lr, y, _, _ = test.band()
    here = np.flatnonzero(np.isfinite(y))
    if len(here) < FEW:
        return _no(f"only {len(here)} updates came before the test stopped: start at a rate below {lr[0]:.3g}.")
    x, y = np.log10(lr[here]), y[here]
    ended = here[-1] < len(lr) - 1 or lr[-1] < 0.999 * test.high
    noise = _noise(test)
    start = _start(y)
    best = int(np.argmin(y))
    drop = start - y[best]
    least = max(4 * noise, 0.01 * abs(start))
    if drop < least:
        if ended or y[-1] > start + least:
            return _no(f"the loss only rises: start below {lr[0]:.3g}.")
        return _no("the loss never improves beyond its own noise; the curve is flat.")
    rises = np.flatnonzero(y[best:] > y[best] + max(least, 0.1 * drop))
    if not len(rises) and not ended and best >= len(y) - max(3, len(y) // 10):
        return _no(f"the loss still falls at {lr[-1]:.3g}, the end of the sweep: raise high.")
    slope = np.gradient(y[: best + 1], x[: best + 1])
    falling = np.flatnonzero(slope <= 0.25 * slope.min())
    top = falling[-1] if len(falling) else best
    first = int(np.flatnonzero(start - y > max(least, 0.1 * drop))[0])
    eta_max, eta_min = 10 ** x[top], 10 ** x[min(first, top)]
    why = f"the loss falls from {lr[here[first]]:.3g} on and stops falling near {eta_max:.3g}"
    return Suggestion(float(eta_max), float(eta_min), float(eta_max / 3), False, why + ".")


def _no(why: str) -> Suggestion:
    return Suggestion(None, None, None, True, why[0].upper() + why[1:])


def _noise(test: RangeTest) -> float:
    """Standard deviation of the smoothed median that batch noise alone causes."""
    rest = test.raw - test.smoothed()
    rest = rest[np.isfinite(rest)]
    if not len(rest):
        return 0.0
    one = 1.4826 * float(np.median(np.abs(rest)))
    return one / math.sqrt(2 * math.sqrt(math.pi) * WIDTH * len(test.lr)) / math.sqrt(len(test.raw)) * 1.25
