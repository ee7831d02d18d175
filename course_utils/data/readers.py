"""Read CIFAR-10 from the forms it comes in: image folders, archives of them, and the official Python batches.

    read(path) -> Arrays        every image, checked, in one known order

Nothing is extracted to disk and nothing is trusted: counts, sizes, checksums and the mean colour are checked, and a
copy that fails is refused with a `DataError` that names it.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from course_utils.files import check_regular

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {  # the six files of the official archive: name -> md5 (the checksums torchvision uses)
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
PER_CLASS = {"train": 5000, "test": 1000}  # images of each class in a whole copy
MEAN = (0.4914, 0.4822, 0.4465)  # red, green, blue of the 50,000 training images, in [0, 1]
MEAN_TOLERANCE = 0.01  # a JPEG copy is off by 0.001; other ten-class sets and swapped colours by far more
# SHA-256 of the decoded images, training and test, in order: a copy in which no bit has flipped. (Batches have theirs.)
KNOWN = {"253675e92001b3d95b1dcc5644ab2f94c0ecd7bd6a79222103cafa2bc5a880e3": "CIFAR-10 (JPEG copy)"}
COPIES = 0.01  # share of images that may be the same as others; CIFAR-10 has none
LARGEST = 40_000_000  # bytes of a file of a copy: a batch has 31 million; all that are read: ten times as much

_IMAGE = re.compile(r"(?:^|/)(train|test)/([^/.][^/]*)/([^/.][^/]*\.(?:png|jpe?g))$", re.IGNORECASE)
_BATCH = re.compile(r"(?:^|/)(data_batch_[1-5]|test_batch)$")
WAY_OUT = (
    "Give a whole copy: torchvision's folder cifar-10-batches-py, cifar-10-python.tar.gz, or a folder or archive with "
    "train/<class>/*.png|jpg (5,000 a class) and test/<class>/* (1,000 a class)."
)


class DataError(RuntimeError):
    """A copy of the data that cannot be used: says which one, what was found and the way out."""


@dataclass
class Arrays:
    """All images of a copy, ordered by class and within a class as the copy orders them.

    `train_images` uint8 [50000, 3, 32, 32], `train_labels` int64 [50000], `test_images`, `test_labels` (10,000);
    `source` is "CIFAR-10", "CIFAR-10 (JPEG copy)" or "CIFAR-10 (unknown copy)", which may have flipped bits or classes
    that changed places. `mean`, `std`: per channel, of the training images / 255.
    Raises DataError unless shapes, types and the images of every class are those of CIFAR-10.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    source: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self):
        self.mean, self.std = (tuple(map(float, values)) for values in (self.mean, self.std))
        for split, per_class in PER_CLASS.items():
            images, labels = getattr(self, f"{split}_images"), getattr(self, f"{split}_labels")
            expected = (10 * per_class, 3, 32, 32)
            if images.shape != expected or images.dtype != np.uint8:
                raise DataError(f"{split} images are {images.dtype} {images.shape}, expected uint8 {expected}")
            if not np.array_equal(labels, np.repeat(np.arange(10), per_class)):
                raise DataError(f"{split} labels are not {per_class:,} of each of the ten classes, in order")


def find(folder: Path) -> Path | None:
    """The copy of CIFAR-10 that lies in `folder` (the folder itself, a known name in it), or None."""
    for place in (folder, folder / "cifar-10-batches-py", folder / "cifar10"):
        if os.path.isfile(place / "data_batch_1") or all(os.path.isdir(place / split) for split in PER_CLASS):
            return place
    archives = ["cifar-10-python.tar.gz"]
    archives += [f"cifar10-images{suffix}" for suffix in (".tar.xz", ".tar.gz", ".tgz", ".zip")]
    return next((folder / name for name in archives if os.path.isfile(folder / name)), None)


def fingerprint(path: Path) -> str:
    """A short text that changes when the copy does: made from names, sizes and times of its files. Raises OSError."""
    stamp = hashlib.sha256(str(path.resolve()).encode())
    if path.is_file():
        status = path.stat()
        stamp.update(f"{status.st_size} {status.st_mtime_ns}".encode())
        return stamp.hexdigest()[:16]
    for entry in _entries(path):
        stamp.update(f"{entry.path} {entry.stat().st_size} {entry.stat().st_mtime_ns}".encode())
    return stamp.hexdigest()[:16]


