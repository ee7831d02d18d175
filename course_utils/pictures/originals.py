"""The functions of `math` and Python's own as they were at first: a cell may write `math.cos = ...`."""

from __future__ import annotations

import builtins
import math
from contextlib import contextmanager

_OWN = {module: dict(vars(module)) for module in (math, builtins)}


@contextmanager
def own_functions():
    """Inside the block what a learner's cell has written over counts as if it had not; afterwards it is as before."""
    theirs = {module: dict(vars(module)) for module in _OWN}
    try:
        for module, names in _OWN.items():
            vars(module).update(names)
        yield
    finally:
        for module, names in theirs.items():
            vars(module).update(names)
