"""The adviser says what the lecture's guide says: row by row, in its order, with its numbers."""

import itertools
import math

import pytest

from course_utils.lessons.l10_1_9.adviser import (
    GUIDE,
    HANDFUL,
    INSTEAD,
    KNOBS,
    RECIPE,
    SYMPTOMS,
    Settings,
    advise,
    after,
    turned,
)

CNN = Settings(peak=1.0)  # div_factor 10, final_div_factor 1e4, p 0.3, momentum 0.85 to 0.95, 1000 updates

# symptom -> what the lecture asks for: knob -> (lowest, highest) allowed new value, in the order of its guide
LECTURE = {
    # guide, step 1
    "fragile start": {"div_factor": (10, 25)},
    "want a fast launch": {"div_factor": (3, 10)},
    # steps 2 and 3, stabilisers (a) to (d) in this order
    "diverges": {"peak": (0.8, 0.9), "m_min": (0.87, 0.90), "div_factor": (10.1, 25), "p": (0.25, 0.25)},
    "spiky peak": {"peak": (0.8, 0.9), "m_min": (0.87, 0.90), "div_factor": (10.1, 25), "p": (0.2, 0.2)},
    "explore more": {"p": (0.35, 0.40)},
    # step 4
    "late plateau": {"final_div_factor": (1.1e4, math.inf)},
    "time-limited": {"final_div_factor": (1e3, 9e3)},
    # step 6
    "transformer, AdamW": {"peak": (0.85, 0.99), "p": (0.2, 0.2)},
    "attention unstable": {"prewarm": (100, 500)},
    # the grey areas
    "small data": {"peak": (0.5, 0.8), "p": (0.2, 0.2)},
    "attention-heavy": {"peak": (0.5, 0.95), "m_min": (0.86, 0.88), "p": (0.2, 0.2), "prewarm": (100, 500)},
    "strong regularisation": {"peak": (0.5, 0.95)},
    "tight clipping": {"peak": (0.5, 0.95)},
    "batchnorm drift": {"peak": (0.5, 0.95), "m_min": (0.87, 0.90), "p": (0.05, 0.29)},
    # what each knob controls
    "jittery tail": {"m_max": (0.951, 0.99)},
    "too tame": {"peak": (1.01, 1.5), "m_min": (0.6, 0.849)},
    # versus the other schedules
    "from linear": {"p": (0.2, 0.2)},
    "from inverse sqrt": {"peak": (0.5, 0.95), "p": (0.2, 0.2)},
    "from adaptive": {"peak": (0.5, 0.95), "p": (0.2, 0.2)},
}
# symptom -> words that a piece of advice must hold: what the lecture says without a number for the schedule
WORDS = {
    "no range test yet": ["range test", "before the curve breaks"],
    "stepped per epoch": ["once after every optimizer update"],
    "decay changes": ["Decoupled", "constant"],
    "transformer, AdamW": ["β₁"],
    "small data": ["cosine decay with a brief warm-up"],
    "strong regularisation": ["Leave weight decay", "only while the training loss stays smooth", "half-cosine"],
    "tight clipping": ["about 1", "cosine that only falls"],
    "batchnorm drift": ["freeze the BatchNorm statistics"],
    "good cosine": ["Keep the cosine", "very short rise"],
    "no range test possible": ["conservative cosine with warm-up"],
    "very short": ["warm-up and then cosine or linear"],
    "from step": ["largest drop near t = p T"],
    "from cosine": ["range test", "very short warm-up"],
    "from inverse sqrt": ["pre-warm-up"],
    "from constant": ["range test"],
    "from adaptive": ["β₁", "very short warm-up"],
}
ALREADY_RIGHT = {"from step": ["p"], "from cosine": ["p"], "from constant": ["div_factor", "final_div_factor", "p"]}


def changes(symptoms, settings=CNN):
    return {move.knob: move.new for move in advise(symptoms, settings) if move.kind == "change"}


def test_every_symptom_is_in_a_table_above_and_every_row_belongs_to_a_symptom():
    assert set(LECTURE) | set(WORDS) == set(SYMPTOMS)
    assert {row.symptom for row in GUIDE} == {*SYMPTOMS, RECIPE}


@pytest.mark.parametrize("symptom", LECTURE)
def test_the_moves_of_a_symptom_are_the_lectures_in_its_order(symptom):
    moves = changes([symptom])
    assert list(moves) == list(LECTURE[symptom])
    for knob, (low, high) in LECTURE[symptom].items():
        assert low - 1e-9 <= moves[knob] <= high + 1e-9, (knob, moves[knob])


@pytest.mark.parametrize("symptom", WORDS)
def test_what_has_no_number_is_said(symptom):
    said = " ".join(map(str, advise([symptom], CNN)))
    for words in WORDS[symptom]:
        assert words in said
    if symptom not in LECTURE:
        assert not changes([symptom])


@pytest.mark.parametrize("symptom, knobs", ALREADY_RIGHT.items())
def test_a_knob_that_is_right_can_stay_and_a_wrong_one_is_named(symptom, knobs):
    assert [move.words.split()[0] for move in advise([symptom], CNN) if move.kind == "in place"] == knobs
    wrong = Settings(peak=1.0, p=0.6, div_factor=100, final_div_factor=10)
    assert set(changes([symptom], wrong)) >= set(knobs)


