"""Batched crops and flips against a slow one-image-at-a-time reference, bit by bit."""

import pytest
import torch

from course_utils.data.batches import ImageBatches, normalise

MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
G = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (50, 3, 32, 32), dtype=torch.uint8, generator=G)
LABELS = torch.arange(50)  # every image its own label: a batch then says which images it holds


def reference(batches, t, seed, augment, size):
    """The same random numbers, images handled one by one with Python slices."""
    epoch, i = divmod(t, len(IMAGES) // size)
    g = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    pad = 4 if augment else 0
    order = torch.randperm(50, generator=g)
    offset = torch.randint(0, 2 * pad + 1, (2, 50), generator=g)
    flip = torch.rand(50, generator=g) < 0.5
    images = []
    for k in range(i * size, (i + 1) * size):
        canvas = torch.zeros(3, 32 + 2 * pad, 32 + 2 * pad, dtype=torch.uint8)
        canvas[:, pad : pad + 32, pad : pad + 32] = IMAGES[order[k]]
        dy, dx = offset[:, k].tolist()
        crop = canvas[:, dy : dy + 32, dx : dx + 32].float()
        images.append(crop.flip(-1) if augment and flip[k] else crop)
    return torch.stack(images) * batches.scale - batches.shift, order[i * size : (i + 1) * size]


@pytest.mark.parametrize("augment", [True, False])
@pytest.mark.parametrize("size", [16, 50, 1])
def test_same_as_one_by_one(augment, size):
    batches = ImageBatches(IMAGES, LABELS, size, MEAN, STD, seed=3, augment=augment)
    for t in (0, 1, len(batches) - 1, len(batches), 0):  # on and back: nothing is remembered
        images, labels = batches.get(t)
        expected, order = reference(batches, t, 3, augment, size)
        assert torch.equal(images, expected) and torch.equal(labels, order)
        assert images.dtype is torch.float32 and images.is_contiguous(memory_format=torch.channels_last)


def test_normalised_like_the_validation_images():
    batches = ImageBatches(IMAGES, LABELS, 50, MEAN, STD, augment=False)
    images, labels = batches.get(0)
    assert torch.allclose(images, normalise(IMAGES[labels], MEAN, STD), atol=1e-6)
    by_hand = (IMAGES.double() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    assert torch.allclose(normalise(IMAGES, MEAN, STD).double(), by_hand, atol=1e-5)


def test_an_epoch_shows_each_image_at_most_once():
    batches = ImageBatches(IMAGES, LABELS, 16, MEAN, STD)
    assert len(batches) == 3
    epoch = [torch.cat([batches.get(e * 3 + i)[1] for i in range(3)]).tolist() for e in range(2)]
    assert all(len(set(labels)) == 48 for labels in epoch) and epoch[0] != epoch[1]


def test_crops_and_flips_are_spread_evenly():
    """2,000 copies of one picture of a dot: every place equally often, half of them mirrored."""
    dot = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    dot[:, :, 16, 10] = 255
    batches = ImageBatches(dot.repeat(2000, 1, 1, 1), torch.zeros(2000), 2000, (0.0,) * 3, (1.0,) * 3)
    rows, columns = batches.get(0)[0][:, 0].nonzero()[:, 1:].T
    for offset in range(9):
        assert 150 < int((rows == 12 + offset).sum()) < 300  # 222 expected, standard deviation 14
    assert 900 < int((columns < 16).sum()) < 1100  # 10 +- 4 as it is, 21 +- 4 mirrored


@pytest.mark.parametrize("size", [0, 51, -1, 2.0, True, None, "8"])
def test_wrong_batch_size(size):
    with pytest.raises(ValueError, match="batch_size"):
        ImageBatches(IMAGES, LABELS, size, MEAN, STD)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None])
def test_wrong_seed(seed):
    with pytest.raises(ValueError, match="seed"):
        ImageBatches(IMAGES, LABELS, 8, MEAN, STD, seed=seed)
