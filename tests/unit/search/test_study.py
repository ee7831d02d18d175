"""A study several workers share: the plan, who gets which point, what becomes of those of dead workers, the journal."""

import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

import optuna
import psutil
import pytest

from course_utils.contents import lesson
from course_utils.data.standin import stand_in
from course_utils.lessons.la1.objectives import RecordedTrials
from course_utils.runs import Run
from course_utils.search import liveness
from course_utils.search import storage as study_storage
from course_utils.search import worker as study_worker
from course_utils.search.liveness import is_dead, me, start_of
from course_utils.search.storage import JournalLock, mend, open_storage, without_password
from course_utils.search.study import TRIES, by_point, fill, make_study, open_study, results, runs_of, times_done
from course_utils.search.worker import Interrupts, Watch, end_as_failed, take, work

TOYS = """
import optuna

def toy(settings, seed):
    return settings.get("sign", 1) * settings["x"]

def fails(settings, seed):
    if settings["x"] > 2.5:
        raise RuntimeError("too large")
    return settings["x"]

def nan(settings, seed):
    return settings["x"] * float("nan")

def nothing(settings, seed):
    pass

def stopped(settings, seed):
    raise KeyboardInterrupt

def pruned(settings, seed):
    for step in range(1, 4):
        yield settings["x"] * step
    return settings["x"]

a_number = 3
"""
POINTS = [{"x": 1.0}, {"x": 2.0}, {"x": 3.0}]
ELSEWHERE = {"machine": "another", "pid": 1, "began": 1.0, "name": "far"}


@pytest.fixture(autouse=True)
def toys(tmp_path, monkeypatch):
    (tmp_path / "study_toys.py").write_text(TOYS)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("study_toys", None)
    yield
    sys.modules.pop("study_toys", None)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "study.log"


def made(file, function="toy", **more):
    return make_study(file, f"study_toys:{function}", **{"points": POINTS, **more})


