"""Table 10.3: what frozen features are worth.

Linear classifiers on the features of several backbones and on raw pixels, small nets trained from scratch (five tasks,
one to eighty images a class), and a backbone fine-tuned from the top: how many stages of Lite0 are unfrozen, and what
happens without the two precautions, a tenth of the rate and BatchNorm in evaluation mode. The accuracy of every run is
that on the test images (`run.test`). The strength C of a linear classifier is chosen by the validation images with
another seed. About twenty minutes on one core.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial

from course_utils.runs import Run

TASKS = ("objects", "digits", "counts", "angles", "sounds")
PER_CLASS, SCRATCH_SIZES = (1, 2, 5, 10, 20, 40, 80), (1, 5, 20, 80)
SEEDS, FEW_SEEDS, CHOOSING = range(5), range(3), 20  # CHOOSING: the seed that chooses C
SIZE, TUNED_SIZE = 96, 64  # pixels a side that the backbone sees: frozen, and fine-tuned
STRENGTHS = {"logistic": (0.001, 0.01, 0.1), "svm": (0.0001, 0.001, 0.01)}
NETS = {
    "Lite0": {},
    "Lite0, untrained": dict(pretrained=False, seed=0),
    "Lite1": dict(name="efficientnet_lite1"),
    "Lite2": dict(name="efficientnet_lite2"),
}
STAGES = (0, 2, 4, 8)
HEAD_RATE, BODY_RATE = 3e-3, 3e-4  # peaks of the two cosines of fine-tuning; AdamW
POINTS = 20


def jobs() -> list[dict]:
    """One dict of settings a run: fine-tuning, linear classifiers, small nets from scratch."""
    return _tuned_jobs() + _linear_jobs() + _scratch_jobs()


def run_one(job: dict) -> Run:
    """Make one run of `jobs()`; its accuracy on the test images stands in `run.test`."""
    return {"linear": _linear, "scratch": _scratch, "tuned": _tuned}[job["kind"]](job)


@lru_cache(maxsize=3)
def task_of(name: str):
    """The images of a task."""
    from course_utils.transfer.tasks import task

    return task(name, test=2_000 if name == "objects" else None, quiet=True)


# ------------------------------------------------------------------------------------------- linear classifiers
def _linear_jobs() -> list[dict]:
    plan = [(task, rows, "logistic") for task in TASKS for rows in ("Lite0", "raw pixels", "Lite0, untrained")]
    plan += [(task, rows, "svm") for task in ("objects", "digits") for rows in ("Lite0", "raw pixels")]
    plan += [("objects", rows, "logistic") for rows in ("Lite1", "Lite2")]
    return [
        dict(kind="linear", task=task, features=rows, classifier=classifier, per_class=n, seed=seed)
        for task, rows, classifier in plan
        for n in PER_CLASS
        for seed in SEEDS
    ]


def _linear(job: dict) -> Run:
    from course_utils.training.compute import pick

    C = _strength(*(job[key] for key in ("task", "features", "classifier", "per_class")))
    task, model = task_of(job["task"]), _fitted(job, C, job["seed"])
    accuracy = model.score(_rows(job["task"], job["features"])["test"], task.test.labels.numpy())
    config = {**job, "C": C, "width": int(model[0].n_features_in_), "scale": "desk"}
    facts = {**pick().facts(), "device": "CPU"}
    run = Run(config=config, seed=job["seed"], status="finished", source=task.source, **facts)
    run.test = (float("nan"), float(accuracy))
    return run


@lru_cache(maxsize=4)
def _rows(name: str, what: str) -> dict:
    """What a linear classifier sees of each part of a task: NumPy [images, numbers an image]."""
    from course_utils.transfer.backbones import backbone
    from course_utils.transfer.feature_cache import features

    task, parts = task_of(name), ("train", "val", "test")
    if what == "raw pixels":
        return {part: task.pixels(getattr(task, part)).astype("float32") for part in parts}
    net = backbone(size=SIZE, **NETS[what])
    return {part: features(net, getattr(task, part).inputs).numpy() for part in parts}


def classifier_of(name: str, C: float):
    """Standardise every number by the training images, then a linear classifier of strength C (larger: less bound)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    linear = LogisticRegression(C=C, max_iter=200) if name == "logistic" else LinearSVC(C=C)
    return make_pipeline(StandardScaler(), linear)


