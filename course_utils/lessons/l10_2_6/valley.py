"""Figure 10.21, measured: a weight and its averages; the loss on lines through an average and iterates around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from course_utils.lessons.l10_2_6.iterates import Iterates
from course_utils.lessons.l10_2_6.profiles import window_profile
from course_utils.pictures import style
from course_utils.training import ema, evaluate

ALPHAS = (0.9, 0.98, 0.999)
PLACES = np.linspace(-1, 1.5, 6)


def running(values: np.ndarray, alpha: float) -> np.ndarray:
    """The debiased moving average of a curve, at every moment."""
    share, average, curve = ema(alpha), 0.0, []
    for n, value in enumerate(values, 1):
        average += share(n) * (value - average)
        curve.append(average)
    return np.array(curve)


def losses_along(iterates: Iterates, data, t: int, window: float) -> list[float]:
    """Validation loss at average + place (iterate t - average), statistics measured anew at each of PLACES."""
    average, iterate = window_profile(iterates.T, window), np.eye(iterates.T + 1)[t]
    rows = [(1 - place) * average + place * iterate for place in PLACES]
    return [evaluate(iterates.net(row, "recalibrated", data, batches=16), data, "val")[0] for row in rows]


def steadiest_mover(weights: np.ndarray) -> int:
    """A weight that shows both: a way of its own, and jumps around it."""
    way = np.abs(weights[len(weights) // 2 :].mean(0) - weights[0])
    jumps = weights[len(weights) // 2 :].std(0)
    return int(np.argmax(np.minimum(way, 3 * jumps)))


def valley_figure(iterates: Iterates, data, *, window: float = 0.08, note: str = "") -> Figure:
    """Left a weight over all updates and three averages of it; right three cuts through the valley."""
    data = replace(data, val=data.val.take(min(1_000, len(data.val))))
    weights = iterates.weights[1:].numpy()
    path, T = weights[:, steadiest_mover(weights)], iterates.T
    with style.context():
        figure = style.new_figure((style.SIZE[0], 3.5), title="Figure 10.21, measured", note=note)
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        left.plot(range(1, T + 1), path, color=style.FAINT, lw=0.9, ls="-", label="one weight")
        for n, alpha in enumerate(ALPHAS):
            left.plot(range(1, T + 1), running(path, alpha), label=f"α = {alpha:g}", **style.look(n))
        left.set(xlabel="update t", ylabel="the weight")
        left.legend(loc="lower left")
        length = max(2, round(window * T))
        for n, t in enumerate(sorted({T, T - length // 3, T - 2 * length // 3})):
            look = dict(style.look(n), marker=style.MARKERS[n], label=f"iterate {t:,}")
            right.plot(PLACES, losses_along(iterates, data, t, window), **look)
        right.axvline(0, color=style.QUIET, lw=0.9, ls=(0, (2, 2)))
        right.axvline(1, color=style.QUIET, lw=0.9, ls=(0, (2, 2)))
        right.set(xlabel="place on the line", ylabel="validation loss")
        right.set_xticks([-1, 0, 1], ["−1", "0\naverage", "1\niterate"])
        right.legend(loc="upper left", frameon=True, facecolor=style.CARD, edgecolor="none", framealpha=1)
    return figure
