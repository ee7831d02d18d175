"""Damaged, foreign, incomplete copies; caches that cannot be written or read: named, repaired, refused."""

import errno
import hashlib
import os
import pickle
import random
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.data import cache, cifar
from course_utils.data import readers as data_readers
from course_utils.data.cifar import DataWarning
from course_utils.data.readers import DataError
from tests.tiny_cifar import Tiny, python2_pickle


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    return Tiny(tmp_path, monkeypatch)


def same(a, b) -> bool:
    splits = [(getattr(a, name), getattr(b, name)) for name in ("train", "val", "test")]
    return all(torch.equal(x.inputs, y.inputs) and torch.equal(x.labels, y.labels) for x, y in splits) and (
        a.mean,
        a.std,
        a.source,
    ) == (b.mean, b.std, b.source)


# Copies that are refused


def refused(tiny, copy, message):
    tiny.use(copy)
    with pytest.raises(DataError, match=message) as caught:
        tiny.load()
    assert str(copy) in str(caught.value)  # says which copy
    assert not tiny.cache.exists()  # and keeps nothing of it


def test_a_path_with_nothing_there(tiny):
    refused(tiny, tiny.root / "missing", "COURSE_CIFAR10 = .*missing: there is nothing at this path.*unset")


def test_a_folder_with_something_else(tiny):
    (tiny.root / "other").mkdir()
    (tiny.root / "other" / "holiday.txt").write_text("sun")
    refused(tiny, tiny.root / "other", "in this folder lie holiday.txt.*Give a whole copy")


def test_a_foreign_file_in_place_of_the_archive(tiny):
    copy = tiny.root / "cifar-10-python.tar.gz"
    copy.write_text("<html>please log in</html>")
    refused(tiny, copy, "damaged or not an archive")


def test_a_foreign_file_in_the_data_folder_may_be_deleted(tiny):
    tiny.data_dir.mkdir()
    (tiny.data_dir / "cifar-10-python.tar.gz").write_text("<html>please log in</html>")
    with pytest.raises(DataError, match="damaged or not an archive.*delete it: then it is downloaded again"):
        tiny.load()


