"""Is the process that left this note still there? A note names the machine, the process and when that process began.

    note = me()                     # {"machine": "desk/1a2b3c4d/4026531836", "pid": 4711, "began": 812345.0}
    is_dead(note)                   # False; None where the note is from another machine and nobody here can know

Process numbers are given out again, so that a number alone proves nothing: a process of that number which began at
another time is another process.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import psutil

SAME_START = 2.0  # two readings of one start may lie so far apart: seconds, or on Linux hundredths of one


@lru_cache
def machine() -> str:
    """This machine until it is started again: its name, and on Linux also its start and the container's processes.
    Where the same process number means different processes, the texts differ."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # no Linux, or not allowed to look
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    return "/".join(parts)


def me() -> dict:
    """The note of this process; plain numbers and text, so that any storage can keep it."""
    return {"machine": machine(), "pid": os.getpid(), "began": start_of(os.getpid())}


def start_of(pid: int) -> float:
    """When a process began. On Linux in ticks since the machine's start: setting the clock changes nothing."""
    try:
        return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return psutil.Process(pid).create_time()


def is_dead(note: dict) -> bool | None:
    """True: the process is gone, or waits for its parent to hear of it (a zombie). False: it is there, stopped or slow.
    None: cannot be known here. note: from `me()`; ValueError for anything else."""
    try:
        where, pid, began = note["machine"], int(note["pid"]), float(note["began"])
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"{note!r} is no note of a process: make it with me().") from None
    if where != machine():
        return None
    try:
        return abs(start_of(pid) - began) > SAME_START or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:  # somebody else's process: it is there
        return None
