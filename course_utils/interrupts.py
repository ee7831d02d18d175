"""Ctrl-C, held back where a thing must be done wholly or not at all."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager


@contextmanager
def uninterrupted():
    """Hold Ctrl-C back to the end of the block: an update is made wholly or not at all."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed = []
    signal.signal(signal.SIGINT, lambda *why: pressed.append(why))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(*pressed[0])


# ------------------------------------------------- for workers: Ctrl-C waits for a good moment
# A KeyboardInterrupt out of nowhere can be swallowed by whatever library is at work just then, or leave a half-written
# line. So the signal handler raises it only while an objective runs and no line is being written; at any other time it
# leaves a note, which `stop_if_asked` reads at a place where nothing is half done.
_held = _open = _asked = False


def interrupt() -> None:
    """For a signal handler: KeyboardInterrupt now where that is safe, else at the next `stop_if_asked`."""
    global _asked
    if _open and not _held:
        raise KeyboardInterrupt
    _asked = True


def stop_if_asked() -> None:
    """KeyboardInterrupt here, if one was asked for since."""
    global _asked
    if _asked:
        _asked = False
        raise KeyboardInterrupt


@contextmanager
def interruptible():
    """Inside, `interrupt` raises at once, except while a line is being written."""
    global _open
    _open = True
    try:
        stop_if_asked()
        yield
    finally:
        _open = False


def hold_signals(on: bool) -> None:
    """While on, `interrupt` raises nothing; when it ends inside `interruptible`, it raises what came meanwhile."""
    global _held
    if threading.current_thread() is not threading.main_thread():  # only the main thread gets signals
        return
    _held = on
    if _open and not on:
        stop_if_asked()
