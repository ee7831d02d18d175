"""Table 10.3.4-walk: in weight space. All on objects, test images.

**segment**: 11 points on the line from a network whose head alone was trained (linear probe) to the same network
fine-tuned (Wortsman et al. 2022, WiSE-FT); **head**: the three ways to begin; **soup**: four fine-tunings from one
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
HEADS = ("linear probe", "zero head", "head start")
SOUP = ("head start", "head start+randaug", "head start+mixup", "head start+layer-wise")
BATCHES, RATES, RATE_SEED = {8: 500, 256: 100}, (0.01, 0.03, 0.1, 0.3), 5
KINDS = ("noise", "blur", "contrast", "grey")
TEST, SHIFTED = 500, 250
POINTS = 10


def jobs() -> list[dict]:
    """One dict of settings a run."""
    segment = [dict(kind="segment", share=share, seed=seed) for seed in SEEDS for share in SHARES]
    heads = [dict(kind="head", what=what, seed=seed) for seed in SEEDS for what in HEADS[1:2]]
    soups = [dict(kind="soup", what=what, seed=seed) for seed in SEEDS[:3] for what in (*SOUP, "soup", "ensemble")]
    strangers = [dict(kind="strangers", what=what, seed=seed) for seed in SEEDS[:3] for what in ("net", "soup")]
    cells = [(size, norm) for size in BATCHES for norm in (True, False)]
    tries = [dict(kind="batch", batch_size=b, norm=n, lr=lr, seed=RATE_SEED) for b, n in cells for lr in RATES]
    results = [dict(kind="batch", batch_size=b, norm=n, lr=0.0, seed=seed) for seed in SEEDS[:4] for b, n in cells]
    return segment + heads + soups + strangers + tries + results


def run_one(job: dict) -> Run:
    """Measure the point, or train with the settings, `job`. lr=0.0 of a batch: the best rate by validation."""
    make = dict(segment=_segment, head=_head, soup=_soup, strangers=_strangers, batch=_batch)[job["kind"]]
    return make(job)


@lru_cache(maxsize=1)
def _pool():
    from course_utils.transfer.tasks import task

    return task("objects", train=2_000, val=500, test=TEST, quiet=True)


def _few(seed: int):
    return _pool().few(PER_CLASS, seed)


def _record(job: dict, ends: tuple, run: Run | None = None) -> Run:
    """ends: (loss, accuracy) on clean images, accuracy on shifted ones."""
    from course_utils.transfer import arithmetic

    run = run or Run(status="finished", source=_pool().banner(), **arithmetic().facts())
    run.config, run.seed, run.test = {**run.config, **job, "shifted": ends[1]}, job["seed"], ends[0]
    return run


def _ends(tail, models=None) -> tuple:
    """((loss, accuracy) on clean, accuracy on damaged photographs); models: their probabilities are averaged."""
    import torch

    rows = []
    for maps, labels in _asked():
        with torch.no_grad():
            p = torch.stack([torch.cat([m.eval()(x).softmax(1) for x in maps.split(50)]) for m in models or [tail]])
        p = p.mean(0)
        loss = -float(p.gather(1, labels[:, None]).log().mean())
        rows.append((loss, float((p.argmax(1) == labels).double().mean())))
    return rows[0], sum(accuracy for _, accuracy in rows[1:]) / len(KINDS)


@lru_cache(maxsize=1)
def _asked() -> list:
    """(activations at the cut, labels) of the clean and of the damaged photographs: the frozen part never changes."""
    from course_utils.lessons.l10_3_4.switches import LEARN, damaged, start
    from course_utils.transfer.finetune import at_cut

    test, net = _pool().test, start(_few(0))[0]
    sets = [test.inputs] + [damaged(test.inputs[:SHIFTED], kind) for kind in KINDS]
    return [(at_cut(net, images, LEARN), test.labels[: len(images)]) for images in sets]


@lru_cache(maxsize=8)
def _tuned(on: str, seed: int):
    """(record, what learned) of one fine-tuning."""
    from course_utils.lessons.l10_3_4.switches import tune

    return tune(_few(seed), [name for name in on.split("+") if name], updates=UPDATES, seed=seed, test=False)


def _mean(states: list[dict], shares: list[float]) -> dict:
    """Weighted mean of state dictionaries; whole numbers (BatchNorm's counters) are those of the first."""
    return {
        name: sum(share * state[name] for share, state in zip(shares, states, strict=True))
        if first.is_floating_point()
        else first
        for name, first in states[0].items()
    }


def _segment(job: dict) -> Run:
    from course_utils.lessons.l10_3_4.switches import start

    _, tail = _tuned("head start", job["seed"])
    probe = start(_few(job["seed"]), ["head start"], job["seed"])[1]
    point = deepcopy(tail)
    point.load_state_dict(_mean([probe.state_dict(), tail.state_dict()], [1 - job["share"], job["share"]]))
    return _record(job, _ends(point))


def _head(job: dict) -> Run:
    run, tail = _tuned("", job["seed"])
    return _record(job, _ends(tail), deepcopy(run))


def _soup(job: dict) -> Run:
    members = [_tuned(on, job["seed"]) for on in SOUP]
    tails = [tail for _, tail in members]
    if job["what"] in SOUP:
        run, tail = members[SOUP.index(job["what"])]
        return _record(job, _ends(tail), deepcopy(run))
    if job["what"] == "ensemble":
        return _record(job, _ends(None, tails))
    soup = deepcopy(tails[0])
    soup.load_state_dict(_mean([tail.state_dict() for tail in tails], [1 / len(tails)] * len(tails)))
    return _record(job, _ends(soup))


# ------------------------------------------------------------------------------------------------------ from scratch
def _scratch(norm: bool, lr: float, seed: int, updates: int, batch_size: int):
    import torch

    from course_utils.schedules import cosine
    from course_utils.training.loop import fit
    from course_utils.training.models import small_conv_net
    from course_utils.transfer import arithmetic

    model = small_conv_net(norm=norm, seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    plan = dict(updates=updates, batch_size=batch_size, seed=seed, validate_every=updates, compute=arithmetic())
    return fit(model, _pool(), optimizer, partial(cosine, peak=lr, T=updates), **plan), model


@lru_cache(maxsize=2)
def _stranger(seed: int):
    return _scratch(True, 0.1, seed, 200, 64)


def _strangers(job: dict) -> Run:
    from course_utils.training.loop import evaluate
    from course_utils.transfer.backbones import norms

    run, model = _stranger(job["seed"])
    if job["what"] == "soup":
        other = _stranger(job["seed"] + 100)[1]
        model = deepcopy(model)
        model.load_state_dict(_mean([model.state_dict(), other.state_dict()], [0.5, 0.5]))
        for norm in norms(model):  # its statistics are those of no net: measured anew
            norm.reset_running_stats()
            norm.momentum = None
        model.train()
        for images, _ in _pool().train.parts(250):
            model(_pool().prepare(images))
    run = deepcopy(run)
    run.config, run.seed, run.test = {**run.config, **job}, job["seed"], evaluate(model, _pool(), "test")
    return run


@lru_cache(maxsize=16)
def _tried(batch_size: int, norm: bool, lr: float) -> Run:
    return _scratch(norm, lr, RATE_SEED, BATCHES[batch_size], batch_size)[0]


def _batch(job: dict) -> Run:
    from course_utils.training.loop import evaluate

    size, norm = job["batch_size"], job["norm"]
    if job["seed"] == RATE_SEED:
        run = deepcopy(_tried(size, norm, job["lr"]))
        run.config |= {**job, "rate": job["lr"]}
        return run
    lr = max(RATES, key=lambda lr: _tried(size, norm, lr).final_accuracy)
    run, model = _scratch(norm, lr, job["seed"], BATCHES[size], size)
    run.config, run.test = {**run.config, **job, "rate": lr}, evaluate(model, _pool(), "test")
    return run
