"""The recording behind Figure 10.2: every update of one long run, and three drops that can be seen."""

from statistics import fmean

import pytest

from course_utils.lessons.l10_1_2.record_long import SHARES, jobs
from course_utils.pictures.run_curves import lr_drops
from course_utils.runs import recorded


def test_the_figure_has_every_update_and_three_drops():
    (run,), (job,) = recorded("10.1.2-long"), jobs()
    assert len(run.t) == job["updates"] and run.config["factor"] == job["factor"]
    drops = lr_drops(run.lr)
    assert drops == [round(share * job["updates"]) for share in SHARES]
    epoch = 156
    for drop in drops:
        before, after = fmean(run.loss[drop - epoch : drop]), fmean(run.loss[drop : drop + epoch])
        assert after < before - 0.02
        assert run.lr[drop] == pytest.approx(job["factor"] * run.lr[drop - 1])
