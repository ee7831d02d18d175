"""Our schedules beside PyTorch's: where they agree, where they do not, and why. Computed, not claimed.

python -m tests.unit.torch_schedules
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.optim import lr_scheduler as torch_lr

from course_utils import schedules as ours

AGREES = 1e-12  # largest difference, as a share of the peak, that rounding explains
PEAK, FINAL, T, P = 0.4, 0.004, 100, 0.3


@dataclass(frozen=True)
class Difference:
    """One schedule of ours against one of torch's.

    updates: the t compared. largest: the largest difference there, as a share of the peak. why: what differs.
    """

    ours: str
    torch: str
    updates: str
    largest: float
    why: str

    @property
    def agrees(self) -> bool:
        return self.largest <= AGREES

    def __str__(self):
        verdict = "agrees to 1e-12" if self.agrees else f"differs by up to {100 * self.largest:.2g} % of the peak"
        return f"{self.ours} | {self.torch} | {self.updates}: {verdict}" + f" ({self.why})" * bool(self.why)


def torch_values(make: Callable, updates: int, base: float = PEAK, what: str = "lr") -> list[float]:
    """The rate (or momentum) of updates 0 ... updates - 1 under the torch scheduler make(optimizer)."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base, momentum=0.9)
    scheduler, values = make(optimizer), []
    for _ in range(updates):
        values.append(float(optimizer.param_groups[0][what]))
        optimizer.step()
        try:
            scheduler.step()
        except ValueError:  # OneCycleLR counts its steps and refuses to go on
            break
    return values


def differences() -> list[Difference]:
    """Every comparison: first the schedules that agree, update by update, then the two faces of OneCycle."""
    return [*_simple(), *_one_cycle()]


def _row(name, other, updates, why, mine, theirs, scale=PEAK) -> Difference:
    largest = max(abs(mine(t) - theirs[t]) for t in updates) / scale
    shown = f"t = {updates[0]}" + (f" ... {updates[-1]}" if len(updates) > 1 else "")
    return Difference(name, other, shown, largest, why)


def _simple() -> list[Difference]:
    during, after, always = range(T + 1), range(T + 1, 2 * T), range(2 * T)
    gamma = (FINAL / PEAK) ** (1 / T)

    def cosine(t):
        return ours.cosine(t, peak=PEAK, T=T, final=FINAL)

    def sweep(t):
        return ours.exponential(t, start=PEAK, end=FINAL, T=T)

    def restarts(t):
        return ours.cyclic_cosine(t, peak=PEAK, T=T, cycles=4, final=FINAL)

    def values(make):
        return torch_values(make, 2 * T)

    step = values(lambda o: torch_lr.MultiStepLR(o, [30, 60, 90], gamma=0.1))
    line = values(lambda o: torch_lr.LinearLR(o, 1.0, FINAL / PEAK, total_iters=T))
    root = values(lambda o: torch_lr.LambdaLR(o, lambda t: min((t + 1) / 10, (10 / (t + 1)) ** 0.5)))
    power = values(lambda o: torch_lr.ExponentialLR(o, gamma))
    half = values(lambda o: torch_lr.CosineAnnealingLR(o, T, eta_min=FINAL))
    again = values(lambda o: torch_lr.CosineAnnealingWarmRestarts(o, T // 4, eta_min=FINAL))
    both = values(
        lambda o: torch_lr.SequentialLR(
            o, [torch_lr.LinearLR(o, 0.1, total_iters=20), torch_lr.CosineAnnealingLR(o, 80, FINAL)], [20]
        )
    )

    def warm(t):
        return ours.warmup(t, steps=20, start=0.1, then=lambda s: ours.cosine(s, peak=PEAK, T=80, final=FINAL))

    return [
        _row("constant", "no scheduler", always, "", lambda t: ours.constant(t, peak=PEAK), [PEAK] * 2 * T),
        _row("step_decay", "MultiStepLR", always, "",
             lambda t: ours.step_decay(t, peak=PEAK, milestones=[30, 60, 90]), step),
        _row("cosine", "CosineAnnealingLR", during, "", cosine, half),
        _row("cosine", "CosineAnnealingLR", after, "torch climbs again, we hold the final rate", cosine, half),
        _row("linear", "LinearLR", always, "", lambda t: ours.linear(t, peak=PEAK, T=T, final=FINAL), line),
        _row("inverse_sqrt", "LambdaLR", always, "torch has none of its own",
             lambda t: ours.inverse_sqrt(t, peak=PEAK, warmup=10), root),
        _row("exponential", "ExponentialLR", during, "", sweep, power),
        _row("exponential", "ExponentialLR", after, "torch goes on falling, we hold the end", sweep, power),
        _row("cyclic_cosine", "CosineAnnealingWarmRestarts", range(T), "", restarts, again),
        _row("cyclic_cosine", "CosineAnnealingWarmRestarts", range(T, 2 * T),
             "torch starts further cycles, we hold the final rate", restarts, again),
        _row("warmup, cosine", "SequentialLR(LinearLR, CosineAnnealingLR)", during, "", warm, both),
    ]  # fmt: skip


def _one_cycle() -> list[Difference]:
    div, final_div, joint = 10.0, 1e4, P * T
    options = dict(max_lr=PEAK, total_steps=T, pct_start=P, div_factor=div, base_momentum=0.85, max_momentum=0.95)

    def its(final_div_factor, **more):
        return lambda o: torch_lr.OneCycleLR(o, final_div_factor=final_div_factor, **options, **more)

    def rate(t):
        return ours.one_cycle(t, peak=PEAK, T=T, p=P, div_factor=div, final_div_factor=final_div)

    def momentum(t):
        return ours.one_cycle_momentum(t, T=T, p=P)

    def shifted(function):  # torch's clock: it reaches the peak at update pT - 1 and the end at T - 1
        return lambda t: function(t * joint / (joint - 1) if t <= joint - 1 else t + 1)

    same_end = torch_values(its(final_div / div), T + 1)  # one step more than planned: torch allows it
    as_typed = torch_values(its(final_div), T)
    straight = torch_values(its(final_div / div, anneal_strategy="linear"), T + 1)
    its_momentum = torch_values(its(final_div), T, what="momentum")
    name, clock = "OneCycleLR", "t -> pT t / (pT - 1) up to the peak, t + 1 after it"
    return [
        _row("one_cycle", name, range(T), "torch reaches peak and end one update earlier", rate, same_end),
        _row(f"one_cycle with {clock}", name, range(T), "the same curve on torch's clock",
             shifted(rate), same_end),
        _row("one_cycle", name, [T], "one step more: torch climbs back, we hold the final rate", rate, same_end),
        _row("one_cycle's last rate", f"{name}, same final_div_factor", [T - 1],
             "torch divides the start rate, we divide the peak, so torch wants final_div_factor / div_factor",
             shifted(rate), as_typed),
        _row("one_cycle", f"{name}(anneal_strategy='linear')", [T], f"one step more: torch's is {straight[T]:.2g}",
             rate, straight),
        _row("one_cycle_momentum", name, range(T), "torch reaches both joints one update earlier",
             momentum, its_momentum, 1.0),
        _row(f"one_cycle_momentum with {clock}", name, range(T), "the same curve on torch's clock",
             shifted(momentum), its_momentum, 1.0),
    ]  # fmt: skip


if __name__ == "__main__":
    print(*differences(), sep="\n")
