"""Which sliders each schedule has: one entry a schedule. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import cos, pi

import numpy as np

from course_utils import schedules
from course_utils.pictures.controls import Control, log_slider, slider, whole
from course_utils.pictures.schedule_curves import sample


@dataclass(frozen=True)
class Parameter:
    """One slider: its name in code and on screen, its range and its default.

    log: equal factors between its stops, `per_decade` of them. whole: a slider over whole numbers. step: between its
    stops; default: a hundredth of the range. of_momentum: shapes the momentum only, no slider where that is not drawn.
    """

    name: str
    label: str
    low: float
    high: float
    default: float
    log: bool = False
    per_decade: int = 20
    whole: bool = False
    step: float | None = None
    of_momentum: bool = False

    def control(self, name: str = "", heading: str = "") -> Control:
        """The slider for this parameter, under the given name."""
        arguments = (name or self.name, self.label, self.low, self.high, self.default)
        if self.log:
            return log_slider(*arguments, per_decade=self.per_decade, heading=heading)
        return (whole if self.whole else slider)(*arguments, self.step or (1 if self.whole else None), heading=heading)


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

    def curve(self, T: float, **values) -> tuple[np.ndarray, np.ndarray]:
        """(t, lr) of the schedule with these parameters, the others at their defaults."""
        values = {parameter.name: parameter.default for parameter in self.parameters} | values
        return sample(self.make(T, **values), T, self.jumps(T, **values))


def annealing_of_torch(t: float, *, peak: float, T: float, final: float = 0.0) -> float:
    """torch's CosineAnnealingLR(T_max=T, eta_min=final) in closed form: past T it climbs again."""
    return final + (peak - final) * (1 + cos(pi * t / T)) / 2


PEAK = Parameter("peak", "peak LR", 1e-4, 1.0, 0.1, log=True)
FINAL = Parameter("final", "final LR", 0.0, 0.1, 0.0, step=0.001)
PLANNED = Parameter("planned", "planned T / shown", 0.2, 2.0, 1.0, step=0.05)
FACTOR = Parameter("factor", "factor", 0.05, 1.0, 0.1, step=0.05)
CYCLES = Parameter("cycles", "cycles", 1, 10, 4, whole=True)
SHARES = ((1, 0.3), (2, 0.6), (3, 0.9))
DROPS = tuple(Parameter(f"drop{n}", f"drop {n} (share of T)", 0.05, 1.0, share, step=0.05) for n, share in SHARES)


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


def _falling(schedule):
    """planned: length of the schedule as a share of the T that is shown."""
    return lambda T, *, peak, final, planned=1: partial(schedule, peak=peak, T=planned * T, final=final)


def _inverse_sqrt(T, *, peak, warmup):
    return partial(schedules.inverse_sqrt, peak=peak, warmup=warmup)


def _exponential(T, *, start, end):
    return partial(schedules.exponential, start=start, end=end, T=T)


def _cyclic(T, *, peak, final, cycles):
    return partial(schedules.cyclic_cosine, peak=peak, T=T, final=final, cycles=cycles)


SPECS = {
    "constant": Spec("constant", lambda T, *, peak: partial(schedules.constant, peak=peak), (PEAK,)),
    "step_decay": Spec("step decay", _step_decay, (PEAK, *DROPS, FACTOR),
                       jumps=lambda T, *, drop1, drop2, drop3, **_: _drops(T, drop1, drop2, drop3)),
    "cosine": Spec("cosine", _falling(schedules.cosine), (PEAK, FINAL)),
    "cosine_planned": Spec("cosine, planned T", _falling(schedules.cosine), (PEAK, FINAL, PLANNED)),
    "cosine_torch": Spec("CosineAnnealingLR", _falling(annealing_of_torch), (PEAK, FINAL, PLANNED)),
    "linear": Spec("linear", _falling(schedules.linear), (PEAK, FINAL)),
    "inverse_sqrt": Spec("inverse square root", _inverse_sqrt,
                         (PEAK, Parameter("warmup", "warm-up updates", 1, 500, 1, whole=True)),
                         jumps=lambda T, *, warmup, **_: [warmup - 1]),
    "exponential": Spec("exponential", _exponential,
                        (Parameter("start", "start LR", 1e-6, 1.0, 1e-4, log=True),
                         Parameter("end", "end LR", 1e-4, 10.0, 1.0, log=True))),
    "cyclic_cosine": Spec("cyclic cosine", _cyclic, (PEAK, FINAL, CYCLES),
                          jumps=lambda T, *, cycles, **_: [T / cycles * k for k in range(1, int(cycles))]),
    "warmup_cosine": Spec("warm-up + cosine", _warmup_cosine,
                          (PEAK, FINAL, Parameter("warmup", "warm-up (of T)", 0.0, 0.5, 0.05, step=0.01))),
    "one_cycle": Spec("OneCycle", _one_cycle,
                      (PEAK, Parameter("p", "p (share rising)", 0.05, 0.95, 0.3, step=0.05),
                       Parameter("div_factor", "div_factor", 1, 100, 10, log=True),
                       Parameter("final_div_factor", "final_div_factor", 1, 1e6, 1e4, log=True),
                       Parameter("m_min", "m_min", 0.5, 0.99, 0.85, step=0.01, of_momentum=True),
                       Parameter("m_max", "m_max", 0.5, 0.99, 0.95, step=0.01, of_momentum=True)),
                      momentum=_one_cycle_momentum),
}  # fmt: skip
