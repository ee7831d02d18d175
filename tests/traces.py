"""What a test may not leave behind, because the next one in the same process would find it."""

from __future__ import annotations

import asyncio
import os
import sys

# pytest notes the present test here; libraries set theirs when they are first imported, once for the whole process.
NOT_OURS = ("PYTEST_", "KMP_", "GOMP_", "OMP_", "MPL", "JPY_", "JUPYTER_", "PYDEVD_", "XDG_", "TORCH")


def state() -> dict[str, object]:
    """What is compared: variables, working folder, a running loop, and settings of matplotlib and torch if imported."""
    seen = {f"the variable {k}": v for k, v in os.environ.items() if not k.startswith(NOT_OURS)}
    seen["the working folder"] = os.getcwd()
    if matplotlib := sys.modules.get("matplotlib"):
        seen |= {f"rcParams[{k!r}]": v for k, v in matplotlib.rcParams.copy().items() if k != "backend"}
    if torch := sys.modules.get("torch"):
        seen["torch's number of threads"] = torch.get_num_threads()
    if asyncio._get_running_loop() is not None:
        seen["a running event loop"] = "running"
    return seen


def left_behind(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """One phrase for each thing that is not as it was. A library that was first imported in between is no matter."""
    words = []
    for name in sorted({*before, *after}):
        if name not in before and name.startswith(("rcParams", "torch's")):
            continue
        if before.get(name) != after.get(name):
            words.append(f"{name}: {before.get(name)!r} before, {after.get(name)!r} after")
    return words


def put_back(before: dict[str, object]) -> None:
    """Undo what can be undone, so that only the test that is to blame fails."""
    for name in os.environ:
        if f"the variable {name}" not in before and not name.startswith(NOT_OURS):
            del os.environ[name]
    for name, value in before.items():
        if name.startswith("the variable "):
            os.environ[name.removeprefix("the variable ")] = value
        elif name.startswith("rcParams["):
            sys.modules["matplotlib"].rcParams[name[10:-2]] = value
    os.chdir(before["the working folder"])
    if "torch's number of threads" in before:
        sys.modules["torch"].set_num_threads(before["torch's number of threads"])
