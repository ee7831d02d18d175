"""Run a learner's code so that nothing it does by mistake can hang or kill the lesson.

The work gets a process of its own. There it may loop for ever, fill the memory, print megabytes or end its process;
the parent waits a few seconds, takes what came back through a pipe, kills what is left and names what happened. On
Linux the process is a fork. Elsewhere no fork is safe under a running kernel: there, and where PyTorch refuses to work
in a fork, it is a fresh Python that is sent the work by cloudpickle. What cannot be sent runs here, under a timer.

It is no prison: code that *wants* to do harm is the learner's own, with the learner's rights. It may kill its parent,
write to files, or forge an answer; nobody is cheated but the learner.
"""

from __future__ import annotations

import _thread
import builtins
import faulthandler
import gc
import getpass
import json
import multiprocessing
import os
import pickle
import signal
import stat
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import asdict

from course_utils.exercises.guarded import INTERRUPTED, TOO_MUCH, Guarded, Notepad, outcome
from course_utils.interrupts import uninterrupted

SECONDS = 5.0
START_SECONDS = {"fork": 5.0, "spawn": 60.0}  # until the child begins; a fresh Python may have to import torch first
EXTRA_MEMORY = 1_500_000_000  # bytes a check may use beyond what its process held at the beginning
MOST_BYTES = 50_000_000  # of an answer
WAYS = ("fork", "spawn", "here") if sys.platform.startswith("linux") else ("spawn", "here")

LATE = "it was still running after {:g} seconds and was stopped (a loop that never ends?)"


def run(
    work: Callable, *, seconds: float = SECONDS, memory: int = EXTRA_MEMORY, way: str | None = None, others: bool = True
) -> Guarded | None:
    """Call `work()` under guard. It must return something json can write; the learner's exceptions are its own affair.

    seconds: wall-clock limit; memory: extra bytes. way: "fork" (Linux), "spawn" (a fresh Python) or "here" (this
    process: it interrupts Python code, but not one long call in C, and knows no limit of memory); None takes the first
    that the platform has. A way that fails to begin is followed by the next; by none, and None comes back, without
    others.
    """
    ways = WAYS[WAYS.index(way or WAYS[0]) :]
    for name in ways if others else ways[:1]:
        result = _run_here(work, seconds) if name == "here" else _run_apart(work, name, seconds, memory)
        if result is not None:
            return result


# ------------------------------------------------------------------------------------- in a process of its own
def _run_apart(work: Callable, way: str, seconds: float, memory: int) -> Guarded | None:
    """Run in a child. None when it could not even begin."""
    context, main = multiprocessing.get_context(way), sys.modules["__main__"]
    try:
        if way == "spawn":
            import cloudpickle

            work = cloudpickle.dumps(work)
    except Exception:  # no cloudpickle, or the function holds what cannot be sent: an open file, a widget
        return None
    with uninterrupted() as pressed:  # from before the child begins until it is gone: it never outlives the check
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(work, sender, seconds, memory))
        try:
            with sender, warnings.catch_warnings():
                # Python 3.12+ warns that a fork of a multi-threaded process may deadlock. It may: the child runs one
                # thread, touches no lock of ours, and is killed when it does not answer.
                warnings.filterwarnings("ignore", r".*multi-threaded, use of fork", DeprecationWarning)
                if way == "spawn":  # a fresh Python would run the learner's script once more, if it knew of it
                    sys.modules["__main__"] = types.ModuleType("__main__")
                process.start()
            return _listen(receiver, process, START_SECONDS[way], seconds, memory, pressed)
        except OSError:  # no memory or no processes left
            return None
        finally:
            sys.modules["__main__"] = main
            _end(process)
            receiver.close()


def _listen(receiver, process, start: float, seconds: float, memory: int, pressed: list) -> Guarded | None:
    """What the child reports, or what became of it; None when it did not even begin. pressed: the Ctrl-Cs so far."""
    give_up, allowed, watch = time.monotonic() + start, None, None
    try:
        while True:
            while process.is_alive() and not receiver.poll(0.05) and not pressed:
                if time.monotonic() > give_up:
                    return allowed and Guarded(None, "time", LATE.format(seconds))
                if allowed and _held(process.pid) > allowed:  # where the system itself sets no limit
                    return Guarded(None, "memory", TOO_MUCH)
            if pressed:
                return Guarded(None, "exit", INTERRUPTED)
            if allowed or not receiver.poll():
                break
            receiver.recv_bytes()  # "I have begun": from here on the clock is the learner's
            give_up, allowed = time.monotonic() + seconds, _held(process.pid) + memory
            watch = threading.Timer(seconds + 1, process.kill)  # for half a message whose other half never comes
            watch.start()
        if receiver.poll():
            return Guarded(**json.loads(receiver.recv_bytes(MOST_BYTES)))
    except (EOFError, OSError):
        process.join(1.0)
    except (TypeError, ValueError):
        return Guarded(None, "crash", "what it sent back is no answer")
    finally:
        if watch:
            watch.cancel()
    if not allowed:
        return None
    code = process.exitcode or 0
    if time.monotonic() > give_up:
        return Guarded(None, "time", LATE.format(seconds))
    if code == -9:
        return Guarded(None, "memory", "the system killed it, most likely for using all memory")
    if code < 0 or code >= 0xC0000000:  # the second is how Windows says it
        name = signal.Signals(-code).name if code < 0 else hex(code)
        return Guarded(None, "crash", f"it crashed the Python process ({name})")
    return Guarded(None, "exit", "it ended the whole Python process (os._exit or the like)")


