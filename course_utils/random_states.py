"""The global random numbers of Python, NumPy and PyTorch: drawn from inside a block, and afterwards as before."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager

import numpy as np

from course_utils.interrupts import uninterrupted


@contextmanager
def random_states_kept(seed: int | None = None):
    """Whatever is drawn inside, afterwards the random numbers go on as if nothing had been drawn.

    seed: inside, all of them begin here; None leaves them as they are. PyTorch counts where it has been imported, its
    GPUs included; this module does not import it.
    """
    torch = sys.modules.get("torch")
    before = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()
    gpus = torch.cuda.get_rng_state_all() if torch and torch.cuda.is_available() else []
    if seed is not None:
        random.seed(seed)
        np.random.seed(seed)
        if torch:
            torch.manual_seed(seed)
    try:
        yield
    finally:
        with uninterrupted():
            random.setstate(before[0])
            np.random.set_state(before[1])
            if torch:
                torch.set_rng_state(before[2])
            if gpus:
                torch.cuda.set_rng_state_all(gpus)
