"""Which sliders each schedule has: one entry a schedule. No torch, no matplotlib."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from course_utils import schedules
from course_utils.pictures.controls import Control, log_slider, slider, whole


@dataclass(frozen=True)
class Parameter:
    """One slider: its name in code and on screen, its range and its default."""

    name: str
    label: str
    low: float
    high: float
    default: float
    log: bool = False
    whole: bool = False
    step: float | None = None
    of_momentum: bool = False  # shapes the momentum only: no slider where momentum is not drawn

    def control(self, name: str, heading: str) -> Control:
        """The slider for this parameter, under the given name."""
        make = log_slider if self.log else whole if self.whole else slider
        extra = {"step": self.step} if self.step else {}
        return make(name, self.label, self.low, self.high, self.default, heading=heading, **extra)


@dataclass(frozen=True)
class Spec:
    """A schedule with its sliders.

    make(T, **parameters) returns a callable of t; jumps(T, **parameters) the times where it breaks;
    momentum(T, **parameters), where there is one, the momentum as a callable of t.
    """

    label: str
    make: Callable
    parameters: tuple[Parameter, ...]
    jumps: Callable = lambda T, **_: ()
    momentum: Callable | None = None


def annealing_of_torch(t: float, *, peak: float, T: float, final: float = 0.0) -> float:
    """torch's CosineAnnealingLR(T_max=T, eta_min=final) in closed form: past T it climbs again."""
    return final + (peak - final) * (1 + math.cos(math.pi * t / T)) / 2


PEAK = Parameter("peak", "peak LR", 1e-4, 1.0, 0.1, log=True)
FINAL = Parameter("final", "final LR", 0.0, 0.1, 0.0, step=0.001)
PLANNED = Parameter("planned", "planned T / shown", 0.2, 2.0, 1.0, step=0.05)
FACTOR = Parameter("factor", "factor", 0.05, 1.0, 0.1, step=0.05)
SHARE = Parameter("p", "p (share rising)", 0.05, 0.95, 0.3, step=0.05)
CYCLES = Parameter("cycles", "cycles", 1, 10, 4, whole=True)
DROPS = tuple(
    Parameter(f"drop{n}", f"drop {n} (share of T)", 0.05, 1.0, at, step=0.05)
    for n, at in ((1, 0.3), (2, 0.6), (3, 0.9))
)


def _step_decay(T, *, peak, drop1, drop2, drop3, factor):
    return partial(schedules.step_decay, peak=peak, milestones=_drops(T, drop1, drop2, drop3), factor=factor)


def _drops(T, *shares):
    return [round(share * T, 6) for share in shares]


def _one_cycle(T, *, peak, p, div_factor, final_div_factor, m_min, m_max):
    schedules.one_cycle_momentum(0, T=T, p=p, m_min=m_min, m_max=m_max)  # refuses m_min > m_max
    return partial(schedules.one_cycle, peak=peak, T=T, p=p, div_factor=div_factor, final_div_factor=final_div_factor)


def _one_cycle_momentum(T, *, p, m_min, m_max, **_):
    return partial(schedules.one_cycle_momentum, T=T, p=p, m_min=m_min, m_max=m_max)


def _warmup_cosine(T, *, peak, final, warmup):
    steps = warmup * T
    return partial(schedules.warmup, steps=steps, then=partial(schedules.cosine, peak=peak, T=T - steps, final=final))


def _planned(schedule):
    return lambda T, *, peak, final, planned: partial(schedule, peak=peak, T=planned * T, final=final)


SPECS = {
    "constant": Spec("constant", lambda T, *, peak: partial(schedules.constant, peak=peak), (PEAK,)),
    "step_decay": Spec(
        "step decay",
        _step_decay,
        (PEAK, *DROPS, FACTOR),
        jumps=lambda T, *, drop1, drop2, drop3, **_: _drops(T, drop1, drop2, drop3),
    ),
    "cosine": Spec(
        "cosine",
        lambda T, *, peak, final: partial(schedules.cosine, peak=peak, T=T, final=final),
        (PEAK, FINAL),
    ),
    "cosine_planned": Spec("cosine, planned T", _planned(schedules.cosine), (PEAK, FINAL, PLANNED)),
    "cosine_torch": Spec("CosineAnnealingLR", _planned(annealing_of_torch), (PEAK, FINAL, PLANNED)),
    "linear": Spec(
        "linear",
        lambda T, *, peak, final: partial(schedules.linear, peak=peak, T=T, final=final),
        (PEAK, FINAL),
    ),
    "inverse_sqrt": Spec(
        "inverse square root",
        lambda T, *, peak, warmup: partial(schedules.inverse_sqrt, peak=peak, warmup=warmup),
        (PEAK, Parameter("warmup", "warm-up updates", 1, 500, 1, whole=True)),
        jumps=lambda T, *, warmup, **_: [warmup - 1],
    ),
    "exponential": Spec(
        "exponential",
        lambda T, *, start, end: partial(schedules.exponential, start=start, end=end, T=T),
        (
            Parameter("start", "start LR", 1e-6, 1.0, 1e-4, log=True),
            Parameter("end", "end LR", 1e-4, 10.0, 1.0, log=True),
        ),
    ),
    "cyclic_cosine": Spec(
        "cyclic cosine",
        lambda T, *, peak, final, cycles: partial(schedules.cyclic_cosine, peak=peak, T=T, final=final, cycles=cycles),
        (PEAK, FINAL, CYCLES),
        jumps=lambda T, *, cycles, **_: [T / cycles * k for k in range(1, int(cycles))],
    ),
    "warmup_cosine": Spec(
        "warm-up + cosine",
        _warmup_cosine,
        (PEAK, FINAL, Parameter("warmup", "warm-up (of T)", 0.0, 0.5, 0.05, step=0.01)),
    ),
    "one_cycle": Spec(
        "OneCycle",
        _one_cycle,
        (
            PEAK,
            SHARE,
            Parameter("div_factor", "div_factor", 1, 100, 10, log=True),
            Parameter("final_div_factor", "final_div_factor", 1, 1e6, 1e4, log=True),
            Parameter("m_min", "m_min", 0.5, 0.99, 0.85, step=0.01, of_momentum=True),
            Parameter("m_max", "m_max", 0.5, 0.99, 0.95, step=0.01, of_momentum=True),
        ),
        momentum=_one_cycle_momentum,
    ),
}
