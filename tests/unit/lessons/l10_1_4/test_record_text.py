"""The recording of the small BERT: its schedules, and the peak at which each does best."""

import pytest

from course_utils.lessons.l10_1_4.record_text import BEST, PEAKS, SHAPES
from course_utils.runs import recorded

UPDATES, WARMUP = 300, 30


@pytest.mark.parametrize("name", SHAPES)
def test_warm_up_is_part_of_the_updates(name):
    schedule = SHAPES[name](0.01, UPDATES, WARMUP)
    warmed = name.startswith("warm-up")
    assert schedule(0) == (0 if warmed else 0.01)
    if name != "linear":
        assert schedule(WARMUP // 2) == pytest.approx(0.005 if warmed else 0.01)
        assert schedule(WARMUP) == pytest.approx(0.01)
    assert schedule(UPDATES) == pytest.approx(0 if "linear" in name or "cosine" in name else 0.01, abs=1e-12)


@pytest.mark.parametrize("name", SHAPES)
def test_the_table_holds_seven_seeds_more_where_three_do_best(name):
    runs = {peak: recorded("10.1.4-text").where(schedule=name, lr=peak) for peak in PEAKS}
    mean = {peak: sum(run.val[-1][1] for run in runs[peak] if run.seed < 3) for peak in PEAKS}
    assert BEST[name] == min(PEAKS, key=mean.get)
    assert all(len(runs[peak]) == (10 if peak == BEST[name] else 3) for peak in PEAKS)