@pytest.fixture(scope="module")
def dead():
    """The note of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return {"machine": liveness.machine(), "pid": child.pid, "began": time.time(), "name": "late"}


def quietly(file, **more):
    lines = []
    return work(file, say=lines.append, **more), lines


# ------------------------------------------------------------------------------------------------ who is alive
def test_this_process_lives_and_others_are_told_apart(dead):
    note = me()
    assert is_dead(note) is False and json.loads(json.dumps(note)) == note
    assert is_dead({**note, "began": note["began"] - 60}) is True  # its number was given out again
    assert is_dead(dead) is True
    assert is_dead(ELSEWHERE) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a start counted from that of the machine")
def test_a_clock_that_is_set_kills_nobody(monkeypatch):
    note, create_time = me(), psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 3600)
    assert is_dead(note) is False and me() == note


def test_a_killed_child_nobody_has_waited_for_is_dead():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        note = {**me(), "pid": child.pid, "began": start_of(child.pid)}
        assert is_dead(note) is False
        child.kill()
        deadline = time.monotonic() + 20
        while not is_dead(note) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert is_dead(note) is True  # a zombie
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("note", [None, {}, {"machine": "a"}, {"machine": "a", "pid": "x", "began": 0}, 3])
def test_what_is_no_note_is_refused(note):
    with pytest.raises(ValueError, match="no note of a process"):
        is_dead(note)


# ----------------------------------------------------------------------------------------------------- the plan
BAD_PLANS = [
    (dict(points=None), "must be a list of dicts"), (dict(points=[]), "must be a list of dicts"),
    (dict(points="x"), "must be a list of dicts"), (dict(points=[3.0]), "every setting is a dict"),
    (dict(points=[{"x": 1.0}, {"y": 1.0}]), "point 1, {'y': 1.0}, must have a value for each of x, and no other"),
    (dict(points=[{"x": 1.0}, {"x": 2.0, "y": 1.0}]), "and no other"),
    (dict(points=[{"x": object()}]), "cannot be recorded"),
    (dict(points=[{"x": 0.3}, {"x": 0.1 + 0.2}]), "point 1 stands twice"),
    (dict(pruner="best"), "pruner must be one of None, 'median', 'halving', got 'best'"),
    (dict(direction="up"), "direction must be one of 'maximize', 'minimize', got 'up'"),
    (dict(fixed={"when": object()}), "fixed.* cannot be recorded"),
    (dict(seed=-1), "seed must be a whole number >= 0"), (dict(seed=True), "seed must be"),
]  # fmt: skip


@pytest.mark.parametrize("change, message", BAD_PLANS)
def test_a_plan_that_cannot_be_kept_is_refused_by_name(file, change, message):
    with pytest.raises(ValueError, match=message):
        made(file, **change)
    assert not file.exists()


BAD_OBJECTIVES = [
    ("toy", "must be 'module:function', got 'toy'"), ("study_toys:", "must be 'module:function'"),
    ("no_such_module:f", "No module named 'no_such_module'"), ("study_toys:no", "'study_toys' has no attribute 'no'"),
    ("study_toys:a_number", "is 3, not a function"),
]  # fmt: skip


@pytest.mark.parametrize("name, message", BAD_OBJECTIVES)
def test_an_objective_that_is_not_there_is_refused(file, name, message):
    with pytest.raises(ValueError, match=message):
        make_study(file, name, points=POINTS)


def test_made_again_it_goes_on_and_another_plan_is_refused_by_its_part(file):
    made(file, fixed={"sign": -1})
    quietly(file, trials=1)
    again = made(file, fixed={"sign": -1})
    assert len(again.trials) == 3 and times_done(again) == [1, 0, 0]
    for change, part in (
        (dict(fixed={}), "fixed"),
        (dict(points=POINTS[:2]), "points"),
        (dict(seed=1), "seed"),
        (dict(direction="minimize"), "direction"),
        (dict(function="nan"), "objective"),
        (dict(pruner="median"), "pruner"),
    ):
        with pytest.raises(ValueError, match=f"holds another study: {part} is .* there and .* here"):
            made(file, **{"fixed": {"sign": -1}, **change})
    assert len(open_study(file).trials) == 3


# ------------------------------------------------------------------------------------------- refused on opening
def test_a_study_that_is_not_there(file):
    with pytest.raises(ValueError, match="there is no study at .*study.log: make it first"):
        open_study(file)
    assert not file.exists()
    with pytest.raises(ValueError, match="no_folder/study.log cannot be the file of a study: No such file"):
        open_storage(file.parent / "no_folder" / "study.log")
    with pytest.raises(ValueError, match="cannot be the file of a study: this is not a regular file"):
        open_storage(file.parent)
    made(file, name="mine")
    with pytest.raises(ValueError, match="no study 'search' at .*; there: 'mine'"):
        open_study(file)


OTHER_FILES = [b"not a study\n", b"\x93NUMPY\x01\x00", b"{}\n", b"3\n", b'{"op_code": 0}\n', b"{half"]


@pytest.mark.parametrize("content", OTHER_FILES)
def test_other_files_are_refused_and_left_as_they_are(file, content):
    file.write_bytes(content)
    for use in (open_study, made):
        with pytest.raises(ValueError, match="no journal of a study"):
            use(file)
    assert file.read_bytes() == content


def test_a_journal_with_a_damaged_line_is_refused(file):
    made(file)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], lines[2][:20] + b"\n", *lines[3:]]))
    with pytest.raises(ValueError, match="study.log is damaged, or no journal"):
        open_study(file)


def test_a_study_of_optuna_alone_is_refused(file):
    optuna.create_study(storage=open_storage(file), study_name="search").ask()
    with pytest.raises(ValueError, match="was not made by make_study"):
        open_study(file)
    with pytest.raises(ValueError, match="was not made by make_study"):
        made(file)


@pytest.mark.parametrize("url", ["sqlite:///a.db", "sqlite+pysqlite:///a.db"])
def test_sqlite_is_refused(url):
    with pytest.raises(ValueError, match="SQLite is not made for several writers"):
        open_storage(url)


BAD_URLS = [
    ("nonsense://host/db", "nonsense://host/db"), ("grpc://:1", "grpc://HOST:PORT"), ("grpc://host:a", "grpc://HOST:PORT"),
]  # fmt: skip


@pytest.mark.parametrize("url, message", BAD_URLS)
def test_a_url_nobody_understands_is_refused(url, message):
    with pytest.raises(ValueError, match=message):
        open_storage(url)


MISSING_PACKAGES = [
    ("grpc://host:1", "grpc", "grpc is missing: pip install grpcio protobuf"),
    ("postgresql+psycopg2://me:secret@host/db", "psycopg2", "psycopg2 is missing: pip install psycopg2-binary"),
    ("postgresql+psycopg://me:secret@host/db", "psycopg", "psycopg is missing: pip install 'psycopg\\[binary\\]'"),
    ("mysql+pymysql://me:secret@host/db", "pymysql", "pymysql is missing: pip install pymysql"),
]  # fmt: skip


@pytest.mark.parametrize("url, module, message", MISSING_PACKAGES)
def test_a_package_that_is_missing_is_named(url, module, message):
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(ValueError, match=message) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("grpc")
    monkeypatch.setattr(study_storage, "ANSWER", 0.2)
    with pytest.raises(ValueError, match="grpc://localhost:9: nobody answers there within 0.2 s"):
        open_storage("grpc://localhost:9")


def test_what_lesson_a1_imports_in_its_commands_is_there():
    cells = json.loads(lesson("A1").path.read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    lines = re.findall(r"python -c \"from ([\w.]+) import ([\w, ]+);", text)
    assert lines
    for module, names in lines:
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name.split(" as ")[0]), (module, name)


PLACES = [
    ("studies/a.log", "studies/a.log"), ("grpc://host:13000", "grpc://host:13000"),
    ("postgresql://host/db", "postgresql://host/db"), ("postgresql://host:5432/db", "postgresql://host:***"),
    ("postgresql://me@host/db", "postgresql://***@host/db"),
    ("postgresql+psycopg://me:a:b/c@host:5432/db?x=1", "postgresql+psycopg://***@host:***?***"),
]  # fmt: skip


@pytest.mark.parametrize("where, text", PLACES)
def test_what_is_told_of_a_place(where, text):
    assert without_password(where) == text


SECRETS = [
    "user@corp:SECRET@host/db", "me:SE@CRET@host/db", "me:SECRET/x@host/db", "me:SECRET?x@host/db", "me:x?SECRET@host",
    "host/db?password=SECRET", "host/db?user=me&password=SE@CRET", "host/db?sslpassword=SECRET&x=1", "me:SECRET",
    "host/db?passfile=a;password=SECRET", "me:SECRET/db", "me:SECRET@host:port/db", "SECRET@host:99999999/db",
    "me:SE%40CRET@host/db", "me:SECRET#x@host/db", "me:p/SECRET", "host/db?a=b?SECRET",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["postgresql", "mysql+pymysql", "nonsense", "grpc", "postgresql+psycopg2"])
@pytest.mark.parametrize("rest", SECRETS)
def test_no_part_of_a_password_reaches_a_message(kind, rest, capfd):
    """Nor the errors that led to it, which a notebook prints, too."""
    url = f"{kind}://{rest}"
    assert not re.search("SE|CRET", without_password(url))
    with pytest.raises(ValueError) as caught:
        open_study(url)
    told = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    assert not re.search("SE|CRET", re.sub("open_study.*|url = .*", "", told))


def test_a_driver_that_tells_the_url_is_not_quoted(monkeypatch):
    def fail(url):
        raise RuntimeError(f"could not translate host name of {url!r}")

    monkeypatch.setattr(optuna.storages, "get_storage", fail)
    with pytest.raises(ValueError) as caught:
        open_storage("postgresql://me:secret@host/db")
    assert str(caught.value) == "postgresql://***@host/db: cannot be used as a database (could not translate)."
    assert caught.value.__context__ is None


# ------------------------------------------------------------------------------- trust: what a journal may hold
EDITED = [
    ('"points"', '"pointz"'), ('"points": [{"x": 1.0}', '"points": 5, "other": [{"x": 1.0}'),
    ('"seed": 0', '"seed": "0"'),
    ('"pruner": null', '"pruner": "nobody"'), ('"point": 2', '"point": 99'), ('"point": 2', '"point": "x"'),
    ('"x": 2.0', '"y": 2.0'), ('"x": 2.0', '"x": 1.0'), ('"fixed": {}', '"fixed": 3'),
    ('"direction": "maximize"', '"direction": 1'),
]  # fmt: skip


@pytest.mark.parametrize("old, new", EDITED)
def test_a_plan_that_was_changed_by_hand_is_refused_with_status_2(command, file, old, new, capsys):
    made(file)
    text = file.read_text()
    loose = re.compile(re.escape(old).replace("\\ ", " ?"))  # with or without a space after colons and commas
    assert loose.search(text)
    file.write_text(loose.sub(new, text))
    assert command(file) == 2
    assert re.search("refused: .*(changed by hand|is damaged|not a function|no point)", capsys.readouterr().err)


def test_it_is_said_that_a_study_is_trusted_like_code(command, capsys):
    with pytest.raises(SystemExit):
        command("--help")
    assert "Trust a study like code" in " ".join(capsys.readouterr().out.split())
    assert "Trust a study like code" in sys.modules[make_study.__module__].__doc__


def test_a_fifo_is_no_journal(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe cannot be the file of a study: this is not a regular file"):
        open_storage(tmp_path / "pipe")


@pytest.mark.parametrize("where", ["~nosuchuser/a.log", "x" * 5000, "/", "."])
def test_a_strange_path_is_no_journal(where):
    with pytest.raises(ValueError, match="cannot be the file of a study"):
        open_storage(where)


BROKEN_MODULES = {
    "1 / 0": "ZeroDivisionError", "def f(:": "SyntaxError", "import sys; sys.exit(3)": "SystemExit: 3",
    "raise AttributeError('mine')": "AttributeError: mine", "import no_such_module": "No module named 'no_such_module'",
}  # fmt: skip


@pytest.mark.parametrize("code", BROKEN_MODULES)
def test_a_module_that_cannot_be_imported_is_refused(file, code):
    (file.parent / "study_broken.py").write_text(code)
    sys.modules.pop("study_broken", None)
    with pytest.raises(ValueError, match=f"objective 'study_broken:f': .*{BROKEN_MODULES[code]}.*Start workers where"):
        make_study(file, "study_broken:f", points=POINTS)


@pytest.mark.parametrize("name", ["../../x:f", "a b:f", "os:", ":f", "x.y:", "1:f", "os:no.such"])
def test_a_name_that_is_none_is_refused(file, name):
    with pytest.raises(ValueError, match="objective"):
        make_study(file, name, points=POINTS)


def test_an_objective_of_the_notebook_is_refused_with_the_way_out(file, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "mine", lambda settings, seed: 1.0, raising=False)
    with pytest.raises(ValueError, match="no worker can import .*%%writefile mine.py, and give 'mine:mine'"):
        make_study(file, "__main__:mine", points=POINTS)


# ------------------------------------------------------------------------------------------ every point, once
def test_all_points_are_done_and_each_row_says_by_whom(file):
    study = made(file)
    done, lines = quietly(file, name="A", trials=2)
    assert done == 2 and times_done(study) == [1, 1, 0]
    assert [row.state for row in results(study)] == ["done", "done", "waiting"]
    quietly(file, name="B")
    rows = results(study)
    assert [(row.point, row.params["x"], row.value, row.worker, row.tries) for row in rows] == [
        (0, 1.0, 1.0, "A", 1),
        (1, 2.0, 2.0, "A", 1),
        (2, 3.0, 3.0, "B", 1),
    ]
    assert lines[0].startswith("A: point 0 x=1: 1 (") and study.best_value == 3.0
    assert quietly(file) == (0, []) and len(study.trials) == 3


def test_two_takers_never_get_the_same(file):
    made(file)
    one, two = open_study(file), open_study(file)
    got = [take(study, me()).user_attrs["point"] for study in (one, two, two)]
    assert sorted(got) == [0, 1, 2] and take(one, me()) is None and take(two, me()) is None


def test_a_point_put_in_twice_is_done_once(file):
    study = made(file)
    for point in (0, 2, 2):
        study.enqueue_trial(POINTS[point], user_attrs={"point": point})
    quietly(file)
    assert times_done(study) == [1, 1, 1] and [row.tries for row in results(study)] == [1, 1, 1]
    assert [t.state.name for t in study.trials].count("FAIL") == 3
    assert fill(study) == 0


def test_a_copy_waits_behind_the_one_that_runs(file):
    study = made(file, points=POINTS[:1])
    first = take(study, me())
    study.enqueue_trial(POINTS[0], user_attrs={"point": 0})
    assert take(study, me()) is None  # the copy is dropped
    study.tell(first, 1.0)
    assert times_done(study) == [1]


def test_a_make_that_was_interrupted_is_filled_by_the_next(file):
    study = made(file)
    for trial in study.get_trials():  # as if only the plan had been written
        study._storage.set_trial_user_attr(trial._trial_id, "point", 0)
    assert fill(study) == 2
    quietly(file)
    assert times_done(study) == [1, 1, 1]


# ------------------------------------------------------------------------------------------------ dead workers
def test_the_point_of_a_dead_worker_is_done_again_by_another(file, dead):
    study = made(file)
    take(study, dead)
    done, lines = quietly(file, name="B")
    assert done == 3 and lines[0].startswith("B: trial 0 (point 0) was lost with worker late: it waits")
    row = results(study)[0]
    assert (row.state, row.worker, row.tries, row.lost) == ("done", "B", 2, ("late",))
    assert times_done(study) == [1, 1, 1]


def test_only_one_reclaims_and_a_crash_before_filling_does_no_harm(file, dead):
    made(file)
    one, two = open_study(file), open_study(file)
    take(one, dead)
    assert len(Watch().reclaim(one)) == 1 and Watch().reclaim(two) == []
    assert fill(two) == 1 and fill(one) == 0  # the one that reclaimed died here; the other fills
    quietly(file)
    assert times_done(one) == [1, 1, 1]


def test_two_that_see_the_same_hole_both_fill_it_and_it_is_done_once(file, dead, monkeypatch):
    made(file)
    one, two = open_study(file), open_study(file)
    take(one, dead)
    Watch().reclaim(one)
    seen = by_point(two)
    fill(one)
    with monkeypatch.context() as patch:
        patch.setattr("course_utils.search.study.by_point", lambda study: seen)  # two still sees the hole
        assert fill(two) == 1
    quietly(file)
    assert times_done(one) == [1, 1, 1] and len(one.trials) == 5 and results(one)[0].tries == 2


def test_a_point_that_kills_every_worker_is_given_up(file, dead):
    study = made(file, points=POINTS[:1])
    for _ in range(TRIES):
        assert take(study, dead) is not None
        Watch().reclaim(study)
        fill(study)
    assert take(study, me()) is None and results(study)[0].state == "given up"
    assert quietly(file) == (0, []) and results(study)[0].lost == ("late",) * TRIES


def test_workers_of_other_machines_are_known_by_their_beat(file, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("course_utils.search.worker.time.monotonic", lambda: now[0])
    study = made(file, points=POINTS[:1])
    trial, watch = take(study, ELSEWHERE), Watch(patience=60)
    for beat in range(4):
        assert watch.reclaim(study) == []
        now[0] += 50
        trial.set_user_attr("beat", beat)
    assert watch.reclaim(study) == []
    now[0] += 61
    assert watch.reclaim(study) == ["trial 0 (point 0) was lost with worker far: it waits to be done again."]


def test_a_trial_whose_worker_died_before_it_could_sign(file, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("course_utils.search.worker.time.monotonic", lambda: now[0])
    study, watch = made(file, points=POINTS[:1]), Watch()
    study.ask()  # running, no note
    assert watch.reclaim(study) == []
    now[0] += 6
    assert "lost with worker nobody" in watch.reclaim(study)[0]
    assert fill(study) == 1 and take(study, me()) is not None


def test_a_result_that_comes_too_late_is_refused(file, monkeypatch):
    """A worker that was taken for dead comes back: its point was given to another, its result does not count."""
    study = made(file, points=POINTS[:1])
    calls = []

    def slow(settings, seed):
        calls.append(settings["x"])
        if len(calls) == 1:
            other = open_study(file)
            running = by_point(other)[0][0]
            assert running.state.name == "RUNNING"
            assert end_as_failed(other, running._trial_id) and not end_as_failed(other, running._trial_id)
            fill(other)
        return settings["x"]

    monkeypatch.setattr("study_toys.toy", slow)
    done, lines = quietly(file)
    assert done == 1 and len(calls) == 2 and "taken away meanwhile, not counted" in lines[0]
    assert times_done(study) == [1]


def test_a_worker_without_work_stays_until_the_others_are_done(file, dead, monkeypatch):
    study = made(file, points=POINTS[:1])
    other = take(study, {**me(), "name": "other"})
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            study.tell(other, 7.0)

    monkeypatch.setattr(study_worker.time, "sleep", sleep)
    assert quietly(file) == (0, []) and len(looks) == 3


# ------------------------------------------------------------------- errors, interrupts, what is no number
def test_an_error_is_a_result_and_may_be_tried_again(file):
    study = made(file, "fails")
    done, lines = quietly(file)
    assert done == 3 and "failed: RuntimeError: too large" in lines[2]
    assert [row.state for row in results(study)] == ["done", "done", "failed"]
    assert results(study)[2].error == "RuntimeError: too large" and times_done(study) == [1, 1, 1]
    assert quietly(file) == (0, [])
    sys.modules["study_toys"].fails = sys.modules["study_toys"].toy
    assert quietly(file, retry_failed=True)[0] == 1 and quietly(file, retry_failed=True)[0] == 0
    assert results(study)[2].value == 3.0 and times_done(study) == [1, 1, 1]


@pytest.mark.parametrize("function, message", [("nan", "returned nan, not a finite"), ("nothing", "returned None,")])
def test_what_is_no_number_is_a_failed_point(file, function, message):
    study = made(file, function, points=POINTS[:1])
    quietly(file)
    assert results(study)[0].state == "failed" and message in results(study)[0].error


def test_ctrl_c_gives_the_point_back(file):
    study = made(file, "stopped", points=POINTS[:1])
    lines = []
    for _ in range(TRIES + 1):  # giving back is no loss
        with pytest.raises(KeyboardInterrupt):
            work(file, name="A", say=lines.append)
    assert lines[0] == "A: stopped; point 0 is given back, 0 done here."
    row = results(study)[0]
    assert (row.state, row.lost, row.tries) == ("waiting", (), TRIES + 1)


def test_a_pruner_ends_trials_on_the_way(file):
    points = [{"x": float(x)} for x in (50, 60, 70, 80, 90, 2)]
    study = made(file, "pruned", points=points, pruner="median")
    quietly(file)
    assert [row.state for row in results(study)] == ["done"] * 5 + ["pruned"] and times_done(study) == [1] * 6
    assert study.best_value == 90


# ---------------------------------------------------------------------------------- other storages, the lock
def test_a_database_works_the_same(dead):
    storage = optuna.storages.get_storage("sqlite:///:memory:")  # one process, so even SQLite does
    study = made(storage)
    take(study, dead)
    done, lines = quietly(storage, name="A")
    assert done == 3 and times_done(study) == [1, 1, 1] and results(study)[0].lost == ("late",)
    assert quietly(storage) == (0, [])


def test_the_lock_of_a_living_process_is_waited_for(file):
    file.touch()
    ours, others = JournalLock(file), JournalLock(file)
    order = []

    def other():
        others.acquire()
        order.append("theirs")
        others.release()

    ours.acquire()
    thread = threading.Thread(target=other)
    thread.start()
    time.sleep(0.2)
    order.append("ours")
    ours.release()
    thread.join(10)
    assert order == ["ours", "theirs"]


def test_a_lock_file_that_is_left_behind_means_nothing(file):
    made(file)
    for name in ("study.log.writer.lock", "study.log.lock"):  # ours, and that of plain Optuna
        file.with_name(name).write_text("process 1 on another")
    begin = time.monotonic()
    quietly(file)
    assert time.monotonic() - begin < 10 and times_done(open_study(file)) == [1, 1, 1]  # Optuna alone waits for 30 s


def test_a_lock_that_cannot_be_made_is_an_error(file):
    file.with_name("gone").write_text("no folder")
    with pytest.raises(OSError):
        JournalLock(file.parent / "gone" / "study.log").acquire()


def test_a_lock_is_given_back_where_the_journal_cannot_be_mended(file, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(study_storage, "mend", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            JournalLock(file).acquire()
    assert JournalLock(file).acquire()


@pytest.mark.parametrize("half", [b'{"op_code":4,"worker', b"{", b"x" * 10_000])
def test_half_a_line_is_cut_off_before_the_next_is_written(file, half):
    made(file)
    whole = file.read_bytes()
    file.write_bytes(whole + half)
    assert len(open_study(file).trials) == 3 and file.read_bytes() == whole + half  # reading changes nothing
    quietly(file)
    assert times_done(open_study(file)) == [1, 1, 1] and file.read_bytes().startswith(whole)
    for line in file.read_bytes().splitlines():
        json.loads(line)


def test_mend_leaves_what_is_whole(file):
    for content, after in ((b"", b""), (b"a\n", b"a\n"), (b"a\nb", b"a\n"), (b"a", b"")):
        file.write_bytes(content)
        mend(file)
        assert file.read_bytes() == after
    mend(file.with_name("none"))
    assert not file.with_name("none").exists()


def test_ctrl_c_is_raised_while_an_objective_computes_and_waits_otherwise(file):
    interrupts = Interrupts()
    interrupts()  # what a signal calls: while a line is written, say
    with pytest.raises(KeyboardInterrupt):
        interrupts.look()
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts.let(True):
        reached.append("the objective")
    assert reached == []
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.let(True):
        with interrupts.let(False):
            interrupts()  # it reports just now
            reached.append("reported")
        interrupts()
        reached.append("went on")
    assert reached == ["reported"]


def test_ctrl_c_that_comes_while_a_result_is_written_loses_nothing(file, monkeypatch):
    study, interrupts = made(file), Interrupts()
    tell = optuna.Study.tell

    def pressed(*args, **more):
        interrupts()
        return tell(*args, **more)

    monkeypatch.setattr(optuna.Study, "tell", pressed)
    with pytest.raises(KeyboardInterrupt):
        work(file, say=print, interrupts=interrupts)
    assert times_done(study) == [1, 0, 0] and [row.state for row in results(study)] == ["done", "waiting", "waiting"]


# ------------------------------------------------------------------------------------------------- the command
@pytest.fixture
def signals():
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def command(monkeypatch, signals):
    for name in ("COURSE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    return lambda *arguments: study_worker.main([str(a) for a in arguments])


def test_the_command_works_and_refuses(command, file, capsys):
    study = made(file)
    assert command(file, "--name", "A", "--threads", 2) == 0 and times_done(study) == [1, 1, 1]
    assert os.environ["COURSE_THREADS"] == "2" and "A: nothing is left to do, 3 done here." in capsys.readouterr().out
    assert command(file.with_name("none.log")) == 2
    assert "refused: there is no study at" in capsys.readouterr().err
    sys.modules.pop("study_toys")
    (file.parent / "study_toys.py").write_text("toy = None")
    assert command(file) == 2 and "refused: objective 'study_toys:toy' is None" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--trials", "0"], ["--threads", "0"], ["--patience", "-1"], ["--trials", "x"]])
def test_bad_arguments_are_refused(command, file, arguments, capsys):
    with pytest.raises(SystemExit) as end:
        command(file, *arguments)
    assert end.value.code == 2 and arguments[0] in capsys.readouterr().err


def test_the_study_may_stand_in_a_variable_where_ps_does_not_show_it(command, file, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        command("--name", "A")
    assert "name a study, here or in the variable COURSE_STUDY" in capsys.readouterr().err
    monkeypatch.setenv("COURSE_STUDY", str(file))
    study = made(file)
    assert command("--name", "A") == 0 and times_done(study) == [1, 1, 1]


def test_a_started_worker_shows_no_study_in_its_command(file, monkeypatch):
    started = {}
    monkeypatch.setattr(subprocess, "Popen", lambda command, **more: started.update(more, command=command))
    study_worker.start_worker("postgresql://me:secret@host/db", "A", log=file)
    assert "secret" not in " ".join(map(str, started["command"]))
    assert started["env"]["COURSE_STUDY"] == "postgresql://me:secret@host/db"


ENDS = [
    "import sys; sys.exit(3)",
    "raise GeneratorExit",
    "raise SystemExit('\\u5b66\\ud800')",
    "raise StopIteration(3)",
]


@pytest.mark.parametrize("code", ENDS)
def test_an_objective_that_ends_the_process_is_a_failed_point(command, file, code):
    """A worker ended with the objective's status, without a word, and its points waited."""
    (file.parent / "study_ends.py").write_text(f"def f(settings, seed):\n    {code}")
    sys.modules.pop("study_ends", None)
    study = make_study(file, "study_ends:f", points=POINTS)
    assert command(file, "--name", "A") == 0
    rows = results(study)
    assert [row.state for row in rows] == ["failed"] * 3 and all(row.error for row in rows)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_message_that_the_terminal_cannot_show_ends_no_worker(file, encoding, monkeypatch):
    (file.parent / "study_words.py").write_text(
        "def f(s, seed):\n    raise ValueError('\u5b66\u4e60\u7387 \u2192 0')", "utf-8"
    )
    sys.modules.pop("study_words", None)
    study = make_study(file, "study_words:f", points=POINTS)
    said = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", said)
    for name in ("COURSE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert study_worker.main([str(file)]) == 0
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    said.flush()
    assert said.buffer.getvalue().count(b"\\u5b66") == 3 and [row.state for row in results(study)] == ["failed"] * 3


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_clocks_that_are_set_while_workers_run_change_nothing(file, step, monkeypatch):
    """Three seconds were enough: each worker took the other for dead, and points were given up."""
    real, boot = time.time, psutil.boot_time
    study = made(file)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        note = {**me(), "pid": other.pid, "began": start_of(other.pid), "name": "other"}
        trial = take(study, note)
        monkeypatch.setattr(time, "time", lambda: real() + step)
        monkeypatch.setattr(psutil, "boot_time", lambda: boot() + step)
        assert Watch(patience=1e9).reclaim(study) == [] and fill(study) == 0
        assert quietly(file, name="A", trials=2)[0] == 2
        study.tell(trial, 1.0)
        other.communicate(b"\n")
    assert times_done(study) == [1, 1, 1] and [row.tries for row in results(study)] == [1, 1, 1]
    assert results(study)[0].worker == "other"


def test_without_proc_a_process_is_known_by_its_start(monkeypatch):
    """macOS and Windows: the start as the system keeps it."""

    def none(self, *args, **more):
        raise FileNotFoundError(self)

    monkeypatch.setattr(liveness.Path, "read_text", none)
    liveness.machine.cache_clear()
    try:
        note = me()
        assert is_dead(note) is False and is_dead({**note, "began": note["began"] - 60}) is True
        assert "/" not in note["machine"]
    finally:
        liveness.machine.cache_clear()


# ---------------------------------------------------------------------------------------------------- objectives
def test_a_short_training_is_a_run_with_reports(file, monkeypatch):
    few = "course_utils.lessons.la1.objectives._images"
    monkeypatch.setattr(few, lambda n, val: stand_in(train=n, val=val, test=10))
    point = {"lr": 0.05, "dropout": 0.25, "batch_size": 32}
    study = make_study(
        file,
        "course_utils.lessons.la1.objectives:short_training",
        points=[point],
        fixed={"images": 160, "val": 40, "epochs": 2},
    )
    quietly(file, name="A")
    row, trial = results(study)[0], study.trials[0]
    assert row.state == "done" and row.value == row.run.final_accuracy == trial.intermediate_values[10]
    assert sorted(trial.intermediate_values) == [5, 10] and row.run.config["batch_size"] == 32
    assert runs_of(study).where(worker="A", dropout=0.25)[0].status == "finished"


def test_the_nearest_recorded_setting_is_looked_up():
    def run(accuracy, **config):
        usual = {"lr": 0.1, "weight_decay": 1e-4, "dropout": 0.0, "batch_size": 32}
        return Run(config=usual | config, val=[(1, 1.0, accuracy)])

    of = RecordedTrials([run(0.1), run(0.2, lr=1.0), run(0.3, dropout=0.5), run(0.4, batch_size=128)])
    assert of(0.3, 1e-4) == 0.1 and of(0.4, 1e-4) == 0.2 and of(0.1, 1e-4, dropout=0.3) == 0.3
    assert of(0.1, 1e-5, batch_size=100) == 0.4
    for bad in ((0, 1e-4), (0.1, -1.0), (0.1, 1e-4, 0, 0)):
        with pytest.raises(ValueError, match="must be above 0"):
            of(*bad)
    with pytest.raises(ValueError, match="no recorded runs"):
        RecordedTrials([])
