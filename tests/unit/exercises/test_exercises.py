"""Every exercise answers as it should: solutions, stubs, misconceptions, constants, other correct forms."""

import dataclasses
import functools
import math
import random
import re

import numpy as np
import pytest
import torch

from course_utils.contents import LESSONS
from course_utils.exercises import asking as exercises
from course_utils.exercises import bank, cards, checking, progress
from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise
from course_utils.exercises.checking import CORRECT, ERROR, NOT_ATTEMPTED, NOT_YET

judge = functools.partial(checking.judge, seconds=60)  # a busy machine must not fail a right answer

ALL = [one for lesson in bank.lessons() for one in bank.of_lesson(lesson).values()]
FUNCTIONS = [one for one in ALL if isinstance(one, FunctionExercise)]
ANSWERS = [one for one in ALL if isinstance(one, (ValueExercise, ChoiceExercise))]
CHECKED = FUNCTIONS + ANSWERS
MISCONCEPTIONS = [
    pytest.param(one, wrong, id=f"{one.id}-{wrong.name}") for one in CHECKED for wrong in one.misconceptions
]


DOUBLE = FunctionExercise(
    id="x.double",
    title="Double",
    task="Double x.",
    function="double",
    stub="\ndef double(x):\n    return ...\n",
    solution="\ndef double(x):\n    return 2 * x\n",
    hints=(),
    misconceptions="",
    reference=lambda x: 2 * x,
    draw=lambda rng: (rng.random(),),
    returns="twice x",
)


def ids(one):
    return one.id


def wrong_answer(one, wrong):
    if isinstance(one, FunctionExercise):
        return bank.define(wrong.source, one.function)
    return bank.value_of(wrong.source, {**getattr(one, "names", {}), **one.given})


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(exercises, "_hints_taken", {})
    progress._unsaved.update(exercises={}, guesses={})


def test_each_lesson_has_its_exercises():
    assert bank.lessons() == [entry.number for entry in LESSONS if entry.available]
    for lesson in bank.lessons()[1:]:
        assert 3 <= len(bank.checked(lesson)) <= 4, lesson
        assert isinstance(bank.find(f"{lesson}.open"), OpenExercise)


@pytest.mark.parametrize("one", FUNCTIONS, ids=ids)
def test_solution_is_correct(one):
    for seed in (None, 1, 2):
        outcome = judge(one, bank.define(one.solution, one.function), seed=seed)
        assert outcome.kind == CORRECT, outcome.text


@pytest.mark.parametrize("one", FUNCTIONS, ids=ids)
def test_other_correct_forms_pass(one):
    assert len(one.variants) >= 3
    for source in one.variants:
        outcome = judge(one, bank.define(source, one.function))
        assert outcome.kind == CORRECT, f"{source}\n{outcome.text}"


@pytest.mark.parametrize("body", ["return ...", "return None", "pass", "raise NotImplementedError", "..."])
@pytest.mark.parametrize("one", FUNCTIONS, ids=ids)
def test_stub_is_not_attempted(one, body):
    assert judge(one, bank.define(one.stub, one.function)).kind == NOT_ATTEMPTED
    stub = one.stub.strip().splitlines()[0] + "\n    " + body
    assert judge(one, bank.define(stub, one.function), way="here").kind == NOT_ATTEMPTED


@pytest.mark.parametrize("one", CHECKED, ids=ids)
def test_no_answer_is_not_attempted(one):
    assert judge(one, ...).kind == NOT_ATTEMPTED
    assert judge(one, None).kind == NOT_ATTEMPTED


@pytest.mark.parametrize("one, wrong", MISCONCEPTIONS)
def test_misconception_is_named(one, wrong):
    for seed in range(3):
        outcome = judge(one, wrong_answer(one, wrong), seed=seed, way=None if seed == 0 else "here")
        assert outcome.kind == NOT_YET
        assert outcome.misconception == wrong.name, outcome.text
        assert wrong.message in outcome.text
        others = [other.message for other in one.misconceptions if other is not wrong]
        assert not any(message in outcome.text for message in others)


@pytest.mark.parametrize("one", CHECKED, ids=ids)
def test_at_least_three_misconceptions_and_two_hints(one):
    assert len(one.misconceptions) >= 3
    assert len({wrong.message for wrong in one.misconceptions}) == len(one.misconceptions)
    assert len(one.hints) >= 2


def test_misconceptions_are_read_from_a_text():
    text = """
too small: You forgot
to double: it is 2x.
    2 * x -> x
body: The body alone.
    y = x
    return 3 * y
whole: All of it.
    import math
    def double(x):
        return math.inf
"""
    exercise = dataclasses.replace(DOUBLE, misconceptions=text)
    assert [(wrong.name, wrong.message) for wrong in exercise.misconceptions] == [
        ("too small", "You forgot to double: it is 2x."),
        ("body", "The body alone."),
        ("whole", "All of it."),
    ]
    assert [bank.define(wrong.source, "double")(5) for wrong in exercise.misconceptions] == [5, 15, math.inf]


