"""The ward: pipelines with none, one or two hidden faults; instruments that really run, and cost; a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import ipywidgets as widgets
import numpy as np

from course_utils.lessons.l10_2_3.instruments import INSTRUMENTS, examine, instrument_of, price
from course_utils.lessons.l10_2_3.pipeline import FAULTS, Bench, Patient
from course_utils.pictures import style
from course_utils.pictures.controls import choice, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.outputs import bundle

NONE = "healthy"
PATIENTS, FAR = 8, 3.0  # patients in a ward; half-widths at which a point stands at the border of the picture


def faults_of(seed: int, patient: int) -> tuple:
    """Which faults a patient has: none in one case of five, two in one of five."""
    rng = Random(1_000 * seed + patient)
    first, second = rng.sample(list(FAULTS), 2)
    if first.split()[0] == second.split()[0]:  # of one kind: they could not stand together
        return (first,)
    return rng.choice([(), (first,), (first,), (first,), (first, second)])


class Ward:
    """The panel. press(instrument) and diagnose(first, second) are what its buttons do, for the patient in view.

    band: gives names and place(readings). score: function(named, true) -> 0 ... 1. doctors: name -> function(all
    readings) -> (named, updates paid); may be filled later, their opinions then stand beside yours.
    """

    def __init__(self, bench: Bench, band, score: Callable, seed: int = 0):
        self.bench, self.band, self.score, self.seed = bench, band, score, seed
        self.doctors: Mapping[str, Callable] = {}
        self.readings: dict[int, dict] = {number: {} for number in range(1, PATIENTS + 1)}
        self.sealed: dict[int, tuple] = {}  # patient -> (score, updates paid)
        self.opinions: dict[tuple, tuple] = {}  # (patient, doctor) -> (score, updates paid)
        self.everything: dict[int, dict] = {}  # all readings of a patient, for the automatic doctors
        names = [NONE, *FAULTS]
        controls = [
            whole("patient", "patient", 1, PATIENTS, 1),
            choice("first", "diagnosis", names),
            choice("second", "and", [("nothing else", NONE), *FAULTS]),
        ]
        self.picture = LivePicture(
            self.draw,
            controls,
            build=self.build,
            title="The ward: what is wrong with this pipeline?",
            alt="Readings of eight instruments beside the band of healthy pipelines",
            note=bench.data.banner(),
            figsize=(style.SIZE[0], 4.4),
            status_lines=4,
        )
        look = {"layout": widgets.Layout(width="176px", margin="2px 4px 2px 0")}
        buttons = [widgets.Button(description=f"{name} ({price([name])})", **look) for name in INSTRUMENTS]
        for button, name in zip(buttons, INSTRUMENTS, strict=True):
            button.on_click(lambda _, name=name: self.press(name))
        seal = widgets.Button(description="Seal the diagnosis", button_style="primary", **look)
        seal.on_click(lambda _: self.diagnose(self.picture.state.first, self.picture.state.second))
        flow = widgets.Layout(flex_flow="row wrap", width="auto", max_width="730px")
        self.widget = widgets.VBox([widgets.Box([*buttons, seal], layout=flow), self.picture.widget])

    def patient(self, number: int) -> Patient:
        return Patient(self.bench, faults_of(self.seed, number), seed=500 + 20 * self.seed + number)

    def press(self, instrument: str) -> None:
        """Run an instrument on the patient in view and pay for it; once it was run, or sealed, nothing happens."""
        number = self.picture.state.patient
        if instrument not in map(instrument_of, self.readings[number]) and number not in self.sealed:
            self.readings[number] |= examine(self.patient(number), instrument)
            self.picture.redraw()

    def diagnose(self, first: str = NONE, second: str = NONE) -> None:
        """Name what is wrong with the patient in view, for good."""
        number = self.picture.state.patient
        if number not in self.sealed:
            named, true = {first, second} - {NONE}, set(faults_of(self.seed, number))
            self.sealed[number] = self.score(named, true), price({*map(instrument_of, self.readings[number])})
            self.picture.set(first=first, second=second)

    def opinion(self, number: int, doctor: str) -> tuple[float, int]:
        """(score, updates paid) of an automatic doctor."""
        if (number, doctor) not in self.opinions:
            if number not in self.everything:
                rows = [examine(self.patient(number), tool) for tool in INSTRUMENTS]
                self.everything[number] = {name: x for row in rows for name, x in row.items()}
            named, paid = self.doctors[doctor](self.everything[number])
            self.opinions[number, doctor] = self.score(named, set(faults_of(self.seed, number))), paid
        return self.opinions[number, doctor]

    def build(self, figure):
        axes = figure.subplots()
        names = self.band.names
        axes.axvspan(-1, 1, color=style.PALETTE[0], alpha=0.16, lw=0)
        axes.set(xlim=(-FAR - 0.4, FAR + 1.3), ylim=(len(names) - 0.5, -0.6), xticks=range(-3, 4))
        axes.set_xlabel("half-widths of the healthy band (±3: three or more)")
        axes.set_yticks(range(len(names)), names, fontsize=8)
        look = {"ls": "none", "ms": 6.5, "mec": style.CARD}
        artists = {
            "inside": axes.plot([], [], marker="o", color=style.PALETTE[0], **look)[0],
            "outside": axes.plot([], [], marker="D", color=style.PALETTE[2], **look)[0],
        }
        artists["who"] = axes.text(0, 0, "", fontsize=9, ha="right", va="bottom", color=style.INK)
        for name in names:
            artists[name] = axes.text(0, 0, "", fontsize=8, va="center", color=style.INK)
        return {"main": axes}, artists

    def draw(self, state) -> Scene:
        """state: patient, first, second. The same state and the same readings give the same scene."""
        rows = self.readings[state.patient]
        places = self.band.place(rows)
        spots, artists = {"inside": ([], []), "outside": ([], [])}, {}
        for y, name in enumerate(self.band.names):
            if name in places:
                xs, ys = spots["outside" if abs(places[name]) > 1 else "inside"]
                xs.append(float(np.clip(places[name], -FAR, FAR)))
                ys.append(y)
                artists[name] = (FAR + 0.25, y, f"{rows[name]:.3g}")
        artists["who"] = (FAR + 1.3, -0.7, f"patient {state.patient}")
        return Scene(artists | spots, self.words(state, rows, places))

    def words(self, state, rows, places) -> str:
        tools = {*map(instrument_of, rows)}
        outside = ", ".join(name for name, place in places.items() if abs(place) > 1)
        lines = [
            f"Patient {state.patient}: {len(tools)} of {len(INSTRUMENTS)} instruments, {price(tools)} updates.",
            f"Outside the healthy band: {outside or 'nothing so far'}.",
        ]
        if state.patient in self.sealed:
            true = " and ".join(faults_of(self.seed, state.patient)) or NONE
            lines.append(f"Sealed, right {self.sealed[state.patient][0]:g} of 1. It was: {true}.")
        if self.sealed:
            rows = {"you": list(self.sealed.values())}
            rows |= {doctor: [self.opinion(number, doctor) for number in self.sealed] for doctor in self.doctors}
            totals = {who: [sum(part) for part in zip(*visits, strict=True)] for who, visits in rows.items()}
            words = "; ".join(f"{who} {right:g} for {paid:,}" for who, (right, paid) in totals.items())
            lines.append(f"Right, for so many updates, in {len(self.sealed)} sealed: {words}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return repr(self.picture)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, repr(self), png=self.picture.view.png)
