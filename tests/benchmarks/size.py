"""How much a benchmark does. `python -m tests.benchmarks --smallest` only shows that each runs, and judges no bar."""

from __future__ import annotations

import os

SMALLEST = os.environ.get("COURSE_BENCHMARKS") == "smallest"


def size(usual, smallest):
    """`usual`, or `smallest` where it is only asked whether the benchmark runs."""
    return smallest if SMALLEST else usual


def status(missed: bool) -> int:
    """The exit status: 1 where a bar was missed. At the smallest size figures mean nothing, and none is missed."""
    return int(bool(missed) and not SMALLEST)