@pytest.mark.parametrize("symptom", ["good cosine", "no range test possible", "very short"])
def test_where_onecycle_is_not_a_win_another_schedule_comes_first(symptom):
    advice = advise([symptom, "diverges"], CNN)
    assert advice[0].kind == INSTEAD and advice[0].symptom == symptom


def test_a_rise_of_a_handful_of_updates_is_noticed_by_itself():
    few, enough = int(HANDFUL / 0.3) - 1, int(HANDFUL / 0.3) + 1
    for symptoms, T, noticed in (([], 30, True), (["diverges"], few, True), ([], enough, False)):
        assert any(move.symptom == "very short" for move in advise(symptoms, Settings(T=T))) == noticed


CHANGES = [
    ("times 0.85", 2, 1.7),
    ("plus -0.05; until 0.1", 0.3, 0.25),
    ("plus -0.05; until 0.1", 0.12, 0.1),
    ("plus -0.05; until 0.1", 0.07, 0.07),
    ("times 2; until 25", 20, 25),
    ("times 2; until 25", 60, 60),
    ("at-least 5; times 2; until 25", 2, 10),
    ("at-most 20; times 0.5; until 3", 100, 10),
    ("at-most 20; times 0.5; until 3", 4, 3),
    ("next-of 0.35 0.4", 0.35, 0.4),
    ("next-of 0.35 0.4", 0.5, 0.5),
]


@pytest.mark.parametrize("change, old, new", CHANGES)
def test_how_a_knob_turns(change, old, new):
    assert turned(change, old) == pytest.approx(new)


def test_without_symptoms_the_recipe():
    wrong = Settings(peak=0.5, div_factor=100, final_div_factor=10, p=0.6)
    assert changes([], wrong) == {"div_factor": 25, "final_div_factor": 1e3, "p": 0.3}
    advice = advise([], CNN)
    assert "range-test" in advice[0].words.lower() and not changes([])


def test_exploring_longer_goes_on_to_040_and_no_further():
    assert changes(["explore more"], Settings(p=0.35)) == {"p": 0.40}
    assert changes(["explore more"], Settings(p=0.40)) == {}
    assert changes(["explore more"], Settings(p=0.6)) == {}


def test_momentum_never_crosses_and_what_cannot_move_is_said_to_stay():
    narrow = Settings(m_min=0.94, m_max=0.95)
    assert changes(["diverges"], narrow)["m_min"] == 0.95
    stays = [move for move in advise(["diverges"], Settings(m_min=0.95)) if move.kind == "in place"]
    assert [move.words.split()[0] for move in stays] == ["m_min"]


@pytest.mark.parametrize("two", list(itertools.combinations(SYMPTOMS, 2)))
def test_two_symptoms_give_one_move_a_knob_the_cautious_one_and_valid_settings(two):
    advice = advise(two, CNN)
    knobs = [move.knob for move in advice if move.kind == "change"]
    assert len(knobs) == len(set(knobs))
    for move in advice:
        if move.kind == "change":
            alone, cautious = [changes([name]).get(move.knob, move.old) for name in two], KNOBS[move.knob][-1]
            assert cautious * move.new == max(cautious * new for new in alone if new != move.old)
        if move.kind == "kept back":
            assert move.knob in knobs and "settle that one first" in move.why
    better = after(CNN, advice)  # Settings checks itself
    assert better.T == CNN.T
    assert {move.words for move in advise(reversed(two), CNN)} == {move.words for move in advice}, (
        "order must not matter"
    )


def test_opposite_moves_are_kept_back_not_lost():
    advice = advise(["spiky peak", "explore more"], CNN)
    assert [move.kind for move in advice][-1] == "kept back" and advice[-1].new == 0.35
    assert changes(["spiky peak", "explore more"])["p"] == 0.2


def test_moves_can_be_made_one_at_a_time_again_and_again():
    settings = CNN
    for _ in range(40):
        settings = after(settings, advise(["diverges", "late plateau", "jittery tail"], settings))
    assert 0 < settings.peak < 0.01 and settings.m_min <= settings.m_max == 0.98
    assert settings.div_factor == 25 and settings.p == 0.1
    assert KNOBS["final_div_factor"][2] == settings.final_div_factor


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown symptoms.*'headache'"):
        advise(["headache"], CNN)
    with pytest.raises(ValueError, match="settings must be Settings"):
        advise(["diverges"], {"peak": 1})
    bad = [("peak", 0), ("peak", -1), ("peak", math.nan), ("p", 0), ("p", 1), ("div_factor", 0.5), ("prewarm", -1)]
    bad += [("final_div_factor", 0), ("m_min", 1.0), ("m_max", "high"), ("T", 0)]
    for name, value in bad:
        with pytest.raises(ValueError, match=name):
            Settings(**{name: value})
    with pytest.raises(ValueError, match="m_min must not exceed m_max"):
        Settings(m_min=0.95, m_max=0.9)
    assert advise("diverges", CNN) == advise(["diverges"], CNN)
