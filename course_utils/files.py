"""Where things live, and how a file is written so that nobody ever sees half of it."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from course_utils.interrupts import uninterrupted

ROOT = Path(__file__).resolve().parent.parent  # the repository (or wherever course_utils was put)
LEFTOVER_SECONDS = 86400.0  # a temporary file older than this was left by a killed process, even if a clock was set
REPLACE_SECONDS = 1.0  # how long another program on Windows, a virus scanner say, may hold the old file open
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def named(variable: str) -> Path | None:
    """The path in an environment variable, made absolute; None where it is not set. Never raises for a strange one."""
    text = os.environ.get(variable)
    return Path(os.path.abspath(os.path.expanduser(text))) if text else None


def is_offline() -> bool:
    """True where the variable COURSE_OFFLINE forbids all downloads. ValueError for a word that is no yes and no no."""
    word = os.environ.get("COURSE_OFFLINE", "").strip().lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off", ""):
        raise ValueError(f"COURSE_OFFLINE must be 1 (download nothing) or 0, got {word!r}.")
    return word in ("1", "true", "yes", "on")


def data_dir() -> Path:
    """Folder for downloads and caches: the variable COURSE_DATA, else `data/`. Not created here."""
    return named("COURSE_DATA") or ROOT / "data"


def recorded_dir() -> Path:
    """Folder of the recorded runs that come with the course. COURSE_DATA does not move it."""
    return ROOT / "data" / "recorded"


def progress_file() -> Path:
    """A learner's progress: the variable COURSE_PROGRESS, else `progress.json` in `data_dir()`."""
    return named("COURSE_PROGRESS") or data_dir() / "progress.json"


def check_regular(path: str | os.PathLike) -> None:
    """OSError for a folder, a device, a fifo, or a link to one: reading it might never end, and it is not replaced."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "this is not a regular file", str(path))


def write_whole(path: str | os.PathLike, content: bytes | str | Callable) -> Path:
    """Write the file `path` in one step: at every moment it is the whole old file, or the whole new one.

    content: bytes, a text (stored as UTF-8), or a function that is given the open binary file and writes to it:
    `write_whole(path, lambda file: np.savez(file, **arrays))`. The folder is made where it is missing; a symbolic link
    is written through. Ctrl-C waits until the file is written. Raises OSError (disk full, folder not writable, `path`
    is a folder or a device) or what the function raises, with the old file untouched and nothing left behind.
    """
    target = Path(os.path.realpath(path))
    check_regular(target)
    with uninterrupted():
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")  # nobody else writes to this name
        try:
            with open(part, "xb") as file:
                if callable(content):
                    content(file)
                else:
                    file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            replace(part, target)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return Path(path)


def replace(part: Path, target: Path) -> None:
    """`os.replace`, tried for a second while another program holds one of the files; OSError after that."""
    give_up = time.monotonic() + REPLACE_SECONDS
    while True:
        try:
            return os.replace(part, target)
        except PermissionError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def sweep(target: Path) -> None:
    """Delete temporary files of writers of `target` that were killed long ago."""
    for leftover in target.parent.glob(glob.escape(f".{target.name}.") + "[0-9a-f]" * 16 + ".part"):
        with suppress(OSError):  # somebody else was faster, or it is not ours: no harm where it is
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                leftover.unlink()


@contextmanager
def lock(path: str | os.PathLike, seconds: float = 0.0) -> Iterator[None]:
    """Inside the block no other process or thread holds the lock of `path`, which is the file PATH.lock beside it.

    seconds: how long to wait for it. The system takes the lock from a process that dies: none is left behind (the file
    stays, and means nothing by itself). Raises TimeoutError, naming the holder as far as known, when `seconds` are
    over; OSError when the folder cannot be written.
    """
    import filelock  # here, because most who import this module lock nothing

    folder, name = Path(path).parent, Path(path).name
    folder.mkdir(parents=True, exist_ok=True)
    # The second kind is for network folders whose system knows no locks: there, a file that exists is the lock.
    for kind, file in ((filelock.FileLock, folder / f"{name}.lock"), (filelock.SoftFileLock, folder / f"{name}.held")):
        held = kind(str(file))
        try:
            held.acquire(timeout=seconds, poll_interval=0.02)
            break
        except filelock.Timeout:
            raise TimeoutError(f"{_holder(file) or 'another process'} holds {file.name}") from None
        except (OSError, NotImplementedError) as error:
            if kind is filelock.SoftFileLock or getattr(error, "errno", errno.ENOSYS) not in NO_LOCKS:
                raise
    try:
        with suppress(OSError):  # on Windows nobody else can read a locked file
            if not _holder(file)[:1].isdigit():  # a soft lock's own note
                file.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        held.release()


def _holder(lock_file: Path) -> str:
    """What stands in a lock file: who holds it, or held it last. Empty where that cannot be read."""
    try:
        return " ".join(lock_file.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return ""
