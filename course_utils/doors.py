"""Doors: a package's `__init__` says which of its files gives which names, and loads a file when one is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable


def door(package: str, **files: str) -> tuple[Callable, Callable, list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package that loads its files on first use (PEP 562).

    package: its `__name__`. files: name of a file in it -> the names it gives, with spaces between them. No file may
    bear the name of something that the package gives: importing the file would hide it. Raises ValueError then.
    """
    home = {name: file for file, names in files.items() for name in names.split()}
    if hidden := sorted(home.keys() & files.keys()):
        raise ValueError(f"{package}: a file and a name are both called {', '.join(hidden)}; rename the file.")

    def load(name: str):
        if name not in home:
            raise AttributeError(f"{package} has no {name!r}; it has {', '.join(sorted(home))}")
        value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(home), sorted(home)
