"""Where and how the arithmetic runs: device, number format, memory layout and threads are chosen here, nowhere else."""

from __future__ import annotations

import os
import platform
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache

import torch

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Compute:
    """A device and a way to compute on it.

    dtype: number format of the forward and backward pass (weights and updates always stay float32).
    memory_format: channels_last keeps the colour channels of a pixel together, which convolution kernels prefer.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    memory_format: torch.memory_format = torch.channels_last

    @property
    def on_gpu(self) -> bool:
        """True on CUDA: lessons then choose their full scale."""
        return self.device.type == "cuda"

    def autocast(self):
        """A context in which matrix products and convolutions run in `dtype`."""
        if self.dtype is torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """Move a model to the device, in the memory layout used for training. Parameters keep their identity."""
        return module.to(self.device, memory_format=self.memory_format)

    def facts(self) -> dict:
        """What a Run keeps of this: device, dtype and versions."""
        return {
            "device": torch.cuda.get_device_name(self.device) if self.on_gpu else "CPU",
            "dtype": str(self.dtype).removeprefix("torch."),
            "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
        }

    def describe(self) -> str:
        """One line for people: 'CPU, 2 threads, bfloat16'."""
        facts, threads = self.facts(), torch.get_num_threads()
        count = "" if self.on_gpu else f", {threads} thread{'s' * (threads != 1)}"
        return f"{facts['device']}{count}, {facts['dtype']}"


def cpu_has_bfloat16() -> bool:
    """True if this processor has instructions for bfloat16 products; without them it is slower than float32."""
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def pick(device: str | None = None, dtype: str | None = None) -> Compute:
    """Choose the fastest sound setting of this machine.

    device: "cpu", "cuda" or "cuda:1"; default: the variable COURSE_DEVICE, else CUDA if there is one, else the CPU.
    dtype: "float32", "bfloat16" or "float16" (CUDA only); default: COURSE_DTYPE, else bfloat16 where the hardware has
        it, float16 on older GPUs, float32 otherwise. COURSE_THREADS sets the number of CPU threads.
    Raises ValueError if a setting is unknown or not available here.
    """
    return _pick(
        device or os.environ.get("COURSE_DEVICE") or None,
        dtype or os.environ.get("COURSE_DTYPE") or None,
        os.environ.get("COURSE_THREADS") or None,
    )


@lru_cache
def _pick(device, dtype, threads) -> Compute:
    if threads:
        if not threads.isdecimal() or int(threads) < 1:
            raise ValueError(f"COURSE_THREADS must be a whole number >= 1, got {threads!r}. Unset it to use all cores.")
        torch.set_num_threads(int(threads))
    chosen = _device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if dtype and dtype not in _DTYPES:
        allowed = ", ".join(_DTYPES)
        raise ValueError(f"dtype must be one of {allowed}, got {dtype!r}. Unset COURSE_DTYPE to choose freely.")
    if dtype == "float16" and chosen.type != "cuda":
        raise ValueError("dtype 'float16' is for CUDA only. Use 'float32' or 'bfloat16' on the CPU.")
    return Compute(chosen, _DTYPES[dtype] if dtype else _best_dtype(chosen))


def _device(name: str) -> torch.device:
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise ValueError(
            f"device must be 'cpu', 'cuda' or 'cuda:N', got {name!r}. Unset COURSE_DEVICE to choose freely."
        )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and int(number or 0) >= gpus:
        raise ValueError(f"device {name!r}: PyTorch sees {gpus} GPUs here. Use 'cpu' or unset COURSE_DEVICE.")
    return torch.device(name if kind == "cuda" else "cpu")


def _best_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    # Emulated bfloat16 on GPUs before Ampere is slow; float16 needs the loss scaling that `train` adds.
    return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
