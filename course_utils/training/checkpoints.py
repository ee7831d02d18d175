"""Checkpoints: the whole state of a training in one file, written so that a crash never leaves half of it."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import torch

from course_utils.files import write_whole
from course_utils.runs import Run

_PARTS = {"plan", "t", "model", "optimizer", "scaler", "rng", "rng_cuda", "by_hand", "run"}


def save_checkpoint(path, *, model, optimizer, t: int, run: Run, plan: dict, scaler=None, by_hand=None) -> Path:
    """Write model, optimizer, random states, update number and record to `path`, atomically.

    plan: what a training that goes on from here must have in common with this one (seed, batch size, ...).
    by_hand: the learning rate set by hand, None if the schedule has it.
    The file is written beside `path` first and then renamed over it: at every moment `path` is a complete
    checkpoint. Raises OSError, with the old file untouched, if the disk is full or the folder not writable.
    """
    state = {
        "plan": plan,
        "t": t,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict() if scaler else {},
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "by_hand": by_hand,
        "run": run.as_dict(),
    }
    return write_safely(state, path, "checkpoint")


def write_safely(state: dict, path, what: str = "file") -> Path:
    """`torch.save(state, path)`, atomically: written beside `path`, forced to the disk, then renamed over it.

    At every moment `path` is the whole old file or the whole new one. what: its name in messages.
    Raises OSError, with the old file untouched, if the disk is full or the folder not writable.
    """
    try:
        return write_whole(path, lambda file: torch.save(state, file))
    except (OSError, RuntimeError) as e:  # PyTorch turns a failed write into a RuntimeError
        before = "The one before is kept. " if Path(path).exists() else ""
        raise OSError(f"could not write the {what} {path}: {e}. {before}Make room or choose another place.") from e


def read_plainly(path, kind: str, way_out: str):
    """What `torch.save` wrote to `path`, read without executing anything in it.

    kind: what the file should be ("a checkpoint of `train`"), way_out: what to do if it is not; both for the message.
    Raises ValueError if the file is damaged or holds more than plain data, FileNotFoundError if there is none.
    """
    content = io.BytesIO(Path(path).read_bytes())  # a file that is not there or not readable says so itself
    try:
        return torch.load(content, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:  # its text advises to switch the protection off: not repeated here
        raise ValueError(f"{path} is not {kind}: it is no plain data. {way_out}") from e
    except Exception as e:
        raise ValueError(f"{path} is damaged or not {kind} ({type(e).__name__}). {way_out}") from e


def read_checkpoint(path) -> dict:
    """Read a checkpoint without executing anything in it. Raises ValueError if it is damaged or not one of ours."""
    way_out = "Delete it to start this run anew, or choose another file name."
    state = read_plainly(path, "a checkpoint of `train`", way_out)
    missing = _PARTS - set(state) if isinstance(state, dict) else _PARTS
    if missing:
        raise ValueError(f"{path} is not a checkpoint of `train`: it lacks {', '.join(sorted(missing))}. {way_out}")
    return state


def restore(state: dict, *, model, optimizer, plan: dict, scaler=None, path="the checkpoint"):
    """Put a checkpoint back into model, optimizer and random states.

    Returns (updates made, record so far, learning rate set by hand or None). Raises ValueError naming the
    first thing that differs between the checkpoint and this training, before anything is changed.
    """
    different = [(key, state["plan"].get(key), ours) for key, ours in plan.items() if state["plan"].get(key) != ours]
    different += [(f"weight {name!r}", theirs, ours) for name, theirs, ours in other_shapes(state["model"], model)]
    for key, theirs, ours in different:
        raise ValueError(
            f"{path} belongs to another training: {key} is {theirs!r} there and {ours!r} here. "
            "Choose another checkpoint file, or delete this one to start anew."
        )
    try:
        run = Run(**{**state["run"], "val": [tuple(v) for v in state["run"]["val"]]})
        optimizer.load_state_dict(state["optimizer"])  # checks the parameter groups before it changes anything
    except (TypeError, KeyError, ValueError) as e:
        raise ValueError(f"{path} does not fit this training or this version of the course ({e}). Delete it.") from e
    model.load_state_dict(state["model"])
    if scaler and state["scaler"]:
        scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["rng"])
    if state["rng_cuda"] and torch.cuda.is_available() and len(state["rng_cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["rng_cuda"])
    return state["t"], run, state["by_hand"]


def other_shapes(weights: dict, model: torch.nn.Module) -> list[tuple]:
    """(name, shape in `weights`, shape in the model) of all weights that differ; None where one is missing."""
    theirs, ours = (
        {name: list(w.shape) if isinstance(w, torch.Tensor) else repr(w) for name, w in state.items()}
        for state in (weights, model.state_dict())
    )
    names = {**ours, **theirs}
    return [(name, theirs.get(name), ours.get(name)) for name in names if theirs.get(name) != ours.get(name)]
