"""The recording tool, on tiny images, and the tables it has made."""

import importlib

import pytest

from course_utils import files as paths
from course_utils.authoring import recording as record
from course_utils.data import cifar as data
from course_utils.data.standin import stand_in
from course_utils.runs import Run, RunTable, recorded


def test_enough_runs_are_planned():
    first, second = record.jobs("10.1.1"), record.jobs("10.1.2")
    constant = [j for j in first if j["schedule"] == "constant"]
    assert len({j["lr"] for j in constant}) >= 11 and len({j["optimizer"] for j in constant}) >= 5
    assert all(len({j["seed"] for j in jobs}) >= 3 for jobs in (first, second))
    for shape in ("constant", "step", "cosine"):
        assert len({j["lr"] for j in second if j["schedule"] == shape}) >= 6
    for jobs in (first, second):
        assert len({record.job_file(j, "") for j in jobs}) == len(jobs)  # no two share a file
    with pytest.raises(SystemExit, match="choose 10.1.1"):
        record.jobs("nonsense")


@pytest.mark.parametrize("name", record.SHAPES)
def test_shapes_are_schedules(name):
    schedule = record.SHAPES[name](0.4, 100)
    rates = [schedule(t) for t in range(100)]
    assert max([*rates, schedule(100)]) == pytest.approx(0.4) and all(0 <= r <= 0.4 for r in rates)
    assert (min(rates) < 0.1) == (name not in ("constant", "cosine, T twice too long"))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Two short jobs, on stand-in images that pass for real ones."""
    images = stand_in(train=160, val=40, test=20)
    images.is_real = True
    monkeypatch.setattr(record, "_data", {"desk": images})
    return dict(optimizer="sgd+momentum", schedule="cosine", lr=0.1, seed=0, epochs=1, norm=False), tmp_path


def test_a_run_is_recorded_once_and_again_when_the_job_changes(tiny):
    job, folder = tiny
    assert record.run_one(job, str(folder), "desk").startswith("recorded sgd+momentum_cosine_0.1_0")
    run = Run.load(record.job_file(job, folder))
    assert run.status == "finished" and run.config["optimizer"] == "sgd+momentum" and run.config["lr"] == 0.1
    assert run.test is not None and run.config["scale"] == "desk" and len(run.t) <= 100
    assert record.run_one(job, str(folder), "desk").startswith("kept")
    assert record.run_one({**job, "norm": True}, str(folder), "desk").startswith("recorded")
    record.job_file(job, folder).write_bytes(b"half")
    assert record.run_one(job, str(folder), "desk").startswith("recorded")


def test_stand_in_images_are_never_recorded(tiny, monkeypatch):
    job, folder = tiny
    monkeypatch.setattr(record, "_data", {})
    monkeypatch.setattr(data, "cifar10", lambda **_: stand_in(train=160, val=20, test=10))
    with pytest.raises(SystemExit, match="real CIFAR-10 is needed"):
        record.run_one(job, str(folder), "desk")
    assert not list(folder.iterdir())


TABLES = sorted(paths.recorded_dir().glob("*.npz"))
OURS = [path for path in TABLES if path.stem not in record.APART]


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.stem)
def test_committed_recordings_are_real_and_whole(path):
    table = recorded(path.stem)
    assert isinstance(table, RunTable) and all("CIFAR-10" in r.source for r in table)
    jobs = record.jobs(path.stem.removesuffix("-full"))
    assert len(table) == len(jobs)
    of_rate = {lr: table.where(lr=lr) for lr in table.values("lr")}  # 1,620 runs times 1,620 jobs are too many
    for job in jobs:
        wanted = {k: v for k, v in job.items() if k != "epochs"}
        (run,) = of_rate[job["lr"]].where(**wanted)
        assert run.status in ("finished", "diverged") and run.kind == "recorded" and 0 < len(run.t) <= 100
        assert 0 <= run.final_accuracy <= 1 and run.versions["torch"]


@pytest.mark.parametrize("name", record.APART)
def test_recordings_of_another_kind_are_whole_too(name):
    table = recorded(name)
    assert len(table.values("seed")) >= 3 and len(table) >= 12
    for run in table:
        trained = run.config.get("kind") != "linear"  # scikit-learn's classifiers have no updates
        assert run.status in ("finished", "diverged") and run.kind == "recorded" and trained <= len(run.t) <= 100
        assert "stand-in" not in run.source and run.source and run.versions["torch" if trained else "python"]
        assert run.val or 0 <= run.test[1] <= 1
    assert callable(importlib.import_module(f"course_utils.lessons.{record.APART[name]}").record)


def test_recordings_stay_small():
    assert sum(p.stat().st_size for p in paths.recorded_dir().glob("*")) < 3_000_000
