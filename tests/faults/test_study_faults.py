"""Real worker processes, killed, interrupted and started again: every point of a study is done exactly once.

The studies lie in journal files. With COURSE_TEST_DATABASE=postgresql://user:password@host (a user who may make
databases; psycopg installed) the same tests keep them in a PostgreSQL server instead.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from course_utils.search.study import make_study, open_study, results, times_done
from course_utils.search.worker import start_worker

ROOT = Path(__file__).resolve().parents[2]
TOYS = """
import os, time

def slow(settings, seed):
    with open(settings["begun"], "a") as f:        # one short line: written as one
        f.write(f"{settings['x']:.0f} {os.getpid()}\\n")
    time.sleep(settings["seconds"])
    return settings["x"]
"""

SERVER = os.environ.get("COURSE_TEST_DATABASE")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")
journal_only = pytest.mark.skipif(bool(SERVER), reason="about journal files")


@pytest.fixture
def place(tmp_path):
    """Where the study is kept: a file, or an empty database of its own, which goes with the test."""
    if not SERVER:
        yield tmp_path / "study.log"
        return
    import sqlalchemy

    server = sqlalchemy.create_engine(f"{SERVER}/postgres", isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"create database {name}"))
        yield f"{SERVER}/{name}"
        connection.execute(sqlalchemy.text(f"drop database {name} with (force)"))


@pytest.fixture
def study(tmp_path, monkeypatch, place):
    """(points, seconds each) -> where the study is."""
    (tmp_path / "fault_toys.py").write_text(TOYS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    sys.modules.pop("fault_toys", None)

    def make(points, seconds):
        fixed = {"seconds": seconds, "begun": str(tmp_path / "begun")}
        settings = [{"x": float(x)} for x in range(1, points + 1)]
        make_study(place, "fault_toys:slow", points=settings, fixed=fixed)
        return place

    yield make
    sys.modules.pop("fault_toys", None)


@pytest.fixture
def workers(tmp_path):
    """start_worker, what each worker said, and the end of all that still run."""
    started = []

    def start(where, name):
        started.append(start_worker(where, name, log=tmp_path / f"{name}.txt"))
        return started[-1]

    start.said = lambda name: (tmp_path / f"{name}.txt").read_text()

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until(true, process, seconds=60):
    """Until `true()` is true; an error if the process ends or the time is over before."""
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, f"the worker ended with {process.returncode}"
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.005)


def at_work(file, name, done=0):
    """True while this worker runs a point and has done at least `done`."""
    rows = [row for row in results(open_study(file)) if row.worker == name]
    return any(row.state == "running" for row in rows) and sum(row.state == "done" for row in rows) >= done


def test_kill_9_of_one_of_two(study, workers):
    file = study(10, 0.25)
    a, b = workers(file, "A"), workers(file, "B")
    wait_until(lambda: at_work(file, "A", done=1) or b.poll() is not None, a)
    a.kill()
    assert b.wait(60) == 0 and a.wait() == -signal.SIGKILL
    rows = results(open_study(file))
    assert times_done(open_study(file)) == [1] * 10 and [row.value for row in rows] == [float(x) for x in range(1, 11)]
    assert {row.worker for row in rows} <= {"A", "B"} and sum(len(row.lost) for row in rows) <= 1
    assert all(row.worker == "B" and row.tries == 2 for row in rows if row.lost)
    if any(row.lost for row in rows):
        assert "was lost with worker A: it waits to be done again" in workers.said("B")


def test_the_next_that_starts_takes_over_from_all_that_were_killed(study, workers):
    file = study(3, 0.2)
    first = workers(file, "A")
    wait_until(lambda: at_work(file, "A"), first)
    first.kill()
    first.wait()
    assert sum(times_done(open_study(file))) < 3
    assert workers(file, "B").wait(60) == 0
    assert times_done(open_study(file)) == [1] * 3


def test_killed_again_and_again(study, workers, tmp_path):
    """Three places, twelve kills at random moments (also while starting, and while the journal is written)."""
    file, rng = study(60, 0.02), random.Random(0)
    running = [workers(file, f"w{n}") for n in range(3)]
    for n in range(3, 15):
        time.sleep(rng.uniform(0.05, 0.5))
        place = rng.randrange(3)
        running[place].kill()
        running[place] = workers(file, f"w{n}")
    for process in running:
        assert process.wait(120) == 0
    last = open_study(file)
    rows = results(last)
    # A point three workers died over would be given up; with kills this far apart that is next to impossible.
    assert times_done(last) == [1] * 60 and {row.state for row in rows} == {"done"}
    assert [row.value for row in rows] == [float(x) for x in range(1, 61)]
    begun = [int(line.split()[0]) for line in (tmp_path / "begun").read_text().splitlines()]
    assert set(begun) == set(range(1, 61)) and len(begun) <= 60 + 12  # again only what a killed one had begun
    if not SERVER:
        for line in file.read_bytes().splitlines():
            json.loads(line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_give_the_point_back(study, workers, number):
    file = study(2, 20.0)
    worker = workers(file, "A")
    wait_until(lambda: at_work(file, "A"), worker)
    time.sleep(0.1)
    worker.send_signal(number)
    assert worker.wait(30) == 130 and "A: stopped; point 0 is given back, 0 done here." in workers.said("A")
    rows = results(open_study(file))
    assert [row.state for row in rows] == ["waiting", "waiting"] and rows[0].lost == () and rows[0].tries == 1


def test_ctrl_c_in_the_background_of_a_script(study, workers):
    """A shell starts background jobs with Ctrl-C ignored; a worker hears it all the same."""
    file = study(1, 20.0)
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = workers(file, "A")
    finally:
        signal.signal(signal.SIGINT, kept)
    wait_until(lambda: at_work(file, "A"), worker)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 130


HOLDER = """
import os, signal, sys
sys.path.insert(0, {root!r})
from course_utils.search.storage import JournalLock
JournalLock(sys.argv[1]).acquire()
with open(sys.argv[1], "ab") as f:
    f.write(b'{{"op_code":6,"worker_id":"half a li')
    f.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@journal_only
