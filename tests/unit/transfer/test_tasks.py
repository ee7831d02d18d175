"""The tasks to transfer to: sizes, balance, what a seed chooses, batches for `train`, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch

from course_utils.data.splits import Split
from course_utils.transfer import drawn_tasks
from course_utils.transfer.tasks import TASKS, task

SMALL = dict(train=120, val=40, test=40)


@pytest.fixture(scope="module", params=TASKS)
def pool(request, no_photographs):
    return task(request.param, **SMALL, quiet=True)


@pytest.fixture(scope="module", autouse=True)
def no_photographs():
    """Stand-in images, also where there is a copy of CIFAR-10."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_CIFAR10", raising=False)
        patch.setenv("COURSE_OFFLINE", "1")
        yield


def test_every_task_has_the_same_form(pool):
    assert [len(split) for split in (pool.train, pool.val, pool.test)] == [120, 40, 40]
    for split in (pool.train, pool.val, pool.test):
        assert split.inputs.dtype is torch.uint8 and split.inputs.shape[1] == 3 and split.labels.dtype is torch.int64
        assert 0 <= split.labels.min() and split.labels.max() < len(pool.classes) == 10
    assert pool.similar == (pool.name == "objects")
    assert pool.is_real == (pool.name != "objects")  # the tests have no photographs
    assert ("NOT CIFAR-10" in pool.banner()) == (pool.name == "objects")
    pixels = pool.pixels(pool.test)
    assert pixels.shape == (40, 64 if pool.name == "digits" else 1024 if pool.name == "sounds" else 3072)


def test_no_image_is_on_both_sides(pool):
    seen = {bytes(image.numpy()) for image in pool.train.inputs}
    assert len(seen) == 120
    assert not any(bytes(image.numpy()) in seen for split in (pool.val, pool.test) for image in split.inputs)


@pytest.mark.parametrize("name", ["counts", "angles", "sounds"])
def test_drawn_tasks_are_balanced_nested_and_the_same_every_time(name):
    small, large = (drawn_tasks.draw(name, n, seed=0, stream=0) for n in (120, 600))
    assert np.bincount(small[1]).tolist() == [12] * 10
    assert all(np.array_equal(a, b[:120]) for a, b in zip(small, large, strict=True))
    other = drawn_tasks.draw(name, 120, seed=1, stream=0)
    assert not np.array_equal(small[0], other[0])


def test_counts_can_be_counted():
    """On an even ground, every dot is a separate blob: flood fill finds as many as the label says."""
    from scipy.ndimage import label

    rng = np.random.RandomState(0)
    labels = np.arange(10).repeat(5)
    real = drawn_tasks._ground
    drawn_tasks._ground = lambda rng, n: np.full((n, 3, 32, 32), 0.9)
    try:
        images = drawn_tasks.counts(rng, labels)
    finally:
        drawn_tasks._ground = real
    blobs = [label(image[0] < 200, structure=np.ones((3, 3)))[1] for image in images]
    assert blobs == (labels + 1).tolist()


def test_a_bar_has_the_angle_of_its_label():
    rng = np.random.RandomState(0)
    labels = np.arange(10).repeat(8)
    real = drawn_tasks._ground
    drawn_tasks._ground = lambda rng, n: np.full((n, 3, 32, 32), 0.9)
    try:
        images = drawn_tasks.angles(rng, labels)
    finally:
        drawn_tasks._ground = real
    for image, wanted in zip(images, labels, strict=True):
        y, x = np.nonzero(image[0] < 160)
        direction = np.linalg.eigh(np.cov(x, -y))[1][:, -1]  # the long axis; y grows downwards
        angle = np.degrees(np.arctan2(direction[1], direction[0])) % 180
        assert min(abs(angle - 18 * wanted), 180 - abs(angle - 18 * wanted)) < 12


