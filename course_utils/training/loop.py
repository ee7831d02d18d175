"""Training as a generator: `for step in train(...)` yields after every update; whoever loops watches and steers.

for step in train(model, data, optimizer, schedule, epochs=8):
    if step.validated:
        print(step.t, step.run.val[-1])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from course_utils.checks import check_within
from course_utils.data.splits import NOT_ASKED, check_labels, check_logits, split_of
from course_utils.runs import Run
from course_utils.training.arguments import (
    LARGEST,
    check_optimizer,
    interval,
    momentum_at,
    per_group,
    plain_number,
    planned,
    rate,
)
from course_utils.training.checkpoints import check_can_be_kept, read_checkpoint, restore, save_checkpoint
from course_utils.training.compute import Compute, pick
from course_utils.training.plan import new_run, plan_of


class Step:
    """What `train` yields: always the same object, brought up to date after each update.

    t: updates made so far (1 after the first); T: updates planned; epoch: passes over the training set, a float.
    loss: 0-d tensor on the device; float(step.loss) copies it. run: the record so far.
    validated: True if a validation followed this update; its result is run.val[-1].
    skipped: True if float16 gradients overflowed and the weights were left as they are.
    """

    def __init__(self, model, optimizer, run: Run, T: int, per_epoch: int):
        self.model, self.optimizer, self.run, self.T, self.per_epoch = model, optimizer, run, T, per_epoch
        self.t, self.loss, self.validated, self.skipped = 0, None, False, False
        self.by_hand = None  # the rate set by hand, None while the schedule has it

    @property
    def epoch(self) -> float:
        return self.t / self.per_epoch

    @property
    def lr(self) -> float:
        """The learning rate that the last update used, read from the optimizer (first parameter group)."""
        return plain_number(self.optimizer.param_groups[0]["lr"])

    @lr.setter
    def lr(self, value: float | None):
        """Take the rate over by hand from the next update on; other groups keep their ratio. None gives it back."""
        hint = "None returns to the schedule."
        self.by_hand = None if value is None else check_within("step.lr", value, 0, LARGEST, hint=hint)

    @property
    def momentum(self) -> float:
        """Momentum (beta_1 for Adam) of the last update, read from the optimizer; 0 where it has none."""
        group = self.optimizer.param_groups[0]
        return plain_number(group["betas"][0] if "betas" in group else group.get("momentum", 0.0))


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
    also: Mapping[str, object] | None = None,
    compute: Compute | None = None,
    config: dict | None = None,
) -> Iterator[Step]:
    """Train a classifier with cross-entropy, one yield an update.

    data: from `cifar10()` or `stand_in()`, or text (`python_text`): whatever has `batches`, `prepare`, `val`, `source`.
    Give the length as `epochs` or as `updates`.
    schedule: update number t -> learning rate, set before update t for all parameter groups (a list gives
        each group its own); None leaves the optimizer's rate alone. momentum: t -> momentum, or beta_1 for
        Adam. Both are plain functions of t, called with whole numbers (with a checkpoint, first with all of them).
    seed: fixes the order of the images and their crops and flips; the weights are yours to seed.
    start: number of the first update, to go on with a model that has made `start` updates already.
    validate_every: "epoch", a number of updates, or None. Validation is on data.val; data.test is never touched.
    checkpoint: a file. The whole state goes there every `checkpoint_every` updates (default: every epoch), after your
        loop has seen the step. If the file is there already and belongs to this training, the run goes on from it: on a
        CPU to bitwise the same weights, for a network that draws from the global random numbers of PyTorch, NumPy or
        Python. A finished training then has nothing left to yield.
    also: name -> what your loop moves along and the checkpoint must keep, too: a scheduler of PyTorch's, averaged
        weights, whatever has state_dict() and load_state_dict().
    config: extra facts for the record: names -> numbers or short texts.

    Layers that are in evaluation mode while the model is in training mode stay so (a BatchNorm whose statistics are
    kept); a model that is in evaluation mode as a whole is put into training mode. A batch without a single label
    that is asked for (all -100) counts nothing: no update, and in the record the loss before it.
    A loss that is infinite or NaN ends the generator: run.status is "diverged", run.diverged_at says when (looked for
    after every update on a CPU, every 50 on a GPU, where looking costs time). A `break` leaves "stopped". The
    generator's return value is the record. Raises ValueError, at the first step, for arguments out of range, labels
    that do not fit the model, an optimizer that does not belong to it or could move nothing, and the checkpoint of
    another training (it names what differs); OSError where the checkpoint cannot be written. Warns of parameters that
    could learn and are in no group of the optimizer.
    """
    compute = compute or pick()
    compute.place(model)
    batches = data.batches(batch_size, seed=seed, augment=augment, device=compute.device)
    T = planned(epochs, updates, len(batches), start)
    every = interval("validate_every", validate_every, len(batches))
    save_every = interval("checkpoint_every", checkpoint_every, len(batches)) or len(batches)
    look_every = 50 if compute.on_gpu else 1
    schedules = per_group(schedule, optimizer)
    check_optimizer(model, optimizer, schedules, momentum)
    highest, some_ask_nothing = check_labels(data.train, "train")
    if every:
        highest = max(highest, check_labels(data.val, "val")[0])
    still = [module for module in model.modules() if not module.training] if model.training else []
    scaler = None
    if compute.dtype is torch.float16:
        scaler = torch.amp.GradScaler("cuda") if hasattr(torch.amp, "GradScaler") else torch.cuda.amp.GradScaler()

    run = new_run(model, data, optimizer, schedules, T, batch_size, seed, augment, compute, config)
    step = Step(model, optimizer, run, T, len(batches))
    if checkpoint is not None:
        facts = dict(start=start, validate_every=every, device=compute.device.type, also=sorted(also or {}))
        plan = plan_of(model, data, optimizer, schedules, momentum, run, T, **facts)
        state = dict(model=model, optimizer=optimizer, scaler=scaler, plan=plan, also=also or {})
        check_can_be_kept(checkpoint, schedules=schedules, **state)
        if Path(checkpoint).exists():
            start, run, step.by_hand = restore(read_checkpoint(checkpoint), path=checkpoint, **state)
            if start == T:
                print(f"{checkpoint}: all {T} updates of this training are made, nothing is left to do.")
    step.t, step.run, run.status = start, run, "running"

    try:
        for t in range(start, T):
            _set_rates(optimizer, schedules, momentum, t, step.by_hand)
            inputs, labels = batches.get(t)
            if not some_ask_nothing or batches.asks(t, labels):
                step.loss, step.skipped = _update(model, inputs, labels, highest, optimizer, scaler, compute, still)
            elif step.loss is None:  # nothing was asked, nothing moved
                step.loss = torch.tensor(run.loss[-1] if run.loss else 0.0, device=compute.device)
            step.t, step.validated = t + 1, False
            _write_down(run, step, compute)
            last = step.t == T
            validates = every and (last or step.t % every == 0)
            bad = _first_bad(run, look_every) if last or validates or step.t % look_every == 0 else None
            if bad is not None:
                _end_diverged(run, bad, model, data, compute)
                step.validated = True
                yield step
                return run
            if validates:
                run.val.append((step.t, *evaluate(model, data, "val", compute)))
                step.validated = True
            if last:
                run.status = "finished"
            yield step
            # After the yield, so that the file also holds what the loop did at this step (a rate set by hand).
            if checkpoint is not None and (last or step.t % save_every == 0):
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
    count for nothing (words that a masked-word model is shown). The model is in evaluation mode meanwhile, then each
    layer as before. Raises ValueError for a split that the data does not have, that asks nothing, or whose labels do
    not fit the model.
    """
    part = split_of(data, split)
    highest, _ = check_labels(part, split)
    compute = compute or pick()
    compute.place(model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    loss, right, count = 0.0, 0, 0
    try:
        for inputs, labels in part.parts(batch_size):
            labels = labels.to(compute.device)
            with compute.autocast():
                logits = model(data.prepare(inputs.to(compute.device)))
            check_logits(logits, labels, highest)
            logits = logits.float()
            loss = loss + cross_entropy(logits, labels, reduction="sum")
            right = right + (logits.argmax(1) == labels).sum()
            count = count + (labels != NOT_ASKED).sum()
    finally:
        for module, mode in modes:
            module.training = mode
    return float(loss) / int(count), float(right) / int(count)


# ------------------------------------------------------------------------------------------------- one update
def _set_rates(optimizer, schedules, momentum, t, by_hand):
    for group, schedule in zip(optimizer.param_groups, schedules, strict=True):
        if schedule is not None:
            group["lr"] = rate(schedule, t)
        if momentum is not None:
            m = momentum_at(momentum, t)
            if "betas" in group:
                group["betas"] = (m, group["betas"][1])
            else:
                group["momentum"] = m
    if by_hand is not None:
        rates = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = by_hand if group["lr"] == rates[0] or not rates[0] else by_hand * group["lr"] / rates[0]


def _update(model, inputs, labels, highest, optimizer, scaler, compute, still) -> tuple[torch.Tensor, bool]:
    """Forward, backward, step. Returns the loss before the update, still on the device, and whether it was skipped."""
    model.train()
    for module in still:
        module.training = False
    with compute.autocast():
        logits = model(inputs)
        check_logits(logits, labels, highest)
        loss = cross_entropy(logits, labels)
    optimizer.zero_grad(set_to_none=True)
    if scaler:  # float16 gradients would underflow: the loss is multiplied up and the gradients divided again
        scaler.scale(loss).backward()
        before = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()  # to a smaller scale after infinite gradients, which made no step
        return loss.detach(), scaler.get_scale() < before
    loss.backward()
    optimizer.step()
    return loss.detach(), False


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