@pytest.mark.parametrize(
    "text, words",
    [
        ("a message without code\n", "x.double: misconceptions are lines"),
        ("name: message\n    return 1\nname: no code\n", "x.double: misconceptions are lines"),
        ("name: message\n    3 * x -> x\n", "x.double: the solution does not hold '3 \\* x'"),
    ],
)
def test_misconceptions_that_cannot_be_read_are_refused(text, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(DOUBLE, misconceptions=text)


@pytest.mark.parametrize("one", FUNCTIONS, ids=ids)
def test_constants_fail(one):
    """No single answer, taken from any probe, passes for all of them; nor does a table of the edge cases."""
    values = [one.reference(*args) for args in one.inputs(random.Random(0))]
    for value in values:
        assert judge(one, lambda *args, value=value: value, seed=1, way="here").kind == NOT_YET
    table = {repr(args): one.reference(*args) for args in one.edges}
    assert judge(one, lambda *args: table.get(repr(args), values[0])).kind == NOT_YET


@pytest.mark.parametrize("one", [e for e in ALL if isinstance(e, ValueExercise)], ids=ids)
@pytest.mark.parametrize("form", [float, str, np.float32, np.array, torch.tensor, lambda x: [x]])
def test_values_pass_in_any_form(one, form):
    assert judge(one, form(one.answer(**one.given))).kind == CORRECT


@pytest.mark.parametrize("one", [e for e in ALL if isinstance(e, ValueExercise)], ids=ids)
def test_value_follows_what_is_given_and_is_not_printed(one):
    right = one.answer(**one.given)
    other = {name: value * 3 for name, value in one.given.items()}
    assert judge(one, one.answer(**other), given=other).kind == CORRECT
    for text in (exercises.task_text(one), judge(one, right * 1.1).text):
        assert f"{right:.4g}" not in text
    assert judge(one, math.nan).kind == NOT_YET
    assert judge(one, "much").kind == NOT_YET
    assert judge(one, lambda: right).kind == NOT_YET


def test_solutions_of_values_compute_the_answer():
    for one in ALL:
        if isinstance(one, ValueExercise):
            code = one.solution.split("```")[1] if "```" in one.solution else one.solution
            names = {"math": math}
            exec(code, names)
            assert judge(one, names["answer"]).kind == CORRECT


@pytest.mark.parametrize("one", [e for e in ALL if isinstance(e, ChoiceExercise)], ids=ids)
def test_choices(one):
    right = one.answer(**one.given)
    kinds = {label: judge(one, label).kind for label in one.options}
    assert kinds == {label: CORRECT if label == right else NOT_YET for label in one.options}
    assert judge(one, f" {right.lower()}. ").kind == CORRECT
    assert "Pick one of" in judge(one, "Z").text


def test_four_curves_follow_the_curves_the_lesson_shows():
    one = bank.find("10.1.1.four_curves")
    curves = dict(one.given["curves"])
    swapped = {"A": curves["D"], "B": curves["B"], "C": [1.0, math.inf, math.nan], "D": curves["A"]}
    assert judge(one, "A", given={"curves": swapped}).kind == CORRECT
    assert judge(one, "C", given={"curves": swapped}).misconception == "diverged"


def test_wrong_T_is_what_torch_does():
    one = bank.find("10.1.3.wrong_T")
    peak, T_max, t = (one.given[name] for name in ("peak", "T_max", "t"))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=T_max)
    for _ in range(t):
        optimizer.step()
        scheduler.step()
    assert math.isclose(scheduler.get_last_lr()[0], one.answer(**one.given), rel_tol=1e-6)


def test_momentum_is_torchs_own():
    w = torch.nn.Parameter(torch.tensor(1.5, dtype=torch.float64))
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    ours, v = 1.5, 0.0
    for _ in range(5):
        g = 2 * w.item()
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        ours, v = bank.find("10.1.1.momentum").reference(ours, v, g, 0.1, 0.9)
        assert math.isclose(ours, w.item(), rel_tol=1e-12)


def test_argument_changed_in_place_is_told():
    def in_place(curvatures):
        curvatures.sort()
        return 2 / (curvatures[0] + curvatures[-1])

    outcome = judge(bank.find("10.1.1.edge"), in_place)
    assert (outcome.kind, outcome.misconception) == (NOT_YET, "changes its argument")
    assert "`curvatures`" in outcome.text

    def torch_style(w, v, g, lr, m):
        v.mul_(m).add_(g)
        return w - lr * v, v

    outcome = judge(bank.find("10.1.1.momentum"), torch_style)
    assert outcome.kind == CORRECT
    assert "changes `v` in place" in outcome.text


