"""The explorer of stopping rules over all its sliders, and Figure 10.7, on made-up records."""

import itertools
import math

import pytest

from course_utils.lessons.l10_1_8.label_noise import with_wrong_labels
from course_utils.lessons.l10_1_8.stopping import best_at, overfitting_figure, scores_of, smooth, stopping_explorer
from course_utils.runs import Run, RunTable, recorded
from course_utils.training.early_stopping import stopping
from tests.made_up import tiny_data


def a_run(seed, share, kind="recorded"):
    """A run of twelve validations: accuracy rises to update 40 and sinks, loss turns at 30."""
    t = [10 * (k + 1) for k in range(12)]
    accuracy = [0.4 - 0.01 * abs(k - 3) - 0.002 * seed * (k % 2) for k in range(12)]
    loss = [1.5 + 0.1 * abs(k - 2) for k in range(12)]
    lists = {f"{on}_accuracy": list(accuracy) for on in ("test", "small")}
    lists |= {f"{on}_loss": list(loss) for on in ("test", "small")}
    config = dict(wrong_labels=share, train_accuracy=[min(1, k / 9) for k in range(12)], **lists)
    curves = dict(t=t, lr=[0.1] * 12, momentum=[0.9] * 12, loss_log=[2.0 / (k + 1) for k in range(12)])
    val = list(zip(t, loss, accuracy, strict=True))
    return Run(config=config, seed=seed, status="finished", kind=kind, source="CIFAR-10", val=val, **curves)


TABLE = RunTable([a_run(seed, share) for seed in range(3) for share in (0.0, 0.4)])


def test_scores_and_best():
    run = a_run(0, 0.4)
    assert scores_of(run)[3] == pytest.approx(40) and scores_of(run, "loss")[2] == 1.5
    assert (best_at(run), best_at(run, "loss")) == (3, 2)
    with pytest.raises(ValueError, match="by = 'f1'"):
        scores_of(run, by="f1")
    for wrong in (dict(on="elsewhere"), dict(by="loss", on="train")):
        with pytest.raises(ValueError, match="on is one of val, test, small here"):
            scores_of(run, **wrong)
    with pytest.raises(ValueError, match="on is one of val here"):
        scores_of(Run(), on="test")


def test_every_slider_value_draws():
    picture = stopping_explorer(TABLE)
    empty = picture.view.png
    for by, on, share in itertools.product(("accuracy", "loss"), ("val", "small"), (0.0, 0.4)):
        for patience, min_delta, window, seed in ((1, 0, 1, 0), (3, 1.5, 2, 1), (15, 3, 5, 2)):
            picture.set(by=by, on=on, share=share, patience=patience, min_delta=min_delta, window=window, seed=seed)
            assert f"Seed {seed}" in picture.scene.status and "All 3 seeds" in picture.scene.status
            for name, numbers in picture.scene.artists.items():
                flat = [x for part in numbers[:2] for x in (part if hasattr(part, "__len__") else [part])]
                assert all(map(math.isfinite, flat)) and name in picture.artists
    assert picture.view.png != empty
    picture.reset()
    assert picture.view.png == empty


def test_the_picture_shows_what_the_rule_says():
    picture = stopping_explorer(TABLE).set(share=0.4, seed=0, patience=2)
    assert stopping(scores_of(a_run(0, 0.4)), 2).at == 5
    scene = picture.scene
    assert scene.artists["stop"][0] == [60, 60] and scene.artists["chosen"][0] == [40]
    assert "stops after update 60 of 120 and keeps that of update 40. Test accuracy there 40.0 %" in scene.status
    assert "50% of the updates saved" in scene.status and "0 of 3 stopped too early" in scene.status
    assert "later" not in scene.artists
    scene = picture.set(patience=15).scene
    assert "patience is never used up; all 120 updates are made" in scene.status and "stop" not in scene.artists


def test_too_early_is_counted_and_the_later_best_is_shown():
    late = [a_run(seed, 0.4) for seed in range(2)]
    for run in late:
        for name in ("test_accuracy", "small_accuracy"):
            run.config[name][-1] = 0.5
        run.val[-1] = (*run.val[-1][:2], 0.5)
    scene = stopping_explorer(RunTable(late)).set(patience=2).scene
    assert "2 of 2 stopped too early" in scene.status and scene.artists["later"][0] == [120]


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="no runs"):
        stopping_explorer(RunTable([]))


def test_figure():
    figure = overfitting_figure({"a": a_run(0, 0.0, "live"), "b": [a_run(1, 0.4), a_run(2, 0.4)]}, title="Fig")
    above, below = figure.axes[0], figure.axes[2]
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["a", "b"]
    star = next(line for line in above.lines if line.get_marker() == "*")
    assert star.get_xdata()[0] == 40 and star.get_ydata()[0] == pytest.approx(40)
    diamond = next(line for line in below.lines if line.get_marker() == "D")
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (30, 1.5)
    assert above.get_ylabel() == "accuracy (%)" and below.get_ylabel() == "loss"


def test_the_recorded_runs_hold_what_the_lesson_asks_for():
    table = recorded("10.1.8")
    assert table.values("wrong_labels") == [0.0, 0.4] and table.values("seed") == list(range(8))
    for run in table:
        for on, by in itertools.product(("val", "test", "small"), ("loss", "accuracy")):
            scores = scores_of(run, by, on)
            assert len(scores) == 30 == len(run.config["train_accuracy"]) and all(map(math.isfinite, scores))
        assert run.test[1] == run.config["test_accuracy"][-1]


def test_smoothing_looks_back_only():
    assert smooth([3, 5, 1, 3], 1) == [3, 5, 1, 3] and smooth([3, 5, 1, 3], 2) == [3, 4, 3, 2]
    assert smooth([3.0, 5.0, 1.0], 9) == [3, 4, 3]
    for window in (0, 1.5, True):
        with pytest.raises(ValueError, match="window must"):
            smooth([1], window)


# ------------------------------------------------------------------------------------------------- wrong labels
def test_wrong_labels_are_wrong_counted_and_seeded():
    data = tiny_data(train=200)
    before = data.train.labels.clone()
    noisy = with_wrong_labels(data, 0.4, seed=3)
    changed = noisy.train.labels != before
    assert int(changed.sum()) == 80 and data.train.labels.equal(before) and noisy.val is data.val
    assert noisy.train.inputs is data.train.inputs and 0 <= noisy.train.labels.min() <= noisy.train.labels.max() <= 9
    assert with_wrong_labels(data, 0.4, seed=3).train.labels.equal(noisy.train.labels)
    assert not with_wrong_labels(data, 0.4, seed=4).train.labels.equal(noisy.train.labels)
    assert with_wrong_labels(data, 0).train.labels.equal(before)
    assert len(set(with_wrong_labels(data, 1).train.labels.sub(before).remainder(10).tolist())) == 9
    for share in (-0.1, 1.1, "half", True, math.nan):
        with pytest.raises(ValueError, match="share must"):
            with_wrong_labels(data, share)
