"""Best weights on disk: kept by the record, brought back exactly, and safe from full disks and foreign files."""

import io
import math
import os
from types import SimpleNamespace

import pytest
import torch

from course_utils.runs import Run
from course_utils.training.compute import pick
from course_utils.training.keep_best import KeepBest
from course_utils.training.loop import evaluate, train
from course_utils.training.models import mlp, small_conv_net
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=160, val=40, test=10)


def saw(best, values, model, run=None):
    """Let `best` see one validation a value, the weights filled with the number of the validation."""
    run = run or Run()
    for value in values:
        t = 10 * (len(run.val) + 1)
        with torch.no_grad():
            for p in model.parameters():
                p.fill_(t)
        run.val.append((t, value, value))
        best.see(SimpleNamespace(validated=True, run=run, model=model))
    return run


def bytes_of(model):
    return {name: w.numpy().tobytes() for name, w in model.state_dict().items()}


@pytest.mark.parametrize("by, values, t", [("accuracy", [0.1, 0.4, 0.4, 0.3], 20), ("loss", [2.0, 1.0, 1.5], 20)])
def test_the_best_comes_back_and_not_the_last(by, values, t, tmp_path):
    model, best = mlp((2,), seed=0), KeepBest(tmp_path / "best.pt", by)
    saw(best, values, model)
    assert best.restore(model) == (t, values[1]) and all((p == t).all() for p in model.parameters())
    assert [p.name for p in tmp_path.iterdir()] == ["best.pt"] and not best.enough
    other = mlp((2,), seed=1)
    assert KeepBest(tmp_path / "best.pt", by).restore(other) == (t, values[1]) and bytes_of(other) == bytes_of(model)


def test_between_validations_nothing_happens(tmp_path):
    best = KeepBest(tmp_path / "best.pt", patience=1)
    best.see(SimpleNamespace(validated=False, run=Run(), model=None))
    assert not best.enough and best.t is None and best.score is None and not list(tmp_path.iterdir())


def test_patience_and_min_delta(tmp_path):
    model, best = mlp((2,), seed=0), KeepBest(tmp_path / "best.pt", patience=2, min_delta=0.1)
    run = saw(best, [0.1, 0.3, 0.35], model)
    assert not best.enough
    saw(best, [0.34], model, run)
    assert best.enough and best.t == 30  # the small gain does not count for patience, but it is kept


def settings(path):
    model = small_conv_net(width=4, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return model, optimizer, dict(updates=30, batch_size=32, seed=3, augment=False, compute=CPU, validate_every=2,
                                  checkpoint=path, checkpoint_every=5)  # fmt: skip


def trained(folder, name, until=None):
    """Train until patience is used up (or a Ctrl-C at update `until`) and bring the best back."""
    model, optimizer, how = settings(folder / f"{name}.pt")
    best = KeepBest(folder / f"{name}_best.pt", patience=3)
    for step in train(model, DATA, optimizer, **how):
        best.see(step)
        if step.t == until:
            raise KeyboardInterrupt
        if best.enough:
            break
    return best.restore(model), step.t, bytes_of(model), step.run.val, model


def test_restored_weights_score_what_was_kept(tmp_path):
    (t, score), _, _, val, model = trained(tmp_path, "a")
    assert evaluate(model, DATA, "val", CPU)[1] == score == max(v[2] for v in val) and (t, score) in [
        (v[0], v[2]) for v in val
    ]


@pytest.mark.parametrize("until", [6, 9, 11])
def test_interrupted_and_resumed_is_the_same_to_the_bit(until, tmp_path):
    whole = trained(tmp_path, "whole")
    assert whole[1] > 11
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, "cut", until)
    assert trained(tmp_path, "cut")[:4] == whole[:4]


