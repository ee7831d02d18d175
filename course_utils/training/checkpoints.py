"""Checkpoints: the whole state of a training in one file, written so that a crash never leaves half of it."""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
from pathlib import Path

import torch

from course_utils.checks import check_whole, check_within, shown
from course_utils.files import write_whole
from course_utils.random_states import random_states, set_random_states
from course_utils.runs import Run, plain
from course_utils.training.arguments import LARGEST, MOST
from course_utils.training.plan import first_difference

_PARTS = dict.fromkeys(("plan", "model", "optimizer", "scaler", "also", "random", "run"), dict)
_PARTS |= {"t": int, "by_hand": (float, type(None))}
_SEAL = b"sha256 of all before:"  # a file ends with this and the checksum, which PyTorch's own format does not look at


def save_checkpoint(
    path, *, model, optimizer, t: int, run: Run, plan: dict, scaler=None, by_hand=None, also=None
) -> Path:
    """Write model, optimizer, random states, update number and record to `path`, atomically.

    plan: what a training that goes on from here must have in common with this one (`plan_of`).
    by_hand: the learning rate set by hand, None if the schedule has it. also: see `train`.
    Raises OSError, with the old file untouched, if the disk is full or the folder not writable; ValueError for a state
    that holds other things than numbers, texts and tensors.
    """
    state = {
        "plan": plan,
        "t": t,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict() if scaler else {},
        "also": {name: thing.state_dict() for name, thing in (also or {}).items()},
        "by_hand": by_hand,
    }
    return write_safely(_plain(state, "state") | {"random": random_states(), "run": run.as_dict()}, path, "checkpoint")


def check_file(name: str, path) -> Path:
    """`path` as a Path. ValueError for what can be no file, before anything is trained for it."""
    if not isinstance(path, (str, Path)) or Path(path).is_dir():
        raise ValueError(f"{name} must be a file, such as 'run.pt', got {path!r}.")
    return Path(path)


def check_can_be_kept(path, *, model, optimizer, schedules, also, **_) -> None:
    """ValueError, before anything is trained, for a path that cannot be one and a state that could not be kept."""
    check_file("checkpoint", path)
    strange = [name for name, thing in also.items() if not hasattr(thing, "load_state_dict")]
    if strange:
        raise ValueError(f"also: {', '.join(strange)} cannot be kept, there is no state_dict() and load_state_dict().")
    driven = [s is None and "initial_lr" in group for s, group in zip(schedules, optimizer.param_groups, strict=True)]
    if any(driven) and not also:
        raise ValueError(
            "a scheduler of PyTorch's sets this optimizer's rate, and the checkpoint would not know it. Hand it over, "
            "also={'scheduler': scheduler}, or give `schedule` a function of t."
        )
    for name, thing in {"model": model, "optimizer": optimizer, **also}.items():
        _plain(thing.state_dict(), name)


def _plain(value, name: str):
    """`value` with NumPy numbers made Python's. ValueError for what only running code could bring back."""
    if isinstance(value, (torch.Tensor, torch.dtype, torch.device)):
        return value
    if isinstance(value, dict):
        same = copy.copy(value)  # PyTorch's own notes on a state are kept with it
        for key, part in value.items():
            same[key] = _plain(part, f"{name}[{key!r}]")
        return same
    if isinstance(value, (list, tuple)):
        parts = [_plain(part, f"{name}[{n}]") for n, part in enumerate(value)]
        return tuple(parts) if isinstance(value, tuple) else parts
    return plain(value, name)


def write_safely(state: dict, path, what: str = "file") -> Path:
    """`torch.save(state, path)` with a checksum, atomically: at every moment the whole old file or the whole new one.

    what: its name in messages.
    Raises OSError, with the old file untouched, if the disk is full or the folder not writable.
    """

    def write(file):  # Ctrl-C waits meanwhile: inside `torch.save` it can end the process
        content = io.BytesIO()
        torch.save(state, content)
        file.write(content.getbuffer())
        file.write(_SEAL + hashlib.sha256(content.getbuffer()).digest())

    try:
        return write_whole(path, write)
    except (OSError, RuntimeError) as e:  # PyTorch turns a failed write into a RuntimeError
        before = "The one before is kept. " if Path(path).exists() else ""
        raise OSError(f"could not write the {what} {path}: {e}. {before}Make room or choose another place.") from e


