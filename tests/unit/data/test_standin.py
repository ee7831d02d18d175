"""The stand-in images: the same from a seed, balanced, learnable but not easy."""

import numpy as np
import pytest
import torch

from course_utils.data import standin
from course_utils.data.standin import CLASSES, draw, stand_in


@pytest.fixture(scope="module")
def small():
    return stand_in(train=2000, val=500, test=500)


def test_has_the_form_of_cifar10(small):
    for split, size in ((small.train, 2000), (small.val, 500), (small.test, 500)):
        assert split.inputs.shape == (size, 3, 32, 32) and split.inputs.dtype == torch.uint8
        assert split.labels.dtype == torch.int64 and split.labels.bincount().tolist() == [size // 10] * 10
    assert small.classes == CLASSES and len(set(CLASSES)) == 10
    assert (small.source, small.is_real) == ("stand-in images", False) and "NOT CIFAR-10" in small.banner()


def test_the_seed_decides_everything(small):
    again, other = stand_in(train=1000, val=10, test=10), stand_in(train=1000, val=10, test=10, seed=1)
    assert torch.equal(again.train.inputs, small.train.inputs[:1000])  # smaller sets begin the larger ones
    assert torch.equal(again.val.labels, small.val.labels[:10])
    assert not torch.equal(again.train.inputs, other.train.inputs)


def test_splits_share_no_image(small):
    seen = [set(map(bytes, split.inputs.numpy())) for split in (small.train, small.val, small.test)]
    assert len(set.union(*seen)) == 2000 + 500 + 500


def test_mean_and_std(small):
    pixels = small.train.inputs.double() / 255
    assert small.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist(), abs=1e-12)
    assert small.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist(), abs=1e-9)


@pytest.mark.parametrize("sizes", [{"train": 0}, {"val": 5001}, {"test": 10_001}])
def test_sizes_out_of_range_are_refused_by_name(sizes):
    ((name, value),) = sizes.items()
    with pytest.raises(ValueError, match=rf"{name} must be a whole number in .* got {value}"):
        stand_in(**sizes)


def test_half_a_block_is_a_beginning():
    images, labels = draw(1500, seed=3)
    fewer, fewer_labels = draw(30, seed=3)
    assert np.array_equal(fewer, images[:30]) and np.array_equal(fewer_labels, labels[:30])
    assert np.bincount(fewer_labels).tolist() == [3] * 10


def test_the_object_stays_in_the_picture_under_shifts():
    """A shift by four pixels, as augmentation does it, leaves most of every object in the image."""
    labels = np.arange(standin.BLOCK) % 10
    masks = standin._object(np.random.RandomState(0), labels)
    inside = masks[:, 4:-4, 4:-4].sum(axis=(1, 2)) / masks.sum(axis=(1, 2))
    assert masks.sum(axis=(1, 2)).min() > 20  # at least twenty pixels of every object are there
    assert np.quantile(inside, 0.05) > 0.6


def test_it_can_be_learned_but_not_by_color_alone(small):
    """Nearest class mean, on the mean colour and on the pixels: better than guessing, far from good."""

    def accuracy(train, val):
        means = torch.stack([train[small.train.labels == c].mean(dim=0) for c in range(10)])
        return (torch.cdist(val, means).argmin(dim=1) == small.val.labels).double().mean().item()

    train, val = small.train.inputs.float(), small.val.inputs.float()
    by_color = accuracy(train.mean(dim=(2, 3)), val.mean(dim=(2, 3)))
    by_pixels = accuracy(train.flatten(1), val.flatten(1))
    assert 0.13 < by_color < 0.45 and 0.13 < by_pixels < 0.5
