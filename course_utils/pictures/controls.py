"""The controls of a live picture: each has a name (for the code), a label (for the reader) and a default.

Sliders move by arrow keys (one step), PageUp/PageDown (several) and Home/End; their number can be typed.
Only what ipywidgets 7 offers is used: that is what Colab ships.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import ipywidgets as widgets

WIDTH = "352px"  # two sliders are as wide as the picture under them
LABEL_WIDTH = "136px"
HEADING = "line-height:18px;font-weight:600;font-size:12px;border-bottom:1px solid rgba(128,128,128,.35)"


@dataclass
class Control:
    """A widget with the name it has in `state`, the value Reset brings back, and the values it allows."""

    name: str
    widget: widgets.Widget
    default: Any
    low: float | None = None
    high: float | None = None
    options: tuple | None = None
    heading: str = ""  # controls with the same heading stand together

    def stop(self, value: float) -> float:
        """The stop of this slider that is nearest to `value`.

        The page puts a value on its grid, low + k * step in floating point. A value that differs in its last digit
        comes back as if a hand had moved it, and when that happens during Run All the slider is dead from then on.
        """
        grid = self.widget
        if isinstance(grid, widgets.FloatLogSlider):
            return float(grid.base ** (grid.min + round((log10(value) - grid.min) / grid.step) * grid.step))
        return min(self.low + round((value - self.low) / grid.step) * grid.step, self.high)

    def start_at(self, value: float) -> Control:
        """Begin, and come back on Reset, at the stop nearest to `value`."""
        self.default = self.widget.value = self.stop(value)
        return self

    def allow(self, value):
        """Return the value, or raise ValueError saying what is allowed (widgets would clip it silently)."""
        if self.options is not None:
            if value not in self.options:
                raise ValueError(f"{self.name} = {value!r} is not one of {', '.join(map(repr, self.options))}")
        elif self.low is not None and not self.low <= value <= self.high:
            raise ValueError(f"{self.name} = {value!r} lies outside the slider, {self.low:g} to {self.high:g}")
        return value


def _frame(label: str) -> dict:
    return {
        "description": label,
        "style": {"description_width": LABEL_WIDTH},
        "layout": widgets.Layout(width=WIDTH, margin="1px 6px 1px 0"),
    }


def slider(name, label, low, high, value, step=None, *, digits: int | None = None, heading: str = "") -> Control:
    """A slider with equal steps (default: 100 of them)."""
    step = step or (high - low) / 100
    digits = max(0, -floor(log10(step) + 1e-9)) if digits is None else digits
    written = f".{digits}f"
    widget = widgets.FloatSlider(value=low, min=low, max=high, step=step, readout_format=written, **_frame(label))
    return Control(name, widget, value, low, high, heading=heading).start_at(value)


def whole(name, label, low: int, high: int, value: int, step: int = 1, *, heading: str = "") -> Control:
    """A slider over whole numbers."""
    widget = widgets.IntSlider(value=value, min=low, max=high, step=step, **_frame(label))
    return Control(name, widget, value, low, high, heading=heading)


def log_slider(name, label, low, high, value, *, per_decade: int = 20, heading: str = "") -> Control:
    """A slider with equal factors between its steps, for learning rates: per_decade steps for each 10x."""
    if not 0 < low < high:
        raise ValueError(f"{name}: a log slider needs 0 < low < high, got {low!r} and {high!r}; start at 1e-4, say")
    ends = {"base": 10, "min": log10(low), "max": log10(high), "step": 1 / per_decade}
    widget = widgets.FloatLogSlider(value=value, readout_format=".3g", **ends, **_frame(label))
    return Control(name, widget, value, low, high, heading=heading)


def snap(name, label, options: Sequence[tuple[str, Any]], value, *, heading: str = "") -> Control:
    """A slider that stops only at the given (label, value) pairs: measured values, not ones in between."""
    widget = widgets.SelectionSlider(options=list(options), value=value, **_frame(label))
    return Control(name, widget, value, options=tuple(value for _, value in options), heading=heading)


def choice(name, label, options: Sequence, value=None, *, heading: str = "") -> Control:
    """A drop-down list. options: values, or (label, value) pairs."""
    pairs = [option if isinstance(option, tuple) else (str(option), option) for option in options]
    value = pairs[0][1] if value is None else value
    widget = widgets.Dropdown(options=pairs, value=value, **_frame(label))
    return Control(name, widget, value, options=tuple(value for _, value in pairs), heading=heading)


def switch(name, label, value: bool = False, *, heading: str = "") -> Control:
    """A checkbox."""
    layout = widgets.Layout(width="auto", margin="1px 16px 1px 4px")
    widget = widgets.Checkbox(value=value, description=label, indent=False, layout=layout)
    return Control(name, widget, value, options=(False, True), heading=heading)


def arrange(controls: Sequence[Control], reset: widgets.Button) -> widgets.VBox:
    """Sliders side by side where there is room, a heading before each group, last switches and Reset."""
    rows, small = [], []
    for heading in dict.fromkeys(control.heading for control in controls):
        group = [control.widget for control in controls if control.heading == heading]
        small += [widget for widget in group if isinstance(widget, widgets.Checkbox)]
        big = [widget for widget in group if not isinstance(widget, widgets.Checkbox)]
        if big:
            rows += [widgets.HTML(f'<div style="{HEADING}">{heading}</div>')] if heading else []
            rows.append(widgets.Box(big, layout=widgets.Layout(flex_flow="row wrap", width="auto")))
    centered = widgets.Layout(flex_flow="row wrap", align_items="center", width="auto")
    rows.append(widgets.Box([*small, reset], layout=centered))
    return widgets.VBox(rows, layout=widgets.Layout(max_width="730px"))