def read(path: Path, quiet: bool = False) -> Arrays:
    """Decode the copy at `path` (folder or archive) and check all of it; about 10 s for JPEG files.

    Raises DataError naming what is wrong: not an archive, damaged, too large, incomplete, foreign.
    """
    blobs, total = {}, 0
    try:
        for name, size, read_bytes in _folder_files(path) if path.is_dir() else _archive_files(path):
            total += size if _is_wanted(name) else 0
            if size > LARGEST or total > 10 * LARGEST:  # before a byte of it is unpacked
                raise ValueError(f"{name} has {size:,} bytes, {total:,} with those before: more than CIFAR-10")
            if _is_wanted(name):
                blobs[name.replace("\\", "/")] = read_bytes()
    except Exception as problem:  # what foreign bytes lead to: tarfile, zipfile, lzma, ... raise a dozen kinds
        kind = type(problem).__name__
        raise DataError(f"{path} is damaged or not an archive ({kind}: {problem}). {WAY_OUT}") from problem
    batches = {match.group(1): blob for name, blob in blobs.items() if (match := _BATCH.search(name))}
    arrays = _from_batches(path, batches) if batches else _from_images(path, blobs, quiet)
    if not np.allclose(arrays.mean, MEAN, rtol=0, atol=MEAN_TOLERANCE):
        mean = ", ".join(f"{value:.3f}" for value in arrays.mean)
        raise DataError(
            f"{path} holds 32x32 images in the right numbers, but their mean colour ({mean}) is not that of CIFAR-10 "
            f"{MEAN}: these are other images. {WAY_OUT}"
        )
    return arrays


def _is_wanted(name: str) -> bool:
    name = name.replace("\\", "/")
    return bool(_IMAGE.search(name) or _BATCH.search(name))


def _entries(folder: Path) -> Iterator[os.DirEntry]:
    """The batches that lie in `folder`, else the images in its train/<class> and test/<class>, in order."""
    leaves = [folder]
    if not any((folder / name).is_file() for name in BATCHES):
        splits = [folder / split for split in PER_CLASS if (folder / split).is_dir()]
        leaves = sorted(entry for split in splits for entry in split.iterdir() if entry.is_dir())
    for leaf in leaves:
        with os.scandir(leaf) as entries:  # they know their sizes: much faster than 60,000 paths
            yield from sorted((entry for entry in entries if _is_wanted(entry.path)), key=lambda entry: entry.name)


def _folder_files(folder: Path) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """(path, bytes, function that reads it) of every image or batch of a copy that is a folder."""
    for entry in _entries(folder):
        check_regular(entry.path)
        yield entry.path, entry.stat().st_size, Path(entry.path).read_bytes


