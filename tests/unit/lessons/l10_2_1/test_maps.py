"""The pictures that fill while a search runs: every trial where it belongs, the lost ones crossed, the best framed."""

import numpy as np
import pytest

from course_utils.lessons.l10_2_1.maps import map_figure, watch_grid
from course_utils.pictures import style
from course_utils.runs import Run
from course_utils.search.space import grid, log_uniform
from course_utils.search.trials import Trials, search

SPACE = {"lr": [0.001, 0.01, 0.1], "weight_decay": [1e-4, 1e-2]}


def objective(settings, seed):
    if settings["weight_decay"] == 1e-2 and settings["lr"] == 0.1:
        raise RuntimeError("no")
    lost = settings["lr"] == 0.001 and settings["weight_decay"] == 1e-2
    return Run(
        seed=seed,
        status="diverged" if lost else "finished",
        diverged_at=2 if lost else None,
        val=[(1, 1.0, 0.4 + settings["lr"])],
    )


def test_the_map_fills_cell_by_cell():
    watch = watch_grid(SPACE)
    assert watch.status().startswith("None of 6 trials done") and np.isnan(watch.values).all()
    empty = watch.view.png
    search(grid(SPACE), objective, watch=watch)
    expected = [[40.1, 41.0, 50.0], [np.nan, 41.0, np.nan]]  # weight decay upwards, lr across
    np.testing.assert_allclose(watch.values, expected)
    assert watch.words[1, 0].get_text() == watch.words[1, 2].get_text() == "×"
    assert watch.words[0, 2].get_text() == "50.0"
    assert list(watch.frame.get_xdata())[:2] == [2, 3] and min(watch.frame.get_ydata()) == 0
    assert watch.status().startswith("6 of 6 trials done, 1 diverged, 1 failed.")
    assert "Best so far: 50.0 % at learning rate 0.1, weight decay 0.0001" in watch.status()
    assert watch.view.png != empty and watch.status().splitlines()[0] in watch.view.image.value
    assert 'alt="Grid search' in watch.view.image.value


def test_words_can_be_read_on_their_colour():
    watch = watch_grid(SPACE)
    search(grid(SPACE), objective, watch=watch)
    assert watch.words[0, 0].get_color() == "white" and watch.words[0, 2].get_color() != "white"
    assert watch.words[1, 2].get_color() == style.QUIET


def test_cells_are_found_to_nine_digits_and_others_refused():
    watch = watch_grid({"lr": [0.1, 0.3], "weight_decay": [0.0, 0.1]})
    assert watch.place(Run(config={"lr": 0.1 + 0.2, "weight_decay": 0.0})) == (0, 1)
    with pytest.raises(ValueError, match="lr = 0.5 is not on the grid"):
        watch(Run(config={"lr": 0.5, "weight_decay": 0.0}))
    with pytest.raises(ValueError, match="no 'weight_decay'"):
        watch(Run(config={"lr": 0.1}))
    assert watch.runs == []


def test_its_text_form_never_changes():
    watch = watch_grid(SPACE, title="A map", note="stand-in images")
    before = repr(watch)
    search(grid(SPACE), objective, watch=watch)
    assert repr(watch) == before == "Search: A map (live; the finished picture follows)"
    assert set(watch._repr_mimebundle_()) == {"application/vnd.jupyter.widget-view+json", "text/plain"}


def test_nothing_but_lost_trials_is_drawn_without_a_best():
    watch = watch_grid(SPACE)
    for rate in (0.1, 0.01):
        watch(Run(config={"lr": rate, "weight_decay": 1e-4}, status="failed"))
    watch.redraw()
    assert watch.best() is None and "2 failed" in watch.status() and "Best" not in watch.status()


def test_the_finished_map_has_the_same_numbers_upwards_and_means_of_seeds():
    trials = search(grid(SPACE), objective)
    more = Trials([*trials, Run(config={"lr": 0.1, "weight_decay": 1e-4}, status="finished", val=[(1, 1.0, 0.7)])])
    figure = map_figure(more, "lr", "weight_decay", title="t", note="n")
    axes = figure.axes[0]
    words = [text.get_text() for text in axes.texts]
    assert words == ["×", "41.0", "×", "40.1", "41.0", "60.0"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0.01", "0.0001"] and axes.yaxis_inverted()
    assert axes.get_xlabel() == "learning rate" and axes.get_ylabel() == "weight decay"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: watch_grid({"lr": [0.1, 1]}), "two axes"),
        (lambda: watch_grid({"lr": [0.1, 1], "b": [1], "c": [1]}), "two axes"),
        (lambda: watch_grid({"lr": [0.1, 1], "b": []}), "b has no values"),
        (lambda: watch_grid({"lr": [0.1, 1], "b": log_uniform(0.1, 1)}), "b: a grid needs levels"),
    ],
)
def test_bad_input_is_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
