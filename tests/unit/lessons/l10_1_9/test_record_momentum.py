"""The recording of OneCycle's momentum: its rivals, and that each momentum is what its name says."""

import pytest

from course_utils import schedules
from course_utils.lessons.l10_1_9.record_momentum import M_MAX, M_MIN, MOMENTA, jobs
from course_utils.training.recipes import SHAPES


def test_every_seed_has_its_rivals():
    assert all(job["schedule"] in SHAPES and job["momentum_kind"] in MOMENTA for job in jobs())
    for seed in range(8):  # every seed has its three rivals at the same peak (the cosine of seeds 0 to 2 is in 10.1.9)
        mine = {(j["schedule"], j["momentum_kind"]) for j in jobs() if j["seed"] == seed and j["lr"] == 0.316228}
        assert mine >= {("one cycle", "cycled"), ("one cycle", "fixed 0.9")}
        assert seed < 3 or ("cosine", "fixed 0.9") in mine


@pytest.mark.parametrize("t", [0, 20, 30, 77, 100])
def test_momenta(t):
    cycled, turned = MOMENTA["cycled"](100)(t), MOMENTA["turned round"](100)(t)
    assert cycled == schedules.one_cycle_momentum(t, T=100)
    assert cycled + turned == pytest.approx(M_MIN + M_MAX) and M_MIN - 1e-12 <= turned <= M_MAX + 1e-12
    assert MOMENTA["fixed 0.9"](100)(t) == 0.9
