"""What nets say together: the three rules, what is guaranteed, calibration, greedy selection, stored logits."""

import numpy as np
import pytest
import torch

from course_utils.lessons.l10_2_5 import measures
from course_utils.lessons.l10_2_5.measures import RULES, best_temperature, greedy, nll, pool, softmax, with_temperature
from course_utils.lessons.l10_2_5.predictions import decode, encode, load_members, predict
from course_utils.lessons.l10_2_5.record import TEST, VAL
from course_utils.runs import recorded
from course_utils.training.loop import evaluate
from course_utils.training.models import small_conv_net
from tests.made_up import tiny_data

RNG = np.random.RandomState(0)
LABELS = RNG.randint(0, 10, 300)
LOGITS = RNG.randn(6, 300, 10) + 1.5 * np.eye(10)[LABELS]
THREE = np.log([[[0.001, 0.999]], [[0.8, 0.2]], [[0.8, 0.2]]])


def test_the_rules_on_an_example_where_they_differ():
    assert pool(THREE)[0] == pytest.approx([0.5337, 0.4663], abs=1e-4)
    assert pool(THREE, "logits")[0].argmax() == 1 and pool(THREE, "votes")[0] == pytest.approx([2 / 3, 1 / 3])
    assert pool(THREE[:1])[0] == pytest.approx([0.001, 0.999])


@pytest.mark.parametrize("rule", RULES)
def test_probabilities_add_up_and_a_huge_logit_does_no_harm(rule):
    assert np.allclose(pool(LOGITS, rule).sum(-1), 1)
    assert np.allclose(pool(np.array([[[900.0, 0.0]], [[0.0, 1.0]]]), rule).sum(-1), 1)


@pytest.mark.parametrize(
    ("logits", "rule", "words"),
    [
        (LOGITS, "mean", "rule must be one of"),
        (LOGITS[:0], "logits", "one member at least"),
        (LOGITS[0], "logits", "one member at least"),
        (np.array([[[0.0, 1.0]], [[np.nan, 1.0]]]), "probabilities", r"members \[1\] say NaN"),
    ],
)
def test_what_cannot_be_pooled_is_refused(logits, rule, words):
    with pytest.raises(ValueError, match=words):
        pool(logits, rule)


@pytest.mark.parametrize("rule", RULES[:2])
def test_the_nll_of_a_team_is_at_most_the_mean_of_its_members(rule):
    alone = np.mean([nll(softmax(own), LABELS) for own in LOGITS])
    assert nll(pool(LOGITS, rule), LABELS) <= alone


def test_ece_and_disagreement_on_small_examples():
    said, labels = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]]), np.array([0, 1, 0])
    assert measures.ece(said, labels) == pytest.approx(100 * (abs(2 * 0.9 - 1) + abs(0.6 - 1)) / 3)
    assert measures.ece(np.eye(2), np.array([0, 1])) == 0
    assert measures.disagreement(THREE) == pytest.approx(200 / 3) and measures.disagreement(THREE[:1]) == 0
    assert measures.percent(said, labels) == pytest.approx(200 / 3)


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(true):
    rng = np.random.RandomState(1)
    logits = rng.randn(20_000, 5)
    labels = np.array([rng.choice(5, p=p) for p in softmax(logits)])
    found_back = best_temperature(softmax(true * logits), labels)
    assert found_back == pytest.approx(true, rel=0.05)
    cooled = with_temperature(softmax(true * logits), found_back)
    assert (cooled.argmax(-1) == logits.argmax(-1)).all()


def test_greedy_selection_takes_the_best_first_and_never_what_is_worse():
    bad = -LOGITS[:2]
    order = greedy(np.concatenate([LOGITS, bad]), LABELS, 10)
    costs = [nll(softmax(own), LABELS) for own in LOGITS]
    assert order[0] == int(np.argmin(costs)) and max(order) < 6 and len(order) == 10
    together = [nll(softmax(LOGITS)[order[:n]].mean(0), LABELS) for n in (1, 2, 3)]
    assert together == sorted(together, reverse=True)


def test_a_byte_a_logit_keeps_what_is_needed():
    back = decode(encode(LOGITS))
    depth = LOGITS.max(-1, keepdims=True) - LOGITS
    assert back.dtype == np.float32 and (np.abs(back + depth) <= np.sqrt(16 * depth) / 255 + 16 / 255**2).all()
    assert abs(nll(softmax(back[0]), LABELS) - nll(softmax(LOGITS[0]), LABELS)) < 1e-3
    assert decode(encode(np.array([[0.0, -500.0]]))).tolist() == [[0.0, -16.0]]


def test_predictions_are_those_of_evaluate_and_leave_the_net_as_it_was():
    data, net = tiny_data(), small_conv_net(width=4, seed=0).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    logits = predict(net, data, "val")
    loss, share = evaluate(net, data, "val")
    assert net.training and all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert nll(softmax(logits), data.val.labels.numpy()) == pytest.approx(loss, rel=1e-3)
    assert measures.percent(logits, data.val.labels.numpy()) == pytest.approx(100 * share)
    with pytest.raises(ValueError, match="split must be one of"):
        predict(net, data, "validation")


def test_the_stored_logits_are_those_of_the_recorded_runs():
    members, runs = load_members(), recorded("10.2.5")
    assert members.val.shape[1:] == (VAL, 10) and members.test.shape[1:] == (TEST, 10)
    assert len(members) == sum(run.config["cycles"] for run in runs)
    for run in list(runs)[::7]:
        own = members.where(**{key: run.config[key] for key in ("data", "width", "epochs", "cycles")}, seed=run.seed)
        for n, (_, loss, share) in zip(own, run.val, strict=True):
            assert measures.percent(members.val[n], members.val_labels) == pytest.approx(100 * share, abs=0.4)
            assert nll(softmax(members.val[n]), members.val_labels) == pytest.approx(loss, abs=0.01)
        assert measures.percent(members.test[own[-1]], members.test_labels) == pytest.approx(run.test_percent, abs=3)
