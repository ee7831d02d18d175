"""The adviser in a lesson: tick what you see, read the moves, try them on the picture (before and after).

adviser_panel(T=416, peak=1.0)
"""

from __future__ import annotations

import html

import ipywidgets as widgets

from course_utils.lessons.l10_1_9.adviser import IN_PLACE, KEPT_BACK, NAMES, Advice, Settings, advise, after
from course_utils.lessons.l10_1_9.adviser_rows import INSTEAD, SYMPTOMS
from course_utils.lessons.l10_1_9.onecycle import KNOBS, onecycle_explorer
from course_utils.pictures.canvas import bundle
from course_utils.pictures.controls import HEADING

LEADS = {INSTEAD: "Instead: ", KEPT_BACK: "Kept back: ", IN_PLACE: "In place: "}


class AdviserPanel:
    """Checkboxes for the symptoms, the advice as a list, and the picture it is tried on. Shows itself.

    ticked: symptoms now chosen. advice: what the guide says about them. settings: the knobs as the sliders stand.
    """

    def __init__(self, T: int, **start: float):
        self.picture = onecycle_explorer(T, **start)
        self.boxes = {name: _checkbox(words) for name, (_, words) in SYMPTOMS.items()}
        # A fixed height: the picture under it must not jump while a slider changes the numbers in the text.
        room = widgets.Layout(height="236px", overflow="auto", max_width="730px", margin="4px 0 6px 4px")
        self.list = widgets.HTML(layout=room)
        self.first = self._button("Try the first move", self.try_first, "primary")
        self.all = self._button("Try all moves", self.try_all)
        self.none = self._button("Untick all", self.untick)
        for box in self.boxes.values():
            box.observe(lambda _: self.refresh(), names="value")
        for name in KNOBS:
            self.picture.controls[name].widget.observe(lambda _: self.refresh(), names="value")
        flow = widgets.Layout(flex_flow="row wrap", width="auto", max_width="730px")
        groups = []
        for group in dict.fromkeys(group for group, _ in SYMPTOMS.values()):
            own = [box for name, box in self.boxes.items() if SYMPTOMS[name][0] == group]
            groups.append(widgets.HTML(f'<div style="{HEADING}">{html.escape(group)}</div>'))
            groups.append(widgets.Box(own, layout=flow))
        buttons = widgets.Box([self.first, self.all, self.none], layout=flow)
        self.widget = widgets.VBox([*groups, self.list, buttons, self.picture.widget])
        self.refresh()

    def _button(self, words: str, action, kind: str = "") -> widgets.Button:
        layout = widgets.Layout(width="160px", margin="1px 6px")
        made = widgets.Button(description=words, button_style=kind, layout=layout)
        made.on_click(lambda _: action())
        return made

    # ---------------------------------------------------------------------------------------------------- state
    @property
    def ticked(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.value]

    @property
    def settings(self) -> Settings:
        """Raises ValueError while the sliders stand at m_min > m_max."""
        return Settings(**self.picture.knobs, T=self.picture.T)

    @property
    def advice(self) -> list[Advice]:
        return advise(self.ticked, self.settings)

    def tick(self, *symptoms: str) -> AdviserPanel:
        """Tick these symptoms and no others. Raises ValueError for an unknown one."""
        advise(symptoms, Settings())
        for name, box in self.boxes.items():
            box.value = name in symptoms
        return self

    def untick(self) -> None:
        self.tick()
        self.picture.forget()

    # --------------------------------------------------------------------------------------------------- actions
    def try_first(self) -> None:
        """Make the most urgent change in the picture; the curves as they were stay behind, faint."""
        self._try(1)

    def try_all(self) -> None:
        """Make every change in the picture."""
        self._try(None)

    def _try(self, how_many: int | None) -> None:
        changes = [one for one in self.advice if one.kind == "change" and one.knob in KNOBS][:how_many]
        if changes:
            self.picture.remember()
            better = after(self.settings, changes)
            self.picture.set(**{one.knob: self.picture.stop(one.knob, getattr(better, one.knob)) for one in changes})
            self.refresh()

    def refresh(self) -> None:
        """Write the advice for what is ticked and how the sliders stand."""
        try:
            advice = self.advice
        except ValueError as why:  # the picture says so, too
            self.list.value = f'<div aria-live="polite">{html.escape(str(why))}</div>'
            return
        head = "The guide, most urgent first:" if self.ticked else "Nothing ticked: the guide's starting recipe."
        items = "".join(f"<li>{_item(one)}</li>" for one in advice)
        body = f'<b>{head}</b><ol style="margin:2px 0">{items}</ol>'
        self.list.value = f'<div aria-live="polite" style="line-height:1.45">{body}</div>'
        changes = [one for one in advice if one.kind == "change" and one.knob in KNOBS]
        self.first.disabled, self.all.disabled = not changes, len(changes) < 2

    def __repr__(self) -> str:
        return "OneCycle adviser: symptoms in, moves out, tried on the picture"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, self.picture.view.png, repr(self))


def _item(one: Advice) -> str:
    esc = html.escape
    words = esc(one.words)
    if one.kind == "change":
        words = f"<b>{words}</b>"
    return f"{LEADS.get(one.kind, '')}{words} {esc(one.why)} <span style='opacity:.75'>[{esc(one.where)}]</span>"


def _checkbox(words: str) -> widgets.Checkbox:
    layout = widgets.Layout(width="352px", margin="0 6px 0 4px")
    return widgets.Checkbox(value=False, description=words, indent=False, layout=layout)


def adviser_panel(T: int = 1248, **start: float) -> AdviserPanel:
    """The tuning guide with its symptoms as checkboxes and the OneCycle picture under it.

    T: updates of the training. start: first values of the knobs (peak, div_factor, final_div_factor, p, m_min, m_max).
    Raises ValueError for anything else.
    """
    return AdviserPanel(T, **start)


def moves_table(symptoms, settings: Settings) -> list[list]:
    """The advice as rows (knob, now, then, why) for a table: what the panel shows, without a panel."""
    advice = [one for one in advise(symptoms, settings) if one.kind == "change"]
    return [[NAMES[one.knob], one.old, one.new, one.why] for one in advice]
