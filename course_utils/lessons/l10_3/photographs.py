"""Pictures of lesson 10.3: what a network says to a photograph, and several tasks side by side (Fig 10.23)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_utils.pictures import style


def photo_figure(image, guesses: Sequence[tuple[str, float]], *, title: str = "", credit: str = "") -> Figure:
    """A photograph, and beside it what a network takes it for.

    image: uint8 [H, W, 3]. guesses: (name, probability in [0, 1]), the likeliest first. credit: who took it.
    Raises ValueError for another shape, no guesses, or a probability outside [0, 1].
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be uint8 [height, width, 3], got {image.dtype} {list(image.shape)}")
    if not guesses or not all(0 <= p <= 1 for _, p in guesses):
        raise ValueError(f"guesses must be pairs (name, probability in [0, 1]), got {guesses!r}")
    with style.context():
        figure = style.new_figure((style.SIZE[0], 2.75), title=title, note=credit)
        left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
        left.imshow(image)
        left.axis("off")
        rows = np.arange(len(guesses))[::-1]
        right.barh(rows, [100 * p for _, p in guesses], color=style.PALETTE[0], height=0.62)
        for row, (_, p) in zip(rows, guesses, strict=True):
            right.text(100 * p + 0.8, row, f"{100 * p:.0f} %", va="center", fontsize=8.5, color=style.QUIET)
        right.set_yticks(rows, [name for name, _ in guesses], fontsize=9.2, color=style.INK)
        right.set(xlabel="probability (%)", xlim=(0, 118 * max(p for _, p in guesses)))
        right.grid(axis="y", visible=False)
        right.tick_params(axis="y", length=0)
    return figure


def tasks_figure(rows: Mapping[str, Mapping], *, title: str, note: str = "", guessing: float | None = 10.0) -> Figure:
    """Fig 10.23 in small: one row a task, one mark a method, a line over its seeds.

    rows: task -> method -> test accuracies in per cent, one a seed; the same few methods everywhere. guessing: a
    reference line. Raises ValueError for no rows or a method without numbers.
    """
    if not rows or not all(numbers for methods in rows.values() for numbers in map(list, methods.values())):
        raise ValueError("rows must be task -> method -> numbers, none of them empty")
    methods = list(dict.fromkeys(name for by_method in rows.values() for name in by_method))
    with style.context():
        figure = style.new_figure((style.SIZE[0], 1.25 + 0.46 * len(rows)), title=title, note=note)
        axes = figure.subplots()
        places = np.arange(len(rows))[::-1]
        for k, method in enumerate(methods):
            look = style.look(k)
            for place, by_method in zip(places, rows.values(), strict=True):
                numbers = list(by_method.get(method, []))
                y = place + (0.22 - 0.44 * k / (len(methods) - 1) if len(methods) > 1 else 0)
                if numbers:
                    axes.plot([min(numbers), max(numbers)], [y, y], color=look["color"], lw=2.2, ls="-", alpha=0.55)
                    how = dict(color=look["color"], marker=style.MARKERS[k], ms=6, ls="none")
                    axes.plot([np.mean(numbers)], [y], label=method if place == places[0] else None, **how)
        if guessing is not None:
            axes.axvline(guessing, color=style.QUIET, lw=0.9, ls=(0, (2, 3)))
        for place in places[:-1]:
            axes.axhline(place - 0.5, color=style.GRID, lw=0.8, ls="-")
        axes.set_yticks(places, list(rows), fontsize=9.5, color=style.INK)
        axes.set(xlabel="test accuracy (%)", xlim=(0, 100), ylim=(-0.5, len(rows) - 0.5))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        if len(methods) > 1:
            style.legend_row(axes, columns=len(methods))
    return figure
