"""A resume is the same training, or it is refused by the name of what differs."""

import copy
import random
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR, OneCycleLR

from course_utils.data.splits import Split
from course_utils.schedules import constant, cosine
from course_utils.training.checkpoints import read_checkpoint, write_safely
from course_utils.training.compute import pick
from course_utils.training.keep_best import KeepBest
from course_utils.training.loop import fit, train
from course_utils.training.models import mlp
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=64, val=16, test=10)
T = 12


def net(activation=nn.ReLU, dropout=0.25):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 4), activation(), nn.Dropout(dropout), nn.Linear(4, 10))


def two_groups(model, lr=0.1, decay=0.0):
    first, *others = model.parameters()
    return SGD([dict(params=[first]), dict(params=others, lr=lr, weight_decay=decay)], lr=0.1)


def usual(path, **more):
    how = dict(updates=T, batch_size=16, seed=3, compute=CPU, checkpoint=path, checkpoint_every=3, validate_every=4)
    return {**how, **more}


def begun(path, model, optimizer, schedule=None, data=DATA, stop=7, each=lambda step: None, **more):
    """Train a little more than half and stop: the checkpoint holds six updates."""
    torch.manual_seed(5)
    for step in train(model, data, optimizer, schedule, **usual(path, **more)):
        each(step)
        if step.t == stop:
            break
    return step.run


def same(model, other):
    return all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


# ------------------------------------------------------------------------------------------- refused by name
OPTIMIZERS = {
    "momentum": (lambda m: SGD(m.parameters(), 0.1, momentum=0.9), lambda m: SGD(m.parameters(), 0.1, momentum=0.5)),
    "nesterov": (
        lambda m: SGD(m.parameters(), 0.1, momentum=0.9),
        lambda m: SGD(m.parameters(), 0.1, momentum=0.9, nesterov=True),
    ),
    "dampening": (
        lambda m: SGD(m.parameters(), 0.1, momentum=0.9),
        lambda m: SGD(m.parameters(), 0.1, momentum=0.9, dampening=0.5),
    ),
    r"betas\[0\]": (lambda m: AdamW(m.parameters()), lambda m: AdamW(m.parameters(), betas=(0.8, 0.999))),
    r"betas\[1\]": (lambda m: AdamW(m.parameters()), lambda m: AdamW(m.parameters(), betas=(0.9, 0.99))),
    "eps": (lambda m: AdamW(m.parameters()), lambda m: AdamW(m.parameters(), eps=1e-4)),
    "amsgrad": (lambda m: AdamW(m.parameters()), lambda m: AdamW(m.parameters(), amsgrad=True)),
    "lr": (lambda m: SGD(m.parameters(), 0.1), lambda m: SGD(m.parameters(), 0.2)),
    "weight_decay": (lambda m: SGD(m.parameters(), 0.1), lambda m: SGD(m.parameters(), 0.1, weight_decay=1e-4)),
    "lr of group 1": (two_groups, partial(two_groups, lr=0.2)),
    "weight_decay of group 1": (two_groups, partial(two_groups, decay=0.1)),
    r"weights\[0\]": (lambda m: SGD(m.parameters(), 0.1), lambda m: SGD(list(m.parameters())[::-1], 0.1)),
    r"weights\[\d\] of group 0|weights of group 0|lr of group 0": (lambda m: SGD(m.parameters(), 0.1), two_groups),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_other_options_of_the_optimizer(name, tmp_path):
    before, after = OPTIMIZERS[name]
    model = net()
    begun(tmp_path / "run.pt", model, before(model))
    model = net()
    optimizer = after(model)
    untouched, options = copy.deepcopy(model), copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=f"belongs to another training: ({name}) is .* there and .* here"):
        fit(model, DATA, optimizer, **usual(tmp_path / "run.pt"))
    assert same(model, untouched) and optimizer.state_dict() == options


