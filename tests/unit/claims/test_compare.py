"""Is this difference real? The intervals, the verdicts, the number of seeds, the picture, and what is refused."""

import math
import random

import numpy as np
import pytest

from course_utils.claims import compare as module
from course_utils.claims.compare import BOTH, REAL, SMALL, UNKNOWN, claim_within, difference, seeds_needed
from course_utils.claims.rule import decide
from course_utils.pictures.outputs import WIDGET_VIEW
from course_utils.runs import Run, RunTable


def runs(*percents, first=0, source="made up"):
    """Runs of seeds first, first + 1, ... that end at these accuracies."""
    return [
        Run(
            seed=first + n,
            source=source,
            status="finished",
            t=[1],
            lr=[0.1],
            momentum=[0.0],
            loss_log=[1.0],
            val=[(1, 1.0, p / 100)],
        )
        for n, p in enumerate(percents)
    ]


def test_equal_seeds_are_paired_and_give_the_rule_of_the_claims():
    first, second = runs(60, 64, 62), runs(61, 66, 62.5)
    d = difference(RunTable(first), reversed(second))  # whatever the order
    expected = decide([1.0, 2.0, 0.5], 0)
    assert d.paired and d.seeds == (3, 3)
    assert (d.mean, d.low, d.high) == pytest.approx((expected.mean, expected.low, expected.high))
    assert d.spread == pytest.approx(np.std([1, 2, 0.5], ddof=1))


def test_other_seeds_give_welchs_interval():
    # s²/n = 4/4 and 16/3 (variances 4 and 16): freedom = (1 + 16/3)² / (1/3 + (16/3)²/2) = 2.8, rounded down to 2
    first, second = runs(60, 60, 63, 63, first=5), runs(70, 74, 78)
    d = difference(first, second)
    parts = [3 / 4, 16 / 3]
    half = 2.920 * math.sqrt(sum(parts))
    assert not d.paired and d.seeds == (4, 3)
    assert d.mean == pytest.approx(74 - 61.5)
    assert (d.low, d.high) == pytest.approx((d.mean - half, d.mean + half))
    assert d.spread == pytest.approx(math.sqrt(3 + 16))


def test_welch_covers_as_promised():
    """Two sets without a difference: the interval misses zero in about 10 % of the experiments."""
    rng = random.Random(5)
    missed = 0
    for _ in range(2000):
        a, b = [rng.gauss(0, 1) for _ in range(4)], [rng.gauss(0, 3) for _ in range(6)]
        _, low, high, *_ = module._welch(a, b)
        missed += low > 0 or high < 0
    assert 0.07 < missed / 2000 < 0.13


@pytest.mark.parametrize(
    "second, margin, verdict",
    [
        ((65, 65.2, 65.1), None, REAL),
        ((65, 65.2, 65.1), 1.0, REAL),
        ((60.1, 59.9, 60.0), 1.0, SMALL),
        ((60.3, 60.31, 60.32), 1.0, BOTH),
        ((62, 59, 60), 1.0, UNKNOWN),
        ((62, 59, 60), None, UNKNOWN),
    ],
)
def test_verdicts(second, margin, verdict):
    d = difference(runs(60, 60, 60), runs(*second), names=("a", "b"), margin=margin)
    assert d.verdict == verdict
    assert f"b minus a: {d.mean:+.3g} points" in d.words and verdict[1:] in d.words
    assert ("seeds would be needed" in d.words) == (verdict == UNKNOWN) == (d.needed is not None)


def test_one_seed_shows_nothing():
    d = difference(runs(60), runs(80), names=("a", "b"), margin=1)
    assert d.verdict == UNKNOWN and d.mean == 20 and math.isnan(d.low) and d.needed is None
    assert "single run has no spread" in d.words and "1 seed," in d.words


def test_exactly_nothing_is_never_shown_without_a_margin():
    d = difference(runs(60, 61), runs(60, 61))
    assert d.verdict == UNKNOWN and d.needed is None and "no margin" in d.words
    assert difference(runs(60, 61), runs(60, 61), margin=0.1).verdict == SMALL


def test_what_is_an_attribute_or_a_function():
    first, second = runs(60, 61), runs(62, 63)
    assert difference(first, second, lambda run: 2.0 * run.seed).mean == 0
    assert difference(first, second, "best_accuracy").mean == pytest.approx(2)
    assert difference(first, second, "seed", unit="").mean == 0


def test_seeds_needed_gives_the_chance_it_promises():
    """If the true difference is the goal, the interval of so many seeds finds it in 80 % of the experiments."""
    n = seeds_needed(1.0, 0.8)
    rng = np.random.default_rng(1)
    found = np.mean([decide(list(rng.normal(0.8, 1, n)), 0).low > 0 for _ in range(3000)])
    assert 0.76 < found < 0.84
    n = seeds_needed(1.0, 0.8, chance=0.9)
    both = [decide(list(rng.normal(0, 1, n)), 0) for _ in range(3000)]
    assert 0.76 < np.mean([-0.8 <= one.low and one.high <= 0.8 for one in both]) < 0.86


def test_seeds_needed_at_its_ends():
    assert seeds_needed(0.0, 1.0) == 2
    assert seeds_needed(1.0, 0.0) is None and seeds_needed(1.0, 1e-3) is None
    assert seeds_needed(2.0, 1.0, sets=2) < seeds_needed(2.0, 1.0)  # more degrees of freedom
    assert seeds_needed(2.0, 1.0) < seeds_needed(4.0, 1.0) and seeds_needed(2.0, 1.0) > seeds_needed(2.0, 2.0)


