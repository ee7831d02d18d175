"""The gate: nothing opens early, nothing is forged, nothing is paid twice; the recorded table is what it says."""

import pytest

from course_utils.lessons.l10_2_3.lab import STEPS, Lab, Locked
from course_utils.lessons.l10_2_3.record import EPOCHS, SETTINGS, SWEEP, TWICE, jobs, settings


def do(lab, k, pay=10, met=True):
    with lab.step(k) as step:
        step.pay(pay)
        step.note(number=1.5, k=k)
        step.require("it works", met)


@pytest.fixture
def lab():
    lab = Lab(budget=100)
    for k in (1, 2, 3):
        do(lab, k)
    return lab


def test_steps_open_in_their_order(lab):
    assert lab.left == 70 and len(STEPS) == 7
    with pytest.raises(Locked, match="step 6 is shut: there is no record of step 4, coarse random search"):
        lab.step(6)
    do(lab, 4)
    assert [record["step"] for record in lab.records] == [1, 2, 3, 4]


def test_a_step_that_failed_keeps_the_next_shut(lab, capsys):
    do(lab, 4, met=False)
    assert "NOT PASSED: it works" in capsys.readouterr().out
    with pytest.raises(Locked, match="step 4 failed: it works"):
        lab.step(5)
    do(lab, 4)
    do(lab, 5)
    assert lab.left == 40, "a step that is done again is paid again"


@pytest.mark.parametrize(
    "forge",
    [
        lambda records: records[0]["facts"].update(number=2.0),
        lambda records: records[1].update(spent=0),
        lambda records: records[1].update(seal="00000000"),
        lambda records: records.reverse(),
        lambda records: records.pop(0),
    ],
)
def test_a_forged_record_shuts_the_gate(lab, forge):
    forge(lab.records)
    with pytest.raises(Locked):
        lab.step(4)


def test_going_back_forgets_what_came_after(lab):
    do(lab, 2)
    assert [record["step"] for record in lab.records] == [1, 2] and lab.left == 60
    with pytest.raises(Locked, match="no record of step 3"):
        lab.step(4)


def test_the_budget_holds(lab):
    with pytest.raises(Locked, match="71 updates are asked, 70 are left"):
        do(lab, 4, pay=71)
    assert lab.left == 70
    with pytest.raises(ZeroDivisionError), lab.step(4) as step:
        step.pay(30)
        _ = 1 / 0
    assert lab.left == 40 and len(lab.records) == 3, "what was trained is paid"
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="updates"):
            do(lab, 4, pay=wrong)


@pytest.mark.parametrize("k", [0, 8, 1.5, "1"])
def test_there_are_seven_steps(k):
    with pytest.raises((ValueError, TypeError)):
        Lab(10).step(k)


def test_the_jobs_of_the_table():
    pool = [setting for setting in settings() if setting["part"] == "pool"]
    assert len(pool) == SETTINGS and len({setting["lr"] for setting in pool}) > SETTINGS - 3
    for setting in pool:
        assert 1e-4 <= setting["lr"] <= 1e-1 and 1e-6 <= setting["weight_decay"] <= 1e-3
        assert 0 <= setting["dropout"] <= 0.6 and setting["batch_size"] in (32, 64, 128)
    assert len(jobs()) == (SETTINGS + len(SWEEP)) * len(EPOCHS) + TWICE
    assert len({tuple(job.values()) for job in jobs()}) == len(jobs())
