"""What this machine has for the course: packages, device, threads, number formats, disk, data.

`report()` is what `course.py doctor` prints and what lesson 00 shows. It downloads nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from course_utils.contents import PACKAGES, repository
from course_utils.files import ROOT, data_dir

LESSONS_NEED = ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets")
# Colab brings the first ones along, and the lessons there ask for theirs.
COURSE_PY_NEEDS = ("jupyterlab", "nbval", "pytest-xdist", "scipy", "filelock", "cloudpickle", *PACKAGES.values())
LOW_DISK_GB = 1  # CIFAR-10, its cache and a learner's own runs fit in this

Line = tuple[str, str, str]  # name, what was found, what to do about it ("" when all is well)


def report(names: tuple[str, ...] = LESSONS_NEED) -> list[Line]:
    """Lines (name, what was found, what to do): the last part is empty where nothing has to be done.

    names: the packages to look for.
    """
    return [packages(names), *compute(), disk(), data(), address()]


def packages(names: tuple[str, ...] = LESSONS_NEED) -> Line:
    """The versions of these packages; the missing ones are named."""
    versions, missing = [], []
    for name in names:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    way_out = f"missing: {', '.join(missing)}; run: python3 course.py start" if missing else ""
    return "Packages", ", ".join(versions), way_out


def compute() -> list[Line]:
    """Device, CPU threads and whether the processor multiplies in bfloat16."""
    import torch

    from course_utils.training.compute import cpu_has_bfloat16, pick

    try:
        chosen = pick()
    except ValueError as error:
        return [("Device", "no usable setting", str(error))]
    bf16 = "yes" if cpu_has_bfloat16() else "no: float32 is used, slower and just as right"
    return [
        ("Device", chosen.describe(), ""),
        ("CPU threads", f"{torch.get_num_threads()} of {os.cpu_count()}", ""),
        ("CPU bfloat16", bf16, ""),
    ]


def disk() -> Line:
    """Free space, and whether the data folder can be written."""
    folder = data_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return "Disk", f"{folder} cannot be written ({error.strerror})", "set COURSE_DATA to a folder of your own"
    way_out = "" if free >= LOW_DISK_GB else f"free some space: the course wants {LOW_DISK_GB} GB for data"
    return "Disk", f"{free:.0f} GB free, data folder can be written", way_out


def data() -> Line:
    """Where CIFAR-10 would come from."""
    from course_utils.data import readers

    named = os.environ.get("COURSE_CIFAR10")
    if named and not Path(named).expanduser().exists():
        return "CIFAR-10", f"nothing at COURSE_CIFAR10 = {named}", "correct the path, or unset COURSE_CIFAR10"
    if named:
        return "CIFAR-10", f"from COURSE_CIFAR10 = {named}", ""
    if place := readers.find(data_dir()):
        return "CIFAR-10", f"in {place}", ""
    if os.environ.get("COURSE_OFFLINE") == "1":
        return "CIFAR-10", "stand-in images (COURSE_OFFLINE=1 forbids the download)", ""
    return "CIFAR-10", "not here yet; the first lesson downloads it (170 MB), or uses stand-in images", ""


def address() -> Line:
    """The repository's address, which Colab needs."""
    where = os.environ.get("COURSE_REPO") or (repository() if (ROOT / "pyproject.toml").exists() else "")
    return "Repository", where or "no address yet: lessons have no Colab badge (see pyproject.toml)", ""


def main() -> int:
    """`python -m course_utils.machine [--json]`."""
    if "--json" in sys.argv:
        print(json.dumps(report(LESSONS_NEED + COURSE_PY_NEEDS)))
        return 0
    for name, value, way_out in report():
        print(f"{name:14} {value}" + (f"  -> {way_out}" if way_out else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
