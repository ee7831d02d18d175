"""The race of one after the other against together."""

from course_utils.lessons.l10_2_1 import race
from course_utils.training.models import mlp
from tests.made_up import tiny_data


def test_a_race_gives_two_times():
    times = race(lambda: mlp((8,)), 3, tiny_data(), batch_size=16, updates=1)
    assert len(times) == 2 and all(0 < seconds < 60 for seconds in times)
