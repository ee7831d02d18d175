"""Training as a generator: `for step in train(...)` yields after every update; whoever loops watches and steers.

for step in train(model, data, optimizer, schedule, epochs=8):
    if step.validated:
        print(step.t, step.run.val[-1])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from course_utils.checks import check_within
from course_utils.data.splits import NOT_ASKED, split_of
from course_utils.runs import Run, plain
from course_utils.training.arguments import check_optimizer, interval, per_group, planned
from course_utils.training.checkpoints import read_checkpoint, restore, save_checkpoint
from course_utils.training.compute import Compute, pick


class Step:
    """What `train` yields: always the same object, brought up to date after each update.

    t: updates made so far (1 after the first); T: updates planned; epoch: passes over the training set, a float.
    loss: 0-d tensor on the device; float(step.loss) copies it. run: the record so far.
    validated: True if a validation followed this update; its result is run.val[-1].
    """

    def __init__(self, model, optimizer, run: Run, T: int, per_epoch: int):
        self.model, self.optimizer, self.run, self.T, self.per_epoch = model, optimizer, run, T, per_epoch
        self.t, self.loss, self.validated = 0, None, False
        self.by_hand = None  # the rate set by hand, None while the schedule has it

    @property
    def epoch(self) -> float:
        return self.t / self.per_epoch

    @property
    def lr(self) -> float:
        """The learning rate that the last update used, read from the optimizer (first parameter group)."""
        return self.optimizer.param_groups[0]["lr"]

    @lr.setter
    def lr(self, value: float | None):
        """Take the rate of all parameter groups over by hand from the next update on; None gives it back."""
        hint = "None returns to the schedule."
        self.by_hand = None if value is None else check_within("step.lr", value, 0, hint=hint)

    @property
    def momentum(self) -> float:
        """Momentum (beta_1 for Adam) of the last update, read from the optimizer; 0 where it has none."""
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

    data: from `cifar10()` or `stand_in()`, or text (`python_text`): whatever has `batches`, `prepare`, `val`, `source`.
    Give the length as `epochs` or as `updates`.
    schedule: update number t -> learning rate, set before update t for all parameter groups (a list gives
        each group its own); None leaves the optimizer's rate alone. momentum: t -> momentum, or beta_1 for
        Adam. Both are plain functions of t, called with whole numbers.
    seed: fixes the order of the images and their crops and flips; the weights are yours to seed.
    start: number of the first update, to go on with a model that has made `start` updates already.
    validate_every: "epoch", a number of updates, or None. Validation is on data.val; data.test is never touched.
    checkpoint: a file. The whole state goes there every `checkpoint_every` updates (default: every epoch),
        after your loop has seen the step. If the file is there already and belongs to this training, the run goes on
        from it: on a CPU to bitwise the same weights. A finished training then has nothing left to yield.
    config: extra facts for the record: names -> numbers or short texts.

    A loss that is infinite or NaN ends the generator: run.status is "diverged", run.diverged_at says when (looked for
    after every update on a CPU, every 50 on a GPU, where looking costs time). A `break` leaves "stopped". The
    generator's return value is the record. Raises ValueError, at the first step, for arguments out of range.
    """
    compute = compute or pick()
    compute.place(model)
    batches = data.batches(batch_size, seed=seed, augment=augment, device=compute.device)
    T = planned(epochs, updates, len(batches), start)
    every = interval("validate_every", validate_every, len(batches))
    save_every = interval("checkpoint_every", checkpoint_every, len(batches)) or len(batches)
    look_every = 50 if compute.on_gpu else 1
    check_optimizer(model, optimizer, momentum)
    schedules = per_group(schedule, optimizer)
    scaler = torch.amp.GradScaler("cuda") if compute.dtype is torch.float16 else None

    run = _new_run(model, data, optimizer, schedules, T, batch_size, seed, augment, compute, config)
    step = Step(model, optimizer, run, T, len(batches))
    if checkpoint:
        state = dict(model=model, optimizer=optimizer, scaler=scaler, plan=_plan(run, schedules, momentum, T))
        if Path(checkpoint).exists():
            start, run, step.by_hand = restore(read_checkpoint(checkpoint), path=checkpoint, **state)
            if start == T:
                print(f"{checkpoint}: all {T} updates of this training are made, nothing is left to do.")
    step.t, step.run, run.status = start, run, "running"

    try:
        for t in range(start, T):
            _set_rates(optimizer, schedules, momentum, t, step.by_hand)
            loss = _update(model, *batches.get(t), optimizer, scaler, compute)
            step.t, step.loss, step.validated = t + 1, loss, False
            _write_down(run, step, compute)
            last = step.t == T
            bad = _first_bad(run, look_every) if last or step.t % look_every == 0 else None
            if bad is not None:
                _end_diverged(run, bad, model, data, compute)
                step.validated = True
                yield step
                return run
            if every and (last or step.t % every == 0):
                run.val.append((step.t, *evaluate(model, data, "val", compute)))
                step.validated = True
            if last:
                run.status = "finished"
            yield step
            # After the yield, so that the file also holds what the loop did at this step (a rate set by hand).
            if checkpoint and (last or step.t % save_every == 0):
                save_checkpoint(checkpoint, t=step.t, run=run, by_hand=step.by_hand, **state)
    finally:
        if run.status == "running":
            run.status = "finished" if step.t >= T else "stopped"
        run.even_out()
    return run


