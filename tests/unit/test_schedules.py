"""Schedules: at every t a learner can type, and refused by name."""

import math
import subprocess
import sys
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch

from course_utils import schedules as s

T = 60
HALF = partial(s.cosine, peak=0.2, T=T)
ALL = {  # every public schedule with good arguments
    "constant": partial(s.constant, peak=0.2),
    "step_decay": partial(s.step_decay, peak=0.2, milestones=[20, 40]),
    "cosine": partial(s.cosine, peak=0.2, T=T, final=0.01),
    "linear": partial(s.linear, peak=0.2, T=T, final=0.01),
    "inverse_sqrt": partial(s.inverse_sqrt, peak=0.2, warmup=10),
    "exponential": partial(s.exponential, start=0.2, end=0.001, T=T),
    "cyclic_cosine": partial(s.cyclic_cosine, peak=0.2, T=T, cycles=3, final=0.01),
    "one_cycle": partial(s.one_cycle, peak=0.2, T=T),
    "one_cycle_momentum": partial(s.one_cycle_momentum, T=T),
    "warmup": partial(s.warmup, steps=10, then=HALF),
    "staircase": partial(s.staircase, schedule=HALF, every=7),
}


# --------------------------------------------------------------------------------------------- facts of shape
def test_ends_and_joints():
    assert HALF(0) == 0.2 and HALF(T) == 0.0 and HALF(T / 2) == pytest.approx(0.1)
    assert ALL["linear"](T / 2) == pytest.approx(0.105)
    assert ALL["inverse_sqrt"](9) == 0.2 and ALL["inverse_sqrt"](39) == pytest.approx(0.1)
    assert ALL["exponential"](T / 2) == pytest.approx(math.sqrt(0.2 * 0.001))
    assert [ALL["step_decay"](t) for t in (19, 19.9, 20, 40)] == pytest.approx([0.2, 0.2, 0.02, 0.002])
    one = ALL["one_cycle"]
    assert one(0) == pytest.approx(0.02) and one(18) == 0.2 and one(T) == 0.2 / 1e4
    momentum = ALL["one_cycle_momentum"]
    assert (momentum(0), momentum(18), momentum(T)) == (0.95, 0.85, 0.95)
    assert ALL["warmup"](0) == pytest.approx(0.02) and ALL["warmup"](10) == 0.2 and ALL["warmup"](70) == 0
    assert ALL["staircase"](6.99) == 0.2 and ALL["staircase"](7) == HALF(7)


@pytest.mark.parametrize(
    "f, joints", [("one_cycle", (0, 18, T)), ("one_cycle_momentum", (0, 18, T)), ("cosine", (0, T))]
)
def test_slope_is_zero_at_start_joint_and_end(f, joints):
    for joint in joints:
        for h in (1e-3, -1e-3):
            if joint + h >= 0:
                assert abs(ALL[f](joint + h) - ALL[f](joint)) / 1e-3 < 1e-4  # linear would give 3e-3 and more


def test_symmetry():
    for x in np.linspace(0, T / 2, 13):
        assert HALF(T / 2 - x) + HALF(T / 2 + x) == pytest.approx(0.2, abs=1e-15)
        one = partial(s.one_cycle, peak=0.2, T=T, p=0.5, div_factor=10, final_div_factor=10)
        assert one(T / 2 - x) == pytest.approx(one(T / 2 + x), abs=1e-15)


@pytest.mark.parametrize("cycles, total", [(6, 10), (3, 300), (7, 49), (10, 3)])
def test_every_restart_is_exactly_the_peak(cycles, total):
    for k in range(cycles):
        t = Fraction(k * total, cycles)
        if t.denominator == 1:
            assert s.cyclic_cosine(int(t), peak=0.2, T=total, cycles=cycles) == 0.2
    assert s.cyclic_cosine(5, peak=0.2, T=10, cycles=6) == 0.2  # 5 % (10 / 6) is just below 10 / 6


