"""What `train` may be asked for: its arguments are checked here, and refused by name."""

from __future__ import annotations

import inspect
import warnings

import torch

from course_utils.checks import check_whole, check_within, shown

LARGEST = 3e38  # weights are float32, which ends there
MOST = 10**9  # updates


def planned(epochs, updates, per_epoch: int, start) -> int:
    """Planned updates T; ValueError also for a `start` outside [0, T)."""
    if (epochs is None) == (updates is None):
        raise ValueError(f"give either epochs or updates, got epochs={epochs!r} and updates={updates!r}.")
    hint = f"One epoch is {per_epoch} updates."
    if updates is None:
        T = max(1, round(check_within("epochs", epochs, 0, MOST / per_epoch, ends="(]", hint=hint) * per_epoch))
    else:
        whole = isinstance(updates, float) and updates.is_integer()
        T = check_whole("updates", int(updates) if whole else updates, 1, MOST, hint=hint)
    check_whole("start", start, 0, T - 1, hint=f"It counts the updates already made, out of {T} in all.")
    return T


def interval(name: str, value, per_epoch: int) -> int | None:
    """Updates between two events: "epoch", a number, or None for never."""
    if value is None or (isinstance(value, str) and value == "epoch"):
        return per_epoch if value else None
    return check_whole(name, value, 1, of="updates", hint="'epoch' and None (never) are possible, too.")


def rate(schedule, t: int) -> float:
    """The learning rate of update t; ValueError for anything but a number that weights can be updated with."""
    hint = "A schedule returns the learning rate of update t."
    return check_within(f"schedule({t})", schedule(t), 0, LARGEST, hint=hint)


def momentum_at(momentum, t: int) -> float:
    """The momentum, or beta_1, of update t; ValueError outside [0, 1)."""
    return check_within(f"momentum({t})", momentum(t), 0, 1, ends="[)")


def plain_number(value):
    """A number of NumPy's, or of a tensor, as Python's; ints stay ints."""
    return value if type(value) in (float, int) else float(value)


def check_optimizer(model, optimizer, schedules, momentum) -> None:
    """ValueError if the optimizer does not belong to the model, cannot work in `train`, or could move nothing.

    Warns of parameters that could learn and are in none of its groups.
    """
    kind, held = type(optimizer).__name__, [p for group in optimizer.param_groups for p in group["params"]]
    names, ours = {id(p): name for name, p in model.named_parameters()}, {id(p) for p in held}
    if foreign := sum(id(p) not in names for p in held):
        count = "none of this model's parameters" if foreign == len(held) else f"{foreign} parameters of another model"
        raise ValueError(
            f"the optimizer holds {count}. Build it from model.parameters(), after the last layer was put in place."
        )
    if not torch.is_grad_enabled() or not any(p.requires_grad for p in held):
        why = "all its parameters are frozen" if torch.is_grad_enabled() else "gradients are switched off (no_grad)"
        raise ValueError(f"the optimizer could move nothing: {why}. Let something learn: requires_grad_(True).")
    if idle := [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in ours]:
        warnings.warn(
            f"{len(idle)} parameters are in no group of the optimizer and do not learn: {shown(idle)}. If that is "
            "meant, freeze them: requires_grad_(False).",
            stacklevel=3,
        )
    needed = inspect.signature(type(optimizer).step).parameters.get("closure")
    if isinstance(optimizer, torch.optim.SparseAdam) or needed and needed.default is inspect.Parameter.empty:
        raise ValueError(f"{kind} does not work here: it needs sparse gradients, or a closure. SGD and AdamW do.")
    for group, schedule in zip(optimizer.param_groups, schedules, strict=True):
        if schedule is None:
            check_within("the optimizer's lr", float(group["lr"]), 0, LARGEST)
    if momentum is not None and not callable(momentum):
        raise ValueError(f"momentum must be a function of t, got {momentum!r}. Set a fixed one in the optimizer.")
    if momentum is not None and not all("betas" in group or "momentum" in group for group in optimizer.param_groups):
        raise ValueError(f"{kind} has no momentum to schedule. Leave `momentum` out.")


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
