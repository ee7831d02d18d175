"""Where things live: one place that knows the folders of the course."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the repository (or wherever course_utils was put)


def data_dir() -> Path:
    """Folder for downloads and caches: the variable COURSE_DATA, else `data/`. Not created here."""
    chosen = os.environ.get("COURSE_DATA")
    return Path(chosen).expanduser() if chosen else ROOT / "data"


def recorded_dir() -> Path:
    """Folder of the recorded runs that come with the course. COURSE_DATA does not move it."""
    return ROOT / "data" / "recorded"


def progress_file() -> Path:
    """A learner's progress: the variable COURSE_PROGRESS, else `progress.json` in `data_dir()`."""
    chosen = os.environ.get("COURSE_PROGRESS")
    return Path(chosen).expanduser() if chosen else data_dir() / "progress.json"
