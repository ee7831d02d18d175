"""One decoded, checked cache file: written whole or not at all, checked before anything in it is used.

The file: a line with the checksum of all that follows, a line of JSON (version, the copy of the data it was
made from, what `Arrays` knows beside the pixels), then the pixels of the training and the test images, byte
by byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np

from course_utils.data import readers
from course_utils.data.readers import Arrays

VERSION = 1  # raise it when the order, the layout or the decoding of the images changes


class CacheProblem(Exception):
    """The cache cannot be used: `str(problem)` says why. The way out is always to make it again."""


def load(file: Path, fingerprint: str) -> Arrays | None:
    """The arrays in the cache, or None where there is none for this copy and this version.

    Raises CacheProblem when the file is damaged, cut short, foreign or cannot be read.
    """
    if not file.exists():
        return None
    try:
        with open(file, "rb") as stored:
            checksum = stored.readline(100).strip()
            content = np.fromfile(stored, np.uint8)
    except OSError as problem:
        raise CacheProblem(f"cannot be read: {problem}") from problem
    if _checksum(content) != checksum:
        raise CacheProblem("its checksum is wrong: cut short, changed or foreign")
    header_length = int(np.argmax(content[:4096] == ord("\n")))
    header = json.loads(content[:header_length].tobytes())
    if (header.pop("version"), header.pop("fingerprint")) != (VERSION, fingerprint):
        return None
    return _arrays(content[header_length + 1 :], **header)


def _arrays(pixels: np.ndarray, **known) -> Arrays:
    """Cut the pixels into training and test images; the labels follow from the order, which is by class."""
    parts, begin = {}, 0
    for split, per_class in readers.PER_CLASS.items():
        end = begin + 10 * per_class * 3 * 32 * 32
        parts[f"{split}_images"] = pixels[begin:end].reshape(-1, 3, 32, 32)
        parts[f"{split}_labels"] = np.repeat(np.arange(10), per_class)
        begin = end
    arrays = Arrays(**parts, source=known["source"], mean=tuple(known["mean"]), std=tuple(known["std"]))
    arrays.check()
    return arrays


def save(file: Path, arrays: Arrays, fingerprint: str) -> None:
    """Write the cache beside its place and move it there in one step; a crash leaves the old file or none.

    Raises OSError (read-only folder, full disk), leaving nothing behind.
    """
    header = {
        "version": VERSION,
        "fingerprint": fingerprint,
        "source": arrays.source,
        "mean": arrays.mean,
        "std": arrays.std,
    }
    parts = [
        json.dumps(header).encode() + b"\n",
        np.ascontiguousarray(arrays.train_images),
        np.ascontiguousarray(arrays.test_images),
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(file)
    temporary = file.with_name(f"{file.stem}-{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as out:
            out.write(_checksum(*parts) + b"\n")
            for part in parts:
                out.write(part)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except BaseException:  # Ctrl-C too: no half-written file stays
        temporary.unlink(missing_ok=True)
        raise


def _checksum(*parts) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()


def _remove_leftovers(file: Path, older_than: float = 3600.0) -> None:
    """Delete temporary files that killed processes left beside `file`, `older_than` seconds ago or more."""
    for leftover in file.parent.glob(file.stem + "-*.tmp"):
        with contextlib.suppress(OSError):  # another process was faster, or it is not ours: no harm where it is
            if time.time() - leftover.stat().st_mtime > older_than:
                leftover.unlink()
