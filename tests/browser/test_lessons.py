"""Every lesson, as a learner meets it: Run All, sliders by keyboard, exercises, the guess, narrow windows.

The lessons run at tiny scale: trainings last seconds and prove nothing, everything else is as it will be.
"""

import ast
import re

import pytest

from course_utils.contents import LESSONS
from course_utils.exercises import bank
from course_utils.exercises.bank import FunctionExercise
from tests.browser import checks
from tests.browser.lab import HANDLE, OUTPUT, press, wait_for

AVAILABLE = [entry for entry in LESSONS if entry.available]


@pytest.fixture(scope="module", params=AVAILABLE, ids=lambda entry: entry.number)
def lesson(request, open_notebook):
    """A lesson after Run All; every test below is asked of each lesson."""
    notebook = open_notebook(request.param.file)
    notebook.number = request.param.number
    notebook.run_all()
    yield notebook
    notebook.close()


def test_no_errors(lesson):
    checks.check_no_errors(lesson)


def test_every_picture_has_an_alt_text(lesson):
    checks.check_alt_texts(lesson)


def test_sliders_move_the_picture_and_back(lesson, artefacts):
    outputs = lesson.outputs()
    moved = 0
    for number, output in enumerate(outputs):
        checks.check_words(lesson, output)
        for handle in output.locator(HANDLE).all():
            if handle.evaluate("handle => handle.closest('[disabled]') === null && handle.offsetParent !== null"):
                checks.check_slider(lesson, handle)
                moved += 1
        output.screenshot(path=artefacts / f"{lesson.number}-explorer-{number}.png")
    assert moved or not outputs, f"{lesson.name}: no slider could be moved"


def test_picture_is_steady_while_a_key_is_held(lesson):
    for output in lesson.outputs():
        handle = output.locator(HANDLE).first
        if handle.evaluate("handle => handle.closest('[disabled]') === null"):
            checks.check_steady(lesson, output, handle)


@pytest.mark.parametrize("width", [480, 700])
def test_nothing_is_cut_in_a_narrow_window(lesson, width):
    checks.check_nothing_cut(lesson, width)


def answer_cells(notebook) -> list[tuple[int, str, str, str]]:
    """(place, exercise id, the learner's name, the check and what follows) of every cell that checks an answer."""
    answers = []
    for place in notebook.places(r"^check\("):
        source = notebook.source(place)
        for node in ast.parse(source).body:
            call = getattr(node, "value", None)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check" and len(call.args) > 1:
                rest = "\n".join(source.splitlines()[node.lineno - 1 :])
                answers.append((place, ast.literal_eval(call.args[0]), ast.unparse(call.args[1]), rest))
                break
    return answers


def answer(exercise, name: str, rest: str, source: str | None) -> str:
    """A cell that answers an exercise: with its solution, or with the wrong answer `source`."""
    if isinstance(exercise, FunctionExercise):
        text = exercise.solution if source is None else source
        lines = ["import math", text.strip(), *([] if name == exercise.function else [f"{name} = {exercise.function}"])]
    else:
        call = ast.parse(rest).body[0].value
        own = ", ".join(f"{word.arg}={ast.unparse(word.value)}" for word in call.keywords)
        right = f"{name} = entry.answer(**given)"
        wrong = f"{name} = bank.value_of({source!r}, {{**getattr(entry, 'names', {{}}), **given}})"
        lines = [
            "from course_utils.exercises import bank",
            f"entry = bank.find({exercise.id!r})",
            f"given = {{**entry.given, **dict({own})}}",
            right if source is None else wrong,
        ]
    return "\n".join([*lines, rest])


def test_exercises_answer_wrong_then_right(lesson, artefacts):
    cells = answer_cells(lesson)
    assert cells or not bank.checked(lesson.number), f"{lesson.name}: no cell checks an answer"
    fresh = [lesson.text(place) for place, *_ in cells]
    assert all("[NOT ATTEMPTED]" in text or "[NOT YET]" in text for text in fresh), "\n".join(fresh)
    for place, name, mine, rest in cells:
        exercise = bank.find(name)
        lesson.set_source(place, answer(exercise, mine, rest, exercise.misconceptions[0].source))
        lesson.run_cell(place)
        assert "[NOT YET]" in lesson.text(place), f"{name}, wrong: {lesson.text(place)}"
        lesson.set_source(place, answer(exercise, mine, rest, None))
        lesson.run_cell(place)
        assert "[CORRECT]" in lesson.text(place), f"{name}, right: {lesson.text(place)}"
        assert lesson.cell(place).get_by_text(re.compile("Correct")).first.is_visible()
    if cells:
        lesson.screenshot(artefacts / f"{lesson.number}-exercise.png", cells[0][0])


def test_hints_and_solution_by_keyboard(lesson):
    places = lesson.places(r"^exercise\(")
    assert places or not bank.checked(lesson.number)
    for place in places:
        cell = lesson.cell(place)
        for words, kind in (("Hint 1 of", "Hint"), ("Solution", "Solution")):
            button = cell.get_by_role("button", name=words)
            assert button.count() == 1, f"{lesson.name}, cell {place}: no button {words!r}"
            press(button, "Enter")
            answers = cell.locator("[role=status]").get_by_text(kind, exact=True)
            wait_for(lesson.page, f"cell {place}: {kind} after its button", answers.count)


def test_guess_is_kept_and_shown_at_the_end(lesson):
    predicted, recalled = lesson.places(r"^predict\("), lesson.places(r"^recall\(")
    assert predicted or lesson.number == "00", f"{lesson.name} asks for no guess"
    for place in predicted:
        cell = lesson.cell(place)
        if cell.locator("input[type=radio]").count():
            press(cell.locator("input[type=radio]").nth(1), "Space")
        else:
            press(cell.locator(HANDLE).first, "ArrowRight")
        press(cell.get_by_role("button", name="Keep my guess"), "Enter")
        wait_for(lesson.page, f"cell {place}: the guess is kept", cell.get_by_text("Your guess is kept").count)
    assert bool(predicted) == bool(recalled), f"{lesson.name} asks {len(predicted)} guesses and recalls {len(recalled)}"
    for place in recalled:
        assert "You kept no guess" in lesson.text(place)
        lesson.run_cell(place)
        assert "You guessed" in lesson.text(place), lesson.text(place)


def test_page_is_kept_as_pictures(lesson, artefacts):
    """The whole lesson as screenshots, for people to look at."""
    pictured = lesson.page.locator(f"{OUTPUT} img, {OUTPUT} table, {OUTPUT} .jupyter-widgets")
    assert pictured.count(), f"{lesson.name} shows nothing"
    lesson.screenshot(artefacts / f"{lesson.number}-top.png", 0)