def fit(*args, **kwargs) -> Run:
    """`train(...)` run to its end without watching; the same arguments. Returns the record.

    With the checkpoint of a finished training it returns that training's record at once.
    """
    steps = train(*args, **kwargs)
    while True:
        try:
            next(steps)
        except StopIteration as end:  # carries what the generator returned
            return end.value


@torch.no_grad()
def evaluate(
    model: torch.nn.Module, data, split: str, compute: Compute | None = None, batch_size: int = 250
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (in [0, 1]) of `model` on one split of `data`, without augmentation.

    split: "train", "val" or "test"; for other images, such as a part of them:
    `evaluate(model, dataclasses.replace(data, val=data.val.take(500)), "val")`. Labels of -100 are not asked for and
    count for nothing (words that a masked-word model is shown). The model is in evaluation mode meanwhile, then as
    before. Raises ValueError for a split that the data does not have.
    """
    batches = split_of(data, split).parts(batch_size)
    compute = compute or pick()
    compute.place(model)
    was_training = model.training
    model.eval()
    loss, right, count = 0.0, 0, 0
    try:
        for inputs, labels in batches:
            labels = labels.to(compute.device)
            with compute.autocast():
                logits = model(data.prepare(inputs.to(compute.device))).float()
            loss = loss + cross_entropy(logits, labels, reduction="sum")
            right = right + (logits.argmax(1) == labels).sum()
            count = count + (labels != NOT_ASKED).sum()
    finally:
        model.train(was_training)
    return float(loss) / int(count), float(right) / int(count)


# ------------------------------------------------------------------------------------------------- one update
def _set_rates(optimizer, schedules, momentum, t, by_hand):
    for group, schedule in zip(optimizer.param_groups, schedules, strict=True):
        if by_hand is not None:
            group["lr"] = by_hand
        elif schedule is not None:
            hint = "A schedule returns the learning rate of update t."
            group["lr"] = check_within(f"schedule({t})", schedule(t), 0, hint=hint)
        if momentum is not None:
            m = check_within(f"momentum({t})", momentum(t), 0, 1, ends="[)")
            if "betas" in group:
                group["betas"] = (m, group["betas"][1])
            else:
                group["momentum"] = m


def _update(model, inputs, labels, optimizer, scaler, compute) -> torch.Tensor:
    """Forward, backward, step. Returns the loss before the update, still on the device."""
    model.train()
    with compute.autocast():
        loss = cross_entropy(model(inputs), labels)
    optimizer.zero_grad(set_to_none=True)
    if scaler:  # float16 gradients would underflow: the loss is multiplied up and the gradients divided again
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    else:
        loss.backward()
        optimizer.step()
    return loss.detach()


def _write_down(run, step, compute):
    run.t.append(step.t)
    run.lr.append(step.lr)
    run.momentum.append(step.momentum)
    # On a GPU the number stays there until somebody looks. On a CPU a kept tensor of 4 bytes would lie between large
    # blocks of two updates, which could then not be used again as one: a language model took 4 MB more an update.
    run.loss_log.append(step.loss if compute.on_gpu else float(step.loss))


def _first_bad(run, look_back) -> int | None:
    """Index of the first loss that is not finite among the last `look_back` updates."""
    first = max(0, len(run.loss_log) - look_back)
    recent = run.loss_log[first:]
    waiting = [x for x in recent if isinstance(x, torch.Tensor)]  # those looked at before are floats by now
    if waiting:
        recent = recent[: -len(waiting)] + torch.stack(waiting).tolist()  # one copy from the device for all
    return next((first + i for i, x in enumerate(recent) if not math.isfinite(x)), None)


def _end_diverged(run, i, model, data, compute):
    for curve in (run.t, run.lr, run.momentum, run.loss_log):
        del curve[i + 1 :]
    run.status, run.diverged_at = "diverged", run.t[i]
    run.val[:] = [v for v in run.val if v[0] < run.diverged_at]  # a GPU may have validated before it looked
    run.val.append((run.diverged_at, *evaluate(model, data, "val", compute)))


# -------------------------------------------------------------------------------------------------- the record
def _new_run(model, data, optimizer, schedules, T, batch_size, seed, augment, compute, config) -> Run:
    group = optimizer.param_groups[0]
    facts = {
        "optimizer": type(optimizer).__name__.lower(),
        "lr": schedules[0](0) if schedules[0] else group["lr"],
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


def _plan(run, schedules, momentum, T) -> dict:
    """What a checkpoint must share with the training that goes on from it."""
    keys = ("optimizer", "lr", "weight_decay", "batch_size", "updates", "augment", "images", "sequences", "parameters")
    plan = {k: run.config[k] for k in keys if k in run.config}
    plan |= {"seed": run.seed, "source": run.source, "dtype": run.dtype}
    probes = sorted({i * (T - 1) // 12 for i in range(13)})  # whole numbers: a schedule may look up a table
    for name, functions in (("schedule", schedules), ("momentum", [momentum])):
        plan[name] = [[round(float(f(t)), 12) for t in probes] if f else None for f in functions]
    return plan