def _fitted(job: dict, C: float, seed: int):
    task, rows = task_of(job["task"]), _rows(job["task"], job["features"])
    chosen = task.chosen(job["per_class"], seed).numpy()
    return classifier_of(job["classifier"], C).fit(rows["train"][chosen], task.train.labels.numpy()[chosen])


@cache
def _strength(task: str, features: str, classifier: str, per_class: int) -> float:
    """The C with the highest accuracy on the validation images; of equals the smallest."""
    job = dict(task=task, features=features, classifier=classifier, per_class=per_class)
    rows, labels = _rows(task, features)["val"], task_of(task).val.labels.numpy()
    return max(STRENGTHS[classifier], key=lambda C: _fitted(job, C, CHOOSING).score(rows, labels))


# ------------------------------------------------------------------------------------------------ from scratch
def _scratch_jobs() -> list[dict]:
    usual = dict(kind="scratch", features="from scratch", classifier="small net", updates=250, lr=0.1)
    return [
        dict(usual, task=task, per_class=n, seed=seed)
        for task in TASKS
        for n in SCRATCH_SIZES
        for seed in (SEEDS if task == "objects" else FEW_SEEDS)
    ]


def _scratch(job: dict) -> Run:
    from course_utils.schedules import cosine
    from course_utils.training.models import small_conv_net
    from course_utils.training.recipes import fit_job, make_optimizer

    few = task_of(job["task"]).few(job["per_class"], job["seed"])
    model, batch_size = small_conv_net(seed=job["seed"]), min(64, len(few.train))
    optimizer = make_optimizer("sgd+momentum", model, job["lr"], weight_decay=5e-4)
    schedule = partial(cosine, peak=job["lr"], T=job["updates"])
    return fit_job(job, model, few, optimizer, schedule, batch_size=batch_size, validate_every=None)


# ------------------------------------------------------------------------------------------------- fine-tuning
def _tuned_jobs() -> list[dict]:
    """Unfrozen stages; four stages at the head's rate; with BatchNorm in training mode. Five seeds for four and eight
    stages, three for the rest."""
    plan = [(k, BODY_RATE, True) for k in STAGES] + [(4, HEAD_RATE, True), (4, BODY_RATE, False)]
    usual = dict(kind="tuned", task="objects", per_class=150, updates=100, batch_size=32)
    return [
        dict(usual, unfrozen=k, body=body, keep_norm=norm, seed=seed)
        for seed in SEEDS
        for k, body, norm in plan
        if seed in FEW_SEEDS or (k in (4, 8) and body == BODY_RATE and norm)
    ]


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
def _start(per_class: int, seed: int):
    """The images of this seed, the model with its head fitted (step one of the recipe), its test accuracy so far."""
    from course_utils.training.loop import evaluate
    from course_utils.transfer.backbones import Classifier, backbone
    from course_utils.transfer.feature_cache import features

    few = task_of("objects").few(per_class, seed)
    model = Classifier(backbone(size=TUNED_SIZE), len(few.classes))
    linear_head(model, features(model.backbone, few.train.inputs).numpy(), few.train.labels.numpy())
    few = few.seen_by(model.backbone)
    return few, model, evaluate(model, few, "test")[1]


def _tuned(job: dict) -> Run:
    """One fine-tuning; `config["before"]` is the accuracy with the frozen backbone, `run.test` that at the end."""
    from copy import deepcopy

    import torch

    from course_utils.schedules import cosine
    from course_utils.training.compute import pick
    from course_utils.training.loop import evaluate
    from course_utils.training.recipes import fit_job

    few, model, before = _start(job["per_class"], job["seed"])
    model = deepcopy(model)
    model.backbone.keep_norm = job["keep_norm"]
    learning = [p for p in model.backbone.unfreeze(job["unfrozen"]).stages.parameters() if p.requires_grad]
    groups = [{"params": list(model.head.parameters())}] + ([{"params": learning}] if learning else [])
    optimizer = torch.optim.AdamW(groups, lr=HEAD_RATE, weight_decay=0.01)
    schedules = [partial(cosine, peak=peak, T=job["updates"]) for peak in (HEAD_RATE, job["body"])][: len(groups)]
    data, plan = few.seen_by(model.backbone), {"validate_every": None, "compute": pick(dtype="float32"), "test": False}
    run = fit_job(job, model, data, optimizer, schedules, facts={"before": before}, **plan)
    run.test = evaluate(model, few, "test")  # in the number format in which `before` was measured
    return run
