"""What the set-up cell of every lesson calls. Quick: no torch, no matplotlib, no network."""
from __future__ import annotations

import os

from course_utils.lessons import lesson


def start(number: str) -> None:
    """Begin a lesson: set quiet defaults and print one line.

    number: the section number, such as "10.1.1". Raises ValueError when there is no such lesson.
    """
    entry = lesson(number)
    # On Apple GPUs an operation that is not written yet runs on the CPU instead of stopping the lesson.
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    print(f"Lesson {entry} is ready.")
