"""The OneCycle tuning guide as a small adviser: symptoms in, concrete moves out, in the guide's order of priority.

    advice = advise(["diverges"], Settings(peak=1.0))
    for one in advice:
        print(one)                      # η_max 1 → 0.85 (...): because ...
    better = after(Settings(peak=1.0), advice)

The guide itself is data (adviser_rows.py): one row for each move it names. Nothing here draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from course_utils.checks import check_within
from course_utils.lessons.l10_1_9.adviser_rows import CHECK, HANDFUL, INSTEAD, RECIPE, ROWS, SYMPTOMS, Row

NAMES = {"peak": "η_max", "div_factor": "div_factor", "final_div_factor": "final_div_factor", "p": "p",
         "m_min": "m_min", "m_max": "m_max", "prewarm": "pre-warm-up"}  # fmt: skip
CAUTIOUS = {"peak": -1, "p": -1, "m_min": 1, "m_max": 1, "div_factor": 1, "final_div_factor": 1, "prewarm": 1}
LIMITS = {"peak": (0, math.inf), "p": (0.05, 0.95), "div_factor": (1, 1e6), "final_div_factor": (1, 1e12),
          "m_min": (0, 0.999), "m_max": (0, 0.999), "prewarm": (0, 1e9)}  # fmt: skip
LIKE_BEFORE = 1e-9
IN_PLACE, KEPT_BACK = "in place", "kept back"


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
        for name, (low, high) in LIMITS.items():
            check_within(
                name, getattr(self, name), low, high, ends="(]" if name == "peak" else "[]", hint="See `Settings`."
            )
        check_within("T", self.T, 1, hint="T is the planned number of updates.")
        if self.m_min > self.m_max:
            raise ValueError(f"m_min must not exceed m_max, got {self.m_min!r} > {self.m_max!r}. Swap them.")

    @property
    def eta_min(self) -> float:
        return self.peak / self.div_factor

    @property
    def eta_final(self) -> float:
        return self.peak / self.final_div_factor


@dataclass(frozen=True)
class Advice:
    """One move. knob: the setting it changes, or None. old, new: its value before and after. kind: "change", "check"
    (something to do outside the schedule), "instead" (another schedule), "kept back" (it would fight another move) or
    "in place" (the knob can stay).
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


def advise(symptoms: Iterable[str], settings: Settings) -> list[Advice]:
    """What the guide would do about these symptoms, most urgent first; with no symptoms the guide's starting recipe.

    symptoms: keys of SYMPTOMS, in any order. settings: the knobs as they are. Where two moves turn the same knob the
    same way, only the stronger one is listed; where they pull against each other, the cautious one is and the other
    one is kept back. Raises ValueError for an unknown symptom or for settings of another kind.
    """
    if not isinstance(settings, Settings):
        raise ValueError(f"settings must be Settings(...), got {settings!r}. Settings() are the guide's defaults.")
    wanted = [symptoms] if isinstance(symptoms, str) else list(symptoms)
    unknown = [one for one in wanted if one not in SYMPTOMS]
    if unknown:
        raise ValueError(f"unknown symptoms {unknown}: choose from {', '.join(SYMPTOMS)}")
    if settings.p * settings.T < HANDFUL and "very short" not in wanted:
        wanted.append("very short")
    rows = [row for row in (ROWS if wanted else RECIPE) if not wanted or row.symptom in wanted]
    # A tie goes to the row that stands first in the guide: `sorted` is stable.
    return _settle([_made(row, settings) for row in sorted(rows, key=lambda row: row.order)])


def after(settings: Settings, advice: Iterable[Advice]) -> Settings:
    """The settings once every "change" in `advice` is made (one element is fine, too: `after(s, advice[:1])`)."""
    return replace(settings, **{one.knob: one.new for one in advice if one.kind == "change"})


def knobs(settings: Settings) -> dict[str, float]:
    """The settings by name."""
    return asdict(settings)


# ------------------------------------------------------------------------------------------------------ one row
def _made(row: Row, settings: Settings) -> Advice:
    """The row as advice with numbers; "in place" if the knob already is where the row wants it."""
    if row.kind in (CHECK, INSTEAD):
        return Advice(row.kind, row.words, row.why, row.where, row.symptom)
    old = getattr(settings, row.knob)
    low, high = LIMITS[row.knob]
    if row.knob == "m_min":
        high = settings.m_max
    new = min(max(row.change(old), low), high)
    new = float(f"{new:.4g}")
    if abs(new - old) <= LIKE_BEFORE * max(abs(old), abs(new)):
        words = f"{NAMES[row.knob]} {_shown(old)} can stay ({row.words})."
        return Advice(IN_PLACE, words, row.why, row.where, row.symptom)
    words = f"{NAMES[row.knob]} {_shown(old)} → {_shown(new)} ({row.words}):"
    return Advice(row.kind, words, row.why, row.where, row.symptom, row.knob, old, new)


def _shown(value: float) -> str:
    return f"{value:.3g}" if value < 1e4 else f"{value:.0e}".replace("e+0", "e")


# ---------------------------------------------------------------------------------------------- several rows
def _settle(made: list[Advice]) -> list[Advice]:
    """One move a knob: the most cautious. What pulls the other way, and what can stay as it is, comes last."""
    kept: list[Advice] = []
    last: list[Advice] = []
    place: dict[str, int] = {}
    for one in made:
        if one.kind != "change":
            where = last if one.kind == IN_PLACE else kept
            if all(other.words != one.words for other in where):
                where.append(one)
        elif one.knob not in place:
            place[one.knob] = len(kept)
            kept.append(one)
        else:
            other = kept[place[one.knob]]
            best, rest = sorted((one, other), key=lambda a: CAUTIOUS[a.knob] * (a.new - a.old), reverse=True)
            kept[place[one.knob]] = best  # stands where the more urgent of the two stood
            if (best.new - best.old) * (rest.new - rest.old) < 0:
                why = f"It would undo a move above: settle that one first. {rest.why}"
                last.append(replace(rest, kind=KEPT_BACK, why=why))
    return kept + last
