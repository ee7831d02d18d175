"""The clinic: recorded trainings as patients. Sealed traces cost a point each; a diagnosis, a treatment, a score.

What was opened and handed in is remembered in a `Ledger`, so that a patient who is visited again is found as left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from course_utils.lessons.l10_2_4.patients import CHECK, PATIENTS, TREATMENTS, TRIED, disease, settings
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap, switch
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.seed_bands import note_of

ORDER = (7, 13, 1, 9, 4, 11, 0, 12, 5, 2, 14, 8, 3, 10, 6)  # by no rule: a letter gives nothing away
WARD = {letter: list(PATIENTS)[place] for letter, place in zip("ABCDEFGHIJKLMNO", ORDER, strict=True)}
ENVELOPES = {
    "train_accuracy": "training accuracy", "val_loss": "validation loss", "val_accuracy": "validation accuracy",
    "rate": "learning rate", "ratio": "update/weight ratio", "gradient": "gradient norm",
}  # fmt: skip
DIAGNOSIS, TREATMENT = 5, 5  # points for the right name; for the best treatment that was tried
CURES = {"nothing": "none", "validation leaked": CHECK}  # the best is not what gains most: an illusion to take away
SHORT = {"validation prepared otherwise": "validation otherwise", "decay when validation stalls": "decay on a stall"}
TOP_LOSS, LOW, HIGH = 3.2, 3e-6, 30.0


class Charts:
    """The runs of the table by patient and treatment, and what a treatment gained (points of test accuracy)."""

    def __init__(self, table):
        if not len(table):
            raise ValueError("the table holds no runs; this clinic was made for recorded('10.2.4')")
        self.runs = {}
        for run in table:
            self.runs.setdefault(tuple(run.config[name] for name in settings("nothing")), {})[run.seed] = run
        self.seeds = table.values("seed")

    def of(self, patient: str, treatment: str = "none") -> dict:
        """seed -> run; {} if the treatment was not tried."""
        return self.runs.get(tuple(settings(patient, treatment).values()), {})

    def gains(self, patient: str, treatment: str) -> list[float]:
        """Test accuracy with the treatment minus without, seed by seed, in points."""
        before, after = self.of(patient), self.of(patient, treatment)
        return [after[s].test_percent - before[s].test_percent for s in sorted(before.keys() & after.keys())]

    def gain(self, patient: str, treatment: str) -> float:
        """The mean of `gains`; NaN if the treatment was not tried."""
        return float(np.mean(self.gains(patient, treatment) or [np.nan]))

    def best(self, patient: str) -> str:
        """The treatment that did most for the patient."""
        return CURES.get(patient) or max(TRIED[patient], key=lambda t: self.gain(patient, t))

    def points(self, patient: str, diagnosis: str, treatment: str, opened: int) -> tuple[int, int, int]:
        """Points for the diagnosis, for the treatment, and the price of the envelopes."""
        best = self.best(patient)
        share = self.gain(patient, treatment) / max(self.gain(patient, best), 1.0) if treatment != "none" else 0.0
        share = 1.0 if treatment == best else min(max(np.nan_to_num(share), 0.0), 1.0)
        share = 0.0 if patient in CURES and treatment != best else share
        return DIAGNOSIS * (diagnosis == disease(patient)), round(TREATMENT * share), -opened


@dataclass
class Ledger:
    """letter -> envelopes that were opened; letter -> (diagnosis, treatment) that were handed in."""

    opened: dict = field(default_factory=dict)
    handed: dict = field(default_factory=dict)

    def total(self, charts: Charts) -> int:
        """The score over all patients that were handed in."""
        prices = {letter: len(self.opened.get(letter, ())) for letter in self.handed}
        return sum(sum(charts.points(WARD[letter], *self.handed[letter], prices[letter])) for letter in self.handed)


class Clinic(LivePicture):
    """The live picture with its ledger; Reset begins a new day."""

    def __init__(self, charts: Charts, ledger: Ledger, controls, **more):
        self.ledger = ledger
        super().__init__(partial(draw, charts, ledger), controls, **more)
        for name in self.controls:
            self.controls[name].widget.observe(self._visited, names="value")

    def _visited(self, change) -> None:
        """Write down what was opened or handed in; set the switches to what the ledger says of this patient."""
        if self._quiet:  # the controls are being set, not moved by a hand
            return
        state, ledger = self.state, self.ledger
        if change["owner"] is not self.controls["patient"].widget and state.patient not in ledger.handed:
            ledger.opened.setdefault(state.patient, set()).update(name for name in ENVELOPES if getattr(state, name))
            if state.hand_in:
                ledger.handed[state.patient] = (state.diagnosis, state.treatment)
        self._turn(state.patient)

    def _turn(self, letter: str) -> None:
        opened, handed = self.ledger.opened.get(letter, set()), self.ledger.handed.get(letter)
        values = {name: name in opened for name in ENVELOPES} | {"hand_in": handed is not None}
        values |= dict(zip(("diagnosis", "treatment"), handed or (), strict=False))
        for name in (*ENVELOPES, "hand_in", "diagnosis", "treatment"):
            self.controls[name].widget.disabled = handed is not None or values.get(name) is True
        self.set(**values)

    def reset(self) -> LivePicture:
        """Seal all envelopes and forget what was handed in."""
        self.ledger.opened.clear()
        self.ledger.handed.clear()
        for control in self.controls.values():
            control.widget.disabled = False
        return super().reset()


def clinic_explorer(table) -> Clinic:
    """The clinic over recorded("10.2.4"). Raises ValueError for an empty table."""
    charts, narrow = Charts(table), lambda names: [(SHORT.get(name, name), name) for name in names]
    controls = [
        snap("patient", "patient", [(letter, letter) for letter in WARD], "A"),
        choice("diagnosis", "diagnosis", [("(none yet)", "?"), *narrow(sorted(set(map(disease, PATIENTS))))]),
        choice("treatment", "treatment", [("none", "none"), *narrow(list(TREATMENTS)[1:])]),
        *(switch(name, f"{words} (−1)") for name, words in ENVELOPES.items()),
        switch("hand_in", "hand in (final)"),
    ]
    return Clinic(
        charts,
        Ledger(),
        controls,
        build=build,
        title="The clinic: what ails this training?",
        note=note_of({"": table}),
        alt="Left, losses of a recorded run; right, accuracies above, learning rate, update/weight ratio and gradient "
        "norm below, as far as they were opened; in orange the rerun",
        figsize=(style.SIZE[0], 4.3),
        status_lines=4,
    )


LOOKS = {  # curve -> panel, color, line, its name, where the name stands above the panel (share of the width)
    "loss": ("loss", style.INK, "-", "training", 0.24),
    "val_loss": ("loss", style.PALETTE[0], "-", "validation", 0.43),
    "train_accuracy": ("accuracy", style.INK, "-", "training", 0.38),
    "val_accuracy": ("accuracy", style.PALETTE[0], "-", "validation", 0.65),
    "rate": ("scale", style.INK, (0, (5, 1.6)), "learning rate", 0.08),
    "ratio": ("scale", style.PALETTE[5], "-", "ratio", 0.47),
    "gradient": ("scale", style.PALETTE[3], (0, (1.3, 1.3)), "gradient", 0.67),
}
RERUN = ("loss", "val_loss", "train_accuracy", "val_accuracy")  # drawn of the treated training, too


def build(figure):
    panels = figure.subplot_mosaic([["loss", "accuracy"], ["loss", "scale"]], width_ratios=[1.35, 1])
    for (name, axes), title in zip(panels.items(), ("loss (nats):", "accuracy (%):", " "), strict=True):
        axes.set_title(title, fontsize=9, fontweight="normal")
        axes.set(xlim=(0, 1), xlabel="" if name == "accuracy" else "share of the training")
    panels["loss"].set(ylim=(0, TOP_LOSS))
    panels["accuracy"].set(ylim=(0, 100))
    panels["scale"].set(yscale="log", ylim=(LOW, HIGH))
    panels["accuracy"].tick_params(labelbottom=False)
    artists = {}
    for name, (panel, color, line, _, _) in LOOKS.items():
        axes = panels[panel]
        artists[name] = axes.plot([], [], color=color, ls=line, lw=1.8)[0]
        if name in RERUN:
            dashes = (0, (5, 1.6)) if name.startswith("val") else "-"
            artists[f"{name} rerun"] = axes.plot([], [], color=style.PALETTE[1], ls=dashes, lw=1.5, zorder=2.5)[0]
        artists[f"{name} word"] = axes.text(0, 0, "", fontsize=8.5, color=color, transform=axes.transAxes)
    sealed = dict(fontsize=8.5, color=style.QUIET, ha="center", va="center", style="italic")
    for name in ("accuracy", "scale"):
        artists[f"{name} sealed"] = panels[name].text(0.5, 0.5, "", transform=panels[name].transAxes, **sealed)
    loss, quiet = panels["loss"], dict(fontsize=8, color=style.QUIET, va="bottom", ha="right")
    artists["guessing"] = loss.plot([], [], color=style.QUIET, lw=0.9, ls=(0, (2, 2)))[0]
    artists["guessing word"] = loss.text(0, 0, "", **quiet)
    artists["end"] = loss.plot([], [], marker="X", ms=10, color=style.PALETTE[2], ls="none", zorder=6)[0]
    artists["rerun word"] = loss.text(0, 0, "", **{**quiet, "color": "#a35f00"})
    return panels, artists


def trace(run, name: str):
    """(share of the planned training, values) of one envelope of a run; infinite and missing values are left out."""
    T = run.config["updates"]
    looks = [v[0] / T for v in run.val]
    x, y = {
        "loss": (np.asarray(run.t) / T, run.loss),
        "val_loss": (looks, [v[1] for v in run.val]),
        "train_accuracy": (looks, [100 * a for a in run.config["train_accuracy"]]),
        "val_accuracy": (looks, [100 * v[2] for v in run.val]),
        "rate": (np.asarray(run.t) / T, run.lr),
        "ratio": (looks, np.exp(np.mean(np.log([row for row in run.config["ratio"].values()]), axis=0))),
        "gradient": (looks, run.config["gradient"]),
    }[name]
    x, y = np.asarray(x, float), np.asarray(y, float)
    seen = np.isfinite(y) & (y > 0)
    return x[seen], np.clip(y[seen], None, 1e3)


def draw(charts: Charts, ledger: Ledger, state) -> Scene:
    """state: patient (a letter), diagnosis, treatment, an entry for each envelope, hand_in. The ledger has the rest."""
    letter = state.patient
    patient, handed = WARD[letter], ledger.handed.get(letter)
    opened = ledger.opened.get(letter, set())
    shown = {"loss", *opened} | (set(ENVELOPES) if handed else set())
    seed = charts.seeds[0]
    run = charts.of(patient)[seed]
    again = charts.of(patient, handed[1]).get(seed) if handed and handed[1] != "none" else None
    artists = {"guessing": ([0, 1], [np.log(10)] * 2), "guessing word": (1, np.log(10) + 0.02, "guessing: ln 10")}
    for name, (panel, _, _, word, place) in LOOKS.items():
        if name in shown:
            height = 1.03 if panel == "loss" else 1.075  # beside the panel's title
            artists |= {name: trace(run, name), f"{name} word": (place, height, word)}
        if again and name in RERUN:
            artists[f"{name} rerun"] = trace(again, name)
    for panel in ("accuracy", "scale"):
        if not any(LOOKS[name][0] == panel for name in shown):
            artists[f"{panel} sealed"] = (0.5, 0.5, "sealed: a point each")
    if run.diverged:
        artists["end"] = ([run.diverged_at / run.config["updates"]], [0.93 * TOP_LOSS])
    if again:
        artists["rerun word"] = (0.98, 0.05 * TOP_LOSS, "orange: the rerun (dashed: validation)")
    return Scene(artists, words(charts, ledger, state))


def words(charts: Charts, ledger: Ledger, state) -> str:
    """What lies open; after handing in, the truth, what the treatment did, and the score."""
    opened, handed = ledger.opened.get(state.patient, set()), ledger.handed.get(state.patient)
    patient, total, most = WARD[state.patient], ledger.total(charts), (DIAGNOSIS + TREATMENT) * len(ledger.handed)
    standing = f"Your day so far: {total} of {most} points, {len(ledger.handed)} of {len(WARD)} patients."
    if not handed:
        names = ", ".join(ENVELOPES[name] for name in ENVELOPES if name in opened) or "only the training loss"
        spent = f"Spent: {len(opened)} point{'s' * (len(opened) != 1)}."
        advice = "Choose a diagnosis and a treatment, then hand in."
        return f"Patient {state.patient}. Open: {names}. {spent}\n{advice}\n{standing}"
    diagnosis, treatment = handed
    name, cure, price = charts.points(patient, *handed, len(opened))
    verdict = "right" if name else f"you said {'nothing yet' if diagnosis == '?' else diagnosis}"
    best, reruns = charts.best(patient), charts.of(patient, treatment)
    before = np.mean([run.test_percent for run in charts.of(patient).values()])
    after = before + charts.gain(patient, treatment)
    effect = f"test accuracy {before:.1f} → {after:.1f} % (mean of {len(reruns)} seeds)"
    if not reruns or settings(patient, treatment) == settings(patient):
        what = "was not tried here" if not reruns else "changes nothing"
        effect = f"{what}, test accuracy {before:.1f} %"
    gained = "leave it alone" if best == "none" else best
    gained += "" if patient in CURES else f" ({charts.gain(patient, best):+.1f} points)"
    return (
        f"Patient {state.patient} had: {disease(patient)} ({verdict}: {name:+d}).\n"
        f"Treatment '{treatment}': {effect}: {cure:+d}. Best: {gained}.\n"
        f"Envelopes: {price}. This patient: {name + cure + price} of {DIAGNOSIS + TREATMENT}.\n{standing}"
    )
