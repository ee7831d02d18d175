"""Twelve switches of a fine-tuning, and the loop that they act in.

    run, tail = tune(task("objects").few(5, seed=0), {"freeze", "mixup"}, updates=30, seed=0)

The base, with every switch off: the last four stages learn, at a tenth of the head's rate, under AdamW without decay,
with a linear head that begins at zero and BatchNorm as ImageNet left it. The loop is that of `train`, written out here
because mixed labels are shares of classes, which `train` does not take.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.transforms import v2

from course_utils.data.splits import Split
from course_utils.runs import Run
from course_utils.schedules import cosine
from course_utils.training.loop import evaluate, fit
from course_utils.training.models import seeded
from course_utils.transfer import Classifier, Tail, TransferTask, arithmetic, backbone, features
from course_utils.transfer.backbones import norms
from course_utils.transfer.finetune import Activations

SIZE, LR, RATIO, BATCH = 48, 1e-3, 10.0, 16  # pixels; peak rate of the head, the stages get a tenth
LEARN, FEWER, GAMMA, DROPOUT = 4, 2, 0.5, 0.5  # stages that learn, and with the switch "freeze"
DECAY, PULL, KEEP = 0.1, 300.0, 0.8  # of AdamW; towards the start; share of the old average that the EMA keeps
ALPHA_MIXUP, ALPHA_CUTMIX, PROBE_UPDATES = 0.2, 1.0, 100


SWITCHES = {  # name -> what it means when it is on
    "freeze": "only the last two of eight stages learn, not the last four",
    "layer-wise": "half the rate for each stage further down",
    "deep head": "a head of three layers, 1280-128-128-classes, not one",
    "dropout": "half the inputs of each layer of the head dropped",
    "decay": "AdamW's weight decay 0.1, not on BatchNorm and biases",
    "pull": "L2-SP: the stages are pulled back to where they began, strength 300",
    "norm": "BatchNorm trains, momentum 0.1; otherwise it stays as ImageNet left it",
    "mixup": "mixup, Beta(0.2, 0.2)",
    "cutmix": "CutMix, Beta(1, 1); with mixup, one of the two for each batch",
    "randaug": "RandAugment, two operations of strength 9",
    "average": "a moving average of the weights, 0.8",
    "head start": "the head is trained first, on frozen features; otherwise it begins at zero",
}


def tune(
    few: TransferTask,
    on: Collection[str] = (),
    *,
    updates: int,
    seed: int,
    lr: float = LR,
    learn: int = LEARN,
    memory: dict | None = None,
    config: dict | None = None,
    test: bool = True,
    see: Callable | None = None,
) -> tuple[Run, Tail]:
    """One fine-tuning with these switches on. Returns its record (`run.test`: accuracy on few.test) and what learned.

    lr: peak rate of the head. learn: stages that learn (with "freeze": two). memory: a dict of yours, for what the
    frozen part makes of the test images. see: called after each update with what `watch_curves` wants. config["train"]:
    accuracy on the first 100 training images at the end. Raises ValueError for an unknown switch.
    """
    on, compute = checked(on), arithmetic()
    net, tail = start(few, on, seed, learn)
    compute.place(net)
    below = nn.Sequential(*net.backbone.stages[: len(net.backbone.stages) - len(tail.stages)]).eval()
    optimizer = adamw(part_groups(tail, lr, GAMMA if "layer-wise" in on else 1.0, DECAY if "decay" in on else 0.0))
    schedules = [partial(cosine, peak=group["lr"], T=updates) for group in optimizer.param_groups]
    if "pull" in on:
        optimizer.register_step_post_hook(pull_back([tail.stages], PULL))
    learning = [w for w in tail.parameters() if w.requires_grad]
    average = [w.detach().clone() for w in learning] if "average" in on else []
    raw = replace(few, view=lambda images: images)  # bytes, as RandAugment wants them
    batches = raw.batches(BATCH, seed=seed, augment=False, device=compute.device)
    run = Run(config={"scale": "desk", **(config or {})}, seed=seed, source=few.banner(), **compute.facts())
    curves = (run.t, run.lr, run.momentum, run.loss_log)
    with torch.random.fork_rng():
        torch.manual_seed(1000 + seed)
        for t in range(updates):
            for group, schedule in zip(optimizer.param_groups, schedules, strict=True):
                group["lr"] = schedule(t)
            inputs, targets = augmented(*batches.get(t), on, net.backbone.prepare, len(few.classes))
            tail.train()
            with torch.no_grad():  # frozen: no gradient, and BatchNorm in evaluation mode
                inputs = below(inputs)
            loss = cross_entropy(tail(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            for curve, value in zip(curves, (t + 1, optimizer.param_groups[0]["lr"], 0.9, loss.item()), strict=True):
                curve.append(value)
            with torch.no_grad():
                for mean, w in zip(average, learning, strict=False):
                    mean.lerp_(w, 1 - KEEP)
            if see:
                see(SimpleNamespace(run=run, t=t + 1, T=updates, validated=False))
    with torch.no_grad():
        for mean, w in zip(average, learning, strict=False):
            w.copy_(mean)
    run.status, seen = "finished", replace(few, view=lambda images: below(net.backbone.prepare(images)))
    memory, name = {} if memory is None else memory, (few.test.inputs.data_ptr(), len(tail.stages))
    first = replace(seen, train=seen.train.take(min(100, len(seen.train))))
    run.config["train"] = evaluate(tail, first, "train", compute, 50)[1]
    if test:
        if name not in memory:
            with torch.no_grad():
                memory[name] = torch.cat([seen.view(images) for images in few.test.inputs.split(50)])
        final = replace(seen, test=Split(memory[name], few.test.labels), view=lambda maps: maps)
        run.test = evaluate(tail, final, "test", compute, 50)
    return run, tail


def checked(on: Collection[str]) -> frozenset[str]:
    if strange := {on} if isinstance(on, str) else set(on) - set(SWITCHES):
        raise ValueError(f"unknown switch {strange}: give a list or set out of {', '.join(SWITCHES)}.")
    return frozenset(on)


# ------------------------------------------------------------------------------------------------------- the network
def start(few: TransferTask, on: Collection[str] = (), seed: int = 0, learn: int = LEARN) -> tuple[Classifier, Tail]:
    """The network and the part of it that learns, before the first update."""
    on, classes = checked(on), len(few.classes)
    net = Classifier(deepcopy(_pretrained()), classes, dropout=DROPOUT if "dropout" in on else 0.0)
    if "deep head" in on:
        net.head = seeded(partial(_deep, net.backbone.width, classes, net.dropout.p), seed)
    net.backbone.keep_norm = "norm" not in on
    if "norm" in on:
        for norm in norms(net):
            norm.momentum = 0.1  # this family's own 0.01 would keep three quarters of ImageNet's statistics
    if "head start" in on:
        _head_start(net, few, seed)
    return net, Tail(net, FEWER if "freeze" in on else learn)


@lru_cache(maxsize=1)
def _pretrained():
    return backbone(size=SIZE)


def _deep(width: int, classes: int, dropout: float) -> nn.Sequential:
    last = nn.Linear(128, classes)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    drop = nn.Dropout(dropout)
    return nn.Sequential(nn.Linear(width, 128), nn.ReLU(), drop, nn.Linear(128, 128), nn.ReLU(), drop, last)


def _head_start(net: Classifier, few: TransferTask, seed: int) -> None:
    """Train the head alone, on the features of the frozen backbone."""
    head = Tail(net, 0)
    rows = features(_pretrained(), few.train.inputs, compute=arithmetic())
    data = Activations(**{**vars(few), "train": replace(few.train, inputs=rows)})
    optimizer = torch.optim.AdamW(head.head.parameters(), weight_decay=0.0)
    plan = dict(updates=PROBE_UPDATES, batch_size=BATCH, seed=seed, augment=False, validate_every=None)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fit(head, data, optimizer, partial(cosine, peak=LR, T=PROBE_UPDATES), compute=arithmetic(), **plan)


# ------------------------------------------------------------------------------------------------- rates and decay
def part_groups(tail: Tail, lr: float, gamma: float, decay: float) -> list[dict]:
    """Head and stages, each as two groups: matrices, which decay, and vectors (BatchNorm, biases), which do not."""
    parts = [(tail.head, lr)]  # then the stages from the top, gamma times less for each below
    parts += [(stage, lr / RATIO * gamma**depth) for depth, stage in enumerate(reversed(list(tail.stages)))]
    groups = []
    for part, peak in parts:
        matrices, vectors = ([w for w in part.parameters() if (w.ndim > 1) is big] for big in (True, False))
        groups += [dict(params=matrices, lr=peak, weight_decay=decay), dict(params=vectors, lr=peak, weight_decay=0.0)]
    return [group for group in groups if group["params"]]


def adamw(groups: list[dict]) -> torch.optim.AdamW:
    """AdamW without decay where a group asks for none; fused where this PyTorch can: a fifth of the time."""
    try:
        return torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
    except RuntimeError:  # before 2.4 only on a GPU
        return torch.optim.AdamW(groups, weight_decay=0.0)


def pull_back(parts, strength: float):
    """L2-SP as a hook after each step: what has moved goes back by lr * strength of its way (Li et al. 2018)."""
    home = {w: w.detach().clone() for part in parts for w in part.parameters() if w.requires_grad}

    @torch.no_grad()
    def hook(optimizer, *_):
        for group in optimizer.param_groups:
            for w in group["params"]:
                if w in home:
                    w.lerp_(home[w], min(1.0, group["lr"] * strength))

    return hook


def augmented(images: torch.Tensor, labels: torch.Tensor, on, prepare, classes: int):
    """uint8 images, labels -> what the network sees and what it is asked: labels, or shares of classes where mixed."""
    if "randaug" in on:
        strong = v2.RandAugment(num_ops=2, magnitude=9)  # an image at a time, before the normalising
        images = torch.stack([strong(image) for image in images])
    inputs = prepare(images)
    mixes = [("mixup", v2.MixUp, ALPHA_MIXUP), ("cutmix", v2.CutMix, ALPHA_CUTMIX)]
    chosen = [kind(alpha=alpha, num_classes=classes) for name, kind, alpha in mixes if name in on]
    return v2.RandomChoice(chosen)(inputs, labels) if chosen else (inputs, labels)
