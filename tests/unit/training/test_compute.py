"""Where and how things run: one place, settings refused by name."""

import os
import subprocess
import sys

import pytest
import torch

from course_utils.training import compute
from course_utils.training.models import small_conv_net


@pytest.fixture
def clean(monkeypatch):
    for name in ("COURSE_DEVICE", "COURSE_DTYPE"):
        monkeypatch.delenv(name, raising=False)
    threads = torch.get_num_threads()
    compute._pick.cache_clear()
    yield monkeypatch
    compute._pick.cache_clear()
    torch.set_num_threads(threads)


def test_default_and_environment(clean):
    clean.setattr(torch.cuda, "is_available", lambda: False)
    clean.setattr(compute, "cpu_has_bfloat16", lambda: False)
    chosen = compute.pick()
    assert (chosen.device, chosen.dtype, chosen.on_gpu) == (torch.device("cpu"), torch.float32, False)
    clean.setenv("COURSE_DTYPE", "bfloat16")
    assert compute.pick().dtype is torch.bfloat16
    assert compute.pick(dtype="float32").dtype is torch.float32  # an argument beats the variable
    clean.setenv("COURSE_DTYPE", "")
    compute._pick.cache_clear()
    clean.setattr(compute, "cpu_has_bfloat16", lambda: True)
    assert compute.pick().dtype is torch.bfloat16
    assert compute.pick("cpu:0").device == torch.device("cpu")


def test_threads(clean):
    clean.setenv("COURSE_THREADS", "1")
    assert "1 thread," in compute.pick("cpu").describe() and torch.get_num_threads() == 1
    for wrong in ("0", "-1", "two", "1.5", "²"):
        clean.setenv("COURSE_THREADS", wrong)
        with pytest.raises(ValueError, match="COURSE_THREADS"):
            compute.pick("cpu")


@pytest.mark.parametrize("device", ["gpu", "tpu", "cuda:x", "cuda:-1", "CPU"])
def test_wrong_device(clean, device):
    with pytest.raises(ValueError, match="device .*COURSE_DEVICE"):
        compute.pick(device)


def test_a_gpu_that_is_not_there(clean):
    with pytest.raises(ValueError, match="PyTorch sees .* GPUs here"):
        compute.pick("cuda:99")
    clean.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="sees 0 GPUs"):
        compute.pick("cuda")


def test_wrong_dtype(clean):
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16, float16"):
        compute.pick("cpu", "float64")
    with pytest.raises(ValueError, match="CUDA only"):
        compute.pick("cpu", "float16")


def test_place_keeps_the_parameters_and_autocast_their_type(clean):
    chosen = compute.Compute(torch.device("cpu"), torch.bfloat16)
    net = small_conv_net(width=2, seed=0)
    parameters = list(net.parameters())
    assert all(a is b for a, b in zip(chosen.place(net).parameters(), parameters, strict=True))
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    with chosen.autocast():
        assert net(torch.randn(2, 3, 32, 32)).dtype is torch.bfloat16
    assert parameters[0].dtype is torch.float32


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, "None"),
    ],
)
def test_waiting_threads_give_their_core_away(given, expected):
    """Said before PyTorch is there; what the learner has set stays."""
    env = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = "import sys, os, course_utils; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, env={**env, **given}, capture_output=True, text=True, check=True).stdout
    assert out.split() == [expected, "False"]
