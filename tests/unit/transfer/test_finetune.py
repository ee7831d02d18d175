"""Fine-tuning: what is frozen stays, the cached way is the plain way, and every group has the rate it was given."""

import pytest
import torch
from torch import nn

from course_utils.training.loop import fit, train
from course_utils.transfer.backbones import Classifier, norms
from course_utils.transfer.finetune import (
    ActivationBatches,
    Activations,
    Tail,
    at_cut,
    frozen_once,
    group_schedules,
    parameter_groups,
    trainable,
)
from tests.small_transfer import SmallBackbone, small_task


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_DTYPE", "float32")


def net_of(keep_norm=True):
    torch.manual_seed(0)
    net = Classifier(SmallBackbone(keep_norm), 3)
    nn.init.normal_(net.head.weight, std=0.1)
    return net


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("learn", [0, 1, 2, 3])
def test_the_two_parts_together_are_the_network(learn):
    net, task = net_of(), small_task()
    seen = frozen_once(net, task, learn)
    x = seen.prepare(seen.val.inputs)
    tail = Tail(net, learn).eval()
    torch.testing.assert_close(tail(x), net.eval()(net.backbone.prepare(task.val.inputs)), rtol=1e-4, atol=1e-5)
    assert len(tail.stages) == learn
    counted = sum(p.numel() for stage in list(net.backbone.stages)[3 - learn :] for p in stage.parameters())
    assert trainable(tail) == counted + sum(p.numel() for p in net.head.parameters())
    assert trainable(net) == trainable(tail)


@pytest.mark.parametrize("learn", [0, 1, 2])
def test_training_the_tail_is_training_the_network_with_its_lower_part_frozen(learn):
    losses = []
    for cached in (True, False):
        net, task = net_of(), small_task()
        tail = Tail(net, learn)
        model = tail if cached else net
        data = frozen_once(net, task, learn) if cached else task.seen_by(net.backbone)
        optimizer = torch.optim.SGD(parameter_groups(tail, 0.05), momentum=0.9, weight_decay=1e-2)
        below = state(net.backbone.stages[: 3 - learn])
        run = fit(model, data, optimizer, updates=12, batch_size=16, seed=3, augment=False, validate_every=None)
        losses.append(run.loss)
        after = state(net.backbone.stages[: 3 - learn])
        assert all(torch.equal(below[name], after[name]) for name in below)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(set(losses[0])) == 12


def test_batchnorm_keeps_its_statistics_only_where_the_backbone_says_so():
    for keep in (True, False):
        net = net_of(keep)
        tail = Tail(net, 2)
        tail.train()
        assert [norm.training for norm in norms(tail)] == [not keep] * 2
        before = state(tail)
        tail(torch.randn(8, 4, 16, 16))
        assert all(torch.equal(before[k], v) for k, v in tail.state_dict().items()) == keep
        assert not any(norm.training for norm in norms(tail.eval()))


def test_what_the_tail_learns_the_network_knows():
    net = net_of()
    tail = Tail(net, 1)
    assert tail.head is net.head and tail.stages[0] is net.backbone.stages[2]


def test_groups_have_the_head_at_ten_times_the_rate_at_every_update():
    net, task = net_of(), small_task()
    tail = Tail(net, 2)
    optimizer = torch.optim.AdamW(parameter_groups(tail, lr=0.02))
    seen = []
    for _ in train(
        tail,
        frozen_once(net, task, 2),
        optimizer,
        group_schedules(optimizer, 10),
        updates=10,
        batch_size=16,
        augment=False,
        validate_every=None,
    ):
        seen.append([group["lr"] for group in optimizer.param_groups])
    assert [head / stages for head, stages in seen] == pytest.approx([10] * 10)
    assert seen[0] == pytest.approx([0.02, 0.002]) and seen[-1][0] < 0.001
    sizes = [sum(p.numel() for p in group["params"]) for group in optimizer.param_groups]
    assert sizes[0] == 8 * 3 + 3 and sum(sizes) == trainable(tail)


def test_a_head_alone_is_one_group():
    assert len(parameter_groups(Tail(net_of(), 0), lr=0.1)) == 1


def test_activations_keep_the_order_of_the_images():
    task = small_task()
    seen = Activations.of(task, lambda images: images.float().mean((2, 3)))
    batches = task.batches(16, seed=5, augment=False, device="cpu")
    mine = seen.batches(16, seed=5, augment=False, device="cpu")
    assert len(mine) == len(batches) == 3
    for t in (0, 1, 2, 3, 7):
        torch.testing.assert_close(mine.get(t)[1], batches.get(t)[1])
    few = seen.few(4, seed=2)
    assert isinstance(few, Activations) and len(few.train) == 12
    torch.testing.assert_close(few.train.inputs, task.few(4, seed=2).train.inputs.float().mean((2, 3)))


def test_activations_refuse_augmentation():
    seen = frozen_once(net_of(), small_task(), 1)
    with pytest.raises(ValueError, match="computed once"):
        seen.batches(16, seed=0, augment=True, device="cpu")


@pytest.mark.parametrize("size", [0, 61, 2.5, True, "16"])
def test_batches_refuse_a_wrong_size(size):
    with pytest.raises(ValueError, match="batch_size"):
        ActivationBatches(small_task().train, size, 0, "cpu")


@pytest.mark.parametrize("learn", [-1, 4, 1.5, True, None, "all"])
@pytest.mark.parametrize(
    "call",
    [
        Tail,
        lambda net, learn: frozen_once(net, small_task(), learn),
        lambda net, learn: at_cut(net, small_task().train.inputs, learn),
    ],
)
def test_a_cut_that_is_none_is_refused(call, learn):
    with pytest.raises(ValueError, match="learn must be a whole number"):
        call(net_of(), learn)


def test_a_network_that_is_no_classifier_is_refused():
    with pytest.raises(ValueError, match="Classifier"):
        Tail(nn.Linear(2, 2), 0)


@pytest.mark.parametrize(
    "lr, ratio, words",
    [
        (0, 10, "lr"),
        (-1, 10, "lr"),
        (float("nan"), 10, "lr"),
        ("1", 10, "lr"),
        (True, 10, "lr"),
        (0.1, 0, "ratio"),
        (0.1, float("inf"), "ratio"),
    ],
)
def test_rates_that_are_none_are_refused(lr, ratio, words):
    with pytest.raises(ValueError, match=words):
        parameter_groups(Tail(net_of(), 1), lr, ratio)


@pytest.mark.parametrize("T", [0, -3, 1.5, True, "10"])
def test_a_length_that_is_none_is_refused(T):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match="T must be"):
        group_schedules(optimizer, T)
