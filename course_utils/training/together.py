"""Many small networks trained at once, each with its own learning rate, weight decay and momentum (torch.func).

    models = [mlp(hidden=(32,), seed=10) for _ in settings]            # one network a setting, all of one shape
    runs = train_together(models, data, settings, updates=62, batch_size=128, seed=10)

The weights of all networks are stacked, [networks, ...], and one update moves them all; every network sees the same
batches. The results are those of training them one by one, to rounding. It pays where a single network is too small
to keep the processor busy, as multi-layer perceptrons of this size are; small convolutional nets are *slower* together
on a CPU (tests/benchmarks/bench_together.py measures both).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from course_utils.checks import check_within
from course_utils.data.splits import NOT_ASKED, split_of
from course_utils.runs import Run, plain
from course_utils.schedules import cosine
from course_utils.training.arguments import planned
from course_utils.training.compute import Compute, pick

BELOW = {"lr": math.inf, "weight_decay": math.inf, "momentum": 1.0}  # the numbers of a setting, from 0 to below these
USUAL = {"weight_decay": 0.0, "momentum": 0.9}


class Stack:
    """Networks of one shape as one: their weights stacked along a first axis.

    weights: name -> tensor [networks, ...]. `losses_and_gradients` and `logits` work on all networks at once.
    """

    def __init__(self, models: Sequence[torch.nn.Module], compute: Compute | None = None):
        self.compute = compute or pick(dtype="float32")
        self.models = list(models)
        _check_models(self.models)
        self.bare = self.models[0].to(self.compute.device)
        weights, _ = stack_module_state([model.to(self.compute.device) for model in self.models])
        self.weights = {name: w.detach().clone() for name, w in weights.items()}
        self._update = vmap(grad_and_value(self._loss), in_dims=(0, None, None), randomness="different")
        self._forward = vmap(self._logits, in_dims=(0, None))

    def __len__(self) -> int:
        return len(self.models)

    def _logits(self, weights, inputs):
        return functional_call(self.bare, weights, (inputs,))

    def _loss(self, weights, inputs, labels):
        with self.compute.autocast():
            return cross_entropy(self._logits(weights, inputs), labels)

    def gradients_and_losses(self, inputs, labels) -> tuple[dict, torch.Tensor]:
        """name -> gradient [networks, ...], and the loss of each network [networks], on one batch for all."""
        self.bare.train()
        return self._update(self.weights, inputs, labels)

    @torch.no_grad()
    def evaluate(self, data, split: str, batch_size: int = 250) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and accuracy of every network on `split` ("train", "val" or "test"), each [networks]."""
        self.bare.eval()
        loss, right, n = 0.0, 0, 0
        for inputs, labels in split_of(data, split).parts(batch_size):
            labels = labels.to(self.compute.device)
            with self.compute.autocast():
                logits = self._forward(self.weights, data.prepare(inputs.to(self.compute.device))).float()
            flat = labels.expand(len(self), -1)  # [networks, batch]
            loss = loss + cross_entropy(logits.transpose(1, 2), flat, reduction="none").sum(1)
            right = right + (logits.argmax(2) == flat).sum(1)
            n = n + (labels != NOT_ASKED).sum()
        return loss.double() / n, right.double() / n

    def unstack(self) -> None:
        """Write the trained weights back into the networks."""
        with torch.no_grad():
            for n, model in enumerate(self.models):
                for name, weight in model.named_parameters():
                    weight.copy_(self.weights[name][n])


@torch.no_grad()
def sgd_together(weights: Mapping, gradients: Mapping, memory: dict, lr, weight_decay, momentum) -> None:
    """One update of torch.optim.SGD for all networks; lr, weight_decay, momentum: a number for each, [networks].

    weights, gradients: name -> [networks, ...], weights are changed in place. memory: the velocities, name ->
    [networks, ...]; hand over {} at first.
    """
    for name, w in weights.items():
        each = (-1,) + (1,) * (w.dim() - 1)  # one number a network, to be spread over its weights
        v = memory.setdefault(name, torch.zeros_like(w))
        # v = momentum * v + gradient + weight_decay * w;  w = w - lr * v:  in place, no large number is copied
        v.mul_(momentum.view(each)).add_(gradients[name]).addcmul_(weight_decay.view(each), w)
        w.addcmul_(lr.view(each), v, value=-1)


