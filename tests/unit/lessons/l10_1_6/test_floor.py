"""The noisy bowl: its floor, its exact means, its simulation and its picture agree with each other."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from course_utils.lessons.l10_1_6 import floor as bowl


@pytest.mark.parametrize(
    ("lr", "curvature", "noise", "momentum"),
    [(0.1, 1.0, 1.0, 0.0), (1.5, 1.2, 0.3, 0.0), (0.3, 0.5, 2.0, 0.9), (3.0, 1.0, 1.0, 0.6)],
)
def test_the_exact_means_come_to_rest_at_the_floor(lr, curvature, noise, momentum):
    losses = bowl.expected_losses(np.full(6000, lr), curvature, noise, momentum)
    assert losses[0] == curvature / 2 * bowl.START**2
    assert losses[-1] == pytest.approx(bowl.noise_floor(lr, curvature, noise, momentum), rel=1e-9)


def test_the_floor_by_hand():
    assert bowl.noise_floor(0.1) == pytest.approx(0.1 / (2 * 1.9))
    assert bowl.noise_floor(0.1, curvature=4, noise=3) == pytest.approx(0.9 / (2 * 1.6))
    assert bowl.noise_floor(0.01, momentum=0.9) / bowl.noise_floor(0.01) == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_simulated_descents_have_the_exact_mean(momentum):
    T, copies = 120, 20_000
    rates = 0.2 * (1 - np.arange(T) / T)
    pushes = 0.7 * np.random.default_rng(1).standard_normal((T, copies))
    losses = bowl.simulate(rates, pushes, 1.3, momentum)
    error = losses.std(axis=1) / math.sqrt(copies)
    away = np.abs(losses.mean(axis=1) - bowl.expected_losses(rates, 1.3, 0.7, momentum))
    assert losses.shape == (T + 1, copies) and (away <= 5 * error + 1e-12).all()


def test_without_noise_it_is_plain_descent():
    losses = bowl.simulate([0.5, 0.25], np.zeros((2, 1)), curvature=1.0, start=2.0)
    np.testing.assert_allclose(losses[:, 0], [2.0, 0.5, 0.5 * 0.75**2])
    np.testing.assert_allclose(bowl.expected_losses([0.5, 0.25], noise=0.0, start=2.0), losses[:, 0])


def test_several_schedules_side_by_side():
    rates = np.array([[0.1, 0.2], [0.1, 0.1]])
    both = bowl.expected_losses(rates)
    np.testing.assert_allclose(both[:, 0], bowl.expected_losses(rates[:, 0]))
    np.testing.assert_allclose(both[:, 1], bowl.expected_losses(rates[:, 1]))


CALLS = [
    lambda: bowl.noise_floor(0.0),
    lambda: bowl.noise_floor(2.0),
    lambda: bowl.noise_floor(math.nan),
    lambda: bowl.noise_floor(0.1, curvature=0),
    lambda: bowl.noise_floor(0.1, noise=-1),
    lambda: bowl.noise_floor(0.1, momentum=1.0),
    lambda: bowl.expected_losses([]),
    lambda: bowl.expected_losses(0.1),
    lambda: bowl.expected_losses([0.1, -0.1]),
    lambda: bowl.expected_losses([0.1, math.inf]),
    lambda: bowl.expected_losses([0.1], curvature=math.nan),
    lambda: bowl.simulate([0.1, 0.1], np.zeros((3, 5))),
    lambda: bowl.simulate([0.1], np.zeros(1)),
    lambda: bowl.simulate([0.1], np.zeros((1, 5)), momentum=-0.1),
]


@pytest.mark.parametrize("call", CALLS)
def test_bad_input_is_refused_by_name(call):
    with pytest.raises(ValueError, match="lr|curvature|noise|momentum|rates|pushes"):
        call()


def test_the_edge_is_named_with_its_number():
    with pytest.raises(ValueError, match=r"\(0, 3.8\), got 4"):
        bowl.noise_floor(4, momentum=0.9)


# ------------------------------------------------------------------------------------------------------- picture
def test_the_picture_draws_and_speaks_over_the_whole_grid():
    for lr, momentum, noise in itertools.product([1e-3, 0.03, 0.5, 1.9], [0.0, 0.5, 0.95], [0.1, 2.0]):
        scene = bowl.draw(SimpleNamespace(lr=lr, momentum=momentum, noise=noise))
        assert all(np.isfinite(np.asarray(numbers, float)).all() for numbers in scene.artists.values())
        assert f"{bowl.noise_floor(lr, 1.0, noise, momentum):.2g}." in scene.status


def test_the_picture_says_what_is_simulated_and_what_is_a_formula():
    scene = bowl.draw(SimpleNamespace(lr=0.1, momentum=0.0, noise=1.0))
    t, mean = scene.artists["constant"]
    assert len(t) == bowl.UPDATES + 1 and mean[-100:].mean() == pytest.approx(bowl.noise_floor(0.1), rel=0.1)
    assert scene.artists["floor"][1] == [bowl.noise_floor(0.1)] * 2
    assert "at rest" in scene.status
    slow = bowl.draw(SimpleNamespace(lr=0.002, momentum=0.0, noise=1.0))
    assert "still on its way down" in slow.status


def test_the_right_half_is_the_exact_end_of_the_left_half():
    state = SimpleNamespace(lr=float(bowl.RATES[40]), momentum=0.5, noise=0.7)
    scene = bowl.draw(state)
    exact = bowl.expected_losses(state.lr * bowl.SHAPES, 1.0, 0.7, 0.5)[-1]
    for n, name in enumerate(("constant", "cosine")):
        assert scene.artists[f"{name} here"][1][0] == pytest.approx(exact[n])
        assert scene.artists[f"{name} ends"][1][40] == pytest.approx(exact[n])


def test_sliders_move_it_and_reset_brings_it_back():
    picture = bowl.noise_floor_explorer()
    first = picture.view.png
    picture.set(momentum=0.9)
    assert picture.view.png != first
    assert picture.reset().view.png == first