@pytest.mark.parametrize(
    "before, after, name",
    [
        (lambda t: 0.1 if t < 7 else 0.01, lambda t: 0.1 if t < 8 else 0.01, r"schedule\(7\) is 0.01 .* 0.1 here"),
        (lambda t: 0.1, lambda t: 0.1 + (t == 11), r"schedule\(11\) is 0.1 there and 1.1 here"),
        (lambda t: 0.1, lambda t: 0.1 + (t == 1), r"schedule\(1\)"),
        (lambda t: 0.1, None, "lr is None there and 0.1 here|schedule is 'a function of t' there and None here"),
    ],
)
def test_another_rate_at_a_single_update(before, after, name, tmp_path):
    for schedule, refused in ((before, False), (after, True)):
        model = net()
        optimizer = SGD(model.parameters(), 0.1)
        if not refused:
            begun(tmp_path / "run.pt", model, optimizer, schedule)
            continue
        with pytest.raises(ValueError, match=name):
            fit(model, DATA, optimizer, schedule, **usual(tmp_path / "run.pt"))


def with_labels(labels, part="train"):
    return replace(DATA, **{part: Split(getattr(DATA, part).inputs, labels)})


@pytest.mark.parametrize(
    "data, name",
    [
        (with_labels(DATA.train.labels.roll(1)), "labels"),
        (with_labels(DATA.val.labels.roll(1), "val"), "labels"),
        (replace(DATA, train=Split(DATA.train.inputs.flip(-1), DATA.train.labels)), "inputs"),
        (replace(DATA, val=Split(DATA.val.inputs.flip(-1), DATA.val.labels)), "inputs"),
        (replace(DATA, mean=(0.5, 0.5, 0.5)), "mean"),
        (replace(DATA, std=(0.5, 0.5, 0.5)), "std"),
        (replace(DATA, source="others"), "source"),
    ],
)
def test_other_data(data, name, tmp_path):
    model = net()
    begun(tmp_path / "run.pt", model, SGD(model.parameters(), 0.1))
    model = net()
    with pytest.raises(ValueError, match=f"another training: .*{name}.* is .* there and .* here"):
        fit(model, data, SGD(model.parameters(), 0.1), **usual(tmp_path / "run.pt"))


def test_the_test_images_may_be_others(tmp_path):
    model = net()
    begun(tmp_path / "run.pt", model, SGD(model.parameters(), 0.1))
    assert fit(model, replace(DATA, test=None), SGD(model.parameters(), 0.1), **usual(tmp_path / "run.pt")).t[-1] == T


class Bent(nn.Module):
    """Its activation is a setting, not a layer."""

    def __init__(self, bend):
        super().__init__()
        self.bend, self.inside = bend, mlp((4,), seed=0)

    def forward(self, x):
        return self.bend(self.inside(x))


def frozen(model):
    model[1].bias.requires_grad_(False)
    return model


def asleep(model):
    model[3].eval()
    return model


