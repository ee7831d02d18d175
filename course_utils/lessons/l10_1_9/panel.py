"""The adviser in a lesson: tick what you see, read the moves, try them on the picture (before and after).

adviser_panel(T=416, peak=1.0)
"""

from __future__ import annotations

import html

import ipywidgets as widgets

from course_utils.lessons.l10_1_9.adviser import CHANGE, LEADS, SYMPTOMS, Move, Settings, advise, after
from course_utils.lessons.l10_1_9.onecycle import KNOBS, onecycle_explorer
from course_utils.pictures.controls import HEADING
from course_utils.pictures.outputs import bundle


class AdviserPanel:
    """Checkboxes for the symptoms, the advice as a list, and the picture it is tried on. Shows itself.

    T, start: see `onecycle_explorer`. ticked: symptoms now chosen. settings: the knobs as the sliders are; ValueError
    while they are at m_min > m_max.
    """

    def __init__(self, T: int = 1248, **start: float):
        self.picture = onecycle_explorer(T, **start)
        look = {"indent": False, "layout": widgets.Layout(width="352px", margin="0 6px 0 4px")}
        self.boxes = {name: widgets.Checkbox(description=words, **look) for name, (_, words) in SYMPTOMS.items()}
        # A fixed height: the picture under it must not jump while a slider changes the numbers in the text.
        room = widgets.Layout(height="236px", overflow="auto", max_width="730px", margin="4px 0 6px 4px")
        self.list = widgets.HTML(layout=room)
        self.first = _button("Try the first move", lambda: self.attempt(1), "primary")
        self.all = _button("Try all moves", self.attempt)
        self.none = _button("Untick all", self.untick)
        for widget in (*self.boxes.values(), *(self.picture.controls[name].widget for name in KNOBS)):
            widget.observe(lambda _: self.refresh(), names="value")
        flow = widgets.Layout(flex_flow="row wrap", width="auto", max_width="730px")
        groups = []
        for group in dict.fromkeys(group for group, _ in SYMPTOMS.values()):
            own = [box for name, box in self.boxes.items() if SYMPTOMS[name][0] == group]
            groups += [
                widgets.HTML(f'<div style="{HEADING}">{html.escape(group)}</div>'),
                widgets.Box(own, layout=flow),
            ]
        buttons = widgets.Box([self.first, self.all, self.none], layout=flow)
        self.widget = widgets.VBox([*groups, self.list, buttons, self.picture.widget])
        self.refresh()

    @property
    def ticked(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.value]

    @property
    def settings(self) -> Settings:
        return Settings(**self.picture.knobs, T=self.picture.T)

    @property
    def changes(self) -> list[Move]:
        """The moves that the picture has a slider for."""
        moves = advise(self.ticked, self.settings)
        return [move for move in moves if move.kind == CHANGE and move.knob in KNOBS]

    def tick(self, *symptoms: str) -> AdviserPanel:
        """Tick these symptoms and no others. Raises ValueError for an unknown one."""
        advise(symptoms, Settings())
        for name, box in self.boxes.items():
            box.value = name in symptoms
        return self

    def untick(self) -> None:
        self.tick()
        self.picture.forget()

    def attempt(self, how_many: int | None = None) -> None:
        """Make the most urgent changes, or all, in the picture; the curves as they were stay behind, faint."""
        if changes := self.changes[:how_many]:
            self.picture.remember()
            better = after(self.settings, changes)
            stops = {move.knob: self.picture.controls[move.knob].stop(getattr(better, move.knob)) for move in changes}
            self.picture.set(**stops)
            self.refresh()

    def refresh(self) -> None:
        """Write the advice for what is ticked and how the sliders are."""
        try:
            items = "".join(f"<li>{_item(move)}</li>" for move in advise(self.ticked, self.settings))
        except ValueError as why:  # the picture says so, too
            self.list.value = f'<div aria-live="polite">{html.escape(str(why))}</div>'
            return
        head = "The guide, most urgent first:" if self.ticked else "Nothing ticked: the guide's starting recipe."
        body = f'<b>{head}</b><ol style="margin:2px 0">{items}</ol>'
        self.list.value = f'<div aria-live="polite" style="line-height:1.45">{body}</div>'
        self.first.disabled, self.all.disabled = not self.changes, len(self.changes) < 2

    def __repr__(self) -> str:
        return "OneCycle adviser: symptoms in, moves out, tried on the picture"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, repr(self), png=self.picture.view.png)


def _item(move: Move) -> str:
    words, why, where = map(html.escape, (move.words, move.why, move.where))
    words = f"<b>{words}</b>" if move.kind == CHANGE else words
    return f"{LEADS.get(move.kind, '')}{words} {why} <span style='opacity:.75'>[{where}]</span>"


def _button(words: str, action, style: str = "") -> widgets.Button:
    layout = widgets.Layout(width="160px", margin="1px 6px")
    button = widgets.Button(description=words, button_style=style, layout=layout)
    button.on_click(lambda _: action())
    return button


adviser_panel = AdviserPanel  # lessons call it as what it does
