"""The stopping rule against a slow, obvious definition; what each argument refuses."""

import math
import random

import pytest

from course_utils.training.early_stopping import Stop, stopping


def obvious(scores, patience, min_delta):
    """The last `patience` validations hold no improvement: looked up for every prefix anew."""
    for end in range(1, len(scores) + 1):
        mark, counted = -math.inf, []
        for score in scores[:end]:
            counted.append(score > mark + min_delta)
            mark = score if counted[-1] else mark
        if end >= patience and not any(counted[-patience:]):
            return end - 1, True
    return len(scores) - 1, False


@pytest.mark.parametrize("seed", range(20))
def test_against_the_obvious_definition(seed):
    rng = random.Random(seed)
    scores = [round(rng.uniform(0, 1), 1) for _ in range(rng.randint(1, 30))]
    patience, min_delta = rng.randint(1, 5), rng.choice([0, 0.05, 0.15])
    stop = stopping(scores, patience, min_delta=min_delta)
    assert (stop.at, stop.early) == obvious(scores, patience, min_delta)
    assert stop.chosen == scores.index(max(scores[: stop.at + 1]))
    assert stopping([-s for s in scores], patience, min_delta=min_delta, better="lower") == stop


def test_by_hand():
    assert stopping([0.30, 0.41, 0.39, 0.40, 0.38], 3) == Stop(4, 1, True)
    assert stopping([0.30, 0.41, 0.39, 0.40, 0.38], 4) == Stop(4, 1, False)
    assert stopping([1, 2, 1, 3, 1, 1, 9], 2) == Stop(5, 3, True)
    assert stopping([1, 2, 1, 3, 1, 1, 9]) == Stop(6, 6, False)
    assert stopping([5, 5, 5], 2) == Stop(2, 0, True)  # equal is no improvement; the first of equals is kept


def test_min_delta_counts_from_the_last_improvement_and_not_from_the_score_before():
    creeping = [0.0, 0.6, 1.2, 1.8, 2.4]
    assert stopping(creeping, 2, min_delta=1) == Stop(4, 4, False)  # 0, 1.2 and 2.4 count
    assert stopping([0, 0.5, 0.9, 1.0], 3, min_delta=1) == Stop(3, 3, True)  # the best is kept all the same


def test_not_a_number_is_never_better():
    nan = math.nan
    assert stopping([nan, nan], 2) == Stop(1, None, True)
    assert stopping([nan, 1, nan, 2, nan, nan], 2) == Stop(5, 3, True)
    assert stopping([2.0, math.inf, nan], 2, better="lower") == Stop(2, 0, True)


@pytest.mark.parametrize(
    "wrong, name",
    [
        (dict(patience=0), "patience"),
        (dict(patience=2.5), "patience"),
        (dict(patience=True), "patience"),
        (dict(min_delta=-0.1), "min_delta"),
        (dict(min_delta=math.nan), "min_delta"),
        (dict(min_delta="1"), "min_delta"),
        (dict(better="max"), "better"),
    ],
)
def test_refusals(wrong, name):
    with pytest.raises(ValueError, match=f"^{name} "):
        stopping([1.0], **wrong)
    with pytest.raises(ValueError, match="no scores"):
        stopping([])
