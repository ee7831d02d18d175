"""One line of progress that is drawn over itself, for a terminal and a notebook alike."""

from __future__ import annotations

import sys
import time


class ProgressLine:
    """Label, bar, done/total and speed in one line on standard output. Silent when `quiet`.

    with ProgressLine("decoding", total=60_000, unit="images") as line:
        line.advance(100)

    unit: "bytes" is shown as MB, anything else as it is. done: where a resumed download begins.
    """

    def __init__(self, label: str, total: int, unit: str, done: int = 0, quiet: bool = False):
        self.label, self.total, self.unit, self.quiet = label, total, unit, quiet
        self.done, self.first, self.began, self.drawn = done, done, time.monotonic(), 0.0

    def __enter__(self) -> ProgressLine:
        return self

    def advance(self, amount: int) -> None:
        """Count `amount` more; redraws at most four times a second."""
        self.done += amount
        now = time.monotonic()
        if not self.quiet and now - self.drawn > 0.25:
            self.drawn = now
            self._draw("")

    def text(self) -> str:
        speed = (self.done - self.first) / max(time.monotonic() - self.began, 1e-3)
        scale, unit, digits = (1e6, "MB", 1) if self.unit == "bytes" else (1, self.unit, 0)
        done, total, speed = (f"{number / scale:,.{digits}f}" for number in (self.done, self.total, speed))
        bar = "#" * int(20 * min(1.0, self.done / self.total))
        return f"{self.label}: [{bar:<20}] {done} of {total} {unit}, {speed} {unit}/s"

    def _draw(self, end: str) -> None:
        sys.stdout.write(f"\r{self.text():<90}{end}")  # padded, to cover a longer line drawn before
        sys.stdout.flush()

    def __exit__(self, *exception) -> None:
        if self.drawn:
            self._draw("\n")
