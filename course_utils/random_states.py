"""The global random numbers of Python, NumPy and PyTorch: drawn from inside a block, and afterwards as before."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager

import numpy as np

from course_utils.interrupts import uninterrupted


def random_states() -> dict:
    """What fixes the random numbers that come next, as plain data and tensors.

    PyTorch counts where it has been imported, its GPUs included; this module does not import it.
    """
    torch, (kind, key, *rest) = sys.modules.get("torch"), np.random.get_state()
    states = {"python": random.getstate(), "numpy": (kind, key.tolist(), *rest)}
    if torch:
        states["torch"] = torch.get_rng_state()
        states["gpus"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return states


def set_random_states(states: dict) -> None:
    """Go on where `random_states()` was called; GPUs only where there are as many."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    if torch := "torch" in states and sys.modules["torch"]:
        torch.set_rng_state(states["torch"])
        if states["gpus"] and torch.cuda.is_available() and len(states["gpus"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states["gpus"])


@contextmanager
def random_states_kept(seed: int | None = None):
    """Whatever is drawn inside, afterwards the random numbers go on as if nothing had been drawn.

    seed: inside, all of them begin here; None leaves them as they are.
    """
    before = random_states()
    if seed is not None:
        random.seed(seed)
        np.random.seed(seed)
        if torch := sys.modules.get("torch"):
            torch.manual_seed(seed)
    try:
        yield
    finally:
        with uninterrupted():
            set_random_states(before)
