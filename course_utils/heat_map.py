"""A grid of results as coloured cells: grid searches, optimizer x learning rate, 2 x 2 tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from . import style


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
        raise ValueError(
            f"values have shape {values.shape}, rows and columns ask for {(len(rows), len(columns))}"
        )
    with style.context():
        figure = style.new_figure((style.SIZE[0], 1.3 + 0.52 * len(rows)), title=title, note=note)
        axes = figure.subplots()
        axes.grid(False)
        axes.set_facecolor("#efeeea")
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(values), cmap="cividis", edgecolors=style.CARD, linewidth=2
        )
        for r, c in np.ndindex(values.shape):
            if np.isfinite(values[r, c]):
                dark = mesh.norm(values[r, c]) < 0.55
                axes.text(
                    c + 0.5,
                    r + 0.5,
                    f"{values[r, c]:.{digits}f}",
                    ha="center",
                    va="center",
                    fontsize=9.5,
                    color="white" if dark else "#1d1d24",
                )
            else:
                axes.text(c + 0.5, r + 0.5, "×", ha="center", va="center", fontsize=13, color=style.QUIET)
        best = np.unravel_index(np.nanargmax(values), values.shape) if np.isfinite(values).any() else None
        if best:
            axes.plot(
                [best[1], best[1] + 1, best[1] + 1, best[1], best[1]],
                [best[0]] * 2 + [best[0] + 1] * 2 + [best[0]],
                color=style.PALETTE[2],
                lw=2.4,
                ls="-",
                clip_on=False,
                zorder=5,
            )
        axes.set_xticks(np.arange(len(columns)) + 0.5, [_short(value) for value in columns])
        axes.set_yticks(np.arange(len(rows)) + 0.5, [_short(value) for value in rows])
        axes.set(xlabel=column_name, ylabel=row_name)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        bar = figure.colorbar(mesh, ax=axes, pad=0.02, label=unit)
        bar.outline.set_visible(False)
    return figure


def _short(value) -> str:
    return value if isinstance(value, str) else f"{value:g}"
