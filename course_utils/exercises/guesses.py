"""Guess before you run; see the guess again beside the measurement.

    predict("10.1.1", "Which of the four ends lowest?", options=["0.001", "0.1", "3"])
    predict("10.1.3", "Validation accuracy with the cosine?", low=0, high=100, unit="%")
    ...
    recall("10.1.3", measured=71.3, unit="%")

The guess is kept in the learner's progress file and is there again when the lesson is re-run. Nothing is guessed for
the learner: a notebook that runs by itself keeps no guess and says so.
"""

from __future__ import annotations

import math

from course_utils.exercises import progress
from course_utils.pictures import cards

NOT_KEPT = "No guess is kept yet: choose, then press “Keep my guess”."


def predict(
    name: str,
    question: str,
    *,
    options: list[str] | None = None,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    step: float | None = None,
    log: bool = False,
):
    """Ask a question before the lesson measures its answer.

    name:     the lesson's id ("10.1.1"); a second question of a lesson has a name of its own ("10.1.1.b")
    options:  two or more answers to choose from, or
    low, high, unit: a number's range; log=True spaces the slider logarithmically (low > 0)
    Raises ValueError when there is neither a choice nor a range, or both.
    """
    _refuse(name, options, low, high, log)
    plain = cards.card_text("predict", question, _plain_answers(options, low, high, unit))
    if not cards.in_notebook():
        print(plain)
        return
    try:
        import ipywidgets
    except ImportError:
        print(plain)
        return
    static = cards.card_html("predict", question, _plain_answers(options, low, high, unit))
    cards.show_widget(_panel(ipywidgets, name, question, options, low, high, unit, step, log), plain, static)


def recall(name: str, measured, unit: str = "", note: str = "") -> None:
    """Show the guess beside what was measured.

    measured: a number, or the text of the option that the measurement supports.
    """
    guessed = progress.guess(name)
    number = _shown(measured, unit)
    plain = f"{compare(guessed, measured, unit)}\n    measured: {number}"
    if note:
        plain += f"\n{note}"
    if not cards.in_notebook():
        print(plain)
        return
    text = f"**{compare(guessed, measured, unit)}**\n\n- measured: **{number}**"
    if guessed is not None:
        text = text.replace("- measured", f"- your guess: **{_shown(guessed, unit)}**\n- measured", 1)
    static = cards.card_html("predict", "Your guess and the measurement", f"{text}\n\n{note}")
    # The sanitizer of the notebook tests masks what stands in class "measured".
    static = static.replace(f"measured: <b>{number}</b>", f"measured: <b class='measured'>{number}</b>")
    cards.show_bundle({"text/html": static, "text/plain": plain})


def compare(guessed, measured, unit: str = "") -> str:
    """One honest sentence: how far the guess is from the measurement."""
    if guessed is None:
        return "You kept no guess this time."
    if isinstance(guessed, str) or isinstance(measured, str):
        same = str(guessed).strip() == str(measured).strip()
        return f"You guessed “{guessed}”: " + ("the measurement agrees." if same else "the measurement says otherwise.")
    start = f"You guessed {_shown(guessed, unit)}"
    measured = float(measured)
    if not math.isfinite(measured):
        return f"{start}; the measurement gave no finite number."
    if math.isclose(guessed, measured, rel_tol=0.02):
        return f"{start}: as good as exact."
    side = "high" if guessed > measured else "low"
    if guessed > 0 and measured > 0 and max(guessed / measured, measured / guessed) >= 2:
        return f"{start}: a factor {max(guessed / measured, measured / guessed):.2g} too {side}."
    return f"{start}: {_shown(abs(guessed - measured), unit)} too {side}."


def _panel(ipywidgets, name, question, options, low, high, unit, step, log):
    kept = progress.guess(name)
    chooser = _chooser(ipywidgets, options, low, high, step, log, kept)
    keep = ipywidgets.Button(description="Keep my guess", tooltip="Keep this guess for the end of the lesson")
    status = ipywidgets.HTML(_status(kept, unit))

    def keep_it(_):
        if chooser.value is None:
            status.value = "<div role='status'>Choose an answer first.</div>"
            return
        progress.keep_guess(name, chooser.value, question)
        status.value = _status(chooser.value, unit)

    keep.on_click(keep_it)
    head = ipywidgets.HTML(cards.card_html("predict", question, f"In {unit}." if unit and not options else ""))
    return ipywidgets.VBox([head, chooser, keep, status])


def _chooser(ipywidgets, options, low, high, step, log, kept):
    wide = ipywidgets.Layout(width="max-content") if options else ipywidgets.Layout(width="26em")
    if options:
        return ipywidgets.RadioButtons(options=options, value=kept if kept in options else None, layout=wide)
    inside = isinstance(kept, (int, float)) and low <= kept <= high
    if log:
        value = kept if inside else math.sqrt(low * high)
        return ipywidgets.FloatLogSlider(
            value=value, base=10, min=math.log10(low), max=math.log10(high), layout=wide, description="Guess"
        )
    value, step = kept if inside else (low + high) / 2, step or (high - low) / 100
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, readout_format=f".{digits}f", layout=wide, description="Guess"
    )


def _status(kept, unit: str) -> str:
    text = NOT_KEPT if kept is None else f"Your guess is kept: {_shown(kept, unit)}."
    return f"<div role='status'>{cards._inline(text)}</div>"


def _plain_answers(options, low, high, unit) -> str:
    if options:
        answers = "\n".join(f"- {one}" for one in options)
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
