"""A training that was interrupted, in whatever way, ends bit for bit where the uninterrupted one ends."""

import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils.schedules import one_cycle, one_cycle_momentum
from course_utils.training import checkpoints
from course_utils.training.compute import pick
from course_utils.training.loop import fit, train
from course_utils.training.models import mlp, small_conv_net
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=160, val=40, test=10)
T = 12
ROOT = Path(__file__).resolve().parents[2]


def dropout_net():
    """BatchNorm buffers, and dropout, which draws from PyTorch's global random state."""
    net = small_conv_net(width=4, seed=0)
    return nn.Sequential(*net[:-2], nn.Dropout(0.5), *net[-2:])


MAKERS = {
    "adam": (dropout_net, lambda m: torch.optim.Adam(m.parameters(), lr=0.01)),
    "sgd": (dropout_net, lambda m: torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9)),
    "adamw": (partial(mlp, (8,), seed=0), lambda m: torch.optim.AdamW(m.parameters(), lr=0.01)),
}


def setting(kind, checkpoint=None, **more):
    """A fresh model and optimizer, and the arguments of `train`."""
    model_of, optimizer_of = MAKERS[kind]
    model = model_of()
    arguments = dict(
        momentum=partial(one_cycle_momentum, T=T),
        updates=T,
        batch_size=32,
        seed=3,
        compute=CPU,
        validate_every=4,
        checkpoint=checkpoint,
        checkpoint_every=3,
    )
    return (model, DATA, optimizer_of(model), partial(one_cycle, peak=0.05, T=T)), {**arguments, **more}


def finish(kind, checkpoint=None, **more):
    positional, named = setting(kind, checkpoint, **more)
    record = fit(*positional, **named)
    return positional[0], positional[2], record


def uninterrupted(kind):
    torch.manual_seed(5)
    return finish(kind)


def everything(model, optimizer, record):
    """All numbers of a training in one structure that compares bit for bit."""
    plain = {
        k: (v.numpy().tobytes() if isinstance(v, torch.Tensor) else v)
        for k, v in flat({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    }
    return plain | {"rng": torch.get_rng_state().numpy().tobytes(), "run": record.as_dict()}


def flat(tree, name=""):
    if isinstance(tree, dict | list | tuple):
        for k, v in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from flat(v, f"{name}/{k}")
    else:
        yield name, tree


# ------------------------------------------------------------------------------------- ways to be interrupted
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("at", [1, 3, 8, 11])
def test_interrupted_in_the_loop(kind, at, tmp_path):
    expected = everything(*uninterrupted(kind))
    torch.manual_seed(5)
    positional, named = setting(kind, tmp_path / "run.pt")
    with pytest.raises(KeyboardInterrupt):
        for step in train(*positional, **named):
            if step.t == at:
                raise KeyboardInterrupt
    if not (tmp_path / "run.pt").exists():
        torch.manual_seed(5)  # before the first checkpoint a run simply starts again
    else:
        torch.manual_seed(99)  # the checkpoint knows better
    assert everything(*finish(kind, tmp_path / "run.pt")) == expected


@pytest.mark.parametrize("place", ["step", "save", "replace"])
def test_ctrl_c_inside_an_update_or_a_save(place, tmp_path, monkeypatch):
    """A signal arrives in the middle: after half an optimizer step, while the file is written, before the
    rename."""
    expected = everything(*uninterrupted("sgd"))
    torch.manual_seed(5)
    positional, named = setting("sgd", tmp_path / "run.pt")
    optimizer, calls = positional[2], []

    def interrupting(function, after):
        def wrapped(*a, **k):
            calls.append(1)
            result = function(*a, **k)
            if len(calls) == after:
                signal.raise_signal(signal.SIGINT)  # as the stop button does
            return result

        return wrapped

    with monkeypatch.context() as patch:
        if place == "step":
            patch.setattr(optimizer, "step", interrupting(optimizer.step, 7))
        elif place == "save":
            patch.setattr(torch, "save", interrupting(torch.save, 2))
        else:
            patch.setattr(os, "fsync", interrupting(os.fsync, 2))
        with pytest.raises(KeyboardInterrupt):
            fit(*positional, **named)
    assert checkpoints.read_checkpoint(tmp_path / "run.pt")["t"] == 6  # a save that has begun is finished first
    torch.manual_seed(99)
    assert everything(*finish("sgd", tmp_path / "run.pt")) == expected


CHILD = """
import sys, torch
sys.path[:0] = [{root!r}, {here!r}]
import test_resume as t
torch.manual_seed(5)
positional, named = t.setting("adam", sys.argv[1], checkpoint_every=1)
for step in t.train(*positional, **named):
    print(step.t, flush=True)
"""


def test_killed(tmp_path):
    """kill -9 at whatever moment it is after the fifth update; then again; then it may finish."""
    torch.manual_seed(5)
    expected = everything(*finish("adam", checkpoint_every=1))
    code = CHILD.format(root=str(ROOT), here=str(Path(__file__).parent))
    for until, pause in (("5", 0.01), ("8", 0.03)):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "run.pt")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COURSE_THREADS": "1"},
        )
        seen = next((line for line in child.stdout if line.strip() == until), "")
        time.sleep(pause)
        child.kill()
        assert seen and child.wait() == -signal.SIGKILL
        child.stdout.close()
        assert checkpoints.read_checkpoint(tmp_path / "run.pt")["t"] >= int(until) - 1
    torch.manual_seed(99)
    assert everything(*finish("adam", tmp_path / "run.pt", checkpoint_every=1)) == expected