def test_few_images_are_balanced_nested_and_chosen_by_the_seed(pool):
    five, two, other = pool.few(4, seed=3), pool.few(2, seed=3), pool.few(4, seed=4)
    assert torch.bincount(five.train.labels).tolist() == [4] * 10
    assert five.test is pool.test and five.val is pool.val
    rows = pool.chosen(4, 3)
    assert torch.equal(pool.train.inputs[rows], five.train.inputs)
    assert set(pool.chosen(2, 3).tolist()) <= set(rows.tolist()) and len(two.train) == 20
    assert set(pool.chosen(4, 4).tolist()) != set(rows.tolist()) and len(other.train) == 40
    assert len(set(rows.tolist())) == 40


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, None])
def test_per_class_is_checked(pool, wrong):
    with pytest.raises(ValueError, match="per_class must be a whole number >= 1"):
        pool.few(wrong)


@pytest.mark.parametrize("wrong", [-1, 0.5, True, 2**32])
def test_seed_is_checked(pool, wrong):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        pool.few(1, seed=wrong)


def test_too_many_and_an_empty_class_are_named(pool):
    with pytest.raises(ValueError, match=f"of '{pool.name}' has .* training images, 50 were asked for. Take fewer"):
        pool.few(50)
    keep = pool.train.labels != 3
    gone = dataclasses.replace(pool, train=Split(pool.train.inputs[keep], pool.train.labels[keep]))
    with pytest.raises(ValueError, match="has 0 training images, 1 were asked for. It is empty"):
        gone.few(1)


def test_sizes_and_names_are_checked():
    with pytest.raises(ValueError, match="unknown task 'faces': choose objects, digits"):
        task("faces")
    for name in TASKS:
        for part in ("train", "val", "test"):
            for wrong in (0, 10**6, 1.5, True):
                with pytest.raises(ValueError, match=f"{part} must be a whole number of {name} images in"):
                    task(name, **{part: wrong})


class Eyes:
    """Stands in for a backbone: notes what it is asked to prepare."""

    def prepare(self, images):
        assert images.dtype is torch.uint8
        return images.float() + 1000


def test_batches_are_prepared_for_the_backbone(pool):
    seen = pool.seen_by(Eyes())
    images, labels = seen.batches(20, seed=0, augment=False, device="cpu").get(0)
    assert images.min() >= 1000 and len(labels) == 20
    training = {bytes(image.numpy()) for image in pool.train.inputs}
    assert all(bytes((image - 1000).to(torch.uint8).contiguous().numpy()) in training for image in images)
    assert torch.equal(seen.prepare(pool.val.inputs), pool.val.inputs.float() + 1000)
    assert pool.view is None


@pytest.mark.parametrize(
    "name, mirrors", [("objects", True), ("digits", False), ("angles", False), ("counts", True), ("sounds", False)]
)
def test_only_what_keeps_its_class_is_mirrored(name, mirrors):
    pool = task(name, **SMALL, quiet=True)
    pool = dataclasses.replace(pool, known=dataclasses.replace(pool.known, pad=0))
    pairs = zip(pool.train.inputs, pool.train.labels, strict=True)
    mirrored = {bytes(image.flip(-1).contiguous().numpy()): label for image, label in pairs}
    straight = {bytes(image.numpy()) for image in pool.train.inputs}
    images, labels = pool.seen_by(Eyes()).batches(120, seed=0, augment=True, device="cpu").get(0)
    flips = 0
    for image, label in zip((images - 1000).to(torch.uint8), labels, strict=True):
        content = bytes(image.contiguous().numpy())
        if content not in straight:
            assert mirrored[content] == label
            flips += 1
    assert 30 < flips < 90 if mirrors else flips == 0


def test_small_images_are_enlarged_for_a_net_from_scratch(pool):
    x = pool.prepare(pool.val.inputs)
    assert x.shape[-2:] == (32, 32) and x.dtype is torch.float32
    if pool.name == "digits":
        assert torch.equal(x[:, :, ::4, ::4], x[:, :, 3::4, 3::4])  # whole pixels, four times as large


def test_a_net_trains_on_it(pool):
    from course_utils.training.loop import fit
    from course_utils.training.models import small_conv_net

    model = small_conv_net(width=4, seed=0)
    run = fit(model, pool, torch.optim.SGD(model.parameters(), lr=0.1), updates=2, batch_size=20)
    assert run.status == "finished" and run.config["images"] == 120 and run.source == pool.source
