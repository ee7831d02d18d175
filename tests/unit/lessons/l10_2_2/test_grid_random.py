"""Figure 10.12 as a live picture: exact chances against counted ones, and the picture over its sliders."""

import itertools

import numpy as np
import pytest

from course_utils.lessons.l10_2_2 import grid_random
from course_utils.lessons.l10_2_2.chances import grid_hit_chance, hit_chance
from course_utils.lessons.l10_2_2.grid_random import bell, grid_random_explorer, share_of_peak, value


def test_the_bell_is_half_as_high_at_the_edge_of_the_peak():
    assert bell(0.4, 0.4, 0.2) == 1
    np.testing.assert_allclose(bell([0.3, 0.5], 0.4, 0.2), 0.5)


def test_a_second_axis_without_weight_has_no_effect():
    values = value(0.5, np.linspace(0, 1, 7), peak=0.4, width=0.3, matters=0.0)
    assert np.ptp(values) == 0
    assert value(0.4, grid_random.TOP_OF_BROAD, peak=0.4, width=0.3, matters=0.7) == pytest.approx(1)


def test_the_share_of_the_peak_ends_at_the_border():
    assert share_of_peak(0.5, 0.2) == pytest.approx(0.2)
    assert share_of_peak(0.0, 0.2) == pytest.approx(0.1)
    assert share_of_peak(1.0, 0.6) == pytest.approx(0.3)


def test_the_numbers_of_figure_10_12():
    assert grid_hit_chance(0.1, 3) == pytest.approx(0.3)
    assert hit_chance(0.1, 9) == pytest.approx(1 - 0.9**9)
    assert grid_hit_chance(0.5, 3) == 1 and hit_chance(0.0, 9) == 0 and hit_chance(1.0, 1) == 1


@pytest.mark.parametrize("side, width, peak", list(itertools.product([2, 3, 5, 8], [0.04, 0.12, 0.4], [0, 0.3, 0.66])))
def test_counted_chances_agree_with_the_exact_ones(side, width, peak):
    rates = grid_random.races(side, peak, width, 0.1)
    share = share_of_peak(peak, width)
    for kind, exact in (("grid", grid_hit_chance(share, side)), ("random", hit_chance(share, side**2))):
        noise = (exact * (1 - exact) / grid_random.RACES) ** 0.5
        assert rates[kind] == pytest.approx(exact, abs=4 * noise + 2e-3), kind


def test_a_fast_grid_is_the_same_as_all_its_points():
    rates = grid_random.races(3, 0.3, 0.2, 0.5)
    wins = []
    for draw in range(1, 201):
        best = [
            value(*grid_random.trials(kind, 3, draw).T, peak=0.3, width=0.2, matters=0.5).max()
            for kind in grid_random.KINDS
        ]
        wins.append((best[1] > best[0] + 1e-12) + (abs(best[1] - best[0]) <= 1e-12) / 2)
    assert rates["random wins"] == pytest.approx(np.mean(wins), abs=0.15)


def test_a_sharp_peak_is_for_random_search_a_wide_one_for_nobody():
    assert grid_random.races(3, 0.66, 0.1, 0.05)["random wins"] > 0.6
    assert grid_random.races(3, 0.66, 0.6, 1.0)["random wins"] < 0.5


@pytest.mark.parametrize("side, draw", list(itertools.product(grid_random.SIDES, [1, 2, 60])))
def test_n_trials_have_n_distinct_values_or_the_root_of_n(side, draw):
    distinct = {
        kind: len(np.unique(np.round(grid_random.trials(kind, side, draw)[:, 0], 12))) for kind in grid_random.KINDS
    }
    assert distinct == {"grid": side, "random": side**2}
    assert len(grid_random.trials("grid", side, draw)) == side**2


def test_the_first_grid_is_the_textbook_one():
    np.testing.assert_allclose(sorted(set(grid_random.trials("grid", 3, 1)[:, 0])), [1 / 6, 3 / 6, 5 / 6])


SLIDERS = dict(width=[0.02, 0.12, 0.6], peak=[0.0, 0.66, 1.0], matters=[0.0, 0.5, 1.0], side=[2, 3, 8], draw=[1, 60])


def test_the_picture_over_its_sliders():
    picture = grid_random_explorer()
    for values in itertools.product(*SLIDERS.values()):
        state = picture.state
        vars(state).update(zip(SLIDERS, values, strict=True))
        scene = grid_random.draw(state)
        n = state.side**2
        for kind in grid_random.KINDS:
            inside, outside = scene.artists[f"{kind} inside"], scene.artists[f"{kind} outside"]
            assert len(inside[0]) + len(outside[0]) == n
            assert all(abs(x - state.peak) <= state.width / 2 for x in inside[0])
            assert len(scene.artists[f"{kind} stems"]) == (n if kind == "random" else state.side)
            best = value(
                *(numbers[0] for numbers in scene.artists[f"{kind} best"]),
                peak=state.peak,
                width=state.width,
                matters=state.matters,
            )
            every = value(
                *np.concatenate([inside, outside], axis=1), peak=state.peak, width=state.width, matters=state.matters
            )
            assert best == every.max() and f"{kind} {best:.2f}" in scene.status
        assert f"grid {state.side}, random {n}" in scene.status and "nan" not in scene.status


def test_no_move_draws_everything_anew_and_every_slider_changes_the_picture():
    picture = grid_random_explorer()
    start = picture.view.png
    for change in (dict(width=0.3), dict(peak=0.2), dict(matters=0.5), dict(side=5), dict(draw=2)):
        assert picture.reset().view.png == start
        assert picture.set(**change).view.png != start, change
    assert picture.canvas.full_draws == 1


REFUSALS = [
    (dict(width=0.0), "width must be a finite"), (dict(peak=1.5), "peak must be a finite"),
    (dict(matters=-1), "matters"),
    (dict(side=1), "side must be one of"), (dict(side=True), "side"), (dict(width="wide"), "width"),
    (dict(peak=float("nan")), "peak"),
]  # fmt: skip


@pytest.mark.parametrize("change, words", REFUSALS)
def test_refusals(change, words):
    with pytest.raises(ValueError, match=words):
        grid_random_explorer(**change)


OUT_OF_RANGE = [
    (lambda: bell(0.1, 0.5, 0), "width"),
    (lambda: value(0, 0, peak=0, width=0.1, matters=2), "matters"),
]  # fmt: skip


@pytest.mark.parametrize("call, words", OUT_OF_RANGE)
def test_numbers_out_of_range_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
