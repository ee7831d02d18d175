"""The OneCycle tuning guide as a table: guide.csv has a row for each move it names, symptoms.csv what asks for one.

Source: the lecture, section 10.1.9: the practical tuning guide (six steps), the grey areas, "generally not a win", the
comparison with the other schedules, and what each knob controls; in our own words.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

CHANGE, CHECK, INSTEAD = "change", "check", "instead"
HANDFUL = 10  # updates: a rise of p T below this is "a handful of steps"


class Row(NamedTuple):
    """A row of the guide.

    symptom: what asks for it; "none" is the recipe for those without one. order: urgency, the guide's (10 the band, 31
    to 34 its stabilisers a to d, 40 the time, 50 the tail). turn: the knob it turns, or CHECK (something to do outside
    the schedule) or INSTEAD (another schedule). change: how the knob turns, see `turned`. words: what to do, or how the
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
ROWS = [row for row in GUIDE if row.symptom != "none"]
RECIPE = [row for row in GUIDE if row.symptom == "none"]
