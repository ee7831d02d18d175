"""Live pictures: sliders over one persistent figure that never blinks.

    def draw(state):                                   # pure: numbers in, numbers out; tests call it directly
        t = np.arange(1000)
        lr = [cosine(u, peak=state.peak, T=1000) for u in t]
        return Scene({"cosine": (t, lr)}, status=f"From {state.peak:.3g} down to 0.")

    LivePicture(draw, [log_slider("peak", "peak LR", 1e-4, 1, 0.1)], title="Cosine decay",
                xlabel="update t", ylabel="learning rate")

A picture with bands, several panels or marks passes `build(figure)`, which draws everything that stands still
and returns `(axes by name, moving artists by name)`; `draw` then gives each artist its numbers by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text

from course_utils.pictures import style
from course_utils.pictures.canvas import Canvas, View, bundle
from course_utils.pictures.controls import Control, arrange


class CannotDraw(ValueError):
    """Raised by `draw` for values that make no picture: the message is shown, the last picture stays."""


@dataclass
class Scene:
    """What `draw` returns: the numbers of every moving artist and the words that go with them.

    artists: name -> numbers. Line: (x, y). Band: (x, low, high). Points: (x, y). Text: (x, y, string).
             Bundle of lines: list of (x, y). An artist that is not named is hidden.
    limits:  axes name -> (x low, x high, y low, y high); None leaves one as it is. Equal limits cost nothing,
             new ones a full draw: choose round ones (`nice_limit`).
    scales:  axes name -> "linear" or "log" (y axis), or a pair of them (x axis, y axis).
    status:  the line under the picture, also read to those who do not see it.
    """

    artists: Mapping[str, tuple]
    status: str = ""
    limits: Mapping[str, tuple] = field(default_factory=dict)
    scales: Mapping[str, str] = field(default_factory=dict)


def nice_limit(value: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten >= value (> 0): axis ends that rarely change."""
    if not (value > 0 and math.isfinite(value)):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10, 20) if step * power >= value * (1 - 1e-9))


def move(artist, numbers) -> None:
    """Give one artist its new numbers (see Scene)."""
    if isinstance(artist, Line2D):
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
        title: str = "",
        xlabel: str = "",
        ylabel: str = "",
        alt: str = "",
        note: str = "",
        build: Callable | None = None,
        still: Sequence[str] = (),
        figsize: tuple[float, float] = style.SIZE,
        status_lines: int = 1,
    ):
        """draw: state -> Scene (or just its `artists`). title: also the picture's stable text form.
        alt: what kind of picture it is; the status line is added to it. note: small text in the corner.
        build: figure -> (axes by name, moving artists by name); without it, one axes and lines by name.
        still: artists that change rarely and belong to the background; `draw` must hand the *same* object
        while their numbers are the same, a new one costs a full draw.
        """
        self.draw, self.title, self.alt = draw, title, alt or title
        self.controls = {control.name: control for control in controls}
        if len(self.controls) < len(controls):
            raise ValueError(f"two controls share a name: {[control.name for control in controls]}")
        with style.context():
            figure = style.new_figure(figsize, title=title, note=note)
            self.canvas = Canvas(figure)
            self.axes, artists = (build or _one_axes(xlabel, ylabel))(figure)
        self.artists, self._still = dict(artists), {name: None for name in still}
        for name in self.artists.keys() - self._still.keys():
            self.canvas.moving(self.artists[name])
        self._grows = build is None
        self.view = View(self.canvas, status_lines=status_lines)
        self.scene: Scene | None = None
        self._quiet = False
        reset = widgets.Button(description="Reset", layout=widgets.Layout(width="84px", margin="1px 4px"))
        reset.on_click(lambda _: self.reset())
        for control in controls:
            control.widget.observe(self._moved, names="value")
        self.widget = widgets.VBox([arrange(controls, reset), self.view.box])
        self.redraw()

    # ------------------------------------------------------------------------------------------------ state
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

    # ---------------------------------------------------------------------------------------------- drawing
    def redraw(self) -> None:
        """Draw the picture for the present state. An error is shown under the picture and raised."""
        try:
            scene = self.draw(self.state)
            self._apply(scene if isinstance(scene, Scene) else Scene(scene))
            png = self.canvas.png()
        except CannotDraw as why:
            self.view.refuse(str(why))
        except Exception as error:
            self.view.fail(error, hide=(__file__,))
            raise
        else:
            self.view.show(png, alt=f"{self.alt}. {self.scene.status}".strip(), status=self.scene.status)

    def _apply(self, scene: Scene) -> None:
        for name, numbers in scene.artists.items():
            if name not in self.artists:
                self._grow(name)
            if name not in self._still:
                move(self.artists[name], numbers)
        for name, artist in self.artists.items():
            if name not in scene.artists and name not in self._still:
                artist.set_visible(False)
        self._move_background(scene)
        for name, kind in scene.scales.items():
            across, upwards = kind if isinstance(kind, tuple) else (self.axes[name].get_xscale(), kind)
            with style.context():
                if self.axes[name].get_xscale() != across:
                    self.axes[name].set_xscale(across)
                if self.axes[name].get_yscale() != upwards:
                    self.axes[name].set_yscale(upwards)
        limits = scene.limits or (self._own_limits(scene) if self._grows else {})
        for name, (left, right, bottom, top) in limits.items():
            _limit(self.axes[name].set_xlim, self.axes[name].get_xlim(), left, right)
            _limit(self.axes[name].set_ylim, self.axes[name].get_ylim(), bottom, top)
        self.scene = scene

    def _move_background(self, scene: Scene) -> None:
        for name, shown in self._still.items():
            numbers = scene.artists.get(name)
            if numbers is not shown:
                self._still[name] = numbers
                self.canvas.forget_background()
                if numbers is None:
                    self.artists[name].set_visible(False)
                else:
                    move(self.artists[name], numbers)

    def _grow(self, name: str) -> None:
        if not self._grows:
            raise KeyError(f"draw() moves {name!r}, which build() did not make; it made {', '.join(self.artists)}")
        with style.context():
            line = self.axes["main"].plot([], [], label=name, **style.look(len(self.artists)))[0]
            self.artists[name] = self.canvas.moving(line)
            style.legend_row(self.axes["main"])

    def _own_limits(self, scene: Scene) -> dict:
        xs = np.concatenate([np.asarray(x, float) for x, _ in scene.artists.values()])
        ys = np.concatenate([np.asarray(y, float) for _, y in scene.artists.values()])
        ys = ys[np.isfinite(ys)]
        low, high = (ys.min(), ys.max()) if len(ys) else (0.0, 1.0)
        bottom = 0.0 if low >= 0 else -nice_limit(-low)
        return {"main": (xs.min(), xs.max(), bottom, nice_limit(high) * 1.04)}

    # ---------------------------------------------------------------------------------------------- display
    def __repr__(self) -> str:
        return f"LivePicture: {self.title}"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, self.view.png, repr(self))


def _limit(setter, now, low, high) -> None:
    new = (now[0] if low is None else float(low), now[1] if high is None else float(high))
    if new != now:
        setter(*new)


def _one_axes(xlabel: str, ylabel: str):
    def build(figure):
        axes = figure.subplots()
        axes.set(xlabel=xlabel, ylabel=ylabel)
        return {"main": axes}, {}

    return build
