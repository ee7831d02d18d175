"""Networks trained together give what they give alone; a lost one disturbs no other; bad input is refused by name."""

from functools import partial

import pytest
import torch
from torch import nn

from course_utils.schedules import cosine, linear
from course_utils.training.compute import pick
from course_utils.training.loop import fit
from course_utils.training.models import mlp, small_conv_net
from course_utils.training.together import Stack, sgd_together, train_together
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=160, val=60, test=10)
T = 12
SETTINGS = [
    {"lr": 0.01},
    {"lr": 0.03, "weight_decay": 0.1},
    {"lr": 0.003, "momentum": 0.0},
    {"lr": 0.01, "weight_decay": 1e-3, "momentum": 0.95},
]


def small(seed=0):
    return mlp(hidden=(8,), seed=seed)


def alone(setting, model, schedule=cosine):
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=setting["lr"],
        momentum=setting.get("momentum", 0.9),
        weight_decay=setting.get("weight_decay", 0.0),
    )
    run = fit(
        model,
        DATA,
        optimizer,
        partial(schedule, peak=setting["lr"], T=T),
        updates=T,
        batch_size=32,
        seed=3,
        validate_every=T,
        compute=CPU,
    )
    return run, model


@pytest.mark.parametrize(
    "build",
    [small, lambda seed=0: mlp(hidden=(6, 5), seed=seed), lambda seed=0: small_conv_net(4, norm=False, seed=seed)],
)
def test_together_is_the_same_as_one_by_one(build):
    models = [build(seed) for seed in range(4)]
    runs = train_together(models, DATA, SETTINGS, updates=T, batch_size=32, seed=3, compute=CPU)
    for seed, (run, setting, model) in enumerate(zip(runs, SETTINGS, models, strict=True)):
        single, trained = alone(setting, build(seed))
        assert run.loss == pytest.approx(single.loss, rel=1e-5)
        assert run.lr == pytest.approx(single.lr, rel=1e-6) and run.momentum == pytest.approx(single.momentum)
        assert run.t == single.t and run.status == "finished" and run.seed == 3
        assert run.val[0][1] == pytest.approx(single.val[0][1], rel=1e-4) and run.val[0][2] == single.val[0][2]
        for ours, theirs in zip(model.parameters(), trained.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_another_shape_of_the_rate():
    run = train_together(
        [small()], DATA, SETTINGS[:1], updates=T, batch_size=32, seed=3, shape=lambda share: 1 - share, compute=CPU
    )[0]
    single, _ = alone(SETTINGS[0], small(), linear)
    assert run.loss == pytest.approx(single.loss, rel=1e-5)


def test_one_update_is_that_of_torch():
    torch.manual_seed(0)
    weights = {"w": torch.randn(3, 4, 2)}
    singles = [w.clone().requires_grad_() for w in weights["w"]]
    lr, decay, momentum = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.0, 0.5, 0.1]), torch.tensor([0.9, 0.0, 0.5])
    sgd = [
        torch.optim.SGD([w], lr=float(a), weight_decay=float(b), momentum=float(c))
        for w, a, b, c in zip(singles, lr, decay, momentum, strict=True)
    ]
    memory = {}
    for _ in range(3):
        gradients = torch.randn(3, 4, 2)
        sgd_together(weights, {"w": gradients}, memory, lr, decay, momentum)
        for w, g, optimizer in zip(singles, gradients, sgd, strict=True):
            w.grad = g.clone()
            optimizer.step()
    torch.testing.assert_close(weights["w"], torch.stack([w.detach() for w in singles]))


def test_a_diverged_network_does_not_disturb_the_others():
    settings = [{"lr": 0.01}, {"lr": 1e12}, {"lr": 0.02}]
    runs = train_together([small() for _ in settings], DATA, settings, updates=T, batch_size=32, seed=3, compute=CPU)
    pair = train_together([small(), small()], DATA, settings[::2], updates=T, batch_size=32, seed=3, compute=CPU)
    assert [run.status for run in runs] == ["finished", "diverged", "finished"]
    assert runs[1].diverged_at == len(runs[1].t) == len(runs[1].loss) < T
    for run, single in zip(runs[::2], pair, strict=True):
        assert run.loss == pytest.approx(single.loss, rel=1e-5)


def test_records_say_what_was_done_and_can_be_kept(tmp_path):
    run = train_together([small(), small()], DATA, SETTINGS[:2], epochs=1, batch_size=32, compute=CPU)[1]
    assert run.config["settings"] == SETTINGS[1] and run.config["momentum"] == 0.9 and run.config["together"] == 2
    assert run.config["updates"] == 5 == len(run.t) and run.source == DATA.source
    assert run.load(run.save(tmp_path / "run.npz")).loss == run.loss


@pytest.mark.parametrize(
    ("models", "settings", "words"),
    [
        ([], [], "list of networks"),
        ([3], [{"lr": 0.1}], "list of networks"),
        ([mlp((8,)), mlp((9,))], SETTINGS[:2], "network 1 has another shape"),
        ([nn.Sequential(nn.Linear(9, 9)), nn.Sequential(nn.Linear(9, 9), nn.Tanh())], SETTINGS[:2], "another shape"),
        ([small_conv_net(4)], SETTINGS[:1], "batch statistics"),
        ([small()], SETTINGS[:2], "each of the 1 networks, got 2"),
        ([small()], {"lr": 0.1}, "each of the 1 networks"),
        ([small()], [{"weight_decay": 0.1}], "only lr is a must"),
        ([small()], [{"lr": 0.1, "decay": 0.1}], "only lr is a must"),
        ([small()], [{"lr": -1.0}], "lr must"),
        ([small()], [{"lr": 0.1, "momentum": 1.0}], "momentum must be a finite number in"),
        ([small()], [{"lr": float("nan")}], "lr must"),
        ([small()], [{"lr": "0.1"}], "lr must"),
    ],
)
def test_bad_input_is_refused_by_name(models, settings, words):
    with pytest.raises(ValueError, match=words):
        train_together(models, DATA, settings, updates=2, batch_size=32, compute=CPU)


def test_the_same_network_twice_and_bad_lengths_are_refused():
    one = small()
    with pytest.raises(ValueError, match="stands twice"):
        Stack([one, one])
    for wrong in ({"updates": 0}, {}, {"updates": 2, "epochs": 1}, {"updates": 2, "shape": lambda share: -1.0}):
        with pytest.raises(ValueError):
            train_together([small()], DATA, [{"lr": 0.1}], batch_size=32, compute=CPU, **wrong)
