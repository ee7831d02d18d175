"""Whatever a learner's code does, the check ends, names what happened, and the lesson goes on."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
import torch

from course_utils import files as paths
from course_utils.exercises import bank, checking, sandbox

forking = pytest.mark.skipif(not sandbox.CAN_FORK, reason="this platform runs checks in the kernel's own process")


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


@forking
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
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "crash"),
    ],
    ids=["loop", "catches all", "C loop", "sleep", "numpy", "list", "grows", "exit", "_exit", "segfault"],
)
def test_named_and_survived(work, problem):
    result = sandbox.run(work, seconds=0.5 if problem == "time" else 20)
    assert result.problem == problem
    assert result.value is None and result.detail


@pytest.mark.parametrize(
    "work, problem",
    [
        (endless, "time"),
        (endless_catching_everything, "time"),
        (lambda: time.sleep(1000), "time"),
        (lambda: sys.exit(3), "exit"),
        (lambda: np.ones(10**13), "memory"),
    ],
    ids=["loop", "catches all", "sleep", "exit", "numpy"],
)
def test_without_fork(work, problem):
    before = sys.stdout, sys.gettrace()
    result = sandbox.run(work, seconds=0.3, fork=False)
    assert result.problem == problem
    assert (sys.stdout, sys.gettrace()) == before


@pytest.mark.parametrize("fork", [pytest.param(True, marks=forking), False])
def test_prints_are_kept_short_and_counted(fork, capfd):
    def loud():
        print("x" * 10_000_000)
        return [1, 2.5]

    result = sandbox.run(loud, fork=fork)
    assert result.value == [1, 2.5] and result.problem is None
    assert len(result.printed) == sandbox.KEEP_PRINTED and result.printed_chars == 10_000_001
    assert capfd.readouterr().out == ""


@forking
def test_child_cannot_write_to_the_terminal_or_change_the_parent(capfd):
    kept = []

    def work():
        os.write(1, b"raw")
        kept.append(1)
        return torch.ones(300, 300).matmul(torch.ones(300, 300)).sum().item()

    assert sandbox.run(work).value == 300.0**3
    assert kept == [] and capfd.readouterr() == ("", "")


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


@forking
def test_autograd_in_an_answer_after_autograd_in_the_lesson():
    torch.ones(1, requires_grad=True).sum().backward()

    def momentum_update(w, v, g, lr, m):
        x = torch.tensor(float(w), dtype=torch.float64, requires_grad=True)
        (x * g).backward()
        v = m * v + x.grad
        return w - lr * v, v

    assert checking.judge(bank.find("10.1.1.momentum"), momentum_update).kind == checking.CORRECT


@forking
def test_no_warning_about_fork(recwarn):
    background = threading.Thread(target=time.sleep, args=(0.5,))
    background.start()
    assert sandbox.run(lambda: 1).value == 1
    background.join()
    assert [str(one.message) for one in recwarn] == []


@forking
def test_stop_button_ends_the_child():
    pids_read, pids_write = os.pipe()

    def work():
        os.write(pids_write, str(os.getpid()).encode())
        endless()

    threading.Timer(0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(work, seconds=30)
    child = int(os.read(pids_read, 32))
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    os.close(pids_read)
    os.close(pids_write)


@forking
def test_children_of_the_child_end_with_it():
    read, write = os.pipe()

    def work():
        child = os.fork()
        if child == 0:
            time.sleep(60)
        os.write(write, str(child).encode())
        return 1

    assert sandbox.run(work).value == 1
    grandchild = int(os.read(read, 32))
    for _ in range(200):
        state = _state(grandchild)
        if state in (None, "Z"):  # gone, or dead and waiting to be reaped by init
            break
        time.sleep(0.05)
    assert state in (None, "Z")
    os.close(read)
    os.close(write)


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


@forking
def test_recursion_is_the_learners_error():
    def cosine_lr(t, peak, T):
        return cosine_lr(t, peak, T)

    outcome = checking.judge(bank.find("10.1.3.cosine"), cosine_lr)
    assert outcome.kind == checking.ERROR and "calls itself without end" in outcome.text


@forking
def test_check_names_an_endless_loop():
    outcome = checking.judge(bank.find("10.1.3.cosine"), lambda t, peak, T: endless(), seconds=0.5)
    assert outcome.kind == checking.ERROR and "never ends" in outcome.text


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads here")
def test_stop_button_without_fork():
    threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(lambda: time.sleep(3), seconds=20, fork=False)


KERNEL_CELLS = (
    """
import warnings
import torch
from course_utils.exercises import check
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


@forking
def test_in_a_real_kernel_after_training(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in KERNEL_CELLS])
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(paths.ROOT)}}
    ).execute()
    training, right, ended, alive = (cell.outputs for cell in notebook.cells)
    assert training == []
    assert [one["data"]["text/plain"][:9] for one in right] == ["[CORRECT]"]  # one output: no warning beside it
    assert ["ended the whole Python process" in one["data"]["text/plain"] for one in ended] == [True]
    assert alive[0]["text"] == "the kernel lives\n"
