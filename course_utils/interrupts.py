"""Ctrl-C, held back where a thing must be done wholly or not at all."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[list]:
    """Hold Ctrl-C back to the end of the block: an update is made wholly or not at all.

    Gives a list that has an entry for each press, for a block that wants to end early by itself.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield []
        return
    pressed = []
    signal.signal(signal.SIGINT, lambda *why: pressed.append(why))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(*pressed[0])
