"""Reading, caching and splitting CIFAR-10, on tiny copies made here. What can go wrong is in tests/faults."""

import os
import tarfile

import numpy as np
import pytest
import torch

from course_utils.data import cifar as data
from course_utils.data import readers as data_readers
from tests.tiny_cifar import BLUE, Tiny, label_of


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    return Tiny(tmp_path, monkeypatch)


def ids(split) -> list[tuple[int, int, int]]:
    """Which images a split holds: (red, green, blue) names them."""
    return [tuple(pixel) for pixel in split.inputs[:, :, 0, 0].tolist()]


FORMS = {
    "png folder": lambda tiny: tiny.folder(".png"),
    "jpg folder": lambda tiny: tiny.folder(".jpg"),
    "tar.xz": lambda tiny: tiny.archive(".tar.xz"),
    "tar.gz in a folder of its own": lambda tiny: tiny.archive(".tar.gz", inside="CIFAR-10-images-master/"),
    "zip": lambda tiny: tiny.archive(".zip"),
    "torchvision folder": lambda tiny: tiny.batches(),
    "folder around torchvision's": lambda tiny: tiny.batches().parent,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(tiny, form):
    tiny.use(FORMS[form](tiny))
    loaded = tiny.load()
    assert (len(loaded.train), len(loaded.val), len(loaded.test)) == (160, 40, 100)
    assert loaded.is_real and loaded.classes == data.CLASSES
    assert loaded.source == ("CIFAR-10" if "torchvision" in form else "CIFAR-10 (unknown copy)") == loaded.banner()
    for split, blue in ((loaded.train, "train"), (loaded.val, "train"), (loaded.test, "test")):
        assert split.inputs.dtype == torch.uint8 and split.inputs.shape[1:] == (3, 32, 32)
        assert split.labels.dtype == torch.int64
        assert np.array_equal(label_of(split.inputs), split.labels.numpy())
        assert np.abs(split.inputs[:, 2].numpy().astype(int) - BLUE[blue]).max() <= 4  # JPEG is off by a little


def test_the_official_archive_in_the_data_folder_is_found(tiny):
    folder = tiny.batches()
    tiny.data_dir.mkdir()
    with tarfile.open(tiny.data_dir / "cifar-10-python.tar.gz", "w:gz") as out:
        out.add(folder, arcname="cifar-10-batches-py")
    assert tiny.load().source == "CIFAR-10"


def test_the_named_copy_comes_before_the_data_folder(tiny):
    tiny.folder(".jpg", name="data")
    assert tiny.load().source == "CIFAR-10 (unknown copy)"
    tiny.use(tiny.batches())
    assert tiny.load().source == "CIFAR-10"


def test_all_forms_give_the_same_split(tiny):
    tiny.use(tiny.folder())
    from_folder = tiny.load()
    tiny.use(tiny.batches())
    from_batches = tiny.load()
    for name in ("train", "val", "test"):
        assert ids(getattr(from_folder, name)) == ids(getattr(from_batches, name))
    assert from_folder.mean == from_batches.mean


def test_splits_are_disjoint_balanced_and_whole(tiny):
    tiny.use(tiny.folder())
    loaded = tiny.load()
    train, val, test = (set(ids(split)) for split in (loaded.train, loaded.val, loaded.test))
    assert (len(train), len(val), len(test)) == (160, 40, 100)  # no image twice
    assert not train & val and not (train | val) & test
    assert {blue for _, _, blue in train | val} == {BLUE["train"]} and {blue for _, _, blue in test} == {BLUE["test"]}
    assert loaded.train.labels.bincount().tolist() == [16] * 10
    assert loaded.val.labels.bincount().tolist() == [4] * 10


def test_the_split_depends_on_the_seed_alone(tiny):
    tiny.use(tiny.folder())
    first, again, other = tiny.load(), tiny.load(), tiny.load(seed=1)
    small = data.cifar10(train=30, val=7, test=11, quiet=True)
    assert ids(first.train) == ids(again.train) and ids(first.val) == ids(again.val)
    assert set(ids(first.val)) != set(ids(other.val))
    for name in ("train", "val", "test"):  # smaller sets begin the larger ones
        assert ids(getattr(small, name)) == ids(getattr(first, name))[: len(getattr(small, name))]
    assert small.train.labels.bincount().tolist() == [3] * 10
    assert max(small.val.labels.bincount(minlength=10)) == 1


def test_the_split_of_real_size_is_the_one_records_were_made_with():
    train, val, test = data.split_indices((45_000, 5_000, 10_000), seed=0)
    assert len(np.union1d(train, val)) == 50_000 and len(set(test.tolist())) == 10_000
    assert np.bincount(val // 5000).tolist() == [500] * 10
    # These numbers are in no record but decide every one: a change of the split is noticed here.
    assert train[:4].tolist() == TRAIN_BEGINS and val[:4].tolist() == VAL_BEGINS and test[:4].tolist() == TEST_BEGINS


TRAIN_BEGINS = [7691, 22166, 37058, 12276]
VAL_BEGINS = [18542, 13488, 38860, 29127]
TEST_BEGINS = [6390, 5849, 9470, 2186]


def test_mean_and_std_are_those_of_the_training_images(tiny):
    tiny.use(tiny.folder())
    loaded = tiny.load()
    everything = torch.cat([loaded.train.inputs, loaded.val.inputs]).double() / 255
    assert loaded.mean == pytest.approx(everything.mean(dim=(0, 2, 3)).tolist(), abs=1e-12)
    assert loaded.std == pytest.approx(everything.std(dim=(0, 2, 3), correction=0).tolist(), abs=1e-12)


@pytest.mark.parametrize("sizes", [{"train": 0}, {"train": 161}, {"val": 41}, {"test": -3}])
def test_sizes_out_of_range_are_refused_by_name(tiny, sizes):
    tiny.use(tiny.folder())
    ((name, value),) = sizes.items()
    with pytest.raises(ValueError, match=rf"{name} must be a whole number in .* got {value}"):
        data.cifar10(**{"train": 10, "val": 10, "test": 10, **sizes})


def test_bad_seed_is_refused(tiny):
    with pytest.raises(ValueError, match="seed must be .* got -1"):
        tiny.load(seed=-1)


def test_take_is_a_beginning(tiny):
    tiny.use(tiny.folder())
    train = tiny.load().train
    assert ids(train.take(20)) == ids(train)[:20]
    assert train.take(20).labels.bincount().tolist() == [2] * 10
    with pytest.raises(ValueError, match="n must be .* got 161"):
        train.take(161)


def test_the_second_load_reads_the_cache_and_gives_the_same(tiny, monkeypatch):
    tiny.use(tiny.folder())
    first = tiny.load()

    def not_again(*arguments):
        raise AssertionError("decoded again although there is a cache")

    monkeypatch.setattr(data_readers, "read", not_again)
    second = tiny.load()
    assert torch.equal(first.train.inputs, second.train.inputs)
    assert torch.equal(first.test.labels, second.test.labels)
    assert (first.mean, first.std, first.source) == (second.mean, second.std, second.source)


def test_another_copy_makes_another_cache(tiny):
    tiny.use(tiny.folder(".png", name="one"))
    tiny.load()
    tiny.use(tiny.batches())
    assert tiny.load().source == "CIFAR-10"


def test_a_changed_copy_makes_another_cache(tiny):
    copy = tiny.use(tiny.folder())
    tiny.load()
    victim = copy / "train" / "ship" / "0003.png"
    os.utime(victim, (1, 1))
    before = tiny.cache.read_bytes()
    tiny.load()
    assert tiny.cache.read_bytes() != before  # the header names the new state of the copy


def test_without_a_copy_stand_ins_are_given_and_said_to_be(tiny, capsys):
    given = data.cifar10(train=100, val=20, test=20)
    printed = capsys.readouterr().out
    assert not given.is_real and given.source == "stand-in images" and "NOT CIFAR-10" in given.banner()
    assert printed.startswith("STAND-IN IMAGES, NOT CIFAR-10") and printed.count("\n") == 1
    data.cifar10(train=100, val=20, test=20, quiet=True)
    assert capsys.readouterr().out == ""


def test_progress_is_printed_unless_quiet(tiny, capsys):
    tiny.use(tiny.folder())
    data.cifar10(train=10, val=10, test=10)
    assert "decoding CIFAR-10" in capsys.readouterr().out
    tiny.cache.unlink()
    tiny.load()
    assert capsys.readouterr().out == ""
