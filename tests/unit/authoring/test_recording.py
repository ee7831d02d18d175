"""The one contract of all recorded tables: what a lesson's record.py gives, what the recording does with it, and that
the committed tables are what their jobs say."""

from importlib import import_module

import pytest

from course_utils.authoring import recording
from course_utils.authoring.recording import is_recorded, job_file, keep, left_out, modules
from course_utils.files import recorded_dir
from course_utils.runs import Run, RunTable, recorded
from course_utils.training import recipes
from tests.made_up import a_run, tiny_data

NAMES = list(modules())
# What of a job makes it small, and which job of a table is made where not any will do.
SHORT = {"epochs": 1, "share": 1, "updates": 6, "warmup": 2}
SAMPLES = {
    "10.3": dict(kind="scratch", task="digits", per_class=1),
    "10.3.1": dict(task="digits", per_class=5, regime="small net", purpose="result"),
    "10.3.3": dict(start="scratch", per_class=20, purpose="result"),
    "10.3.4": dict(kind="desk", task="objects", per_class=5),
}
WORDS = {"10.1.4-text", "10.1.4-reader", "10.1.7-text"}  # runs of words have no test split
NO_CURVE = {
    "10.2.6",
    "10.2.6-leap",
    "10.3-size",
    "10.3.4-walk",
}  # averages of a training, classifiers: nets without updates of their own
SEEDS = {
    "10.1.2-long": 1,
    "10.1.4-reader": 1,
    "10.2.1": 2,
    "10.2.3": 2,
}  # others have three at least; 1: a figure's run


def lesson(name):
    return import_module(modules()[name])


@pytest.fixture
def images(monkeypatch):
    """Tiny stand-in images that pass for real ones, wherever a recording asks for CIFAR-10."""
    monkeypatch.setattr("course_utils.data.cifar.cifar10", lambda **_: tiny_data(train=320, val=220, real=True))
    monkeypatch.setattr(
        "course_utils.transfer.tasks.cifar10", lambda *_, **__: tiny_data(train=320, val=220, real=True)
    )
    caches = (recipes.images, import_module("course_utils.lessons.l10_3_3.worlds").world)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_every_committed_table_has_its_module_and_the_other_way_round():
    assert NAMES == sorted(path.stem for path in recorded_dir().glob("*.npz"))
    sizes = [path.stat().st_size for path in recorded_dir().rglob("*.npz")]  # with logits/, which belong to a table
    assert max(sizes) < 4_000_000 and sum(sizes) < 15_000_000


@pytest.mark.parametrize("name", NAMES)
def test_jobs_are_different_and_have_files_of_their_own(name):
    jobs = lesson(name).jobs()
    assert len({tuple(sorted((k, str(v)) for k, v in job.items())) for job in jobs}) == len(jobs)
    assert len({job_file(job, "") for job in jobs}) == len(jobs)
    assert len({job["seed"] for job in jobs}) >= SEEDS.get(name, 3)


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_table_holds_the_run_of_every_job_with_all_its_settings(name):
    jobs, table, points = lesson(name).jobs(), recorded(name), max(100, getattr(lesson(name), "POINTS", 100))
    assert isinstance(table, RunTable) and len(table) == len(jobs)
    cells = {}  # 1,620 jobs times 1,620 runs are too many
    for run in table:
        cells.setdefault((run.config.get("lr"), run.seed), []).append(run)
    for job in jobs:
        candidates = cells[job["lr"], job["seed"]] if "lr" in job else table
        (run,) = [run for run in candidates if not left_out(job, run)]
        trained = job.get("kind") != "linear"  # scikit-learn's classifiers have no updates
        assert run.status in ("finished", "diverged") and run.kind == "recorded" and len(run.t) <= points
        assert len(run.t) > 0 or not trained or name in NO_CURVE
        assert run.source and "stand-in" not in run.source and run.versions["torch" if trained else "python"]
        assert 0 <= (run.val[-1][2] if run.val else run.test[1]) <= 1


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("10.3-size", "10.3.2")])  # have their own
def test_a_lesson_makes_a_run_of_a_job(name, images, tmp_path, monkeypatch):
    if name == "10.3.1":
        monkeypatch.setitem(lesson(name).POOL, "digits", 200)
        lesson(name)._pool.cache_clear()
    if name.startswith("10.3.4"):  # no pool of this test's images may stay
        monkeypatch.setattr(lesson(name), "_pool", lesson(name)._pool.__wrapped__)
    job = next(j for j in lesson(name).jobs() if all(j[k] == v for k, v in SAMPLES.get(name, {}).items()))
    job |= {key: value for key, value in SHORT.items() if key in job}
    assert "stand-in" not in keep(lesson(name).run_one, job, tmp_path / "run.npz", 10)
    run = Run.load(tmp_path / "run.npz")
    assert left_out(job, run) == [] and run.status == "finished" and len(run.t) <= 10
    assert len(run.t) > 0 or name in NO_CURVE
    assert run.test is None if name in WORDS else 0 <= run.test[1] <= 1
    assert keep(pytest.fail, job, tmp_path / "run.npz").startswith("kept")
    if name == "10.3.1":
        lesson(name)._pool.cache_clear()


