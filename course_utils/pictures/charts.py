"""Plain charts in the course's look: lines over any x, and a grid of results as coloured cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from course_utils.pictures import style


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


def heat_map(
    values,
    rows: Sequence,
    columns: Sequence,
    *,
    row_name: str = "",
    column_name: str = "",
    unit: str = "validation accuracy (%)",
    title: str = "",
    note: str = "",
    digits: int = 1,
) -> Figure:
    """A grid of coloured cells with the number in each; NaN is a cell with a cross (diverged).

    values: [len(rows), len(columns)]. Raises ValueError for another shape.
    """
    values = np.asarray(values, float)
    if values.shape != (len(rows), len(columns)):
        raise ValueError(f"values have shape {values.shape}, rows and columns ask for {(len(rows), len(columns))}")
    with style.context():
        figure = style.new_figure((style.SIZE[0], 1.3 + 0.52 * len(rows)), title=title, note=note)
        axes = figure.subplots()
        axes.grid(False)
        axes.set_facecolor("#efeeea")
        mesh = axes.pcolormesh(np.ma.masked_invalid(values), cmap="cividis", edgecolors=style.CARD, linewidth=2)
        for r, c in np.ndindex(values.shape):
            words, look = "×", {"fontsize": 13, "color": style.QUIET}
            if np.isfinite(values[r, c]):
                dark = mesh.norm(values[r, c]) < 0.55
                words, look = f"{values[r, c]:.{digits}f}", {"fontsize": 9.5, "color": "white" if dark else "#1d1d24"}
            axes.text(c + 0.5, r + 0.5, words, ha="center", va="center", **look)
        if np.isfinite(values).any():
            r, c = np.unravel_index(np.nanargmax(values), values.shape)
            frame = {"color": style.PALETTE[2], "lw": 2.4, "ls": "-", "clip_on": False, "zorder": 5}
            axes.plot([c, c + 1, c + 1, c, c], [r, r, r + 1, r + 1, r], **frame)
        axes.set_xticks(np.arange(len(columns)) + 0.5, [_short(value) for value in columns])
        axes.set_yticks(np.arange(len(rows)) + 0.5, [_short(value) for value in rows])
        axes.set(xlabel=column_name, ylabel=row_name)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(mesh, ax=axes, pad=0.02, label=unit).outline.set_visible(False)
    return figure


def _short(value) -> str:
    return value if isinstance(value, str) else f"{value:g}"
