"""Table 10.3.4-walk: in weight space, and from scratch. All on objects, test images.

**segment**: 11 points on the line from a network whose head alone was trained (linear probe) to the same network
fine-tuned (Wortsman et al. 2021, WiSE-FT); **head**: fine-tuned from a zero head; **soup**: four fine-tunings from one
start, the mean of their weights, and their ensemble; **strangers**: two small nets from scratch, and their mean;
**batch**: small nets from scratch, with and without BatchNorm, in small and large batches, at the best of four rates.
`run.test`: accuracy on 500 test photographs; config["shifted"]: the mean over noise, blur, low contrast and grey.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache, partial

from course_utils.runs import Run

SEEDS, PER_CLASS, UPDATES = range(11, 16), 20, 30
SHARES = [round(0.1 * k, 1) for k in range(11)]
SOUP = ("head start", "head start+randaug", "head start+mixup", "head start+layer-wise")
BATCHES, RATES, RATE_SEED = {8: 500, 256: 100}, (0.01, 0.03, 0.1, 0.3), 5
KINDS = ("noise", "blur", "contrast", "grey")
TEST, SHIFTED, POINTS = 500, 250, 10


def jobs() -> list[dict]:
    """One dict of settings a run. lr=0.0 of a batch: the best rate by validation."""
    plan = [dict(kind="segment", share=share, seed=seed) for seed in SEEDS for share in SHARES]
    plan += [dict(kind="head", what="zero head", seed=seed) for seed in SEEDS]
    plan += [dict(kind="soup", what=what, seed=seed) for seed in SEEDS[:3] for what in (*SOUP, "soup", "ensemble")]
    plan += [dict(kind="strangers", what=what, seed=seed) for seed in SEEDS[:3] for what in ("net", "soup")]
    cells = [dict(kind="batch", batch_size=size, norm=norm) for size in BATCHES for norm in (True, False)]
    plan += [dict(cell, lr=lr, seed=RATE_SEED) for cell in cells for lr in RATES]
    return plan + [dict(cell, lr=0.0, seed=seed) for seed in SEEDS[:4] for cell in cells]


def run_one(job: dict) -> Run:
    """Measure the point, or train with the settings, `job`."""
    make = dict(segment=_pretrained, head=_pretrained, soup=_pretrained, strangers=_strangers, batch=_batch)
    return make[job["kind"]](job)


@lru_cache(maxsize=1)
def _pool():
    from course_utils.transfer.tasks import task

    return task("objects", train=2_000, val=500, test=TEST, quiet=True)


def _pretrained(job: dict) -> Run:
    from course_utils.lessons.l10_3_4.switches import start
    from course_utils.transfer import arithmetic

    kind, seed, what = job["kind"], job["seed"], job.get("what", "")
    run, tail = _tuned("" if kind == "head" else what if what in SOUP else SOUP[0], seed)
    models = [deepcopy(tail)]
    if kind == "segment":
        probe = start(_pool().few(PER_CLASS, seed), ["head start"], seed)[1]
        ends = [probe.state_dict(), tail.state_dict()]
        models[0].load_state_dict(_mean(ends, [1 - job["share"], job["share"]]))
    elif what == "ensemble":
        models = [_tuned(on, seed)[1] for on in SOUP]
    elif what == "soup":
        models[0].load_state_dict(_mean([_tuned(on, seed)[1].state_dict() for on in SOUP], [1 / len(SOUP)] * len(SOUP)))
    if kind == "segment" or what in ("soup", "ensemble"):  # made of several runs: no curve of its own
        run = Run(status="finished", source=_pool().banner(), **arithmetic().facts())
    run, (clean, *damaged) = deepcopy(run), _answers(models)
    run.config, run.seed, run.test = (
        {**run.config, **job, "shifted": sum(a for _, a in damaged) / len(KINDS)},
        seed,
        clean,
    )
    return run


def _answers(models) -> list[tuple[float, float]]:
    """(loss, accuracy) on the clean and each kind of damaged photographs; models: their answers are averaged."""
    import torch

    rows = []
    for maps, labels in _asked():
        with torch.no_grad():
            p = sum(torch.cat([m.eval()(x).softmax(1) for x in maps.split(50)]) for m in models) / len(models)
        rows.append((-float(p.gather(1, labels[:, None]).log().mean()), float((p.argmax(1) == labels).double().mean())))
    return rows


def damaged(images, kind: str):
    """Test photographs as they may come tomorrow: one of KINDS. uint8 in and out."""
    import torch
    from torch.nn.functional import avg_pool2d, pad

    x = images.float()
    worse = {
        "noise": lambda: x + 25 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
        "blur": lambda: avg_pool2d(pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1),
        "contrast": lambda: 0.6 * x.mean((1, 2, 3), keepdim=True) + 0.4 * x,
        "grey": lambda: x.mean(1, keepdim=True).expand_as(x),
    }
    return worse[kind]().round().clamp(0, 255).to(torch.uint8)


@lru_cache(maxsize=1)
def _asked() -> list:
    """(activations at the cut, labels) of the clean and of the damaged photographs: the frozen part never changes."""
    from course_utils.lessons.l10_3_4.switches import LEARN, start
    from course_utils.transfer.finetune import at_cut

    test, net = _pool().test, start(_pool())[0]
    sets = [test.inputs] + [damaged(test.inputs[:SHIFTED], kind) for kind in KINDS]
    return [(at_cut(net, images, LEARN), test.labels[: len(images)]) for images in sets]


@lru_cache(maxsize=8)
def _tuned(on: str, seed: int):
    from course_utils.lessons.l10_3_4.switches import tune

    names = [name for name in on.split("+") if name]
    return tune(_pool().few(PER_CLASS, seed), names, updates=UPDATES, seed=seed, test=False)


def _mean(states: list[dict], shares: list[float]) -> dict:
    """Weighted mean of state dictionaries; whole numbers (BatchNorm's counters) are those of the first."""
    return {
        name: sum(a * s[name] for a, s in zip(shares, states, strict=True)) if first.is_floating_point() else first
        for name, first in states[0].items()
    }


# ------------------------------------------------------------------------------------------------------ from scratch
@lru_cache(maxsize=20)
def _scratch(norm: bool, lr: float, seed: int, updates: int, batch_size: int):
    import torch

    from course_utils.schedules import cosine
    from course_utils.training import fit, small_conv_net
    from course_utils.transfer import arithmetic

    model = small_conv_net(norm=norm, seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    plan = dict(updates=updates, batch_size=batch_size, seed=seed, validate_every=updates, compute=arithmetic())
    return fit(model, _pool(), optimizer, partial(cosine, peak=lr, T=updates), **plan), model


def _strangers(job: dict) -> Run:
    from course_utils.training import evaluate, recalibrate
    from course_utils.transfer import arithmetic

    run, model = deepcopy(_scratch(True, 0.1, job["seed"], 200, 64))
    if job["what"] == "soup":
        other = _scratch(True, 0.1, job["seed"] + 100, 200, 64)[1]
        model.load_state_dict(_mean([model.state_dict(), other.state_dict()], [0.5, 0.5]))
        recalibrate(model, _pool(), compute=arithmetic())  # the statistics are those of neither net: measured anew
    run.config, run.test = {**run.config, **job}, evaluate(model, _pool(), "test", arithmetic())
    return run


def _batch(job: dict) -> Run:
    from course_utils.training import evaluate
    from course_utils.transfer import arithmetic

    size, norm, seed = job["batch_size"], job["norm"], job["seed"]
    tried = {lr: _scratch(norm, lr, RATE_SEED, BATCHES[size], size)[0] for lr in RATES}
    lr = job["lr"] or max(RATES, key=lambda lr: tried[lr].final_accuracy)
    run, model = deepcopy(_scratch(norm, lr, seed, BATCHES[size], size))
    run.config |= {**job, "rate": lr}
    run.test = None if seed == RATE_SEED else evaluate(model, _pool(), "test", arithmetic())
    return run
