"""Progress survives damaged files, crashes while writing, full and read-only disks, and two notebooks."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from course_utils import files as paths
from course_utils.exercises import guesses, progress, progress_page


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
from course_utils.exercises import guesses, progress, progress_page
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


WRONG = [
    {"exercises": {"00.updates": {"tries": None}}}, {"exercises": {"00.updates": {"tries": "3"}}},
    {"exercises": {"00.updates": {"tries": [1]}}}, {"exercises": {"00.updates": {"tries": 1, "solved": 5}}},
    {"exercises": {"00.updates": {"tries": 1e400}}}, {"exercises": {"00.updates": {"tries": 10**30}}},
    {"exercises": {"00.updates": []}}, {"exercises": []}, {"exercises": None}, {"version": "1"}, {"version": None},
    {"guesses": {"00": {"guess": {}}}}, {"guesses": {"00": {"guess": []}}}, {"guesses": {"00": {"guess": 10**400}}},
    {"guesses": {"00": 3}}, {"guesses": {"00": {"guess": "\ud800"}}}, {"other": "\udfff"},
]  # fmt: skip


DAMAGED = [json.dumps({"version": 1, "exercises": {}, "guesses": {}} | wrong) for wrong in WRONG]
DAMAGED += ["[" * 100_000, '{"a":' * 100_000, " " * 10_000_001, "9" * 10_000]


@pytest.mark.parametrize("damage", DAMAGED, ids=range(len(DAMAGED)))
def test_wrong_types_deep_nests_and_long_files_are_restored(damage, capsys):
    two_entries()
    paths.progress_file().write_text(damage, encoding="utf-8")
    guesses.predict("00", "How many?", low=1, high=9)
    guesses.recall("00", measured=3)
    progress_page.progress_map()
    assert progress.solved("10.1.1") == 1 and "restored from its backup" in capsys.readouterr().out
    progress.record("10.1.3.area", "correct")
    assert json.loads(paths.progress_file().read_text())["exercises"].keys() == {"10.1.1.edge", "10.1.3.area"}


@pytest.mark.parametrize("guess", ["\ud800", "a\udfffb", 3, 0.5, True, "π", float("nan"), -float("inf")])
def test_every_guess_is_kept_so_that_it_can_be_read(guess, capsys):
    progress.keep_guess("10.1.1", guess, "which?")
    guesses.recall("10.1.1", measured=3)
    assert progress.guess("10.1.1") is not None
    paths.progress_file().read_text(encoding="utf-8")
    assert "damaged" not in capsys.readouterr().out


ODD = ["folder", "fifo", "link to a device", "link to a folder", ".", "/", "~nosuchuser/p.json", "x" * 5000, "backup"]


@pytest.mark.skipif(os.name == "nt", reason="fifos and device files")
@pytest.mark.parametrize("kind", ODD)
def test_a_path_that_is_no_file_is_left_as_it_is(kind, tmp_path, monkeypatch, capsys):
    """A folder of notes was renamed, and so was /dev/null; /dev/full was read for ever."""
    place, inside = tmp_path / "notes", tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    text = str(place) if " " in kind or kind in ("folder", "fifo", "backup") else kind
    monkeypatch.setenv("COURSE_PROGRESS", text)
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "backup":
        (tmp_path / "notes.backup").mkdir()
    elif " " in kind:
        place.symlink_to("/dev/full" if "device" in kind else inside)
    names = sorted(os.listdir(tmp_path))
    progress.record("10.1.1.edge", "correct")
    progress.record("10.1.1.edge", "correct")
    progress_page.progress_map()
    assert progress.solved("10.1.1") == 1
    if not kind.startswith("~"):
        assert capsys.readouterr().out.count("Progress could not be saved in") == 1
        assert [name for name in sorted(os.listdir(tmp_path)) if name not in ("notes", "notes.lock")] == [
            name for name in names if name != "notes"
        ]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends itself no Ctrl-C")
def test_ctrl_c_at_any_moment_counts_nothing_twice(monkeypatch):
    """It came when the outcome was written and not yet known to be: the next one wrote it again."""
    whole = paths.write_whole

    def press(path, content):
        whole(path, content)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(paths, "write_whole", press)
        progress.record("10.1.1.edge", "not yet")
    progress.record("10.1.1.momentum", "not yet")
    assert [entry["tries"] for entry in progress.load()["exercises"].values()] == [1, 1]


def test_a_link_is_written_through_and_shares_its_lock(tmp_path, monkeypatch):
    other = tmp_path / "cloud" / "mine.json"
    other.parent.mkdir()
    paths.progress_file().symlink_to(other)
    two_entries()
    other.write_text("{broken")
    progress.record("10.1.3.area", "correct")
    assert paths.progress_file().is_symlink() and len(json.loads(other.read_text())["exercises"]) == 2
    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.05)
    with paths.lock(other):
        progress.record("10.1.3.cosine", "correct")
    assert progress._unsaved["exercises"]


LAST = """
from course_utils.exercises import guesses, progress, progress_page
progress.LOCK_SECONDS = float(sys.argv[1])
progress.record("10.1.1.edge", "correct")
progress.LOCK_SECONDS = 30.0
"""


def test_what_waited_for_another_notebook_is_saved_when_the_kernel_ends():
    """One of 20 processes with 10 outcomes each was told that its last one could not be saved, and that was all."""
    with paths.lock(paths.progress_file()):
        ending = subprocess.Popen(
            [sys.executable, "-c", "import sys" + LAST, "0.01"], cwd=paths.ROOT, stdout=subprocess.PIPE
        )
        assert b"could not be saved" in ending.stdout.readline()
    assert ending.wait(30) == 0 and progress.solved("10.1.1") == 1
    ending.stdout.close()


SLEEPER = """
from course_utils import files
from course_utils.exercises import progress
with files.lock(files.progress_file()):
    print(flush=True)
    input()
progress.record("10.1.2.ema", "correct")
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_holder_that_sleeps_loses_nothing(monkeypatch):
    """A laptop was closed over a writer: another took its lock, and it then wrote its old copy over the other's."""
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    sleeper = subprocess.Popen([sys.executable, "-c", SLEEPER], cwd=paths.ROOT, **pipes)
    sleeper.stdout.readline()
    sleeper.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3600)
    os.utime(paths.progress_file().with_name("progress.json.lock"), (0, 0))
    progress.record("10.1.1.edge", "correct")
    assert progress._unsaved["exercises"] and not paths.progress_file().exists()
    sleeper.send_signal(signal.SIGCONT)
    sleeper.communicate(b"\n", timeout=30)
    progress.record("10.1.3.area", "correct")
    assert progress.load()["exercises"].keys() == {"10.1.1.edge", "10.1.2.ema", "10.1.3.area"}
