"""Networks of the recording, as committed: float16 numbers in two files, loaded without running code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from course_utils.files import recorded_dir, write_whole
from course_utils.lessons.l10_3_2.detector import Detector, TileNet
from course_utils.lessons.l10_3_2.reader import Reader

FOLDER = recorded_dir() / "models"


def save(path: Path, models: dict[str, torch.nn.Module]) -> Path:
    """Write the weights of all models, halved in precision."""
    arrays = {
        f"{name}|{key}": value.detach().cpu().numpy().astype(np.float16)
        for name, model in models.items()
        for key, value in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    return write_whole(path, lambda file: np.savez_compressed(file, **arrays))


def load(path: Path, name: str, model: torch.nn.Module) -> torch.nn.Module:
    """Put the weights called `name` into `model`, in evaluation mode. Raises KeyError where there are none."""
    with np.load(path, allow_pickle=False) as file:
        own = {key.split("|")[1]: file[key] for key in file.files if key.split("|")[0] == name}
    if not own:
        raise KeyError(f"there is no model {name!r} in {path.name}")
    state = {key: torch.from_numpy(value.astype(np.float32)) for key, value in own.items()}
    missing, strange = model.load_state_dict(state, strict=False)
    if strange or [key for key in missing if not key.endswith("num_batches_tracked")]:
        raise KeyError(f"the weights {name!r} do not fit {type(model).__name__}")
    return model.eval()


def tile_net() -> TileNet:
    """Stage 1 as recorded: all training tiles of the five classes."""
    return load(FOLDER / "10.3.2-vision.npz", "stage 1", TileNet())


@cache
def vision(arm: str) -> tuple[Detector, bool]:
    """(the detector of an arm, does it see a mere grid?). Cached: do not train it."""
    if arm == "only 5":
        return Detector(TileNet(seed=0), seed=0).eval(), True
    if arm == "without 2":
        return Detector(tile_net(), seed=0).eval(), True
    name = "stage 2, without 1" if arm == "without 1" else "stage 2"
    return load(FOLDER / "10.3.2-vision.npz", name, Detector(TileNet())), False


@cache
def recorded_reader(name: str) -> Reader:
    """A recorded reader, such as "all five, caption", "blind, question" or "tie 0.9, question". Cached."""
    return load(FOLDER / "10.3.2-readers.npz", name, Reader())
