"""The rule of a claim, its two lines, and what it refuses."""

import math
import random
import re
from pathlib import Path

import pytest

from course_utils.claims import rule as claims
from course_utils.claims.rule import FAILS, HOLDS, OPEN, claim, claim_exact, decide

CFG = Path(__file__).parents[2] / "nbval_sanitize.cfg"
INF, NAN = math.inf, math.nan


def sanitize(text):
    """What nbval does with its configuration file (same parsing, same order)."""
    rules = re.findall(r"^regex: (.*)$\n^replace: (.*)$", CFG.read_text(), flags=re.MULTILINE)
    assert len(rules) == CFG.read_text().count("\nregex:")
    for regex, replace in rules:
        text = re.sub(regex, replace, text)
    return text


@pytest.mark.parametrize(
    "values, margin, higher, verdict",
    [
        ([3.0, 3.1, 2.9], 1.0, True, HOLDS),
        ([0.1, 0.2, 0.15], 1.0, True, FAILS),
        ([0.0, 1.0, 2.5], 1.0, True, OPEN),
        ([3.0, 3.1, 2.9], 1.0, False, FAILS),
        ([0.1, 0.2, 0.15], 1.0, False, HOLDS),
        ([1.0, 1.0, 1.0], 1.0, True, HOLDS),  # the margin itself is enough
        ([5.0], 1.0, True, OPEN),  # one seed has no interval
        ([INF], 1.0, True, OPEN),
        ([INF, INF, 4.0], 1.0, True, HOLDS),
        ([INF, 0.5, 4.0], 1.0, True, OPEN),
        ([-INF, 0.5], 1.0, True, FAILS),
        ([NAN, 4.0, 5.0], 1.0, True, OPEN),
        ([NAN, NAN], 1.0, True, OPEN),
    ],
)
def test_rule(values, margin, higher, verdict):
    assert decide(values, margin, higher=higher).verdict == verdict


def test_interval_is_students():
    result = decide([1.0, 2.0, 3.0], 0.0)
    half = 2.920 * 1.0 / math.sqrt(3)
    assert math.isclose(result.low, 2 - half) and math.isclose(result.high, 2 + half)


def test_interval_covers_as_promised():
    """A mean of exactly the margin is called "holds" in about 5 % of experiments with three seeds."""
    rng = random.Random(3)
    calls = [decide([rng.gauss(1, 1) for _ in range(3)], 1.0).verdict for _ in range(4000)]
    assert 0.03 < calls.count(HOLDS) / 4000 < 0.07
    assert 0.03 < calls.count(FAILS) / 4000 < 0.07


def test_students_t_is_that_of_the_tables():
    assert [claims.student(freedom) for freedom in (1, 2, 3, 10, 30, 120)] == [6.314, 2.92, 2.353, 1.812, 1.697, 1.658]
    assert claims.student(10**6) == 1.645


def test_factors_are_averaged_as_logarithms():
    result = decide([0.5, 2.0], 1.0, factors=True)
    assert math.isclose(result.mean, 1.0) and math.isclose(result.low * result.high, 1.0)


def test_two_lines(capsys):
    values = [2.9, 3.5, 3.8]
    claim("10.1.3-a: cosine beats a constant rate.", values, at_least=1.0, unit="points", source="CIFAR-10")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Claim 10.1.3-a: cosine beats a constant rate: holds (at least 1 point asked; 3 seeds)"
    assert second == "    measured: +3.4 points [+2.63, +4.17] on CIFAR-10; by seed: +2.9 +3.5 +3.8"


def test_verdict_line_is_the_same_on_other_data_and_machines(capsys):
    claim("a: x", [2.9, 3.5, 3.8], at_least=1, unit="points", source="CIFAR-10 (JPEG copy)", note="Took 12.3 s")
    claim("a: x", [12.0, 12.5, 12.2], at_least=1, unit="points", source="stand-in images, NOT CIFAR-10")
    claim("a: x", [0.1, 0.2, 0.1], at_least=1, unit="points", source="CIFAR-10")
    out = capsys.readouterr().out.splitlines(keepends=True)
    one, two, three = ("".join(out[place : place + 2]) for place in (0, 2, 4))
    assert one != two and sanitize(one) == sanitize(two)
    assert sanitize(three) != sanitize(one)  # another verdict is never masked


