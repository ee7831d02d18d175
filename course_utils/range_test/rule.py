"""The rule that reads a learning-rate band off a range test, or says why it cannot. No torch here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from course_utils.range_test.curve import RangeTest, slope_per_decade
from course_utils.runs import Run

FEW = 12  # points; fewer make no curve
SURE = 4.0  # times the noise of the smoothed curve: smaller changes are not believed
BACK = 0.2  # of what was gained: a loss that has come back up by this has become unstable
GENTLE = 0.25  # of the steepest slope: where the fall has become gentler than this, it is nearly over
MARGIN = 4.0  # below the rate at which all gain was lost again: trouble shows several updates after it began
BAND = 3.0  # eta_max is at least so many times eta_min: Smith 2015, section 3.3
CONSTANT = 0.5  # of eta_max: a rate that never comes down must be lower


@dataclass(frozen=True)
class Suggestion:
    """What a range test says about the learning rate.

    eta_max: the peak for a schedule that comes down again (OneCycle, cosine, linear), just before instability.
    constant: for a rate that stays as it is: half of eta_max, because nothing cools such a run down.
    eta_min: where the curve first improves beyond its noise. All three are None where the rule declined.
    why: the reason in one sentence, for a suggestion as for a refusal.
    """

    eta_max: float | None
    eta_min: float | None
    constant: float | None
    declined: bool
    why: str


def suggest(test: RangeTest | Run | Iterable[Run], what: str = "loss") -> Suggestion:
    """Read eta_max, eta_min and a constant rate off a range test, or decline and say why.

    1. The curve is the median of the smoothed seeds; its noise is what single batches leave in it.
    2. It is unstable once it has come back up by a fifth of what it had gained, by more than noise and seeds explain.
    3. eta_max: before that, the last rate at which the curve still falls by a quarter of its steepest slope, taken per
       tenfold rate; and at most a quarter of the rate at which the whole gain was lost again or the test broke off,
       because the rate has grown on while the trouble built up.
    4. eta_min: from where on the gain is larger than the noise and than a tenth of the whole; at most a third of
       eta_max, which is as close as Smith sets the two ends of the band.

    what: "loss", or "accuracy" if the test validated: then eta_max is the peak of the accuracy, eta_min its shoulder
    (Figure 10.8a). Raises ValueError for another `what`, and if `test` is neither a RangeTest nor the runs of one.
    """
    test = test if isinstance(test, RangeTest) else RangeTest(test)
    if what == "loss":
        lr, y, low, high = test.band()
        return _read(lr, y, high - low, _noise(test, np.isfinite(y)), test.high, test.start, "loss")
    if what == "accuracy":
        lr, y, low, high = test.accuracy_band()
        if not len(lr):
            return _no("no accuracy was measured: run the test with validate_every=5, say.")
        noise = np.full(len(lr), _spread(high - low, len(test.runs)))
        return _read(lr, -y, high - low, noise, test.high, -float(np.nanmedian(y[:3])), "accuracy")
    raise ValueError(f"what must be loss or accuracy, got {what!r}.")


def _read(lr, y, spread, noise, end: float, start: float, what: str) -> Suggestion:
    """The rule on one curve that falls when things get better. spread: range of the seeds; noise: of y; both [n]."""
    better, worse = ("falls", "rises") if what == "loss" else ("rises", "falls")
    known = np.isfinite(y)
    if known.sum() < (FEW if what == "loss" else FEW // 2):
        seen = f"only {known.sum()} points were measured" if known.any() else "nothing finite was measured"
        return _no(f"{seen} before the test broke off: start below {lr[0]:.3g}, or take more updates.")
    lr, y, spread, noise = lr[known], y[known], spread[known], noise[known]
    broke_off = lr[-1] < 0.999 * end
    least = np.maximum(SURE * noise, 0.01 * abs(start))
    best, unstable = _valley(y, spread, start, noise, least)
    gain = start - y[best]
    if gain < least[best] or best == 0:
        if not broke_off and y[-1] <= start + least[-1]:
            return _no(f"the {what} never improves beyond its noise: it is flat from {lr[0]:.3g} to {lr[-1]:.3g}.")
        if gain < 0.5 * least[best] or best == 0:
            return _no(f"the {what} only {worse}: start the sweep below {lr[0]:.3g}.")
        return _no(f"before the {what} {worse} it improves by no more than its noise: take more updates or seeds.")
    if not unstable and not broke_off and best >= 0.9 * (len(y) - 1):
        return _no(f"the {what} still {better} at {lr[-1]:.3g}, the end of the sweep: raise `high`.")
    top = best
    if what == "loss":
        slope = slope_per_decade(lr, y)[: best + 1]
        top = int(np.flatnonzero(slope <= GENTLE * slope.min())[-1])
    eta_max, bound = float(lr[top]), ""
    lost = float(lr[np.flatnonzero(y < start + noise)[-1]])  # beyond this rate nothing is left of the gain
    if what == "loss" and lost < 0.999 * end and lost / MARGIN < eta_max:
        eta_max, bound = lost / MARGIN, f"; all of it is lost at {lost:.2g}, and eta_max is a quarter of that"
    small = np.flatnonzero(start - y[: top + 1] < np.maximum(least[: top + 1], 0.1 * gain))
    first = int(small[-1]) + 1 if len(small) else 0
    eta_min = min(float(lr[min(first, top)]), eta_max / BAND)
    why = f"The {what} improves from {eta_min:.2g} on and is at its best near {lr[best]:.2g}{bound}."
    if first == 0:
        why += " It improves from the first rate on: the band may begin lower."
    return Suggestion(eta_max, eta_min, CONSTANT * eta_max, False, why)


def _valley(y, spread, start: float, noise, least) -> tuple[int, bool]:
    """Index of the lowest point before the curve first becomes unstable, and whether it does."""
    whole, best, unstable = start - y.min(), 0, False
    for i in range(len(y)):
        if y[i] < y[best]:
            best = i
        gained = start - y[best]
        if gained >= max(least[best], 0.5 * whole) and y[i] > y[best] + max(least[i], BACK * gained, spread[i]):
            unstable = True
            break
    # Of points that are equally low within the noise the first one counts, followed down to its own lowest point.
    first = int(np.flatnonzero(y[: best + 1] <= y[best] + max(noise[best], 0.03 * (start - y[best])))[0])
    while first < best and y[first + 1] < y[first]:
        first += 1
    return first, unstable


def _no(why: str) -> Suggestion:
    return Suggestion(None, None, None, True, why[0].upper() + why[1:])


def _noise(test: RangeTest, known) -> np.ndarray:
    """Standard deviation, [n], that single batches leave in the smoothed median, counted from the start."""
    batches = np.where(test.raw < test.cap, test.raw, math.nan)
    first, later = _of_a_batch(batches[:, : max(12, 2 * test.first)]), _of_a_batch(batches)
    seeds = len(test.raw) / (1.57 if len(test.raw) > 2 else 1)  # a median of many is 1.57 times as noisy as a mean
    window = 2 * math.sqrt(math.pi) * test.window() * seeds  # updates that a Gaussian window averages over
    at = np.arange(len(known))
    ends = at[known][[0, -1]] if known.any() else at[[0, -1]]
    near_an_end = np.minimum(at - ends[0], ends[1] - at) < 1.5 * test.window()
    curve = np.where(near_an_end, 4.0, 1.0) / window  # a line fitted to half a window is twice as noisy
    return np.sqrt(curve * later**2 + 1.57 / (test.first * len(test.raw)) * first**2)


def _of_a_batch(batches) -> float:
    """Standard deviation of one batch's loss, from how much each differs from its neighbours: slopes drop out."""
    bends = np.diff(batches, n=2, axis=1)
    bends = bends[np.isfinite(bends)]
    return 1.4826 * float(np.median(np.abs(bends))) / math.sqrt(6) if len(bends) else 0.0  # the wildest count little


def _spread(ranges: np.ndarray, seeds: int) -> float:
    """Standard deviation of the median from the range of the seeds at each rate; at least half a point of accuracy."""
    known = ranges[np.isfinite(ranges)]
    return max(0.5, float(np.median(known)) / 2 / math.sqrt(seeds)) if len(known) and seeds > 1 else 1.0