@pytest.mark.parametrize(
    "before, after, name",
    [
        (net, partial(net, nn.Tanh), "the model '2' 'kind' is 'ReLU' there and 'Tanh' here"),
        (net, partial(net, dropout=0.5), "the model '3' 'p' is 0.25 there and 0.5 here"),
        (net, lambda: frozen(net()), r"the model '1' 'frozen'\[0\] is None there and 'bias' here"),
        (net, lambda: asleep(net()), "the model '3' 'mode' is None there and 'evaluation' here"),
        (partial(Bent, torch.tanh), partial(Bent, torch.sin), "'bend' is .*tanh.* there and .*sin.* here"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*in no group")
def test_another_network_of_the_same_shapes(before, after, name, tmp_path):
    model = before()
    begun(tmp_path / "run.pt", model, SGD(model.parameters(), 0.1))
    model = after()
    with pytest.raises(ValueError, match=name):
        fit(model, DATA, SGD(model.parameters(), 0.1), **usual(tmp_path / "run.pt"))


@pytest.mark.parametrize(
    "change, name",
    [
        (dict(validate_every=5), "validate_every is 4 there and 5 here"),
        (dict(config={"model": "b"}), "model is 'a' there and 'b' here"),
        (dict(config={"model": "a", "note": 1}), "note is None there and 1 here"),
        (dict(start=2), "start is 0 there and 2 here"),
        (dict(seed=4), "seed"),
        (dict(momentum=lambda t: 0.5), "momentum is 0.9 there and 'a function of t' here"),
    ],
)
def test_other_arguments(change, name, tmp_path):
    model = net()
    begun(tmp_path / "run.pt", model, SGD(model.parameters(), 0.1, momentum=0.9), config={"model": "a"})
    model = net()
    with pytest.raises(ValueError, match=name):
        how = usual(tmp_path / "run.pt", config={"model": "a"}) | change
        fit(model, DATA, SGD(model.parameters(), 0.1, momentum=0.9), **how)


def test_the_same_cell_run_again_goes_on(tmp_path):
    """Model and optimizer are the ones that were trained already; the rate was moved by a schedule and by hand."""
    model = net()
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    schedule = partial(cosine, peak=0.2, T=T)

    def by_hand(step):
        step.lr = 0.01 if step.t >= 5 else None

    begun(tmp_path / "run.pt", model, optimizer, schedule, each=by_hand)
    run = fit(model, DATA, optimizer, schedule, **usual(tmp_path / "run.pt"))
    assert run.t == list(range(1, T + 1)) and run.lr[5:] == [0.01] * 7


# ------------------------------------------------------------------------------------------- the same training
@pytest.mark.parametrize(
    "options",
    [
        dict(weight_decay=np.float64(5e-4)),
        dict(momentum=np.float64(0.9)),
        dict(lr=np.float64(0.1)),
        dict(lr=np.float32(0.1), momentum=np.float32(0.5)),
    ],
)
def test_numbers_of_numpy_anywhere(options, tmp_path):
    def optimizer(model):
        return SGD(model.parameters(), **{"lr": 0.1, **options})

    torch.manual_seed(5)
    whole = net()
    expected = fit(whole, DATA, optimizer(whole), **usual(None))
    model = net()
    begun(tmp_path / "run.pt", model, optimizer(model))
    model = net()
    record = fit(model, DATA, optimizer(model), **usual(tmp_path / "run.pt"))
    assert same(model, whole) and record.as_dict() == expected.as_dict()
    assert {type(x) for x in [*record.lr, *record.momentum]} <= {float, int}


def test_numbers_of_numpy_set_by_hand_and_in_a_schedule(tmp_path):
    def by_hand(step):
        step.lr = np.float64(0.05)

    model = net()
    begun(tmp_path / "run.pt", model, SGD(model.parameters(), 0.1), lambda t: np.float32(0.1), each=by_hand)
    state = read_checkpoint(tmp_path / "run.pt")
    assert (state["t"], state["by_hand"]) == (6, 0.05)


class Draws(nn.Module):
    """Draws from Python's, NumPy's and PyTorch's global random numbers."""

    def __init__(self):
        super().__init__()
        self.inside = net()

    def forward(self, x):
        return self.inside(x * (1 + np.random.rand()) + random.random())


def test_a_network_that_draws_from_all_random_numbers(tmp_path):
    def seeds(n):
        random.seed(n), np.random.seed(n), torch.manual_seed(n)

    seeds(5)
    whole = Draws()
    expected = fit(whole, DATA, SGD(whole.parameters(), 0.1), **usual(None))
    seeds(5)
    model = Draws()
    for step in train(model, DATA, SGD(model.parameters(), 0.1), **usual(tmp_path / "run.pt")):
        if step.t == 8:
            break
    seeds(99)
    model = Draws()
    record = fit(model, DATA, SGD(model.parameters(), 0.1), **usual(tmp_path / "run.pt"))
    assert same(model, whole) and record.loss == expected.loss


SCHEDULERS = {
    "cosine": partial(CosineAnnealingLR, T_max=T),
    "steps": partial(MultiStepLR, milestones=[5, 9]),
    "one cycle": partial(OneCycleLR, max_lr=0.2, total_steps=T + 1),
}


@pytest.mark.parametrize("kind", SCHEDULERS)
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_scheduler_of_pytorch_is_kept_with_the_rest(kind, tmp_path):
    def parts():
        model = net()
        optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
        return model, optimizer, SCHEDULERS[kind](optimizer)

    def finished(path, stop=None):
        model, optimizer, scheduler = parts()
        torch.manual_seed(5)
        for step in train(model, DATA, optimizer, **usual(path, also={"scheduler": scheduler})):
            scheduler.step()
            if step.t == stop:
                break
        return model, step.run

    whole, expected = finished(None)
    finished(tmp_path / "run.pt", stop=8)
    model, record = finished(tmp_path / "run.pt")
    assert same(model, whole) and record.lr == expected.lr and len(set(record.lr)) > 2


@pytest.mark.parametrize(
    "more, says",
    [
        (dict(), r"a scheduler of PyTorch's sets this optimizer's rate.*also=\{'scheduler': scheduler\}"),
        (dict(also={"mine": object()}), "also: mine cannot be kept"),
        (dict(also={"odd": type("Odd", (), dict(state_dict=lambda s: {"f": print}, load_state_dict=print))()}), "odd"),
        (dict(checkpoint="."), "checkpoint must be a file"),
        (dict(checkpoint=123), "checkpoint must be a file"),
    ],
)
def test_what_could_not_be_kept_is_refused_before_anything_is_trained(more, says, tmp_path):
    model = net()
    optimizer = SGD(model.parameters(), 0.1)
    scheduler = CosineAnnealingLR(optimizer, T)  # noqa: F841
    untouched = copy.deepcopy(model)
    with pytest.raises(ValueError, match=says):
        next(train(model, DATA, optimizer, **(usual(tmp_path / "run.pt") | more)))
    assert same(model, untouched) and not (tmp_path / "run.pt").exists()


@pytest.mark.parametrize("path", [".", "", 123, None, b"best.pt"])
def test_best_weights_need_a_file(path):
    with pytest.raises(ValueError, match="path must be a file"):
        KeepBest(path)


def test_the_same_number_in_another_form_is_the_same(tmp_path):
    model = net()
    begun(tmp_path / "run.pt", model, SGD(model.parameters(), 1, weight_decay=0), config={"note": float("nan"), "k": 1})
    model = net()
    how = usual(tmp_path / "run.pt", config={"note": float("nan"), "k": np.int64(1)})
    assert fit(model, DATA, SGD(model.parameters(), np.float32(1), weight_decay=0.0), **how).t[-1] == T


def test_a_checksum_of_a_checkpoint_is_no_part_of_pytorchs_own_format(half):
    """Who wants to look into one without the course can."""
    assert torch.load(half, weights_only=True)["t"] == 6


def test_without_a_checkpoint_a_scheduler_of_pytorch_needs_no_word(tmp_path):
    model = net()
    optimizer = SGD(model.parameters(), 0.1)
    scheduler = CosineAnnealingLR(optimizer, T)
    for _ in train(model, DATA, optimizer, **usual(None)):
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0)
    fit(model, DATA, optimizer, partial(constant, peak=0.1), **usual(tmp_path / "run.pt"))  # the schedule has the rate


# ------------------------------------------------------------------------------------------- the file itself
@pytest.fixture
def half(tmp_path):
    model = net()
    begun(tmp_path / "half.pt", model, SGD(model.parameters(), 0.1, momentum=0.9))
    return tmp_path / "half.pt"


def test_a_single_flipped_bit_is_always_found(half, tmp_path):
    whole, rng = half.read_bytes(), random.Random(0)
    for bit in [0, len(whole) * 8 - 1, *(rng.randrange(len(whole) * 8) for _ in range(298))]:
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "flipped.pt").write_bytes(content)
        with pytest.raises(ValueError, match="is damaged or not a checkpoint .*checksum.*Delete it"):
            read_checkpoint(tmp_path / "flipped.pt")
    assert read_checkpoint(half)["t"] == 6


@pytest.mark.parametrize(
    "field, value",
    [
        ("t", "x"),
        ("t", 2.5),
        ("t", -5),
        ("t", 99),
        ("t", True),
        ("model", []),
        ("model", {"x": 1}),
        ("plan", []),
        ("random", {}),
        ("random", {"torch": torch.zeros(3)}),
        ("by_hand", "x"),
        ("by_hand", -1.0),
        ("run", {}),
        ("run", {"val": 3}),
        ("optimizer", {}),
        ("optimizer", {"state": {}, "param_groups": [{}]}),
        ("also", []),
    ],
)
def test_fields_that_somebody_changed(field, value, half):
    write_safely(read_checkpoint(half) | {field: value}, half)
    model = net()
    with pytest.raises(ValueError, match="half.pt (is not a checkpoint|belongs to another|does not fit)"):
        fit(model, DATA, SGD(model.parameters(), 0.1, momentum=0.9), **usual(half))
