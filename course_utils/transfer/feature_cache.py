"""Features of many images, computed once: kept on disk by content, so that a second run of a lesson finds them there.

    rows = features(net, data.train.inputs)          # float32 [N, net.width], on the CPU

A file is used only if its checksum is right; a damaged one is made again. The oldest go when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
from pathlib import Path

import numpy as np
import torch

from course_utils.checks import check_whole
from course_utils.data.cifar import DataWarning
from course_utils.files import data_dir
from course_utils.training.compute import Compute, pick
from course_utils.transfer.backbones import Backbone, check_images

LIMIT = 500_000_000  # bytes that the cache may hold


@torch.no_grad()
def features(
    backbone: Backbone,
    images: torch.Tensor,
    *,
    batch_size: int = 100,
    cache: bool = True,
    compute: Compute | None = None,
) -> torch.Tensor:
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
    file = _folder() / f"{_key(backbone, images, compute)}.rows" if cache else None
    found = _load(file, (len(images), backbone.width)) if file else None
    if found is not None:
        return found
    was_training = backbone.training
    compute.place(backbone).eval()
    parts = []
    try:
        for part in images.split(batch_size):
            with compute.autocast():
                parts.append(backbone(backbone.prepare(part.to(compute.device))).float().cpu())
    finally:
        backbone.train(was_training)
    rows = torch.cat(parts)
    if file:
        _save(file, rows)
    return rows


def _folder() -> Path:
    return data_dir() / "cache" / "features"


def _key(backbone, images, compute) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{backbone.fingerprint} {compute.device.type} {compute.dtype} {list(images.shape)}".encode())
    digest.update(images.cpu().contiguous().numpy())
    return digest.hexdigest()


def _load(file: Path, shape: tuple[int, int]) -> torch.Tensor | None:
    """The kept features, or None where there are none or the file is not to be trusted."""
    try:
        checksum, _, content = file.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    except OSError as problem:
        return _again(file, f"cannot be read: {problem}")
    if _checksum(content) != checksum:
        return _again(file, "its checksum is wrong: cut short, changed or foreign")
    try:
        rows = torch.from_numpy(np.load(io.BytesIO(content), allow_pickle=False))
    except (ValueError, TypeError, EOFError) as problem:  # a right checksum over something else
        return _again(file, str(problem))
    if tuple(rows.shape) != shape or rows.dtype is not torch.float32:
        return _again(file, f"it holds {list(rows.shape)}, not {list(shape)}")
    with contextlib.suppress(OSError):  # a read-only folder: then it only seems older than it is
        os.utime(file)
    return rows


def _again(file: Path, why: str) -> None:
    warnings.warn(f"kept features {file} are damaged ({why}); they are computed again", DataWarning, stacklevel=4)


def _save(file: Path, rows: torch.Tensor) -> None:
    """Written beside its place and moved there in one step. Where that fails, the features are simply not kept."""
    out = io.BytesIO()
    np.save(out, rows.numpy(), allow_pickle=False)
    content = out.getvalue()
    temporary = file.with_name(f"{file.stem}-{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_checksum(content) + b"\n" + content)
        os.replace(temporary, file)
        _make_room(file)
    except OSError as problem:
        warnings.warn(f"features cannot be kept in {file.parent} ({problem}): they are computed again next time. "
                      "Point COURSE_DATA to a folder with space.", DataWarning, stacklevel=4)  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _make_room(newest: Path) -> None:
    """Delete what was not used for longest until LIMIT is kept; the newest stays."""
    found = []
    for file in newest.parent.iterdir():
        with contextlib.suppress(OSError):  # another process may have deleted it
            found.append((file.stat().st_mtime, file.stat().st_size, file))
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if total <= LIMIT:
            break
        if file != newest:
            with contextlib.suppress(OSError):
                file.unlink()
            total -= size


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()