# --------------------------------------------------------------------------------------------- things go wrong
@pytest.mark.parametrize("fault", ["disk full", "rename fails", "half written"])
def test_a_failed_write_keeps_the_best_before(fault, tmp_path, monkeypatch):
    model, best = mlp((2,), seed=0), KeepBest(tmp_path / "best.pt")
    run = saw(best, [0.1], model)
    before = (tmp_path / "best.pt").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    def half(state, f):
        f.write(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")

    with monkeypatch.context() as patch:
        target = {"disk full": (os, "fsync", full), "rename fails": (os, "replace", full),
                  "half written": (torch, "save", half)}  # fmt: skip
        patch.setattr(*target[fault])
        with pytest.raises(OSError, match="could not write the best weights .*best.pt.*The one before is kept"):
            saw(best, [0.2], model, run)
    assert (tmp_path / "best.pt").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
    saw(best, [0.3], model, run)
    assert best.restore(model) == (30, 0.3)


def test_a_system_that_really_refuses_to_write(tmp_path):
    """No file may grow beyond 1,000 bytes: the write fails halfway, as on a full disk."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="could not write the best weights"):
            saw(KeepBest(tmp_path / "best.pt"), [0.5], mlp((2,), seed=0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_nothing_was_kept(tmp_path):
    model, path = mlp((2,), seed=0), tmp_path / "best.pt"
    untouched = bytes_of(model)
    with pytest.raises(FileNotFoundError, match="no validation has been seen"):
        KeepBest(path).restore(model)
    never = KeepBest(path, "loss", patience=2)
    run = Run()
    for t in (1, 2):
        run.val.append((t, math.nan, 0.1))
        never.see(SimpleNamespace(validated=True, run=run, model=model))
    assert never.enough and never.score is None
    with pytest.raises(FileNotFoundError, match="no validation loss was a number"):
        never.restore(model)
    best = KeepBest(path)
    saw(best, [0.1], mlp((2,), seed=1))
    path.unlink()
    with pytest.raises(FileNotFoundError, match="is gone"):
        best.restore(model)
    assert bytes_of(model) == untouched


class Attack:
    def __reduce__(self):
        return os.system, ("touch owned",)


def saved(what):
    out = io.BytesIO()
    torch.save(what, out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not weights\n",
        b"PK\x03\x04" + bytes(60),
        saved(Attack()),
        saved([1, 2]),
        saved({"model": {}}),
        saved(mlp((2,), seed=0).state_dict()),
    ],
    ids=["empty", "text", "zip", "code", "list", "lacks parts", "bare weights"],
)
def test_damaged_and_foreign_files(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.pt").write_bytes(content)
    model = mlp((2,), seed=0)
    before = bytes_of(model)
    with pytest.raises(ValueError, match="best.pt is (damaged or )?not a file of best weights.*Train again"):
        KeepBest("best.pt").restore(model)
    assert bytes_of(model) == before and not (tmp_path / "owned").exists()


def test_a_file_cut_in_half(tmp_path):
    best, model = KeepBest(tmp_path / "best.pt"), mlp((2,), seed=0)
    saw(best, [0.5], model)
    whole = (tmp_path / "best.pt").read_bytes()
    (tmp_path / "best.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged"):
        best.restore(model)


def test_the_file_of_another_training_or_network(tmp_path):
    first, second = (KeepBest(tmp_path / "best.pt") for _ in range(2))
    model = mlp((2,), seed=0)
    saw(first, [0.5], model, Run(seed=1))
    with pytest.raises(ValueError, match=r"'0.weight' has shape None there|another network"):
        KeepBest(tmp_path / "best.pt").restore(mlp((3,), seed=0))
    with pytest.raises(ValueError, match="by is 'accuracy' there and 'loss' here"):
        KeepBest(tmp_path / "best.pt", "loss").restore(model)
    saw(second, [0.5, 0.6], model, Run(seed=2))
    with pytest.raises(ValueError, match="another training: t is 20 there and 10 here"):
        first.restore(model)


def test_refusals(tmp_path):
    for wrong, name in ((dict(by="f1"), "by"), (dict(patience=0), "patience"), (dict(min_delta=-1), "min_delta")):
        with pytest.raises(ValueError, match=f"^{name} "):
            KeepBest(tmp_path / "x.pt", **wrong)
