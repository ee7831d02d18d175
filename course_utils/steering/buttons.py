"""The buttons and sliders of the live training panel. Each calls a method of the panel and nothing else."""

from __future__ import annotations

import asyncio
import math
import threading

import ipywidgets as widgets

from course_utils.pictures.controls import choice, log_slider, switch
from course_utils.steering.lanes import MOST_BRANCHES

FACTORS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)  # of a branch; x 1 shows that a branch is an exact copy
DECADES = 6  # of the learning-rate slider


class PanelControls:
    """rows: the widgets, to stand above the picture. show(): bring them up to date with the panel."""

    def __init__(self, panel, highest: float):
        """highest: the highest learning rate of the schedule."""
        self.panel, self._quiet = panel, False
        self._thread, self._loop = threading.get_ident(), _running_loop()
        self.go = self._button("Start", self._go, "Start, pause or go on", "primary")
        self.stop = self._button("Stop", panel.stop, "End the training here")
        self.restart = self._button("Restart", panel.restart, "Begin again with a fresh network")
        words = f"Drop LR × {panel.drop_factor:g}"
        self.drop = self._button(words, panel.drop, "Multiply the learning rate now and hold it there")
        self.branch = self._button("Branch from here", panel.branch, "Go on with a copy beside it")
        top = 10.0 ** math.ceil(math.log10(highest) + 0.99)
        start = min(highest, top)
        self.slider = log_slider("lr", "learning rate", top / 10**DECADES, top, start).widget
        # The page rounds a value to the slider's steps and, for a continuous slider, sends that back as if a hand had
        # moved it: following the schedule would take the rate over by itself.
        self.slider.continuous_update = False
        self.following = switch("following", "follow the schedule", True).widget
        factors = [(f"× {factor:g}", factor) for factor in FACTORS]
        self.factor = choice("factor", "branch with LR", factors, 0.1).widget
        self.steered = choice("run", "steer", [("main run", 0)]).widget
        self.log_axis = switch("log", "logarithmic LR axis", panel.picture.log_lr).widget
        for small in (self.factor, self.steered):
            small.layout.width, small.style.description_width = "220px", "100px"
        self.steered.style.description_width = "50px"
        self.slider.observe(lambda change: self._hand(panel.take_over, change.new), names="value")
        self.following.observe(lambda change: self._hand(self._follow, change.new), names="value")
        self.steered.observe(lambda _: self._hand(panel.refresh), names="value")
        self.log_axis.observe(lambda change: self._hand(self._log, change.new), names="value")
        flow = widgets.Layout(flex_flow="row wrap", align_items="center", width="auto", max_width="730px")
        rows = [
            [self.go, self.stop, self.restart, self.log_axis],
            [self.slider, self.drop, self.following],
            [self.branch, self.factor, self.steered],
        ]
        self.rows = [widgets.Box(row, layout=flow) for row in rows]

    @property
    def chosen(self) -> int:
        """Number of the run that is steered, 0 for the main run."""
        return self.steered.value

    def _button(self, words: str, action, hint: str, kind: str = "") -> widgets.Button:
        layout = widgets.Layout(width="150px", margin="1px 6px 1px 0")
        button = widgets.Button(description=words, tooltip=hint, button_style=kind, layout=layout)
        button.on_click(lambda _: self._hand(action))
        return button

    def _hand(self, action, *values) -> None:
        """A click or a slider. JupyterLab may deliver it in a thread of its own (a "subshell" of the kernel), in the
        middle of an update or of a drawing: it is handed to the thread that trains, and done between two updates.
        """
        if self._loop is None or self._loop.is_closed() or threading.get_ident() == self._thread:
            self._try(action, *values)
        else:
            self._loop.call_soon_threadsafe(self._try, action, *values)

    def _try(self, action, *values) -> None:
        """What a click does; where it cannot be done, the status line says why."""
        if self._quiet:
            return
        try:
            action(*values)
        except ValueError as why:
            self.panel.view.refuse(str(why))
            self.show()

    def _go(self) -> None:
        if self.panel.state == "training":
            self.panel.pause()
        else:
            self.panel.start()

    def _follow(self, on: bool) -> None:
        if on:
            self._try(self.panel.follow)
        else:
            self._try(self.panel.take_over, self.panel.lane().lr)

    def _log(self, on: bool) -> None:
        self.panel.picture.set_log(on)
        self.panel.refresh()

    def show(self) -> None:
        """Enable what can be done now and show the learning rate as it is."""
        self._quiet = True  # what follows is not the learner's hand
        try:
            self._show(self.panel)
        finally:
            self._quiet = False

    def _show(self, panel) -> None:
        lanes, going = panel.lanes.lanes, panel.state in ("ready", "training", "paused")
        self.go.description = {"training": "Pause", "paused": "Resume"}.get(panel.state, "Start")
        self.go.disabled = self.stop.disabled = not going
        options = tuple((lane.name, number) for number, lane in enumerate(lanes))
        if self.steered.options != options:
            chosen = self.chosen if self.chosen is not None and self.chosen < len(lanes) else 0
            self.steered.options = options
            self.steered.value = chosen
        lane = panel.lane()
        can = going and not lane.ended
        for control in (self.drop, self.slider, self.following):
            control.disabled = not can
        self.branch.disabled = not (can and lane.t > 0 and len(lanes) <= MOST_BRANCHES)
        self.following.value = lane.hand is None
        if can and lane.lr > 0:
            self.slider.value = min(max(lane.lr, 10**self.slider.min), 10**self.slider.max)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of the notebook, None in a script."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
