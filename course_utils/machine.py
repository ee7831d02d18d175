"""What this machine has for the course: packages, device, threads, number formats, disk, data.

`report()` is what `course.py doctor` prints and what lesson 00 shows. It downloads nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from course_utils.contents import PACKAGES, repository
from course_utils.files import ROOT, check_regular, data_dir, is_offline, progress_file

LESSONS_NEED = ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets")
# Colab brings the first ones along, and the lessons there ask for theirs.
COURSE_PY_NEEDS = (
    "jupyterlab",
    "ipykernel",
    "nbval",
    "pytest-xdist",
    "scipy",
    "filelock",
    "cloudpickle",
    "tqdm",
    "psutil",
)
MODULES = {package: module for module, package in PACKAGES.items()} | {"pytest-xdist": "xdist"}
LOW_DISK_GB = 1  # CIFAR-10, its cache and a learner's own runs fit in this

Line = tuple[str, str, str]  # name, what was found, what to do about it ("" when all is well)


def report(names: tuple[str, ...] = LESSONS_NEED) -> list[Line]:
    """Lines (name, what was found, what to do): the last part is empty where nothing has to be done.

    names: the packages to look for. What is vouched for has been tried: imported, written, opened and decoded.
    """
    return [packages(names), *compute(), disk(), progress(), data(), address()]


def packages(names: tuple[str, ...] = LESSONS_NEED) -> Line:
    """The versions of these packages, which are imported; those that cannot be are named, with what mends them."""
    good, broken, reasons = [], [], []
    for name in names:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = ""
        try:
            importlib.import_module(MODULES.get(name, name.replace("-", "_")))
            good.append(f"{name} {version}")
        except (Exception, SystemExit) as problem:  # half a package may do anything when it is imported
            broken.append(f"{name}=={version}" if version else name)
            reasons.append(f"{name} ({type(problem).__name__}: {problem})")
    mend = f"{sys.executable} -m pip install --force-reinstall --no-deps {' '.join(broken)}"
    return "Packages", ", ".join(good), f"missing or broken: {', '.join(reasons)}; run: {mend}" if broken else ""


def compute() -> list[Line]:
    """Device, CPU threads and whether the processor multiplies in bfloat16."""
    try:
        import torch

        from course_utils.training.compute import cpu_has_bfloat16, pick

        chosen = pick()
    except (ImportError, ValueError) as error:
        return [("Device", "no usable setting", str(error))]
    bf16 = "yes" if cpu_has_bfloat16() else "no: float32 is used, slower and just as right"
    return [
        ("Device", chosen.describe(), ""),
        ("CPU threads", f"{torch.get_num_threads()} of {os.cpu_count()}", ""),
        ("CPU bfloat16", bf16, ""),
    ]


def disk() -> Line:
    """Free space, and whether the data folder can be written."""
    folder = _existing(data_dir())
    free = shutil.disk_usage(folder).free / 1e9
    if trouble := _trouble(folder):
        return "Disk", f"{folder} cannot be written ({trouble})", "set COURSE_DATA to a folder of your own"
    way_out = "" if free >= LOW_DISK_GB else f"free some space: the course wants {LOW_DISK_GB} GB for data"
    return "Disk", f"{free:.0f} GB free, data folder can be written", way_out


def progress() -> Line:
    """Whether outcomes of exercises can be kept."""
    file = progress_file()
    if trouble := _trouble(_existing(file.parent), file):
        return (
            "Progress",
            f"{file} cannot be written ({trouble})",
            "set COURSE_PROGRESS to a file in a folder of your own",
        )
    return "Progress", f"kept in {file}", ""


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if os.path.exists(place))


def _trouble(folder: Path, file: Path | None = None) -> str:
    """Why nothing can be written in the folder, or to this file in it; "" where that can be done."""
    try:
        check_regular(file or "")
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror


def data() -> Line:
    """Where CIFAR-10 comes from; a copy is decoded, or its cache read."""
    try:
        from course_utils.data import cifar

        if copy := cifar.find_copy():
            return "CIFAR-10", f"{cifar.load(copy, quiet=True).source}, from {copy}", ""
        if is_offline():
            return "CIFAR-10", "stand-in images (COURSE_OFFLINE forbids the download)", ""
    except (ImportError, ValueError, RuntimeError) as problem:
        return "CIFAR-10", "cannot be used", str(problem)
    return "CIFAR-10", "not here yet; the first lesson downloads it (170 MB), or uses stand-in images", ""


def address() -> Line:
    """The repository's address, which Colab needs."""
    where = os.environ.get("COURSE_REPO") or (repository() if (ROOT / "pyproject.toml").exists() else "")
    return "Repository", where or "no address yet: lessons have no Colab badge (see pyproject.toml)", ""


def main() -> int:
    """`python -m course_utils.machine [--json]`."""
    if "--json" in sys.argv:
        print(json.dumps(report((*LESSONS_NEED, *COURSE_PY_NEEDS, *PACKAGES.values()))))
        return 0
    for name, value, way_out in report():
        print(f"{name:14} {value}" + (f"  -> {way_out}" if way_out else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
