"""The functions of `math` and Python's own as they were at first: a cell may write `math.cos = ...`."""

from __future__ import annotations

import builtins
import math
from contextlib import contextmanager

_PLAIN = "abs all any bool divmod enumerate float int len list map max min pow range round set sorted str sum tuple zip"
_OWN = {math: dict(vars(math)), builtins: {name: getattr(builtins, name) for name in _PLAIN.split()}}


@contextmanager
def own_functions():
    """Inside the block what a learner's cell has written over counts as if it had not; afterwards it is as before."""
    theirs = {
        module: {name: vars(module)[name] for name, own in names.items() if vars(module).get(name, own) is not own}
        for module, names in _OWN.items()
    }  # nothing, most of the time: other threads go on meanwhile
    try:
        for module, names in theirs.items():
            vars(module).update({name: _OWN[module][name] for name in names})
        yield
    finally:
        for module, names in theirs.items():
            vars(module).update(names)
