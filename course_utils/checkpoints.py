"""Checkpoints: the whole state of a training in one file, written so that a crash never leaves half of it."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from .runs import Run


def save_checkpoint(path, *, model, optimizer, t: int, run: Run, plan: dict, scaler=None) -> Path:
    """Write model, optimizer, random states, update number and record to `path`, atomically.

    plan: what a training that goes on from here must have in common with this one (seed, batch size, ...).
    The file is written beside `path` first and then renamed over it: at every moment `path` is a complete checkpoint.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "plan": plan,
        "t": t,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict() if scaler else {},
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "run": run.as_dict(),
    }
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as f:
        torch.save(state, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(part, path)
    return path


def read_checkpoint(path) -> dict:
    """Read a checkpoint without executing anything in it. Raises ValueError if it is damaged or not one of ours."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        missing = {"plan", "t", "model", "optimizer", "rng", "run"} - set(state)
    except FileNotFoundError:
        raise
    except Exception as e:
        reason = str(e).splitlines()[0]
        raise ValueError(f"{path} is damaged or not a checkpoint ({reason}). Delete it to start this run anew.") from e
    if missing:
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))}: not a checkpoint of `train`. Choose another file name.")
    return state


def restore(state: dict, *, model, optimizer, plan: dict, scaler=None, path="the checkpoint") -> tuple[int, Run]:
    """Put a checkpoint back into model, optimizer and random states; returns (updates made, record so far).

    Raises ValueError naming the first thing in which `plan` differs, before anything is changed.
    """
    for key, wanted in plan.items():
        found = state["plan"].get(key)
        if found != wanted:
            raise ValueError(
                f"{path} belongs to another training: {key} is {found!r} there and {wanted!r} here. "
                "Choose another checkpoint file, or delete this one to start anew."
            )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if scaler and state["scaler"]:
        scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["rng"])
    if state["rng_cuda"] and len(state["rng_cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["rng_cuda"])
    record = dict(state["run"])
    record["val"] = [tuple(v) for v in record["val"]]
    return state["t"], Run(**record)
