"""Whatever a learner's code does, the check ends, names what happened, and the lesson goes on: forked or not."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import cloudpickle
import numpy as np
import pytest
import torch

from course_utils import files as paths
from course_utils.exercises import bank, checking, guarded, sandbox

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as a notebook's functions travel: nobody can import them
forking = pytest.mark.skipif("fork" not in sandbox.WAYS, reason="no safe fork on this platform")
WAYS = [pytest.param("fork", marks=forking), "spawn"]  # the second is all that macOS and Windows have
unix = pytest.mark.skipif(os.name == "nt", reason="Windows has nothing of the kind")


def endless():
    while True:
        pass


def endless_catching_everything():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def grows():
    kept = []
    while True:
        kept.append(bytes(50_000_000))


def grows_without_a_limit_of_the_system():
    """What macOS and Windows allow."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    kept = []
    while True:
        kept.append(b"x" * 20_000_000)
        time.sleep(0.002)


def threads_that_never_end():
    for _ in range(3):
        threading.Thread(target=endless).start()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "work, problem",
    [
        (endless, "time"),
        (endless_catching_everything, "time"),
        (lambda: sum(range(10**15)), "time"),
        (lambda: time.sleep(1000), "time"),
        (lambda: np.ones(10**12), "memory"),
        (lambda: [0] * 10**12, "memory"),
        (grows, "memory"),
        (lambda: sys.exit(), "exit"),
        (lambda: os._exit(0), "exit"),
        (lambda: os.abort(), "crash"),
        pytest.param(lambda: os.kill(os.getpid(), signal.SIGSEGV), "crash", marks=unix),
        pytest.param(grows_without_a_limit_of_the_system, "memory", marks=unix),
        (lambda: os.closerange(3, 256), "exit"),
    ],
    ids=[
        "loop",
        "catches all",
        "C loop",
        "sleep",
        "numpy",
        "list",
        "grows",
        "exit",
        "_exit",
        "abort",
        "segfault",
        "watched",
        "pipe closed",
    ],
)
def test_named_and_survived(work, problem, way):
    result = sandbox.run(work, seconds=0.5 if problem == "time" else 20, way=way, memory=300_000_000)
    assert result.problem == problem
    assert result.value is None and result.detail


@pytest.mark.parametrize("way", WAYS)
def test_threads_that_never_end_hold_nothing_up(way):
    begin = time.monotonic()
    assert sandbox.run(threads_that_never_end, way=way).problem is None
    assert time.monotonic() - begin < 60 and not multiprocessing.active_children()


@pytest.mark.parametrize(
    "work, problem",
    [
        (endless, "time"),
        (lambda: time.sleep(1000), "time"),
        (lambda: sys.exit(3), "exit"),
        (lambda: np.ones(10**13), "memory"),
    ],
    ids=["loop", "sleep", "exit", "numpy"],
)
def test_in_this_process(work, problem):
    before = sys.stdout, sys.gettrace(), signal.getsignal(signal.SIGINT)
    result = sandbox.run(work, seconds=0.3, way="here")
    assert result.problem == problem
    assert (sys.stdout, sys.gettrace(), signal.getsignal(signal.SIGINT)) == before
    time.sleep(0.4)  # no late blow


@pytest.mark.parametrize("way", [*WAYS, "here"])
def test_prints_are_kept_short_and_counted(way, capfd):
    def loud():
        print("x" * 10_000_000)
        return [1, 2.5]

    result = sandbox.run(loud, way=way)
    assert result.value == [1, 2.5] and result.problem is None
    assert len(result.printed) == guarded.KEEP_PRINTED and result.printed_chars == 10_000_001
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("way", WAYS)
def test_child_cannot_write_to_the_terminal_or_change_the_parent(way, capfd):
    kept = []

    def work():
        os.write(1, b"raw")
        kept.append(1)
        return torch.ones(300, 300).matmul(torch.ones(300, 300)).sum().item()

    assert sandbox.run(work, way=way).value == 300.0**3
    assert kept == [] and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("way", WAYS)
def test_large_answers_come_back_whole(way):
    assert sandbox.run(lambda: list(range(200_000)), way=way).value == list(range(200_000))


@forking
def test_works_after_torch_used_its_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        w = torch.randn(400, 400, requires_grad=True)
        (w @ w).relu().sum().backward()

        def cosine_lr(t, peak, T):
            torch.randn(400, 400) @ torch.randn(400, 400)
            return 0.5 * peak * (1 + torch.cos(torch.tensor(torch.pi * t / T)))

        assert checking.judge(bank.find("10.1.3.cosine"), cosine_lr).kind == checking.CORRECT
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_autograd_in_an_answer_after_autograd_in_the_lesson():
    """PyTorch refuses that in a fork: the check then takes a fresh Python."""
    torch.ones(1, requires_grad=True).sum().backward()

    def momentum_update(w, v, g, lr, m):
        x = torch.tensor(float(w), dtype=torch.float64, requires_grad=True)
        (x * g).backward()
        v = m * v + x.grad
        return w - lr * v, v

    outcome = checking.judge(bank.find("10.1.1.momentum"), momentum_update, seconds=60)
    assert outcome.kind == checking.CORRECT


@forking
def test_no_warning_about_fork(recwarn):
    background = threading.Thread(target=time.sleep, args=(0.5,))
    background.start()
    assert sandbox.run(lambda: 1).value == 1
    background.join()
    assert [str(warning.message) for warning in recwarn] == []


