"""Progress survives damaged files, crashes while writing, full and read-only disks, and two notebooks."""

import errno
import json
import os
import subprocess
import sys
import time

import pytest

from course_utils import files as paths
from course_utils.exercises import progress


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    progress._unsaved.update(exercises={}, guesses={})
    progress._said.clear()


def two_entries():
    progress.record("10.1.1.edge", "correct")
    progress.record("10.1.2.ema", "correct")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"version": 1}',
        b'"text"',
        b'{"version": 1, "exercises": {"a": 3}, "guesses": {}}',
    ],
)
def test_damaged_file_is_replaced_by_its_backup(damage, capsys):
    two_entries()
    file = paths.progress_file()
    file.write_bytes(damage)
    assert progress.solved("10.1.1") == 1
    assert "restored from its backup progress.backup.json" in capsys.readouterr().out
    progress.record("10.1.3.area", "correct")
    assert progress.solved("10.1.3") == 1 and progress.solved("10.1.1") == 1
    assert json.loads(file.read_text())["exercises"].keys() >= {"10.1.1.edge", "10.1.3.area"}
    assert "backup" not in capsys.readouterr().out  # said once


def test_both_damaged_are_set_aside_and_named(capsys):
    two_entries()
    file, backup = paths.progress_file(), paths.progress_file().with_name("progress.backup.json")
    file.write_bytes(b"{broken")
    backup.write_bytes(b"broken too")
    assert progress.solved("10.1.1") == 0
    progress.record("10.1.3.area", "correct")
    said = capsys.readouterr().out
    assert "progress.damaged-1.json" in said and "progress.backup.damaged-1.json" in said
    assert file.with_name("progress.damaged-1.json").read_bytes() == b"{broken"
    assert progress.solved("10.1.3") == 1
    file.write_bytes(b"again")
    backup.write_bytes(b"again")
    progress.record("10.1.3.area", "correct")
    assert file.with_name("progress.damaged-2.json").exists()


def test_removing_the_file_starts_anew():
    two_entries()
    paths.progress_file().unlink()
    assert progress.solved("10.1.1") == 0


@pytest.mark.parametrize("moment", ["open", "fsync", "replace"])
def test_full_disk_at_any_moment(moment, monkeypatch, capsys):
    two_entries()

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if moment == "open":
            patch.setattr("builtins.open", full)
        else:
            patch.setattr(os, moment, full)
        progress.record("10.1.3.area", "correct")
        progress.record("10.1.3.wrong_T", "correct")
        assert progress.solved("10.1.3") == 2  # known in this kernel all the same
    said = capsys.readouterr().out
    assert said.count("No space left on device") == 1 and "COURSE_PROGRESS" in said
    assert progress.solved("10.1.1") == 1
    progress.record("10.1.3.cosine", "correct")  # space again: everything is saved
    saved = json.loads(paths.progress_file().read_text())["exercises"]
    assert {"10.1.3.area", "10.1.3.wrong_T", "10.1.3.cosine", "10.1.1.edge"} <= saved.keys()
    assert saved["10.1.3.area"]["tries"] == 1
    assert not list(paths.progress_file().parent.glob("*.part"))


def test_folder_that_cannot_be_made(tmp_path, monkeypatch, capsys):
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "a_file" / "progress.json"))
    progress.keep_guess("10.1.1", 3)
    assert progress.guess("10.1.1") == 3
    assert "could not be saved" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path, capsys):
    tmp_path.chmod(0o500)
    try:
        progress.keep_guess("10.1.1", 3)
        assert progress.guess("10.1.1") == 3 and "could not be saved" in capsys.readouterr().out
    finally:
        tmp_path.chmod(0o700)


WRITER = """
import sys
from course_utils.exercises import progress
for number in range(25):
    progress.record(f"10.9.{sys.argv[1]}.{number}", "correct")
    progress.record("10.9.shared", "not yet")
"""


def test_two_notebooks_lose_nothing():
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name], cwd=paths.ROOT) for name in "ab"]
    assert [one.wait(60) for one in writers] == [0, 0]
    entries = progress.load()["exercises"]
    assert len(entries) == 51 and entries["10.9.shared"]["tries"] == 50


def test_killed_in_the_middle_of_writing():
    """kill -9 at random moments: the file or its backup is whole, and nothing that was finished is gone."""
    endless = WRITER.replace("range(25)", "range(10**9)") + "\n"
    for delay in (0.0, 0.03, 0.07):
        writer = subprocess.Popen([sys.executable, "-c", endless, "k"], cwd=paths.ROOT)
        while not paths.progress_file().exists():
            time.sleep(0.01)
        time.sleep(0.1 + delay)
        before = len(progress.load()["exercises"])
        writer.kill()
        writer.wait()
        assert len(progress.load()["exercises"]) >= before > 0
    progress.record("10.1.1.edge", "correct")
    assert progress.solved("10.1.1") == 1 and not progress._unsaved["exercises"]


def test_a_held_lock_does_not_hang_the_lesson(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.1)
    with paths.lock(paths.progress_file()):
        progress.record("10.1.1.edge", "correct")
        said = capsys.readouterr().out
    assert progress.solved("10.1.1") == 1 and "could not be saved" in said and " holds progress.json.lock" in said
    progress.record("10.1.1.momentum", "correct")
    assert len(json.loads(paths.progress_file().read_text())["exercises"]) == 2


def test_a_lock_file_left_by_an_earlier_version_means_nothing():
    lock = paths.progress_file().with_name("progress.json.lock")
    lock.touch()
    progress.record("10.1.1.edge", "correct")
    assert "10.1.1.edge" in json.loads(paths.progress_file().read_text())["exercises"]