def train_together(
    models: Sequence[torch.nn.Module],
    data,
    settings: Sequence[Mapping],
    *,
    updates: int | None = None,
    epochs: float | None = None,
    batch_size: int = 128,
    seed: int = 0,
    augment: bool = True,
    shape: Callable[[float], float] | None = None,
    compute: Compute | None = None,
) -> list[Run]:
    """Train all networks; one Run each, in the order of the settings, with the losses of all updates.

    settings: one dict a network with "lr", and if wanted "weight_decay" (default 0) and "momentum" (default 0.9).
    shape: share of the training done, in [0, 1), -> factor on the learning rate; default: half a cosine down to 0.
    The other arguments are those of `train`; number format float32 unless `compute` says otherwise. A network whose
    loss is no longer finite is "diverged"; the others do not notice. Validation comes at the end; the trained weights
    are then in `models`.
    Raises ValueError for networks of different shapes or with batch statistics (BatchNorm), and settings out of range.
    """
    stack = Stack(models, compute)
    numbers = _columns(settings, len(stack))
    device = stack.compute.device
    lr, decay, momentum = (torch.tensor(numbers[name], device=device) for name in BELOW)
    batches = data.batches(batch_size, seed=seed, augment=augment, device=device)
    T = planned(epochs, updates, len(batches), 0)
    shape = shape or (lambda share: cosine(share, peak=1.0, T=1.0))
    factors = [
        check_within(f"shape({t}/{T})", shape(t / T), 0, hint="It multiplies the learning rate.") for t in range(T)
    ]
    runs = [_new_run(setting, stack, data, T, batch_size, seed, augment) for setting in settings]
    memory, losses = {}, []
    for t in range(T):
        gradients, loss = stack.gradients_and_losses(*batches.get(t))
        sgd_together(stack.weights, gradients, memory, factors[t] * lr, decay, momentum)
        losses.append(loss)
    _write_down(runs, torch.stack(losses).cpu(), factors, stack.evaluate(data, "val"))
    stack.unstack()
    return runs


# ------------------------------------------------------------------------------------------------------- details
def _check_models(models) -> None:
    if not models or not all(isinstance(model, torch.nn.Module) for model in models):
        raise ValueError(f"models must be a list of networks, got {models!r}.")
    if len({id(model) for model in models}) < len(models):
        raise ValueError("the same network stands twice in models: make a fresh one for each setting.")
    first = {name: w.shape for name, w in models[0].named_parameters()}
    for n, model in enumerate(models):
        if {name: w.shape for name, w in model.named_parameters()} != first or str(model) != str(models[0]):
            raise ValueError(f"network {n} has another shape than network 0: only equal ones can be stacked.")
        if any(True for _ in model.buffers()):
            name = next(model.named_buffers())[0]
            raise ValueError(
                f"network {n} keeps batch statistics ({name}), which cannot be stacked here. Build it without "
                "BatchNorm (norm=False)."
            )


def _columns(settings, n: int) -> dict[str, list[float]]:
    """name -> one number a network. ValueError for a number out of range, an unknown name, another count."""
    if isinstance(settings, (str, Mapping)) or not isinstance(settings, Sequence) or len(settings) != n:
        given = len(settings) if isinstance(settings, Sequence) else repr(settings)
        raise ValueError(f"settings must be a list with one dict for each of the {n} networks, got {given}.")
    for setting in settings:
        if not isinstance(setting, Mapping) or "lr" not in setting or set(setting) - set(BELOW):
            raise ValueError(f"a setting has lr, weight_decay and momentum, only lr is a must; got {setting!r}.")
        for name, value in setting.items():
            check_within(name, value, 0, BELOW[name], ends="[)")
    return {name: [float({**USUAL, **setting}[name]) for setting in settings] for name in BELOW}


def _new_run(setting, stack, data, T, batch_size, seed, augment) -> Run:
    facts = {
        **{"optimizer": "sgd", **USUAL, **setting, "batch_size": batch_size, "updates": T, "augment": augment},
        **{data.counted: len(data.train), "together": len(stack), "settings": dict(setting)},
    }
    return Run(config=plain(facts, "config"), seed=int(seed), source=data.source, **stack.compute.facts())


def _write_down(runs, losses, factors, ends) -> None:
    """Losses [updates, networks] and the end of each network into its Run."""
    val_loss, accuracy = (column.tolist() for column in ends)
    for n, run in enumerate(runs):
        mine = losses[:, n].tolist()
        bad = next((t for t, loss in enumerate(mine) if not math.isfinite(loss)), None)
        length = len(mine) if bad is None else bad + 1
        run.t, run.loss_log = list(range(1, length + 1)), mine[:length]
        run.lr = [run.config["lr"] * factor for factor in factors[:length]]
        run.momentum = [run.config["momentum"]] * length
        run.status, run.diverged_at = ("finished", None) if bad is None else ("diverged", length)
        run.val = [(length, val_loss[n], accuracy[n])]
