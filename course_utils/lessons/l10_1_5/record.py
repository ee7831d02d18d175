"""Fill data/recorded/10.1.5.npz: a small language model with and without warm-up, and images with a cool-down.

    python -m course_utils.lessons.l10_1_5.record

Text: post-norm and pre-norm, four strengths `c` of the Transformer's rule c min(s^-0.5, s w^-1.5), warm-up w of 1
(none) and 30 updates. Images: eq. 10.3, its last fifth replaced by a straight line down to 0. Three seeds each. Every
run is kept in a file of its own (data/recording/10.1.5-desk/), so an interrupted recording goes on where it was. Takes
about ten minutes on one core. Stand-in images are refused.
"""

from __future__ import annotations

import math
from functools import partial

from course_utils import schedules
from course_utils.files import data_dir, recorded_dir
from course_utils.runs import Run, RunTable

SEEDS, STRENGTHS, WARMUPS = (0, 1, 2), (0.006, 0.0125, 0.025, 0.05), (1, 30)
WORDS, LENGTH, BATCH, UPDATES = 1000, 64, 16, 240


def cooled(t: float, *, schedule, T: float, share: float = 0.2) -> float:
    """`schedule`, its last part (`share` of T updates, in (0, 1)) replaced by a straight line from there to 0 at T > 0.

    Raises ValueError for a T or share out of range.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie in (0, 1), got {share!r}. 0.2 cools down over the last fifth.")
    if not 0 < T < math.inf:
        raise ValueError(f"T must be a finite number > 0, the planned updates, got {T!r}.")
    start = (1 - share) * T
    return schedule(t) if t < start else schedule(start) * max(0.0, (T - t) / (T - start))


def jobs() -> list[dict]:
    """What to run: one dict of settings a run."""
    text = [dict(data="text", norm=norm, warmup=w, c=c, seed=seed)
            for seed in SEEDS for norm in ("post", "pre") for w in WARMUPS for c in STRENGTHS]  # fmt: skip
    images = [dict(data="images", schedule="inverse sqrt, cooled", lr=lr, seed=seed)
              for seed in SEEDS for lr in (0.316228, 1.0)]  # fmt: skip
    return [*images, *text]


def run_text(job: dict) -> Run:
    """One training of the language model, 240 updates."""
    import torch

    from course_utils.data.text import python_text
    from course_utils.training.loop import fit
    from course_utils.training.transformer import small_transformer

    data = python_text("next", LENGTH, WORDS)
    model = small_transformer(WORDS, LENGTH, norm=job["norm"], seed=job["seed"])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = partial(schedules.inverse_sqrt, peak=job["c"] * job["warmup"] ** -0.5, warmup=job["warmup"])
    return fit(model, data, optimizer, schedule, updates=UPDATES, batch_size=BATCH, seed=job["seed"],
               validate_every=40, config=job)  # fmt: skip


def run_images(job: dict) -> Run:
    """One training of the desk-scale net with the cool-down."""
    import torch

    from course_utils.data.cifar import cifar10
    from course_utils.training.loop import fit
    from course_utils.training.scale import DESK

    data = cifar10(train=DESK.train, val=DESK.val, test=DESK.test, quiet=True)
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    model = DESK.model(seed=job["seed"])
    optimizer = torch.optim.SGD(model.parameters(), lr=job["lr"], momentum=0.9, weight_decay=5e-4)
    schedule = partial(cooled, schedule=partial(schedules.inverse_sqrt, peak=job["lr"]), T=DESK.updates)
    return fit(model, data, optimizer, schedule, epochs=DESK.epochs, batch_size=DESK.batch_size, seed=job["seed"],
               config=job)  # fmt: skip


def record() -> None:
    """Run what is missing and write the table."""
    folder, runs = data_dir() / "recording" / "10.1.5-desk", []
    for job in jobs():
        path = folder / ("_".join(map(str, job.values())) + ".npz")
        if not path.exists():
            (run_text if job["data"] == "text" else run_images)(job).save(path)
        runs.append(Run.load(path))
        loss, accuracy = runs[-1].val[-1][1:]
        print(f"{path.stem}: validation loss {loss:.3f}, accuracy {accuracy:.3f}", flush=True)
    RunTable(runs).save(recorded_dir() / "10.1.5.npz")


if __name__ == "__main__":
    record()
