"""The table of lessons 10.2.1 and 10.2.2: every combination of four hyper-parameters, trained twice.

Made by  python -m course_utils.authoring.recording 10.2.1.  A trial is short (4,000 images, two epochs, cosine decay),
because a search needs many. Seed 0 is what a search may look at; seed 1 is the same setting trained again, which tells
how much of a winner's lead was luck. The validation images are the same for all of them.
"""

from __future__ import annotations

RATES = [round(10 ** (k / 4), 6) for k in range(-12, 3)]  # 1e-3 ... 3.16: fifteen learning rates, four a decade
DECAYS = [round(10 ** (k / 2), 9) for k in range(-10, -1)]  # 1e-5 ... 1e-1: nine weight decays, two a decade
DROPOUTS = [0.0, 0.25, 0.5]
BATCH_SIZES = [32, 128]
SEEDS = [0, 1]
IMAGES, EPOCHS = 4_000, 2


def jobs() -> list[dict]:
    """One dict of settings a run: all combinations, first of seed 0, then of seed 1."""
    return [dict(lr=lr, weight_decay=decay, dropout=dropout, batch_size=batch, seed=seed, trial="conv net")
            for seed in SEEDS for dropout in DROPOUTS for batch in BATCH_SIZES
            for decay in DECAYS for lr in RATES]  # fmt: skip


def run_one(job: dict, path) -> str:
    """Train one job on real images and keep its record at `path`; stand-in images are refused."""
    from functools import partial

    import torch

    from course_utils.data.cifar import cifar10
    from course_utils.schedules import cosine
    from course_utils.training.loop import fit
    from course_utils.training.models import small_conv_net

    if "images" not in _data:
        _data["images"] = cifar10(train=IMAGES, val=2_000, quiet=True)
    data = _data["images"]
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    model = small_conv_net(dropout=job["dropout"], seed=job["seed"])
    optimizer = torch.optim.SGD(model.parameters(), lr=job["lr"], momentum=0.9, weight_decay=job["weight_decay"])
    updates = EPOCHS * (IMAGES // job["batch_size"])
    torch.manual_seed(job["seed"])  # which features dropout leaves out
    run = fit(model, data, optimizer, partial(cosine, peak=job["lr"], T=updates), updates=updates,
              batch_size=job["batch_size"], seed=job["seed"], validate_every=updates,
              config={**job, "model": "small_conv_net", "scale": "desk", "epochs": EPOCHS})  # fmt: skip
    run.thinned(8).save(path)
    return f"recorded {path.stem}: {run.status}, accuracy {run.final_accuracy:.3f}"


_data: dict = {}
