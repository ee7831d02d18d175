"""One look for every picture of the course: colours, line styles, fonts, and an opaque light card.

The six colours are matplotlib's `petroff6` cycle (M. Petroff, "Accessible Color Sequences for Data Visualization",
arXiv:2107.02270): of the palettes we measured it keeps the largest distance between colours for red-green colour-blind
eyes. Colour is never the only difference: the n-th curve also has the n-th line style and the n-th marker. The
background is an opaque soft white, so that a picture reads the same on a light and on a dark page.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager

import matplotlib
from cycler import cycler
from matplotlib import cbook
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course_utils.pictures.originals import own_functions

PALETTE = ("#5790fc", "#f89c20", "#e42536", "#964a8b", "#9c9ca1", "#7a21dd")
LINES = ("-", (0, (5, 1.6)), (0, (6, 1.5, 1.2, 1.5)), (0, (1.3, 1.3)), (0, (9, 2.5)), (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)))
MARKERS = ("o", "s", "^", "D", "v", "P")

CARD = "#fcfbf8"  # background of every picture
INK = "#26262e"  # text and main lines
QUIET = "#6f6f78"  # axis labels, notes, reference lines: 4.9:1 on CARD
FAINT = "#c9c9cd"  # curves that are only context
GRID = "#e7e6e2"

SIZE = (7.2, 3.4)  # inches; at DPI dots an inch: 720 x 340 pixels
DPI = 100

STYLE = {
    "figure.figsize": SIZE, "figure.dpi": DPI, "figure.facecolor": CARD, "figure.edgecolor": CARD,
    "figure.titlesize": 11, "figure.titleweight": "bold",
    "figure.constrained_layout.use": True, "figure.constrained_layout.h_pad": 0.085,
    "figure.constrained_layout.w_pad": 0.08,
    "savefig.facecolor": CARD, "savefig.edgecolor": CARD, "savefig.dpi": DPI,
    "axes.facecolor": CARD, "axes.edgecolor": "#a9a9ae", "axes.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "axes.labelcolor": INK, "axes.labelsize": 9.5, "axes.labelpad": 4.0,
    "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlecolor": INK,
    "axes.titlepad": 7.0, "axes.xmargin": 0.015,
    "axes.formatter.useoffset": False, "axes.formatter.limits": (-4, 5),
    "axes.prop_cycle": cycler(color=PALETTE) + cycler(linestyle=LINES),
    "grid.color": GRID, "grid.linewidth": 0.7,
    "lines.linewidth": 2.0, "lines.markersize": 5.0, "lines.solid_capstyle": "round",
    "text.color": INK, "mathtext.fontset": "dejavusans", "font.size": 9.5,
    "font.family": ["DejaVu Sans"],  # ships with matplotlib: the same letters on every machine
    "xtick.color": "#8b8b92", "xtick.labelcolor": QUIET, "xtick.labelsize": 8.5, "xtick.major.size": 3.0,
    "ytick.color": "#8b8b92", "ytick.labelcolor": QUIET, "ytick.labelsize": 8.5, "ytick.major.size": 3.0,
    "xtick.minor.visible": False,
    "legend.frameon": False, "legend.fontsize": 8.8, "legend.handlelength": 2.4, "legend.columnspacing": 1.6,
    "legend.borderaxespad": 0.2, "image.cmap": "cividis",
}  # fmt: skip

# Every setting: those that are not named above are matplotlib's own, whatever the learner's files or cells have set.
_ALL = matplotlib.rcParamsDefault.copy()
_ALL.update(STYLE)
_ALL = {name: value for name, value in _ALL.items() if not name.startswith(("backend", "interactive", "toolbar"))}
_FORMULA = re.compile(r"\$(\\mathdefault\{[^$]*\}|\\eta_\\mathrm\{\w+\}|w_[12])\$")  # all that pictures here write
_ONE_AT_A_TIME = threading.RLock()  # matplotlib's settings are global, and clicks may come in a thread of their own


@contextmanager
def context():
    """`with style.context(): ...` gives the look inside the block only, the same for everybody.

    A $ in a text is a dollar there, but for the few formulas that the course itself writes.
    """
    is_formula = cbook.is_math_text
    with _ONE_AT_A_TIME, own_functions(), matplotlib.rc_context():
        dict.update(matplotlib.rcParams, _ALL)  # checked above; checking 300 settings anew takes milliseconds
        cbook.is_math_text = lambda text: is_formula(text) and "$" not in _FORMULA.sub("", text)
        try:
            yield
        finally:
            cbook.is_math_text = is_formula


def look(n: int) -> dict:
    """Colour and line style of the n-th curve (0-based, starts again after six), as plot() arguments."""
    if n < 0:
        raise ValueError(f"n = {n}: the number of a curve is 0 or more")
    return {"color": PALETTE[n % len(PALETTE)], "linestyle": LINES[n % len(LINES)]}


def new_figure(size: tuple[float, float] = SIZE, *, title: str = "", note: str = "") -> Figure:
    """An empty figure in the course's look, with its Agg canvas and without pyplot.

    size: width and height in inches. title: bold, top left. note: small, top right; says where the data come from
    ("stand-in images, not CIFAR-10").
    """
    figure = Figure(figsize=size, dpi=DPI)
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, x=0.012, ha="left")
    if note:
        figure.text(0.99, 0.978, note, ha="right", va="top", fontsize=7.8, color=QUIET, style="italic")
        if not title:  # keeps the row free: text alone claims no space in the layout
            figure.suptitle(" ", x=0.012, ha="left")
    return figure


def legend_row(axes, handles=None, labels=None, *, columns: int = 5):
    """A legend in one row above the axes, where no curve can run through it."""
    if handles is None:
        handles, labels = axes.get_legend_handles_labels()
    look = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderpad": 0.1, "handletextpad": 0.6}
    return axes.legend(handles, labels, ncols=columns, **look)
