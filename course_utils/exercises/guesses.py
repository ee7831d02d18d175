"""Guess before you run; see the guess again beside the measurement.

    predict("10.1.1", "Which of the four ends lowest?", options=["0.001", "0.1", "3"])
    predict("10.1.3", "Validation accuracy with the cosine?", low=0, high=100, unit="%")
    ...
    recall("10.1.3", measured=71.3, unit="%")

The guess is kept in the learner's progress file and is back when the lesson is re-run. Nothing is guessed for the
learner: a notebook that runs by itself keeps no guess and says so.
"""

from __future__ import annotations

import math

import ipywidgets as widgets

from course_utils.exercises import cards, progress

NOT_KEPT = "No guess is kept yet: choose, then press “Keep my guess”."


def predict(name: str, question: str, *, options=None, low=None, high=None, unit="", step=None, log=False) -> None:
    """Ask a question before the lesson measures its answer.

    name: the lesson's id ("10.1.1"); a second question of a lesson has a name of its own ("10.1.1.b").
    options: two or more answers to choose from; or
    low, high, unit: a number's range; log=True spaces the slider logarithmically (low > 0).
    Raises ValueError when there is neither a choice nor a range, or both.
    """
    _refuse(name, options, low, high, log)
    answers = _plain_answers(options, low, high, unit)
    plain = cards.card_text("predict", question, answers)
    if not cards.in_notebook():
        cards.say(plain)
        return
    panel = _panel(name, question, options, low, high, unit, step, log)
    cards.show_widget(panel, plain, cards.card_html("predict", question, answers))


def recall(name: str, measured, unit: str = "", note: str = "") -> None:
    """Show the guess beside what was measured: a number, or the text of the option that the measurement supports."""
    guess = progress.guess(name)
    sentence, number = compare(guess, measured, unit), _shown(measured, unit)
    plain = f"{sentence}\n    measured: {number}" + (f"\n{note}" if note else "")
    if not cards.in_notebook():
        cards.say(plain)
        return
    own = "" if guess is None else f"- your guess: **{_shown(guess, unit)}**\n"
    text = f"**{sentence}**\n\n{own}- measured: **{number}**\n\n{note}"
    static = cards.card_html("predict", "Your guess and the measurement", text)
    # The sanitizer of the notebook tests masks what stands in class "measured".
    static = static.replace(f"measured: <b>{number}</b>", f"measured: <b class='measured'>{number}</b>")
    cards.show_bundle({"text/html": static, "text/plain": plain})


def compare(guess, measured, unit: str = "") -> str:
    """One honest sentence: how far the guess is from the measurement."""
    if guess is None:
        return "You kept no guess this time."
    if isinstance(guess, str) or isinstance(measured, str):
        same = str(guess).strip() == str(measured).strip()
        return f"You guessed “{guess}”: " + ("the measurement agrees." if same else "the measurement says otherwise.")
    start, measured = f"You guessed {_shown(guess, unit)}", float(measured)
    if not math.isfinite(measured):
        return f"{start}; the measurement gave no finite number."
    if math.isclose(guess, measured, rel_tol=0.02):
        return f"{start}: as good as exact."
    side = "high" if guess > measured else "low"
    if guess > 0 and measured > 0 and (factor := max(guess / measured, measured / guess)) >= 2:
        return f"{start}: a factor {factor:.2g} too {side}."
    return f"{start}: {_shown(abs(guess - measured), unit)} too {side}."


def _panel(name, question, options, low, high, unit, step, log) -> widgets.VBox:
    guess = progress.guess(name)
    chooser = _choice(options, guess) if options else _slider(low, high, step, log, guess)
    head = widgets.HTML(cards.card_html("predict", question, f"In {unit}." if unit and not options else ""))
    button = widgets.Button(description="Keep my guess", tooltip="Keep this guess for the end of the lesson")
    status = widgets.HTML(_status(guess, unit))

    def keep(_):
        if chooser.value is None:
            status.value = "<div role='status'>Choose an answer first.</div>"
            return
        progress.keep_guess(name, chooser.value, question)
        status.value = _status(chooser.value, unit)

    button.on_click(keep)
    return widgets.VBox([head, chooser, button, status])


def _choice(options, guess) -> widgets.RadioButtons:
    wide = widgets.Layout(width="max-content")
    return widgets.RadioButtons(options=options, value=guess if guess in options else None, layout=wide)


def _slider(low, high, step, log, guess) -> widgets.FloatSlider | widgets.FloatLogSlider:
    inside = isinstance(guess, (int, float)) and low <= guess <= high
    look = dict(layout=widgets.Layout(width="26em"), description="Guess")
    if log:
        value = guess if inside else math.sqrt(low * high)
        return widgets.FloatLogSlider(value=value, base=10, min=math.log10(low), max=math.log10(high), **look)
    value, step = guess if inside else (low + high) / 2, step or (high - low) / 100
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    return widgets.FloatSlider(value=value, min=low, max=high, step=step, readout_format=f".{digits}f", **look)


def _status(guess, unit: str) -> str:
    text = NOT_KEPT if guess is None else f"Your guess is kept: {_shown(guess, unit)}."
    return f"<div role='status'>{cards._inline(text)}</div>"


def _plain_answers(options, low, high, unit) -> str:
    if options:
        answers = "\n".join(f"- {option}" for option in options)
    else:
        answers = f"- between {_shown(low, unit)} and {_shown(high, unit)}"
    return f"{answers}\n\nNothing is guessed for you: run this cell, choose, and press “Keep my guess”."


def _shown(value, unit: str) -> str:
    if isinstance(value, str):
        return value
    return f"{float(value):.4g}" + (f" {unit}" if unit else "")


def _refuse(name, options, low, high, log):
    numeric = low is not None or high is not None
    if (options is None) == (not numeric):
        raise ValueError(f"predict({name!r}) needs either options=[...] or low= and high=")
    if options is not None and len(options) < 2:
        raise ValueError(f"predict({name!r}): a choice needs at least two options, got {len(options)}")
    if numeric and (low is None or high is None or not low < high):
        raise ValueError(f"predict({name!r}): low must be below high; got low={low}, high={high}")
    if numeric and log and low <= 0:
        raise ValueError(f"predict({name!r}): a logarithmic slider needs low > 0; got low={low}")