def test_error_shows_the_learners_own_lines():
    def cosine_lr(t, peak, T):
        phase = t / T
        return peak * math.cosine(phase)

    outcome = judge(bank.find("10.1.3.cosine"), cosine_lr)
    assert outcome.kind == ERROR
    assert "AttributeError" in outcome.text and "math.cosine(phase)" in outcome.text
    assert "checking.py" not in outcome.text and "cosine_lr(t=0" in outcome.text


def test_division_by_zero_is_an_error_not_a_nan():
    outcome = judge(bank.find("10.1.3.cosine"), lambda t, peak, T: peak / t)
    assert outcome.kind == ERROR and "ZeroDivisionError" in outcome.text


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda t, peak, T: "0.1", "(str)"),
        (lambda t, peak, T: [peak, peak], "2 numbers"),
        (lambda t, peak, T: {"lr": peak}, "(dict)"),
        (lambda t, peak, T: complex(peak, 0), "(complex)"),
        (lambda t, peak, T: math.nan, "nan"),
        (0.1, "Hand over the function itself"),
    ],
)
def test_odd_answers_get_a_plain_word(answer, words):
    outcome = judge(bank.find("10.1.3.cosine"), answer)
    assert outcome.kind == NOT_YET
    assert words in outcome.text


def test_forgotten_return():
    def cosine_lr(t, peak, T):
        lr = 0.5 * peak * (1 + math.cos(math.pi * t / T))
        print(lr)

    outcome = judge(bank.find("10.1.3.cosine"), cosine_lr)
    assert outcome.kind == NOT_YET and "return" in outcome.text and "0.1" in outcome.printed


def test_wrong_argument_count_is_an_error_in_the_code():
    assert judge(bank.find("10.1.3.cosine"), lambda t: t).kind == ERROR


@pytest.mark.parametrize("name", ["10.1.1.momentun", "10.1.1.Momentum!", "10.1.9.nothing", "cosine"])
def test_typo_lists_near_matches(name):
    with pytest.raises(bank.UnknownExercise) as caught:
        exercises.exercise(name)
    assert "10.1." in str(caught.value).split("Near it:")[1]


def test_id_must_be_text():
    with pytest.raises(TypeError, match="in quotes"):
        exercises.check(10.1)


def test_what_a_notebook_prints(capsys):
    exercises.exercise("10.1.1.spacing")
    assert "`points = 11`" in capsys.readouterr().out
    exercises.check("10.1.1.spacing", ...)
    assert capsys.readouterr().out.startswith("[NOT ATTEMPTED] 10.1.1.spacing")
    exercises.check("10.1.1.spacing", 0.5)
    assert "step of the exponent" in capsys.readouterr().out
    exercises.check("10.1.1.spacing", 10**0.5)
    assert capsys.readouterr().out.startswith("[CORRECT]")
    assert progress.solved("10.1.1") == 1


def test_hints_come_one_after_another(capsys):
    one = bank.find("10.1.1.momentum")
    for number in (1, 2, 3, 3):
        exercises.hint(one.id)
        out = capsys.readouterr().out
        assert f"{number} of 3" in out and one.hints[number - 1] in out
    exercises.hint(one.id, 2)
    assert one.hints[1] in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"number must be a whole number in \[1, 3\], got 7"):
        exercises.hint(one.id, 7)
    exercises.solution(one.id)
    assert "v = m * v + g" in capsys.readouterr().out


def test_open_experiments_have_nothing_to_check(capsys):
    exercises.open_experiment("10.1.2")
    exercises.check("10.1.2.open")
    assert "nothing to check" in capsys.readouterr().out
    assert "10.1.2.open" not in bank.checked("10.1.2")


def test_buttons_reveal_hints_and_solution():

    one = bank.find("10.1.1.edge")
    panel = exercises._panel(one, exercises.task_text(one))
    task, buttons, shown = panel.children
    hint, solution = buttons.children
    assert "fastest_rate" in task.value and shown.value == ""
    for text in one.hints:
        hint.click()
        assert text[:20] in shown.value
    solution.click()
    assert "2 / (max(curvatures) + min(curvatures))" in shown.value


@pytest.mark.parametrize("one", ALL, ids=ids)
def test_texts_are_clean(one):
    """Formulas are plain Unicode (TeX does not show in plain text); all Markdown is turned into HTML."""
    messages = (wrong.message for wrong in getattr(one, "misconceptions", ()))
    for text in (one.task, exercises._solution(one), *one.hints, *messages):
        assert text.strip() and "$" not in text
        html = re.sub(r"<code>.*?</code>", "", cards.to_html(text), flags=re.DOTALL)
        assert html.count("<b>") == html.count("</b>") and "**" not in html and "`" not in html
