"""What is no number is never the best, weights of another run are never handed back, nothing asked counts nothing."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from course_utils.data.splits import Split
from course_utils.data.text import python_text
from course_utils.runs import Run
from course_utils.training.compute import Compute, pick
from course_utils.training.keep_best import KeepBest
from course_utils.training.loop import evaluate, fit, train
from course_utils.training.models import mlp, small_conv_net
from course_utils.training.together import Stack
from course_utils.training.transformer import small_transformer
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=64, val=16, test=10)


def look(best, run, model, validated=True):
    best.see(SimpleNamespace(validated=validated, run=run, model=model))


@pytest.mark.parametrize("by", ["accuracy", "loss"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_without_a_finite_loss_is_never_the_best(by, bad, tmp_path):
    model, best, run = mlp((2,), seed=0), KeepBest(tmp_path / "best.pt", by, patience=2), Run(val=[(10, 2.3, 0.09)])
    look(best, run, model)
    good = {name: w.clone() for name, w in model.state_dict().items()}
    for t in (20, 30):  # all logits NaN: argmax is class 0, right by chance
        run.val.append((t, bad, 0.10))
        nn.init.constant_(model[1].weight, math.nan)
        look(best, run, model)
    assert best.enough and best.t == 10 and best.restore(model)[0] == 10
    assert all(torch.equal(good[name], w) for name, w in model.state_dict().items())
    assert run.best_accuracy == 0.09 and math.isnan(Run(val=[(1, bad, 0.1)]).best_accuracy)


def test_a_training_that_diverges_keeps_no_nan(tmp_path):
    model, best = small_conv_net(width=2, norm=False, seed=0), KeepBest(tmp_path / "best.pt")
    how = dict(updates=30, batch_size=16, compute=CPU, validate_every=1)
    for step in train(model, DATA, SGD(model.parameters(), lr=1e3), **how):
        best.see(step)
    assert step.run.diverged
    t, score = best.restore(model)
    assert t < step.run.diverged_at and all(p.isfinite().all() for p in model.parameters())
    assert evaluate(model, DATA, "val", CPU)[1] == score


class LikeAGpu(Compute):
    on_gpu = True


def test_the_validation_that_a_divergence_ends_with_is_not_the_best(tmp_path):
    """The loss of one batch was infinite, that of the validation was not."""
    model, best, run = mlp((2,), seed=0), KeepBest(tmp_path / "best.pt"), Run(val=[(10, 2.3, 0.09), (12, 7e22, 0.2)])
    run.status, run.diverged_at = "diverged", 12
    look(best, run, model)
    assert best.t == 10 and not best.path.exists()


def test_on_a_gpu_no_validation_follows_a_bad_loss(tmp_path, monkeypatch):
    """Losses are looked at every 50 updates there, and before every validation: 3 is bad, 4 would validate."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "pretended")
    model, best = mlp((4,), seed=0), KeepBest(tmp_path / "best.pt")
    how = dict(updates=8, batch_size=16, compute=LikeAGpu(torch.device("cpu")), validate_every=2)
    for step in train(model, DATA, SGD(model.parameters(), lr=0.01), **how):
        best.see(step)
        if step.t == 2:
            nn.init.constant_(model[1].weight, math.nan)
    assert step.run.diverged_at == 3 and [v[0] for v in step.run.val] == [2, 3]
    assert best.restore(model)[0] == 2


def test_weights_of_another_run_are_not_handed_back(tmp_path):
    model, earlier = mlp((2,), seed=0), KeepBest(tmp_path / "best.pt")
    look(earlier, Run(val=[(10, 2.0, 0.5)], config={"lr": 0.1}), model)
    earlier.run.config["a note"] = "made when the training had ended"
    never = KeepBest(tmp_path / "best.pt")
    look(never, Run(val=[(10, math.nan, 0.1)]), model)
    with pytest.raises(FileNotFoundError, match="no validation accuracy was a number"):
        never.restore(model)
    for other, name in (
        (Run(val=[(10, 2.0, 0.5)], config={"lr": 0.2}), "config 'lr' is 0.1 there and 0.2 here"),
        (Run(val=[(10, 2.5, 0.5)], config={"lr": 0.1}), r"val\[0\]\[1\] is 2.0 there and 2.5 here"),
        (Run(val=[(10, 2.0, 0.5)], config={"lr": 0.1}, seed=1), "seed is 0 there and 1 here"),
    ):
        best = KeepBest(tmp_path / "best.pt")
        best.run = other
        with pytest.raises(ValueError, match=f"kept by another training: {name}"):
            best.restore(model)
    assert earlier.restore(model) == (10, 0.5) and KeepBest(tmp_path / "best.pt").restore(model) == (10, 0.5)


class Wrapped(nn.Module):
    """What torch.compile puts around a network."""

    def __init__(self, model):
        super().__init__()
        self._orig_mod = model

    def forward(self, x):
        return self._orig_mod(x)


@pytest.mark.parametrize("wraps", [(Wrapped, nn.Identity), (nn.Identity, Wrapped), (Wrapped, Wrapped)])
def test_best_weights_of_a_compiled_network_fit_the_network(wraps, tmp_path):
    (kept, back), best = (
        [w(m) if w is Wrapped else m for w, m in zip(wraps, (mlp((2,), seed=0), mlp((2,), seed=1)), strict=True)],
        KeepBest(tmp_path / "best.pt"),
    )
    look(best, Run(val=[(1, 2.0, 0.5)]), kept)
    assert best.restore(back) == (1, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(kept.parameters(), back.parameters(), strict=True))


# ------------------------------------------------------------------------------------------- nothing is asked
def test_batches_without_a_hidden_word_count_nothing():
    text = python_text("masked", length=8)
    model = small_transformer(len(text.words), 8, causal=False, width=8, layers=1, heads=1, seed=0)
    run = fit(model, text, AdamW(model.parameters(), lr=1e-3), updates=50, batch_size=1, validate_every=None)
    assert run.status == "finished" and all(map(math.isfinite, run.loss)) and run.t == list(range(1, 51))
    repeated = sum(a == b for a, b in zip(run.loss, run.loss[1:], strict=False))
    assert 2 < repeated < 30  # 0.85^8 = 27 % ask nothing


def test_an_update_without_a_label_moves_nothing():
    labels = torch.full((64,), -100)
    labels[:16] = 0
    data = replace(DATA, train=Split(DATA.train.inputs, labels))
    model, batches = mlp((2,), seed=0), data.batches(2, seed=0, augment=True, device="cpu")
    moved, before = [], model[-1].bias.clone()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for step in train(model, data, optimizer, updates=32, batch_size=2, compute=CPU):
        moved.append(not torch.equal(model[-1].bias, before))
        before = model[-1].bias.clone()
        if not moved[-1]:
            assert step.run.loss[-1] == (step.run.loss[-2] if step.t > 1 else 0)
    assert moved == [bool((batches.get(t)[1] == 0).any()) for t in range(32)] and step.run.status == "finished"


def test_labels_that_are_not_asked_count_for_nothing_in_a_stack():
    val = DATA.val.labels.clone()
    val[8:] = -100
    data, model = replace(DATA, val=Split(DATA.val.inputs, val)), mlp((2,), seed=0)
    loss, accuracy = Stack([model], CPU).evaluate(data, "val")
    assert (float(loss[0]), float(accuracy[0])) == pytest.approx(evaluate(model, data, "val", CPU), rel=1e-6)
