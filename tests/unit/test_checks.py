"""The questions asked of most arguments: what is let through, and what the message says."""

import math
import random

import numpy as np
import pytest
import torch

from course_utils.checks import check_positive, check_whole, check_within, is_number
from course_utils.random_states import random_states_kept


def test_whole_numbers_pass_as_int():
    assert check_whole("n", 3, 1, 3) == 3 and type(check_whole("n", np.int64(7), 1)) is int


@pytest.mark.parametrize("wrong", [0, 4, 1.0, True, "2", None, math.nan])
def test_all_others_are_refused_with_name_range_and_value(wrong):
    with pytest.raises(ValueError, match=r"^n must be a whole number of images in \[1, 3\], got .*Take 2\.$") as told:
        check_whole("n", wrong, 1, 3, of="images", hint="Take 2.")
    assert repr(wrong) in str(told.value)


def test_without_an_upper_end():
    assert check_whole("n", 10**12, 1) == 10**12
    with pytest.raises(ValueError, match="n must be a whole number >= 1, got 0.$"):
        check_whole("n", 0, 1)


@pytest.mark.parametrize("wrong", [0, -1.0, math.inf, math.nan, True, "1"])
def test_positive_numbers(wrong):
    assert check_positive("lr", 2) == 2.0
    with pytest.raises(ValueError, match="lr must be a finite number > 0"):
        check_positive("lr", wrong)


@pytest.mark.parametrize(
    "ends, inside, outside",
    [
        ("[]", [0, 0.5, 1, np.float32(0.25)], [-0.01, 1.01]),
        ("[)", [0, 0.99], [1, -1]),
        ("(]", [0.01, 1], [0, 2]),
        ("()", [0.01, 0.99], [0, 1]),
    ],
)
def test_numbers_between_two_others(ends, inside, outside):
    for value in inside:
        assert check_within("share", value, 0, 1, ends=ends) == float(value)
    allowed = f"{ends[0]}0, 1{ends[1]}".replace("(", r"\(").replace(")", r"\)").replace("[", r"\[")
    for value in [*outside, True, math.nan, math.inf, "0.5", None, 1j]:
        with pytest.raises(ValueError, match=f"^share must be a finite number in {allowed}, got .*Or 2\\.$"):
            check_within("share", value, 0, 1, ends=ends, hint="Or 2.")
    with pytest.raises(ValueError, match="share must be a finite number >= 0, got inf"):
        check_within("share", math.inf, 0)


def test_what_a_number_is():
    assert all(map(is_number, (0, -1.5, np.float64(2), np.int8(3))))
    assert not any(map(is_number, (True, math.nan, math.inf, "1", None, 1j, [1])))


def draws():
    return random.random(), np.random.random(), float(torch.rand(()))


@pytest.mark.parametrize("fails", [False, True])
def test_random_numbers_go_on_as_if_nothing_had_been_drawn(fails):
    with random_states_kept(3):
        expected = draws()
    with random_states_kept(3):
        try:
            with random_states_kept(4):
                assert draws() != expected
                if fails:
                    raise KeyError
        except KeyError:
            pass
        assert draws() == expected
