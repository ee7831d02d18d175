"""The run explorer shows what was recorded: medians, seed bands, divergence, and where numbers come from."""

import math

import numpy as np
import pytest

from course_utils.pictures.explore_runs import run_explorer
from course_utils.pictures.seed_bands import curve_of, seed_band, summary_of
from course_utils.runs import Run, RunTable

LRS = [0.001, 0.01, 0.1, 1.0]


def a_run(lr, seed, optimizer="sgd", n=60, source="made up"):
    """A run with invented numbers: better towards LR 0.1; 1.0 diverges at update 20 + seed."""
    lost = lr >= 1.0
    run = Run(
        config={"optimizer": optimizer, "lr": lr},
        seed=seed,
        kind="recorded",
        source=source,
        device="cpu",
        dtype="f32",
    )
    last = 20 + seed if lost else n
    for t in range(1, last + 1):
        run.t.append(t)
        run.lr.append(lr)
        run.momentum.append(0.0)
        run.loss_log.append(2.3 * math.exp(0.2 * t) if lost else 2.3 - 0.1 * seed - t * 0.02 * (4 + math.log10(lr)) / 3)
        if t % 20 == 0 and not lost:
            run.val.append((t, 1.5, 0.1 + 0.005 * t * (4 + math.log10(lr)) / 3 + 0.01 * seed))
    run.status, run.diverged_at = ("diverged", last) if lost else ("finished", None)
    return run


def table(optimizers=("adam", "sgd"), seeds=3, **more):
    return RunTable([a_run(lr, s, o, **more) for o in optimizers for lr in LRS for s in range(seeds)])


@pytest.mark.parametrize("lr", LRS[:3])
@pytest.mark.parametrize("curve", ["loss", "accuracy", "val_loss"])
def test_the_line_is_the_median_and_the_band_the_range_of_the_seeds(lr, curve):
    runs = table()
    picture = run_explorer(runs).set(lr=lr, optimizer="sgd", curve=curve)
    curves = np.array([curve_of(run, curve)[1] for run in runs.where(lr=lr, optimizer="sgd")])
    np.testing.assert_allclose(picture.artists["median"].get_ydata(), np.median(curves, axis=0))
    box = picture.artists["band"].get_paths()[0].get_extents()
    assert box.ymin == pytest.approx(curves.min()) and box.ymax == pytest.approx(curves.max())


def test_the_slider_stops_at_recorded_values_only():
    picture = run_explorer(table())
    assert picture.controls["lr"].options == tuple(LRS)
    with pytest.raises(ValueError, match="0.001, 0.01, 0.1, 1.0"):
        picture.set(lr=0.05)


def test_it_starts_at_the_best_value_and_names_it():
    picture = run_explorer(table())
    assert picture.state.lr == 0.1
    assert "Best learning rate recorded here: 0.1" in picture.view.status.value
    runs = list(table().where(lr=0.1, optimizer="adam"))
    median = 100 * np.median([run.final_accuracy for run in runs])
    assert f"final validation accuracy {median:.1f} % (median; seeds" in picture.view.status.value


def test_divergence_is_shown_not_hidden():
    picture = run_explorer(table()).set(lr=1.0)
    assert list(picture.artists["ended"].get_xdata()) == [20, 21, 22]
    assert picture.artists["ended word"].get_text() == "3 of 3 diverged, update 20–22"
    assert "3 of 3 seeds diverged, at update 20, 21, 22." in picture.view.status.value
    assert not picture.artists["here"].get_visible()
    assert list(picture.artists["all diverged"].get_xdata()) == [1.0]
    assert not picture.set(lr=0.1).artists["ended"].get_visible()


def test_the_record_says_what_it_is():
    status = run_explorer(table(source="CIFAR-10 (JPEG copy)")).view.status.value
    assert "Recorded runs, CIFAR-10 (JPEG copy), 3 seeds, cpu f32." in status
    assert "stand-in images, not CIFAR-10" in str(
        [text.get_text() for text in run_explorer(table(source="stand-in images")).canvas.figure.texts]
    )


def test_a_value_missing_for_one_optimizer_goes_to_the_nearest_and_says_so():
    runs = RunTable([run for run in table() if not (run.config["optimizer"] == "sgd" and run.config["lr"] == 0.001)])
    picture = run_explorer(runs).set(optimizer="sgd", lr=0.001)
    assert (
        "Nothing was recorded at 0.001 for this; the nearest is shown. SGD, learning rate 0.01"
        in picture.view.status.value
    )


def test_settings_are_never_mixed():
    constant, cosine = table(["sgd"]), table(["sgd"])
    for run in constant:
        run.config["schedule"] = "constant"
    for run in cosine:
        run.config["schedule"] = "cosine"
    both = RunTable([*constant, *cosine])
    with pytest.raises(ValueError, match="differ in schedule.*where"):
        run_explorer(both)
    assert "schedule" in run_explorer(both, by="schedule").controls
    assert run_explorer(both.where(schedule="cosine")).state.lr == 0.1


def test_moving_the_lr_keeps_the_background():
    picture = run_explorer(table())
    before = picture.canvas.full_draws
    for lr in LRS:
        picture.set(lr=lr)
    assert picture.canvas.full_draws == before
    assert picture.set(optimizer="sgd").canvas.full_draws == before + 1


def test_without_a_group_and_with_one_seed():
    picture = run_explorer(table(["sgd"], seeds=1), by=None)
    assert "optimizer" not in picture.controls
    np.testing.assert_allclose(picture.artists["median"].get_ydata(), curve_of(a_run(0.1, 0), "loss")[1])


@pytest.mark.parametrize(
    "runs, more, words",
    [
        (RunTable([]), {}, "no runs"),
        (table(), {"curve": "speed"}, "speed"),
        (table(), {"x": "optimizer", "by": None}, "positive"),
    ],
)
def test_what_cannot_be_shown_is_refused(runs, more, words):
    with pytest.raises(ValueError, match=words):
        run_explorer(runs, **more)


def test_seed_band_goes_on_when_a_seed_ends_early_or_is_not_finite():
    long, short, bad = a_run(0.1, 0), a_run(0.1, 1, n=30), a_run(0.1, 2)
    bad.loss_log[:] = [math.nan] * len(bad.loss_log)
    t, median, low, high = seed_band([long, short, bad])
    assert t[-1] == 60 and np.isfinite(median).all()
    assert (median[30:] == low[30:]).all() and (median[30:] == high[30:]).all()
    assert (high[:30] > low[:30]).all()


def test_summary_counts_diverged_seeds_and_leaves_them_out_of_the_accuracy():
    known = summary_of([a_run(0.1, 0), a_run(1.0, 1)])
    assert known["seeds"] == 2 and known["diverged_at"] == [21] and len(known["accuracies"]) == 1
    assert math.isnan(summary_of([a_run(1.0, 0)])["median"])
