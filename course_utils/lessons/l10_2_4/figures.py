"""Still pictures: the lecture's six patterns from real runs, the matrix of remedies, the update/weight ratio."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.lessons.l10_2_4.clinic import Charts, trace
from course_utils.lessons.l10_2_4.patients import LECTURE, PATIENTS, TREATMENTS, TRIED
from course_utils.pictures import style
from course_utils.pictures.seed_bands import note_of

PATTERNS = {  # figure of the lecture -> (patient, is it shown as accuracy?)
    "10.13 flat, then a drop": ("poor initialisation", False),
    "10.14 plateau": ("rate never decayed", False),
    "10.15 dropped too early": ("rate dropped too early", False),
    "10.16 still growing": ("stopped too soon", True),
    "10.17 a large gap": ("overfitting", True),
    "10.18 both low, no gap": ("model too small", True),
}
CURVES = (("train_accuracy", style.INK, "-"), ("val_accuracy", style.PALETTE[0], (0, (5, 1.6))))


def patterns_figure(table) -> Figure:
    """Figs 10.13 to 10.18: for each pattern the recorded runs, a line a seed."""
    charts = Charts(table)
    with style.context():
        figure = style.new_figure((style.SIZE[0], 4.4), title="Six patterns, from real runs", note=note_of({"": table}))
        panels = figure.subplots(2, 3)
        for axes, name in zip(panels.flat, PATTERNS, strict=True):
            patient, accuracy = PATTERNS[name]
            for what, color, dashes in CURVES if accuracy else (("loss", style.INK, "-"),):
                for run in charts.of(patient).values():
                    axes.plot(*trace(run, what), alpha=0.85, color=color, ls=dashes, lw=1.5)
            axes.set_title(name, fontsize=9)
            axes.set(xlim=(0, 1), ylim=(0, 100) if accuracy else (1, 2.6))
        panels[0, 0].set_ylabel("training loss (nats)")
        panels[1, 0].set_ylabel("accuracy (%)")
        panels[1, 1].set_xlabel("share of the training")
        panels[1, 0].legend(panels[1, 0].lines[:: len(charts.seeds)], ["training", "validation"], loc="upper left")
    return figure


def matrix_figure(table) -> Figure:
    """Gain in test accuracy of every treatment tried on every patient; the lecture's advice is framed."""
    charts = Charts(table)
    rows, columns = list(PATIENTS), list(TREATMENTS)[1:]
    with style.context():
        title = "What each remedy did (points of test accuracy)"
        figure = style.new_figure((style.SIZE[0] + 0.6, 5.6), title=title, note=note_of({"": table}))
        axes = figure.subplots()
        axes.grid(False)
        tried = [[column in TRIED[row] for column in columns] for row in rows]
        values = np.array([[charts.gain(row, column) for column in columns] for row in rows])
        values = np.where(tried, values + 0.0, np.nan)
        seen = np.ma.masked_invalid(values)
        shade = axes.pcolormesh(seen, cmap="PuOr", norm=TwoSlopeNorm(0, -30, 30), edgecolors=style.CARD, linewidth=2)
        for r, c in np.ndindex(values.shape):
            if np.isfinite(values[r, c]):
                light = abs(shade.norm(values[r, c]) - 0.5) > 0.36
                look = dict(ha="center", va="center", fontsize=8.5, color="white" if light else "#1d1d24")
                axes.text(c + 0.5, r + 0.5, f"{round(values[r, c]):+d}", **look)
            if columns[c] in LECTURE.get(rows[r], ()):
                axes.add_patch(Rectangle((c + 0.06, r + 0.08), 0.88, 0.84, fill=False, ec=style.PALETTE[2], lw=1.9))
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=38, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def ratio_figure(ratios, equilibrium, *, title: str, note: str = "", beta: float = 0.9) -> Figure:
    """Fig 10.19. ratios: for each update layer -> ratio; smoothed as logarithms. equilibrium: the formula's ratios."""
    layers, t = list(ratios[0]), np.arange(1, len(ratios) + 1)
    raw = np.log10(np.maximum([[row[layer] for layer in layers] for row in ratios], 1e-12))
    smooth, s = np.empty_like(raw), np.zeros(len(layers))
    for i, row in enumerate(raw):
        s = beta * s + (1 - beta) * row
        smooth[i] = s / (1 - beta ** (i + 1))
    with style.context():
        figure = style.new_figure((style.SIZE[0], 4.4), title=title, note=note)
        above, below = figure.subplots(2, 1, height_ratios=[2.6, 1], sharex=True)
        for n, layer in enumerate(layers):
            above.plot(t, 10 ** smooth[:, n], label=layer, lw=1.6, **style.look(n))
        above.plot(t, equilibrium, color=style.INK, lw=2.2, ls="-", label="equilibrium")
        above.axhline(1e-3, color=style.QUIET, lw=1.2, ls=(0, (2, 2)))
        above.text(t[-1], 1.08e-3, "1e-3", fontsize=8.5, color=style.QUIET, ha="right", va="bottom")
        above.set(yscale="log", ylabel="ratio", ylim=(1e-4, 0.5))
        style.legend_row(above, columns=len(layers) + 1)
        extent = (0.5, len(t) + 0.5, len(layers) - 0.5, -0.5)
        strip = below.imshow(
            smooth.T, aspect="auto", extent=extent, cmap="PuOr_r", vmin=-5, vmax=-1, interpolation="none"
        )
        below.grid(False)
        below.set_yticks(range(len(layers)), layers)
        below.set(xlabel="update")
        bar = figure.colorbar(strip, ax=[above, below], pad=0.015, shrink=0.6, label="power of ten", ticks=range(-5, 0))
        bar.outline.set_visible(False)
    return figure
