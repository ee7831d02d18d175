"""Learning-rate schedules: plain functions of the update number.

    lr = cosine(t, peak=0.1, T=1000)

`t` counts the optimizer updates already made, so update number t (the first one is t = 0) uses `schedule(t)`. A run of
`T` updates therefore uses t = 0 ... T - 1, and the value at t = T is where the curve ends, not a rate any update sees.
Fractional t are fine (a picture needs them); t beyond T holds the last value; negative or non-finite t is refused.
Numbers may be ints, floats, fractions or NumPy scalars; arrays and tensors are refused. The answer is always a float.

Nothing here knows about PyTorch. Fix the parameters with `functools.partial` and hand the result to `train`:

    schedule = partial(cosine, peak=0.1, T=1000)
    schedule(0), schedule(500), schedule(1000)      # 0.1, 0.05, 0.0

Where these agree with `torch.optim.lr_scheduler` and where they do not: tests/unit/test_schedules_beside_torch.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, floor, pi, sqrt  # by name: a cell may write `math.cos = ...`

from course_utils.checks import check_positive, check_within, shown

Schedule = Callable[[float], float]


# -------------------------------------------------------------------------------------------- argument checks
def _time(t) -> float:
    return check_within("t", t, 0, hint="t is the number of updates made so far: 0 before the first one.")


def _rate(name, value) -> float:
    return check_within(name, value, 0, hint="A learning rate is never negative; typical values are 1e-4 to 1.")


def _length(T) -> float:
    hint = "T is the planned number of updates: epochs * updates per epoch."
    return check_positive("T", T, hint=hint)


def _share(p) -> float:
    hint = "p is the share of the updates spent rising; try 0.3."
    return check_within("p", p, 0, 1, ends="()", hint=hint)


def _schedule(name, value) -> Schedule:
    if not callable(value):
        hint = "Fix the parameters with functools.partial, for example partial(cosine, peak=0.1, T=1000)."
        raise ValueError(f"{name} must be a function of t, got {shown(value)}. {hint}")
    return value


# -------------------------------------------------------------------------------------------- building blocks
def half_cosine(tau: float) -> float:
    """Rise from 0 to 1 as tau goes from 0 to 1, flat at both ends: hc(tau) = (1 - cos(pi tau)) / 2."""
    return (1 - cos(pi * tau)) / 2


def constant(t: float, *, peak: float) -> float:
    """Eq. 10.4: alpha_t = alpha_0 (`peak`, >= 0) for every t >= 0."""
    _time(t)
    return _rate("peak", peak)


def step_decay(t: float, *, peak: float, milestones: Sequence[float], factor: float = 0.1) -> float:
    """Step decay: the rate starts at `peak` (alpha_0); at every milestone it is multiplied by `factor`.

    milestones: update numbers, strictly increasing, each > 0; the update t = milestone already uses the lower
    rate. An empty list means no drop. factor: in (0, 1]. He et al. 2015 (arXiv 1512.03385) divide by 10.
    """
    t, peak = _time(t), _rate("peak", peak)
    hint = "It is what remains of the rate at a milestone: 0.1 divides by ten."
    factor = check_within("factor", factor, 0, 1, ends="(]", hint=hint)
    hint = "Give update numbers after the start in increasing order, for example [300, 600, 900]."
    try:
        milestones = list(milestones)
    except TypeError:
        raise ValueError(f"milestones must be a list of numbers, got {shown(milestones)}. {hint}") from None
    milestones = [check_positive("milestones", m, hint=hint) for m in milestones]
    if any(b <= a for a, b in zip(milestones, milestones[1:], strict=False)):
        raise ValueError(f"milestones must increase, got {shown(milestones)}. {hint}")
    return peak * factor ** sum(t >= m for m in milestones)


def cosine(t: float, *, peak: float, T: float, final: float = 0.0) -> float:
    """Eq. 10.1: alpha_t = alpha_0 (1 + cos(pi t / T)) / 2, from `peak` at t = 0 down to `final` at t = T.

    T: planned updates, > 0. Beyond T the rate stays at `final` (torch's CosineAnnealingLR climbs again instead).
    Source: Loshchilov and Hutter 2016 (arXiv 1608.03983), without restarts.
    """
    t, peak, final, T = _time(t), _rate("peak", peak), _rate("final", final), _length(T)
    return peak + (final - peak) * half_cosine(min(t / T, 1.0))


def linear(t: float, *, peak: float, T: float, final: float = 0.0) -> float:
    """Eq. 10.2: alpha_t = alpha_0 (1 - t / T), from `peak` at t = 0 down to `final` at t = T, then held.

    T: planned updates, > 0. Source: used by BERT, Devlin et al. 2018 (arXiv 1810.04805), after a warm-up.
    """
    t, peak, final, T = _time(t), _rate("peak", peak), _rate("final", final), _length(T)
    return peak + (final - peak) * min(t / T, 1.0)


def inverse_sqrt(t: float, *, peak: float, warmup: float = 1) -> float:
    """Eq. 10.3 with updates counted from one: alpha = peak * min(s / warmup, sqrt(warmup / s)), s = t + 1.

    Counting from one is how the formula avoids 1 / sqrt(0). warmup: updates until the peak, >= 1; with warmup
    = 1 the rate is peak / sqrt(t + 1). It needs no T. Source: Vaswani et al. 2017 (arXiv 1706.03762), section
    5.3, whose d_model**-0.5 * warmup**-0.5 is our `peak`.
    """
    t, peak = _time(t), _rate("peak", peak)
    hint = "warmup is the number of updates until the peak; 1 means no warm-up."
    warmup = check_within("warmup", warmup, 1, hint=hint)
    s = t + 1
    return peak * min(s / warmup, sqrt(warmup / s))


def exponential(t: float, *, start: float, end: float, T: float) -> float:
    """Geometric sweep from `start` at t = 0 to `end` at t = T (both > 0), then held: equal steps in log LR.

    The sweep of the LR range test (Smith 2015, arXiv 1506.01186) on a logarithmic axis.
    """
    t, T = _time(t), _length(T)
    hint = "A geometric sweep needs rates above 0, for example 1e-5 to 10."
    start = check_positive("start", start, hint=hint)
    end = check_positive("end", end, hint=hint)
    return start * (end / start) ** (t / T) if t < T else end


def cyclic_cosine(t: float, *, peak: float, T: float, cycles: int, final: float = 0.0) -> float:
    """`cycles` equal cosine decays in T updates, each starting again at `peak`; beyond T the rate is `final`.

    Source: snapshot ensembles, Huang et al. 2017 (arXiv 1704.00109), eq. 2; SGDR, arXiv 1608.03983.
    """
    t, peak, final, T = _time(t), _rate("peak", peak), _rate("final", final), _length(T)
    hint = "One cycle is plain cosine decay; give a whole number."
    cycles = check_within("cycles", cycles, 1, hint=hint)
    if cycles != int(cycles):
        raise ValueError(f"cycles must be a whole number >= 1, got {cycles!r}. {hint}")
    if t >= T:
        return final
    # In this order t = k T / cycles gives exactly k: a restart is never missed by a rounding error.
    return peak + (final - peak) * half_cosine(t * cycles / T % 1)


def one_cycle(
    t: float,
    *,
    peak: float,
    T: float,
    p: float = 0.3,
    div_factor: float = 10.0,
    final_div_factor: float = 1e4,
) -> float:
    """Eq. 10.5: rise from peak / div_factor to `peak` (eta_max) in the first p T updates, then fall to peak /
    final_div_factor at t = T; both parts are half cosines, so the slope is zero at start, peak and end.

    p: share of the updates spent rising, in (0, 1), usually 0.2 to 0.4. div_factor and final_div_factor: >=
    1.
    Source: Smith and Topin 2017 (arXiv 1708.07120). torch's OneCycleLR divides the *start* rate by its
    final_div_factor and reaches both joints one update earlier.
    """
    t, peak, T, p = _time(t), _rate("peak", peak), _length(T), _share(p)
    hint = "The rates at both ends are at most the peak; 10 and 1e4 are usual."
    div_factor = check_within("div_factor", div_factor, 1, hint=hint)
    final_div_factor = check_within("final_div_factor", final_div_factor, 1, hint=hint)
    return _up_and_down(t, T, p, peak / div_factor, peak, peak / final_div_factor)


def one_cycle_momentum(t: float, *, T: float, p: float = 0.3, m_min: float = 0.85, m_max: float = 0.95) -> float:
    """Eq. 10.6: momentum moves against the rate: m_max -> m_min while the rate rises, back while it falls.

    m_min <= m_max, both in [0, 1). For Adam and AdamW this is beta_1(t). Source: arXiv 1803.09820.
    """
    t, T, p = _time(t), _length(T), _share(p)
    hint = "Momentum is the share of the old velocity that is kept; 0.85 and 0.95 are usual."
    m_min = check_within("m_min", m_min, 0, 1, ends="[)", hint=hint)
    m_max = check_within("m_max", m_max, 0, 1, ends="[)", hint=hint)
    if m_min > m_max:
        raise ValueError(f"m_min must not exceed m_max, got {m_min!r} > {m_max!r}. Swap them.")
    return _up_and_down(t, T, p, m_max, m_min, m_max)


def _up_and_down(t: float, T: float, p: float, first: float, middle: float, last: float) -> float:
    """first -> middle in the share p of T, then middle -> last, both along half cosines; held after T."""
    joint = p * T
    if t < joint:
        return first + (middle - first) * half_cosine(t / joint)
    if t < T:
        return middle + (last - middle) * half_cosine((t - joint) / (T - joint))
    return last


# -------------------------------------------------------------------------------- schedules made of schedules
def warmup(t: float, *, steps: float, then: Schedule, start: float = 0.1) -> float:
    """A straight rise over `steps` updates, then the schedule `then`, which starts its own clock at 0.

    start: first rate as a share of then(0), in [0, 1]. The same as torch's LinearLR(start_factor=start)
    followed by `then` in a SequentialLR. Source: Goyal et al. 2017 (arXiv 1706.02677), "gradual warm-up".
    """
    t, then = _time(t), _schedule("then", then)
    steps = check_within("steps", steps, 0, hint="steps is the number of warm-up updates; 0 means none.")
    start = check_within("start", start, 0, 1, hint="start is a share of the rate that the warm-up ends with.")
    if t >= steps:
        return then(t - steps)
    return then(0) * (start + (1 - start) * t / steps)


def staircase(t: float, *, schedule: Schedule, every: float) -> float:
    """The schedule as it looks when it is only stepped once every `every` updates (once an epoch, say)."""
    t, schedule = _time(t), _schedule("schedule", schedule)
    hint = "every is the number of updates between two changes."
    every = check_positive("every", every, hint=hint)
    return schedule(floor(t / every) * every)
