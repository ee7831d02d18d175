"""Run a learner's code so that nothing it does can hang or kill the lesson.

On Linux the work runs in a forked child: the child may loop for ever, fill the memory, print megabytes or
end its process; the parent waits a few seconds, takes what came back through a pipe, and names what
happened. Elsewhere (macOS, Windows: no safe fork under a running kernel) the work runs in this process
under a timer, which interrupts Python code but not one long call inside a C library.
"""

from __future__ import annotations

import _thread
import faulthandler
import gc
import io
import json
import os
import select
import signal
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

SECONDS = 5.0
EXTRA_MEMORY = 1_500_000_000  # bytes a check may use beyond what the kernel already holds
KEEP_PRINTED = 2_000  # characters of the learner's prints that come back
INTERRUPTED = "it raised KeyboardInterrupt"
CAN_FORK = sys.platform.startswith("linux") and hasattr(os, "fork")


@dataclass
class Guarded:
    """What came of a guarded run.

    value:    what the work returned (JSON-able), None when there is a problem
    problem:  None, "time", "memory", "exit" (the code ended its process) or "crash" (a signal)
    detail:   the problem in words, without a full stop
    printed:  the first characters the work printed; printed_chars counts all of them
    """

    value: object = None
    problem: str | None = None
    detail: str = ""
    printed: str = ""
    printed_chars: int = 0


def run(
    work: Callable[[], object],
    *,
    seconds: float = SECONDS,
    memory: int = EXTRA_MEMORY,
    fork: bool | None = None,
) -> Guarded:
    """Call `work()` under guard. It must return something json can write; learner exceptions are its own
    affair.

    seconds: wall-clock limit; memory: extra bytes (fork only); fork: None picks what the platform can do.
    """
    if CAN_FORK if fork is None else fork:
        result = _run_forked(work, seconds, memory)
        if result is not None:
            return result
    return _run_inline(work, seconds)


class _Notepad(io.TextIOBase):
    """A stdout that keeps the first characters and counts the rest."""

    def __init__(self):
        self.kept, self.chars = [], 0

    def writable(self):
        return True

    def write(self, text):
        room = KEEP_PRINTED - self.chars
        if room > 0:
            self.kept.append(text[:room])
        self.chars += len(text)
        return len(text)

    @property
    def text(self):
        return "".join(self.kept)


def _outcome(work: Callable[[], object], seconds: float) -> Guarded:
    """Call the work, turning the ways Python code can leave it into a Guarded."""
    try:
        return Guarded(value=work())
    except MemoryError:
        return Guarded(problem="memory", detail="it asked for more memory than a check allows")
    except SystemExit:
        return Guarded(problem="exit", detail="it called exit(), which would end the whole kernel")
    except _TimeIsUp:
        return Guarded(problem="time", detail=_too_long(seconds))
    except KeyboardInterrupt:
        return Guarded(problem="exit", detail=INTERRUPTED)


def _too_long(seconds: float) -> str:
    return f"it was still running after {seconds:g} seconds and was stopped (a loop that never ends?)"


# ---------------------------------------------------------------- in a forked child (Linux)


def _run_forked(work, seconds, memory) -> Guarded | None:
    """Run in a child. None when the child could not even begin (then the caller runs inline)."""
    reader, writer = os.pipe()
    try:
        with warnings.catch_warnings():
            # Python 3.12+ warns that a fork of a multi-threaded process may deadlock. It may: the child
            # runs one thread, touches no lock of ours, and is killed when it does not answer.
            warnings.filterwarnings("ignore", r".*multi-threaded, use of fork", DeprecationWarning)
            pid = os.fork()
    except OSError:  # no memory or no processes left: the check can still run here
        os.close(reader)
        os.close(writer)
        return None
    if pid == 0:
        _child(work, seconds, memory, reader, writer)  # never returns
    os.close(writer)
    try:
        message, ended = _read(reader, time.monotonic() + seconds)
    finally:  # also on Ctrl-C: the child never outlives the check
        os.close(reader)
        status = _end(pid)
    if message is None:
        return None
    if message:
        return Guarded(**json.loads(message))
    if not ended:
        return Guarded(problem="time", detail=_too_long(seconds))
    return _death(status)


def _child(work, seconds, memory, reader, writer):
    """The forked child: set limits, work, send one length-prefixed JSON message, leave without clean-up."""
    try:
        os.close(reader)
        os.setpgid(0, 0)  # Ctrl-C belongs to the parent; and killing the group takes grandchildren along
        gc.disable()  # a collection could finalise the kernel's sockets in the wrong process
        notepad = _quiet()
        free = _limit(seconds, memory)
        os.write(writer, b"!")  # "I have begun": from here on the clock is the learner's
        result = _outcome(work, seconds)
        free()
        result.printed, result.printed_chars = notepad.text, notepad.chars
        body = json.dumps(result.__dict__).encode()
        _write_all(writer, struct.pack("<Q", len(body)) + body)
        os._exit(0)
    finally:
        os._exit(70)  # whatever else happens in here, the child must not return into the lesson


