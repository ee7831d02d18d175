"""The fine-tuning runs of data/recorded/10.3.npz (see record_features.py): how many stages of Lite0 are unfrozen, and
what happens without the two precautions, a tenth of the rate and BatchNorm in evaluation mode.

Every run begins with the same head, a logistic regression on the frozen features (step one of the recipe).
"""

from __future__ import annotations

from functools import lru_cache, partial

from course_utils.runs import Run

SIZE, PER_CLASS, UPDATES, BATCH_SIZE = 64, 150, 100, 32
HEAD_RATE, BODY_RATE = 3e-3, 3e-4  # peaks of two cosines; AdamW
STAGES = (0, 2, 4, 8)
SEEDS, FEW_SEEDS = range(5), range(3)


def jobs() -> list[dict]:
    """One dict of settings a run: unfrozen stages; four stages at the head's rate; with BatchNorm in training mode.

    Five seeds for four and eight stages, three for the rest.
    """
    plan = [(k, BODY_RATE, True) for k in STAGES] + [(4, HEAD_RATE, True), (4, BODY_RATE, False)]
    return [dict(kind="tuned", task="objects", unfrozen=k, body=body, keep_norm=norm, per_class=PER_CLASS, seed=seed)
            for seed in SEEDS for k, body, norm in plan
            if seed in FEW_SEEDS or (k in (4, 8) and body == BODY_RATE and norm)]  # fmt: skip


def linear_head(model, rows, labels, C: float = 0.001) -> None:
    """Fit a logistic regression to standardised features, rows [N, width], and make it the model's head.

    The standardising is folded in: W (x - mean) / scale + b = (W / scale) x + (b - (W / scale) mean).
    """
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(rows)
    fitted = LogisticRegression(C=C, max_iter=300).fit(scaler.transform(rows), labels)
    weight = fitted.coef_ / scaler.scale_
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight))
        model.head.bias.copy_(torch.from_numpy(fitted.intercept_ - weight @ scaler.mean_))


@lru_cache(maxsize=1)
def _start(seed: int):
    """The images of this seed, the model with its head fitted, and its accuracy on the test images so far."""
    from course_utils.lessons.l10_3.record import task_of
    from course_utils.training.loop import evaluate
    from course_utils.transfer.backbones import Classifier, backbone
    from course_utils.transfer.feature_cache import features

    few = task_of("objects").few(PER_CLASS, seed)
    model = Classifier(backbone(size=SIZE), len(few.classes))
    linear_head(model, features(model.backbone, few.train.inputs).numpy(), few.train.labels.numpy())
    few = few.seen_by(model.backbone)
    return few, model, evaluate(model, few, "test")[1]


def run_one(job: dict) -> Run:
    """One fine-tuning; `config["before"]` is the accuracy with the frozen backbone, `run.test` that at the end."""
    from copy import deepcopy

    import torch

    from course_utils.schedules import cosine
    from course_utils.training.compute import pick
    from course_utils.training.loop import evaluate, fit

    few, model, before = _start(job["seed"])
    model = deepcopy(model)
    model.backbone.keep_norm = job["keep_norm"]
    learning = [p for p in model.backbone.unfreeze(job["unfrozen"]).stages.parameters() if p.requires_grad]
    groups = [{"params": list(model.head.parameters())}] + ([{"params": learning}] if learning else [])
    optimizer = torch.optim.AdamW(groups, lr=HEAD_RATE, weight_decay=0.01)
    schedules = [partial(cosine, peak=peak, T=UPDATES) for peak in (HEAD_RATE, job["body"])][: len(groups)]
    run = fit(model, few.seen_by(model.backbone), optimizer, schedules, updates=UPDATES, batch_size=BATCH_SIZE,
              seed=job["seed"], validate_every=None, compute=pick(dtype="float32"),
              config={**job, "before": before, "scale": "desk"})  # fmt: skip
    run.test = evaluate(model, few, "test")
    return run
