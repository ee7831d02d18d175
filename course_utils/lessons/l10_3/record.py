"""Fill data/recorded/10.3.npz:  python -m course_utils.lessons.l10_3.record

What frozen features are worth: linear classifiers on the features of several backbones and on raw pixels, small nets
trained from scratch, and a backbone fine-tuned from the top. Five tasks, one to eighty images a class, five seeds.
The accuracy of every run is that on the test images (`run.test`). The strength C of a linear classifier is chosen by
the validation images with another seed. As in record.py, a run is kept as soon as it ends; about twenty minutes on one
core.
"""

from __future__ import annotations

import platform
from functools import cache, lru_cache, partial
from pathlib import Path

from course_utils.authoring.recording import is_recorded, job_file
from course_utils.files import data_dir, recorded_dir
from course_utils.lessons.l10_3 import record_finetuning
from course_utils.runs import Run, RunTable

NAME, SIZE, SEEDS, CHOOSING = "10.3", 96, range(5), 20  # CHOOSING: the seed that chooses C
TASKS = ("objects", "digits", "counts", "angles", "sounds")
PER_CLASS, SCRATCH_SIZES = (1, 2, 5, 10, 20, 40, 80), (1, 5, 20, 80)
STRENGTHS = {"logistic": (0.001, 0.01, 0.1), "svm": (0.0001, 0.001, 0.01)}
NETS = {"Lite0": {}, "Lite0, untrained": dict(pretrained=False, seed=0), "Lite1": dict(name="efficientnet_lite1"),
        "Lite2": dict(name="efficientnet_lite2")}  # fmt: skip
SCRATCH = dict(updates=250, peak=0.1)  # of the small conv net


def jobs() -> list[dict]:
    """One dict of settings a run: linear classifiers, small nets from scratch, fine-tuning."""
    plan = [(task, what, "logistic") for task in TASKS for what in ("Lite0", "raw pixels", "Lite0, untrained")]
    plan += [(task, what, "svm") for task in ("objects", "digits") for what in ("Lite0", "raw pixels")]
    plan += [("objects", what, "logistic") for what in ("Lite1", "Lite2")]
    linear = [dict(kind="linear", task=task, features=what, classifier=classifier, per_class=n, seed=seed)
              for task, what, classifier in plan for n in PER_CLASS for seed in SEEDS]  # fmt: skip
    own = dict(features="from scratch", classifier="small net")
    scratch = [dict(kind="scratch", task=task, **own, per_class=n, seed=seed)
               for task in TASKS for n in SCRATCH_SIZES
               for seed in (SEEDS if task == "objects" else range(3))]  # fmt: skip
    return record_finetuning.jobs() + linear + scratch


def run_one(job: dict) -> Run:
    """Make one run of `jobs()`; its accuracy on the test images stands in `run.test`."""
    if job["kind"] == "linear":
        return _linear(job)
    return _scratch(job) if job["kind"] == "scratch" else record_finetuning.run_one(job)


@lru_cache(maxsize=3)
def task_of(name: str):
    """The images of a task; real photographs are demanded."""
    from course_utils.transfer.tasks import task

    found = task(name, test=2_000 if name == "objects" else None, quiet=True)
    if not found.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    return found


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


def _linear(job: dict) -> Run:
    C = _strength(*(job[key] for key in ("task", "features", "classifier", "per_class")))
    task, model = task_of(job["task"]), _fitted(job, C, job["seed"])
    accuracy = model.score(_rows(job["task"], job["features"])["test"], task.test.labels.numpy())
    width = int(model[0].n_features_in_)
    return Run(config={**job, "C": C, "width": width, "scale": "desk"}, seed=job["seed"], status="finished",
               source=task.source, device="CPU", dtype=_dtype(), versions={"python": platform.python_version()},
               test=(float("nan"), float(accuracy)))  # fmt: skip


def _dtype() -> str:
    """Number format of the features."""
    from course_utils.training.compute import pick

    return str(pick().dtype).removeprefix("torch.")


def _scratch(job: dict) -> Run:
    import torch

    from course_utils.schedules import cosine
    from course_utils.training.loop import evaluate, fit
    from course_utils.training.models import small_conv_net

    few = task_of(job["task"]).few(job["per_class"], job["seed"])
    model = small_conv_net(seed=job["seed"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    run = fit(model, few, optimizer, partial(cosine, peak=SCRATCH["peak"], T=SCRATCH["updates"]), seed=job["seed"],
              updates=SCRATCH["updates"], batch_size=min(64, len(few.train)), validate_every=None,
              config={**job, "scale": "desk"})  # fmt: skip
    run.test = evaluate(model, few, "test")
    return run


def recorded_run(job: dict) -> Run:
    """The run, from its file if it was made before."""
    path = job_file(job, data_dir() / "recording" / NAME)
    if not is_recorded(job, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        run = run_one(job)
        run.thinned(20).save(path)
        print(f"{path.stem}: {run.status}, accuracy {run.test[1]:.3f}", flush=True)
    return Run.load(path)


def record() -> None:
    table = RunTable(recorded_run(job) for job in jobs())
    path: Path = table.save(recorded_dir() / f"{NAME}.npz", points=20)
    print(f"{path.name}: {len(table)} runs, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    import os

    os.environ.setdefault("COURSE_THREADS", "1")
    record()
