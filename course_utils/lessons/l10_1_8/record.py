"""Table 10.1.8: few images, memorised, and looked at from every side after each epoch.

A record keeps validation in `val` as always; beside it, in `config`, stand lists with one entry a validation:
train_accuracy, test_loss, test_accuracy (all 10,000 test images), and small_loss, small_accuracy (the same measured on
the first 200 validation images alone). Nothing is chosen by the test lists: they are there to ask afterwards what a
choice was worth.
"""

from __future__ import annotations

from dataclasses import replace

from course_utils.runs import Run
from course_utils.training.recipes import images, make_optimizer

IMAGES, EPOCHS, SMALL = 1_000, 30, 200
SEEDS = range(8)
SHARES = (0.0, 0.4)  # of the training labels that are wrong
POINTS = 50


def jobs() -> list[dict]:
    """One dict of settings a run: with right labels and with four in ten wrong, eight seeds each."""
    usual = dict(optimizer="sgd+momentum", schedule="constant", lr=0.1, epochs=EPOCHS, train=IMAGES, augment=False)
    return [dict(usual, seed=seed, wrong_labels=share) for seed in SEEDS for share in SHARES]


def run_one(job: dict) -> Run:
    """Train the small conv net and measure it on four sets of images after each epoch."""
    from course_utils.lessons.l10_1_8.label_noise import with_wrong_labels
    from course_utils.training.loop import evaluate, train
    from course_utils.training.models import small_conv_net

    data = with_wrong_labels(images(train=job["train"]), job["wrong_labels"], job["seed"])
    small = replace(data, val=data.val.take(SMALL))
    model = small_conv_net(seed=job["seed"])
    optimizer = make_optimizer(job["optimizer"], model, job["lr"])
    lists = {name: [] for name in ("train_accuracy", "test_loss", "test_accuracy", "small_loss", "small_accuracy")}
    for step in train(
        model,
        data,
        optimizer,
        epochs=job["epochs"],
        batch_size=64,
        seed=job["seed"],
        augment=job["augment"],
        config={**job, "model": "small_conv_net", "scale": "desk"},
    ):
        if step.validated:
            lists["train_accuracy"].append(evaluate(model, data, "train")[1])
            for name, looked_at, split in (("test", data, "test"), ("small", small, "val")):
                loss, accuracy = evaluate(model, looked_at, split)
                lists[f"{name}_loss"].append(round(loss, 5))
                lists[f"{name}_accuracy"].append(accuracy)
    run = step.run
    run.config.update(lists)
    run.test = (lists["test_loss"][-1], lists["test_accuracy"][-1])
    return run
