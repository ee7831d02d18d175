"""What came of a guarded run, and how the work's own ways to end are told apart."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

KEEP_PRINTED = 2_000  # characters of the learner's prints that come back
TOO_MUCH = "it asked for more memory than a check allows"
INTERRUPTED = "it raised KeyboardInterrupt"


@dataclass
class Guarded:
    """What came of a guarded run.

    value: what the work returned, None when there is a problem. problem: None, "time", "memory", "exit" (the code ended
    its process) or "crash". detail: the problem in words, without a full stop. printed: the first characters the work
    printed; printed_chars counts all of them.
    """

    value: object = None
    problem: str | None = None
    detail: str = ""
    printed: str = ""
    printed_chars: int = 0


class Notepad(io.TextIOBase):
    """A stdout that keeps the first characters and counts the rest."""

    text, chars = "", 0

    def write(self, text):
        self.text += text[: max(0, KEEP_PRINTED - self.chars)]
        self.chars += len(text)
        return len(text)


def outcome(work: Callable, notepad: Notepad) -> Guarded:
    """Call the work, turning the ways Python code can leave it into a Guarded."""
    try:
        result = Guarded(work())
    except MemoryError:
        result = Guarded(None, "memory", TOO_MUCH)
    except SystemExit:
        result = Guarded(None, "exit", "it called exit(), which would end the whole kernel")
    except KeyboardInterrupt:
        result = Guarded(None, "exit", INTERRUPTED)
    except BaseException as error:
        result = Guarded(None, "crash", f"it ended with {type(error).__name__}")
    result.printed, result.printed_chars = notepad.text, notepad.chars
    return result
