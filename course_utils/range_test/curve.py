"""What an LR range test has seen, and a smoother that does not move the curve. No torch here: a test that was saved
is read like one that was just made."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from course_utils.checks import check_within
from course_utils.runs import Run, RunTable

WIDTH = 0.025  # of the sweep: standard deviation of the smoothing window
LEAST = 1.5  # points: a narrower window hardly smooths
CAP = 2.0  # times the loss at the start


class RangeTest:
    """One range test: a run for each seed, all over the same rates.

    runs: RunTable, one Run a seed (`runs.save(path)`; `RangeTest(RunTable.load(path))` is the test again).
    lr: [n], the rates, growing. raw: [seeds, n], the loss of each batch, NaN where a seed had been stopped.
    high: the rate at which the sweep would have ended. Values at the update that used a rate, before that update.
    """

    def __init__(self, runs: Run | Iterable[Run]):
        """runs: of one test, thinned or not. Raises ValueError for no runs, or rates that do not grow."""
        self.runs = RunTable([runs] if isinstance(runs, Run) else runs if isinstance(runs, Iterable) else [])
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
        self.high = max(float(longest.config.get("high", 0)), longest.lr[-1])
        self.lr = np.asarray(longest.lr, float)
        self.raw = np.array([_on(self.lr, run.lr, run.loss) for run in self.runs])
        done = longest.t[-1] / max(longest.config.get("updates", 0), longest.t[-1])
        self.points = len(self.lr) / done  # that the whole sweep would have had; windows are shares of it
        self.first = max(3, int(self.points / 10))  # points that count as the start

    @property
    def smooth(self) -> np.ndarray:
        """[seeds, n]: `smoothed()` with its usual width."""
        return self.smoothed()

    @property
    def start(self) -> float:
        """The loss before anything has happened: the median of the first tenth; NaN if nothing was finite."""
        first = self.raw[:, : self.first]
        first = first[np.isfinite(first)]
        return float(np.median(first)) if len(first) else math.nan

    @property
    def cap(self) -> float:
        """Losses above this count as this much in the smoothed curves: an explosion would pull its neighbours up."""
        return CAP * self.start if math.isfinite(self.start) else math.inf

    def smoothed(self, width: float = WIDTH) -> np.ndarray:
        """[seeds, n]: the curves without the noise of single batches, not shifted (see `smooth_curve`).

        width: standard deviation of the window as a share of the sweep, in [0, 0.2]; 0 leaves out the smoothing.
        """
        check_within("width", width, 0, 0.2, hint=f"It is a share of the sweep, usually {WIDTH}.")
        return np.array([smooth_curve(row, self.window(width), self.cap) for row in self.raw])

    def window(self, width: float = WIDTH) -> float:
        """Standard deviation of the smoothing window in points: `width` of the whole sweep, at least one and a half."""
        return max(width * self.points, LEAST) if width else 0.0

    def band(self, width: float = WIDTH) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(lr, median, lowest, highest) of the smoothed curves over the seeds, [n] each.

        A seed that was stopped counts as worse than all others; the median is NaN where it would be a stopped one.
        """
        return (self.lr, *_median_band(self.smoothed(width)))

    def accuracy(self) -> tuple[np.ndarray, np.ndarray]:
        """(lr [k], accuracy [seeds, k] in per cent) at the validations; k = 0 without `validate_every`."""
        measured = [{t: 100 * accuracy for t, _, accuracy in run.val if t != run.diverged_at} for run in self.runs]
        times = sorted({t for accuracies in measured for t in accuracies})
        longest = max(self.runs, key=lambda run: run.t[-1])
        lr = np.exp(np.interp(times, longest.t, np.log(longest.lr)))
        rows = [[accuracies.get(t, math.nan) for t in times] for accuracies in measured]
        return lr, np.array(rows).reshape(len(rows), -1)

    def accuracy_band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(lr, median, lowest, highest) of the accuracy in per cent, [k] each."""
        lr, rows = self.accuracy()
        median, low, high = _median_band(-rows)
        return lr, -median, -high, -low

    def ends(self) -> np.ndarray:
        """[seeds]: the last rate of each seed; `high` for one that was not stopped."""
        return np.array([run.lr[-1] for run in self.runs])

    def __repr__(self):
        seeds = f"{len(self.runs)} seed{'s' * (len(self.runs) > 1)}"
        return f"RangeTest({seeds}, rates {self.lr[0]:.3g} to {self.lr[-1]:.3g}, {len(self.lr)} points)"


def smooth_curve(y, width: float, cap: float = math.inf) -> np.ndarray:
    """`y` [n], equally spaced, smoothed by a line fitted around each point (Gaussian weights, sd `width` points).

    A moving average looks back: at every rate it shows what happened some updates earlier, and minimum and slope come
    out at too high a rate. Bias correction only mends its first values, not the lag. A window that looks equally far
    to both sides has no lag, and a line instead of a mean has none at the ends either; an exponential sweep has equal
    steps in log LR, so the window is symmetric there. Values above `cap` count as `cap`. What is not finite is left
    out and comes back as NaN. Source: local linear regression, Cleveland 1979 (doi 10.2307/2286407).
    """
    y = np.minimum(np.asarray(y, float), cap)
    x = np.flatnonzero(np.isfinite(y)).astype(float)
    known = x.astype(int)
    smooth = np.full(len(y), math.nan)
    smooth[known] = y[known]
    if width > 0 and len(x) > 2:
        apart = x[None, :] - x[:, None]
        weight = np.exp(-0.5 * (apart / width) ** 2)
        s0, s1, s2 = (np.sum(weight * apart**k, axis=1) for k in range(3))
        det = s0 * s2 - s1**2
        fits = det > 1e-12 * s0 * s0  # else the window holds one point only
        y0, y1 = weight @ y[known], (weight * apart) @ y[known]
        smooth[known[fits]] = ((s2 * y0 - s1 * y1)[fits]) / det[fits]
    return smooth


def slope_per_decade(lr, y) -> np.ndarray:
    """Change of `y` per tenfold learning rate, [n]: the slope in log LR; NaN where y is not finite.

    In the rate itself the steepest slope of any such curve lies where the rates are smallest, because there a tiny
    step of the rate already is a large factor.
    """
    lr, y = np.asarray(lr, float), np.asarray(y, float)
    known = np.isfinite(y)
    slope = np.full(len(y), math.nan)
    if known.sum() > 1:
        slope[known] = np.gradient(y[known], np.log10(lr[known]))
    return slope


def _on(grid, lr, loss) -> np.ndarray:
    """The losses of a run at the rates `grid`; NaN above its last rate and where they are not finite."""
    lr, loss = np.asarray(lr, float), np.asarray(loss, float)
    row = np.full(len(grid), math.nan)
    if np.array_equal(lr, grid[: len(lr)]):
        row[: len(lr)] = loss
    else:  # thinned records of different lengths
        row = np.interp(np.log(grid), np.log(lr), loss, right=math.nan)
    return np.where(np.isfinite(row), row, math.nan)


def _median_band(rows: np.ndarray):
    """Median (a NaN counts as infinite), lowest and highest finite value of each column."""
    known = np.isfinite(rows)
    worst = np.where(known, rows, math.inf)
    median, low = np.median(worst, axis=0), worst.min(axis=0)
    high = np.where(known, rows, -math.inf).max(axis=0)
    return tuple(np.where(np.isfinite(curve), curve, math.nan) for curve in (median, low, high))
