"""Can every word of a picture be read? No text may overlap another or leave the figure, no curve hide under another.

    python -m tests.legibility 10.1.3 10.2.1      run these lessons' cells (at their smallest) and list the faults

`faults(figure)` is what the picture tests call.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

SHARED = 0.12  # share of the smaller text's box that may be covered: boxes are larger than their letters
OUTSIDE = 2  # pixels


def texts_of(figure: Figure) -> list[tuple[str, object]]:
    """(words, box in pixels) of every text that is seen."""
    renderer = figure.canvas.get_renderer()
    out_of_sight = {id(text) for axes in figure.axes for text in hidden(axes)}
    seen = []
    for text in figure.findobj(Text):
        words = text.get_text().strip()
        alpha = 1 if text.get_alpha() is None else text.get_alpha()
        if not words or not text.get_visible() or alpha == 0 or id(text) in out_of_sight:
            continue
        if isinstance(text, Annotation):
            text.update_positions(renderer)
        box = Text.get_window_extent(text, renderer)
        if np.isfinite(box.bounds).all() and box.width > 0:
            seen.append((words.replace("\n", " "), box))
    return seen


def hidden(axes) -> list[Text]:
    """Texts that are there but not drawn: ticks beyond the limits, all of an axis that is switched off."""
    if not axes.get_visible():
        return axes.findobj(Text)
    texts = []
    for axis in (axes.xaxis, axes.yaxis):
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        if not axis.get_visible() or not axes.axison:
            texts += [axis.label, axis.offsetText, *(text for tick in ticks for text in (tick.label1, tick.label2))]
            continue
        low, high = sorted(axis.get_transform().transform(np.asarray(axis.get_view_interval(), float)))
        room = (high - low) * 1e-6
        for tick in ticks:
            place = axis.get_transform().transform([tick.get_loc()])[0]
            if not tick.get_visible() or not low - room <= place <= high + room:
                texts += [tick.label1, tick.label2]
    return texts


def faults(figure: Figure) -> list[str]:
    """What cannot be read, in words; an empty list when all is well. The figure has to be drawn already."""
    width, height = figure.canvas.get_width_height()
    seen, wrong = texts_of(figure), []
    for words, box in seen:
        if box.x0 < -OUTSIDE or box.y0 < -OUTSIDE or box.x1 > width + OUTSIDE or box.y1 > height + OUTSIDE:
            wrong.append(f"{words!r} leaves the figure")
    for (one, a), (two, b) in combinations(seen, 2):
        wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if wide > 0 and high > 0 and wide * high > SHARED * min(a.width * a.height, b.width * b.height):
            wrong.append(f"{one!r} overlaps {two!r}")
    for axes in figure.axes:
        paths = [(line, line.get_transform().transform(line.get_xydata())) for line in axes.lines if visible(line)]
        named = [pair for pair in paths if not pair[0].get_label().startswith("_")]
        for (one, a), (two, b) in combinations(named, 2):
            if a.shape == b.shape and len(a) > 2 and np.allclose(a, b, atol=0.5, equal_nan=True):
                wrong.append(f"the curves {one.get_label()!r} and {two.get_label()!r} lie on each other")
    return wrong


def visible(line) -> bool:
    return line.get_visible() and line.get_linestyle() not in ("None", "none", "") and len(line.get_xydata()) > 0


def watch(found: list[tuple[str, str]]) -> None:
    """From now on every picture that is drawn is looked at; its faults go into the list as (picture, fault)."""
    from course_utils.pictures import canvas, still

    draw_still, draw_canvas = still.png_of, canvas.Canvas.png

    def png_of(figure):
        png = draw_still(figure)
        with still.style.context():
            FigureCanvasAgg(figure).draw()
            note(figure)
        return png

    def png(self):
        data = draw_canvas(self)
        note(self.figure)
        return data

    def note(figure):
        if not isinstance(figure.canvas, FigureCanvasAgg):
            FigureCanvasAgg(figure).draw()
        title = figure._suptitle.get_text().strip() if figure._suptitle else "untitled"
        found.extend((title, fault) for fault in faults(figure) if (title, fault) not in found)

    still.png_of, canvas.Canvas.png = png_of, png
    from course_utils.pictures import tables

    tables.png_of = png_of


def main(numbers: list[str]) -> int:
    os.environ.setdefault("COURSE_SCALE", "tiny")
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell

    from course_utils.contents import LESSONS, lesson

    found: list[tuple[str, str]] = []
    watch(found)
    count = 0
    for entry in [lesson(number) for number in numbers] or [entry for entry in LESSONS if entry.available]:
        os.chdir(Path(entry.path).parent)
        shell = InteractiveShell()
        for cell in nbformat.read(entry.path, as_version=4).cells:
            if cell.cell_type == "code":
                with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                    result = shell.run_cell(cell.source)
                if result.error_in_exec and "raises-exception" not in cell.metadata.get("tags", []):
                    print(f"{entry.number} cell {cell.id}: {result.error_in_exec!r}", file=sys.stderr)
        for title, fault in found[count:]:
            print(f"{entry.number} | {title} | {fault}")
        count = len(found)
    return count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