def test_killed_in_the_middle_of_a_line(study, workers):
    """The process dies with the lock in its hand and half a line written: the others go on at once."""
    file = study(3, 0.01)
    code = HOLDER.format(root=str(ROOT))
    assert subprocess.run([sys.executable, "-c", code, str(file)]).returncode == -signal.SIGKILL
    assert not file.read_bytes().endswith(b"\n")
    begin = time.monotonic()
    assert workers(file, "A").wait(60) == 0
    assert time.monotonic() - begin < 25, "Optuna's 30 seconds were waited for"
    assert times_done(open_study(file)) == [1] * 3


def test_a_stopped_worker_is_not_dead(study, workers):
    """kill -STOP (a closed laptop): its point is not taken away, and counts when it goes on."""
    file = study(4, 0.4)
    a = workers(file, "A")
    wait_until(lambda: at_work(file, "A"), a)
    time.sleep(0.1)  # not while it writes
    a.send_signal(signal.SIGSTOP)
    b = workers(file, "B")
    wait_until(lambda: sum(row.state == "done" for row in results(open_study(file))) >= 3, b)
    time.sleep(0.5)
    assert b.poll() is None  # it stays, in case A dies
    a.send_signal(signal.SIGCONT)
    assert a.wait(60) == 0 and b.wait(60) == 0
    assert times_done(open_study(file)) == [1] * 4 and all(row.tries == 1 for row in results(open_study(file)))


@journal_only
@pytest.mark.parametrize("what", ["no file", "foreign", "no objective"])
def test_refused_with_status_2_and_a_line(study, workers, what):
    file = study(1, 0.0)
    if what == "no file":
        file.unlink()
    elif what == "foreign":
        file.write_bytes(b"\x89PNG\r\n\x1a\n")
    else:
        (file.parent / "fault_toys.py").unlink()
    assert workers(file, "A").wait(60) == 2
    words = {"no file": "there is no study at", "foreign": "or no journal of a", "no objective": "No module named"}
    assert words[what] in workers.said("A") and "Traceback" not in workers.said("A")
