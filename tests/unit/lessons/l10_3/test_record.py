"""The recording of lesson 10.3: its plan, the choice of C, the folded head, and that a kept run is not made again."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from course_utils.lessons.l10_3 import record as record_features
from course_utils.lessons.l10_3 import record_finetuning
from course_utils.lessons.l10_3.record import PER_CLASS, STRENGTHS
from course_utils.runs import Run


def test_the_plan_names_every_run_once():
    jobs = record_features.jobs()
    assert len({tuple(sorted((k, str(v)) for k, v in job.items())) for job in jobs}) == len(jobs)
    kinds = [job["kind"] for job in jobs]
    assert set(kinds) == {"tuned", "linear", "scratch"}
    five = [job["seed"] for job in jobs if job.get("features") == "Lite2" and job["per_class"] == 80]
    assert five == [0, 1, 2, 3, 4]
    seeds = {k: sum(job["kind"] == "tuned" and job["unfrozen"] == k and job["keep_norm"] and job["body"] < 1e-3
                    for job in jobs) for k in record_finetuning.STAGES}  # fmt: skip
    assert seeds == {0: 3, 2: 3, 4: 5, 8: 5}


def test_a_kept_run_is_not_made_again(tmp_path, monkeypatch, capsys):
    made = []

    def one(job):
        made.append(job)
        return Run(config={**job, "scale": "desk"}, seed=job["seed"], test=(float("nan"), 0.5), status="finished")

    monkeypatch.setattr(record_features, "run_one", one)
    monkeypatch.setattr(record_features, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(record_features, "recorded_dir", lambda: tmp_path)
    monkeypatch.setattr(record_features, "jobs", lambda: record_features_jobs[:2])
    record_features_jobs = [dict(kind="linear", task="digits", features="Lite0", classifier="svm", per_class=n, seed=0)
                            for n in (1, 2)]  # fmt: skip
    for _ in range(2):
        record_features.record()
    assert made == record_features_jobs
    from course_utils.runs import RunTable

    assert [run.test[1] for run in RunTable.load(tmp_path / "10.3.npz")] == [0.5, 0.5]


@dataclass
class Made:
    """A task of two classes, three numbers an image; the first number tells the class."""

    source: str = "made up"
    train: object = field(default_factory=lambda: _split(200, 0))
    val: object = field(default_factory=lambda: _split(50, 1))
    test: object = field(default_factory=lambda: _split(50, 2))

    def chosen(self, n, seed):
        return torch.cat([torch.nonzero(self.train.labels == c).ravel()[seed : seed + n] for c in (0, 1)])


def _split(n, seed):
    labels = torch.arange(n) % 2
    noise = np.random.RandomState(seed).normal(0, 1, (n, 3)).astype("float32")
    noise[:, 0] += 6 * labels.numpy()

    @dataclass
    class Part:
        labels: torch.Tensor
        rows: np.ndarray

    return Part(labels, noise)


@pytest.mark.parametrize("classifier", STRENGTHS)
def test_a_linear_run_knows_its_strength_and_its_test_accuracy(monkeypatch, classifier):
    task = Made()
    monkeypatch.setattr(record_features, "task_of", lambda name: task)
    rows = {part: getattr(task, part).rows for part in ("train", "val", "test")}
    monkeypatch.setattr(record_features, "_rows", lambda name, what: rows)
    record_features._strength.cache_clear()
    job = dict(kind="linear", task="made", features="rows", classifier=classifier, per_class=PER_CLASS[3], seed=1)
    run = record_features.run_one(job)
    record_features._strength.cache_clear()
    assert run.config["C"] in STRENGTHS[classifier] and run.config["width"] == 3
    assert run.test[1] > 0.9 and run.seed == 1 and run.source == "made up"


def test_the_folded_head_gives_the_scores_of_the_regression():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from course_utils.transfer.backbones import Classifier, backbone

    rng = np.random.RandomState(0)
    rows, labels = rng.gamma(1.0, 1.0, (40, 1280)).astype("float32"), np.arange(40) % 4
    model = Classifier(backbone(size=32, pretrained=False, seed=0), 4)
    record_finetuning.linear_head(model, rows, labels)
    scaler = StandardScaler().fit(rows)
    fitted = LogisticRegression(C=0.001, max_iter=300).fit(scaler.transform(rows), labels)
    with torch.no_grad():
        scores = model.head(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(scores, fitted.decision_function(scaler.transform(rows)), atol=1e-3)
