"""One interface over all backbones: shapes, stages, preparation, modes, and what is refused by name."""

import re

import pytest
import torch

from course_utils.transfer.backbones import KINDS, Backbone, Classifier, backbone, imagenet_classes


@pytest.fixture(scope="module")
def net() -> Backbone:
    return backbone(size=32)


def images(n=2, side=32, seed=0):
    return torch.randint(0, 256, (n, 3, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_the_same_interface(name):
    net = backbone(name, size=64, pretrained=False, seed=1)
    x = net.prepare(images(2, 32))
    assert x.shape == (2, 3, 64, 64) and x.dtype is torch.float32
    assert net(x).shape == (2, net.width) and net.classify(x).shape == (2, 1000)
    assert 5 <= len(net.stages) <= 8 and not net.training
    learned = sum(p.numel() for p in net.stages.parameters())
    assert learned == sum(p.numel() for p in net.parameters() if p.requires_grad)  # the layer of ImageNet never learns


@pytest.mark.parametrize("name", [name for name in KINDS if KINDS[name].family == "lite"])
def test_weights_of_the_packages_know_a_palace(name):
    from sklearn.datasets import load_sample_images

    photo = torch.from_numpy(load_sample_images().images[0].copy()).permute(2, 0, 1)[None, ..., 107:534]
    net = backbone(name, size=KINDS[name].native)
    with torch.no_grad():
        best = int(net.classify(net.prepare(photo)).argmax())
    assert imagenet_classes()[best] == "palace"


def test_the_stages_are_the_network():
    """Built by the package itself, with its own forward pass, it gives the same scores."""
    from efficientnet_lite_pytorch import EfficientNet

    from course_utils.transfer import backbone_weights

    theirs = EfficientNet.from_name("efficientnet-lite0", image_size=64)
    theirs.load_state_dict(backbone_weights.read("efficientnet_lite0"))
    ours = backbone(size=64)
    x = ours.prepare(images(3, 40))
    with torch.no_grad():
        torch.testing.assert_close(ours.classify(x), theirs.eval()(x), rtol=1e-4, atol=1e-4)


def test_preparation_is_that_of_the_weights():
    plain = torch.full((1, 3, 32, 32), 191, dtype=torch.uint8)
    assert backbone(size=32, pretrained=False).prepare(plain)[0, 0, 0, 0] == (191 - 127) / 128
    vision = backbone("resnet18", size=32, pretrained=False).prepare(plain)[0, :, 0, 0]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(vision, (191 / 255 - mean) / std)


def test_preparation_enlarges_shrinks_and_leaves_the_images_alone(net):
    for side in (8, 32, 50, 100):
        given = images(2, side)
        before = given.clone()
        x = net.prepare(given)
        assert x.shape == (2, 3, 32, 32) and x.min() >= -127 / 128 and x.max() <= 1
        assert torch.equal(given, before)
    wide = torch.zeros(1, 3, 20, 64, dtype=torch.uint8)
    assert net.prepare(wide).shape == (1, 3, 32, 32)


def test_shrinking_smooths_first(net):
    checks = torch.zeros(1, 3, 96, 96, dtype=torch.uint8)
    checks[:, :, ::2, ::2] = 255
    checks[:, :, 1::2, 1::2] = 255
    inner = net.prepare(checks)[:, :, 4:-4, 4:-4]
    assert (inner - 0.5 / 128).abs().max() < 0.1  # grey, not a pattern of its own


@pytest.mark.parametrize(
    "wrong, words",
    [
        (torch.zeros(3, 32, 32, dtype=torch.uint8), r"uint8 \[N, 3, height, width\], got uint8 \[3, 32, 32\]"),
        (torch.zeros(2, 3, 32, 32), "got float32"),
        (torch.zeros(2, 1, 32, 32, dtype=torch.uint8), r"got uint8 \[2, 1, 32, 32\]"),
        (torch.zeros(2, 32, 32, 3, dtype=torch.uint8), r"\[2, 32, 32, 3\]"),
        (torch.zeros(0, 3, 32, 32, dtype=torch.uint8), r"\[0, 3, 32, 32\]"),
        ([[0]], "got list"),
    ],
)
def test_wrong_images_are_refused(net, wrong, words):
    with pytest.raises(ValueError, match=words):
        net.prepare(wrong)


def test_unprepared_images_are_refused(net):
    with pytest.raises(ValueError, match=r"wants float \[N, 3, 32, 32\], got uint8 .* `prepare`"):
        net(images(2, 32))
    with pytest.raises(ValueError, match=re.escape("got float32 [2, 3, 64, 64]")):
        net(torch.zeros(2, 3, 64, 64))


@pytest.mark.parametrize("size", [0, 31, 513, 96.0, True, None, "96"])
def test_size_out_of_range(size):
    with pytest.raises(ValueError, match=r"size must be a whole number of pixels in \[32, 512\]"):
        backbone(size=size)


def test_unknown_name():
    with pytest.raises(ValueError, match="unknown backbone 'vgg': choose efficientnet_lite0"):
        backbone("vgg")


def test_same_seed_same_weights_and_the_global_random_state_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second, other = (backbone(size=32, pretrained=False, seed=seed) for seed in (1, 1, 2))
    backbone(size=32)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.fingerprint == second.fingerprint != other.fingerprint


def test_fingerprint_follows_weights_statistics_and_size(net):
    other = backbone(size=32)
    assert other.fingerprint == net.fingerprint != backbone(size=64).fingerprint
    assert backbone("efficientnet_lite1", size=32).fingerprint != net.fingerprint
    with torch.no_grad():
        next(other.stages[3].parameters()).view(-1)[0] += 1e-3
    assert other.fingerprint != net.fingerprint
    moved = backbone(size=32)
    moved.keep_norm = False
    moved.train()(moved.prepare(images()))
    assert moved.fingerprint != net.fingerprint  # BatchNorm's statistics count


def norms(net):
    return [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_kept_norm_stays_in_evaluation_mode(net):
    assert net.train() is net and net.training and not any(m.training for m in norms(net))
    net.eval()
    fresh = backbone(size=32, pretrained=False)
    assert all(m.training for m in norms(fresh.train()))
    model = Classifier(net, 10).train()  # also through the model around it
    assert not any(m.training for m in norms(model)) and model.head.training
    model.eval()


@pytest.mark.parametrize("stages", [0, 1, 3, 8])
def test_unfreezing_goes_from_the_top(stages):
    net = backbone(size=32, pretrained=False, seed=0).unfreeze(stages)
    learns = [all(p.requires_grad for p in stage.parameters()) for stage in net.stages]
    assert learns == [False] * (8 - stages) + [True] * stages
    Classifier(net, 4)(net.prepare(images())).sum().backward()
    assert [next(stage.parameters()).grad is not None for stage in net.stages] == learns


@pytest.mark.parametrize("stages", [-1, 9, 1.0, True, None])
def test_unfreezing_what_is_not_there(net, stages):
    with pytest.raises(ValueError, match=r"stages must be a whole number in \[0, 8\]"):
        net.unfreeze(stages)


def test_a_new_head_finds_all_classes_equally_likely(net):
    logits = Classifier(net, 7)(net.prepare(images(3)))
    assert logits.shape == (3, 7) and not logits.any()


@pytest.mark.parametrize(
    "more, words",
    [
        (dict(classes=1), "classes must be"),
        (dict(classes=2.0), "classes must be"),
        (dict(classes=3, dropout=1.0), "dropout must be"),
    ],
)
def test_heads_that_are_refused(net, more, words):
    with pytest.raises(ValueError, match=words):
        Classifier(net, **more)


def test_imagenet_has_a_thousand_names():
    assert len(imagenet_classes()) == 1000 and imagenet_classes()[0] == "tench"