JOB = dict(schedule="cosine, early", lr=0.1, seed=3)


def test_a_run_is_made_once_and_again_when_anything_has_changed(tmp_path):
    made = []

    def run_one(job):
        made.append(job)
        return a_run(config={**job, "more": 1}, seed=job["seed"], test=(1.0, 0.25))

    path = job_file(JOB, tmp_path)
    assert path.name == "cosine, early_0.1_3.npz"
    line = "recorded cosine, early_0.1_3: finished, accuracy 0.250 (test)"
    assert keep(run_one, JOB, path) == line and keep(run_one, JOB, path) == "kept     cosine, early_0.1_3"
    for change in (dict(lr=0.2), dict(seed=4), dict(updates=7), dict(more=2)):
        assert not is_recorded({**JOB, **change}, path)
    changed = {**JOB, "updates": 7}  # the file has the same name
    assert keep(run_one, changed, path).startswith("recorded") and is_recorded(changed, path)
    path.write_bytes(b"half")
    assert keep(run_one, JOB, path).startswith("recorded")
    assert made == [JOB, changed, JOB]


def test_stand_in_images_and_runs_that_forget_their_job_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="real CIFAR-10 is needed"):
        keep(lambda job: a_run(config=job, seed=3, source="stand-in images"), JOB, tmp_path / "run.npz")
    with pytest.raises(ValueError, match="another lr, seed than its job"):
        keep(lambda job: a_run(config={**job, "lr": 0.2, "seed": 0}), JOB, tmp_path / "run.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in WORDS | {"10.3", "10.3-size", "10.3.1", "10.3.4", "10.3.4-walk"}]
)
def test_a_lesson_names_stand_in_images_as_such(name, images, monkeypatch, tmp_path):
    monkeypatch.setattr("course_utils.data.cifar.cifar10", lambda **_: tiny_data(train=320, val=220))
    monkeypatch.setattr("course_utils.transfer.tasks.cifar10", lambda *_, **__: tiny_data(train=320, val=220))
    job = lesson(name).jobs()[0]
    with pytest.raises(SystemExit, match="real CIFAR-10 is needed"):
        keep(lesson(name).run_one, job | {k: v for k, v in SHORT.items() if k in job}, tmp_path / "run.npz")


class Lesson:
    """What `record` wants of a lesson's module; its functions can go to a worker."""

    POINTS = 2

    @staticmethod
    def jobs():
        return [dict(lr=lr, seed=0) for lr in (0.3, 0.1, 0.2)]

    @staticmethod
    def run_one(job):
        if job["lr"] == FAILS:
            raise ValueError("too much")
        return a_run(config=job)


FAILS = None


def test_a_table_is_written_in_the_order_of_its_jobs_by_several_processes(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(recording, "modules", lambda: {"9.9": "lesson"})
    monkeypatch.setattr(recording, "import_module", lambda name: Lesson)
    monkeypatch.setattr(recording, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(recording, "recorded_dir", lambda: tmp_path / "recorded")
    monkeypatch.setattr(f"{__name__}.FAILS", 0.2)
    with pytest.raises(ValueError, match="too much"):
        recording.record("9.9", workers=1)
    assert not (tmp_path / "recorded").exists()
    monkeypatch.setattr(f"{__name__}.FAILS", None)
    path = recording.record("9.9")
    assert path == tmp_path / "recorded" / "9.9.npz"
    assert [run.config["lr"] for run in RunTable.load(path)] == [0.3, 0.1, 0.2]
    assert {len(run.t) for run in RunTable.load(path)} == {2}
    assert "3/3" in capsys.readouterr().out and len(list((tmp_path / "recording" / "9.9").iterdir())) == 3


def test_what_cannot_be_recorded_is_refused_by_name():
    with pytest.raises(SystemExit, match="choose 10.1.1, 10.1.2"):
        recording.record("nonsense")
    with pytest.raises(SystemExit, match="desk scale only"):
        recording.record("10.1.8", scale="full")


def test_full_scale_is_another_job():
    job = recipes.at_full_scale(recipes.usual_job("cosine", 0.1, 0))
    assert (job["scale"], job["epochs"], job["model"], job["batch_size"]) == ("full", 30, "resnet20", 128)
    assert job["lr"] == 0.1


@pytest.mark.parametrize("name", recipes.SHAPES)
def test_shapes_are_schedules(name):
    schedule = recipes.SHAPES[name](0.4, 100)
    rates = [schedule(t) for t in range(100)]
    assert max([*rates, schedule(100)]) == pytest.approx(0.4) and all(0 <= r <= 0.4 for r in rates)
    assert (min(rates) < 0.1) == (name not in ("constant", "cosine, T twice too long"))