@pytest.mark.parametrize(
    "one, two",
    [
        ("trained in 12.3 s on CIFAR-10", "trained in 8 s on stand-in images, NOT CIFAR-10"),
        ("about 2 min 5 s", "about 41 min 12 s"),
        ("took 3 minutes", "took 90 seconds"),
        ("this machine: 2 threads, bf16", "this machine: 8 threads, CUDA"),
        ("1,234 images/s", "98,765.4 images/s"),
        ("<td class='measured'>71.2 %</td>", "<td class='measured'>\n64.0 %</td>"),
    ],
)
def test_sanitizer_masks_what_a_machine_measures(one, two):
    assert one != two and sanitize(one) == sanitize(two)


@pytest.mark.parametrize(
    "one, two",
    [
        ("Claim a: x: holds (3 seeds)", "Claim a: x: holds (5 seeds)"),
        ("Claim a: x: holds", "Claim a: x: does not hold here"),
        ("lr = 0.1 s", "momentum = 0.9 s"),
        ("<td>71.2 %</td>", "<td>64.0 %</td>"),
        ("peak 0.1", "peak 0.2"),
        ("10 steps", "11 steps"),
        ("a measured: 3", "a measured: 4"),
    ],
)
def test_sanitizer_leaves_the_rest_alone(one, two):
    assert sanitize(one) != sanitize(two)


def test_infinite_values_are_said(capsys):
    claim("b: too high diverges", [INF, INF, 40.0], at_least=10, unit="x")
    out = capsys.readouterr().out
    assert "holds (at least 10x asked" in out and "2 of 3 seeds gave no finite number" in out


def test_at_most_and_one_seed(capsys):
    claim("c: small", [0.1, 0.12, 0.11], at_most=0.5)
    claim("d: small", [0.1], at_most=0.5)
    out = capsys.readouterr().out
    assert "c: small: holds (at most 0.5 asked; 3 seeds)" in out
    assert f"d: small: {OPEN} (at most 0.5 asked; 1 seed)" in out and "no interval" in out


def test_exact(capsys):
    claim_exact("e: two hyper-parameters", 2, 2)
    claim_exact("f: mean is half the peak", 0.5004, 0.5, tolerance=0.001, unit="of the peak")
    claim_exact("g: never rises", False)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Claim e: two hyper-parameters: holds (exact fact; 2 asked)"
    assert out[2] == "Claim f: mean is half the peak: holds (exact fact; 0.5 of the peak within 0.001 asked)"
    assert out[4] == f"Claim g: never rises: {FAILS} (exact fact; True asked)"
    assert out[1] == "    measured: 2"
    claim_exact("h: nan", NAN, 1.0)
    assert FAILS in capsys.readouterr().out


@pytest.mark.parametrize(
    "kwargs, words",
    [
        (dict(values=[], at_least=1), "'z: t'.*no measured values"),
        (dict(values=[1, 2]), "'z: t' needs a margin"),
        (dict(values=[1, 2], at_least=1, at_most=2), "'z: t' needs a margin"),
        (dict(values=[1, -2], at_least=1, unit="x"), "'z: t'.*above 0; got -2"),
        (dict(values=[1, 2], at_least=NAN), "'z: t'.*finite"),
    ],
)
def test_refused_by_name(kwargs, words):
    with pytest.raises(ValueError, match=words):
        claim("z: t", **kwargs)


def test_numpy_and_torch_values(capsys):
    import numpy as np
    import torch

    claim("n: x", np.array([2.9, 3.5, 3.8]), at_least=1)
    claim("n: x", torch.tensor([2.9, 3.5, 3.8]), at_least=1)
    first, second = capsys.readouterr().out.splitlines()[::2]
    assert first == second
