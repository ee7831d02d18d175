"""A plateau rule on noisy readings: theory against counting, limits that are known exactly, and the live picture."""

import math

import numpy as np
import pytest
import torch

from course_utils.lessons.l10_1_7.false_drops import (
    MOST,
    delay_on_plateau,
    false_drop_explorer,
    false_drop_probability,
    longest_waits,
    simulated,
)


def rule_drops(losses, patience):
    """What PyTorch's own rule does: True if it lowers the rate on these readings."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=patience, threshold=0.0)
    for loss in losses:
        rule.step(loss)
    return optimizer.param_groups[0]["lr"] < 1


def test_longest_wait_is_what_the_rule_waits_for():
    curves = np.random.default_rng(3).standard_normal((30, 25))
    waits = longest_waits(curves)
    for patience in (0, 2, 5, 9):
        assert [rule_drops(row, patience) for row in curves.tolist()] == (waits > patience).tolist()


@pytest.mark.parametrize(
    "losses, wait", [([3.0, 2.0, 1.0], 0), ([1.0, 1.0, 1.0], 2), ([1.0, 2.0, 0.5, 0.6], 1), ([5.0], 0)]
)
def test_waits_by_hand(losses, wait):
    assert longest_waits(np.array([losses])) == [wait]


@pytest.mark.parametrize("slope", [0.0, 0.005, 0.03, 0.1])
@pytest.mark.parametrize("readings", [8, 32])
def test_theory_agrees_with_counting(slope, readings):
    counted = simulated(0.1, slope, readings, runs=20_000, seed=5)
    theory = [false_drop_probability(0.1, slope, patience, readings) for patience in range(MOST + 1)]
    np.testing.assert_allclose(theory, counted, atol=0.02)


def test_without_a_slope_the_theory_is_exact():
    """Patience n - 2: the rule drops only if reading 1 stays the best of n, probability 1 / n."""
    for n in (3, 10, 40):
        assert false_drop_probability(1.0, 0.0, n - 2, n) == pytest.approx(1 / n, rel=1e-4)
    assert false_drop_probability(1.0, 0.0, 0, 3) == pytest.approx(1 - 1 / 6, rel=1e-4)  # all but two bests in a row


def test_only_the_ratio_of_slope_and_noise_matters_and_impossible_drops_have_probability_zero():
    assert false_drop_probability(0.2, 0.02, 4, 32) == pytest.approx(false_drop_probability(0.05, 0.005, 4, 32))
    assert false_drop_probability(0.1, 0.01, 8, 9) == 0.0
    assert false_drop_probability(0.1, 0.01, 40, 32) == 0.0


def test_false_drops_fall_with_patience_and_with_slope():
    by_patience = [false_drop_probability(0.13, 0.008, patience, 32) for patience in range(MOST + 1)]
    assert all(0 <= b <= a <= 1 for a, b in zip(by_patience, by_patience[1:], strict=False))
    by_slope = [false_drop_probability(0.13, slope, 8, 32) for slope in (0.0, 0.004, 0.01, 0.03)]
    assert by_slope == sorted(by_slope, reverse=True)


def test_delay_grows_by_at_least_a_reading_with_each_step_of_patience():
    delays = [delay_on_plateau(0.1, 0.01, patience) for patience in (0, 1, 2, 4, 8)]
    assert all(b - a >= q - p for a, b, p, q in zip(delays, delays[1:], (0, 1, 2, 4), (1, 2, 4, 8), strict=False))
    assert delay_on_plateau(0.1, 0.01, 3) >= 4
    steep = delay_on_plateau(1e-6, 1.0, 3)  # only the last falling reading can compete with the level ones
    assert steep == pytest.approx(delay_on_plateau(0.1, 0.0, 3, falling=1), rel=0.05)
    assert delay_on_plateau(0.1, 0.0, 3, falling=40) < steep  # among many level readings a new best is rare


BAD = [("noise", 0), ("noise", math.nan), ("slope", -0.1), ("patience", -1), ("patience", 2.5)]
BAD += [("patience", 201), ("readings", 0), ("readings", 10**6)]


@pytest.mark.parametrize("name, value", BAD)
def test_bad_input_is_refused_by_name(name, value):
    right = dict(noise=0.1, slope=0.01, patience=2, readings=32)
    with pytest.raises(ValueError, match=name):
        false_drop_probability(**{**right, name: value})


def test_losses_without_rows_are_refused():
    with pytest.raises(ValueError, match="shape"):
        longest_waits(np.array([1.0, 2.0]))


# ------------------------------------------------------------------------------------------------------- picture
@pytest.mark.parametrize("patience", [0, 5, 20])
@pytest.mark.parametrize("noise", [0.01, 0.5])
@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("readings", [8, 64])
def test_the_picture_draws_over_all_its_sliders(patience, noise, slope, readings):
    picture = false_drop_explorer().set(patience=patience, noise=noise, slope=slope, readings=readings, which=40)
    scene = picture.scene
    assert len(scene.artists["readings"][0]) == readings
    assert scene.artists["here"][1] == [false_drop_probability(noise, slope, patience, readings)]
    fell = "drop" in scene.artists
    assert fell == bool(longest_waits(np.array([scene.artists["readings"][1]]))[0] > patience)
    assert ("drops at reading" in scene.status) == fell
    left, right, bottom, top = scene.limits["loss"]
    assert bottom <= scene.artists["readings"][1].min() and scene.artists["readings"][1].max() <= top


def test_moving_there_and_back_restores_the_picture():
    picture = false_drop_explorer()
    first = picture.view.png
    assert picture.set(which=5).view.png != first
    assert picture.set(which=1).view.png == first
