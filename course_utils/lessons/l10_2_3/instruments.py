"""Eight instruments, each really run on a patient: name -> (price in updates, what it does).

`examine(patient, "overfit 5 batches")` gives {"overfit 5 batches: loss": 0.02, ...}. Ratios are read as their logarithm
to base ten, since there a factor counts. A loss above 10 or not finite reads 10.
"""

from __future__ import annotations

import math

import torch

from course_utils.lessons.l10_2_3.pipeline import BATCH, TINY, Patient

SWEEP = (1e-1, 1e-2, 1e-3, 1e-4)  # the lecture's
BY_HEART, TRIED, STREAM, EPOCH = 70, 15, 25, 80  # updates: learned by heart, one rate, one baseline, short epoch
HIGHEST, LOWEST = 10.0, -6.0


def updates(patient: Patient, planned: int) -> int:
    return max(4, round(planned * patient.bench.share))  # fewer in a dry run


def clipped(loss: float) -> float:
    return max(-HIGHEST, min(loss, HIGHEST)) if math.isfinite(loss) else HIGHEST


def log10(value: float) -> float:
    return clipped(max(LOWEST, math.log10(value))) if 0 < value < math.inf else LOWEST if value == 0 else HIGHEST


def initial_loss(patient: Patient) -> dict:
    """Loss before the first update, training mode, nothing that regularises; how far images differ in it."""
    net, _ = patient.start()
    net.train(not patient.has("eval() in training"))
    images, labels = patient.images[: TINY * BATCH], patient.labels[: TINY * BATCH]
    with torch.no_grad():
        logits = net(images).float()
        loss = float(patient.loss(logits, labels))
    return {"loss": clipped(loss), "spread of the logits": log10(float(logits.std(0).mean()))}


def first_update(patient: Patient) -> dict:
    """How far the first update moves each layer: |change| / |weights|, the largest and the smallest."""
    net, optimizer = patient.start(regularised=False)
    before = [weight.detach().clone() for weight in net.parameters()]
    patient.update(net, optimizer, *patient.batch(0, augment=False))
    pairs = [(new, old) for new, old in zip(net.parameters(), before, strict=True) if old.dim() > 1]
    moved = [float((new.detach() - old).norm() / old.norm().clamp_min(1e-12)) for new, old in pairs]
    return {"largest": log10(max(moved)), "smallest": log10(min(moved))}


def dependency(patient: Patient) -> dict:
    """Evaluation mode: how much an image's scores hang on the *other* images of its batch. Ought to be nothing."""
    net, _ = patient.start()
    net.eval()
    images = patient.images[:8].clone().requires_grad_(True)
    patient.scores(net(images).float())[0].square().sum().backward()
    slopes = images.grad.abs().flatten(1).sum(1)
    own, others = float(slopes[0]), float(slopes[1:].sum())
    return {"others' share": log10(others / (own + others) if own + others > 0 else 0.0)}


def by_heart(patient: Patient, shuffle: bool = False) -> dict:
    """Five batches, again and again, nothing that regularises: loss and accuracy on them at the end."""
    net, optimizer = patient.start(regularised=False)
    count = TINY * BATCH
    original = patient.labels
    if shuffle:
        order = torch.randperm(count, generator=torch.Generator().manual_seed(patient.seed))
        patient.labels = original[:count][order]
    losses, right = [], 0.0
    for t in range(updates(patient, BY_HEART)):
        losses.append(patient.update(net, optimizer, *patient.batch(t, augment=False, among=count)))
    with torch.no_grad():
        for t in range(TINY):
            images, labels = patient.batch(t, augment=False, among=count)
            right += float((net(images).argmax(1) == labels).float().mean()) / TINY
    patient.labels = original
    return {"loss": clipped(sum(losses[-TINY:]) / TINY), "accuracy": right}


def stream(patient: Patient, rate: float | None, planned: int, blind: bool = False) -> float:
    """Mean loss of the last ten of so many updates on new images. blind: the net sees zeros instead."""
    net, optimizer = patient.start(rate)
    losses = []
    for t in range(updates(patient, planned)):
        images, labels = patient.batch(t)
        losses.append(patient.update(net, optimizer, images * 0 if blind else images, labels))
        if not math.isfinite(losses[-1]):
            return HIGHEST
    return clipped(sum(losses[-10:]) / len(losses[-10:]))


def sweep(patient: Patient) -> dict:
    """The lecture's four rates and the pipeline's own: the lowest loss, and how far the own rate is above it."""
    ends = {rate: stream(patient, rate, TRIED) for rate in {*SWEEP, patient.rate}}
    lowest = min(ends[rate] for rate in SWEEP)
    return {"lowest loss": lowest, "own rate above it": ends[patient.rate] - lowest}


def blind_baseline(patient: Patient) -> dict:
    """The same updates with and without images: how much seeing helps, and what can be had without."""
    blind = stream(patient, None, STREAM, blind=True)
    return {"loss without images": blind, "gain by images": blind - stream(patient, None, STREAM)}


def short_epoch(patient: Patient) -> dict:
    """Everything on, the rate falls to zero; then accuracy in evaluation mode on training and validation images."""
    net, optimizer = patient.start()
    T = updates(patient, EPOCH)
    for t in range(T):
        optimizer.param_groups[0]["lr"] = patient.rate * (1 - t / T)
        patient.update(net, optimizer, *patient.batch(t))
    _, train = patient.evaluate(net, patient.images[:512], patient.labels[:512])
    loss, val = patient.evaluate(net, patient.val_images, patient.val_labels)
    return {"training": train, "validation": val, "difference": train - val, "validation loss": clipped(loss)}


INSTRUMENTS = {
    "initial loss": (1, initial_loss),
    "first update": (1, first_update),
    "dependency": (1, dependency),
    "overfit 5 batches": (BY_HEART, by_heart),
    "overfit shuffled": (BY_HEART, lambda patient: by_heart(patient, shuffle=True)),
    "rate sweep": (4 * TRIED, sweep),
    "blind baseline": (2 * STREAM, blind_baseline),
    "short epoch": (EPOCH, short_epoch),
}


PATH = ("initial loss", "overfit 5 batches", "rate sweep", "short epoch")  # the lecture's steps 1, 2, 3 and 4 to 6


def examine(patient: Patient, instrument: str) -> dict[str, float]:
    """Run one instrument: its readings, "instrument: name" -> number. ValueError for an unknown one."""
    if instrument not in INSTRUMENTS:
        raise ValueError(f"there is no instrument {instrument!r}; there are {', '.join(INSTRUMENTS)}.")
    patient.draw.manual_seed(7_000 + patient.seed)  # the same reading whatever was run before
    readings = INSTRUMENTS[instrument][1](patient)
    return {f"{instrument}: {name}": float(value) for name, value in readings.items()}


def instrument_of(reading: str) -> str:
    return reading.split(": ")[0]


def price(instruments) -> int:
    """Updates that these instruments cost together."""
    return sum(INSTRUMENTS[name][0] for name in instruments)
