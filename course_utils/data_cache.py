"""One decoded, checked cache file: written whole or not at all, and every byte checked when it is read.

The file is an uncompressed .npz (a zip of arrays), so reading it checks a CRC-32 of every array; pickles are not
allowed in it. Its header says which version of this module and which copy of the data it was made from.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from .data_readers import Arrays, DataError

VERSION = 1  # raise it when the order, the layout or the decoding of the images changes
_PARTS = ("train_images", "train_labels", "test_images", "test_labels")


class CacheProblem(Exception):
    """The cache cannot be used: `str(problem)` says why. The way out is always to make it again."""


def load(file: Path, fingerprint: str) -> Arrays | None:
    """The arrays in the cache, or None where there is none or it was made from another copy of the data.

    Raises CacheProblem when the file is damaged, cut short or something else altogether.
    """
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            header = json.loads(bytes(stored["header"]).decode())
            if (header["version"], header["fingerprint"]) != (VERSION, fingerprint):
                return None
            arrays = Arrays(**{name: stored[name] for name in _PARTS}, source=header["source"],
                            mean=tuple(header["mean"]), std=tuple(header["std"]))
            arrays.check()
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, RuntimeError,
            zipfile.BadZipFile) as problem:  # what zipfile, NumPy and json raise for damaged bytes
        raise CacheProblem(f"{type(problem).__name__}: {problem}") from problem
    return arrays


def save(file: Path, arrays: Arrays, fingerprint: str) -> None:
    """Write the cache beside its final place and move it there in one step; a crash leaves the old file or none.

    Raises OSError (read-only folder, full disk), leaving nothing behind.
    """
    header = json.dumps({"version": VERSION, "fingerprint": fingerprint, "source": arrays.source,
                         "mean": arrays.mean, "std": arrays.std}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(file)
    handle, temporary = tempfile.mkstemp(prefix=file.stem + "-", suffix=".tmp", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            np.savez(out, header=np.frombuffer(header, np.uint8), **{name: getattr(arrays, name) for name in _PARTS})
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except BaseException:  # Ctrl-C too: no half-written file stays
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_leftovers(file: Path, older_than: float = 3600.0) -> None:
    """Delete temporary files that a killed process left beside `file` more than `older_than` seconds ago."""
    import time

    for leftover in file.parent.glob(file.stem + "-*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > older_than:
                leftover.unlink()
        except OSError:  # another process was faster, or the file is not ours: it does no harm where it is
            continue


__all__ = ["CacheProblem", "DataError", "load", "save"]
