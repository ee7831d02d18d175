"""Live pictures: sliders over one persistent figure that never blinks. Every explorer has the same three functions:

def build(figure):                                  # what stands still, and the artists that move
    axes = figure.subplots()
    axes.set(xlabel="update t", ylabel="learning rate", xlim=(0, 1000))
    return {"main": axes}, {"cosine": axes.plot([], [])[0]}

def draw(state):                                    # pure: numbers in, numbers out; tests call it directly
    t = np.arange(1000)
    lr = [cosine(u, peak=state.peak, T=1000) for u in t]
    return Scene({"cosine": (t, lr)}, words(state), {"main": (None, None, 0, nice_limit(state.peak))})

def words(state):                                   # the line under the picture
    return f"From {state.peak:.3g} down to 0."

LivePicture(draw, [log_slider("peak", "peak LR", 1e-4, 1, 0.1)], build=build, title="Cosine decay")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View
from course_utils.pictures.controls import Control, arrange
from course_utils.pictures.outputs import bundle


class CannotDraw(ValueError):
    """Raised by `draw` for values that make no picture: the message is shown, the last picture stays."""


@dataclass
class Scene:
    """What `draw` returns: the numbers of every moving artist and the words that go with them.

    artists: name -> numbers. Line: (x, y). Band: (x, low, high). Points: (x, y). Text: (x, y, string).
             Bundle of lines: list of (x, y). Image: (pixels,). An artist that is not named is hidden.
    status:  the line under the picture, also read to those who do not see it.
    limits:  axes name -> (x low, x high, y low, y high); None leaves one as it is. Equal limits cost nothing,
             new ones a full draw: choose round ones (`nice_limit`).
    scales:  axes name -> "linear" or "log" (y axis), or a pair of them (x axis, y axis).
    """

    artists: Mapping[str, tuple]
    status: str = ""
    limits: Mapping[str, tuple] = field(default_factory=dict)
    scales: Mapping[str, str] = field(default_factory=dict)


def move(artist, numbers) -> None:
    """Give one artist its new numbers (see Scene)."""
    if isinstance(artist, Line2D | AxesImage):
        artist.set_data(*numbers)
    elif isinstance(artist, Text):
        x, y, text = numbers
        artist.set_position((x, y))
        artist.set_text(text)
    elif isinstance(artist, LineCollection):
        artist.set_segments([np.column_stack(pair) for pair in numbers])
    elif isinstance(artist, PolyCollection):
        x, low, high = (np.asarray(values, float) for values in numbers)
        outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])])
        artist.set_verts([outline] if len(x) else [])
    elif isinstance(artist, PathCollection):
        artist.set_offsets(np.column_stack(numbers))
    else:
        raise TypeError(f"a {type(artist).__name__} cannot move; use a line, band, text or points")
    artist.set_visible(True)


class LivePicture:
    """Controls, a picture that follows them, and a status line; shows itself as the last line of a cell."""

    def __init__(
        self,
        draw: Callable[[SimpleNamespace], Scene],
        controls: Sequence[Control],
        *,
        build: Callable,
        title: str = "",
        alt: str = "",
        note: str = "",
        still: Sequence[str] = (),
        figsize: tuple[float, float] = style.SIZE,
        status_lines: int = 1,
    ):
        """draw: state -> Scene. build: figure -> (axes by name, moving artists by name). title: also the picture's
        stable text form. alt: what kind of picture it is; the status line is added to it. note: small text in the
        corner. still: artists that change rarely and belong to the background; `draw` must hand the *same* object
        while their numbers are the same, a new one costs a full draw.
        """
        self.draw, self.title, self.alt = draw, title, alt or title
        self.controls = {control.name: control for control in controls}
        if len(self.controls) < len(controls):
            raise ValueError(f"two controls share a name: {[control.name for control in controls]}")
        with style.context():
            figure = style.new_figure(figsize, title=title, note=note)
            self.canvas = Canvas(figure)
            self.axes, self.artists = build(figure)
        self._still = dict.fromkeys(still)
        for name, artist in self.artists.items():  # in the order of build: the same bytes in every process
            if name not in self._still:
                self.canvas.moving(artist)
        self.view = View(self.canvas, status_lines=status_lines)
        self.scene: Scene | None = None
        self._quiet = False
        reset = widgets.Button(description="Reset", layout=widgets.Layout(width="84px", margin="1px 4px"))
        reset.on_click(lambda _: self.reset())
        for control in controls:
            control.widget.observe(self._moved, names="value")
        self.widget = widgets.VBox([arrange(controls, reset), self.view.box])
        self.redraw()

    @property
    def state(self) -> SimpleNamespace:
        """The values of all controls by name."""
        return SimpleNamespace(**{name: control.widget.value for name, control in self.controls.items()})

    def set(self, **values) -> LivePicture:
        """Move controls from code, one redraw for all. Raises ValueError for an unknown name or value."""
        for name, value in values.items():
            if name not in self.controls:
                raise ValueError(f"there is no control {name!r}; there are {', '.join(self.controls)}")
            self.controls[name].allow(value)
        self._quiet = True
        try:
            for name, value in values.items():
                self.controls[name].widget.value = value
        finally:
            self._quiet = False
        self.redraw()
        return self

    def reset(self) -> LivePicture:
        """Bring every control back to its default."""
        return self.set(**{name: control.default for name, control in self.controls.items()})

    def _moved(self, _change) -> None:
        if not self._quiet:
            self.redraw()

    def redraw(self) -> None:
        """Draw the picture for the present state. An error is shown under the picture and raised."""
        try:
            with style.context():
                self._apply(self.draw(self.state))
                png = self.canvas.png()
        except CannotDraw as why:
            self.view.refuse(str(why))
        except Exception as error:
            self.view.fail(error, hide=(__file__,))
            raise
        else:
            self.view.show(png, alt=f"{self.alt}. {self.scene.status}".strip(), status=self.scene.status)

    def _apply(self, scene: Scene) -> None:
        if strangers := scene.artists.keys() - self.artists.keys():
            raise KeyError(
                f"draw() moves {sorted(strangers)}, which build() did not make; it made {list(self.artists)}"
            )
        for name, artist in self.artists.items():
            numbers = scene.artists.get(name)
            if name in self._still:
                if numbers is self._still[name]:
                    continue
                self._still[name] = numbers
                self.canvas.forget_background()
            if numbers is None:
                artist.set_visible(False)
            else:
                move(artist, numbers)
        for name, kind in scene.scales.items():
            axes = self.axes[name]
            across, upwards = kind if isinstance(kind, tuple) else (axes.get_xscale(), kind)
            if axes.get_xscale() != across:  # setting a scale anew would throw away its ticks
                axes.set_xscale(across)
            if axes.get_yscale() != upwards:
                axes.set_yscale(upwards)
        for name, (left, right, bottom, top) in scene.limits.items():
            _limit(self.axes[name].set_xlim, self.axes[name].get_xlim(), left, right)
            _limit(self.axes[name].set_ylim, self.axes[name].get_ylim(), bottom, top)
        self.scene = scene

    def __repr__(self) -> str:
        return f"LivePicture: {self.title}"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, repr(self), png=self.view.png)


def _limit(setter, before, low, high) -> None:
    after = (before[0] if low is None else float(low), before[1] if high is None else float(high))
    if after != before:
        setter(*after)
