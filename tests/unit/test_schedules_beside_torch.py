"""Our schedules beside PyTorch's: where they agree, where they do not, and why."""

from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler as torch_lr

from course_utils import schedules

PEAK, FINAL, T = 0.4, 0.004, 100
DURING, AFTER, ALWAYS = range(T + 1), range(T + 1, 2 * T), range(2 * T)
HALF = partial(schedules.cosine, peak=PEAK, T=T, final=FINAL)


def torch_rates(make, updates, key="lr"):
    """The rate (or momentum) of updates 0 ... updates - 1 under the torch scheduler make(optimizer)."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK, momentum=0.9)
    scheduler, rates = make(optimizer), [optimizer.param_groups[0][key]]
    for _ in range(updates - 1):  # OneCycleLR counts its steps and refuses more
        optimizer.step()
        scheduler.step()
        rates.append(float(optimizer.param_groups[0][key]))
    return rates


def apart(ours, theirs, updates):
    """The largest difference, as a share of the peak."""
    return max(abs(ours(t) - theirs[t]) for t in updates) / PEAK


@pytest.mark.parametrize("final", [0.0, 0.01])
@pytest.mark.parametrize("total", [1, 7, 60, 1001])
def test_cosine_and_linear_follow_torch_to_the_end(total, final):
    ours = partial(schedules.cosine, peak=PEAK, T=total, final=final)
    theirs = torch_rates(lambda o: torch_lr.CosineAnnealingLR(o, total, final), total + 1)
    assert apart(ours, theirs, range(total + 1)) < 1e-12
    theirs = torch_rates(lambda o: torch_lr.LinearLR(o, 1, final / PEAK, total), 2 * total)
    ours = partial(schedules.linear, peak=PEAK, T=total, final=final)
    assert apart(ours, theirs, range(2 * total)) < 1e-12


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0])
def test_step_decay_is_multi_step(factor):
    theirs = torch_rates(lambda o: torch_lr.MultiStepLR(o, [1, 20, 40], factor), 80)
    ours = partial(schedules.step_decay, peak=PEAK, milestones=[1, 20, 40], factor=factor)
    assert apart(ours, theirs, range(80)) < 1e-12


@pytest.mark.parametrize("steps, start", [(1, 0.5), (10, 0.1), (13, 1e-3)])
def test_warmup_is_a_sequence(steps, start):
    def make(optimizer):
        rise = torch_lr.LinearLR(optimizer, start, total_iters=steps)
        return torch_lr.SequentialLR(optimizer, [rise, torch_lr.CosineAnnealingLR(optimizer, T, FINAL)], [steps])

    ours = partial(schedules.warmup, steps=steps, then=HALF, start=start)
    assert apart(ours, torch_rates(make, steps + T), range(steps + T)) < 1e-12


def test_inverse_sqrt_which_torch_has_not():
    theirs = torch_rates(lambda o: torch_lr.LambdaLR(o, lambda t: min((t + 1) / 10, (10 / (t + 1)) ** 0.5)), 2 * T)
    assert apart(partial(schedules.inverse_sqrt, peak=PEAK, warmup=10), theirs, ALWAYS) < 1e-12


BEYOND = {  # what torch does after T, where we hold the last value
    "climbs again": (HALF, lambda o: torch_lr.CosineAnnealingLR(o, T, FINAL), DURING, AFTER),
    "goes on falling": (
        partial(schedules.exponential, start=PEAK, end=FINAL, T=T),
        lambda o: torch_lr.ExponentialLR(o, (FINAL / PEAK) ** (1 / T)),
        DURING,
        AFTER,
    ),
    "starts further cycles": (
        partial(schedules.cyclic_cosine, peak=PEAK, T=T, cycles=4, final=FINAL),
        lambda o: torch_lr.CosineAnnealingWarmRestarts(o, T // 4, eta_min=FINAL),
        range(T),
        range(T, 2 * T),
    ),
}


@pytest.mark.parametrize("what", BEYOND)
def test_beyond_the_plan_we_hold_the_last_value_and_torch_goes_on(what):
    ours, make, during, after = BEYOND[what]
    theirs = torch_rates(make, 2 * T)
    assert apart(ours, theirs, during) < 1e-12
    assert apart(ours, theirs, after) > 1e-3


def one_cycle_of_torch(total, final_div_factor, **more):
    options = dict(div_factor=10, base_momentum=0.85, max_momentum=0.95, pct_start=0.3) | more
    return lambda o: torch_lr.OneCycleLR(o, PEAK, total, final_div_factor=final_div_factor, **options)


@pytest.mark.parametrize("p, total", [(0.3, 100), (0.25, 80), (0.5, 20)])
@pytest.mark.parametrize("div, final_div", [(10, 1e4), (25, 100)])
def test_one_cycle_is_torchs_on_a_clock_that_reaches_both_joints_one_update_earlier(p, total, div, final_div):
    make = one_cycle_of_torch(total, final_div / div, pct_start=p, div_factor=div)
    rise = p * total
    clock = [t * rise / (rise - 1) if t <= rise - 1 else t + 1 for t in range(total)]
    ours = partial(schedules.one_cycle, peak=PEAK, T=total, p=p, div_factor=div, final_div_factor=final_div)
    momentum = partial(schedules.one_cycle_momentum, T=total, p=p)
    theirs, their_momentum = torch_rates(make, total), torch_rates(make, total, "momentum")
    assert theirs == pytest.approx([ours(t) for t in clock], abs=1e-12)
    assert their_momentum == pytest.approx([momentum(t) for t in clock], abs=1e-12)
    assert apart(ours, theirs, range(total)) > 1e-5 and apart(momentum, their_momentum, range(total)) > 1e-5


def test_the_ends_of_one_cycle():
    ours = partial(schedules.one_cycle, peak=PEAK, T=T, div_factor=10, final_div_factor=1e4)
    same, as_typed = (torch_rates(one_cycle_of_torch(T, factor), T) for factor in (1e3, 1e4))
    assert ours(T) == pytest.approx(same[-1], abs=1e-12)
    assert as_typed[-1] == pytest.approx(same[-1] / 10)  # torch divides the start rate, we divide the peak
    one_more = torch_rates(one_cycle_of_torch(T, 1e3), T + 1)[T]  # torch allows it
    assert one_more > same[-1] + 1e-5 * PEAK  # and climbs back
    assert torch_rates(one_cycle_of_torch(T, 1e3, anneal_strategy="linear"), T + 1)[T] < 0


def test_stepping_torch_once_an_epoch_is_a_staircase():
    theirs = torch_rates(lambda o: torch_lr.CosineAnnealingLR(o, 10, FINAL), 10)
    ours = [schedules.staircase(t, schedule=HALF, every=T / 10) for t in range(T)]
    assert ours == pytest.approx([rate for rate in theirs for _ in range(T // 10)], abs=1e-12)
