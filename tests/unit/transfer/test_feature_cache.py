"""Features: the same with and without cache, keyed by content, in evaluation mode, in bounded space."""

import os

import pytest
import torch

from course_utils.training.compute import pick
from course_utils.transfer import feature_cache as module
from course_utils.transfer.backbones import backbone
from course_utils.transfer.feature_cache import features


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return tmp_path / "cache" / "features"


@pytest.fixture(scope="module")
def net():
    return backbone(size=32)


def images(n=5, seed=0, side=16):
    return torch.randint(0, 256, (n, 3, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def test_they_are_what_the_network_says(folder, net):
    exact = pick(dtype="float32")
    rows = features(net, images(), compute=exact)
    assert rows.shape == (5, net.width) and rows.dtype is torch.float32 and not rows.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(rows, net(net.prepare(images())), rtol=1e-4, atol=1e-4)


def test_batch_size_changes_nothing_and_a_second_call_reads(folder, net, monkeypatch):
    rows = features(net, images(), batch_size=2)
    torch.testing.assert_close(rows, features(net, images(), batch_size=100, cache=False), rtol=1e-2, atol=1e-2)
    monkeypatch.setattr(type(net), "forward", lambda *args: pytest.fail("computed again"))
    assert torch.equal(features(net, images()), rows)


def test_without_cache_nothing_is_kept(folder, net):
    features(net, images(), cache=False)
    assert not folder.exists()


def test_other_content_is_another_file(folder, net):
    features(net, images())
    features(net, images(seed=1))
    features(net, images(n=4))
    features(net, images(), compute=pick(dtype="float32"))
    features(backbone(size=64), images())
    expected = 5 if pick().dtype is not torch.float32 else 4
    assert len(list(folder.iterdir())) == expected
    learned = backbone(size=32)
    with torch.no_grad():
        next(learned.stages[7].parameters()).add_(0.01)
    assert not torch.equal(features(learned, images()), features(net, images()))


def test_same_bytes_in_another_shape_are_other_images(folder, net):
    flat = images(n=2, side=16)
    features(net, flat)
    features(net, flat.reshape(2, 3, 8, 32))
    assert len(list(folder.iterdir())) == 2


def test_evaluation_mode_meanwhile_and_as_before_afterwards(folder):
    net = backbone(size=32)
    calm = features(net, images(), cache=False)
    net.keep_norm = False
    net.train()
    before = net.fingerprint
    torch.testing.assert_close(features(net, images(), cache=False), calm)
    assert net.training and net.fingerprint == before  # no statistics were moved


def test_the_oldest_go_first(folder, net, monkeypatch):
    size = 5 * 1280 * 4 + 300  # bytes of a file, about
    monkeypatch.setattr(module, "LIMIT", 3 * size)
    for seed in range(3):
        features(net, images(seed=seed))
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for age, file in enumerate(files):
        os.utime(file, (1000 + age, 1000 + age))
    features(net, images(seed=0))  # used again: now the newest
    features(net, images(seed=3))
    left = set(folder.iterdir())
    assert files[0] in left and files[1] not in left and files[2] in left and len(left) == 3


def test_what_is_refused(folder, net):
    with pytest.raises(ValueError, match="backbone must come from"):
        features(torch.nn.Linear(2, 2), images())
    with pytest.raises(ValueError, match="images must be uint8"):
        features(net, images().float())
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="batch_size must be a whole number >= 1"):
            features(net, images(), batch_size=wrong)
