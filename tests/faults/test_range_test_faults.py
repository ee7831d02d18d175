"""A range test that is interrupted at the worst moment, and records of one that are damaged."""

import random
import signal

import numpy as np
import pytest
import torch

from course_utils.range_test.curve import RangeTest
from course_utils.range_test.sweep import range_test
from course_utils.runs import RunTable
from course_utils.training.compute import pick
from course_utils.training.models import mlp
from tests.made_up import tiny_data

DATA = tiny_data(train=160, val=60, test=60)
NET = mlp((8,), seed=0)


def short_test(**more):
    optimizer = torch.optim.SGD(NET.parameters(), lr=0.1)
    how = dict(updates=20, batch_size=32, seeds=[0], compute=pick("cpu", "float32"))
    return range_test(NET, DATA, optimizer, **how, **more)


def random_states():
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def test_ctrl_c_while_the_random_states_are_put_back_waits_until_they_are(monkeypatch):
    before, put_back = random_states(), torch.set_rng_state

    def slow(state):
        signal.raise_signal(signal.SIGINT)
        put_back(state)

    monkeypatch.setattr(torch, "set_rng_state", slow)
    with pytest.raises(KeyboardInterrupt):
        short_test()
    assert random_states() == before


def test_ctrl_c_during_an_update_leaves_random_states_and_is_not_swallowed():
    before = random_states()

    def press(step):
        np.random.random(), random.random()
        if step.t == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        short_test(watch=press)
    assert random_states() == before


def test_a_damaged_record_is_named(tmp_path):
    path = short_test().runs.save(tmp_path / "test.npz")
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"no record"):
        path.write_bytes(damaged)
        with pytest.raises((ValueError, OSError), match="test.npz|No data|Empty|EOF"):
            RangeTest(RunTable.load(path))


def test_a_record_of_something_else_is_no_range_test(tmp_path):
    test = short_test()
    test.runs[0].lr[:] = [0.1] * 20
    path = test.runs.save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="no range test"):
        RangeTest(RunTable.load(path))
