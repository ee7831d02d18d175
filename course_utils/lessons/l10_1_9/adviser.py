"""The OneCycle tuning guide as a small adviser: symptoms in, concrete moves out, in the guide's order of priority.

    for move in advise(["diverges"], Settings(peak=1.0)):
        print(move)                     # η_max 1 → 0.85 (...): because ...

The guide is data: guide.csv has a row for each move that it names, symptoms.csv what asks for one. Source: the lecture,
section 10.1.9: the practical tuning guide (six steps), the grey areas, "generally not a win", the comparison with the
other schedules, and what each knob controls; in our own words.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from course_utils.checks import check_within

CHANGE, CHECK, INSTEAD, IN_PLACE, KEPT_BACK = "change", "check", "instead", "in place", "kept back"
RECIPE = "none"  # the "symptom" of who has none: the guide's starting recipe
LEADS = {INSTEAD: "Instead: ", KEPT_BACK: "Kept back: ", IN_PLACE: "In place: "}  # how a move begins on the page
HANDFUL = 10  # updates: a rise of p T below this is "a handful of steps"
# knob -> its name on the page, its range, and which way is the cautious one
KNOBS = {
    "peak": ("η_max", 0, math.inf, -1), "p": ("p", 0.05, 0.95, -1),
    "m_min": ("m_min", 0, 0.999, 1), "m_max": ("m_max", 0, 0.999, 1), "prewarm": ("pre-warm-up", 0, 1e9, 1),
    "div_factor": ("div_factor", 1, 1e6, 1), "final_div_factor": ("final_div_factor", 1, 1e12, 1),
}  # fmt: skip


class Row(NamedTuple):
    """A row of the guide. symptom: what asks for it, or RECIPE. order: urgency, the guide's (10 the band, 31 to 34 its
    stabilisers a to d, 40 the time, 50 the tail). turn: the knob it turns, or CHECK (something to do outside the
    schedule) or INSTEAD (another schedule). change: how the knob turns, see `turned`. words: what to do, or how the
    guide puts the number. why: the reason. where: its place in the lecture.
    """

    symptom: str
    order: int
    turn: str
    change: str
    words: str
    why: str
    where: str

    @property
    def kind(self) -> str:
        return CHANGE if self.change else self.turn


def turned(change: str, value: float) -> float:
    """A knob's value after `change`: steps with "; " between them, done one after the other.

    "times 2", "plus 0.03", "at-least 3", "at-most 25"; "until 25" ends the step before it there, or where it began if
    that lies beyond; "next-of 0.35 0.4" takes the first number above the value, if there is one.
    """
    before = value
    for step in change.split("; "):
        verb, *numbers = step.split()
        number, *_ = numbers = [float(word) for word in numbers]
        results = {
            "times": value * number,
            "plus": value + number,
            "at-least": max(value, number),
            "at-most": min(value, number),
            "next-of": next((other for other in numbers if other > value), value),
            "until": sorted((before, value, number))[1],
        }
        before, value = value, results[verb]
    return value


def _read(name: str) -> list[dict[str, str]]:
    with open(Path(__file__).with_name(name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


SYMPTOMS = {row["symptom"]: (row["group"], row["words"]) for row in _read("symptoms.csv")}  # words: a learner's
GUIDE = [Row(**{**row, "order": int(row["order"])}) for row in _read("guide.csv")]


@dataclass(frozen=True)
class Settings:
    """The knobs of one OneCycle training, as in eqs. 10.5 and 10.6.

    peak: eta_max, > 0. div_factor, final_div_factor: >= 1; eta_min and eta_final are peak divided by them. p: share of
    the updates spent rising, in [0.05, 0.95]. m_min <= m_max, in [0, 1). T: updates planned. prewarm: updates of
    warm-up before the cycle. Raises ValueError, naming the knob, for anything else.
    """

    peak: float = 0.3
    div_factor: float = 10.0
    final_div_factor: float = 1e4
    p: float = 0.3
    m_min: float = 0.85
    m_max: float = 0.95
    T: int = 1000
    prewarm: int = 0

    def __post_init__(self):
        for knob, (_, low, high, _) in KNOBS.items():
            ends = "(]" if knob == "peak" else "[]"
            check_within(knob, getattr(self, knob), low, high, ends=ends, hint="See `Settings`.")
        check_within("T", self.T, 1, hint="T is the planned number of updates.")
        if self.m_min > self.m_max:
            raise ValueError(f"m_min must not exceed m_max, got {self.m_min!r} > {self.m_max!r}. Swap them.")


@dataclass(frozen=True)
class Move:
    """A move for these settings. kind: that of its row ("change", "check" or "instead"), "kept back" (it would fight
    another move) or "in place" (the knob can stay). knob: the setting it changes, or None. old, new: its value before
    and after. words, why, where, symptom: see `Row`.
    """

    kind: str
    words: str
    why: str
    where: str
    symptom: str
    knob: str | None = None
    old: float | None = None
    new: float | None = None

    def __str__(self):
        return f"{self.words} {self.why} [{self.where}]"

    @property
    def caution(self) -> float:
        """How far the move turns its knob to the cautious side."""
        return KNOBS[self.knob][-1] * (self.new - self.old)


def advise(symptoms: Iterable[str], settings: Settings) -> list[Move]:
    """What the guide would do about these symptoms, most urgent first; with no symptoms the guide's starting recipe.

    symptoms: keys of SYMPTOMS, in any order. settings: the knobs as they are. Where two moves turn the same knob the
    same way, only the stronger one is listed; where they pull against each other, the cautious one is and the other
    one is kept back. Raises ValueError for an unknown symptom or for settings of another kind.
    """
    if not isinstance(settings, Settings):
        raise ValueError(f"settings must be Settings(...), got {settings!r}. Settings() are the guide's defaults.")
    seen = [symptoms] if isinstance(symptoms, str) else list(symptoms)
    if unknown := [symptom for symptom in seen if symptom not in SYMPTOMS]:
        raise ValueError(f"unknown symptoms {unknown}: choose from {', '.join(SYMPTOMS)}")
    if settings.p * settings.T < HANDFUL:
        seen.append("very short")
    rows = [row for row in GUIDE if row.symptom in (seen or [RECIPE])]
    # A tie goes to the row that is first in the guide: `sorted` is stable.
    return _settle([_move(row, settings) for row in sorted(rows, key=lambda row: row.order)])


def after(settings: Settings, moves: Iterable[Move]) -> Settings:
    """The settings once every "change" among the moves is made (one element is fine, too: `after(s, moves[:1])`)."""
    return replace(settings, **{move.knob: move.new for move in moves if move.kind == CHANGE})


def _move(row: Row, settings: Settings) -> Move:
    """The row with this training's numbers; "in place" if the knob already is where the row wants it."""
    text = {"why": row.why, "where": row.where, "symptom": row.symptom}
    if row.kind != CHANGE:
        return Move(row.kind, row.words, **text)
    old, (name, low, high, _) = getattr(settings, row.turn), KNOBS[row.turn]
    high = settings.m_max if row.turn == "m_min" else high
    new = float(f"{min(max(turned(row.change, old), low), high):.4g}")
    if math.isclose(old, new, rel_tol=1e-9):
        return Move(IN_PLACE, f"{name} {_written(old)} can stay ({row.words}).", **text)
    return Move(
        CHANGE, f"{name} {_written(old)} → {_written(new)} ({row.words}):", **text, knob=row.turn, old=old, new=new
    )


def _written(value: float) -> str:
    return f"{value:.3g}" if value < 1e4 else f"{value:.0e}".replace("e+0", "e")


def _settle(moves: list[Move]) -> list[Move]:
    """One change a knob: the most cautious. What pulls the other way, and what can stay as it is, comes last."""
    first: list[Move] = []
    last: list[Move] = []
    place: dict[str, int] = {}  # knob -> where its change is listed
    for move in moves:
        if move.kind != CHANGE:
            listed = last if move.kind == IN_PLACE else first
            if all(other.words != move.words for other in listed):
                listed.append(move)
        elif move.knob not in place:
            place[move.knob] = len(first)
            first.append(move)
        else:
            other = first[place[move.knob]]
            best, rest = sorted((move, other), key=lambda change: change.caution, reverse=True)
            first[place[move.knob]] = best  # where the more urgent of the two was
            if best.caution * rest.caution < 0:
                why = f"It would undo a move above: settle that one first. {rest.why}"
                last.append(replace(rest, kind=KEPT_BACK, why=why))
    return first + last
