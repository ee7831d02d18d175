"""Tasks made out of photographs: some classes only, numbered anew; a photograph at a known place."""

import torch

from course_utils.data import Split
from course_utils.transfer import NEAR, TransferTask, part_of, scenes
from course_utils.transfer.tasks import TASKS


def photographs(n=60):
    def split(seed):
        images = torch.randint(0, 256, (n, 3, 32, 32), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
        return Split(images, torch.arange(n) % 10)

    names, one = tuple("abcdefghij"), (0.5,) * 3
    return TransferTask(*map(split, range(3)), names, "made up", True, one, one, name="objects", known=TASKS["objects"])


def test_some_classes_are_numbered_anew_and_the_others_are_gone():
    whole = photographs()
    some = part_of(whole, (1, 4))
    assert some.classes == ("b", "e") and len(some.train) == 12 and set(some.train.labels.tolist()) == {0, 1}
    assert torch.equal(some.train.inputs, whole.train.inputs[(whole.train.labels == 1) | (whole.train.labels == 4)])
    assert len(some.few(3, seed=1).train) == 6 and len(whole.train) == 60


def test_a_photograph_lies_where_its_label_says():
    whole, where = photographs(), scenes(photographs())
    tile = torch.nn.functional.avg_pool2d(whole.test.inputs.float(), 2).round()
    for i in (0, 7, 59):
        x, y = ((where.test.labels[i] + 1) * 8).round().int().tolist()
        assert torch.equal(where.test.inputs[i, :, y : y + 16, x : x + 16].float(), tile[i])
    assert where.train.labels.abs().max() <= 1 and where.train.labels.shape == (60, 2) and NEAR == 0.25
    assert not torch.equal(where.train.labels, where.test.labels)


def test_few_scenes_are_as_many_images_as_of_other_tasks_and_nested():
    where = scenes(photographs())
    two, four = where.few(2, seed=3), where.few(4, seed=3)
    assert len(two.train) == 20 and torch.equal(two.train.inputs, four.train.inputs[:20])
    inputs, labels = two.batches(8, seed=0, augment=False, device="cpu").get(0)
    assert inputs.shape == (8, 3, 32, 32) and labels.shape == (8, 2) and labels.dtype is torch.float32
