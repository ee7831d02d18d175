"""The recording behind lesson 10.1.5: its schedule, and what its runs share."""

from functools import partial

import pytest

from course_utils.lessons.l10_1_5.record import cooled
from course_utils.runs import recorded
from course_utils.schedules import inverse_sqrt


def test_cool_down_leaves_the_schedule_alone_and_then_goes_straight_to_zero():
    root = partial(inverse_sqrt, peak=1.0)
    rates = [cooled(t, schedule=root, T=100) for t in range(101)]
    assert rates[:81] == [root(t) for t in range(81)] and rates[100] == 0.0
    falls = [a - b for a, b in zip(rates[80:], rates[81:], strict=False)]
    assert falls == pytest.approx([root(80) / 20] * 20)
    assert cooled(150, schedule=root, T=100) == 0.0
    assert cooled(55, schedule=root, T=100, share=0.9) == pytest.approx(root(10) / 2)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(share=0), "share must"),
        (dict(share=1.0), "share must"),
        (dict(share=float("nan")), "share must"),
        (dict(T=0), "T must"),
        (dict(T=float("inf")), "T must"),
    ],
)
def test_cool_down_refuses_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        cooled(5, **{"schedule": inverse_sqrt, "T": 100, **wrong})


def test_both_warmups_share_their_tail():
    """Text runs differ in their first thirty rates only."""
    text = recorded("10.1.5").where(data="text", norm="post", c=0.025, seed=0)
    with_it, without = (text.where(warmup=w)[0] for w in (30, 1))
    later = [(a, b) for t, a, b in zip(with_it.t, with_it.lr, without.lr, strict=True) if t > 30]
    assert len(later) > 50 and all(a == pytest.approx(b, rel=1e-9) for a, b in later)
    assert with_it.lr[0] < 0.1 * without.lr[0]
