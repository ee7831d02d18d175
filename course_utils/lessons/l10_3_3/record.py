"""Table 10.3.3: pretrained against scratch over time and data, and a home-made pretraining whose price is known.

Half of EfficientNet-Lite0, pretrained or from scratch, and the small net from scratch, on four tasks; the
small net, grown up on five classes of CIFAR-10 or on something else, on the other five. Every run is a curve over
time (see `journeys.py`). The rate of each side and size is chosen by the validation images with seed 5; seeds 0 to 2
report, on test images. About a quarter of an hour on one core.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache

from course_utils.runs import Run

SIZES = {"objects": (5, 20, 80, 320), "digits": (5, 20, 80), "angles": (5, 20, 80, 320), "where": (5, 20, 80, 320)}
UPDATES = {5: 32, 20: 64, 80: 128, 320: 256}  # of half of Lite0; the small net makes twice as many
CELL = ("task", "net", "start", "per_class", "updates")
HOME = "the other five"
HOME_UPDATES = {5: 64, 20: 128, 80: 256, 320: 512, 1_000: 1_024}
PRICE = 500  # updates of the home-made pretraining
BATCH = {HOME: 16}  # images an update
CHOICE, SEEDS = 5, (0, 1, 2)
HIGH, LOW = (3e-3, 1e-2, 3e-2), (1e-3, 3e-3, 1e-2)  # of the small net; of half of Lite0
STARTS, STARTS_HALF = ("scratch", "home-made", "shuffled", "random labels", "far source"), ("pretrained", "scratch")
SCHOOLS, CONTROLLED = ("home-made", "random labels", "far source"), (5, 20, 80, 320)
POINTS = 8


def cells() -> list[dict]:
    """Everything that has a rate of its own: task, network, start, images a class, updates."""
    cells = [(HOME, "small", start, n, HOME_UPDATES[n]) for start in STARTS[:2] for n in HOME_UPDATES]
    cells += [(HOME, "small", start, n, HOME_UPDATES[n]) for start in STARTS[2:] for n in CONTROLLED]
    for task, sizes in SIZES.items():
        for n in sizes:
            cells += [(task, "half", start, n, UPDATES[n]) for start in STARTS_HALF]
            cells += [(task, "small", "scratch", n, 2 * UPDATES[n])]
    return [dict(zip(CELL, cell, strict=True)) for cell in cells]


def jobs() -> list[dict]:
    """In every cell three rates with seed 5 and three seeds at the best of them; then what each school was like."""
    jobs = []
    for cell in cells():
        rates = HIGH if cell["net"] == "small" else LOW
        jobs += [dict(**cell, lr=lr, seed=CHOICE, purpose="rate") for lr in rates]
        jobs += [dict(**cell, lr="best", seed=seed, purpose="result") for seed in SEEDS]
    for start in dict.fromkeys(cell["start"] for cell in cells() if cell["start"] in SCHOOLS):
        school = dict(task="five", net="small", start=start, per_class=1_000, updates=PRICE, lr=1e-2)
        jobs += [dict(**school, seed=seed, purpose="price") for seed in (CHOICE, *SEEDS)]
    return jobs


def run_one(job: dict) -> Run:
    """Make the run of a job. lr "best": the rate whose best validation score, of any moment, is highest."""
    if job["purpose"] == "price":
        return grown_up(job["start"], job["seed"])[1]
    cell = tuple(job[key] for key in CELL)
    if job["lr"] != "best":
        return deepcopy(tried(cell, job["lr"]))
    rates = HIGH if job["net"] == "small" else LOW
    return travel(job, max(rates, key=lambda lr: tried(cell, lr).best_accuracy))


@cache
def tried(cell: tuple, lr: float) -> Run:
    """The run that tries a rate, not tested; made once in a process."""
    job = dict(zip(CELL, cell, strict=True), lr=lr, seed=CHOICE, purpose="rate")
    return travel(job, lr, test=False)


def travel(job: dict, lr: float, test: bool = True) -> Run:
    """One run: the task's few images, the network, where it begins."""
    from course_utils.lessons.l10_3_3.journeys import journey
    from course_utils.lessons.l10_3_3.worlds import half_lite, shuffled, small_net, transplant, world

    few = world(job["task"]).few(job["per_class"], job["seed"])
    outputs, seed, start = len(few.classes), job["seed"], job["start"]
    if job["net"] == "half":
        net = half_lite(start, outputs, seed)
    elif start == "scratch":
        net = small_net(outputs, seed)
    elif start == "shuffled":
        net = transplant(shuffled(grown_up("home-made", seed)[0], seed), outputs)
    else:
        net = transplant(grown_up(start, seed)[0], outputs)
    how = dict(ratio=10.0 if start == "pretrained" else 1.0, batch_size=BATCH.get(job["task"], 32))
    run = journey(net, few, lr, job["updates"], seed=seed, test=test, **how)
    run.config |= {**job, "rate": lr, "scale": "desk"}
    return run


def grown_up(start: str, seed: int):
    """A copy of a small net that has had 500 updates on something, and its record; made once in a process."""
    net, run = _grown_up(start, seed)
    return deepcopy(net), run


@cache
def _grown_up(start: str, seed: int):
    import torch

    from course_utils.lessons.l10_3_3.journeys import journey
    from course_utils.lessons.l10_3_3.worlds import small_net, world

    data = world("angles").few(320) if start == "far source" else world("five").few(1_000)
    if start == "random labels":
        order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
        data.train.labels = data.train.labels[order]
    net = small_net(len(data.classes), seed)
    run = journey(net, data, 1e-2, PRICE, seed=seed, batch_size=BATCH[HOME])
    job = dict(task="five", net="small", start=start, per_class=1_000, updates=PRICE, lr=1e-2, seed=seed)
    run.config |= {**job, "purpose": "price", "rate": 1e-2, "scale": "desk"}
    return net, run
