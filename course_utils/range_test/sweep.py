"""The LR range test: one short training in which the learning rate grows until the training breaks.

    test = range_test(model, data, optimizer, low=1e-5, high=10.0)     # model and optimizer stay as they are
    suggestion = suggest(test)                                         # its eta_max, eta_min, or why not

Source: Smith 2015 (arXiv 1506.01186), section 3.3; Smith and Topin 2017 (arXiv 1708.07120); Smith 2018 (arXiv
1803.09820). What the test has seen: curve.py; how that is read: rule.py.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import torch

from course_utils.checks import check_positive, check_whole, check_within
from course_utils.random_states import random_states_kept
from course_utils.range_test.curve import RangeTest
from course_utils.runs import Run
from course_utils.schedules import exponential, linear
from course_utils.training.loop import Step, train

SWEEPS = ("exponential", "linear")
BETA = 0.8  # the watchman's average: about the last five updates; the picture is smoothed otherwise


def range_test(
    model: torch.nn.Module,
    data,
    optimizer: torch.optim.Optimizer,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    updates: int = 100,
    sweep: str = "exponential",
    seeds: Sequence[int] = (0, 1, 2),
    batch_size: int = 64,
    momentum: float | Callable[[float], float] | None = None,
    validate_every: int | str | None = None,
    augment: bool = True,
    stop_at: float = 4.0,
    watch: Callable[[Step], None] | None = None,
    **more,
) -> RangeTest:
    """Train once for each seed while the learning rate grows from `low` to `high`; returns what was seen.

    Nothing of yours changes, not even when you press Stop in the middle: each seed trains a *copy* of model and
    optimizer, and the random states of torch, NumPy and Python are put back at the end.

    low, high: first and last learning rate, 0 < low < high, of the first parameter group; other groups keep their
        ratio to it. updates: of each seed, >= 20. sweep: "exponential" (equal factors) or "linear" (equal steps).
    seeds: a different order of the same images each, from the same weights.
    momentum: fixed, in [0, 1), or a function of t; None leaves the optimizer's. For Adam it is beta_1.
    validate_every: also measure the accuracy on data.val so often (updates, or "epoch").
    stop_at: a seed is stopped when its averaged loss is this many times its lowest, and above where it began; > 1,
        math.inf never stops. A loss that is not finite always stops it.
    watch: called with the `Step` after each update, to draw. more: further arguments of `train` (compute, ...).

    Raises ValueError for arguments out of range, TypeError where model and optimizer cannot be copied.
    """
    schedule = _schedule(low, high, updates, sweep)
    seeds = _seeds(seeds)
    _check(model, optimizer, stop_at, watch)
    taken = sorted({"checkpoint", "checkpoint_every", "start", "epochs", "seed", "schedule", "config"} & set(more))
    if taken:
        raise ValueError(f"range_test decides about {', '.join(taken)} itself. Leave it out.")
    facts = {"sweep": sweep, "low": float(low), "high": float(high), "stop_at": float(stop_at)}
    how = dict(
        momentum=_momentum(momentum),
        updates=int(updates),
        batch_size=batch_size,
        augment=augment,
        validate_every=validate_every,
        config=facts,
        **more,
    )
    runs = []
    with random_states_kept():
        for seed in seeds:
            torch.manual_seed(seed)  # dropout draws from here: the same test twice gives the same numbers
            own_model, own_optimizer = _copied(model, optimizer)
            steps = train(own_model, data, own_optimizer, _for_groups(schedule, optimizer), seed=seed, **how)
            runs.append(_sweep_once(steps, stop_at, watch))
    return RangeTest(runs)


def _sweep_once(steps: Iterator[Step], stop_at: float, watch) -> Run:
    """One seed, to its end or until the loss has left for good."""
    average, first, lowest = 0.0, math.nan, math.inf
    try:
        for step in steps:
            loss = float(step.loss)
            if watch is not None:
                watch(step)
            if not math.isfinite(loss):
                step.run.status, step.run.diverged_at = "diverged", step.t  # a GPU looks only now and then
                break
            average = BETA * average + (1 - BETA) * loss
            smooth = average / (1 - BETA**step.t)
            first, lowest = (loss if step.t == 1 else first), min(lowest, smooth)
            if smooth > max(stop_at * lowest, first):
                break
    finally:
        steps.close()
    return step.run


# --------------------------------------------------------------------------------------------- nothing is touched
def _copied(model, optimizer):
    """Copies that belong together: one `deepcopy`, so that the new optimizer holds the new model's weights."""
    try:
        return copy.deepcopy((model, optimizer))
    except Exception as why:
        raise TypeError(
            f"range_test works on copies, and {type(model).__name__} with {type(optimizer).__name__} cannot be "
            f"copied ({why}). Build both anew instead, and remove what holds tensors with a history."
        ) from why


# ------------------------------------------------------------------------------------------------------ arguments
def _schedule(low, high, updates, sweep) -> Callable[[float], float]:
    for name, value in (("low", low), ("high", high)):
        check_positive(name, value, hint="Learning rates from 1e-5 to 10 are usual.")
    if not low < high:
        raise ValueError(f"the rate must grow: low = {low!r} is not below high = {high!r}. Swap them.")
    T = check_whole("updates", updates, 20, hint="100 give a readable curve.") - 1  # the last update uses `high`
    if sweep not in SWEEPS:
        raise ValueError(f"sweep must be one of {', '.join(SWEEPS)}, got {sweep!r}.")
    if sweep == "exponential":
        return partial(exponential, start=float(low), end=float(high), T=T)
    return partial(linear, peak=float(low), final=float(high), T=T)


def _for_groups(schedule, optimizer) -> list:
    """The schedule for each parameter group: groups keep the ratio of their rates."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    if len(set(rates)) == 1:
        return [schedule] * len(rates)
    if rates[0] <= 0:
        raise ValueError(
            f"the parameter groups have the learning rates {rates}: the first one must be > 0, because the others "
            "keep their ratio to it. Put a frozen group last."
        )
    return [lambda t, ratio=rate / rates[0]: ratio * schedule(t) for rate in rates]


def _momentum(value):
    if value is None or callable(value):
        return value
    fixed = check_within("momentum", value, 0, 1, ends="[)", hint="A function of t and None are possible, too.")
    return lambda t: fixed


def _seeds(seeds) -> list[int]:
    numbers = list(seeds) if isinstance(seeds, Iterable) else []
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"seeds must be different whole numbers, at least one, got {seeds!r}. (0, 1, 2) is usual.")
    return [check_whole("seeds", seed, 0, 2**32 - 1) for seed in numbers]


def _check(model, optimizer, stop_at, watch) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {type(model).__name__}. Call small_conv_net(...), say.")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}.")
    if stop_at != math.inf:
        check_within("stop_at", stop_at, 1, ends="()", hint="4 times the lowest loss is usual.")
    if watch is not None and not callable(watch):
        raise ValueError(f"watch must be a function of a step, got {watch!r}.")
