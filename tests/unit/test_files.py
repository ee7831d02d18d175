"""Files are written whole or not at all, and a lock has one holder, however the others end."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from course_utils import files
from course_utils.files import lock, write_whole


@pytest.mark.parametrize(
    "content, stored", [(b"ab\n", b"ab\n"), ("é\n", "é\n".encode()), (lambda f: f.write(b"x"), b"x")]
)
def test_bytes_texts_and_functions_are_written(content, stored, tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    assert write_whole(path, content) == path and path.read_bytes() == stored
    assert write_whole(str(path), b"second") == path and path.read_bytes() == b"second"
    assert os.listdir(path.parent) == ["file"]


def test_a_new_file_has_the_rights_of_any_other(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    assert write_whole(tmp_path / "file", b"").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("fault", ["write", "fsync", "replace", "content", "Ctrl-C in content"])
def test_the_old_file_stays_whole_when_the_new_one_fails(fault, tmp_path, monkeypatch):
    path = write_whole(tmp_path / "file", b"old")

    def refuse(*args):
        raise KeyboardInterrupt if fault.startswith("Ctrl-C") else OSError(errno.ENOSPC, "No space left on device")

    content = refuse if "content" in fault else (lambda f: (f.write(b"half"), refuse())) if fault == "write" else b"new"
    if fault in ("fsync", "replace"):
        monkeypatch.setattr(os, fault, refuse)
    with pytest.raises((OSError, KeyboardInterrupt)):
        write_whole(path, content)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_links_are_written_through(tmp_path):
    real, link, dangling = tmp_path / "real", tmp_path / "link", tmp_path / "dangling"
    try:
        link.symlink_to(real)
        dangling.symlink_to(tmp_path / "elsewhere" / "file")
    except OSError:
        pytest.skip("no symbolic links here")
    write_whole(link, b"1")
    write_whole(dangling, b"2")
    assert link.is_symlink() and real.read_bytes() == b"1" and not real.is_symlink()
    assert dangling.is_symlink() and (tmp_path / "elsewhere" / "file").read_bytes() == b"2"


def test_what_is_no_file_is_not_replaced(tmp_path):
    with pytest.raises(OSError, match="not a regular file"):
        write_whole(tmp_path, b"")
    with pytest.raises(OSError, match="not a regular file"):
        write_whole(os.devnull, b"")
    assert tmp_path.is_dir() and not os.path.isfile(os.devnull)


@pytest.mark.parametrize("times", [3, 10**9])
def test_a_scanner_that_holds_the_old_file_is_waited_for(times, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "REPLACE_SECONDS", 0.2)
    path, replace, calls = write_whole(tmp_path / "file", b"old"), os.replace, []

    def held(source, target):
        calls.append(target)
        if len(calls) <= times:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", held)
    if times == 3:
        write_whole(path, b"new")
        assert path.read_bytes() == b"new" and len(calls) == 4
    else:
        with pytest.raises(PermissionError):
            write_whole(path, b"new")
        assert path.read_bytes() == b"old" and len(calls) > 3
    assert os.listdir(tmp_path) == ["file"]


def test_leftovers_of_killed_writers_are_swept(tmp_path):
    names = {
        "old": f".file.{'a1' * 8}.part",
        "young": f".file.{'b2' * 8}.part",
        "other": f".file.x.{'c3' * 8}.part",
        "download": "file.part",
    }
    for name in names.values():
        (tmp_path / name).write_bytes(b"half")
    for kind in ("old", "other", "download"):
        os.utime(tmp_path / names[kind], (0, 0))
    write_whole(tmp_path / "file", b"new")
    del names["old"]
    assert sorted(os.listdir(tmp_path)) == sorted(["file", *names.values()])


@pytest.mark.skipif(os.name == "nt", reason="Windows sends itself no Ctrl-C")
def test_ctrl_c_waits_until_the_file_is_written(tmp_path):
    path = tmp_path / "file"

    def press(file):
        file.write(b"first half, ")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        file.write(b"second half")

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, press)
    assert path.read_bytes() == b"first half, second half" and os.listdir(tmp_path) == ["file"]


# ------------------------------------------------------------------------------------------------------ the lock
HOLDER = """
import sys, time
from course_utils.files import lock
with lock(sys.argv[1], 30):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(path, seconds=60.0):
    """A process that holds the lock of `path`, and has it by now."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(seconds)], cwd=files.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path):
    path = tmp_path / "file"
    process = holder(path)
    try:
        known = "another process" if os.name == "nt" else f"process {process.pid} on .+"
        for _ in range(2):
            with pytest.raises(TimeoutError, match=f"^{known} holds file.lock$"), lock(path, 0.1):
                pass
    finally:
        process.kill()
        process.wait()
    with lock(path, 5):
        pass


def test_a_lock_that_is_let_go_is_taken_within_the_time(tmp_path):
    process = holder(tmp_path / "file", seconds=0.3)
    with lock(tmp_path / "file", 30):
        assert process.wait(30) == 0


def test_threads_and_blocks_exclude_each_other(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(5):
            with lock(tmp_path / "file", 60):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20
    with lock(tmp_path / "file"), pytest.raises(TimeoutError), lock(tmp_path / "file"):
        pass


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "file"):
        1 / 0  # noqa: B018
    with lock(tmp_path / "file"):
        pass


WAITER = """
import os, sys, time
from course_utils.files import lock
for turn in range(10):
    with lock(sys.argv[1], 60):
        mark = os.open(sys.argv[1] + ".inside", os.O_CREAT | os.O_EXCL)  # fails where another is inside
        os.close(mark)
        time.sleep(0.002)
        os.unlink(sys.argv[1] + ".inside")
"""


def test_waiters_for_the_lock_of_a_killed_holder_never_both_take_it(tmp_path):
    """A lock file that says "taken" and is old was removed by two waiters, one of which removed the other's lock."""
    path = tmp_path / "file"
    killed = holder(path)
    waiters = [subprocess.Popen([sys.executable, "-c", WAITER, str(path)], cwd=files.ROOT) for _ in range(3)]
    time.sleep(0.5)
    os.utime(tmp_path / "file.lock", (0, 0))
    killed.kill()
    killed.wait()
    assert [process.wait(60) for process in waiters] == [0, 0, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="flock is not used there")
@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_the_system_has_no_locks_the_file_is_the_lock(number, tmp_path, monkeypatch):
    import fcntl

    def none(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)
    with lock(tmp_path / "file"), pytest.raises(TimeoutError, match=f"{os.getpid()}.* holds file.(lock|held)"):
        with lock(tmp_path / "file", 0.1):
            pass
    with lock(tmp_path / "file"):
        pass


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError), lock(tmp_path / "file" / "inside"):
        pass