def test_a_rate_set_by_hand_survives(tmp_path):
    def steered(stop=None):
        positional, named = setting("sgd", tmp_path / "run.pt" if stop is not None else None)
        for step in train(*positional, **named):
            if step.t == stop:
                break
            if step.t == 6:  # exactly where a checkpoint is written
                step.lr = 0.003
        return positional[0], positional[2], step.run

    torch.manual_seed(5)
    expected = everything(*steered())
    torch.manual_seed(5)
    steered(stop=8)
    assert everything(*steered(stop=-1)) == expected
    assert expected["run"]["lr"][6:] == [0.003] * 6


# ----------------------------------------------------------------------------------------- nothing left to do
def test_a_finished_training_gives_its_record_back(tmp_path, capsys):
    first = finish("sgd", tmp_path / "run.pt")
    capsys.readouterr()
    stamp = (tmp_path / "run.pt").stat().st_mtime_ns
    again = finish("sgd", tmp_path / "run.pt")
    assert everything(*again) == everything(*first) and again[2].status == "finished"
    assert "nothing is left to do" in capsys.readouterr().out
    positional, named = setting("sgd", tmp_path / "run.pt")
    assert list(train(*positional, **named)) == []
    assert (tmp_path / "run.pt").stat().st_mtime_ns == stamp


# ------------------------------------------------------------------------------------------ wrong checkpoints
@pytest.fixture
def half(tmp_path):
    """The checkpoint of a training stopped after 6 of 12 updates."""
    positional, named = setting("sgd", tmp_path / "half.pt")
    for step in train(*positional, **named):
        if step.t == 7:
            break
    return tmp_path / "half.pt"


@pytest.mark.parametrize(
    "change, name",
    [
        (dict(seed=4), "seed"),
        (dict(batch_size=16), "batch_size"),
        (dict(updates=20), "updates"),
        (dict(augment=False), "augment"),
        (dict(momentum=None), "momentum"),
        (dict(momentum=partial(one_cycle_momentum, T=T, p=0.5)), "momentum"),
    ],
)
def test_a_different_plan_is_refused_by_name(half, change, name):
    positional, named = setting("sgd", half, **change)
    before = [p.clone() for p in positional[0].parameters()]
    with pytest.raises(ValueError, match=rf"belongs to another training: {name}(\(1\))? is .* there and .* here"):
        fit(*positional, **named)
    assert all(torch.equal(a, b) for a, b in zip(before, positional[0].parameters(), strict=True))


def test_another_schedule_optimizer_or_net_is_refused(half):
    (model, data, optimizer, _), named = setting("sgd", half)
    with pytest.raises(ValueError, match=r"schedule\(1\) is 0.013.* there and 0.0096.* here"):
        fit(model, data, optimizer, partial(one_cycle, peak=0.05, T=T, p=0.4), **named)
    adam = torch.optim.Adam(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="optimizer is 'sgd' there and 'adam' here"):
        fit(model, data, adam, partial(one_cycle, peak=0.05, T=T), **named)
    # As many parameters, other shapes: noticed before anything is changed.
    state = checkpoints.read_checkpoint(half)
    other = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2))
    with pytest.raises(ValueError, match="weight '"):
        checkpoints.restore(state, model=other, optimizer=adam, plan=state["plan"])


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("executed",))


@pytest.mark.parametrize("content", ["truncated", "empty", "text", "bomb", "pickle", "zip", "dict", "tensor"])
def test_damaged_and_foreign_files_are_refused(half, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole, bad = half.read_bytes(), tmp_path / "bad.pt"
    if content == "truncated":
        bad.write_bytes(whole[: len(whole) // 2])
    elif content == "bomb":
        torch.save({**torch.load(half, weights_only=True), "run": Bomb()}, bad)
    elif content == "pickle":
        bad.write_bytes(pickle.dumps(Bomb()))
    elif content in ("dict", "tensor"):
        torch.save({"state_dict": {}} if content == "dict" else torch.ones(3), bad)
    else:
        bad.write_bytes({"empty": b"", "text": b"not a checkpoint\n", "zip": b"PK\x03\x04" + bytes(100)}[content])
    kept = bad.read_bytes()
    with pytest.raises(ValueError, match="bad.pt .*not a checkpoint.*Delete it"):
        finish("sgd", bad)
    assert not (tmp_path / "executed").exists() and bad.read_bytes() == kept


def test_a_half_written_file_beside_it_is_ignored(tmp_path):
    expected = everything(*uninterrupted("sgd"))
    half = tmp_path / ".run.pt.0123456789abcdef.part"
    half.write_bytes(b"half of a checkpoint")
    os.utime(half, (0, 0))  # its writer was killed long ago: it is swept up
    torch.manual_seed(5)
    assert everything(*finish("sgd", tmp_path / "run.pt")) == expected
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


def test_a_full_disk_leaves_the_checkpoint_before(half, monkeypatch):
    kept = half.read_bytes()

    class Full:
        def __init__(self, file):
            self.file, self.left = file, 1000

        def write(self, data):
            self.left -= len(data)
            if self.left < 0:
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    save = torch.save
    monkeypatch.setattr(torch, "save", lambda state, f: save(state, Full(f)))
    with pytest.raises(OSError, match="could not write the checkpoint.*The one before is kept"):
        finish("sgd", half)
    assert half.read_bytes() == kept and not list(half.parent.glob("*.part"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="could not write the checkpoint"):
        finish("sgd", tmp_path / "file" / "run.pt")


def test_a_diverged_training_diverges_again(tmp_path):
    for _ in range(2):
        model = mlp((8,), seed=0)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e12)
        record = fit(
            model,
            DATA,
            optimizer,
            updates=50,
            batch_size=32,
            compute=CPU,
            checkpoint=tmp_path / "run.pt",
            checkpoint_every=1,
        )
        assert record.status == "diverged"
        first = record.diverged_at
    assert first == record.diverged_at == record.t[-1]
