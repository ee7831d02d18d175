"""The stopping rule against a slow, obvious definition; wrong labels; what each argument refuses."""

import math
import random

import pytest

from course_utils.data.standin import stand_in
from course_utils.lessons.l10_1_8.label_noise import with_wrong_labels
from course_utils.training.early_stopping import Stop, smooth, stopping


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


def test_smoothing_looks_back_only():
    assert smooth([3, 5, 1, 3], 1) == [3, 5, 1, 3] and smooth([3, 5, 1, 3], 2) == [3, 4, 3, 2]
    assert smooth([3.0, 5.0, 1.0], 9) == [3, 4, 3]
    for window in (0, 1.5, True):
        with pytest.raises(ValueError, match="window must"):
            smooth([1], window)


# ------------------------------------------------------------------------------------------------- wrong labels
def test_wrong_labels_are_wrong_counted_and_seeded():
    data = stand_in(train=200, val=20, test=10)
    before = data.train.labels.clone()
    noisy = with_wrong_labels(data, 0.4, seed=3)
    changed = noisy.train.labels != before
    assert int(changed.sum()) == 80 and data.train.labels.equal(before) and noisy.val is data.val
    assert noisy.train.inputs is data.train.inputs and 0 <= noisy.train.labels.min() <= noisy.train.labels.max() <= 9
    assert with_wrong_labels(data, 0.4, seed=3).train.labels.equal(noisy.train.labels)
    assert not with_wrong_labels(data, 0.4, seed=4).train.labels.equal(noisy.train.labels)
    assert with_wrong_labels(data, 0).train.labels.equal(before)
    assert len(set(with_wrong_labels(data, 1).train.labels.sub(before).remainder(10).tolist())) == 9
    for share in (-0.1, 1.1, "half", True, math.nan):
        with pytest.raises(ValueError, match="share = "):
            with_wrong_labels(data, share)
