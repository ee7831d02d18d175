"""Exercises in a notebook: see the task, check an answer, take a hint, look at the solution.

    exercise("10.1.1.momentum")                     # the task, with Hint and Solution buttons
    check("10.1.1.momentum", momentum_update)       # an answer within seconds, whatever the code does
    hint("10.1.1.momentum")                         # hint 1, then 2, ...
    solution("10.1.1.momentum")

The exercises themselves are data (bank.py); judging is checking.py.
"""

from __future__ import annotations

import ipywidgets as widgets

from course_utils.checks import check_whole
from course_utils.exercises import bank, cards, checking, progress

_hints_taken: dict[str, int] = {}


def exercise(exercise_id: str, **given) -> None:
    """Show the task of an exercise, with Hint and Solution buttons in a notebook.

    given: replaces what a value or choice exercise shows (say the lesson's own curves); pass the same to `check`.
    Raises UnknownExercise, naming near matches, for a wrong id.
    """
    entry = bank.find(exercise_id)
    card = "exercise", _title(entry), task_text(entry, given)
    if cards.in_notebook():
        cards.show_widget(_panel(entry, card[2]), cards.card_text(*card), cards.card_html(*card))
    else:
        cards.show(*card)


def check(exercise_id: str, answer=None, **given) -> None:
    """Judge `answer` (a function, a number or a label, as the task asks), show the outcome and keep it.

    The outcome is one of: correct, not yet, error in your code, not attempted. Answers within about six seconds.
    """
    exercise = bank.find(exercise_id)
    outcome = checking.judge(exercise, answer, given=given)
    text = outcome.text
    if outcome.kind == checking.NOT_ATTEMPTED and not isinstance(exercise, bank.OpenExercise):
        text = f'Replace the `...` above and run both cells again. A first nudge: `hint("{exercise.id}")`.'
    if outcome.kind == checking.NOT_YET:
        text += f'\n\nTry again, or take a hint: `hint("{exercise.id}")`.'
    cards.show(outcome.kind, _title(exercise), text, printed=outcome.printed)
    progress.record(exercise.id, outcome.kind)


def hint(exercise_id: str, number: int | None = None) -> None:
    """Show the next hint, or hint `number` (1 is the gentlest). Raises ValueError for a number there is not."""
    exercise = bank.find(exercise_id)
    name, total = exercise.id, len(exercise.hints)
    if number is None:
        number = _next_hint(exercise)
    number = check_whole("number", number, 1, total, hint=f'hint("{name}") gives the next one.')
    _hints_taken[name] = max(number, _hints_taken.get(name, 0))
    cards.show("hint", *_hint(exercise, number))


def solution(exercise_id: str) -> None:
    """Show the solution."""
    exercise = bank.find(exercise_id)
    cards.show("solution", _title(exercise), _solution(exercise))


def given(exercise_id: str) -> dict:
    """What a value or choice exercise shows (its numbers or curves), for the lesson to draw or compute with."""
    return dict(getattr(bank.find(exercise_id), "given", {}))


def open_experiment(lesson: str) -> None:
    """Show the lesson's open experiment."""
    exercise(f"{lesson}.open")


def task_text(exercise: bank.Exercise, given: dict | None = None) -> str:
    """The task in Markdown, with the given numbers, the options and the stub a learner starts from."""
    numbers = {**getattr(exercise, "given", {}), **(given or {})}
    text = exercise.task.strip()
    if isinstance(exercise, bank.ValueExercise):
        text += "\n\n" + "\n".join(f"- `{name} = {checking.shown(value)}`" for name, value in numbers.items())
    if isinstance(exercise, bank.ChoiceExercise):
        text += "\n\n" + "\n".join(f"- **{label}** {option}" for label, option in exercise.options.items())
    return text


def _title(exercise) -> str:
    return f"{exercise.id} · {exercise.title}"


def _next_hint(exercise) -> int:
    return min(_hints_taken.get(exercise.id, 0) + 1, len(exercise.hints))


def _hint(exercise, number: int) -> tuple[str, str]:
    """Title and text of the card of one hint."""
    name, total = exercise.id, len(exercise.hints)
    last = "" if number < total else f'\n\nThat was the last hint; `solution("{name}")` shows the solution.'
    return f"{name} · {number} of {total}", exercise.hints[number - 1] + last


def _solution(exercise) -> str:
    text = exercise.solution.strip()
    prose = "```" in text or isinstance(exercise, (bank.ChoiceExercise, bank.OpenExercise))
    return text if prose else f"```\n{text}\n```"


def _panel(exercise, text: str) -> widgets.VBox:
    """Task, two buttons, and a place where hints and the solution appear."""
    place, buttons = widgets.HTML(), []

    def show(*card):
        place.value = f"<div role='status'>{cards.card_html(*card)}</div>"

    def show_hint(button):
        number = _hints_taken[exercise.id] = _next_hint(exercise)
        show("hint", *_hint(exercise, number))
        button.description = f"Hint {_next_hint(exercise)} of {len(exercise.hints)}"

    def show_solution(_):
        show("solution", _title(exercise), _solution(exercise))

    if exercise.hints:
        more = widgets.Button(description=f"Hint 1 of {len(exercise.hints)}", tooltip="Show the next hint")
        more.on_click(show_hint)
        buttons.append(more)
    if exercise.solution:
        reveal = widgets.Button(description="Solution", tooltip="Show the solution")
        reveal.on_click(show_solution)
        buttons.append(reveal)
    task = widgets.HTML(cards.card_html("exercise", _title(exercise), text))
    return widgets.VBox([task, widgets.HBox(buttons), place])
