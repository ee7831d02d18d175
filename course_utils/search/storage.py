"""Where a study is kept: a journal file that several processes write to, or a database given by its URL.

    storage = open_storage("studies/mine.log")                       # one machine, or a folder that several share
    storage = open_storage("postgresql://user@host/studies")         # a database for many machines
    storage = open_storage("grpc://host:13000")                      # many workers through one proxy before a database

Optuna's journal is a list of what happened, one line of JSON each, appended under a lock file. If the process that
holds the lock is killed, Optuna waits 30 seconds for it, and half of a line stays and spoils the line after it. The
lock here is the same file, so both get along; but it says who holds it: where that process is dead, the lock goes at
once, and what it had half written is cut off: it never counted.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from course_utils.interrupts import hold_signals
from course_utils.search.liveness import is_dead, me

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK_SUFFIX = ".lock"  # as Optuna names it
# module that speaks to a database -> what to install, where its name is another one
DRIVERS = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
PATIENCE = 30.0  # seconds without a change until the lock of an unknown holder is removed, as in Optuna
ANSWER = 10.0  # seconds a proxy gets to answer
_numbers = count()


def open_storage(where):
    """An Optuna storage: of a journal file (made if it is not there), a database URL, or a storage as it is.

    Raises ValueError for SQLite (its locks fail when several processes write, above all in a shared folder), for a file
    that is no journal, and for a folder that is not there.
    """
    from optuna import storages

    if not isinstance(where, (str, os.PathLike)):
        return where
    if "://" in str(where):
        return _database(str(where))
    path = Path(where).expanduser().absolute()
    _refuse_other_files(path)
    backend = storages.journal.JournalFileBackend(str(path), lock_obj=HolderLock(path))
    try:
        return storages.JournalStorage(backend)
    except (ValueError, KeyError, AssertionError) as problem:
        raise ValueError(f"{path} is damaged, or no journal of a study ({type(problem).__name__}: {problem}). "
                         "Move it away and make the study again.") from problem  # fmt: skip


def without_password(where) -> str:
    """`where` as text for people and logs: a password in a URL becomes ***."""
    return re.sub(r"(://[^/@:]*):[^@]*@", r"\1:***@", str(where))


def _database(url: str):
    """The storage behind a URL; ValueError, naming it, where there is none, or no package that can speak to it."""
    from optuna import exceptions, storages
    from sqlalchemy.exc import SQLAlchemyError

    kind, _, rest = url.partition("://")
    named = without_password(url)
    if kind.startswith("sqlite"):
        raise ValueError(f"{named}: SQLite is not made for several writers. Use a journal file (a plain path) on one "
                         "machine, or PostgreSQL or MySQL for many.")  # fmt: skip
    try:
        if kind != "grpc":
            return storages.get_storage(url)
        host, _, port = rest.partition(":")
        if not host or not (port or "13000").isdecimal():
            raise ValueError(f"{named}: give it as grpc://HOST:PORT.")
        with warnings.catch_warnings():  # Optuna calls the proxy experimental
            warnings.simplefilter("ignore", exceptions.ExperimentalWarning)
            proxy = storages.GrpcStorageProxy(host=host, port=int(port or 13000))
        proxy.wait_server_ready(ANSWER)
        return proxy
    except ImportError as problem:
        module = getattr(problem if kind == "grpc" else problem.__cause__, "name", None)  # Optuna hides which one it is
        need = "grpcio protobuf" if kind == "grpc" else DRIVERS.get(module, module or "its driver")
        missing = f"the package {module}" if module else "a package"
        raise ValueError(f"{named}: {missing} is missing: pip install {need}.") from problem
    except ConnectionError as problem:
        raise ValueError(f"{named}: nobody answers there within {ANSWER:g} s. Is the proxy running?") from problem
    except SQLAlchemyError as problem:
        raise ValueError(f"{named} cannot be used as a database: {str(problem).splitlines()[0]}") from problem


def _refuse_other_files(path: Path) -> None:
    if not path.parent.is_dir():
        raise ValueError(f"{path.parent} is no folder: make it first, or give another place for the study.")
    if not path.exists():
        return
    if not path.is_file():
        raise ValueError(f"{path} is no file: give the study a file of its own, such as {path / 'study.log'}.")
    with open(path, "rb") as f:
        first = f.readline(100_000)
    try:
        good = not first or "op_code" in json.loads(first)
    except (ValueError, TypeError):
        good = False
    if not good:
        raise ValueError(f"{path} is no journal of a study: it begins with {first[:40]!r}. Give another file.")


# --------------------------------------------------------------------------------------------------- the lock
class HolderLock:
    """Optuna's lock file (made with O_EXCL, so only one can), with a note inside of who holds it."""

    def __init__(self, journal: str | os.PathLike, patience: float = PATIENCE):
        self.journal, self.file, self.patience = Path(journal), Path(f"{journal}{LOCK_SUFFIX}"), patience
        self.token = f"{time.time_ns():x}-{next(_numbers)}"  # tells this lock from every other
        self._seen, self._since = None, 0.0

    def acquire(self) -> bool:
        """Wait for the lock and take it. A holder that is dead, or one nobody knows after `patience` s, is removed."""
        hold_signals(True)
        try:
            self._wait()
            mend(self.journal)
        except BaseException:
            self._unlink_own()
            hold_signals(False)
            raise
        return True

    def _wait(self) -> None:
        note = json.dumps({**me(), "lock": self.token, "n": next(_numbers)}).encode()
        pause, self._seen = 0.001, None
        while True:
            try:
                handle = os.open(self.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except OSError as problem:
                # Windows says "permission denied" for a file that is just being removed
                if not isinstance(problem, (FileExistsError, PermissionError)) or not self.file.parent.is_dir():
                    raise
                if isinstance(problem, PermissionError) and os.name != "nt":
                    raise
            else:
                try:
                    os.write(handle, note)
                finally:
                    os.close(handle)
                return
            self._look()
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def _unlink_own(self) -> None:
        text = self._read()
        if text is not None and (not text or self.token.encode() in text):
            self.file.unlink(missing_ok=True)

    def _read(self) -> bytes | None:
        """The note in the lock; of Optuna's symbolic link its target; None where the lock is gone."""
        try:
            return os.readlink(self.file).encode() if self.file.is_symlink() else self.file.read_bytes()
        except OSError:
            return None

    def release(self) -> None:
        """Give the lock back; one that was removed and taken meanwhile stays with its holder."""
        self._unlink_own()
        hold_signals(False)

    def _look(self) -> None:
        """Remove the lock of a holder that will never come back."""
        text = self._read()
        if text is None:  # just released
            return
        if text != self._seen:
            self._seen, self._since = text, time.monotonic()
        try:
            holder = json.loads(text)
            dead = is_dead(holder) or holder["lock"] == self.token  # one's own: an interrupted call left it
            who = f"process {holder['pid']} on {holder['machine'].partition('/')[0]}"
        except (ValueError, TypeError, KeyError):
            dead, who = False, "an unknown process"
        if dead:
            self._remove(text, f"{who}, which is gone")
        elif time.monotonic() - self._since > self.patience:
            self._remove(text, f"{who}, unchanged for {self.patience:g} s")

    def _remove(self, text: bytes, why: str) -> None:
        with _alone(self.journal):  # of those who remove, one at a time: the lock seen is the lock removed
            if self._read() != text:
                return
            self.file.unlink(missing_ok=True)
        print(f"{self.file.name} was left behind by {why}: removed.", file=sys.stderr, flush=True)


@contextmanager
def _alone(path: Path):
    """A lock of the system, which ends with its holder; where there is none, the lock is removed without."""
    try:
        handle = open(path, "rb")
    except OSError:
        yield
        return
    with handle:
        if fcntl:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:  # a file system without
                pass
        yield


def mend(journal: Path) -> None:
    """Cut off a last line without its end: its writer was killed, or the disk was full, and nobody has read it."""
    try:
        with open(journal, "rb+") as f:
            end = f.seek(0, os.SEEK_END)
            if not end:
                return
            f.seek(end - 1)
            if f.read(1) == b"\n":
                return
            keep, block = end, 4096
            while keep:  # backwards to the line before
                start = max(0, keep - block)
                f.seek(start)
                at = f.read(keep - start).rfind(b"\n")
                keep = start + at + 1 if at >= 0 else start
                if at >= 0:
                    break
            f.truncate(keep)
    except FileNotFoundError:
        pass
