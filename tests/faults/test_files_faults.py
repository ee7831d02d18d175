"""Paths that are no files, clocks that are set, archives that are bombs: refused, waited for, never read for ever."""

import errno
import os
import socket
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from course_utils import files
from course_utils.data import cache
from course_utils.files import check_regular, is_offline, lock, named, write_whole
from course_utils.runs import Run, RunTable

pytestmark = pytest.mark.skipif(os.name == "nt", reason="fifos and device files")
HOUR = 3600.0


def odd(folder, kind):
    """A path that is no regular file."""
    path = folder / "odd"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to({"link to a device": "/dev/full", "link to a folder": folder}[kind])
    return path


KINDS = ["folder", "fifo", "socket", "link to a device", "link to a folder"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_neither_read_nor_replaced(kind, tmp_path):
    path = odd(tmp_path, kind)
    before = os.lstat(path)
    with pytest.raises(OSError, match="not a regular file"):
        check_regular(path)
    with pytest.raises(OSError, match="not a regular file"):
        write_whole(path, b"")
    with pytest.raises(cache.CacheProblem, match="not a regular file"):
        cache.load(path, "a")
    assert os.lstat(path).st_ino == before.st_ino and os.listdir(tmp_path) == ["odd"]


def test_a_cache_that_unpacks_to_more_than_it_is_costs_no_memory(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out, out.open("a.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (10**7,)})
        member.write(bytes(10**7))
    with pytest.raises(cache.CacheProblem, match="unpack to more"):
        cache.load(path, "a")


def test_a_record_that_unpacks_to_gigabytes_costs_no_memory(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out, out.open("lr.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (2**27 + 2,)})
        for _ in range(1025):
            member.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(ValueError, match="would unpack to 1.1 GB.*Delete it"):
        RunTable.load(path)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no fifos here")
def test_a_record_that_is_a_fifo_is_not_read_for_ever(tmp_path):
    os.mkfifo(tmp_path / "run.npz")
    with pytest.raises(OSError, match="not a regular file"):
        Run.load(tmp_path / "run.npz")


@pytest.mark.parametrize("text", ["~nosuchuser/x", "~nosuchuser", "x" * 5000, ".", "/", "a\nb", "~/x"])
def test_a_strange_path_in_a_variable_is_a_path(text, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", text)
    monkeypatch.setenv("COURSE_PROGRESS", text)
    monkeypatch.delenv("HOME", raising=False)
    assert files.data_dir().is_absolute() and files.progress_file().is_absolute()
    assert not os.path.exists(named("COURSE_DATA") / "nothing")


def test_a_path_that_is_not_set_is_none(monkeypatch):
    monkeypatch.setenv("COURSE_CIFAR10", "")
    assert named("COURSE_CIFAR10") is None


YES, NO = ["1", "true", "Yes", "ON", " 1 "], ["", "0", "false", "no", "Off"]


@pytest.mark.parametrize("word", [*YES, *NO, "maybe", "2"])
def test_offline_is_read_in_one_way(word, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", word)
    if word in YES + NO:
        assert is_offline() == (word in YES)
    else:
        with pytest.raises(ValueError, match="COURSE_OFFLINE must be 1 .*or 0"):
            is_offline()


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_clock_that_is_set_takes_nobodys_temporary_file(step, tmp_path, monkeypatch):
    """Somebody is in the middle of writing; the clock is set; somebody else writes the same file."""
    now, path = time.time, tmp_path / "file"

    def other(file):
        file.write(b"first")
        monkeypatch.setattr(time, "time", lambda: now() + step)
        write_whole(path, b"second")

    write_whole(path, other)
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_lock_has_one_holder_whatever_the_clocks_say(step, tmp_path, monkeypatch):
    now, path = time.time, tmp_path / "file"
    with lock(path):
        os.utime(tmp_path / "file.lock", (now() + step, now() + step))
        monkeypatch.setattr(time, "time", lambda: now() - step)
        with pytest.raises(TimeoutError), lock(path, 0.05):
            pass


def test_leftovers_go_when_a_sound_cache_is_read(tmp_path):
    """A cache that is sound is never written again: reading it sweeps, too."""
    cache.save(tmp_path / "c.npz", a=np.arange(3))
    left = tmp_path / f".c.npz.{'a1' * 8}.part"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert list(cache.load(tmp_path / "c.npz", "a")["a"]) == [0, 1, 2] and not left.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_any_disk_error_leaves_the_old_file(number, tmp_path, monkeypatch):
    path = write_whole(tmp_path / "file", b"old")

    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]
