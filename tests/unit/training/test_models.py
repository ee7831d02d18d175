"""The networks: sizes known from the papers, seeds, shapes."""

import pytest
import torch
from torch import nn

from course_utils.training import models

# name -> parameters; the ResNets as in He et al. 2015, table 6 (0.27 M, 0.85 M)
SIZES = {"small_conv_net": 33_936, "mlp": 820_874, "resnet20": 269_722}


@pytest.mark.parametrize("name", SIZES)
def test_size_shape_and_seed(name):
    state = torch.get_rng_state()
    net = getattr(models, name)(seed=1)
    assert torch.equal(torch.get_rng_state(), state)  # a seed leaves the global random state alone
    assert sum(p.numel() for p in net.parameters()) == SIZES[name]
    assert net(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    again, other = getattr(models, name)(seed=1), getattr(models, name)(seed=2)
    for a, b in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert any(not torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_without_a_seed_the_global_state_decides():
    torch.manual_seed(0)
    first, second = models.mlp((4,)), models.mlp((4,))
    torch.manual_seed(0)
    assert torch.equal(first[1].weight, models.mlp((4,))[1].weight)
    assert not torch.equal(first[1].weight, second[1].weight)


def test_small_conv_net_is_the_stated_function():
    net = models.small_conv_net(width=4, seed=0).eval()
    x = torch.randn(2, 3, 32, 32)
    convs = [m for m in net if isinstance(m, nn.Conv2d)]
    norms, last = [m for m in net if isinstance(m, nn.BatchNorm2d)], next(m for m in net if isinstance(m, nn.Linear))
    out = x
    for conv, norm in zip(convs, norms, strict=True):
        out = norm(torch.nn.functional.max_pool2d(conv(out), 2)).relu()
    assert torch.allclose(net(x), last(out.flatten(1)) / 8, atol=1e-6)
    bare = models.small_conv_net(width=4, norm=False)
    assert not any(isinstance(m, (nn.BatchNorm2d, models.Times)) for m in bare)


def test_without_batch_norm_the_maximum_may_come_before_or_after_the_relu():
    bare, x = models.small_conv_net(width=4, norm=False, seed=0), torch.randn(2, 3, 32, 32)
    out = x
    for conv in (m for m in bare if isinstance(m, nn.Conv2d)):
        out = torch.nn.functional.max_pool2d(conv(out).relu(), 2)
    assert torch.equal(bare(x), bare[-1](out.flatten(1)))


@pytest.mark.parametrize("depth, blocks", [(8, 3), (20, 9), (56, 27)])
def test_resnet_depth_counts_its_layers(depth, blocks):
    net = models.cifar_resnet(depth)
    assert sum(p.numel() for p in net.parameters()) == {8: 75_290, 20: 269_722, 56: 853_018}[depth]
    assert sum(isinstance(m, models.BasicBlock) for m in net) == blocks
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == depth


def test_option_a_shortcut_has_no_parameters_and_passes_the_image_on():
    block = models.BasicBlock(4, 8, stride=2).eval()
    nn.init.zeros_(block.bn2.weight)  # the branch is silent: what is left is the shortcut
    x = torch.rand(1, 4, 8, 8)
    out = block(x)
    assert torch.equal(out[:, :4], x[:, :, ::2, ::2]) and not out[:, 4:].any()


@pytest.mark.parametrize("wrong", [2, 9, 21, -4])
def test_wrong_depth_and_width_are_refused(wrong):
    with pytest.raises(ValueError, match="depth"):
        models.cifar_resnet(wrong)
    with pytest.raises(ValueError, match="width"):
        models.small_conv_net(width=0)


def test_dropout_of_the_small_net_is_heard_in_training_only():
    plain, dropping = models.small_conv_net(seed=3), models.small_conv_net(seed=3, dropout=0.5)
    x = torch.randn(4, 3, 32, 32)
    assert torch.equal(plain.eval()(x), dropping.eval()(x))  # the same weights
    dropping.train()
    assert not torch.equal(dropping(x), dropping(x))
    for wrong in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"dropout must be a finite number in \[0, 1\)"):
            models.small_conv_net(dropout=wrong)
