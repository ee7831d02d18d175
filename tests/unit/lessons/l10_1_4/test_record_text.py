"""The recording of the small BERT: its schedules, and that a kept run is not trained again."""

import pytest

from course_utils.lessons.l10_1_4 import record_text as record_masked
from course_utils.lessons.l10_1_4.record_text import SHAPES, UPDATES, WARMUP
from course_utils.runs import Run


@pytest.mark.parametrize("name", SHAPES)
def test_warm_up_is_part_of_the_updates(name):
    schedule = SHAPES[name](0.01, UPDATES, WARMUP)
    warmed = name.startswith("warm-up")
    assert schedule(0) == (0 if warmed else 0.01)
    if name != "linear":
        assert schedule(WARMUP // 2) == pytest.approx(0.005 if warmed else 0.01)
        assert schedule(WARMUP) == pytest.approx(0.01)
    assert schedule(UPDATES) == pytest.approx(0 if "linear" in name or "cosine" in name else 0.01, abs=1e-12)


def test_a_kept_run_is_not_trained_again(tmp_path, monkeypatch, capsys):
    made = []

    def one(schedule, peak, seed):
        made.append((schedule, peak, seed))
        return Run(config={"schedule": schedule, "lr": peak}, seed=seed, t=[1], lr=[peak], momentum=[0.9],
                   loss_log=[4.0], val=[(1, 4.0, 0.1)], status="finished")  # fmt: skip

    monkeypatch.setattr(record_masked, "run_one", one)
    monkeypatch.setattr(record_masked, "data_dir", lambda: tmp_path)
    for _ in range(2):
        run = record_masked.recorded_run("warm-up, linear", 0.01, 3)
    assert made == [("warm-up, linear", 0.01, 3)] and run.kind == "recorded" and run.config["lr"] == 0.01


def test_the_table_holds_three_seeds_everywhere_and_ten_at_the_best(tmp_path, monkeypatch, capsys):
    def one(schedule, peak, seed):
        loss = 4 + abs(peak - 0.005623)
        return Run(config={"schedule": schedule, "lr": peak}, seed=seed, t=[1], lr=[peak], momentum=[0.9],
                   loss_log=[4.0], val=[(1, loss, 0.1)], status="finished")  # fmt: skip

    monkeypatch.setattr(record_masked, "run_one", one)
    monkeypatch.setattr(record_masked, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(record_masked, "recorded_dir", lambda: tmp_path)
    record_masked.record()
    from course_utils.runs import RunTable

    table = RunTable.load(tmp_path / "10.1.4-text.npz")
    for name in SHAPES:
        for peak in record_masked.PEAKS:
            assert len(table.where(schedule=name, lr=peak)) == (10 if peak == 0.005623 else 3)