def read_plainly(path, kind: str, way_out: str, *, sealed: bool = False):
    """What `torch.save` or, sealed, `write_safely` wrote to `path`, read without executing anything in it.

    kind: what the file should be ("a checkpoint of `train`"), way_out: what to do if it is not; both for the message.
    Raises ValueError if the file is damaged (sealed: if a single bit of it has changed), if it is a folder or a device,
    or holds more than plain data; FileNotFoundError if there is none.
    """
    if Path(path).exists() and not Path(path).is_file():  # a folder, a pipe, a device: reading might never end
        raise ValueError(f"{path} is not {kind}: it is no regular file. {way_out}")
    content = Path(path).read_bytes()  # a file that is not there or not readable says so itself
    if sealed:
        content, _, checksum = content.rpartition(_SEAL)
        if hashlib.sha256(content).digest() != checksum:
            raise ValueError(f"{path} is damaged or not {kind}: its checksum is missing or wrong. {way_out}")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:  # its text advises to switch the protection off: not repeated here
        raise ValueError(f"{path} is not {kind}: it is no plain data. {way_out}") from e
    except Exception as e:
        raise ValueError(f"{path} is damaged or not {kind} ({type(e).__name__}). {way_out}") from e


def read_checkpoint(path) -> dict:
    """Read a checkpoint without executing anything in it. Raises ValueError if it is damaged or not one of ours."""
    way_out = "Delete it to start this run anew, or choose another file name."
    state = read_plainly(path, "a checkpoint of `train`", way_out, sealed=True)
    parts = state if isinstance(state, dict) else {}
    wrong = [name for name, kind in _PARTS.items() if name not in parts or not isinstance(parts[name], kind)]
    if wrong:
        raise ValueError(f"{path} is not a checkpoint of `train`: it lacks {', '.join(sorted(wrong))}. {way_out}")
    return state


def restore(state: dict, *, model, optimizer, plan: dict, scaler=None, also=None, path="the checkpoint"):
    """Put a checkpoint back into model, optimizer and random states.

    Returns (updates made, record so far, learning rate set by hand or None). Raises ValueError naming the
    first thing that differs between the checkpoint and this training, before anything is changed.
    """
    different = first_difference(state["plan"], plan)
    different = different or next(
        ((f"weight {name!r}", *two) for name, *two in other_shapes(state["model"], model)), None
    )
    if different:
        name, theirs, ours = different
        raise ValueError(
            f"{path} belongs to another training: {name} is {shown(theirs)} there and {shown(ours)} here. "
            "Choose another checkpoint file, or delete this one to start anew."
        )
    try:
        run = Run(**{**state["run"], "val": [tuple(v) for v in state["run"]["val"]]})
        t, by_hand = check_whole("t", state["t"], 0, plan.get("updates", MOST)), state["by_hand"]
        by_hand = None if by_hand is None else check_within("by_hand", by_hand, 0, LARGEST)
        optimizer.load_state_dict(state["optimizer"])  # checks the parameter groups before it changes anything
        load_weights(model, state["model"])
        if scaler and state["scaler"]:
            scaler.load_state_dict(state["scaler"])
        for name, thing in (also or {}).items():
            thing.load_state_dict(state["also"][name])
        set_random_states(state["random"])
    except Exception as e:  # made by hand, or by another version
        raise ValueError(f"{path} does not fit this training or this version of the course ({e}). Delete it.") from e
    return t, run, by_hand


def bare_weights(model: torch.nn.Module) -> dict:
    """The weights by the names they have in the network itself, whether torch.compile is around it or not."""
    return {name.replace("_orig_mod.", ""): weight for name, weight in model.state_dict().items()}


def load_weights(model: torch.nn.Module, weights: dict) -> None:
    """Put back what `bare_weights` or `state_dict()` gave."""
    weights = {name.replace("_orig_mod.", ""): weight for name, weight in weights.items()}
    state = model.state_dict()
    state.update({name: weights[name.replace("_orig_mod.", "")] for name in state})
    model.load_state_dict(state)


def other_shapes(weights: dict, model: torch.nn.Module) -> list[tuple]:
    """(name, shape in `weights`, shape in the model) of all weights that differ; None where one is missing."""
    theirs, ours = (
        {
            name.replace("_orig_mod.", ""): list(w.shape) if isinstance(w, torch.Tensor) else type(w).__name__
            for name, w in state.items()
        }
        for state in (weights, model.state_dict())
    )
    names = {**ours, **theirs}
    return [(name, theirs.get(name), ours.get(name)) for name in names if theirs.get(name) != ours.get(name)]
