"""Training as a generator: `for step in train(...)` yields after every update, and whoever loops may watch, stop or steer.

    for step in train(model, data, optimizer, schedule, epochs=8):
        if step.validated:
            print(step.t, step.run.val[-1])
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from .augment import Batches, normalise
from .checkpoints import read_checkpoint, restore, save_checkpoint
from .compute import Compute, pick
from .runs import Run


class Step:
    """What `train` yields: always the same object, brought up to date after each update.

    t: updates made so far (1 after the first); T: updates planned; epoch: passes over the training set, a float.
    loss: 0-d tensor on the device; float(step.loss) copies it. run: the record so far.
    validated: True if a validation followed this update; its result is run.val[-1].
    """

    def __init__(self, model, optimizer, run: Run, T: int, per_epoch: int):
        self.model, self.optimizer, self.run, self.T, self.per_epoch = model, optimizer, run, T, per_epoch
        self.t, self.loss, self.validated, self._by_hand = 0, None, False, None

    @property
    def epoch(self) -> float:
        return self.t / self.per_epoch

    @property
    def lr(self) -> float:
        """The learning rate that the last update used, read from the optimizer (first parameter group)."""
        return self.optimizer.param_groups[0]["lr"]

    @lr.setter
    def lr(self, value: float | None):
        """Take the rate over by hand from the next update on; None gives it back to the schedule."""
        if value is not None and not 0 <= value < float("inf"):
            raise ValueError(f"a learning rate must be finite and >= 0, got {value!r}. None returns to the schedule.")
        self._by_hand = value

    @property
    def momentum(self) -> float:
        """Momentum (beta_1 for Adam) that the last update used, read from the optimizer; 0 where it has none."""
        group = self.optimizer.param_groups[0]
        return group["betas"][0] if "betas" in group else group.get("momentum", 0.0)


def train(
    model: torch.nn.Module,
    data,
    optimizer: torch.optim.Optimizer,
    schedule: Callable[[float], float] | Sequence[Callable[[float], float]] | None = None,
    *,
    momentum: Callable[[float], float] | None = None,
    epochs: float | None = None,
    updates: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    augment: bool = True,
    start: int = 0,
    validate_every: int | str | None = "epoch",
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    compute: Compute | None = None,
    config: dict | None = None,
) -> Iterator[Step]:
    """Train a classifier with cross-entropy, one yield an update.

    data: from `cifar10()` or `stand_in()`. Give the length as `epochs` or as `updates`.
    schedule: update number t -> learning rate, set before update t for all parameter groups (a list gives each group its
        own); None leaves the optimizer's rate alone. momentum: t -> momentum, or beta_1 for Adam.
    seed: fixes the order of the images and their crops and flips; the weights are yours to seed.
    start: number of the first update, for going on with a model that has made `start` updates already.
    validate_every: "epoch", a number of updates, or None. The validation set is data.val; data.test is never touched.
    checkpoint: a file. The whole state goes there every `checkpoint_every` updates (default: every epoch) and, if the file
        is there already and belongs to this training, the run goes on from it: on a CPU to bitwise the same weights.
    config: extra facts for the record.

    A loss that is infinite or NaN ends the generator: run.status is "diverged", run.diverged_at says when (looked for
    after every update on a CPU, every 50 on a GPU, where looking costs time). A `break` leaves "stopped".
    Raises ValueError for arguments out of range.
    """
    compute = compute or pick()
    compute.place(model)
    batches = Batches(data.train.images, data.train.labels, batch_size, data.mean, data.std,
                      seed=seed, augment=augment, device=compute.device)  # fmt: skip
    T = _planned(epochs, updates, len(batches), start)
    every = _interval("validate_every", validate_every, len(batches))
    save_every = _interval("checkpoint_every", checkpoint_every or "epoch", len(batches)) if checkpoint else None
    look_every = 50 if compute.on_gpu else 1
    _same_parameters(model, optimizer)
    schedules = _per_group(schedule, optimizer)
    scaler = torch.amp.GradScaler("cuda") if compute.dtype is torch.float16 else None

    run = _new_run(model, data, optimizer, schedules, T, batch_size, seed, augment, compute, config)
    plan = _plan(run, schedules, T)
    if checkpoint and Path(checkpoint).exists():
        state = read_checkpoint(checkpoint)
        start, run = restore(state, model=model, optimizer=optimizer, plan=plan, scaler=scaler, path=checkpoint)
    step = Step(model, optimizer, run, T, len(batches))
    step.t = start
    run.status = "running"

    try:
        for t in range(start, T):
            _set_rates(optimizer, schedules, momentum, t, step._by_hand)
            images, labels = batches.get(t)
            model.train()
            with compute.autocast():
                loss = cross_entropy(model(images), labels)
            optimizer.zero_grad(set_to_none=True)
            if scaler:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
            else:
                loss.backward()
                optimizer.step()

            step.t, step.loss, step.validated = t + 1, loss.detach(), False
            run.t.append(step.t)
            run.lr.append(step.lr)
            run.momentum.append(step.momentum)
            run.loss_log.append(step.loss)
            last = step.t == T
            if (step.t % look_every == 0 or last) and _first_bad(run, look_every) is not None:
                _end_diverged(run, _first_bad(run, look_every), model, data, compute)
                step.validated = True
                yield step
                return
            if last or (every and step.t % every == 0):
                if every:
                    run.val.append((step.t, *evaluate(model, data.val, data, compute)))
                    step.validated = True
            if last:
                run.status = "finished"
            if save_every and (last or step.t % save_every == 0):
                save_checkpoint(checkpoint, model=model, optimizer=optimizer, t=step.t, run=run, plan=plan, scaler=scaler)
            yield step
    finally:
        if run.status == "running":
            run.status = "finished" if step.t >= T else "stopped"


def fit(*args, **kwargs) -> Run:
    """`train(...)` run to its end without watching; the same arguments. Returns the record."""
    step = None
    for step in train(*args, **kwargs):  # noqa: B007
        pass
    if step is None:
        raise ValueError("nothing to do: this training has already made all its updates. Delete its checkpoint to repeat it.")
    return step.run


@torch.no_grad()
def evaluate(model, split, data, compute: Compute | None = None, batch_size: int = 1000) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (in [0, 1]) of `model` on `split`, e.g. data.val; without augmentation.

    data: gives mean and standard deviation of the pixels. The model is in evaluation mode meanwhile, then as before.
    """
    compute = compute or pick()
    was_training = model.training
    model.eval()
    loss, right = 0.0, 0
    for images, labels in zip(split.images.split(batch_size), split.labels.split(batch_size)):
        labels = labels.to(compute.device)
        with compute.autocast():
            logits = model(normalise(images.to(compute.device), data.mean, data.std)).float()
        loss = loss + cross_entropy(logits, labels, reduction="sum")
        right = right + (logits.argmax(1) == labels).sum()
    model.train(was_training)
    return float(loss) / len(split.labels), float(right) / len(split.labels)


