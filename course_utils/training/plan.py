"""What decides the numbers of a training: some of it stands in its record, all of it in its checkpoint."""

from __future__ import annotations

import zlib
from itertools import zip_longest

import torch

from course_utils.runs import Run, plain
from course_utils.training.arguments import momentum_at, plain_number, rate


def new_run(model, data, optimizer, schedules, T, batch_size, seed, augment, compute, config) -> Run:
    """The record of a training that begins: what was chosen, no updates yet."""
    group = optimizer.param_groups[0]
    facts = {
        "optimizer": type(optimizer).__name__.lower(),
        "lr": rate(schedules[0], 0) if schedules[0] else plain_number(group["lr"]),
        "weight_decay": group.get("weight_decay", 0),
        "batch_size": batch_size,
        "updates": T,
        "augment": augment,
        data.counted: len(data.train),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    return Run(
        config=plain({**facts, **(config or {})}, "config"),
        seed=int(seed),
        source=data.source,
        **compute.facts(),
    )


def plan_of(model, data, optimizer, schedules, momentum, run, T: int, **more) -> dict:
    """Everything that two halves of one training have in common, as plain data and tensors.

    Settings and options of all parameter groups, the rate and momentum of every update, the examples (as checksums),
    the network (kinds, settings, frozen parts, modes; not its weights). more: further facts. Made once a run.
    """
    facts = {**run.config, "seed": run.seed, "source": run.source, "dtype": run.dtype, **more}
    facts.pop("lr")  # it is among the options of the optimizer, or in the schedule
    names, tables = {id(p): name for name, p in model.named_parameters()}, {}
    several = len(optimizer.param_groups) > 1
    for n, (group, schedule) in enumerate(zip(optimizer.param_groups, schedules, strict=True)):
        options = {name: value for name, value in group.items() if name not in ("params", "param_names")}
        options["weights"] = [names.get(id(p)) for p in group["params"]]
        if schedule or "initial_lr" in group:  # a scheduler of torch's notes the rate it begins with
            options.pop("lr")
        if momentum:
            options["betas" if "betas" in group else "momentum"] = group["betas"][1] if "betas" in group else None
        of_group = f" of group {n}" if several else ""
        facts |= {name + of_group: value for name, value in options.items()}
        if schedule:
            tables["schedule" + of_group] = [rate(schedule, t) for t in range(T)]
    if momentum:
        tables["momentum"] = [momentum_at(momentum, t) for t in range(T)]
    facts["the model"] = {name: _facts(module, model.training) for name, module in model.named_modules()}
    facts["the data"] = {name: value for name, value in getattr(data, "__dict__", {}).items() if name != "test"}
    return _plain(facts) | {name: torch.tensor(table, dtype=torch.float64) for name, table in tables.items()}


def first_difference(theirs, ours, name: str = "") -> tuple | None:
    """(name, theirs, ours) of the first value that is not the same in two plans; None where all are."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        pairs = ((f"{name} {key!r}" if name else key, theirs.get(key), ours.get(key)) for key in {**ours, **theirs})
    elif isinstance(theirs, list) and isinstance(ours, list):
        pairs = ((f"{name}[{n}]", *pair) for n, pair in enumerate(zip_longest(theirs, ours)))
    elif isinstance(theirs, torch.Tensor) and isinstance(ours, torch.Tensor) and theirs.shape == ours.shape:
        wrong = (~torch.isclose(theirs, ours, rtol=1e-12, atol=0)).nonzero()  # libraries differ in the last bit
        pairs = ((f"{name}({t})", float(theirs[t]), float(ours[t])) for t in wrong[:1, 0].tolist())
    else:
        theirs, ours = ("a function of t" if isinstance(x, torch.Tensor) else x for x in (theirs, ours))
        same = theirs == ours or theirs != theirs and ours != ours  # NaN is no other number than NaN
        return None if same else (name, theirs, ours)
    return next(filter(None, (first_difference(a, b, part) for part, a, b in pairs)), None)


def _facts(module, training: bool) -> dict:
    """Kind and settings of one module, without what lies inside it."""
    settings = {name: value for name, value in vars(module).items() if name[0] != "_" and name != "training"}
    frozen = [name for name, p in module.named_parameters(recurse=False) if not p.requires_grad]
    mode = {"mode": "evaluation"} if training and not module.training else {}
    return {"kind": type(module).__qualname__, **settings, "frozen": frozen, **mode}


def _plain(value):
    """Examples become checksums, functions and other things their names."""
    if isinstance(value, torch.Tensor):
        if value.ndim == 0:
            return value.item()
        content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        return f"{value.dtype} {list(value.shape)}, checksum {zlib.crc32(content):08x}"
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    try:
        return plain(value, "")
    except ValueError:
        if hasattr(value, "inputs") and hasattr(value, "labels"):  # a split
            return _plain({"inputs": value.inputs, "labels": value.labels})
        return getattr(value, "__qualname__", type(value).__qualname__)