def test_undecided_asks_for_more_seeds_than_there_are():
    rng = random.Random(2)
    for _ in range(300):
        n = rng.randint(2, 8)
        a, b = ([60 + rng.gauss(0, 1) for _ in range(n)] for _ in range(2))
        margin = rng.choice([None, rng.uniform(0.2, 2)])
        d = difference(runs(*a), runs(*b), margin=margin)
        assert d.needed is None or (d.verdict == UNKNOWN and d.needed > n)


@pytest.mark.parametrize(
    "values, margin, words",
    [
        ([0.1, -0.1, 0.0], 1.0, "holds (within ±1 points asked; 3 seeds)"),
        ([3.0, 3.1, 2.9], 1.0, "does not hold here"),
        ([-3.0, -3.1, -2.9], 1.0, "does not hold here"),
        ([2.0, -1.0, 0.0], 1.0, "cannot tell from these seeds"),
        ([0.0], 1.0, "cannot tell from these seeds (within ±1 points asked; 1 seed)"),
        ([math.inf, 0.0], 1.0, "cannot tell from these seeds"),
    ],
)
def test_claim_within(values, margin, words, capsys):
    claim_within("1-a: no difference", values, margin, unit="points", source="here")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"Claim 1-a: no difference: {words}")
    assert second.startswith("    measured: ") and "on here" in second


@pytest.mark.parametrize("margin, values", [(0, [1.0, 2.0]), (-1, [1.0]), (math.nan, [1.0]), (None, [1.0]), (1.0, [])])
def test_claim_within_refuses(margin, values):
    with pytest.raises(ValueError, match="1-a: x"):
        claim_within("1-a: x", values, margin)


def artists(d):
    return {line.get_gid(): line for axes in d.figure.axes for line in [*axes.lines, *axes.patches] if line.get_gid()}


def test_the_picture_shows_every_run_the_interval_zero_and_the_margin():
    d = difference(runs(60, 64, 62), runs(61, 66, 62.5), names=("a", "b"), margin=1.5)
    drawn = artists(d)
    assert sorted(drawn["runs 0"].get_ydata()) == [60, 62, 64] and sorted(drawn["runs 1"].get_ydata()) == [61, 62.5, 66]
    assert list(drawn["interval"].get_ydata()) == [d.low, d.high] and list(drawn["mean"].get_ydata()) == [d.mean]
    assert drawn["differences"].get_ydata() == pytest.approx([1, 2, 0.5])
    assert set(drawn["zero"].get_ydata()) == {0}
    box = drawn["margin"].get_extents().transformed(drawn["margin"].axes.transData.inverted())
    assert (box.y0, box.y1) == pytest.approx((-1.5, 1.5))
    left, right = d.figure.axes
    assert sum(line.get_gid() == "pair" for line in left.lines) == 3
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["a", "b"]
    assert left.get_ylabel() == "validation accuracy (%)" and right.get_ylabel() == "difference, points"
    low, high = right.get_ylim()
    assert low < min(d.low, -1.5) and high > max(d.high, 1.5)
    assert right.get_title(loc="left") == f"cannot tell: about {d.needed} seeds needed"


def test_unpaired_and_single_runs_are_drawn_without_what_they_lack():
    unpaired = artists(difference(runs(60, 61), runs(60, 62, first=7)))
    assert "pair" not in unpaired and "margin" not in unpaired and len(unpaired["differences"].get_ydata()) == 0
    single = artists(difference(runs(60), runs(62)))
    assert len(single["interval"].get_ydata()) == 0 and list(single["mean"].get_ydata()) == [2]


def test_it_shows_itself_with_words_that_nbval_masks():
    d = difference(runs(60, 64), runs(61, 66), names=("a", "b"))
    shown = d._repr_mimebundle_()
    assert set(shown) == {WIDGET_VIEW, "image/png", "text/plain"}
    assert shown["text/plain"] == f"Difference: b minus a\n    measured: {d.words}" and "\n" not in d.words
    assert "made up" in d.note and "not CIFAR-10" in difference(runs(1, 2, source="stand-in images"), runs(2, 3)).note


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(first=[]), "'first' holds no runs"),
        (dict(second=[]), "'second' holds no runs"),
        (dict(first=[1.0, 2.0]), "which is no Run"),
        (dict(first=runs(60) * 2), "seed 0 occurs twice"),
        (dict(first=[Run(seed=4)]), "seed 4 gives nan"),
        (dict(what="acuracy"), "what = 'acuracy'"),
        (dict(what=3), "what = 3"),
        (dict(margin=0), "margin must be a finite number > 0"),
        (dict(margin=-1.0), "margin"),
        (dict(margin=math.inf), "margin"),
        (dict(margin="1"), "margin"),
        (dict(names=("a", "a")), "names must be two different texts"),
        (dict(names=("a",)), "names"),
        (dict(names="ab"), "names"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValueError, match=words):
        difference(**{**dict(first=runs(60, 61), second=runs(62, 63)), **change})


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((-1, 1), "spread"),
        ((math.nan, 1), "spread"),
        ((1, -1), "goal"),
        ((1, None), "goal"),
    ],
)
def test_seeds_needed_refuses(arguments, words):
    with pytest.raises(ValueError, match=words):
        seeds_needed(*arguments)


def test_seeds_needed_refuses_other_chances_and_sets():
    for chance in (0.49, 1.0, "0.8"):
        with pytest.raises(ValueError, match=r"chance must be a finite number in \[0.5, 1\)"):
            seeds_needed(1, 1, chance=chance)
    with pytest.raises(ValueError, match="sets must be 1"):
        seeds_needed(1, 1, sets=3)