# ----------------------------------------------------------------------------------------- whatever one types
GOOD_T = [0, 0.5, T - 1, T, T + 0.5, 10 * T, 10**15, Fraction(1, 3), np.float32(3), np.float64(3.5), np.int64(7)]
BAD_T = [
    -1,
    -1e-9,
    math.nan,
    math.inf,
    -math.inf,
    None,
    "5",
    True,
    np.bool_(True),
    10**400,
    1j,
    [1],
    np.arange(3),
    torch.tensor(5.0),
    np.array(5.0),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("t", GOOD_T, ids=repr)
def test_good_t(name, t):
    value = ALL[name](t)
    assert type(value) is float and 0 <= value <= 0.95
    assert value == ALL[name](float(t))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("t", BAD_T, ids=lambda t: str(t)[:12])
def test_bad_t_is_refused_by_name(name, t):
    with pytest.raises(ValueError, match=r"^t must .*t is the number of updates|^t must .*float\("):
        ALL[name](t)


@pytest.mark.parametrize(
    "name", ["cosine", "linear", "exponential", "cyclic_cosine", "one_cycle", "one_cycle_momentum", "step_decay"]
)
def test_beyond_the_plan_the_last_value_is_held(name):
    assert ALL[name](T) == ALL[name](T + 1) == ALL[name](1000 * T)


def test_numpy_parameters_do_not_cost_precision():
    value = s.cosine(np.int32(10), peak=np.float64(0.2), T=np.int64(60), final=np.float32(0.5))
    assert type(value) is float and value == s.cosine(10, peak=0.2, T=60, final=0.5)


RATE, POSITIVE = [-0.1, math.nan, math.inf, None, "0.1", True], [0, -5, math.nan, math.inf, None, "60", False]
WRONG = {
    ("constant", "peak"): RATE, ("step_decay", "peak"): RATE, ("cosine", "peak"): RATE, ("cosine", "final"): RATE,
    ("linear", "peak"): RATE, ("linear", "final"): RATE, ("inverse_sqrt", "peak"): RATE,
    ("cyclic_cosine", "peak"): RATE, ("cyclic_cosine", "final"): RATE, ("one_cycle", "peak"): RATE,
    ("cosine", "T"): POSITIVE, ("linear", "T"): POSITIVE, ("exponential", "T"): POSITIVE,
    ("cyclic_cosine", "T"): POSITIVE, ("one_cycle", "T"): POSITIVE, ("one_cycle_momentum", "T"): POSITIVE,
    ("exponential", "start"): POSITIVE, ("exponential", "end"): POSITIVE, ("staircase", "every"): POSITIVE,
    ("step_decay", "milestones"): [[0, 5], [-1], [5, 5], [9, 5], None, 5, "ab", [None], [math.nan], [[1, 2]]],
    ("step_decay", "factor"): [0, 1.1, -0.5, None, math.nan],
    ("inverse_sqrt", "warmup"): [0, 0.5, -1, None],
    ("cyclic_cosine", "cycles"): [0, 1.5, -1, None, "3", True, math.nan, math.inf],
    ("one_cycle", "p"): [0, 1, -0.1, 1.5, None, math.nan], ("one_cycle_momentum", "p"): [0, 1, 30, None],
    ("one_cycle", "div_factor"): [0, 0.5, -1, None, math.inf],
    ("one_cycle", "final_div_factor"): [0, 0.5, None],
    ("one_cycle_momentum", "m_min"): [-0.1, 1.0, None, 0.99], ("one_cycle_momentum", "m_max"): [1, 1.5, None],
    ("warmup", "steps"): [-1, None, math.nan], ("warmup", "start"): [-0.1, 1.5, None],
    ("warmup", "then"): [0.1, None], ("staircase", "schedule"): [0.1, None],
}  # fmt: skip


@pytest.mark.parametrize("name, argument, value", [(f, a, v) for (f, a), vs in WRONG.items() for v in vs])
def test_wrong_arguments_are_refused_by_name(name, argument, value):
    with pytest.raises(ValueError, match=rf"^{argument} must"):
        ALL[name](3, **{argument: value})


def test_every_schedule_and_argument_is_in_these_tests():
    public = {
        n
        for n, f in vars(s).items()
        if callable(f) and getattr(f, "__module__", "") == s.__name__ and not n.startswith("_")
    } - {"half_cosine"}
    assert public == set(ALL)
    for name in ALL:
        parameters = set(getattr(s, name).__kwdefaults__ or {}) | set(ALL[name].keywords)
        assert parameters == {a for f, a in WRONG if f == name}, name


def test_milestones_may_be_any_iterable():
    given = ([20, 40], (20, 40), np.array([20, 40]), iter([20, 40]))
    assert [s.step_decay(50, peak=1, milestones=m) for m in given] == pytest.approx([0.01] * 4)
    with pytest.raises(ValueError, match="increase"):
        s.step_decay(50, peak=1, milestones=iter([40, 20]))
    assert s.step_decay(50, peak=1, milestones=[]) == 1.0


def test_no_torch_no_numpy():
    code = "import sys, course_utils.schedules; print({'torch', 'numpy', 'matplotlib'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"