# ------------------------------------------------------------------------------------------------------------- details
def _planned(epochs, updates, per_epoch, start) -> int:
    if (epochs is None) == (updates is None):
        raise ValueError(f"give either epochs or updates, got epochs={epochs!r} and updates={updates!r}.")
    T = updates if updates is not None else round(epochs * per_epoch)
    if T != int(T) or T < 1:
        raise ValueError(f"the number of updates must be a whole number >= 1, got {T!r}. One epoch is {per_epoch} updates.")
    if not 0 <= start <= T:
        raise ValueError(f"start must lie in [0, {int(T)}] (the planned updates), got {start!r}.")
    return int(T)


def _interval(name, value, per_epoch) -> int | None:
    if value is None or value == "epoch":
        return per_epoch if value else None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be 'epoch', None or a whole number of updates >= 1, got {value!r}.")
    return value


def _same_parameters(model, optimizer):
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for g in optimizer.param_groups for p in g["params"]):
        raise ValueError("the optimizer holds none of this model's parameters. Build it from model.parameters().")


def _per_group(schedule, optimizer) -> list:
    groups = len(optimizer.param_groups)
    if schedule is None or callable(schedule):
        return [schedule] * groups
    if len(schedule) != groups:
        raise ValueError(f"schedule has {len(schedule)} functions for {groups} parameter groups. Give one, or one each.")
    return list(schedule)


def _set_rates(optimizer, schedules, momentum, t, by_hand):
    for group, schedule in zip(optimizer.param_groups, schedules):
        if by_hand is not None:
            group["lr"] = by_hand
        elif schedule is not None:
            group["lr"] = schedule(t)
        if momentum is not None:
            m = momentum(t)
            if "betas" in group:
                group["betas"] = (m, group["betas"][1])
            elif "momentum" in group:
                group["momentum"] = m
            else:
                raise ValueError(f"{type(optimizer).__name__} has no momentum to schedule. Leave `momentum` out.")


def _new_run(model, data, optimizer, schedules, T, batch_size, seed, augment, compute, config) -> Run:
    group = optimizer.param_groups[0]
    facts = {
        "optimizer": type(optimizer).__name__.lower(),
        "lr": schedules[0](0) if schedules[0] else group["lr"],
        "weight_decay": group.get("weight_decay", 0),
        "batch_size": batch_size,
        "updates": T,
        "augment": augment,
        "images": len(data.train.labels),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    device = torch.cuda.get_device_name(compute.device) if compute.on_gpu else "CPU"
    return Run(
        config={**facts, **(config or {})}, seed=seed, source=data.source, device=device,
        dtype=str(compute.dtype).removeprefix("torch."),
        versions={"python": platform.python_version(), "torch": torch.__version__},
    )  # fmt: skip


def _plan(run, schedules, T) -> dict:
    """What a checkpoint must share with the training that goes on from it."""
    keys = ("optimizer", "batch_size", "updates", "augment", "images", "parameters")
    plan = {k: run.config[k] for k in keys} | {"seed": run.seed, "source": run.source}
    plan["schedule"] = [[round(s(x), 12) for x in (0, T / 3, 2 * T / 3)] if s else None for s in schedules]
    return plan


def _first_bad(run, look_back) -> int | None:
    """Index of the first loss that is not finite among the last `look_back` updates."""
    first = max(0, len(run.loss_log) - look_back)
    bad = ~torch.isfinite(torch.stack([torch.as_tensor(x) for x in run.loss_log[first:]]).cpu())
    return first + int(bad.nonzero()[0]) if bad.any() else None


def _end_diverged(run, i, model, data, compute):
    for curve in (run.t, run.lr, run.momentum, run.loss_log):
        del curve[i + 1 :]
    run.status, run.diverged_at = "diverged", run.t[i]
    run.val.append((run.t[i], *evaluate(model, data.val, data, compute)))
