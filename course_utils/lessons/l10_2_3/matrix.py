"""The matrix of faults and instruments, filling row by row: how far outside the healthy band an instrument reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import display

from course_utils.lessons.l10_2_3.instruments import INSTRUMENTS, PATH, price
from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.watching import Watcher

FAR = 30.0  # half-widths at which the colour is full


class MatrixWatcher(Watcher):
    """See `watch_matrix`. Called with a fault and its readings, it fills that row."""

    kind = "Matrix"

    def __init__(self, faults: Sequence[str], band, title: str, note: str):
        self.faults, self.band, self.title, self.tools = list(faults), band, title, list(INSTRUMENTS)
        self.places = np.full((len(faults), len(self.tools)), np.nan)
        with style.context():
            figure = style.new_figure((style.SIZE[0], 1.3 + 0.245 * len(faults)), title=title, note=note)
            axes = figure.subplots()
            axes.grid(False)
            axes.set_facecolor("#efeeea")
            self.mesh = axes.pcolormesh(
                np.ma.masked_invalid(self.places), cmap="cividis", edgecolors=style.CARD, lw=1.5
            )
            self.mesh.set_clim(0, np.log10(FAR))
            look = dict(ha="center", va="center", fontsize=8.5)
            self.words = {(r, c): axes.text(c + 0.5, r + 0.5, "", **look) for r, c in np.ndindex(self.places.shape)}
            names = [f"{tool.replace(' ', chr(10), 1)}\n({price([tool])})" for tool in self.tools]
            axes.set_xticks(np.arange(len(names)) + 0.5, names, fontsize=7.8)
            axes.set_yticks(np.arange(len(faults)) + 0.5, faults, fontsize=8.5)
            axes.xaxis.tick_top()
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.invert_yaxis()
            self.canvas = Canvas(figure)
        self.figure, self.view = figure, View(self.canvas, status_lines=2)
        self.redraw()

    def __call__(self, fault: str, readings: Mapping[str, float]) -> None:
        """Take note of the readings of a patient with this fault."""
        self.places[self.faults.index(fault)] = [self.band.alarm(readings, tool) for tool in self.tools]
        if self.is_due() or not np.isnan(self.places).any():
            self.redraw()

    @property
    def caught(self) -> dict[str, list[str]]:
        """fault -> the instruments that catch it, of those that were examined."""
        rows = [(fault, row) for fault, row in zip(self.faults, self.places, strict=True) if not np.isnan(row).any()]
        return {fault: [tool for tool, place in zip(self.tools, row, strict=True) if place > 1] for fault, row in rows}

    def redraw(self) -> None:
        shown = np.log10(np.clip(self.places, 1.0, FAR))
        self.mesh.set_array(np.ma.masked_invalid(shown))
        for at, word in self.words.items():
            place, hit = self.places[at], self.places[at] > 1
            word.set_text("" if np.isnan(place) else f"{min(place, 99):.0f}" if place >= 10 else f"{place:.1f}")
            word.set_color("#b9c3d6" if not hit else "white" if shown[at] < 0.55 * np.log10(FAR) else "#1d1d24")
            word.set_fontweight("bold" if hit else "normal")
        self.canvas.forget_background()
        self.show()

    def status(self) -> str:
        caught = self.caught
        silent = [fault for fault, tools in caught.items() if not tools]
        walk = sum(bool(set(tools) & set(PATH)) for tools in caught.values())
        return (
            f"{len(caught) or 'No'} faults examined; {len(caught) - len(silent)} are caught by some instrument, {walk} "
            f"by the lecture's steps.\nCaught by nothing: {', '.join(silent) or 'none'}."
        )


def watch_matrix(faults: Sequence[str], band, *, title: str, note: str = "") -> MatrixWatcher:
    """Show an empty matrix that fills as patients are examined, and return what takes their readings.

    band: gives alarm(readings, instrument), in half-widths of the healthy band.
    """
    watcher = MatrixWatcher(faults, band, title, note)
    display(watcher)
    return watcher
