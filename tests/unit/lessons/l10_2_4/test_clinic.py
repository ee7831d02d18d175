"""The clinic, its score and its pictures, on made-up records of every patient under every treatment that was tried."""

import math
from types import SimpleNamespace

import pytest

from course_utils.lessons.l10_2_4.clinic import CURES, ENVELOPES, WARD, Charts, Ledger, clinic_explorer, draw
from course_utils.lessons.l10_2_4.figures import matrix_figure, patterns_figure, ratio_figure
from course_utils.lessons.l10_2_4.patients import CHECK, HE, HIGHER, LECTURE, PATIENTS, SOUND, TRIED, disease, settings
from course_utils.lessons.l10_2_4.record import SEEDS, jobs
from course_utils.runs import Run, RunTable

LETTERS = {patient: letter for letter, patient in WARD.items()}


def a_run(job: dict) -> Run:
    """A run as the record has them, 52 losses, eight validations; the sounder its settings, the better its test."""
    T, n = job["updates"], 52
    good = 50 - 4 * sum(job[name] != SOUND[name] for name in SOUND) + job["seed"]
    t = [round(T * (k + 1) / n) for k in range(n)]
    looks = [T * (k + 1) // 8 for k in range(8)]
    val = [(looks[k], 2.3 - 0.1 * k, 0.1 + 0.03 * k) for k in range(8)]
    lists = dict(train_accuracy=[0.1 + 0.04 * k for k in range(8)], gradient=[0.5] * 8)
    lists["ratio"] = {name: [1e-2 / (k + 1) for k in range(8)] for name in ("layer 1", "head")}
    run = Run(config={**job, **lists}, seed=job["seed"], status="finished", kind="recorded", source="CIFAR-10")
    run.t, run.lr, run.momentum = t, [job["lr"]] * n, [0.9] * n
    run.loss_log, run.val, run.test = [2.3 - 0.01 * k for k in range(n)], val, (1.5, good / 100)
    if job["lr"] == 0.4:
        run.status, run.diverged_at, run.val = "diverged", 24, [(24, math.nan, 0.1)]
        run.t, run.lr, run.momentum, run.loss_log = [12, 24], [0.4] * 2, [0.9] * 2, [2.4, math.nan]
        run.config.update(train_accuracy=[0.1], gradient=[math.nan], ratio={"layer 1": [math.nan], "head": [math.nan]})
    return run


TABLE = RunTable(map(a_run, jobs()))


@pytest.fixture
def clinic():
    return clinic_explorer(TABLE)


def click(picture, **values):
    """Move controls one by one, as a hand does."""
    for name, value in values.items():
        picture.controls[name].widget.value = value


def test_every_setting_is_recorded_once_and_the_ward_has_everybody():
    keys = [tuple(job.items()) for job in jobs()]
    assert len(set(keys)) == len(keys) and len(keys) % len(SEEDS) == 0
    assert sorted(WARD.values()) == sorted(PATIENTS) == sorted(TRIED)
    assert all(set(LECTURE[patient]) <= set(TRIED[patient]) for patient in LECTURE)
    assert settings("wrong labels", CHECK) == settings("nothing")
    with pytest.raises(KeyError):
        settings("a cold")


def test_gains_are_paired_and_nothing_tried_is_nan():
    charts = Charts(TABLE)
    assert charts.gains("poor initialisation", HE) == pytest.approx([0, 0, 0])
    assert math.isnan(charts.gain("rate far too high (0.4)", HIGHER))
    assert charts.best("nothing") == "none" and charts.best("validation leaked") == CHECK
    assert all(charts.best(patient) in TRIED[patient] for patient in PATIENTS.keys() - CURES.keys())
    with pytest.raises(ValueError, match="no runs"):
        Charts(RunTable([]))


def test_points():
    charts = Charts(TABLE)
    assert charts.points("wrong labels", "wrong labels", CHECK, 0) == (5, 5, 0)
    assert charts.points("wrong labels", "nothing", "none", 3) == (0, 0, -3)
    assert charts.points("nothing", "nothing", "none", 1) == (5, 5, -1)
    assert charts.points("nothing", "nothing", HIGHER, 0) == (5, 0, 0)
    assert charts.points("rate far too high (0.4)", "rate far too high", HIGHER, 0) == (5, 0, 0)  # was not tried


def test_traces_stay_sealed_until_they_are_paid_for(clinic):
    assert {"loss", "accuracy sealed", "scale sealed"} <= clinic.scene.artists.keys()
    assert "val_loss" not in clinic.scene.artists and "only the training loss" in clinic.scene.status
    click(clinic, val_accuracy=True)
    assert "val_accuracy" in clinic.scene.artists and "Spent: 1 point." in clinic.scene.status
    assert clinic.controls["val_accuracy"].widget.disabled
    click(clinic, patient="B")
    assert "val_accuracy" not in clinic.scene.artists and not clinic.controls["val_accuracy"].widget.disabled
    click(clinic, patient="A")
    assert "val_accuracy" in clinic.scene.artists and clinic.state.val_accuracy


def test_handing_in_is_final_and_draws_the_rerun(clinic):
    letter = LETTERS["wrong labels"]
    click(clinic, patient=letter, rate=True, diagnosis="wrong labels", treatment=CHECK)
    assert "wrong labels" not in clinic.scene.status
    click(clinic, hand_in=True)
    status = clinic.scene.status
    assert "had: wrong labels (right: +5)" in status and "Envelopes: -1. This patient: 9 of 10." in status
    assert "9 of 10 points, 1 of 15 patients" in status
    assert {"loss rerun", "val_accuracy rerun", "rerun word"} <= clinic.scene.artists.keys()
    assert all(clinic.controls[name].widget.disabled for name in (*ENVELOPES, "diagnosis", "treatment", "hand_in"))
    click(clinic, patient=LETTERS["nothing"], hand_in=True)
    assert "(you said wrong labels: +0)" in clinic.scene.status and "9 of 20 points" in clinic.scene.status
    click(clinic, patient=letter)
    assert "had: wrong labels" in clinic.scene.status and clinic.state.diagnosis == "wrong labels"


def test_reset_begins_a_new_day(clinic):
    first = clinic.view.png
    click(clinic, patient="C", gradient=True, hand_in=True)
    clinic.reset()
    assert clinic.view.png == first and "0 of 0 points" in clinic.scene.status
    assert not any(control.widget.disabled for control in clinic.controls.values())


def test_every_patient_draws_open_and_treated():
    charts, ledger = Charts(TABLE), Ledger()
    for letter, patient in WARD.items():
        ledger.opened[letter], ledger.handed[letter] = set(ENVELOPES), (disease(patient), TRIED[patient][0])
        scene = draw(charts, ledger, SimpleNamespace(patient=letter))
        assert "(right: +5)" in scene.status
        for numbers in scene.artists.values():
            flat = [x for part in numbers[:2] for x in (part if hasattr(part, "__len__") else [part])]
            assert all(map(math.isfinite, flat))
    assert "15 of 15 patients" in scene.status


def test_figures():
    assert len(patterns_figure(TABLE).axes) == 6
    written = [text.get_text() for text in matrix_figure(TABLE).axes[0].texts]
    assert len(written) == sum(map(len, TRIED.values()))
    rows = [{"layer 1": 1e-2, "head": 1e-3}] * 30
    above = ratio_figure(rows, [7e-3] * 30, title="x").axes[0]
    assert above.lines[0].get_ydata() == pytest.approx([1e-2] * 30)  # an average of equal numbers is that number
