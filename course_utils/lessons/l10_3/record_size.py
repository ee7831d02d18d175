"""Table 10.3-size: what frozen features are worth when the same images are enlarged to 48, 64 or 96 pixels a side.

A logistic regression (C = 0.01 throughout) on the features of Lite0, 5 and 20 images a class; `run.test` is the
accuracy on 1,000 test images. A minute on one core.
"""

from __future__ import annotations

from course_utils.lessons.l10_3.record import SEEDS, classifier_of, task_of
from course_utils.runs import Run

SIZES, PER_CLASS, QUERIES = (48, 64, 96), (5, 20), 1_000


def jobs() -> list[dict]:
    """One dict of settings a run."""
    plan = [(size, n, seed) for size in SIZES for n in PER_CLASS for seed in SEEDS]
    return [dict(task="objects", size=size, per_class=n, seed=seed) for size, n, seed in plan]


def run_one(job: dict) -> Run:
    """Fit the head to a few images a class and ask it about the test images."""
    from course_utils.training.compute import pick
    from course_utils.transfer.backbones import backbone
    from course_utils.transfer.feature_cache import features

    task, net = task_of(job["task"]), backbone(size=job["size"])
    chosen = task.chosen(job["per_class"], job["seed"])
    fitted = classifier_of("logistic", 0.01).fit(
        features(net, task.train.inputs[chosen]).numpy(), task.train.labels[chosen].numpy()
    )
    rows, labels = features(net, task.test.inputs[:QUERIES]).numpy(), task.test.labels[:QUERIES].numpy()
    config, facts = {**job, "features": "Lite0", "scale": "desk"}, {**pick().facts(), "device": "CPU"}
    run = Run(config=config, seed=job["seed"], status="finished", source=task.source, **facts)
    run.test = (float("nan"), float(fitted.score(rows, labels)))
    return run
