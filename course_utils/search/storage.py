"""Where a study is kept: one of Optuna's storages, refused in plain words where it cannot be used.

open_storage("studies/mine.log")                  # a journal file: one machine, or a folder that several share
open_storage("postgresql://user@host/studies")    # a database for many machines
open_storage("grpc://host:13000")                 # many workers through Optuna's proxy before a database
No password in a URL, wherever it stands there, reaches a message: not even through those of drivers.
"""

from __future__ import annotations

import os
import re
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path

import optuna
from optuna.storages import journal

from course_utils.files import check_regular, lock

# module that speaks to a database -> what to install, where its name is another one
DRIVERS = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
ANSWER = 10.0  # seconds a proxy gets to answer
# What may be told of a driver's error, whose text may hold any part of the URL.
REASONS = "refused|authentication failed|access denied|does not exist|unknown|could not translate|timed? ?out"


def open_storage(where):
    """An Optuna storage: of a journal file (made if it is not there), a database URL, or a storage as it is.

    Raises ValueError for SQLite (its locks fail when several processes write, above all in a shared folder), for a file
    that is no journal or damaged, for a folder that is not there, and for a database that cannot be reached.
    """
    if not isinstance(where, (str, os.PathLike)):
        return where
    if "://" in str(where):
        return _database(str(where))
    path = Path(os.path.abspath(os.path.expanduser(where)))
    try:
        check_regular(path)
        if path.exists():
            with open(path, "rb") as file:
                first = file.read(40)
            if first and not first.startswith(b'{"op_code":'):
                raise ValueError(f"it begins with {first!r}")
        return optuna.storages.JournalStorage(journal.JournalFileBackend(str(path), lock_obj=JournalLock(path)))
    except OSError as problem:
        raise ValueError(
            f"{path} cannot be the file of a study: {problem.strerror}. Give one of its own, in a folder that is there."
        ) from problem
    except Exception as problem:  # whatever a changed line leads Optuna to
        raise ValueError(
            f"{path} is damaged, or no journal of a study ({type(problem).__name__}: {problem}). "
            "Move it away and make the study again, or give another file."
        ) from problem


def without_password(where) -> str:
    """`where` as text for people and logs: of a URL only what can hold no password, its kind and its host."""
    kind, mark, rest = str(where).partition("://")
    address, _, query = rest.partition("?")
    if not mark or (kind == "grpc" and re.fullmatch(r"[\w.-]+:\d+", rest)):
        return str(where)
    if "@" in query:  # the "?" may be part of a password, or the "@"
        return f"{kind}://***"
    user, at, host = address.rpartition("@")
    return f"{kind}://{'***@' if at else ''}{re.sub(':.*', ':***', host)}{'?***' if query else ''}"


def _database(url: str):
    """The storage behind a URL; ValueError, naming it, where there is none, or no package that can speak to it."""
    kind, _, rest = url.partition("://")
    named = without_password(url)
    if kind.startswith("sqlite"):
        raise ValueError(
            f"{named}: SQLite is not made for several writers. Use a journal file (a plain path) on one machine, or "
            "PostgreSQL or MySQL for many."
        )
    try:
        if kind != "grpc":
            return optuna.storages.get_storage(url)
        host, _, port = rest.partition(":")
        if not re.fullmatch(r"[\w.-]+", host) or not (port or "13000").isdecimal():
            raise ValueError(f"{named}: give it as grpc://HOST:PORT.")
        with warnings.catch_warnings():  # Optuna calls the proxy experimental
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            proxy = optuna.storages.GrpcStorageProxy(host=host, port=int(port or 13000))
        proxy.wait_server_ready(ANSWER)
        return proxy
    except ImportError as problem:
        module = getattr(problem if kind == "grpc" else problem.__cause__, "name", None)  # Optuna hides which one it is
        need = "grpcio protobuf" if kind == "grpc" else DRIVERS.get(module, module or "its driver")
        missing = f"the package {module}" if module else "a package"
        reason = f"{missing} is missing: pip install {need}."
    except ConnectionError:
        reason = f"nobody answers there within {ANSWER:g} s. Is the proxy running?"
    except Exception as problem:
        if kind == "grpc":
            raise
        known = re.search(REASONS, str(problem), re.IGNORECASE)
        reason = f"cannot be used as a database ({known[0].lower() if known else type(problem).__name__})."
    raise ValueError(f"{named}: {reason}")  # outside: an error that led to this one would be printed, too


class JournalLock:
    """A lock of the system, which ends with its holder however that one dies. Optuna's own is a file that stays behind:
    the others wait 30 s for it. (Programs with plain Optuna may read meanwhile, but not write: they have the other.)"""

    def __init__(self, path: str | os.PathLike):
        self.path, self._inside = path, None

    def acquire(self) -> bool:
        """Wait for the lock and take it. What a killed writer had half written is cut off: it never counted."""
        with ExitStack() as stack:
            stack.enter_context(lock(f"{self.path}.writer", seconds=600))
            mend(self.path)
            self._inside = stack.pop_all()
        return True

    def release(self) -> None:
        self._inside.close()


def mend(path: str | os.PathLike) -> None:
    """Cut off a last line without its end: its writer was killed, or the disk was full, and nobody has read it."""
    with suppress(FileNotFoundError), open(path, "rb+") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        if file.read() not in (b"", b"\n"):  # which is rare: only then all is read
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
