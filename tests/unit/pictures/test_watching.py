"""The picture that grows while trainings run."""

from types import SimpleNamespace

import pytest

from course_utils.pictures.watching import watch_curves
from course_utils.runs import Run


def step_of(run, t, T=100, validated=True):
    return SimpleNamespace(run=run, t=t, T=T, validated=validated)


def test_it_keeps_the_runs_and_draws_their_median_and_band():
    watch = watch_curves(["a", "b"], T=100)
    empty = watch.view.png
    for seed, accuracy in enumerate((0.2, 0.4, 0.6)):
        run = Run(seed=seed, status="finished", val=[(50, 2.0, accuracy), (100, 1.0, accuracy + 0.1)])
        watch("a", step_of(run, 50))
        watch("a", step_of(run, 100))
    assert [r.seed for r in watch.runs["a"]] == [0, 1, 2] and watch.runs["b"] == []
    assert list(watch.lines["a"].get_ydata()) == pytest.approx([40, 50])
    assert watch.view.png != empty
    assert "a: 3 of 3 runs done" in watch.status() and "b" not in watch.status()


def test_its_text_form_is_the_same_on_every_machine_and_before_and_after():
    watch = watch_curves(["a"], T=10, title="Curves", note="stand-in images")
    before = repr(watch)
    watch("a", step_of(Run(val=[(10, 1.0, 0.5)]), 10, T=10))
    assert repr(watch) == before == "Training curves: Curves (live; the finished picture follows)"
    assert set(watch._repr_mimebundle_()) == {"application/vnd.jupyter.widget-view+json", "text/plain"}


@pytest.mark.parametrize(("names", "what"), [(["a"], "acc"), ([], "accuracy")])
def test_bad_arguments_are_named(names, what):
    with pytest.raises(ValueError, match="accuracy"):
        watch_curves(names, T=10, what=what)


def test_a_name_that_is_not_watched_is_refused():
    with pytest.raises(ValueError, match="'b' is not watched; the names are a"):
        watch_curves(["a"], T=10)("b", step_of(Run(), 1))
