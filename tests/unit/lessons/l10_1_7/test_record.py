"""The recording of lesson 10.1.7: what is in the table, and that a run is steered by PyTorch's rule."""

from course_utils.lessons.l10_1_7 import record
from course_utils.lessons.l10_1_7.record import EVERY, NEVER, PATIENCES, PEAK, SEEDS
from course_utils.runs import recorded
from tests.made_up import tiny_data


def test_the_table_is_whole():
    table = recorded("10.1.7")
    assert {(run.config["patience"], run.seed) for run in table} == {(p, seed) for p in PATIENCES for seed in SEEDS}
    assert all(run.status == "finished" and "stand-in" not in run.source for run in table)
    assert all([t for t, _, _ in run.val] == list(range(EVERY, 1249, EVERY)) for run in table)


def test_the_drops_are_those_of_the_rule():
    for run in recorded("10.1.7"):
        best, bad, drops = float("inf"), 0, []
        for t, loss, _ in run.val:
            best, bad = (loss, 0) if loss < best * (1 - 1e-4) else (best, bad + 1)
            if bad > run.config["patience"] and run.config["patience"] != NEVER:
                drops, bad = [*drops, t], 0
        assert drops[: len(run.config["drops"])] == run.config["drops"]
        ignored = drops[len(run.config["drops"]) :]  # changes below 1e-8 are not made
        assert not ignored or PEAK * 0.1 ** (len(run.config["drops"]) + 1) < 1.2e-8


def test_a_short_run(monkeypatch):
    images = tiny_data(train=640, val=100)
    monkeypatch.setattr(record, "images", lambda: images)
    job = next(job for job in record.jobs() if job["patience"] == 0)
    run = record.run_one({**job, "updates": 80})
    assert run.config["patience"] == 0 and run.config["schedule"] == "plateau"
    assert len(run.t) == 80 and [t for t, _, _ in run.val] == [39, 78, 80]
    assert run.lr[0] == PEAK and 0 <= run.test[1] <= 1
