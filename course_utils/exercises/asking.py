"""Exercises in a notebook: see the task, check an answer, take a hint, look at the solution.

    exercise("10.1.1.momentum")                     # the task, with Hint and Solution buttons
    check("10.1.1.momentum", momentum_update)       # an answer within seconds, whatever the code does
    hint("10.1.1.momentum")                         # hint 1, then 2, ...
    solution("10.1.1.momentum")

The exercises themselves are data in `course_utils.exercises.bank`; judging is `course_utils.exercises.checking`.
"""

from __future__ import annotations

from course_utils.exercises import bank, checking, progress
from course_utils.pictures import cards

_hints_taken: dict[str, int] = {}


def exercise(exercise_id: str, *, buttons: bool = True, **given) -> None:
    """Show the task of an exercise, with Hint and Solution buttons where widgets are available.

    given: replaces what a value or choice exercise shows (say the lesson's own curves); pass the same to
    `check`. Raises UnknownExercise, naming near matches, for a wrong id.
    """
    one = bank.find(exercise_id)
    text = task_text(one, given)
    if not (buttons and cards.in_notebook()):
        cards.show("exercise", _title(one), text)
        return
    try:
        import ipywidgets
    except ImportError:  # the plain functions do the same
        cards.show("exercise", _title(one), text)
        return
    cards.show_widget(
        _panel(ipywidgets, one, text),
        cards.card_text("exercise", _title(one), text),
        cards.card_html("exercise", _title(one), text),
    )


def check(exercise_id: str, answer=None, **given) -> None:
    """Judge `answer` (a function, a number or a label, as the task asks), show the outcome and keep it.

    The outcome is one of: correct, not yet, error in your code, not attempted. Answers within about six seconds.
    """
    one = bank.find(exercise_id)
    outcome = checking.judge(one, answer, given=given)
    text = outcome.text
    if outcome.kind == checking.NOT_ATTEMPTED and not isinstance(one, bank.OpenExercise):
        text = f'Replace the `...` above and run both cells again. A first nudge: `hint("{one.id}")`.'
    if outcome.kind == checking.NOT_YET:
        text += f'\n\nTry again, or take a hint: `hint("{one.id}")`.'
    cards.show(outcome.kind, _title(one), text, printed=outcome.printed)
    progress.record(one.id, outcome.kind)


def hint(exercise_id: str, number: int | None = None) -> None:
    """Show the next hint, or hint `number` (1 is the gentlest). Raises ValueError for a number there is not."""
    one = bank.find(exercise_id)
    total = len(one.hints)
    if number is None:
        number = min(_hints_taken.get(one.id, 0) + 1, total)
    if not isinstance(number, int) or not 1 <= number <= total:
        raise ValueError(f'{one.id} has hints 1 to {total}; got {number!r}. hint("{one.id}") gives the next one.')
    _hints_taken[one.id] = max(number, _hints_taken.get(one.id, 0))
    cards.show("hint", *_hint(one, number))


def solution(exercise_id: str) -> None:
    """Show the solution."""
    one = bank.find(exercise_id)
    cards.show("solution", _title(one), _solution(one))


def given(exercise_id: str) -> dict:
    """What a value or choice exercise shows (its numbers or curves), for the lesson to draw or compute with."""
    one = bank.find(exercise_id)
    return dict(getattr(one, "given", {}))


def open_experiment(lesson: str) -> None:
    """Show the lesson's open experiment."""
    exercise(f"{lesson}.open")


def task_text(one, given: dict | None = None) -> str:
    """The task in Markdown, with the given numbers, the options and the stub a learner starts from."""
    shown = {**getattr(one, "given", {}), **(given or {})}
    text = one.task.strip()
    if isinstance(one, bank.ValueExercise):
        text += "\n\n" + "\n".join(f"- `{name} = {checking._show(value)}`" for name, value in shown.items())
    if isinstance(one, bank.ChoiceExercise):
        text += "\n\n" + "\n".join(f"- **{label}** {option}" for label, option in one.options.items())
    return text


def _title(one) -> str:
    return f"{one.id} · {one.title}"


def _hint(one, number: int) -> tuple[str, str]:
    last = "" if number < len(one.hints) else f'\n\nThat was the last hint; `solution("{one.id}")` shows the solution.'
    return f"{one.id} · {number} of {len(one.hints)}", one.hints[number - 1] + last


def _solution(one) -> str:
    text = one.solution.strip()
    prose = "```" in text or isinstance(one, (bank.ChoiceExercise, bank.OpenExercise))
    return text if prose else f"```\n{text}\n```"


def _panel(ipywidgets, one, text: str):
    """Task, two buttons, and a place where hints and the solution appear."""
    shown = ipywidgets.HTML()
    panel = [ipywidgets.HTML(cards.card_html("exercise", _title(one), text))]
    buttons = []
    if one.hints:
        more = ipywidgets.Button(description=f"Hint 1 of {len(one.hints)}", tooltip="Show the next hint")

        def next_hint(_):
            number = min(_hints_taken.get(one.id, 0) + 1, len(one.hints))
            _hints_taken[one.id] = number
            shown.value = f"<div role='status'>{cards.card_html('hint', *_hint(one, number))}</div>"
            more.description = f"Hint {min(number + 1, len(one.hints))} of {len(one.hints)}"

        more.on_click(next_hint)
        buttons.append(more)
    if one.solution:
        reveal = ipywidgets.Button(description="Solution", tooltip="Show the solution")

        def show_solution(_):
            card = cards.card_html("solution", _title(one), _solution(one))
            shown.value = f"<div role='status'>{card}</div>"

        reveal.on_click(show_solution)
        buttons.append(reveal)
    return ipywidgets.VBox([*panel, ipywidgets.HBox(buttons), shown])
