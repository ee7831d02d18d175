"""Fetch one file from the first of several sources that works: resumable, checked, with a progress bar."""

from __future__ import annotations

import sys
import time


class ProgressLine:
    """One line that is drawn over itself: label, bar, done/total, speed. Silent when `quiet`.

    >>> with ProgressLine("decoding", total=60_000, unit="images") as line: line.advance(100)
    """

    def __init__(self, label: str, total: int | None, unit: str, done: int = 0, quiet: bool = False):
        self.label, self.total, self.unit, self.quiet = label, total, unit, quiet
        self.done, self.first, self.began, self.drawn = done, done, time.monotonic(), 0.0

    def __enter__(self) -> ProgressLine:
        return self

    def advance(self, amount: int) -> None:
        self.done += amount
        now = time.monotonic()
        if not self.quiet and now - self.drawn > 0.25:
            self.drawn = now
            sys.stdout.write("\r" + self.text())
            sys.stdout.flush()

    def text(self) -> str:
        speed = (self.done - self.first) / max(time.monotonic() - self.began, 1e-3)
        scale, unit = (1e6, "MB") if self.unit == "bytes" else (1, self.unit)
        number = "{:,.1f}" if scale > 1 else "{:,.0f}"
        done, speed_text = number.format(self.done / scale), number.format(speed / scale)
        if not self.total:
            return f"{self.label}: {done} {unit}, {speed_text} {unit}/s"
        bar = "#" * int(20 * min(1.0, self.done / self.total))
        total = number.format(self.total / scale)
        return f"{self.label}: [{bar:<20}] {done} of {total} {unit}, {speed_text} {unit}/s "

    def __exit__(self, *exception) -> None:
        if not self.quiet and self.drawn:
            sys.stdout.write("\r" + self.text() + "\n")
            sys.stdout.flush()