def _quiet() -> _Notepad:
    """Nothing the child prints or displays may reach the notebook by itself."""
    notepad = _Notepad()
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = notepad
    faulthandler.disable()  # it would write a crash report where the learner reads
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        if shell is not None:
            shell.display_pub.publish = lambda *args, **kwargs: None
    if "torch" in sys.modules:  # torch's worker threads do not exist in a forked child
        sys.modules["torch"].set_num_threads(1)
    return notepad


def _limit(seconds: float, memory: int) -> Callable[[], None]:
    """Lower this process's limits; returns a function that lifts the memory limit again for the answer."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu = int(seconds) + 2  # a second fuse, should the parent die before it can kill us
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu if hard < 0 else min(cpu, hard), hard))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as statm:
        held = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limit = held + memory if soft < 0 else min(soft, held + memory)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _write_all(descriptor: int, data: bytes):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read(reader: int, deadline: float) -> tuple[bytes | None, bool]:
    """(message, child closed its end). message is None when the child never began, b"" when it sent
    nothing."""
    received = b""
    while True:
        wait = deadline - time.monotonic()
        ready = select.select([reader], [], [], max(0.0, wait))[0] if wait > 0 else []
        if not ready:
            return (b"" if received else None), False
        chunk = os.read(reader, 65536)
        if not chunk:
            return (b"" if received else None), True
        received += chunk
        if len(received) >= 9:
            size = struct.unpack("<Q", received[1:9])[0]
            if len(received) >= 9 + size:
                return received[9:], True


def _end(pid: int) -> int:
    """Kill the child and everything it started (if it is still there); returns its wait status."""
    for kill in (os.killpg, os.kill):  # killpg fails when the child has not yet made its own group
        try:
            kill(pid, signal.SIGKILL)
            break
        except (ProcessLookupError, PermissionError):
            continue
    return os.waitpid(pid, 0)[1]


def _death(status: int) -> Guarded:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return Guarded(problem="memory", detail="the system killed it, most likely for using all memory")
        name = signal.Signals(number).name
        return Guarded(problem="crash", detail=f"it crashed the Python process ({name})")
    return Guarded(problem="exit", detail="it ended the whole Python process (os._exit or the like)")


# ---------------------------------------------------------------- in this process (macOS, Windows)


class _TimeIsUp(BaseException):
    """Raised into code that outlived its time; not an Exception, so `except Exception` lets it pass."""


def _run_inline(work, seconds) -> Guarded:
    """Run here, under an alarm where Python has one: in the main thread, which is where a kernel runs cells."""
    notepad, before = _Notepad(), (sys.stdout, sys.stderr)
    alarm = _alarm if threading.current_thread() is threading.main_thread() else nullcontext
    try:
        sys.stdout = sys.stderr = notepad
        with alarm(seconds):
            result = _outcome(work, seconds)
    except _TimeIsUp:  # it struck while the work was just ending
        result = Guarded(problem="time", detail=_too_long(seconds))
    finally:
        sys.stdout, sys.stderr = before
    if result.detail == INTERRUPTED:
        raise KeyboardInterrupt  # the learner pressed Stop: that is theirs to see
    result.printed, result.printed_chars = notepad.text, notepad.chars
    return result


@contextmanager
def _alarm(seconds: float):
    """Raise _TimeIsUp in the main thread after `seconds`, again and again until the block is left.

    One blow is not enough for `except: pass` in a loop, so each is followed by a second one in the next line
    of the code it hit (through a trace function), which is then inside the handler and gets out of it.
    """
    state = {"done": False, "late": False}

    def ring():
        time.sleep(seconds)
        while not state["done"]:
            state["late"] = True
            _interrupt_main()
            time.sleep(0.1)

    def strike(number, frame):
        if not state["late"]:
            raise KeyboardInterrupt
        if not state["done"]:
            _strike_again_in(frame)
            raise _TimeIsUp

    before, tracing = signal.signal(signal.SIGINT, strike), sys.gettrace()
    threading.Thread(target=ring, daemon=True).start()
    try:
        yield
    finally:
        try:
            state["done"] = True
        except _TimeIsUp:  # struck in this very line; the next blow is far
            state["done"] = True
        sys.settrace(tracing)
        signal.signal(signal.SIGINT, before)


def _strike_again_in(frame):
    armed = []

    def trace(frame, event, arg):
        if event == "line" and frame in armed:  # the next line is already inside whatever handler caught it
            raise _TimeIsUp  # (Python switches tracing off when a trace function raises)
        return trace

    while frame is not None and frame.f_code is not _outcome.__code__:
        armed.append(frame)
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)


def _interrupt_main():
    if hasattr(signal, "pthread_kill"):  # a real signal also wakes a call that sleeps
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()
