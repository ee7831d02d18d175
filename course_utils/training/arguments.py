"""What `train` may be asked for: its arguments are checked here, and refused by name."""

from __future__ import annotations

from course_utils.checks import check_positive, check_whole


def planned(epochs, updates, per_epoch: int, start) -> int:
    """Planned updates T; ValueError also for a `start` outside [0, T)."""
    if (epochs is None) == (updates is None):
        raise ValueError(f"give either epochs or updates, got epochs={epochs!r} and updates={updates!r}.")
    hint = f"One epoch is {per_epoch} updates."
    if updates is None:
        T = max(1, round(check_positive("epochs", epochs, hint=hint) * per_epoch))
    else:
        whole = isinstance(updates, float) and updates.is_integer()
        T = check_whole("updates", int(updates) if whole else updates, 1, hint=hint)
    check_whole("start", start, 0, T - 1, hint=f"It counts the updates already made, out of {T} in all.")
    return T


def interval(name: str, value, per_epoch: int) -> int | None:
    """Updates between two events: "epoch", a number, or None for never."""
    if value is None or (isinstance(value, str) and value == "epoch"):
        return per_epoch if value else None
    return check_whole(name, value, 1, of="updates", hint="'epoch' and None (never) are possible, too.")


def check_optimizer(model, optimizer, momentum) -> None:
    """ValueError if the optimizer does not belong to the model, or has no momentum where one is scheduled."""
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("the optimizer holds none of this model's parameters. Build it from model.parameters().")
    if momentum is not None and not callable(momentum):
        raise ValueError(f"momentum must be a function of t, got {momentum!r}. Set a fixed one in the optimizer.")
    if momentum is not None and not all("betas" in group or "momentum" in group for group in optimizer.param_groups):
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
