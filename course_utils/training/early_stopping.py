"""When is enough? Early stopping as a pure function of the validation scores. No PyTorch.

    stopping([0.30, 0.41, 0.39, 0.40, 0.38], patience=3)     # Stop(at=4, chosen=1, early=True)

Two questions are kept apart: which checkpoint is the *best so far* (any gain counts, however small), and whether the
scores still *get better* (only gains above `min_delta` count). Prechelt (1998), "Early Stopping - But When?".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from course_utils.checks import check_whole, check_within

DIRECTIONS = {"higher": 1.0, "lower": -1.0}


@dataclass(frozen=True)
class Stop:
    """at: index of the last validation that is made. chosen: index of the best one up to there, the first of equals;
    None if none of the scores was a number. early: True if patience was used up, False if the scores ended first."""

    at: int
    chosen: int | None
    early: bool


def stopping(
    scores: Sequence[float], patience: int | None = None, *, min_delta: float = 0.0, better: str = "higher"
) -> Stop:
    """Where a training with these validation scores would have been stopped, and which checkpoint it would keep.

    scores: one a validation, in any unit; a NaN (a training that diverged) is never an improvement.
    patience: stop after this many validations *in a row* without improvement, >= 1; None: never stop, keep the best.
    min_delta: an improvement exceeds the last one that counted by more than this, >= 0, in the unit of the scores.
    better: "higher" (accuracy) or "lower" (loss). Raises ValueError for arguments out of range or no scores.
    """
    if not len(scores):
        raise ValueError("there are no scores; validate at least once before asking whether to stop")
    if patience is not None:
        check_whole("patience", patience, 1, of="validations", hint="None goes on to the end.")
    check_within("min_delta", min_delta, 0, hint="It is in the unit of the scores.")
    if better not in DIRECTIONS:
        raise ValueError(f"better = {better!r}: 'higher' for an accuracy, 'lower' for a loss")
    best = mark = -math.inf
    chosen, waited = None, 0
    for i, score in enumerate(scores):
        value = DIRECTIONS[better] * score
        if value > best:
            best, chosen = value, i
        if value > mark + min_delta:  # against the best that counted, never against the one just before
            mark, waited = value, 0
        else:
            waited += 1
        if patience is not None and waited >= patience:
            return Stop(i, chosen, True)
    return Stop(len(scores) - 1, chosen, False)
