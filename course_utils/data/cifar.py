"""The images the course trains on: real CIFAR-10 wherever it can be had, stand-in images otherwise.

    data = cifar10()            # 10,000 training, 2,000 validation, 2,000 test images, all uint8 tensors
    data.train.inputs           # [10000, 3, 32, 32], 0..255
    data.source, data.is_real   # what they are; data.banner() is the line for pictures and records

Training and validation images are cut from the official 50,000 training images; the official test images are only ever
the test set, and **nothing is chosen by looking at the test set**: no learning rate, no epoch to stop at.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from course_utils.checks import check_whole
from course_utils.data import cache, readers
from course_utils.data.download import CIFAR10_MD5, CIFAR10_SIZE, CIFAR10_SOURCES, DownloadError, fetch
from course_utils.data.readers import CLASSES, Arrays, DataError
from course_utils.data.splits import Data, Split, check_sizes
from course_utils.data.standin import stand_in
from course_utils.files import data_dir, is_offline, named

VERSION = 2  # of the cache: raise it when the order, the layout or the decoding of the images changes
VALIDATION_PER_CLASS = 500  # of the 5,000 official training images of a class
_in_memory: dict[str, Arrays] = {}  # decoded copies that could not be cached on disk: origin -> arrays
_download_failed = ""  # why, in this process
_warned: set[str] = set()


class DataWarning(UserWarning):
    """Something about the data that costs time or space but harms no result."""


def cifar10(train=10_000, val=2_000, test=2_000, seed: int = 0, download: bool | None = None, quiet=False) -> Data:
    """CIFAR-10 (Krizhevsky 2009) as uint8 tensors: 60,000 colour images, 32x32, ten classes.

    train, val, test: how many images; None means all (45,000 / 5,000 / 10,000). Smaller sets are class-balanced (give
        or take one image a class) and nested: asking for 1,000 gives the first 1,000 of 10,000.
    seed: decides which 500 images a class are the validation set, and the order. Nothing else does: neither the sizes
        nor the machine. Keep it at 0 to compare with the records of the course.
    download: False never downloads; True raises when it cannot; None tries, then falls back to `stand_in()`. The
        variable COURSE_OFFLINE=1 turns None into False.
    quiet: print nothing (by default: progress, and one line when the images are stand-ins).

    Looked for in this order: the path in the variable COURSE_CIFAR10 (torchvision's folder, an image folder
    `train/<class>/*`, `test/<class>/*`, or an archive of either); the data folder (`data/` or COURSE_DATA); a download
    of 170 MB. Decoded once and kept in `cache/` in the data folder.

    Choose hyper-parameters by `val`. The test set is for one last number and never used to choose anything.

    Raises ValueError for numbers out of range, DataError when the copy in COURSE_CIFAR10 or in the data folder cannot
    be used, DownloadError when download=True fails.
    """
    held_out, official = 10 * VALIDATION_PER_CLASS, {split: 10 * count for split, count in readers.PER_CLASS.items()}
    available = {"train": official["train"] - held_out, "val": held_out, "test": official["test"]}
    sizes = check_sizes(available, train, val, test)
    seed = check_whole("seed", seed, 0, 2**32 - 1)
    copy = find_copy()
    if copy is None:
        copy, reason = _downloaded_copy(download, quiet)
    if copy is None:
        if not quiet:
            print(f"STAND-IN IMAGES, NOT CIFAR-10: {reason}. For the real ones set COURSE_CIFAR10 to a copy.")
        return stand_in(*sizes, seed=seed)
    return _cut(load(copy, quiet), sizes, seed)


def find_copy() -> Path | None:
    """The copy that COURSE_CIFAR10 names (DataError where there is none), else the one in the data folder, or None."""
    path = named("COURSE_CIFAR10")
    if path is None:
        return readers.find(data_dir())
    copy = readers.find(path) if os.path.isdir(path) else path
    if copy is None or not os.path.exists(copy):
        seen = "there is nothing at this path, or nothing that may be read"
        with suppress(OSError):
            seen = f"in this folder lie {', '.join(sorted(os.listdir(path))[:5]) or 'no files'}"
        raise DataError(f"COURSE_CIFAR10 = {path}: {seen}. {readers.WAY_OUT} Or unset COURSE_CIFAR10.")
    return copy


def _downloaded_copy(download: bool | None, quiet: bool) -> tuple[Path | None, str]:
    """(the archive, "") after a download, or (None, why there is none). A failure is not tried again."""
    global _download_failed
    if download is False or (download is None and is_offline()):
        return None, "no copy was found and downloading is switched off"
    if download is None and _download_failed:
        return None, _download_failed
    try:
        target = data_dir() / "cifar-10-python.tar.gz"
        return fetch(CIFAR10_SOURCES, target, CIFAR10_MD5, CIFAR10_SIZE, quiet=quiet), ""
    except DownloadError as problem:
        if download:
            raise
        _download_failed = f"no copy was found and the download failed ({problem})"
        return None, _download_failed


def load(copy: Path, quiet: bool) -> Arrays:
    """The decoded images of a copy: from the cache where it is sound, else decoded and cached. Raises DataError."""
    try:
        origin = f"{VERSION} {readers.fingerprint(copy)}"
    except OSError as problem:
        raise DataError(f"{copy} cannot be read: {problem}. {readers.WAY_OUT}") from problem
    if origin in _in_memory:
        return _in_memory[origin]
    file = data_dir() / "cache" / "cifar10.npz"
    try:
        stored = cache.load(file, "origin", *(field.name for field in fields(Arrays)))
        if stored and stored.pop("origin") == origin:
            return Arrays(**stored)
    except (cache.CacheProblem, DataError) as problem:
        _warn_once(f"the cache {file} cannot be used ({problem}); it is made again from {copy}")
    try:
        arrays = readers.read(copy, quiet)
    except DataError as problem:
        if data_dir() in copy.parents:  # ours to throw away, unlike a copy that the learner named
            raise DataError(f"{problem} Or delete it: then it is downloaded again.") from problem
        raise
    try:
        cache.save(file, origin=origin, **vars(arrays))
    except OSError as problem:
        _warn_once(
            f"the decoded images cannot be kept in {file.parent} ({problem}): they stay in memory and are decoded "
            "again next time. Point COURSE_DATA to a folder with 200 MB of space."
        )
        _in_memory[origin] = arrays
    return arrays


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, DataWarning, stacklevel=4)


def _balanced_order(rng: np.random.RandomState, per_class: int) -> np.ndarray:
    """Positions [per_class, 10] in class-ordered images: shuffled, every row one image of each class.

    Read row by row, any beginning of it is balanced: the smaller sets are nested and balanced at once.
    """
    columns = [c * per_class + rng.permutation(per_class) for c in range(10)]
    rows = np.stack(columns, axis=1)
    mixed = np.argsort(rng.random_sample(rows.shape), axis=1)  # the classes of a row in shuffled order
    return np.take_along_axis(rows, mixed, axis=1)


def split_indices(sizes: tuple[int, int, int], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of train and val (in the official training images) and test images, from the seed alone.

    RandomState, because its numbers are promised never to change between versions of NumPy.
    """
    rng = np.random.RandomState(seed)
    official_train = _balanced_order(rng, readers.PER_CLASS["train"])
    official_test = _balanced_order(rng, readers.PER_CLASS["test"])
    val = official_train[:VALIDATION_PER_CLASS].ravel()
    train = official_train[VALIDATION_PER_CLASS:].ravel()
    return train[: sizes[0]], val[: sizes[1]], official_test.ravel()[: sizes[2]]


def _cut(arrays: Arrays, sizes: tuple[int, int, int], seed: int) -> Data:
    official = [(arrays.train_images, arrays.train_labels)] * 2 + [(arrays.test_images, arrays.test_labels)]
    splits = [
        Split(torch.from_numpy(images[positions]), torch.from_numpy(labels[positions]).long())
        for (images, labels), positions in zip(official, split_indices(sizes, seed), strict=True)
    ]
    return Data(*splits, CLASSES, arrays.source, is_real=True, mean=arrays.mean, std=arrays.std)
