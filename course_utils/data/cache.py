"""Arrays in one file: written whole or not at all, and checked to the last byte before anything in it is used.

The files are NumPy's own (`.npz`): a zip archive that knows a checksum (CRC-32) of every array, pickles refused.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from course_utils.files import check_regular, sweep, write_whole


class CacheProblem(Exception):
    """The cache cannot be used: `str(problem)` says why. The way out is always to make it again."""


def save(path: Path, **arrays) -> None:
    """Write arrays, numbers and texts under their names. Raises OSError (read-only folder, full disk)."""
    write_whole(path, lambda file: np.savez(file, **arrays))


def load(path: Path, *names: str) -> dict[str, np.ndarray] | None:
    """Name -> array, number or text, for these names of what `save` wrote; None where there is no file.

    Raises CacheProblem when the file is damaged, cut short, foreign or cannot be read.
    """
    if not os.path.exists(path):
        return None
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > os.path.getsize(path):
                raise ValueError("it would unpack to more than it holds")
            stored = {name: _read(archive, f"{name}.npy") for name in names}
    except OSError as problem:
        raise CacheProblem(f"cannot be read: {problem}") from problem
    except Exception as problem:  # whatever a wrong byte leads to: zipfile and NumPy raise a dozen kinds
        raise CacheProblem(f"it is damaged, cut short or foreign: {problem}") from problem
    sweep(path)  # here too: a sound cache is never written again
    return stored


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):  # the checksum is compared at the end: a wrong shape must not stop before it
            raise ValueError(f"{name} is longer than its shape says")
    return array if array.ndim else array.item()
