"""The runs of lesson 10.1.8: few images, memorised, and looked at from every side after each epoch.

Made by  python -m course_utils.authoring.recording 10.1.8.  A record keeps validation in `val` as always; beside it,
in `config`, stand lists with one entry a validation: train_accuracy, test_loss, test_accuracy, and small_loss,
small_accuracy (the same measured on the first 200 validation images alone). Nothing is chosen by the test lists:
they are there to ask afterwards what a choice was worth.
"""

from __future__ import annotations

IMAGES, EPOCHS, SMALL = 1_000, 30, 200
SEEDS = range(8)
SHARES = (0.0, 0.4)  # of the training labels that are wrong


def jobs() -> list[dict]:
    """One dict of settings a run: with right labels and with four in ten wrong, eight seeds each."""
    return [dict(optimizer="sgd+momentum", schedule="constant", lr=0.1, seed=seed, epochs=EPOCHS, wrong_labels=share,
                 train=IMAGES, augment=False) for seed in SEEDS for share in SHARES]  # fmt: skip


def run_one(job: dict, path) -> str:
    """Train one job on real images and keep its record at `path`; stand-in images are refused."""
    from dataclasses import replace

    import torch

    from course_utils.data.cifar import cifar10
    from course_utils.lessons.l10_1_8.label_noise import with_wrong_labels
    from course_utils.training import models
    from course_utils.training.loop import evaluate, train

    data = cifar10(train=job["train"], val=2_000, test=2_000, quiet=True)
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    data = with_wrong_labels(data, job["wrong_labels"], job["seed"])
    small = replace(data, val=data.val.take(SMALL))
    model = models.small_conv_net(seed=job["seed"])
    optimizer = torch.optim.SGD(model.parameters(), lr=job["lr"], momentum=0.9)
    lists = {name: [] for name in ("train_accuracy", "test_loss", "test_accuracy", "small_loss", "small_accuracy")}
    config = {**job, "model": "small_conv_net", "scale": "desk"}
    for step in train(model, data, optimizer, epochs=job["epochs"], batch_size=64, seed=job["seed"],
                      augment=job["augment"], config=config):  # fmt: skip
        if step.validated:
            lists["train_accuracy"].append(evaluate(model, data, "train")[1])
            for name, images, split in (("test", data, "test"), ("small", small, "val")):
                loss, accuracy = evaluate(model, images, split)
                lists[f"{name}_loss"].append(round(loss, 5))
                lists[f"{name}_accuracy"].append(accuracy)
    run = step.run
    run.config.update(lists)
    run.test = (lists["test_loss"][-1], lists["test_accuracy"][-1])
    run.thinned(50).save(path)
    return f"recorded {path.stem}: {run.status}, accuracy {run.final_accuracy:.3f}"