@pytest.mark.parametrize("suffix", [".tar.xz", ".tar.gz", ".zip"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_an_archive_cut_short(tiny, suffix, share):
    copy = tiny.archive(suffix)
    os.truncate(copy, int(share * copy.stat().st_size))
    refused(tiny, copy, "damaged or not an archive|not a whole copy")


def test_a_missing_image_is_counted(tiny):
    copy = tiny.folder()
    (copy / "train" / "ship" / "0003.png").unlink()
    refused(tiny, copy, r"not a whole copy of CIFAR-10 \(train/ship: 19 of 20\)")


def test_a_missing_class_and_a_foreign_one(tiny):
    copy = tiny.folder()
    (copy / "train" / "ship").rename(copy / "train" / "boat")
    refused(tiny, copy, r"train/ship: 0 of 20; train/boat: not a class of CIFAR-10")


def test_an_image_that_is_none(tiny):
    copy = tiny.folder()
    (copy / "test" / "cat" / "0003.png").write_bytes(b"not an image")
    refused(tiny, copy, "test/cat/0003.png in .* is not a readable image")


def test_an_image_cut_short(tiny):
    copy = tiny.folder(".jpg")
    victim = copy / "test" / "cat" / "0003.jpg"
    os.truncate(victim, victim.stat().st_size - 40)
    refused(tiny, copy, "test/cat/0003.jpg in .* is not a readable image")


def test_an_image_of_another_size(tiny):
    copy = tiny.folder()
    Image.new("RGB", (28, 30)).save(copy / "test" / "cat" / "0003.png")
    refused(tiny, copy, "is 28x30 pixels, not 32x32")


def test_other_images_in_the_right_numbers(tiny, monkeypatch):
    monkeypatch.setattr(data_readers, "MEAN_TOLERANCE", 0.01)
    refused(tiny, tiny.folder(), r"mean colour \(0.353, .*these are other images")


def test_a_missing_batch(tiny):
    copy = tiny.batches()
    (copy / "data_batch_4").unlink()
    refused(tiny, copy, "has no data_batch_4")


def test_a_damaged_batch(tiny):
    copy = tiny.batches()
    (copy / "data_batch_4").write_bytes((copy / "data_batch_4").read_bytes()[:-1] + b"!")
    refused(tiny, copy, "data_batch_4 in .* is not the official file")


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("checksum_known", [False, True])
def test_a_batch_that_would_run_code_runs_none(tiny, monkeypatch, checksum_known):
    monkeypatch.chdir(tiny.root)
    copy = tiny.batches()
    harmful = python2_pickle({"data": Harmful(), "labels": []})
    (copy / "test_batch").write_bytes(harmful)
    if checksum_known:  # even then
        known = {**data_readers.BATCHES, "test_batch": hashlib.md5(harmful).hexdigest()}
        monkeypatch.setattr(data_readers, "BATCHES", known)
    tiny.use(copy)
    with pytest.raises(DataError, match="asks for .*mkdir" if checksum_known else "not the official file"):
        tiny.load()
    assert not (tiny.root / "harm").exists()


# Caches that are damaged are named and made again


def write_whole(tiny):
    tiny.use(tiny.folder())
    return tiny.load(), tiny.cache.read_bytes()


def repaired(tiny, reference, whole) -> None:
    tiny.new_process()
    with pytest.warns(DataWarning, match="cache .*cifar10.npz cannot be used .*made again from"):
        again = tiny.load()
    assert same(again, reference)
    assert tiny.cache.read_bytes()[-100:] == whole[-100:] and tiny.cache.stat().st_size == len(whole)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_cache_cut_short(tiny, share):
    reference, whole = write_whole(tiny)
    os.truncate(tiny.cache, int(share * len(whole)))
    repaired(tiny, reference, whole)


def test_a_foreign_file_in_place_of_the_cache(tiny):
    reference, whole = write_whole(tiny)
    tiny.cache.write_text("something else")
    repaired(tiny, reference, whole)


def test_a_pickle_in_place_of_the_cache_is_not_opened(tiny, monkeypatch):
    monkeypatch.chdir(tiny.root)
    reference, whole = write_whole(tiny)
    tiny.cache.write_bytes(pickle.dumps(Harmful()))
    repaired(tiny, reference, whole)
    assert not (tiny.root / "harm").exists()


ARRAYS = dict(rows=np.ones((10, 30), np.float32), labels=np.arange(20), origin="a copy", mean=(0.1, 0.2))


def same_arrays(a, b) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(a[name], b[name]) and np.asarray(a[name]).dtype == np.asarray(b[name]).dtype for name in a
    )


def test_no_flipped_bit_is_ever_read(tmp_path):
    """Every bit of a file: it is found, or lies where nothing depends on it (dates and rights in the zip archive)."""
    file = tmp_path / "arrays.npz"
    cache.save(file, **ARRAYS)
    whole, reference = file.read_bytes(), cache.load(file, *ARRAYS)
    assert same_arrays(reference, {**ARRAYS, "mean": np.array(ARRAYS["mean"])})
    harmless = 0
    for position in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        file.write_bytes(damaged)
        try:
            assert same_arrays(cache.load(file, *ARRAYS), reference)
            harmless += 1
        except cache.CacheProblem:
            pass
    assert harmless < 8 * 150 * (len(ARRAYS) + 1)  # some bytes of zip headers for each array


def test_a_file_cut_short_at_any_byte_is_found(tmp_path):
    file = tmp_path / "arrays.npz"
    cache.save(file, **ARRAYS)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(cache.CacheProblem, match="cut short|cannot be read"):
            cache.load(file, *ARRAYS)


def test_an_array_that_is_missing_or_a_pickle_is_found(tmp_path):
    file = tmp_path / "arrays.npz"
    np.savez(file, rows=np.array([{}], object))
    for name in ("rows", "labels"):
        with pytest.raises(cache.CacheProblem, match="allow_pickle|labels"):
            cache.load(file, name)


def test_a_flipped_bit_of_the_images_reaches_no_training(tiny):
    reference, whole = write_whole(tiny)
    rng = random.Random(0)
    for position in [rng.randrange(len(whole)) for _ in range(5)]:  # in the pixels: they are 99.9 % of the file
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.randrange(8)
        tiny.cache.write_bytes(damaged)
        repaired(tiny, reference, whole)


def test_a_cache_of_an_older_version_is_made_again(tiny, monkeypatch):
    reference, _ = write_whole(tiny)
    monkeypatch.setattr(cifar, "VERSION", cifar.VERSION + 1)
    reads = count_calls(monkeypatch, data_readers, "read")
    assert same(tiny.load(), reference) and same(tiny.load(), reference)
    assert len(reads) == 1


def count_calls(monkeypatch, module, name) -> list:
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *a, **k: (calls.append(1), real(*a, **k))[1])
    return calls


# Caches that cannot be written: said once, and everything works from memory


def no_place(tiny, monkeypatch):
    tiny.data_dir.write_text("a file where the folder should be")


def read_only(tiny, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)


def full_disk(tiny, monkeypatch):
    def refuse(*arguments):  # the system reports it at the latest when the file is made safe on the disk
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize(
    "trouble, reason",
    [(no_place, "exists|Not a directory"), (read_only, "Permission denied"), (full_disk, "No space left")],
)
def test_a_cache_that_cannot_be_written(tiny, monkeypatch, recwarn, trouble, reason):
    tiny.use(tiny.folder())
    trouble(tiny, monkeypatch)
    reads = count_calls(monkeypatch, data_readers, "read")
    first, second = tiny.load(), tiny.load()
    assert same(first, second) and len(first.train) == 160
    assert len(reads) == 1  # the second time from memory
    messages = [str(warning.message) for warning in recwarn if warning.category is DataWarning]
    assert len(messages) == 1 and "cannot be kept in" in messages[0] and "COURSE_DATA" in messages[0]
    assert re.search(reason, messages[0])
    if tiny.data_dir.is_dir():
        assert [path for path in tiny.data_dir.rglob("*") if path.is_file()] == []  # nothing half-made is left


def test_a_copy_that_vanished_is_named_although_there_is_a_cache(tiny):
    write_whole(tiny)
    shutil.rmtree(tiny.root / "copy")
    with pytest.raises(DataError, match="there is nothing at this path"):
        tiny.load()
