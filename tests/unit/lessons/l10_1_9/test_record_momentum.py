"""The recording of OneCycle's momentum: its runs are different ones, and each momentum is what its name says."""

import pytest

from course_utils import schedules
from course_utils.authoring.recording import job_file
from course_utils.lessons.l10_1_9.record_momentum import M_MAX, M_MIN, MOMENTA, SHARE, jobs, run_one
from course_utils.runs import Run
from course_utils.training.recipes import SHAPES


def test_every_job_is_another_one_with_a_file_of_its_own(tmp_path):
    found = jobs()
    assert len({job_file(job, tmp_path) for job in found}) == len(found)
    assert all(job["schedule"] in SHAPES and job["momentum_kind"] in MOMENTA for job in found)
    for seed in range(8):  # every seed has its three rivals at the same peak (the cosine of seeds 0 to 2 is in 10.1.9)
        mine = {(j["schedule"], j["momentum_kind"]) for j in found if j["seed"] == seed and j["lr"] == 0.316228}
        assert mine >= {("one cycle", "cycled"), ("one cycle", "fixed 0.9")}
        assert seed < 3 or ("cosine", "fixed 0.9") in mine


@pytest.mark.parametrize("t", [0, 20, 30, 77, 100])
def test_momenta(t):
    cycled, turned = MOMENTA["cycled"](100)(t), MOMENTA["turned round"](100)(t)
    assert cycled == schedules.one_cycle_momentum(t, T=100)
    assert cycled + turned == pytest.approx(M_MIN + M_MAX) and M_MIN - 1e-12 <= turned <= M_MAX + 1e-12
    assert MOMENTA["fixed 0.9"](100)(t) == 0.9


def test_a_run_that_is_there_is_kept_and_a_foreign_one_is_not(tmp_path):
    job = jobs()[0]
    path = job_file(job, tmp_path)
    Run(config={**job, "share": SHARE, "scale": "desk"}, seed=job["seed"], val=[(1, 2.0, 0.5)]).save(path)
    assert run_one(job, tmp_path, None, None).final_accuracy == 0.5  # nothing is trained: there is no data
    Run(config={**job, "lr": 99.0, "scale": "desk"}, seed=job["seed"]).save(path)
    with pytest.raises(AttributeError):  # it would train now, and there is nothing to train on
        run_one(job, tmp_path, None, None)
