"""What this machine has for the course: packages, device, threads, number formats, disk, data.

`report()` is what `course.py doctor` prints (this module writes it as JSON), and lesson 00 shows some of it. It
downloads nothing.
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
COURSE_PY_NEEDS = "jupyterlab ipykernel nbval pytest-xdist scipy filelock cloudpickle tqdm psutil".split()
MODULES = {package: module for module, package in PACKAGES.items()} | {"pytest-xdist": "xdist"}
LOW_DISK_GB = 1  # CIFAR-10, its cache and a learner's own runs fit in this

Line = tuple[str, str, str]  # name, what was found, what to do about it ("" when all is well)


def report() -> list[Line]:
    """All lines of `doctor`. What is vouched for has been tried: imported, written, opened and decoded."""
    names = (*LESSONS_NEED, *COURSE_PY_NEEDS, *PACKAGES.values())
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
    except Exception as error:  # a wrong setting, or whatever a broken torch leads to
        return [("Device", "no usable setting", str(error))]
    bf16 = "yes" if cpu_has_bfloat16() else "no: float32 is used, slower and just as right"
    threads = f"{torch.get_num_threads()} of {os.cpu_count()}"
    return [("Device", chosen.describe(), ""), ("CPU threads", threads, ""), ("CPU bfloat16", bf16, "")]


def disk() -> Line:
    """Free space, and whether the data folder can be written."""
    folder, trouble = _place(data_dir())
    if trouble:
        return "Disk", f"{folder} cannot be written ({trouble})", "set COURSE_DATA to a folder of your own"
    free = shutil.disk_usage(folder).free / 1e9
    way_out = "" if free >= LOW_DISK_GB else f"free some space: the course wants {LOW_DISK_GB} GB for data"
    return "Disk", f"{free:.0f} GB free, data folder can be written", way_out


def progress() -> Line:
    """Whether outcomes of exercises can be kept."""
    file = progress_file()
    if trouble := _place(file.parent, file)[1]:
        return "Progress", f"{file} cannot be written ({trouble})", "set COURSE_PROGRESS to a file of your own"
    return "Progress", f"kept in {file}", ""


def _place(folder: Path, file: str | Path = "") -> tuple[Path, str]:
    """(the folder, or what there is above it; why no file can be made in it, or `file` not be replaced, else "")."""
    folder = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    try:
        check_regular(file)
        with tempfile.TemporaryFile(dir=folder):
            return folder, ""
    except OSError as error:
        return folder, error.strerror


def data() -> Line:
    """Where CIFAR-10 comes from; a copy is decoded, or its cache read."""
    try:
        from course_utils.data import cifar

        if copy := cifar.find_copy():
            return "CIFAR-10", f"{cifar.load(copy, quiet=True).source}, from {copy}", ""
        if is_offline():
            return "CIFAR-10", "stand-in images (COURSE_OFFLINE forbids the download)", ""
    except Exception as problem:  # no copy, a damaged one, or whatever a broken torch leads to
        return "CIFAR-10", "cannot be used", str(problem)
    return "CIFAR-10", "not here yet; the first lesson downloads it (170 MB), or uses stand-in images", ""


def address() -> Line:
    """The repository's address, which Colab needs."""
    where = os.environ.get("COURSE_REPO") or (repository() if (ROOT / "pyproject.toml").exists() else "")
    return "Repository", where or "no address yet: lessons have no Colab badge (see pyproject.toml)", ""


if __name__ == "__main__":
    print(json.dumps(report()))
