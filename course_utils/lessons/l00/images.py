"""A look at the images: a few of each class, side by side.

    gallery(data)               # shows itself, wherever it stands in a cell

The photographs are shown in the running notebook only. The saved page keeps *stand-in images* in their place:
the rights to the photographs of CIFAR-10 lie with those who took them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from course_utils.checks import check_whole
from course_utils.data import standin
from course_utils.pictures import style
from course_utils.pictures.still import Still, still

NAME = "a few images of each class"
GAP = 3  # pixels of a 32-pixel image between two of them


def gallery(data, per_class: int = 3) -> None:
    """Show the first `per_class` (1 to 8) training images of each class of `data`.

    Raises ValueError for another number.
    """
    check_whole("per_class", per_class, 1, 8, of="images")
    images, labels = data.train.inputs.cpu().numpy(), data.train.labels.cpu().numpy()
    live = still(
        mosaic(images, labels, data.classes, per_class, note=data.banner()),
        f"{per_class} training images of each class, {data.banner()}: {', '.join(data.classes)}.",
        name=NAME,
    )
    display(Still(live.widget, _saved(per_class).png if data.is_real else live.png, live.text, live.alt))


def _saved(per_class: int) -> Still:
    """The same picture from stand-in images, for the saved page."""
    images, labels = standin.draw(standin.BLOCK)
    note = "the saved page shows stand-in images; run the cell to see yours"
    return still(mosaic(images, labels, standin.CLASSES, per_class, note=note), "Stand-in images.", name=NAME)


def mosaic(images: np.ndarray, labels: np.ndarray, classes: Sequence[str], per_class: int, note: str = "") -> Figure:
    """One column a class, its name above. images: uint8 [N, 3, 32, 32]; labels: int [N].

    A class with fewer than `per_class` images leaves places empty.
    """
    cell = 32 + GAP
    card = np.array([int(style.CARD[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    sheet = np.tile(card, (per_class * cell - GAP, len(classes) * cell - GAP, 1))
    for column in range(len(classes)):
        for row, index in enumerate(np.flatnonzero(labels == column)[:per_class]):
            top, left = row * cell, column * cell
            sheet[top : top + 32, left : left + 32] = images[index].transpose(1, 2, 0)
    width = style.SIZE[0]
    scale = (width - 0.2) / sheet.shape[1]  # inches a pixel
    height = sheet.shape[0] * scale
    with style.context():
        figure = style.new_figure((width, height + 0.62), title="What the network sees", note=note)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.1 / width, 0.1 / (height + 0.62), 1 - 0.2 / width, height / (height + 0.62)))
        axes.imshow(sheet, interpolation="nearest", aspect="auto")
        axes.axis("off")
        for column, name in enumerate(classes):
            axes.text(column * cell + 16, -4, name, ha="center", va="bottom", fontsize=8.8)
    return figure
