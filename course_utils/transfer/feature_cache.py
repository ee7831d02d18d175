"""Features of many images, computed once: kept on disk by content, so that a second run of a lesson finds them there.

    rows = features(net, data.train.inputs)          # float32 [N, net.width], on the CPU

A file is used only if its checksum is right; a damaged one is made again. The oldest go when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from pathlib import Path

import torch
from torch import nn

from course_utils.checks import check_whole
from course_utils.data.cache import CacheProblem, load, save
from course_utils.data.cifar import DataWarning
from course_utils.files import data_dir
from course_utils.training.compute import Compute, pick
from course_utils.transfer.backbones import Backbone, check_images

LIMIT = 500_000_000  # bytes that the cache may hold


def features(backbone: Backbone, images, *, batch_size=100, cache=True, compute: Compute | None = None) -> torch.Tensor:
    """The features of `images`, uint8 [N, 3, H, W] -> float32 [N, width] on the CPU.

    The backbone is in evaluation mode meanwhile (BatchNorm with its stored statistics, no dropout) and as before
    afterwards. cache: keep them in `cache/features` of the data folder under the content of images and weights; a
    network that has learned since then has other features, and they are computed anew. batch_size: images at a time,
    >= 1; it changes no result. Raises ValueError for another shape or number format.
    """
    if not isinstance(backbone, Backbone):
        raise ValueError(f"backbone must come from course_utils.transfer.backbone(), got {type(backbone).__name__}.")
    check_images(images)
    batch_size = check_whole("batch_size", batch_size, 1)
    compute = compute or pick()
    file = data_dir() / "cache" / "features" / f"{_key(backbone, images, compute)}.npz" if cache else None
    if file and (rows := _load(file, (len(images), backbone.width))) is not None:
        return rows
    rows = passed(backbone, backbone, images, batch_size, compute)
    if file:
        _save(file, rows)
    return rows


@torch.no_grad()
def passed(backbone: Backbone, part: nn.Module, images: torch.Tensor, batch_size: int, compute: Compute):
    """What `part` of a backbone makes of the images, float32 on the CPU; in evaluation mode meanwhile."""
    modes = [(module, module.training) for module in backbone.modules()]
    compute.place(backbone).eval()
    rows = []
    try:
        for batch in images.split(batch_size):
            with compute.autocast():
                rows.append(part(backbone.prepare(batch.to(compute.device))).float().cpu())
    finally:
        for module, mode in modes:
            module.training = mode
    return torch.cat(rows)


def _key(backbone, images, compute) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{backbone.fingerprint} {compute.device.type} {compute.dtype} {list(images.shape)}".encode())
    digest.update(images.cpu().contiguous().numpy())
    return digest.hexdigest()


def _load(file: Path, shape: tuple[int, int]) -> torch.Tensor | None:
    """The kept features, or None where there are none or the file is not to be trusted."""
    try:
        stored = load(file, "rows")
        if stored is None:
            return None
        rows = torch.as_tensor(stored["rows"])
        if tuple(rows.shape) != shape or rows.dtype is not torch.float32:
            raise CacheProblem(f"it holds {list(rows.shape)}, not {list(shape)}")
    except CacheProblem as problem:
        _warn(f"kept features {file} are damaged ({problem}); they are computed again")
        return None
    with contextlib.suppress(OSError):  # a read-only folder: then it only seems older than it is
        os.utime(file)
    return rows


def _save(file: Path, rows: torch.Tensor) -> None:
    """Where writing fails, the features are simply not kept."""
    try:
        save(file, rows=rows.numpy())
        _make_room(file)
    except OSError as problem:
        _warn(
            f"features cannot be kept in {file.parent} ({problem}): they are computed again next time. "
            "Point COURSE_DATA to a folder with space."
        )


def _warn(message: str) -> None:
    warnings.warn(message, DataWarning, stacklevel=4)


def _make_room(newest: Path) -> None:
    """Delete what was not used for longest until LIMIT is kept; the newest stays."""
    files = []
    for file in newest.parent.iterdir():
        with contextlib.suppress(OSError):  # another process may have deleted it
            files.append((file.stat().st_mtime, file.stat().st_size, file))
    total = sum(size for _, size, _ in files)
    for _, size, file in sorted(files):
        if total > LIMIT and file != newest:
            with contextlib.suppress(OSError):
                file.unlink()
            total -= size
