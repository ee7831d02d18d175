"""A guess is made by the learner alone, kept, restored, and compared honestly."""

import pytest

from course_utils.exercises import guesses as module
from course_utils.exercises import progress
from course_utils.exercises.guesses import compare, predict, recall


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    progress._unsaved.update(exercises={}, guesses={})


def panel(name="10.1.1", options=None, low=None, high=None, unit="", step=None, log=False):
    return module._panel(name, "Where?", options, low, high, unit, step, log).children


def test_headless_keeps_nothing_and_says_so(capsys):
    predict("10.1.1", "Which one?", options=["a", "b"])
    recall("10.1.1", measured="b")
    out = capsys.readouterr().out
    assert "Nothing is guessed for you" in out and "You kept no guess this time." in out
    assert progress.guess("10.1.1") is None


def test_choice_is_kept_and_restored():
    _, chooser, keep, status = panel(options=["a", "b"])
    assert chooser.value is None and "No guess is kept" in status.value
    keep.click()
    assert progress.guess("10.1.1") is None and "Choose an answer first" in status.value
    chooser.value = "b"
    assert progress.guess("10.1.1") is None  # choosing is not yet keeping
    keep.click()
    assert progress.guess("10.1.1") == "b" and "kept: b" in status.value
    _, chooser, _, status = panel(options=["a", "b"])
    assert chooser.value == "b" and "kept: b" in status.value
    assert panel(options=["c", "d"])[1].value is None  # the question was changed since


@pytest.mark.parametrize("log", [False, True])
def test_number_is_kept_and_restored(log):
    _, chooser, keep, status = panel(low=1, high=100, unit="%", log=log)
    chooser.value = 10
    keep.click()
    assert progress.guess("10.1.1") == pytest.approx(10)
    _, chooser, _, status = panel(low=1, high=100, unit="%", log=log)
    assert chooser.value == pytest.approx(10) and "10 %" in status.value
    assert 20 <= panel(low=20, high=30)[1].value <= 30  # a kept guess outside a new range is not forced in


def test_two_questions_in_a_lesson():
    for name, value in (("10.1.1", 20), ("10.1.1.b", 30)):
        _, chooser, keep, _ = panel(name, low=0, high=100)
        chooser.value = value
        keep.click()
    assert (progress.guess("10.1.1"), progress.guess("10.1.1.b")) == (20, 30)


@pytest.mark.parametrize(
    "guess, measured, words",
    [
        (None, 70, "no guess"),
        (70.0, 70.5, "as good as exact"),
        (70.0, 60.0, "10 % too high"),
        (50.0, 60.0, "10 % too low"),
        (0.1, 0.01, "a factor 10 too high"),
        (1.0, 30.0, "a factor 30 too low"),
        (50.0, float("nan"), "no finite number"),
        ("a", "a", "agrees"),
        ("a", "b", "says otherwise"),
        (-1.0, 1.0, "2 % too low"),
    ],
)
def test_comparison(guess, measured, words):
    assert words in compare(guess, measured, "%")


def test_recall_shows_both(capsys):
    progress.keep_guess("10.1.3", 50.0)
    recall("10.1.3", measured=61.234, unit="%", note="Three seeds.")
    assert capsys.readouterr().out == ("You guessed 50 %: 11.23 % too low.\n    measured: 61.23 %\nThree seeds.\n")


@pytest.mark.parametrize(
    "kwargs, words",
    [
        (dict(), "needs either options"),
        (dict(options=["a", "b"], low=0, high=1), "needs either options"),
        (dict(options=["a"]), "at least two"),
        (dict(low=1, high=1), "low must be below high"),
        (dict(low=1), "low must be below high"),
        (dict(low=0, high=1, log=True), "low > 0"),
    ],
)
def test_refused_by_name(kwargs, words):
    with pytest.raises(ValueError, match=words):
        predict("10.1.1", "?", **kwargs)


def test_only_widgets_that_colab_has():
    """ipywidgets 7 API: nothing but these classes, and no Output widget."""
    kinds = dict(options=["a", "b"]), dict(low=0, high=1), dict(low=1, high=9, log=True)
    used = {type(one).__name__ for kind in kinds for one in panel(**kind)}
    assert used == {"HTML", "RadioButtons", "Button", "FloatSlider", "FloatLogSlider"}
