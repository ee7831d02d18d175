"""A training that can be judged at any moment: a constant rate, an average of the weights beside it.

With a decaying rate only the last moment of a run may be judged, and every length needs a run of its own. An average
of the weights is ready at any time (lesson 10.2.6), so here one run gives a whole curve over time.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from course_utils.lessons.l10_3_3.worlds import NEAR, HalfLite
from course_utils.runs import Run
from course_utils.training import WeightAverage, pick, power_ema, recalibrate
from course_utils.transfer import arithmetic

GAMMA = 6.94  # the average's memory grows with the run: about the last eighth of it (Karras et al. 2023)


def moments(updates: int) -> list[int]:
    """8, 16, 32, ... and the last update: when a run is looked at."""
    return [*(2**k for k in range(3, 30) if 2**k < updates), updates]


def journey(
    net: nn.Module,
    data,
    lr: float,
    updates: int,
    *,
    ratio: float = 1.0,
    seed: int = 0,
    batch_size: int = 32,
    test: bool = True,
    facts: dict | None = None,
) -> Run:
    """Train `net` on `data.train`; at every moment judge the average of its weights.

    A loop of its own, because "where" asks for numbers and `train` for classes.

    lr: of AdamW, constant; ratio: the body of a HalfLite learns at lr / ratio. In the record `val` holds
    (update, loss, score) on the validation images, config["tested"] the scores on the test images at the same updates
    (test=True). score: the share of right answers; of "where" the share of hits.
    """
    where = data.name == "where"
    loss_of = mse_loss if where else cross_entropy
    compute = arithmetic()
    compute.place(net)
    groups = [dict(params=net.parameters(), lr=lr)]
    if isinstance(net, HalfLite):
        data = data.seen_by(net)
        groups = [dict(params=net.head.parameters(), lr=lr), dict(params=net.body.parameters(), lr=lr / ratio)]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    size = min(batch_size, len(data.train))
    batches = data.batches(size, seed=seed, augment=not where, device=compute.device)
    average = WeightAverage(net, power_ema(GAMMA))
    run = Run(config=dict(facts or {}), seed=seed, source=data.source, **compute.facts())
    tested, looks = [], set(moments(updates))
    for t in range(updates):
        inputs, labels = batches.get(t)
        loss = loss_of(net(inputs), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(net)
        run.loss_log.append(float(loss.detach()))
        if not math.isfinite(run.loss_log[-1]):
            run.status, run.diverged_at = "diverged", t + 1
            break
        if t + 1 in looks:
            if not getattr(net, "keep_norm", False):  # statistics that fit the averaged weights
                how = dict(batches=8, batch_size=size, seed=seed, augment=not where, compute=compute)
                recalibrate(average.model, data, **how)
            run.val.append((t + 1, *score(average.model, data, "val")))
            if test:
                run.test = score(average.model, data, "test")
                tested.append(run.test[1])
    count = len(run.loss_log)
    run.t, run.lr, run.momentum = list(range(1, count + 1)), [lr] * count, [0.9] * count
    run.status = "finished" if run.status == "running" else run.status
    run.config |= dict(updates=updates, batch_size=size, lr=lr) | ({"tested": tested} if test else {})
    return run


@torch.no_grad()
def score(net: nn.Module, data, split: str) -> tuple[float, float]:
    """(mean loss, share of right answers) on one split; of "where" a right answer lies within two pixels."""
    where, part, device = data.name == "where", getattr(data, split), next(net.parameters()).device
    loss, right = 0.0, 0.0
    net.eval()
    for inputs, labels in part.parts(250):
        labels = labels.to(device)
        with pick().autocast():  # looking is quick in bfloat16; training is not (`arithmetic`)
            outputs = net(data.prepare(inputs.to(device))).float()
        if where:
            loss += float(mse_loss(outputs, labels, reduction="sum")) / 2
            right += float(((outputs - labels).abs() <= NEAR).all(1).sum())
        else:
            loss += float(cross_entropy(outputs, labels, reduction="sum"))
            right += float((outputs.argmax(1) == labels).sum())
    return loss / len(part), right / len(part)