def _archive_files(path: Path) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """(name, bytes, function that reads it) of every plain file in a zip or (compressed) tar archive."""
    check_regular(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                yield member.filename, member.file_size, lambda member=member: archive.read(member)
    else:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if member.issparse() or member.size > LARGEST:  # whatever it is: to skip it may take hours, too
                    raise ValueError(f"{member.name} has {member.size:,} bytes, or holes: more than CIFAR-10")
                if member.isfile():
                    yield member.name, member.size, lambda member=member: archive.extractfile(member).read()


def _from_images(path: Path, blobs: dict[str, bytes], quiet: bool) -> Arrays:
    """Decode train/<class>/*, test/<class>/*: classes in the official order, their files by name."""
    names: dict[tuple[str, str], list[str]] = {}
    for name in sorted(blobs):
        split, class_name, _ = _IMAGE.search(name).groups()
        names.setdefault((split.lower(), class_name.lower()), []).append(name)
    wanted = {(split, class_name): count for split, count in PER_CLASS.items() for class_name in CLASSES}
    numbers = {key: len(names.get(key, [])) for key in wanted}
    wrong = [f"{'/'.join(key)}: {numbers[key]} of {count}" for key, count in wanted.items() if numbers[key] != count]
    wrong += [f"{'/'.join(key)}: not a class of CIFAR-10" for key in names if key not in wanted]
    if wrong:
        shown = "; ".join(wrong[:4]) + (f"; and {len(wrong) - 4} more" if len(wrong) > 4 else "")
        raise DataError(f"{path} is not a whole copy of CIFAR-10 ({shown}). {WAY_OUT}")
    bar = tqdm(total=len(blobs), desc="decoding CIFAR-10", unit=" images", file=sys.stdout, disable=quiet)
    parts = {}
    with bar:
        for split, count in PER_CLASS.items():
            images = np.empty((10 * count, 3, 32, 32), np.uint8)
            for i, name in enumerate(name for class_name in CLASSES for name in names[split, class_name]):
                images[i] = _decode(path, name, blobs[name])
                bar.update()
            parts[f"{split}_images"], parts[f"{split}_labels"] = images, np.repeat(np.arange(10), count)
    images = np.concatenate([parts["train_images"], parts["test_images"]])
    copies = len(images) - len({hash(image.tobytes()) for image in images})
    if copies > COPIES * len(images):
        raise DataError(f"{path}: {copies:,} of its images are the same as others, so this is not CIFAR-10. {WAY_OUT}")
    return _arrays(parts, source=KNOWN.get(hashlib.sha256(images).hexdigest(), "CIFAR-10 (unknown copy)"))


def _decode(path: Path, name: str, blob: bytes) -> np.ndarray:
    from PIL import Image  # here, because loading from the cache needs no PIL

    try:
        with Image.open(io.BytesIO(blob), formats=("PNG", "JPEG")) as image:  # for others PIL may start a program
            if image.size != (32, 32):  # before it is decoded
                raise ValueError(f"it is {image.width}x{image.height} pixels, not 32x32")
            deep, turned = image.format == "PNG" and blob[24] != 8, image.getexif().get(0x0112, 1) != 1
            if image.mode != "RGB" or deep or turned or getattr(image, "n_frames", 1) > 1:
                raise ValueError(f"it is no plain RGB image of 8 bits: {image.mode}, deep {deep}, turned {turned}")
            return np.asarray(image).transpose(2, 0, 1)
    except Exception as problem:  # what a wrong byte leads to: PIL raises a dozen kinds
        raise DataError(f"{name} in {path} is not a readable image of CIFAR-10 ({problem}). {WAY_OUT}") from problem


class _BatchUnpickler(pickle.Unpickler):
    """Unpickles lists, strings and NumPy arrays, and nothing else: a pickle can otherwise run any code."""

    def find_class(self, module: str, name: str):
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return lambda subtype, shape, dtype: np.ndarray.__new__(np.ndarray, shape, dtype)
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):  # the batches say align=0, which newer NumPy no longer takes
            return lambda text, align=False, copy=False: np.dtype(text)
        raise DataError(f"a batch file asks for {module}.{name}: not a file of CIFAR-10, not opened")


def _from_batches(path: Path, batches: dict[str, bytes]) -> Arrays:
    """The official batches: md5 checked, unpickled with nothing but arrays allowed, ordered by class."""
    for name, md5 in BATCHES.items():
        if name not in batches:
            raise DataError(f"{path} has no {name}: not a whole copy. {WAY_OUT}")
        if hashlib.md5(batches[name], usedforsecurity=False).hexdigest() != md5:
            raise DataError(f"{name} in {path} is not the official file (md5 differs): damaged or foreign. {WAY_OUT}")
    parts = {}
    for split, prefix in (("train", "data_batch"), ("test", "test_batch")):
        blobs = [io.BytesIO(batches[name]) for name in BATCHES if name.startswith(prefix)]
        contents = [_BatchUnpickler(blob, encoding="latin1").load() for blob in blobs]
        labels = np.concatenate([np.asarray(batch["labels"], np.int64) for batch in contents])
        images = np.concatenate([np.asarray(batch["data"], np.uint8) for batch in contents])
        order = np.argsort(labels, kind="stable")
        parts[f"{split}_images"] = images.reshape(-1, 3, 32, 32)[order]
        parts[f"{split}_labels"] = labels[order]
    return _arrays(parts, source="CIFAR-10")


def _arrays(parts: dict[str, np.ndarray], source: str) -> Arrays:
    mean, std = channel_statistics(parts["train_images"])
    return Arrays(**parts, source=source, mean=mean, std=std)


def channel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) per channel of uint8 images [N, 3, H, W] as shares of 255. Exact: counts values."""
    counts = np.zeros((3, 256), np.int64)
    for start in range(0, len(images), 1000):  # in blocks, because counting widens the bytes to 8 bytes each
        for channel in range(3):
            counts[channel] += np.bincount(images[start : start + 1000, channel].ravel(), minlength=256)
    values, shares = np.arange(256) / 255, counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ values
    std = np.sqrt(shares @ values**2 - mean**2)
    return tuple(mean.tolist()), tuple(std.tolist())
