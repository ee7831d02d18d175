"""A plain picture of a few lines, in the course's look: any x, any y, seeds as a band where there are several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from . import style


def line_figure(
    lines: Mapping[str, tuple],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    note: str = "",
    log_x: bool = False,
    log_y: bool = False,
    limits: tuple | None = None,
    dots: Sequence[str] = (),
    columns: int = 4,
) -> Figure:
    """lines: label -> (x, y). y has one number for each x, or one row of them for each seed (median and band).

    limits: (x low, x high, y low, y high), None leaves one free. dots: labels drawn as points without a line.
    Raises ValueError for no lines, or for x and y of different length.
    """
    if not lines:
        raise ValueError("lines is empty: give label -> (x, y).")
    with style.context():
        figure = style.new_figure(title=title, note=note)
        axes = figure.subplots()
        for n, (label, (x, y)) in enumerate(lines.items()):
            x, rows = np.asarray(x, float), np.atleast_2d(np.asarray(y, float))
            if x.ndim != 1 or rows.ndim != 2 or rows.shape[1] != len(x):
                raise ValueError(f"{label!r}: x has shape {x.shape}, y {np.shape(y)}; y needs one number for each x.")
            look = style.look(n)
            marks = {"marker": style.MARKERS[n % 6]} if len(x) <= 24 or label in dots else {}
            if label in dots:
                look["linestyle"] = "none"
            if len(rows) > 1:
                axes.fill_between(x, rows.min(0), rows.max(0), color=look["color"], alpha=0.2, lw=0)
            axes.plot(x, np.median(rows, axis=0), label=label, **look, **marks)
        axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
        if limits:
            axes.set(xlim=limits[:2], ylim=limits[2:])
        _round_ticks(axes, [np.asarray(x, float) for x, _ in lines.values()])
        style.legend_row(axes, columns=min(len(lines), columns))
    return figure


def _round_ticks(axes, xs) -> None:
    """Whole numbers where x counts something; 1, 2, 5 on a logarithmic axis too short for powers of ten alone."""
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "log":
            if ends[1] / ends[0] < 200:
                axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        elif axis is axes.xaxis and all((x == np.round(x)).all() for x in xs):
            axis.set_major_locator(MaxNLocator(integer=True))
