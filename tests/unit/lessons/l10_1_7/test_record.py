"""The recording of lesson 10.1.7: what is in the table, and that a run is steered by PyTorch's rule."""

import pytest

from course_utils.data.standin import stand_in
from course_utils.lessons.l10_1_7 import record as record_plateau
from course_utils.lessons.l10_1_7.record import EVERY, NEVER, PATIENCES, PEAK, SEEDS, steered
from course_utils.runs import recorded


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


def test_a_short_run():
    run = steered(stand_in(train=640, val=100, test=20), 0, 0, epochs=8)
    assert run.config["patience"] == 0 and run.config["schedule"] == "plateau"
    assert len(run.t) == 80 and [t for t, _, _ in run.val] == [39, 78, 80]
    assert run.lr[0] == PEAK


def test_another_patience_and_stand_in_images_are_refused(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="patience = 3"):
        steered(None, 3, 0)
    monkeypatch.setattr("course_utils.data.cifar.cifar10", lambda **_: stand_in(train=64, val=20, test=20))
    with pytest.raises(SystemExit, match="real CIFAR-10"):
        record_plateau.record(tmp_path)