def _held(pid: int) -> int:
    """Bytes of memory that a process holds; 0 when it is gone."""
    import psutil

    with suppress(psutil.Error):
        return psutil.Process(pid).memory_info().rss
    return 0


def _end(process) -> None:
    """Kill the child, if it is still there, and everything it started, also what left its group."""
    import psutil

    if process.pid is None:
        return
    started = []
    with suppress(psutil.Error):
        started = psutil.Process(process.pid).children(recursive=True)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, OSError):  # Windows; or the child has no group of its own yet
        process.kill()
    for other in started:
        with suppress(psutil.Error):
            other.kill()
    process.join()
    process.close()


def _child(work, sender, seconds: float, memory: int) -> None:
    """The child: set limits, work, send the result, leave without clean-up."""
    try:
        if hasattr(os, "setpgid"):  # Ctrl-C belongs to the parent; and killing the group takes grandchildren along
            os.setpgid(0, 0)
        gc.disable()  # a collection could finalise the kernel's sockets in the wrong process
        notepad = _quiet()
        _let_go(but=sender.fileno())
        work = pickle.loads(work) if isinstance(work, bytes) else work
        lift = _limit(seconds, memory)
        sender.send_bytes(b"begun")
        result = outcome(work, notepad)
        lift()
        sender.send_bytes(json.dumps(asdict(result)).encode())
        time.sleep(10)  # the parent ends us, and while we are here it finds what we started
    finally:
        os._exit(70)  # whatever happens in here, the child must not return into the lesson


def _quiet() -> Notepad:
    """Nothing the child prints or displays may reach the notebook by itself."""
    notepad = Notepad()
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = notepad
    builtins.input = getpass.getpass = _nobody_answers
    faulthandler.disable()  # it would write a crash report where the learner reads
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
        shell.display_pub.publish = lambda *args, **kwargs: None
    if "torch" in sys.modules:  # torch's worker threads do not exist in a forked child
        sys.modules["torch"].set_num_threads(1)
    return notepad


def _let_go(but: int) -> None:
    """The pipes and sockets that a fork inherits lead nowhere: a stray write would reach the kernel's own talks."""
    if not sys.platform.startswith("linux"):
        return
    with open(os.devnull, "r+b", buffering=0) as silence:
        for number in map(int, os.listdir("/proc/self/fd")):
            with suppress(OSError):
                if number not in (but, silence.fileno()) and not stat.S_ISREG(os.fstat(number).st_mode):
                    os.dup2(silence.fileno(), number)


def _nobody_answers(*_, **__):
    raise RuntimeError("input() cannot be used in a check: nobody is there to answer. Use the arguments.")


def _limit(seconds: float, memory: int) -> Callable[[], None]:
    """Lower this process's limits; returns a function that lifts the memory limit again for the answer."""
    if not sys.platform.startswith("linux"):  # no such limits, or none that hold: the parent watches
        return lambda: None
    import ctypes
    import resource

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: who runs away from its parent becomes our child
    with open("/proc/self/statm") as statm:
        held = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    # The limit of CPU time is a second fuse, should the parent die before it can kill us.
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: int(seconds) + 2, resource.RLIMIT_AS: held + memory}
    for kind, value in limits.items():
        soft, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (min(x for x in (value, soft, hard) if x >= 0), hard))
    return lambda: resource.setrlimit(resource.RLIMIT_AS, before)


# ------------------------------------------------------------------------------------- in this process
def _run_here(work: Callable, seconds: float) -> Guarded:
    """The last resort. In the main thread, where a kernel runs cells, a Ctrl-C of ours stops what takes too long."""
    notepad, late = Notepad(), threading.Event()

    def ring():
        late.set()
        if hasattr(signal, "pthread_kill"):  # a real signal also wakes a call that sleeps
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        else:
            _thread.interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    try:
        if threading.current_thread() is threading.main_thread():
            timer.start()
        with redirect_stdout(notepad), redirect_stderr(notepad):
            result = outcome(work, notepad)
        timer.cancel()
    except KeyboardInterrupt:  # it struck while the work was just ending
        result = Guarded(None, "exit", INTERRUPTED)
    finally:
        timer.cancel()
    if result.detail == INTERRUPTED and not late.is_set():
        raise KeyboardInterrupt  # the learner pressed Stop: that is theirs to see
    return Guarded(None, "time", LATE.format(seconds)) if result.detail == INTERRUPTED else result
