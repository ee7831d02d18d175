"""A figure that stays, redraws only what moved, and shows itself as one <img> with a text line under it.

    canvas = Canvas(figure); line = canvas.moving(axes.plot([], [])[0]); view = View(canvas)
    line.set_data(t, lr); view.show(canvas.png(), alt="...", status="...")

Drawing everything costs about 20 ms; restoring the cached background and drawing one line costs about 1 ms.
So the background (axes, ticks, labels, titles) is drawn only when one of those changed; `Canvas` finds that out.
"""

from __future__ import annotations

import base64
import html
import struct
import traceback
import zlib
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course_utils.pictures import style


class Canvas:
    """A persistent figure: `moving(...)` names the artists that change, `png()` returns the bytes."""

    def __init__(self, figure: Figure):
        self.figure = figure
        self.agg = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
        self.full_draws = 0  # how often everything was drawn: a test watches it
        self._moving: list = []
        self._background = None
        self._look = None

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self.agg.get_width_height()

    def moving(self, artist):
        """Mark an artist (line, text, collection ...) as one that moves, and return it."""
        artist.set_animated(True)  # leaves it out of the background
        self._moving.append(artist)
        self._moving.sort(key=lambda moved: moved.get_zorder())
        return artist

    def forget_background(self) -> None:
        """Call this after changing a part that is neither `moving` nor watched by `_static_look`."""
        self._look = None

    def png(self) -> bytes:
        """Draw what is needed and return the picture as PNG bytes."""
        look = self._static_look()
        with style.context():  # new ticks, and much that is drawn, take their look from the settings
            if look != self._look:
                self._start_layout_anew()
                self.agg.draw()
                self._background = self.agg.copy_from_bbox(self.figure.bbox)
                self._look = self._static_look()  # a layout engine may have moved the axes while drawing
                self.full_draws += 1
            self.agg.restore_region(self._background)
            for artist in self._moving:
                if artist.get_visible():
                    self.figure.draw_artist(artist)
        return encode_png(np.asarray(self.agg.buffer_rgba())[:, :, :3])

    def _start_layout_anew(self) -> None:
        """Let the layout engine begin where it began at first: the same numbers then give the same bytes.

        It moves the axes from where they are, and comes back only nearly, when a slider goes there and back.
        """
        if self.figure.get_layout_engine() is not None:
            for axes in self.figure.axes:
                place = axes.get_subplotspec()
                if place is not None and axes.get_in_layout():
                    axes._set_position(place.get_position(self.figure))

    def _static_look(self) -> tuple:
        """Everything that makes a new background necessary when it changes."""
        words = [text.get_text() for text in (self.figure._suptitle, *self.figure.texts) if text]
        parts = [self.pixels, *words]
        for axes in self.figure.axes:
            parts += [axes.get_xlim(), axes.get_ylim(), axes.get_xscale(), axes.get_yscale(), axes.get_visible()]
            parts += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left"), axes.get_title()]
            parts += [axes.get_position().bounds, len(axes.get_children())]
            legend = axes.get_legend()
            parts += [text.get_text() for text in legend.get_texts()] if legend else []
        return tuple(parts)


def encode_png(rgb: np.ndarray) -> bytes:
    """Pixels [height, width, 3], uint8, as a PNG file (ISO/IEC 15948).

    Encoding is most of what a slider move costs, and this takes half the time of the usual encoder: each row is stored
    as its difference from the row above (filter 2), in a line drawing nearly all zeros.
    """
    height, width, _ = rgb.shape
    flat = rgb.reshape(height, 3 * width)
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    rows[:, 0] = 2
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])  # modulo 256, as the format wants it

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    pixels = zlib.compress(rows.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def img(png: bytes, alt: str, size: tuple[int, int]) -> str:
    """One `<img>` of fixed size. JupyterLab keeps the alt text of an <img>, not that of an image output."""
    data = base64.b64encode(png).decode("ascii")
    look = (
        f"display:block;width:{size[0]}px;max-width:100%;aspect-ratio:{size[0]}/{size[1]};border-radius:8px;"
        "border:1px solid rgba(128,128,128,.35);box-sizing:border-box"
    )
    return f'<img alt="{html.escape(alt)}" style="{look}" src="data:image/png;base64,{data}">'


class View:
    """What the reader sees: the picture, under it a status line in words, an alert when something failed."""

    def __init__(self, canvas: Canvas, *, status_lines: int = 1):
        """status_lines: lines reserved for the text, so that the page never jumps when the text changes."""
        self.size = canvas.pixels
        self.png = b""
        # Its height is in the <img> itself (see `img`), so that a narrow page has no gap under a smaller picture.
        self.image = widgets.HTML(layout=widgets.Layout(width="auto", margin="5px 0 3px 0"))
        room = f"{22 * status_lines + 6}px"
        self.status = widgets.HTML(layout=widgets.Layout(min_height=room, width="auto", margin="0 0 0 4px"))
        self.alert = widgets.HTML(layout=widgets.Layout(width="auto", margin="0"))
        self.box = widgets.VBox([self.image, self.status, self.alert])

    def show(self, png: bytes, *, alt: str, status: str) -> None:
        """Replace the picture and its texts at once. status: plain text, a line break starts a new line."""
        self.png = png
        self._say(status)  # first: who sees the new picture then finds its words beside it
        self.image.value = img(png, alt, self.size)
        self.alert.value = ""

    def refuse(self, why: str) -> None:
        """Keep the last picture and say why it did not follow."""
        self._say("Not drawn: " + why, mark="border-left:4px solid #f89c20;padding-left:8px;")
        self.alert.value = ""

    def fail(self, error: BaseException, hide: tuple[str, ...] = ()) -> None:
        """Show an error under the picture. hide: file names whose traceback lines would only distract."""
        self.alert.value = (
            '<div role="alert" style="border-left:4px solid #e42536;padding:4px 8px;line-height:1.4">'
            "<b>This picture could not be drawn.</b>"
            f'<pre style="margin:4px 0;white-space:pre-wrap">{html.escape(trimmed(error, hide))}</pre></div>'
        )

    def _say(self, text: str, mark: str = "") -> None:
        lines = "<br>".join(html.escape(line) for line in text.split("\n"))
        self.status.value = f'<div role="status" style="line-height:22px;{mark}">{lines}</div>'


def trimmed(error: BaseException, hide: tuple[str, ...] = ()) -> str:
    """The traceback without the lines inside the course's own drawing code."""
    report = traceback.TracebackException.from_exception(error)
    own = {str(Path(__file__).resolve()), *hide}
    report.stack[:] = [frame for frame in report.stack if frame.filename not in own][-4:]
    return "".join(report.format()).rstrip()
