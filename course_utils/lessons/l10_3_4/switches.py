"""Twelve switches of a fine-tuning, and the loop that they act in.

    run, tail = tune(task("objects").few(5, seed=0), {"freeze", "mixup"}, updates=30, seed=0)

The base, with every switch off: the last four stages learn, at a tenth of the head's rate, under AdamW without weight decay, with
a linear head that begins at zero and BatchNorm kept as ImageNet left it. The loop is that of `train`, written out here
because mixed labels are shares of classes, which `train` does not take.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Switch:
    """off, on: what the two positions mean."""

    off: str
    on: str


SWITCHES = {
    "freeze": Switch("the last four of eight stages learn", "only the last two learn"),
    "layer-wise": Switch("every stage at a tenth of the head's rate", "half the rate for each stage further down"),
    "deep head": Switch("a linear head", "three layers, 1280-128-128-classes"),
    "dropout": Switch("no dropout", "half the inputs of each layer of the head dropped"),
    "decay": Switch("no weight decay", "AdamW's weight decay 0.1, not on BatchNorm and biases"),
    "pull": Switch("free", "L2-SP: pulled back to where they began, strength 300"),
    "norm": Switch("BatchNorm kept as ImageNet left it", "BatchNorm trains, momentum 0.1"),
    "mixup": Switch("no mixup", "mixup, Beta(0.2, 0.2)"),
    "cutmix": Switch("no CutMix", "CutMix, Beta(1, 1)"),
    "randaug": Switch("plain images", "RandAugment, two operations of strength 9"),
    "average": Switch("the last weights", "a moving average of the weights, 0.8"),
    "head start": Switch("the head begins at zero", "the head is trained first, on frozen features"),
}


def tune(
    few: TransferTask,
    on: Collection[str] = (),
    *,
    updates: int,
    seed: int,
    lr: float = LR,
    learn: int = LEARN,
    batch_size: int = BATCH,
    kept: dict | None = None,
    config: dict | None = None,
    test: bool = True,
    see: Callable | None = None,
) -> tuple[Run, Tail]:
    """One fine-tuning with these switches on. Returns its record (`run.test`: accuracy on few.test) and what learned.

    lr: peak rate of the head. learn: stages that learn (with "freeze": two). kept: a dict of yours; in it stays what
    the frozen part makes of the test images, for later runs on the same ones. see: called after each update with what
    `watch_curves` wants. config["train"]: accuracy on the first 100 training images at the end. Raises ValueError for an unknown switch.
    """
    on, compute = checked(on), arithmetic()
    net, tail = start(few, on, seed, learn)
    below = nn.Sequential(*net.backbone.stages[: len(net.backbone.stages) - len(tail.stages)]).eval()
    groups = part_groups(tail, lr, GAMMA if "layer-wise" in on else 1.0, DECAY if "decay" in on else 0.0)
    optimizer = adamw(groups)
    schedules = [partial(cosine, peak=group["lr"], T=updates) for group in optimizer.param_groups]
    if "pull" in on:
        optimizer.register_step_post_hook(pull_back([tail.stages], PULL))
    learning = [w for w in tail.parameters() if w.requires_grad]
    average = [w.detach().clone() for w in learning] if "average" in on else []
    batches = raw(few).batches(batch_size, seed=seed, augment=False, device=compute.device)
    run = Run(config={"scale": "desk", **(config or {})}, seed=seed, source=few.banner(), **compute.facts())
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
            run.t.append(t + 1)
            run.lr.append(optimizer.param_groups[0]["lr"])
            run.momentum.append(0.9)
            run.loss_log.append(loss.item())
            with torch.no_grad():
                for mean, w in zip(average, learning, strict=False):
                    mean.lerp_(w, 1 - KEEP)
            if see:
                see(SimpleNamespace(run=run, t=t + 1, T=updates, validated=False))
    with torch.no_grad():
        for mean, w in zip(average, learning, strict=False):
            w.copy_(mean)
    run.status, seen = (
        "finished",
        replace(few, view=torch.no_grad()(lambda images: below(net.backbone.prepare(images)))),
    )
    kept, name = {} if kept is None else kept, (few.name, len(tail.stages))
    first = replace(seen, train=seen.train.take(min(100, len(seen.train))))
    run.config["train"] = evaluate(tail, first, "train", compute, 50)[1]
    if test:
        if name not in kept:
            kept[name] = torch.cat([seen.view(images) for images in few.test.inputs.split(50)])
        there = replace(seen, test=Split(kept[name], few.test.labels), view=lambda maps: maps)
        run.test = evaluate(tail, there, "test", compute, 50)
    return run, tail


def ask(task: TransferTask, per_class: int, on: Collection[str], switch: str, *, updates: int, seeds) -> tuple:
    """Train a setting and its twin with one switch flipped: (runs with it off, runs with it on), one a seed."""
    on, [switch] = set(checked(on)), checked([switch])
    plan = dict(updates=updates, kept={})
    pairs = [
        [tune(task.few(per_class, seed), names, seed=seed, **plan)[0] for names in (on - {switch}, on | {switch})]
        for seed in seeds
    ]
    return tuple(map(list, zip(*pairs, strict=True)))


def checked(on: Collection[str]) -> frozenset[str]:
    if isinstance(on, str) or (strange := [name for name in on if name not in SWITCHES]):
        what = on if isinstance(on, str) else ", ".join(map(str, strange))
        raise ValueError(f"unknown switch {what!r}: give a list or set out of {', '.join(SWITCHES)}.")
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
    layers = [
        nn.Linear(width, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
    ]
    return nn.Sequential(*layers, last)


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
def stage_rates(stages: int, lr: float, ratio: float = RATIO, gamma: float = 1.0) -> list[float]:
    """Peak rates of the last `stages` stages, input first: the last at lr / ratio, gamma times less for each below."""
    return [lr / ratio * gamma ** (stages - 1 - k) for k in range(stages)]


def part_groups(tail: Tail, lr: float, gamma: float, decay: float) -> list[dict]:
    """The head, then every stage that learns; each as two groups: matrices, which decay, and vectors, which do not."""
    parts = [(tail.head, lr), *zip(tail.stages, stage_rates(len(tail.stages), lr, RATIO, gamma), strict=True)]
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


# ------------------------------------------------------------------------------------------------------------ images
def raw(few: TransferTask) -> TransferTask:
    """The same task with its batches left as bytes: what RandAugment wants."""
    return replace(few, view=lambda images: images)


def augmented(images: torch.Tensor, labels: torch.Tensor, on, prepare, classes: int):
    """uint8 images, labels -> what the network sees and what it is asked: labels, or shares of classes where mixed."""
    if "randaug" in on:
        strong = v2.RandAugment(num_ops=2, magnitude=9)  # an image at a time, before the normalising
        images = torch.stack([strong(image) for image in images])
    inputs = prepare(images)
    mixes = [("mixup", v2.MixUp, ALPHA_MIXUP), ("cutmix", v2.CutMix, ALPHA_CUTMIX)]
    chosen = [kind(alpha=alpha, num_classes=classes) for name, kind, alpha in mixes if name in on]
    return v2.RandomChoice(chosen)(inputs, labels) if chosen else (inputs, labels)


def damaged(images: torch.Tensor, kind: str) -> torch.Tensor:
    """Test photographs as they may come tomorrow: "noise", "blur", "contrast" or "grey". uint8 in and out."""
    x = images.float()
    if kind == "noise":
        x = x + 25 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    elif kind == "blur":
        x = nn.functional.avg_pool2d(nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)
    elif kind == "contrast":
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + 0.4 * (x - mean)
    elif kind == "grey":
        x = x.mean(1, keepdim=True).expand_as(x)
    else:
        raise ValueError(f"unknown damage {kind!r}: choose noise, blur, contrast or grey.")
    return x.round().clamp(0, 255).to(torch.uint8)
