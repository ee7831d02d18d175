"""A journey is judged at its moments; nets begin where they say; every side of the recording has the same tries."""

import copy

import pytest
import torch

from course_utils.authoring.recording import job_file
from course_utils.data import Split
from course_utils.lessons.l10_3_3 import record
from course_utils.lessons.l10_3_3.journeys import journey, moments, score
from course_utils.lessons.l10_3_3.worlds import (
    FIVE,
    NEAR,
    OTHER_FIVE,
    half_lite,
    part_of,
    scenes,
    shuffled,
    small_net,
    transplant,
)
from course_utils.transfer import TransferTask
from course_utils.transfer.tasks import TASKS


def photographs(n=60):
    def split(seed):
        images = torch.randint(0, 256, (n, 3, 32, 32), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
        return Split(images, torch.arange(n) % 10)

    names, one = tuple("abcdefghij"), (0.5,) * 3
    return TransferTask(*map(split, range(3)), names, "made up", True, one, one, name="objects", known=TASKS["objects"])


def test_moments_double():
    assert moments(64) == [8, 16, 32, 64] and moments(20) == [8, 16, 20] and moments(8) == [8] and moments(5) == [5]


@pytest.mark.parametrize("make", [photographs, lambda: scenes(photographs())], ids=["classes", "where"])
def test_a_journey_keeps_a_curve_and_trains_the_net_it_was_given(make):
    data = make()
    net = small_net(len(data.classes), seed=0)
    before = copy.deepcopy(net.state_dict())
    run = journey(net, data, 1e-2, 16, seed=1, batch_size=8)
    assert run.status == "finished" and len(run.loss) == 16 and [t for t, *_ in run.val] == [8, 16]
    assert len(run.config["tested"]) == 2 and all(0 <= s <= 1 for s in run.config["tested"])
    assert any(not torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True))
    again = journey(small_net(len(data.classes), seed=0), data, 1e-2, 16, seed=1, batch_size=8, test=False)
    assert again.val == run.val and "tested" not in again.config
    assert 0 <= score(net, data, "test")[1] <= 1


def test_a_half_keeps_its_statistics_only_where_it_has_some():
    data = photographs(20)
    for start in ("pretrained", "scratch"):
        net = half_lite(start, 10, seed=0)
        assert sum(p.numel() for p in net.parameters()) == pytest.approx(255_000, rel=0.01)
        before = [b.clone() for b in net.body.buffers()]
        journey(net, data, 1e-3, 1, ratio=10, batch_size=8, test=False)
        same = all(torch.equal(a, b) for a, b in zip(before, net.body.buffers(), strict=True))
        assert same == (start == "pretrained")
    with pytest.raises(ValueError, match="unknown start 'warm'"):
        half_lite("warm", 10)


def test_a_transplant_copies_the_body_and_shuffling_keeps_the_numbers():
    source = small_net(10, seed=3)
    net = transplant(source, 5)
    assert torch.equal(net[0].weight, source[0].weight) and net[0].weight is not source[0].weight
    assert net[-2].weight.shape[0] == 5 and not net[-2].weight.any()
    mixed = shuffled(copy.deepcopy(net), seed=0)
    assert not torch.equal(mixed[0].weight, net[0].weight)
    assert torch.equal(mixed[0].weight.flatten().sort().values, net[0].weight.flatten().sort().values)


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


def test_home_and_away_share_no_class():
    assert not set(FIVE) & set(OTHER_FIVE) and len({*FIVE, *OTHER_FIVE}) == 10


def test_every_side_of_every_cell_has_the_same_tries_and_seeds():
    jobs = record.jobs()
    assert len({job_file(job, "x") for job in jobs}) == len(jobs)
    cells: dict = {}
    for job in jobs:
        if job["purpose"] != "price":
            key = tuple(job[k] for k in ("task", "net", "start", "per_class"))
            cells.setdefault(key, []).append((job["purpose"], job["seed"]))
    for key, runs in cells.items():
        assert [run for run in runs if run[0] == "rate"] == [("rate", record.CHOICE)] * 3, key
        assert {seed for purpose, seed in runs if purpose == "result"} == set(record.SEEDS), key
    assert record.CHOICE not in record.SEEDS


def test_some_classes_are_numbered_anew_and_the_others_are_gone():
    whole = photographs()
    some = part_of(whole, (1, 4))
    assert some.classes == ("b", "e") and len(some.train) == 12 and set(some.train.labels.tolist()) == {0, 1}
    assert torch.equal(some.train.inputs, whole.train.inputs[(whole.train.labels == 1) | (whole.train.labels == 4)])
    assert len(some.few(3, seed=1).train) == 6 and len(whole.train) == 60
