"""What `train` may be asked for: its arguments are checked here, and refused by name."""

from __future__ import annotations

import math
from numbers import Integral, Real


def learning_rate(value, where: str, hint: str) -> float:
    """`value` as a float; ValueError if it is no finite number >= 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < math.inf:
        raise ValueError(f"{where}{value!r}: a learning rate must be a finite number >= 0. {hint}")
    return float(value)


def planned(epochs, updates, per_epoch, start) -> int:
    """Planned updates T; ValueError also for a `start` outside [0, T)."""
    if (epochs is None) == (updates is None):
        raise ValueError(f"give either epochs or updates, got epochs={epochs!r} and updates={updates!r}.")
    name, value = ("epochs", epochs) if updates is None else ("updates", updates)
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a number > 0, got {value!r}. One epoch is {per_epoch} updates.")
    T = value if updates is not None else max(1, round(epochs * per_epoch))
    if T != int(T):
        raise ValueError(f"updates must be a whole number, got {T!r}. One epoch is {per_epoch} updates.")
    if isinstance(start, bool) or not isinstance(start, Integral) or not 0 <= start < T:
        raise ValueError(
            f"start must be a whole number in [0, {int(T) - 1}], got {start!r}. "
            f"It counts the updates already made, out of {int(T)} in all."
        )
    return int(T)


def interval(name, value, per_epoch) -> int | None:
    """Updates between two events: "epoch", a number, or None for never."""
    if value is None or (isinstance(value, str) and value == "epoch"):
        return per_epoch if value else None
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be 'epoch', None or a whole number of updates >= 1, got {value!r}.")
    return int(value)


def check_optimizer(model, optimizer, momentum):
    """ValueError if the optimizer does not belong to the model, or has no momentum where one is scheduled."""
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for g in optimizer.param_groups for p in g["params"]):
        raise ValueError("the optimizer holds none of this model's parameters. Build it from model.parameters().")
    if momentum is not None and not callable(momentum):
        raise ValueError(f"momentum must be a function of t, got {momentum!r}. Set a fixed one in the optimizer.")
    if momentum is not None and not all("betas" in g or "momentum" in g for g in optimizer.param_groups):
        raise ValueError(f"{type(optimizer).__name__} has no momentum to schedule. Leave `momentum` out.")


def per_group(schedule, optimizer) -> list:
    """One schedule (or None) for each parameter group."""
    groups = len(optimizer.param_groups)
    if schedule is None or callable(schedule):
        return [schedule] * groups
    if not isinstance(schedule, (list, tuple)) or not all(s is None or callable(s) for s in schedule):
        raise ValueError(
            f"schedule must be a function of t or a list of them, got {schedule!r}. A fixed rate goes to the "
            "optimizer; for cosine decay partial(cosine, peak=0.1, T=1000)."
        )
    if len(schedule) != groups:
        raise ValueError(f"schedule has {len(schedule)} functions for {groups} parameter groups. Give one each.")
    return list(schedule)
