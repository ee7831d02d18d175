"""Some classes of a task only, numbered anew."""

import torch

from course_utils.data import Split
from course_utils.transfer import TransferTask, part_of
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
