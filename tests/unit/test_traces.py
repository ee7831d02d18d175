"""What a test leaves behind is noticed, named and put right."""

import asyncio
import os

import matplotlib
import pytest
import torch

from tests import traces


def set_variable():
    os.environ["COURSE_NEW"] = "1"


def change_variable():
    os.environ["COURSE_OFFLINE"] = "no"


def drop_variable():
    del os.environ["COURSE_OFFLINE"]


def change_folder():
    os.chdir("/")


def change_rc():
    matplotlib.rcParams["font.size"] = 3.0


def change_threads():
    torch.set_num_threads(torch.get_num_threads() + 1)


@pytest.mark.parametrize(
    "change, words",
    [
        (set_variable, "the variable COURSE_NEW: None before, '1' after"),
        (change_variable, "the variable COURSE_OFFLINE: '1' before, 'no' after"),
        (drop_variable, "the variable COURSE_OFFLINE: '1' before, None after"),
        (change_folder, "the working folder: "),
        (change_rc, "rcParams['font.size']: "),
        (change_threads, "torch's number of threads: "),
    ],
)
def test_a_change_is_named_and_put_right(change, words, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    before = traces.state()
    change()
    (named,) = traces.left_behind(before, traces.state())
    assert named.startswith(words)
    traces.put_back(before)
    assert traces.left_behind(before, traces.state()) == []


def test_a_running_loop_is_named():
    before = traces.state()

    async def inside():
        return traces.left_behind(before, traces.state())

    assert asyncio.run(inside()) == ["a running event loop: None before, 'running' after"]


def test_a_library_that_was_first_imported_in_between_is_no_matter():
    before = {name: value for name, value in traces.state().items() if not name.startswith(("rcParams", "torch's"))}
    assert traces.left_behind(before, traces.state()) == []
