"""Averages of weights: the formulas, torch's own class, BatchNorm's statistics, checkpoints and the best of a run."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from course_utils.training import KeepBest, WeightAverage, evaluate, mlp, pick, small_conv_net, train
from course_utils.training.averaging import ema, power_ema, profile, recalibrate, tail_mean
from course_utils.training.checkpoints import read_checkpoint
from course_utils.training.loop import _update
from tests.made_up import tiny_data

DATA, T = tiny_data(), 6


def steps(model, **more):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return train(model, DATA, optimizer, **{"updates": T, "batch_size": 32, "seed": 1, "validate_every": 3, **more})


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def trajectory():
    """The iterates of a training, the first one before it."""
    model = small_conv_net(width=2, seed=0)
    return [copy.deepcopy(model), *(copy.deepcopy(step.model) for step in steps(model))]


NETS = trajectory()


def average(share, buffers="copied"):
    averaged = WeightAverage(NETS[0], share, buffers)
    for net in NETS[1:]:
        averaged.update(net)
    return averaged


def test_a_constant_stays_what_it_is_and_debiasing_takes_the_start_away():
    for share in (ema(0.9), tail_mean(), power_ema(6.94)):
        value = 123.0
        for n in range(1, 5):
            value += share(n) * (1.0 - value)
            assert value == pytest.approx(1.0)
    zero, values = 0.0, []
    for _ in range(3):
        zero = 0.9 * zero + 0.1
        values.append(zero)
    assert values == pytest.approx([0.1, 0.19, 0.271])
    assert [ema(0.9, debias=False)(n) for n in (1, 2, 3)] == pytest.approx([1.0, 0.1, 0.1])


@pytest.mark.parametrize("share", [ema(0.9), ema(0.9, False), ema(0.0), tail_mean(), tail_mean(4), power_ema(16.97)])
def test_the_profile_is_what_the_running_average_does(share):
    expected = torch.from_numpy(profile(share, T)).float() @ torch.stack([weights(net) for net in NETS])
    torch.testing.assert_close(weights(average(share).model), expected, atol=1e-6, rtol=1e-5)


def test_profiles_by_their_formulas():
    s = np.arange(T + 1)
    debiased = np.where(s > 0, 0.9 ** (T - s), 0)
    assert np.allclose(profile(ema(0.9), T), debiased / debiased.sum())
    assert np.allclose(profile(ema(0.9, False), T)[1], 0.9 ** (T - 1))  # what the first copy keeps
    assert np.allclose(profile(tail_mean(4), T), [0, 0, 0, 0, 0, 0.5, 0.5])
    long = profile(power_ema(6.94), 2000)
    shape = np.arange(2001.0) ** 6.94
    assert np.allclose(long, shape / shape.sum(), atol=2e-3 * long.max())
    assert profile(ema(0.999, False), 1248)[1] == pytest.approx(0.287, abs=5e-4)


@pytest.mark.parametrize(("ours", "theirs"), [("copied", False), ("averaged", True)])
def test_equal_to_torchs_class(ours, theirs):
    reference = AveragedModel(NETS[0], multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=theirs)
    mean = AveragedModel(NETS[0], use_buffers=theirs)
    for net in NETS[1:]:
        reference.update_parameters(net)
        mean.update_parameters(net)
    pairs = (average(ema(0.9, False), ours), reference), (average(tail_mean(), ours), mean)
    for averaged, other in pairs:
        for name, value in averaged.model.state_dict().items():
            if value.is_floating_point():
                torch.testing.assert_close(value, other.module.state_dict()[name], atol=1e-6, rtol=1e-5)
    counters = [b for b in average(ema(0.9), "averaged").model.buffers() if not b.is_floating_point()]
    assert counters and all(int(b) == T for b in counters)


def test_the_shadow_is_float32_its_own_and_has_no_gradients():
    model = mlp((4,), seed=0).bfloat16()
    averaged = WeightAverage(model, ema(0.999, debias=False))
    averaged.update(model)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    averaged.update(model)
    mine, live = weights(averaged.model), weights(model).float()
    assert mine.dtype == torch.float32 and not any(p.requires_grad for p in averaged.model.parameters())
    assert torch.allclose(live - mine, torch.full_like(mine, 0.999), atol=2e-2)
    assert (mine != weights(mlp((4,), seed=0).bfloat16()).float()).any()  # in bfloat16 it would stand still
    assert not averaged.model.training


def test_recalibration_is_that_of_torch_and_changes_nothing_else():
    first, other = copy.deepcopy(NETS[-1]).train(), copy.deepcopy(NETS[-1])
    first.insert(0, torch.nn.Dropout(0.5))  # stays off
    before, drawn = weights(first), torch.get_rng_state()
    float32 = pick(dtype="float32")
    recalibrate(first, DATA, batches=3, batch_size=32, seed=5, compute=float32)
    assert torch.equal(torch.get_rng_state(), drawn) and torch.equal(weights(first), before)
    assert all(m.training for m in first.modules()) and first[3].momentum == 0.1
    batches = DATA.batches(32, seed=5, augment=True, device="cpu")
    update_bn((batches.get(t)[0] for t in range(3)), other)
    for a, b in zip(first.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    plain = recalibrate(copy.deepcopy(NETS[-1]), DATA, batches=3, batch_size=32, seed=5, augment=False)
    assert not torch.allclose(plain[2].running_mean, first[3].running_mean, rtol=1e-3)
    assert recalibrate(mlp((4,), seed=0), DATA)  # a net without BatchNorm needs nothing


def test_the_training_does_not_notice():
    alone, watched = small_conv_net(width=2, seed=0), small_conv_net(width=2, seed=0)
    for _ in steps(alone):
        pass
    averaged = WeightAverage(watched, ema(0.5))
    for step in steps(watched):
        averaged.see(step)
        if step.validated:
            recalibrate(averaged.model, DATA, batches=2)
            averaged.validate(step, DATA)
    assert torch.equal(weights(alone), weights(watched)) and averaged.n == T
    assert [t for t, *_ in averaged.val] == [3, 6]
    assert averaged.val[-1][1:] == pytest.approx(evaluate(averaged.model, DATA, "val"))


def test_a_skipped_update_is_not_averaged():
    model = mlp((2,), seed=0)
    averaged = WeightAverage(model, ema(0.5))
    averaged.see(SimpleNamespace(model=model, skipped=True))
    assert averaged.n == 0
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu")
    inputs, labels = torch.randn(4, 3, 32, 32), torch.zeros(4, dtype=torch.long)
    compute = SimpleNamespace(autocast=torch.enable_grad)
    assert not _update(model, inputs, labels, 9, optimizer, scaler, compute, [])[1]
    before = weights(model)
    assert _update(model, inputs * float("inf"), labels, 9, optimizer, scaler, compute, [])[1]
    assert torch.equal(weights(model), before)


def test_it_comes_back_with_the_checkpoint(tmp_path):
    def run(path, stop=None):
        model = small_conv_net(width=2, seed=0)
        averaged = WeightAverage(model, ema(0.9), "averaged")
        for step in steps(model, checkpoint=path, checkpoint_every=2, also={"average": averaged}):
            averaged.see(step)
            if step.validated:
                averaged.validate(step, DATA)
            if step.t == stop:
                break
        return averaged

    whole = run(tmp_path / "whole.pt")
    run(tmp_path / "cut.pt", stop=5)  # kept: after 4
    resumed = run(tmp_path / "cut.pt")
    assert resumed.n == T and resumed.val == whole.val
    for a, b in zip(resumed.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert read_checkpoint(tmp_path / "cut.pt")["also"]["average"]["n"] == T
    with pytest.raises(ValueError, match="also.*'average' there and None here"):
        for _ in steps(small_conv_net(width=2, seed=0), checkpoint=tmp_path / "cut.pt", checkpoint_every=2):
            pass


def test_the_best_average_is_kept(tmp_path):
    model = small_conv_net(width=2, seed=0)
    averaged, best = WeightAverage(model, ema(0.9)), KeepBest(tmp_path / "best.pt", by="loss")
    at = {}
    for step in steps(model):
        averaged.see(step)
        if step.validated:
            with pytest.raises(ValueError, match="not validated"):
                best.see(step, averaged)
            averaged.validate(step, DATA)
            best.see(step, averaged)
            at[step.t] = weights(averaged.model)
    t, loss = best.restore(other := small_conv_net(width=2, seed=3))
    assert (t, loss) == min(((t, loss) for t, loss, _ in averaged.val), key=lambda pair: pair[1])
    assert torch.equal(weights(other), at[t]) and not torch.equal(weights(other), weights(model))


def test_refusals():
    for wrong in (
        lambda: ema(1.0),
        lambda: tail_mean(-1),
        lambda: power_ema(-1),
        lambda: profile(ema(0.9), 0),
        lambda: WeightAverage(NETS[0], ema(0.9), "measured"),
    ):
        with pytest.raises(ValueError):
            wrong()
