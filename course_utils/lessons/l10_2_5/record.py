"""Table 10.2.5: nets that can be members of an ensemble, and what each of them says about the same 3,000 images.

A job is a training with 2,000 images, as they are ("plain") or cropped and flipped ("augmented"): several lengths, two
widths, one cycle or several. A training of several cycles leaves a snapshot at the end of each. Its Run is kept as
usual, `run.test` with the last weights on all test images. The logits go into a file beside it; when all runs are
there, `python -m course_utils.lessons.l10_2_5.record` puts them into `data/recorded/logits/10.2.5.npz`, in the order of
`jobs()`, snapshots one after the other (see predictions.py).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from course_utils.files import data_dir, write_whole
from course_utils.lessons.l10_2_5.measures import nll, percent, softmax
from course_utils.lessons.l10_2_5.predictions import STORED, encode, load_members, predict
from course_utils.runs import Run, recorded
from course_utils.training.recipes import images

DATA = {"plain": False, "augmented": True}  # are the images cropped and flipped?
IMAGES, BATCH, VAL, TEST = 2_000, 64, 1_000, 2_000
# (data, width, epochs, cycles, seeds)
GRID = [
    *(("plain", 16, 16, 1, 16), ("plain", 16, 64, 1, 4), ("augmented", 16, 64, 1, 3), ("augmented", 16, 16, 1, 12)),
    *(("plain", 16, 64, 4, 3), ("plain", 16, 8, 1, 8), ("augmented", 16, 8, 1, 8), ("plain", 16, 4, 1, 8)),
    *(("augmented", 16, 4, 1, 8), ("plain", 32, 16, 1, 3), ("augmented", 16, 64, 4, 3), ("plain", 16, 32, 1, 4)),
    *(("augmented", 16, 32, 1, 4), ("augmented", 32, 16, 1, 3), ("plain", 16, 2, 1, 8), ("augmented", 16, 2, 1, 8)),
    *(("plain", 16, 1, 1, 8), ("augmented", 16, 1, 1, 8), ("plain", 16, 128, 1, 1), ("augmented", 16, 128, 1, 1)),
]


def jobs() -> list[dict]:
    """One dict of settings a training."""
    return [
        dict(data=data, width=width, epochs=epochs, cycles=cycles, seed=seed, lr=0.1, weight_decay=5e-4)
        for data, width, epochs, cycles, seeds in GRID
        for seed in range(seeds)
    ]


def run_one(job: dict) -> Run:
    """Train one net, and keep the logits of every snapshot for the validation and test images."""
    import torch

    from course_utils.schedules import cyclic_cosine
    from course_utils.training.loop import train
    from course_utils.training.models import small_conv_net

    data, cycles = images(train=IMAGES, val=VAL), job["cycles"]
    model = small_conv_net(width=job["width"], seed=job["seed"])
    sgd = torch.optim.SGD(model.parameters(), lr=job["lr"], momentum=0.9, weight_decay=job["weight_decay"])
    T = job["epochs"] * (len(data.train) // BATCH)
    schedule = partial(cyclic_cosine, peak=job["lr"], T=T, cycles=cycles)
    plan = dict(updates=T, batch_size=BATCH, seed=job["seed"], augment=DATA[job["data"]], validate_every=None)
    ends, logits = [-(-k * T // cycles) for k in range(1, cycles + 1)], []
    labels = np.concatenate([data.val.labels.numpy(), data.test.labels.numpy()])
    for step in train(model, data, sgd, schedule, config={"scale": "desk", **job}, **plan):
        run = step.run
        if step.t in ends:
            logits.append(np.concatenate([predict(model, data, split) for split in ("val", "test")]))
            run.val.append((step.t, *_worth(logits[-1][: len(data.val)], labels[: len(data.val)])))
    run.test = _worth(logits[-1][len(data.val) :], labels[len(data.val) :])
    stored = dict(logits=np.array(logits, np.float16), labels=labels)
    write_whole(_logits_file(job), lambda file: np.savez(file, **stored))
    return run


def _logits_file(job: dict) -> Path:
    name = "_".join(map(str, job.values()))
    return data_dir() / "recording" / "10.2.5-logits" / f"{name}.npz"


def _worth(logits, labels) -> tuple[float, float]:
    """Mean loss and accuracy, in [0, 1]."""
    said = softmax(logits)
    return nll(said, labels), percent(said, labels) / 100


def gather() -> Path:
    """Write the logits of all members, cut to VAL + TEST images. Raises ValueError for some of another run."""
    codes, labels = [], None
    for job, run in zip(jobs(), recorded("10.2.5"), strict=True):
        with np.load(_logits_file(job)) as part:
            logits, labels = part["logits"].astype(np.float32), part["labels"]
        for (_, _, accuracy), snapshot in zip(run.val, logits, strict=True):
            if abs((snapshot[:VAL].argmax(1) == labels[:VAL]).mean() - accuracy) > 0.002:
                raise ValueError(f"these logits belong to another run than {job}")
            codes.append(encode(snapshot[: VAL + TEST]))
    arrays = dict(codes=np.array(codes), labels=labels[: VAL + TEST].astype(np.uint8), val=np.array(VAL))
    return write_whole(STORED, lambda file: np.savez_compressed(file, **arrays))


if __name__ == "__main__":
    path = gather()
    print(f"{path.name}: {len(load_members())} members, {path.stat().st_size / 1e6:.1f} MB")
