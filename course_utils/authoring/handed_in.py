"""A folder or zip of handed-in notebooks, read without trust: bounded, never written to disk, links not followed."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MOST_BYTES = 16_000_000  # of a notebook; a lesson with all its pictures has 2 million
MOST_NOTEBOOKS = 60  # of one learner
MOST_FILES = 20_000  # of a zip
LEFT_OUT = ("__MACOSX", ".ipynb_checkpoints")


class Unreadable(ValueError):
    """A notebook that is not read; the message says why."""


@dataclass
class Learner:
    """Who handed in what: the notebooks by name, each with a way to read it, and what could not even be listed."""

    name: str
    notebooks: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def learners(place: str | os.PathLike) -> list[Learner]:
    """Who handed something in, by name: one folder, zip or notebook a learner.

    place: a folder, a zip, or a single notebook. ValueError where it is none of these, or holds no notebook.
    """
    place = Path(place)
    if place.is_dir():
        rows = [of_entry(entry) for entry in sorted(os.scandir(place), key=lambda entry: entry.name)]
    elif place.suffix == ".ipynb" and place.is_file():
        rows = [Learner(place.stem, {place.name: lambda: read_file(place)})]
    elif place.is_file() and zipfile.is_zipfile(place):
        rows = of_zip(place)
    else:
        raise ValueError(f"{place} is neither a folder, nor a zip, nor a notebook")
    rows = [row for row in rows if row and (row.notebooks or row.problems)]
    if not rows:
        raise ValueError(f"{place} holds no notebook (.ipynb)")
    return rows


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT


def of_entry(entry: os.DirEntry) -> Learner | None:
    """What one entry of the folder holds; None for what is nobody's work."""
    path = Path(entry.path)
    if is_hidden(entry.name):
        return None
    if entry.is_dir(follow_symlinks=False):
        learner = Learner(entry.name)
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            for name in sorted(files):
                add(learner, Path(folder, name), path)
        return learner
    learner = Learner(path.stem)
    add(learner, path, path.parent)
    return learner


def add(learner: Learner, path: Path, home: Path) -> None:
    """Add a notebook, or the notebooks of a zip, to what a learner handed in."""
    if is_hidden(path.name) or path.suffix.lower() not in (".ipynb", ".zip"):
        return
    if path.suffix.lower() == ".ipynb":
        put(learner, path.relative_to(home).as_posix(), lambda: read_file(path))
    elif path.is_symlink() or not path.is_file():
        learner.problems.append(f"{path.name}: a link or no regular file; not read")
    else:
        try:
            for name in members(path):
                put(learner, f"{path.name}/{name}", lambda name=name: read_member(path, name))
        except (Unreadable, OSError) as error:
            learner.problems.append(f"{path.name}: {error}")


def put(learner: Learner, name: str, read: Callable[[], bytes]) -> None:
    if len(learner.notebooks) < MOST_NOTEBOOKS:
        learner.notebooks[name] = read
    elif len(learner.notebooks) == MOST_NOTEBOOKS and not learner.problems:
        learner.problems.append(f"more than {MOST_NOTEBOOKS} notebooks; the others are not read")


def of_zip(path: Path) -> list[Learner]:
    """The learners of a zip: its top folders and files, or those of the only folder that it holds."""
    try:
        names = members(path)
    except (Unreadable, OSError) as error:
        raise ValueError(f"{path}: {error}") from None
    parts = {name: [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")] for name in names}
    while parts and len({row[0] for row in parts.values()}) == 1 and all(len(row) > 2 for row in parts.values()):
        parts = {name: row[1:] for name, row in parts.items()}
    rows: dict[str, Learner] = {}
    for name, row in parts.items():
        who = PurePosixPath(row[0]).stem if len(row) == 1 else row[0]
        put(rows.setdefault(who, Learner(who)), "/".join(row[1:] or row), lambda name=name: read_member(path, name))
    return [rows[who] for who in sorted(rows)]


def members(path: Path) -> list[str]:
    """The notebooks that a zip lists. Where their names lead to is of no matter: none is written."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise Unreadable(f"the zip is broken ({error})") from None
    if len(infos) > MOST_FILES:
        raise Unreadable(f"the zip lists {len(infos):,} files; at most {MOST_FILES:,} are looked at")
    names = [info.filename for info in infos if info.filename.lower().endswith(".ipynb")]
    return [name for name in names if not any(is_hidden(part) for part in PurePosixPath(name).parts if part != "..")]


def read_member(path: Path, name: str) -> bytes:
    """A member of a zip, unpacked only as far as a notebook may be long. Unreadable for all that is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return bounded(file)
    except Unreadable:
        raise
    except Exception as error:  # broken deflate streams and passwords raise a dozen different kinds
        raise Unreadable(f"cannot be unpacked ({error})") from None


def read_file(path: Path) -> bytes:
    """A notebook file. Unreadable for links, devices and pipes, and what is too large."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Unreadable("a link or no regular file; not read")
        with open(path, "rb") as file:
            return bounded(file)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None


def bounded(file) -> bytes:
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Unreadable(f"larger than {MOST_BYTES // 1_000_000} MB; not read")
    return content
