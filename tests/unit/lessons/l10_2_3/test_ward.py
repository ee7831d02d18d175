"""Patients, instruments, the panel: every fault changes something, readings repeat, a price is paid once."""

import numpy as np
import pytest

from course_utils.data import stand_in
from course_utils.lessons.l10_2_3.instruments import INSTRUMENTS, PATH, examine, instrument_of, price
from course_utils.lessons.l10_2_3.matrix import watch_matrix
from course_utils.lessons.l10_2_3.pipeline import FAULTS, Bench, Patient
from course_utils.lessons.l10_2_3.ward import NONE, PATIENTS, Ward, faults_of


class FlatBand:
    """A band of half-width 1 around 0, so that every place is the reading itself."""

    def __init__(self, names):
        self.names = names

    def place(self, readings):
        return dict(readings)

    def alarm(self, readings, tool):
        return max(abs(x) for name, x in readings.items() if instrument_of(name) == tool)


@pytest.fixture(scope="module")
def bench():
    return Bench(stand_in(train=320, val=100, test=100), share=0.05)


def everything(patient):
    return {name: x for tool in INSTRUMENTS for name, x in examine(patient, tool).items()}


@pytest.fixture(scope="module")
def healthy(bench):
    return everything(Patient(bench, seed=1))


def test_the_same_patient_reads_the_same_in_any_order(bench, healthy):
    patient = Patient(bench, seed=1)
    again = {}
    for tool in reversed(INSTRUMENTS):
        again |= examine(patient, tool)
    assert again == healthy and all(np.isfinite(list(again.values())))


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_does_something(bench, healthy, fault):
    images, labels = Patient(bench, (fault,), seed=1).batch(0, augment=False)
    clean, right = Patient(bench, seed=1).batch(0, augment=False)
    data_differ = not (np.array_equal(images.cpu(), clean.cpu()) and np.array_equal(labels.cpu(), right.cpu()))
    assert everything(Patient(bench, (fault,), seed=1)) != healthy or data_differ


def test_what_can_be_known_exactly(bench):
    assert examine(Patient(bench, seed=2), "initial loss")["initial loss: loss"] == pytest.approx(np.log(10), abs=0.1)
    flipped = examine(Patient(bench, ("sign flipped",), seed=2), "initial loss")["initial loss: loss"]
    assert flipped == pytest.approx(-np.log(10), abs=0.1)
    moved = examine(Patient(bench, ("optimizer of another net",), seed=2), "first update")
    assert set(moved.values()) == {-6.0}
    frozen = examine(Patient(bench, ("convolutions frozen",), seed=2), "first update")
    assert frozen["first update: smallest"] == -6.0 < frozen["first update: largest"]
    key = "dependency: others' share"
    assert examine(Patient(bench, seed=2), "dependency")[key] == -6.0
    assert examine(Patient(bench, ("softmax over the batch",), seed=2), "dependency")[key] > -2


def test_a_net_without_batchnorm_sees_raw_pixels(bench):
    losses = [
        examine(Patient(bench, ("raw pixels",), seed=3, norm=norm), "initial loss")["initial loss: loss"]
        for norm in (True, False)
    ]
    assert losses[0] == pytest.approx(np.log(10), abs=0.2) and losses[1] > 3


def test_strangers_are_refused(bench):
    with pytest.raises(ValueError, match=r"no fault \['gremlins'\]"):
        Patient(bench, ("gremlins",))
    with pytest.raises(ValueError, match="no instrument 'stethoscope'"):
        examine(Patient(bench), "stethoscope")


def test_prices_and_the_lectures_path():
    assert price(INSTRUMENTS) == sum(price([tool]) for tool in INSTRUMENTS) and price([]) == 0
    assert set(PATH) < set(INSTRUMENTS)
    assert {step for _, _, steps in FAULTS.values() for step in steps} == {1, 2, 3}


def test_every_ward_has_healthy_and_broken_patients():
    kinds = {len(faults_of(seed, number)) for seed in range(6) for number in range(1, PATIENTS + 1)}
    assert kinds == {0, 1, 2} and faults_of(3, 1) == faults_of(3, 1)


@pytest.fixture
def ward(bench, healthy):
    return Ward(bench, FlatBand(tuple(healthy)), lambda named, true: float(named == true), seed=3)


def test_the_panel_runs_pays_and_seals(ward):
    before = ward.picture.view.png
    ward.press("initial loss")
    ward.press("initial loss")
    assert ward.picture.view.png != before
    assert "1 of 8 instruments, 1 updates" in ward.picture.scene.status
    ward.doctors = {"sleeper": lambda rows: (set(), price(map(instrument_of, rows)))}
    ward.diagnose(*faults_of(3, 1))
    assert "right 1 of 1" in ward.picture.scene.status and "sleeper 0 for" in ward.picture.scene.status
    ward.press("dependency")
    ward.diagnose()
    assert ward.sealed == {1: (1.0, 1)}, "what is sealed stays"
    ward.picture.set(patient=2)
    assert "0 of 8 instruments" in ward.picture.scene.status


def test_the_panel_at_every_patient_and_diagnosis(ward):
    ward.press("short epoch")
    for number in range(1, PATIENTS + 1):
        for first in (NONE, "raw pixels"):
            scene = ward.draw(ward.picture.set(patient=number, first=first).state)
            assert scene.status == ward.picture.scene.status


def test_buttons_do_what_they_say(ward):
    *tools, seal = ward.widget.children[0].children
    assert [button.description.split(" (")[0] for button in tools] == list(INSTRUMENTS)
    tools[2].click()
    assert {*map(instrument_of, ward.readings[1])} == {"dependency"}
    seal.click()
    assert list(ward.sealed) == [1]


def test_the_matrix_fills_row_by_row(healthy):
    watch = watch_matrix(["a", "b"], FlatBand(tuple(healthy)), title="Matrix")
    assert "No faults examined" in watch.status() and watch.caught == {}
    watch("a", {name: 0.5 for name in healthy})
    watch("b", {name: 40.0 if instrument_of(name) == "rate sweep" else -0.2 for name in healthy})
    assert watch.caught == {"a": [], "b": ["rate sweep"]}
    assert "Caught by nothing: a." in watch.status() and watch.words[1, 5].get_text() == "40"
    assert 'alt="Matrix' in watch.view.image.value
