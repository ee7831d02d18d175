"""How differently an adaptive optimizer treats the weights of one network: effective steps, layer by layer.

An effective step is what a gradient is multiplied by, lr / (sqrt(v) + eps); plain descent has a single one, the
learning rate. Nothing here needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from course_utils.pictures import style

MIDDLE = 0.98  # share of the weights that counts for a spread: a hundredth is left out at either end


def _steps(values) -> np.ndarray:
    steps = np.asarray(values, float).ravel()
    if not steps.size or not np.isfinite(steps).all() or (steps <= 0).any():
        lowest = steps.min() if steps.size else "none"
        raise ValueError(f"effective steps: finite numbers above 0, at least one; got {steps.size}, lowest {lowest}.")
    return steps


def decades(values, middle: float = MIDDLE) -> float:
    """Over how many powers of ten the `middle` share of the effective steps lies: log10 of upper / lower end.

    values: numbers > 0, any shape. middle: in (0, 1]. Raises ValueError for values out of range.
    """
    if not 0 < middle <= 1:
        raise ValueError(f"middle = {middle!r}: it is a share in (0, 1], 0.98 leaves out a hundredth at either end.")
    low, high = np.quantile(np.log10(_steps(values)), [(1 - middle) / 2, (1 + middle) / 2])
    return float(high - low)


def spread_figure(
    moments: Mapping[str, Mapping[str, np.ndarray]],
    *,
    rate: float | None = None,
    title: str = "Effective steps",
    note: str = "",
) -> Figure:
    """One row a layer, one outline a moment: how many weights have which effective step (logarithmic axis).

    moments: label ("update 10") -> layer name -> effective steps, numbers > 0. Every moment names the same layers.
    rate: the learning rate, drawn as an upright line; the step every weight would have without adaptation.
    """
    if not moments:
        raise ValueError("moments is empty: give label -> layer name -> effective steps.")
    layers = list(next(iter(moments.values())))
    if any(list(named) != layers for named in moments.values()):
        raise ValueError(f"every moment must name the same layers in the same order, {', '.join(layers)}.")
    logs = {label: {name: np.log10(_steps(steps)) for name, steps in named.items()} for label, named in moments.items()}
    ends = [np.quantile(x, [0.002, 0.998]) for named in logs.values() for x in named.values()]
    low, high = min(a for a, _ in ends) - 0.3, max(b for _, b in ends) + 0.3
    if rate is not None:
        low = min(low, np.log10(rate) - 0.2)
    edges = np.linspace(low, high, 121)
    middle = 10 ** ((edges[1:] + edges[:-1]) / 2)
    with style.context():
        figure = style.new_figure((style.SIZE[0], 1.15 + 0.72 * len(layers)), title=title, note=note)
        axes = figure.subplots()
        for row, name in enumerate(layers):
            foot = len(layers) - 1 - row
            hills = [_smooth(np.histogram(named[name], edges)[0]) for named in logs.values()]
            tallest = max(hill.max() for hill in hills)
            axes.axhline(foot, color=style.GRID, lw=1, ls="-")
            for n, (label, hill) in enumerate(zip(logs, hills, strict=True)):
                look, tall = style.look(n), foot + 0.86 * hill / tallest
                axes.fill_between(middle, foot, tall, color=look["color"], alpha=0.16, lw=0)
                axes.plot(middle, tall, lw=1.5, label=label if row == 0 else None, **look)
        if rate is not None:
            axes.axvline(rate, color=style.INK, lw=1.1, ls=(0, (2, 2)), label="learning rate")
        axes.set(xscale="log", xlim=(10**low, 10**high), ylim=(-0.08, len(layers)))
        axes.set_xlabel("effective step  η / (√v + ε)")
        axes.set_yticks(range(len(layers)), layers[::-1])
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0, labelcolor=style.INK)
        style.legend_row(axes, columns=len(moments) + (rate is not None))
    return figure


def _smooth(counts) -> np.ndarray:
    """Counts under a small bell, so that a layer of few weights does not look like a comb."""
    bell = np.exp(-0.5 * (np.arange(-6, 7) / 2) ** 2)
    return np.convolve(counts, bell / bell.sum(), mode="same")
