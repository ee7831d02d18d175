"""The picture of how often n seeds say the right thing: its rule is that of the claims, at every slider."""

import itertools

import numpy as np
import pytest

from course_utils.claims.rule import decide
from course_utils.lessons.l10_1_4.seeds import COLORS, OPEN, RIGHT, WRONG, judged, seeds_explorer, simulate


def test_the_simulation_gives_the_interval_of_the_claims():
    mean, half = simulate(experiments=20, seeds=6)
    draws = np.random.default_rng(10).standard_normal((20, 6))
    for n in range(2, 7):
        for row in (0, 7, 19):
            expected = decide(list(draws[row, :n]), 0)
            assert mean[row, n - 1] == pytest.approx(expected.mean)
            assert mean[row, n - 1] + half[row, n - 1] == pytest.approx(expected.high)
    assert np.isinf(half[:, 0]).all()


def test_it_is_the_same_every_time():
    for first, second in zip(simulate(), simulate(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("true", [-1.0, 0.0, 1.0])
def test_every_experiment_has_exactly_one_verdict(true):
    mean, half = simulate(experiments=200)
    kinds = judged(true, true + mean, half)
    np.testing.assert_array_equal(sum(kind.astype(int) for kind in kinds.values()), 1)


def test_the_rule():
    mean, half = np.array([[2.0, 2.0, -2.0, 2.0]]), np.array([[1.0, 3.0, 1.0, np.inf]])
    for true, verdicts in ((1.0, [RIGHT, OPEN, WRONG, RIGHT]), (0.0, [WRONG, RIGHT, WRONG, WRONG])):
        kinds = judged(true, mean, half)
        assert [next(name for name, kind in kinds.items() if kind[0, n]) for n in range(4)] == verdicts


@pytest.mark.parametrize("true, noise, seeds", list(itertools.product([0.0, 0.5, 5.0], [0.1, 3.0], [1, 2, 30])))
def test_the_picture_over_its_sliders(true, noise, seeds):
    picture = seeds_explorer().set(true=true, noise=noise, seeds=seeds)
    drawn = picture.artists
    dots = {name: drawn[f"dots {name}"].get_xdata() for name in COLORS}
    assert sorted(np.concatenate(list(dots.values()))) == list(range(50))
    bars = sum(len(drawn[f"bars {name}"].get_segments()) for name in COLORS)
    assert bars == (0 if seeds == 1 else 50)
    np.testing.assert_allclose(sum(drawn[name].get_ydata() for name in COLORS), 100)
    assert set(drawn["truth"].get_ydata()) == {true}
    assert picture.scene.status.startswith(f"{seeds} seed") and "nan" not in picture.scene.status


def test_more_seeds_find_more():
    right = seeds_explorer(true=1.0, noise=1.0).artists[RIGHT].get_ydata()
    assert right[28] > 95 and right[1] < 60  # 30 seeds; 3 seeds
    false = seeds_explorer(true=0.0).artists[WRONG].get_ydata()
    assert 7 < false.min() and false.max() < 13  # a 90 % interval is wrong in one of ten experiments


def test_there_and_back_gives_the_same_picture():
    picture = seeds_explorer()
    before = picture.view.png
    assert picture.set(seeds=7).view.png != before
    assert picture.set(seeds=3).view.png == before


REFUSED = [
    (dict(true=-1), "true must be a finite number in"),
    (dict(true=6), "true"),
    (dict(noise=0), "noise must be a finite number in"),
    (dict(noise=float("nan")), "noise"),
    (dict(seeds=0), "seeds must be a finite number in"),
    (dict(seeds="3"), "seeds"),
    (dict(true=True), "true"),
]


@pytest.mark.parametrize("change, words", REFUSED)
def test_refusals(change, words):
    with pytest.raises(ValueError, match=words):
        seeds_explorer(**change)


@pytest.mark.parametrize("change, words", [(dict(experiments=0), "experiments"), (dict(seeds=1), "seeds must be")])
def test_the_simulation_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        simulate(**change)
