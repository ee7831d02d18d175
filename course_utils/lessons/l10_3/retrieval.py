"""The hits of an image search as a picture: a query in each row, its nearest neighbours beside it, right or wrong.

    show_hits(task, queries, hits)        # rows of task.test.inputs, rows of task.train.inputs

Photographs of CIFAR-10 are shown in the running notebook only. The saved page keeps the *names* of what was found in
their place: the rights to the photographs lie with those who took them. Drawn images and digits are saved as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.pictures import style
from course_utils.pictures.still import Still, still

RIGHT, WRONG = style.PALETTE[0], style.PALETTE[2]
SIDE, GAP = 1.0, 0.14  # of a tile, in axes units


def show_hits(task, queries, hits, *, title: str = "The query, and what was found") -> None:
    """Show queries (rows of task.test) and their hits (rows of task.train, nearest first).

    queries: [Q], 1 to 8 whole numbers. hits: [Q, k], 1 to 12 for each. Raises ValueError for other shapes, or rows
    that are not there.
    """
    queries, hits = np.asarray(queries), np.asarray(hits)
    _check(task, queries, hits)
    right = _labels(task.train)[hits] == _labels(task.test)[queries][:, None]
    pairs = zip(_labels(task.test)[queries], right, strict=True)
    counts = ", ".join(f"{task.classes[label]}: {int(row.sum())} of {row.size}" for label, row in pairs)
    alt = f"A query in each row and its nearest neighbours, right ones framed in blue. Right hits: {counts}."
    live = still(hits_figure(task, queries, hits, title=title), alt, name=title)
    photographs = task.name == "objects" and task.is_real
    saved = hits_figure(task, queries, hits, title=title, names_only=True) if photographs else None
    display(Still(live.widget, still(saved, alt, name=title).png if saved else live.png, live.text, live.alt))


def hits_figure(task, queries, hits, *, title: str = "", names_only: bool = False) -> Figure:
    """The picture. names_only: tiles with class names in place of the images."""
    queries, hits = np.asarray(queries), np.asarray(hits)
    k = hits.shape[1]
    width = style.SIZE[0]
    tile = (width - 0.3) / (k + 1.35)  # inches
    height = 0.62 + len(queries) * tile * (SIDE + GAP)
    note = "the saved page shows names; run the cell to see the images" if names_only else task.banner()
    with style.context():
        figure = style.new_figure((width, height), title=title, note=note)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.15 / width, 0.05 / height, 1 - 0.3 / width, 1 - 0.62 / height))
        axes.set(xlim=(0, k + 1.35), ylim=(len(queries) * (SIDE + GAP), 0))
        axes.axis("off")
        for row, (query, nearest) in enumerate(zip(queries, hits, strict=True)):
            top = row * (SIDE + GAP) + GAP / 2
            wanted = int(_labels(task.test)[query])
            _tile(axes, task, task.test.inputs[query], wanted, 0, top, style.INK, names_only)
            for n, hit in enumerate(nearest):
                label = int(_labels(task.train)[hit])
                color = RIGHT if label == wanted else WRONG
                _tile(axes, task, task.train.inputs[hit], label, 1.35 + n, top, color, names_only)
        for x, words in ((0, "query"), (1.35, "nearest first;  ✓ the same class,  ✗ another one")):
            axes.text(x, -0.08, words, va="bottom", fontsize=8.8, color=style.QUIET)
    return figure


def _tile(axes, task, image, label: int, x: float, top: float, color: str, names_only: bool) -> None:
    """One image (or its name), framed; the mark in its corner says what the colour says."""
    size = SIDE - 0.08
    box = Rectangle((x, top), size, size, fill=names_only, facecolor="#efeeea", edgecolor=color, linewidth=2.4)
    if names_only:
        name = task.classes[label]
        axes.text(x + size / 2, top + size / 2, name, ha="center", va="center", fontsize=min(8.2, 52 / len(name)))
    else:
        place = dict(extent=(x, x + size, top + size, top), zorder=1)
        axes.imshow(image.permute(1, 2, 0).cpu().numpy(), interpolation="nearest", aspect="auto", **place)
    axes.add_patch(box)
    if color != style.INK:
        mark = "✓" if color == RIGHT else "✗"
        patch = dict(boxstyle="square,pad=0.12", facecolor=color, edgecolor="none")
        how = dict(ha="right", va="bottom", fontsize=8.5, color="white", fontweight="bold", bbox=patch)
        axes.text(x + size - 0.05, top + size - 0.05, mark, **how)


def _labels(split) -> np.ndarray:
    return split.labels.cpu().numpy()


def _check(task, queries: np.ndarray, hits: np.ndarray) -> None:
    if queries.ndim != 1 or not 1 <= len(queries) <= 8:
        raise ValueError(f"queries has shape {queries.shape}: give 1 to 8 rows of the test images")
    if hits.ndim != 2 or len(hits) != len(queries) or not 1 <= hits.shape[1] <= 12:
        raise ValueError(f"hits has shape {hits.shape}: give 1 to 12 hits for each of {len(queries)} queries")
    for name, rows, images in (("queries", queries, len(task.test)), ("hits", hits, len(task.train))):
        if not np.issubdtype(rows.dtype, np.integer) or rows.min() < 0 or rows.max() >= images:
            raise ValueError(f"{name} must be whole numbers from 0 to {images - 1}, the images there are")


def shares(right: Sequence) -> np.ndarray:
    """Mean over the queries of right hits among the first 1, 2, ..., k. right: booleans [Q, k] -> [k]."""
    right = np.asarray(right, float)
    if right.ndim != 2 or 0 in right.shape:
        raise ValueError(f"right has shape {right.shape}: give one row of hits for each query")
    return (right.cumsum(1) / np.arange(1, right.shape[1] + 1)).mean(0)
