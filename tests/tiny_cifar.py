"""Tiny copies of CIFAR-10 in every form it comes in, for the tests: 20 training and 10 test images a class.

Every image has one colour that says what it is: red = 20 * class, green = number within the class, blue =
200 in the training and 100 in the test set. `Tiny` shrinks what `course_utils.data.cifar` expects of a whole copy
accordingly.
"""

import hashlib
import io
import pickle
import shutil
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.data import cifar as data
from course_utils.data import readers as data_readers

PER_CLASS = {"train": 20, "test": 10}
VALIDATION_PER_CLASS = 4
BLUE = {"train": 200, "test": 100}


class Tiny:
    """Makes copies below `tmp_path`; lets `cifar10()` see an empty data folder, no network, tiny numbers."""

    def __init__(self, tmp_path: Path, monkeypatch):
        self.root, self.monkeypatch = tmp_path, monkeypatch
        self.data_dir = tmp_path / "data"
        self.cache = self.data_dir / "cache" / "cifar10.npz"
        monkeypatch.setenv("COURSE_DATA", str(self.data_dir))
        monkeypatch.setenv("COURSE_OFFLINE", "1")
        monkeypatch.delenv("COURSE_CIFAR10", raising=False)
        monkeypatch.setattr(data_readers, "PER_CLASS", PER_CLASS)
        monkeypatch.setattr(data_readers, "MEAN_TOLERANCE", 1.0)  # flat colours have another mean than photographs
        monkeypatch.setattr(data_readers, "COPIES", 1.0)  # as JPEG files some flat colours are the same
        monkeypatch.setattr(data, "VALIDATION_PER_CLASS", VALIDATION_PER_CLASS)
        self.new_process()

    def new_process(self) -> None:
        """Forget what the module remembers within one process."""
        self.monkeypatch.setattr(data, "_in_memory", {})
        self.monkeypatch.setattr(data, "_warned", set())
        self.monkeypatch.setattr(data, "_download_failed", "")

    def use(self, copy: Path) -> Path:
        self.monkeypatch.setenv("COURSE_CIFAR10", str(copy))
        return copy

    def load(self, **options):
        return data.cifar10(train=None, val=None, test=None, quiet=True, **options)

    def folder(self, suffix: str = ".png", name: str = "copy") -> Path:
        """train/<class>/0000.png and test/<class>/0000.png below a new folder."""
        folder = self.root / name
        for split, count in PER_CLASS.items():
            for label, class_name in enumerate(data_readers.CLASSES):
                (folder / split / class_name).mkdir(parents=True)
                for i in range(count):
                    color = (20 * label, i, BLUE[split])
                    Image.new("RGB", (32, 32), color).save(folder / split / class_name / f"{i:04}{suffix}", quality=95)
        return folder

    def archive(self, suffix: str, inside: str = "") -> Path:
        """The same as an archive, its paths beginning with `inside`."""
        folder, file = self.folder(name="to_pack"), self.root / f"images{suffix}"
        if suffix == ".zip":
            with zipfile.ZipFile(file, "w") as out:
                for path in sorted(folder.rglob("*.png")):
                    out.write(path, inside + path.relative_to(folder).as_posix())
        else:
            with tarfile.open(file, "w:" + suffix.rpartition(".")[2]) as out:
                out.add(folder, arcname=inside or ".")
        shutil.rmtree(folder)
        return file

    def batches(self, name: str = "cifar-10-batches-py") -> Path:
        """The six files of the official archive, pickled as Python 2 did, and the checksums to expect."""
        folder = self.root / name
        folder.mkdir()
        rows = {split: [(label, i) for i in range(count) for label in range(10)] for split, count in PER_CLASS.items()}
        parts = {f"data_batch_{k}": ("train", rows["train"][k - 1 :: 5]) for k in range(1, 6)}
        parts["test_batch"] = ("test", rows["test"])
        checksums = {}
        for file, (split, members) in parts.items():
            colors = np.array([(20 * label, i, BLUE[split]) for label, i in members], np.uint8)
            batch = {"data": np.repeat(colors, 32 * 32, axis=1), "labels": [label for label, _ in members]}
            blob = python2_pickle(batch)
            (folder / file).write_bytes(blob)
            checksums[file] = hashlib.md5(blob).hexdigest()
        self.monkeypatch.setattr(data_readers, "BATCHES", checksums)
        return folder


class _Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings, which is how the official files hold their pixels."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_bytes(self, text):
        self.write(b"T" + struct.pack("<i", len(text)) + text)

    dispatch[bytes] = save_bytes


def python2_pickle(value) -> bytes:
    out = io.BytesIO()
    _Python2Pickler(out, protocol=2).dump(value)
    return out.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def label_of(images) -> np.ndarray:
    """The classes that the red of the images stands for (a JPEG file is off by a little)."""
    return np.rint(np.asarray(images[:, 0, 16, 16], float) / 20).astype(int)