@unix
@pytest.mark.parametrize("way", WAYS)
def test_stop_button_ends_the_child(way, tmp_path):
    note = tmp_path / "pid"

    def work():
        note.write_text(str(os.getpid()))
        endless()

    def press():
        while not (note.exists() and note.read_text()):
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(work, seconds=60, way=way)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@unix
@pytest.mark.parametrize("way", WAYS)
def test_children_of_the_child_end_with_it(way, tmp_path):
    note = tmp_path / "pid"

    def work():
        child = os.fork()
        if child == 0:
            time.sleep(60)
        note.write_text(str(child))
        return 1

    assert sandbox.run(work, way=way).value == 1
    for _ in range(200):
        state = _state(int(note.read_text()))
        if state in (None, "Z"):  # gone, or dead and waiting to be reaped by init
            break
        time.sleep(0.05)
    assert state in (None, "Z")


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


# ------------------------------------------------------------------------------------- where there is no fork
@pytest.fixture
def no_fork(monkeypatch):
    """As on macOS and Windows."""
    monkeypatch.setattr(sandbox, "WAYS", ("spawn", "here"))
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it forked"))


def test_a_right_answer_is_right_without_fork(no_fork):
    def cosine_lr(t, peak, T):
        return 0.5 * peak * (1 + np.cos(np.pi * t / T))

    assert checking.judge(bank.find("10.1.3.cosine"), cosine_lr, seconds=60).kind == checking.CORRECT


def test_answers_for_torch_and_numpy_are_tried_in_a_fresh_python(no_fork):
    """The function names neither: only the arguments it is given can tell."""

    def step_decay(t, peak, milestones, factor):
        return peak * factor ** (milestones <= t).sum()

    assert checking.judge(bank.find("10.1.2.step_decay"), step_decay, seconds=60).kind == checking.CORRECT
    outcome = checking.judge(bank.find("10.1.3.cosine"), lambda t, peak, T: peak.new_zeros(1), seconds=60)
    assert outcome.kind == checking.NOT_YET


def test_an_error_shows_the_learners_lines_without_fork(no_fork):
    def cosine_lr(t, peak, T):
        return peak * math_of(t)  # noqa: F821

    outcome = checking.judge(bank.find("10.1.3.cosine"), cosine_lr, seconds=60)
    assert outcome.kind == checking.ERROR and "return peak * math_of(t)" in outcome.text and "NameError" in outcome.text


def test_what_cannot_be_sent_runs_here(no_fork):
    lock = threading.Lock()

    def work():
        with lock:
            return os.getpid()

    assert sandbox.run(work).value == os.getpid()
    assert sandbox.run(lambda: lock and endless(), seconds=0.3).problem == "time"


@pytest.mark.parametrize("way", WAYS)
def test_a_child_that_cannot_begin_is_done_without(way, monkeypatch):
    def none(self):
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", none)
    assert sandbox.run(os.getpid, way=way).value == os.getpid()


SCRIPT = """
from course_utils.exercises import sandbox
print("once")
print(sandbox.run(lambda: 2, way="spawn").value)
"""


def test_a_script_is_not_run_again_in_the_fresh_python(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    said = subprocess.run([sys.executable, tmp_path / "script.py"], env=environment, text=True, capture_output=True)
    assert said.stdout.split() == ["once", "2"] and said.stderr == ""


# ------------------------------------------------------------------------------------- through `check`
def test_recursion_is_the_learners_error():
    def cosine_lr(t, peak, T):
        return cosine_lr(t, peak, T)

    outcome = checking.judge(bank.find("10.1.3.cosine"), cosine_lr)
    assert outcome.kind == checking.ERROR and "calls itself without end" in outcome.text


def test_check_names_an_endless_loop():
    outcome = checking.judge(bank.find("10.1.3.cosine"), lambda t, peak, T: endless(), seconds=0.5)
    assert outcome.kind == checking.ERROR and "never ends" in outcome.text


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads here")
def test_stop_button_here():
    threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(lambda: time.sleep(3), seconds=20, way="here")


KERNEL_CELLS = (
    """
import warnings
import torch
from course_utils.exercises import check, sandbox
warnings.simplefilter("always")
torch.set_num_threads(2)
w = torch.randn(300, 300, requires_grad=True)
for _ in range(3):
    (w @ w).relu().sum().backward()
""",
    """
def momentum_update(w, v, g, lr, m):
    torch.randn(300, 300) @ torch.randn(300, 300)
    v = m * torch.as_tensor(v) + g
    return w - lr * v, v
check("10.1.1.momentum", momentum_update)
""",
    """
import os
check("10.1.1.momentum", lambda *inputs: os._exit(1))
""",
    "print('the kernel lives')",
)


@pytest.mark.parametrize("way", WAYS)
def test_in_a_real_kernel_after_training(way, tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    cells = [nbformat.v4.new_code_cell(source) for source in KERNEL_CELLS]
    cells[0].source += f"sandbox.WAYS = {sandbox.WAYS[sandbox.WAYS.index(way) :]}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(paths.ROOT)}}
    ).execute()
    training, right, ended, alive = (cell.outputs for cell in notebook.cells)
    assert training == []
    assert [output["data"]["text/plain"][:9] for output in right] == ["[CORRECT]"]  # one output: no warning beside it
    assert ["ended the whole Python process" in output["data"]["text/plain"] for output in ended] == [True]
    assert alive[0]["text"] == "the kernel lives\n"
