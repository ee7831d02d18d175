"""Trainings under fire: stopped, interrupted, killed, files damaged, cells edited. Nothing is lost, nothing mixed.

Every case draws a training from its seed, hurts it some times, lets it finish and compares it with the undisturbed one.
Twenty of them; COURSE_SOAK=500 makes five hundred, COURSE_SOAK_SEED=1000 begins with other seeds.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils.schedules import cosine
from course_utils.training.compute import pick
from course_utils.training.keep_best import KeepBest
from course_utils.training.loop import train
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
T = 16
TRAININGS = int(os.environ.get("COURSE_SOAK", 20))
FIRST = int(os.environ.get("COURSE_SOAK_SEED", 0))
ROOT = Path(__file__).resolve().parents[2]


class Training:
    """A small training with everything that a checkpoint has to keep; `seed` draws what it is made of."""

    def __init__(self, seed: int, folder: Path):
        rng = random.Random(seed)
        self.seed, self.path, self.best = seed, folder / "run.pt", folder / "best.pt"
        self.optimizer = rng.choice(["sgd", "adamw", "groups", "scheduler"])
        self.dropout, self.norm = rng.choice([0.0, 0.3]), rng.random() < 0.5
        self.by, self.every, self.validate = rng.choice(["loss", "accuracy"]), rng.randint(1, 5), rng.randint(1, 6)
        self.peak, self.by_hand = 10 ** rng.uniform(-3, -0.5), rng.choice([None, rng.randrange(1, T)])

    def parts(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            norm = [nn.BatchNorm1d(4)] if self.norm else []
            layers = [nn.Linear(3072, 4), *norm, nn.ReLU(), nn.Dropout(self.dropout), nn.Linear(4, 10)]
            model = nn.Sequential(nn.Flatten(), *layers)
        first, *others = model.parameters()
        if self.optimizer == "adamw":
            return model, torch.optim.AdamW(model.parameters(), lr=0.01)
        groups = [dict(params=[first], lr=self.peak / 10), dict(params=others)] if self.optimizer == "groups" else None
        return model, torch.optim.SGD(groups or list(model.parameters()), lr=self.peak, momentum=0.9)

    def go(self, path=None, until=None, **changed):
        """Train to the end, as a cell does, and return all that can be compared; or stop at an update."""
        model, optimizer = self.parts()
        schedule, scheduler = (lambda t: cosine(t, peak=self.peak, T=T)), None
        if self.optimizer in ("groups", "scheduler"):
            schedule = None
        if self.optimizer == "scheduler":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T)
        how = dict(updates=T, batch_size=16, seed=self.seed, compute=CPU, checkpoint=path, checkpoint_every=self.every)
        how |= dict(validate_every=self.validate, also=scheduler and {"mine": scheduler}) | changed
        best = KeepBest(self.best if path else self.best.with_name("whole.pt"), self.by)
        torch.manual_seed(self.seed)
        steps = train(model, data(), optimizer, schedule, **how)
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                best.run = end.value  # of a training that was finished before, too
                break
            best.see(step)
            if scheduler:
                scheduler.step()
            if step.t == self.by_hand:
                step.lr = self.peak / 3
            if step.t == until:
                return steps.close()
        last = [w.numpy().tobytes() for w in model.state_dict().values()]
        chosen = best.restore(model)
        return last, chosen, [w.numpy().tobytes() for w in model.state_dict().values()], best.run.as_dict()


def data():
    return tiny_data(train=64, val=16, test=10)


# ------------------------------------------------------------------------------------------- what is done to it
def stopped(training, rng):
    training.go(training.path, until=rng.randrange(1, T))


def interrupted(training, rng):
    """Ctrl-C anywhere: in an update, a validation, a file that is being written."""
    with suppress(KeyboardInterrupt):
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-3, 0.15))
            training.go(training.path)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def flipped(training, rng):
    """One bit of the checkpoint: it is refused; the learner deletes it, as the message says."""
    content = bytearray(training.path.read_bytes())
    bit = rng.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    training.path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or not a checkpoint .*Delete it"):
        training.go(training.path)
    training.path.unlink()


def cut(training, rng):
    """A file that ends too early; then the copy that the learner had made."""
    whole = training.path.read_bytes()
    training.path.write_bytes(whole[: rng.randrange(len(whole))])
    with pytest.raises(ValueError, match="damaged or not a checkpoint"):
        training.go(training.path)
    training.path.write_bytes(whole)


def edited(training, rng):
    """Another setting in the same cell: refused by name, and the file stays as it was."""
    whole = training.path.read_bytes()
    name, value = rng.choice(
        [("seed", training.seed + 1), ("batch_size", 8), ("validate_every", 7), ("augment", False)]
    )
    with pytest.raises(ValueError, match=f"belongs to another training: {name} is"):
        training.go(training.path, **{name: value})
    assert training.path.read_bytes() == whole


def other_best(training, rng):
    """Best weights of another training lie at the same place: they are never handed back as ours."""
    other = Training(training.seed + 1000, training.best.parent)
    other.go()
    training.best.with_name("whole.pt").replace(training.best)
    training.path.unlink()  # ours begins anew: the record and the file are of one run


HARMS = [stopped, interrupted, flipped, cut, edited, other_best]

CHILD = """
import os, sys
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
import test_soak
test_soak.data()
for line in sys.stdin:
    seed, folder = line.split()
    child = os.fork()
    if child == 0:
        test_soak.Training(int(seed), Path(folder)).go(Path(folder) / "run.pt")
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.fixture(scope="module")
def forge():
    """A process that has imported everything and trains in forks of itself, which can be killed."""
    code = CHILD.format(root=str(ROOT), here=str(Path(__file__).parent))
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "COURSE_THREADS": "1"})
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture(autouse=True)
def alarm_is_ctrl_c():
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_nothing_is_lost_and_nothing_is_mixed(forge, tmp_path):
    done = Counter()
    for seed in range(FIRST, FIRST + TRAININGS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        training, rng = Training(seed, folder), random.Random(~seed)
        expected = training.go()
        for _ in range(rng.randint(1, 5)):
            harm = rng.choice([*HARMS, "killed"])
            if harm == "killed":
                print(seed, folder, file=forge.stdin, flush=True)
                child = int(forge.stdout.readline())
                time.sleep(rng.uniform(0, 0.3))
                with suppress(ProcessLookupError):  # it was faster
                    os.kill(child, signal.SIGKILL)
                assert forge.stdout.readline() == "gone\n"
                done["killed"] += 1
            elif training.path.exists() or harm in (stopped, interrupted):
                harm(training, rng)
                done[harm.__name__] += 1
        assert training.go(training.path) == expected, f"seed {seed}"
        assert training.go(training.path) == expected, f"seed {seed}, read again"
        shutil.rmtree(folder)
    print(f"{TRAININGS} trainings from seed {FIRST} on: {dict(done)}")
