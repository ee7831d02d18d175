"""The recording of lesson 10.3: its plan, the choice of C and the folded head."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from course_utils.lessons.l10_3 import record
from course_utils.lessons.l10_3.record import PER_CLASS, STRENGTHS


def test_the_plan():
    jobs = record.jobs()
    kinds = [job["kind"] for job in jobs]
    assert set(kinds) == {"tuned", "linear", "scratch"}
    five = [job["seed"] for job in jobs if job.get("features") == "Lite2" and job["per_class"] == 80]
    assert five == [0, 1, 2, 3, 4]
    seeds = {
        k: sum(
            job["kind"] == "tuned" and job["unfrozen"] == k and job["keep_norm"] and job["body"] < 1e-3 for job in jobs
        )
        for k in record.STAGES
    }
    assert seeds == {0: 3, 2: 3, 4: 5, 8: 5}


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
    monkeypatch.setattr(record, "task_of", lambda name: task)
    rows = {part: getattr(task, part).rows for part in ("train", "val", "test")}
    monkeypatch.setattr(record, "_rows", lambda name, what: rows)
    record._strength.cache_clear()
    job = dict(kind="linear", task="made", features="rows", classifier=classifier, per_class=PER_CLASS[3], seed=1)
    run = record.run_one(job)
    record._strength.cache_clear()
    assert run.config["C"] in STRENGTHS[classifier] and run.config["width"] == 3
    assert run.test[1] > 0.9 and run.seed == 1 and run.source == "made up"


def test_the_folded_head_gives_the_scores_of_the_regression():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from course_utils.transfer.backbones import Classifier, backbone

    rng = np.random.RandomState(0)
    rows, labels = rng.gamma(1.0, 1.0, (40, 1280)).astype("float32"), np.arange(40) % 4
    model = Classifier(backbone(size=32, pretrained=False, seed=0), 4)
    record.linear_head(model, rows, labels)
    scaler = StandardScaler().fit(rows)
    fitted = LogisticRegression(C=0.001, max_iter=300).fit(scaler.transform(rows), labels)
    with torch.no_grad():
        scores = model.head(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(scores, fitted.decision_function(scaler.transform(rows)), atol=1e-3)
