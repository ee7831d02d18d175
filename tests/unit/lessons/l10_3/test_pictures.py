"""The pictures of lesson 10.3: both explorers over their sliders, the hits of a search, several tasks, a photograph."""

import base64
import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest

from course_utils.lessons.l10_3 import frozen_features as rivals
from course_utils.lessons.l10_3 import retrieval as retrieval_picture
from course_utils.lessons.l10_3 import unfreezing as unfreeze_explorer
from course_utils.lessons.l10_3.frozen_features import features_explorer
from course_utils.lessons.l10_3.photographs import photo_figure, tasks_figure
from course_utils.lessons.l10_3.retrieval import hits_figure, shares, show_hits
from course_utils.runs import Run, RunTable
from course_utils.schedules import cosine
from course_utils.transfer.tasks import task


def linear(task, features, classifier, n, seed, accuracy):
    kind = "scratch" if features == "from scratch" else "linear"
    config = dict(kind=kind, task=task, features=features, classifier=classifier, per_class=n)
    return Run(config=config, seed=seed, status="finished", test=(1.0, accuracy), source="made up")


LEVEL = {"Lite0": 0.5, "raw pixels": 0.2, "from scratch": 0.25, "Lite0, untrained": 0.18}


def made_up(digits=0.9) -> RunTable:
    """Objects and digits, 1, 5, 20 images a class, three seeds; raw pixels win at the digits."""
    runs = []
    for name, n, seed in itertools.product(("objects", "digits"), (1, 5, 20), range(3)):
        for features, level in LEVEL.items():
            level = digits if (name, features) == ("digits", "raw pixels") else level
            more = 0.1 * np.log10(n) + 0.01 * (seed - 1)
            kinds = {"from scratch": ["small net"], "Lite0, untrained": ["logistic"]}.get(features, ["logistic", "svm"])
            runs += [linear(name, features, kind, n, seed, level + more) for kind in kinds]
    return RunTable(runs)


def test_features_over_the_sliders():
    picture = features_explorer(made_up())
    for n, name, classifier in itertools.product([1, 5, 20], ["objects", "digits"], ["logistic", "svm"]):
        picture.set(n=n, task=name, classifier=classifier)
        for what, level in LEVEL.items():
            level = 0.9 if (name, what) == ("digits", "raw pixels") else level
            x, y = picture.artists[what].get_data()
            assert list(x) == [1, 5, 20] and y[0] == pytest.approx(100 * level)
            assert picture.artists[f"dot {what}"].get_xdata() == [n]
        assert f"{n} image" in picture.scene.status and "nan" not in picture.scene.status
        assert ("behind" if name == "digits" else "ahead") in picture.scene.status


def test_what_the_lead_is_worth_in_images():
    table = made_up(digits=0.45)  # pixels reach 0.5 with 5 images: 0.45 + 0.07
    status = features_explorer(table, per_class=1, task="digits").scene.status
    assert "5 points ahead of the raw pixels, which need 5 images a class for as much" in status
    assert "do not get that far with 20 either" in features_explorer(table, per_class=20).scene.status
    assert "level" in features_explorer(made_up(digits=0.505), task="digits").scene.status


def test_a_better_net_from_scratch_is_said():
    runs = [run for run in made_up() if run.config["kind"] == "linear"]
    runs += [linear("objects", "from scratch", "small net", n, seed, 0.9) for n in (5, 20) for seed in range(3)]
    picture = features_explorer(RunTable(runs))
    assert "from scratch on the same images is 33 points ahead" in picture.scene.status  # 90 against 57
    assert "ahead of the features" not in picture.set(n=1).scene.status
    assert "ahead of the features" not in features_explorer(made_up()).scene.status


def test_a_classifier_that_was_not_recorded_is_said():
    table = RunTable(run for run in made_up() if run.config["task"] == "digits" or run.config["classifier"] != "svm")
    picture = features_explorer(table).set(classifier="svm")
    assert "Not recorded" in picture.scene.status
    assert not picture.artists["Lite0"].get_visible() and picture.artists["from scratch"].get_visible()


def test_features_refuses_what_was_not_recorded():
    with pytest.raises(ValueError, match="holds no runs of kind"):
        features_explorer(RunTable([Run(config={"kind": "tuned"})]))
    with pytest.raises(ValueError, match="per_class = 3 was not recorded; there is 1, 5, 20"):
        features_explorer(made_up(), per_class=3)
    with pytest.raises(ValueError, match="task = 'sounds' was not recorded"):
        features_explorer(made_up(), task="sounds")
    assert rivals.Curves(made_up()).at("sounds", "Lite0", "logistic", 5) is None


def tuned() -> RunTable:
    def run(k, seed, body=3e-4, norm=True):
        config = dict(kind="tuned", unfrozen=k, body=body, keep_norm=norm, before=0.6 + 0.01 * seed, updates=100)
        return Run(
            config=config,
            seed=seed,
            test=(1.0, 0.6 + 0.01 * (seed + k)),
            t=[1],
            lr=[3e-3],
            momentum=[0.9],
            loss_log=[1.0],
        )

    return RunTable([run(k, s) for k in (0, 2, 4, 8) for s in range(3)] + [run(4, 0, body=3e-3), run(4, 0, norm=False)])


