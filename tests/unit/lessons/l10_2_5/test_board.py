"""The budget board and the bench of members, on made-up members whose worth is known."""

import itertools
from functools import lru_cache

import numpy as np
import pytest

from course_utils.lessons.l10_2_5.bench import NAMES, bench_explorer
from course_utils.lessons.l10_2_5.board import IMAGES, KINDS, budget_board, tiles
from course_utils.lessons.l10_2_5.plans import BUDGETS, NETS, Board, Plan
from course_utils.lessons.l10_2_5.predictions import Members
from course_utils.lessons.l10_2_5.record import GRID
from course_utils.pictures.live import CannotDraw, Scene


@lru_cache(maxsize=1)
def made_up_members() -> Members:
    """Members of every recorded kind, up to eight of each; the longer they were trained the better they are."""
    rng, facts, logits = np.random.RandomState(0), [], []
    labels = rng.randint(0, 10, 90)
    for data, width, epochs, cycles, seeds in GRID:
        for seed, k in itertools.product(range(min(seeds, 8)), range(cycles)):
            facts.append(dict(data=data, width=width, epochs=epochs, cycles=cycles, seed=seed, snapshot=k + 1))
            logits.append(rng.randn(90, 10) + (0.5 + 0.3 * np.log2(epochs)) * np.eye(10)[labels])
    logits = np.float32(logits)
    return Members(facts, logits[:, :40], logits[:, 40:], labels[:40], labels[40:], "made-up members")


@lru_cache(maxsize=1)
def board() -> Board:
    return Board(made_up_members())


def test_a_plan_has_a_price_and_words():
    assert [Plan("plain", 4, 16).budget, Plan("plain", 4, 64, cycles=4).budget, Plan("plain", 1, 16, 32).budget] == [
        64
    ] * 3
    assert str(Plan("plain", 1, 1)) == "1 net of 1 epoch" and str(Plan("plain", 4, 16)) == "4 nets of 16 epochs"
    assert str(Plan("plain", 2, 64, cycles=4)) == "the last 2 of 4 snapshots of one training of 64 epochs"
    assert str(Plan("plain", 1, 16, 32)) == "1 net, twice as wide, of 16 epochs"


def test_no_net_is_in_two_groups_and_snapshots_are_the_last_of_their_training():
    facts = made_up_members().facts
    for plan in (Plan("plain", 2, 16), Plan("augmented", 4, 8)):
        groups = board().groups(plan)
        numbers = [n for group in groups for n in group]
        assert len(set(numbers)) == len(numbers) == plan.nets * len(groups) > plan.nets
        assert all(facts[n]["epochs"] == plan.epochs and facts[n]["data"] == plan.data for n in numbers)
    for group in board().groups(Plan("plain", 2, 64, cycles=4)):
        assert [facts[n]["snapshot"] for n in group] == [3, 4] and len({facts[n]["seed"] for n in group}) == 1
    assert board().groups(Plan("plain", 8, 64, cycles=4)) == [] == board().groups(Plan("plain", 2, 5))
    assert board().result(Plan("plain", 2, 5)) is None


def test_a_result_is_the_mean_over_its_groups():
    result = board().result(Plan("plain", 4, 16))
    assert len(result.percents) == len(result.nlls) == 2
    assert result.percent == pytest.approx(np.mean(result.percents)) and result.nll == pytest.approx(
        np.mean(result.nlls)
    )
    assert result.nll < result.alone_nll and result.temperature == 1 and result.disagreement > 0
    assert board().result(Plan("plain", 4, 16), calibrated=True).temperature < 1  # made-up members are too careful
    assert board().result(Plan("plain", 1, 16)).disagreement == 0


def test_the_winner_is_chosen_on_validation_images():
    winner = board().winner("plain", 64)
    worths = {plan: board().result(plan) for plan in board().plans("plain", 64)}
    assert winner in worths and worths[winner].val_nll == min(worth.val_nll for worth in worths.values())
    assert {plan.kind for plan in worths} == {"nets", "snapshots", "wide"}


def test_the_board_at_every_control():
    picture, drawn = budget_board(made_up_members()), 0
    for data, kind, budget, nets in itertools.product(IMAGES, KINDS, BUDGETS, NETS):
        state = dict(data=data, kind=kind, budget=budget, nets=nets)
        picture.set(**state)
        if "Not drawn" in picture.view.status.value:
            continue
        scene, drawn = picture.scene, drawn + 1
        assert isinstance(scene, Scene) and len(scene.status.splitlines()) == 3
        for name in ("percent", "nll"):
            (x,), (y,) = scene.artists[f"here {name}"]
            low, high = scene.limits[name][2:]
            assert x == budget and low <= y <= high
    assert drawn > 30


def test_a_plan_that_was_not_recorded_is_refused_and_the_picture_stays():
    picture = budget_board(made_up_members())
    before = picture.view.png
    picture.set(kind="snapshots", budget=8)
    assert picture.view.png == before and "budget 64" in picture.view.status.value
    with pytest.raises(CannotDraw, match="budget 64"):
        picture.draw(picture.state)


@pytest.mark.parametrize("rule", ["probabilities", "logits", "votes"])
def test_every_rule_and_the_temperature_move_the_nll(rule):
    picture = budget_board(made_up_members())
    raw = picture.set(rule=rule).scene.artists["here nll"][1][0]
    cooled = picture.set(calibrated=True).scene
    assert cooled.artists["here nll"][1][0] != raw and "temperature" in cooled.status


def test_tiles_fill_the_budget_and_stars_stand_where_a_net_is_saved():
    nets = tiles(Plan("plain", 4, 16))
    assert [name for name in nets if name.startswith("tile")] == [f"tile {row}" for row in (1, 2, 3, 4)]
    assert nets["saved"][0] == [16, 32, 48, 64] and nets["tile 3"][0][0] == 32
    assert tiles(Plan("plain", 2, 64, cycles=4))["saved"][0] == [48, 64]
    wide = tiles(Plan("plain", 1, 16, 32))
    assert wide["saved"][0] == [64] and "4 ×" in wide["price"][2] and "tile 2" not in wide


def test_the_bench_at_every_member():
    picture = bench_explorer(made_up_members())
    alone = picture.scene.artists
    for name in NAMES:
        picture.set(**{other: other == name for other in NAMES})
        ((own,), (row,)), rest = picture.scene.artists["in"], picture.scene.artists["out"]
        assert row == NAMES.index(name) and len(rest[0]) == 7
        assert picture.scene.artists["yours"][1] == [own, own]  # a team of one is that one
    picture.set(**dict.fromkeys(NAMES, True))
    assert len(picture.scene.artists["in"][0]) == 8 and "ABCDEFGH" in picture.scene.status and alone
    picture.set(**dict.fromkeys(NAMES, False))
    assert "Nobody is ticked" in picture.view.status.value
