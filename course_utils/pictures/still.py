"""Show a finished picture or table with alt text, as one output that differs between machines only in pixels.

    show(figure, "Loss of four runs; the one at LR 10 leaves the picture at the top.")

JupyterLab drops the alt text of ordinary image outputs, so the picture travels as an <img alt> in a widget; the plain
image beside it is what GitHub, nbviewer and print show.
"""

from __future__ import annotations

import io

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from course_utils.pictures import style
from course_utils.pictures.canvas import img
from course_utils.pictures.outputs import bundle

SHARP = 1.6  # pixels per shown pixel: crisp on most screens


class Still:
    """A picture or table ready to be shown: widget, image and a line of text without measured numbers."""

    def __init__(self, box: widgets.Widget, png: bytes, text: str, alt: str):
        self.widget, self.png, self.text, self.alt = box, png, text, alt

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, self.text, png=self.png)


def png_of(figure: Figure) -> bytes:
    """The figure as PNG bytes, SHARP times as many pixels as it is shown with."""
    out = io.BytesIO()
    with style.context():
        figure.savefig(out, format="png", dpi=style.DPI * SHARP, metadata={"Software": None})
    return out.getvalue()


def still(figure: Figure, alt: str, *, name: str = "") -> Still:
    """The figure with alt text, not yet shown. name: its stable text form; default: the figure's title."""
    if not alt.strip():
        raise ValueError("alt is empty: say in one or two sentences what the picture shows")
    png = png_of(figure)
    width, height = (round(inches * style.DPI) for inches in figure.get_size_inches())
    picture = widgets.HTML(img(png, alt, (width, height)))
    title = figure._suptitle.get_text().strip() if figure._suptitle else ""
    return Still(widgets.VBox([picture]), png, f"Picture: {name or title or 'untitled'}", alt)


def show(figure: Figure, alt: str, *, name: str = "") -> None:
    """Show a figure with its alt text; works anywhere in a cell."""
    display(still(figure, alt, name=name))