def test_unfreezing_over_the_sliders():
    picture = unfreeze_explorer.unfreeze_explorer(tuned())
    for k, ratio, t in itertools.product(range(9), (1, 10, 100), (0, 50, 100)):
        picture.set(unfrozen=k, ratio=ratio, t=t)
        for n in range(9):
            frozen = n < 8 - k
            assert picture.artists[f"frozen {n}"].get_visible() == frozen
            wanted = cosine(t, peak=3e-3 if n == 8 else 3e-3 / ratio, T=100)
            bar = picture.artists[f"bar {n}"]
            assert bar.get_visible() == (not frozen and wanted > 1e-6)
            assert not bar.get_visible() or bar.get_ydata()[1] == pytest.approx(wanted)
        assert picture.artists["dot"].get_visible() == (k in (0, 2, 4, 8))
        status = picture.scene.status
        assert ("not recorded" in status) == (k not in (0, 2, 4, 8)) and "nan" not in status
        assert k != 4 or "61.0 % before, 65.0 % after (+4.0 points)" in status


def test_unfreezing_counts_what_learns():
    from course_utils.transfer.backbones import Classifier, backbone

    for k in (0, 3, 8):
        model = Classifier(backbone(size=32, pretrained=False, seed=0).unfreeze(k), 10)
        learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
        status = unfreeze_explorer.unfreeze_explorer(tuned(), unfrozen=k).scene.status
        assert f"{learning:,} numbers learn" in status


def test_unfreezing_refuses():
    with pytest.raises(ValueError, match="holds no runs of kind"):
        unfreeze_explorer.unfreeze_explorer(made_up())
    for wrong in (-1, 9, True, 2.5):
        with pytest.raises(ValueError, match="unfrozen must be"):
            unfreeze_explorer.unfreeze_explorer(tuned(), unfrozen=wrong)


# ------------------------------------------------------------------------------------------------------- search
@pytest.fixture(scope="module")
def digits():
    return task("digits", train=60, val=10, test=20)


def test_hits_are_framed_by_their_class(digits):
    labels = digits.train.labels.numpy()
    query = int((digits.test.labels == 3).nonzero()[0])
    hits = [[int(np.flatnonzero(labels == c)[0]) for c in (3, 3, 5)]]
    axes = hits_figure(digits, [query], hits).axes[0]
    marks = [text.get_text() for text in axes.texts if text.get_text() in "✓✗"]
    assert marks == ["✓", "✓", "✗"] and len(axes.images) == 4


def test_photographs_do_not_reach_the_saved_page(monkeypatch):
    shown = []
    monkeypatch.setattr(retrieval_picture, "display", shown.append)
    monkeypatch.delenv("COURSE_CIFAR10", raising=False)  # the objects are stand-ins first
    objects = task("objects", train=30, val=10, test=10, quiet=True)
    from dataclasses import replace

    show_hits(objects, [0, 1], [[0, 1], [2, 3]])  # stand-ins: shown as they are
    show_hits(replace(objects, is_real=True, source="CIFAR-10"), [0, 1], [[0, 1], [2, 3]])
    drawn, real = shown
    live = [base64.b64decode(re.search(r"base64,([^\"]+)", still.widget.children[0].value).group(1)) for still in shown]
    assert live[0] == drawn.png and live[1] != real.png
    assert not hits_figure(objects, [0], [[0]], names_only=True).axes[0].images
    assert "of 2" in real.alt and repr(real) == repr(drawn)


@pytest.mark.parametrize(
    "queries, hits, words",
    [
        ([], [[0]], "queries has shape"),
        ([[0]], [[0]], "queries has shape"),
        ([0], [0], "hits has shape"),
        ([0, 1], [[0]], "hits has shape"),
        ([0], [[]], "hits has shape"),
        ([0], [range(13)], "hits has shape"),
        ([0], [[60]], "hits must be whole numbers from 0 to 59"),
        ([-1], [[0]], "queries must be whole numbers"),
        ([0], [[0.5]], "hits must be whole numbers"),
    ],
)
def test_hits_that_are_refused(digits, queries, hits, words):
    with pytest.raises(ValueError, match=words):
        show_hits(digits, queries, hits)


def test_shares():
    np.testing.assert_allclose(shares([[1, 0, 1], [0, 0, 1]]), [0.5, 0.25, 0.5])
    for wrong in ([True], [], [[]]):
        with pytest.raises(ValueError, match="give one row of hits"):
            shares(wrong)


# ------------------------------------------------------------------------------------------------------- others
def test_several_tasks():
    figure = tasks_figure({"one": {"a": [10, 20], "b": [50]}, "two": {"b": [40, 44, 48]}}, title="t")
    marks = {tuple(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() not in ("None", None)}
    assert marks == {(15,), (50,), (44,)}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two"]
    for wrong in ({}, {"one": {"a": []}}):
        with pytest.raises(ValueError, match="rows must be"):
            tasks_figure(wrong, title="t")


def test_a_photograph():
    photo = np.zeros((10, 12, 3), np.uint8)
    figure = photo_figure(photo, [("palace", 0.5), ("castle", 0.25)], credit="somebody")
    assert [bar.get_width() for bar in figure.axes[1].patches] == [50, 25]
    fine = [("a", 0.5)]
    for image, guesses, words in (
        (photo[0], fine, "image must be"),
        (photo / 255, fine, "image must be"),
        (photo, [], "guesses must be"),
        (photo, [("a", 1.5)], "guesses must be"),
    ):
        with pytest.raises(ValueError, match=words):
            photo_figure(image, guesses)


def test_no_torch_for_the_explorers():
    import subprocess
    import sys

    modules = "course_utils.lessons.l10_3.frozen_features, course_utils.lessons.l10_3.unfreezing"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_namespace_is_enough():
    curves = rivals.Curves(made_up())
    scene = rivals.draw(curves, SimpleNamespace(n=5, task="objects", classifier="logistic"))
    assert set(LEVEL) <= set(scene.artists)
