"""Is the process that left this note still there? A note names the machine, the process and when that process began.

    note = me()                     # {"machine": "desk/1a2b3c4d/4026531836", "pid": 4711, "began": 1732460000.12}
    is_dead(note)                   # False; None where the note is from another machine and nobody here can know

Process numbers are given out again, so that a number alone proves nothing: a process of that number which began at
another time is another process.
"""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

import psutil

# Seconds two readings of one process's start may lie apart: clocks are set right now and then. To be taken for the one
# before it, a process would have to get its number within that time.
SAME_START = 2.0


@lru_cache
def machine() -> str:
    """This machine until it is started again: its name, and on Linux also its start and the container's processes.

    Two machines, or two containers, in which the same process number means different processes have different texts.
    """
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    except OSError:  # no Linux, or not allowed to look
        pass
    return "/".join(parts)


def me() -> dict:
    """The note of this process; plain numbers and text, so that any storage can keep it."""
    return {"machine": machine(), "pid": os.getpid(), "began": _began(os.getpid())}


@lru_cache
def _began(pid: int) -> float:  # a forked child has another number, and so its own entry
    return psutil.Process(pid).create_time()


def is_dead(note: dict) -> bool | None:
    """True: the process is gone. False: it is there (stopped or slow counts as there). None: cannot be known here.

    note: from `me()`. Raises ValueError for anything else. A process that was killed and whose parent has not asked for
    its exit status yet (a zombie) is gone.
    """
    try:
        where, pid, began = note["machine"], int(note["pid"]), float(note["began"])
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"{note!r} is no note of a process: make it with me().") from None
    if where != machine():
        return None
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - began) > SAME_START or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:  # somebody else's process: it is there
        return None
