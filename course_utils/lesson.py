"""What the set-up cell of every lesson calls. Quick: no torch, no matplotlib, no network."""
from __future__ import annotations

import os
from importlib.util import find_spec

from course_utils.lessons import PACKAGES, lesson


def start(number: str) -> None:
    """Begin a lesson: see that its packages are there, set quiet defaults and print one line.

    number: the section number, such as "10.1.1". Raises ValueError when there is no such lesson, ModuleNotFoundError
    with the line that installs what is missing.
    """
    entry = lesson(number)
    missing = [PACKAGES[module] for module in entry.needs if find_spec(module) is None]
    if missing:
        raise ModuleNotFoundError(f"Lesson {entry} needs {', '.join(missing)}. Run this in a cell of its own, then "
                                  f"this cell again:  %pip install {' '.join(missing)}")
    # On Apple GPUs an operation that is not written yet runs on the CPU instead of stopping the lesson.
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    print(f"Lesson {entry} is ready.")
