"""train(), fit(), evaluate(): what the loop sees, what the record says, what is refused."""

import copy
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_utils.data.batches import normalise
from course_utils.data.splits import Data, Split
from course_utils.schedules import cosine, one_cycle, one_cycle_momentum
from course_utils.training.compute import Compute, cpu_has_bfloat16, pick
from course_utils.training.loop import evaluate, fit, train
from course_utils.training.models import mlp, small_conv_net
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")  # also sets COURSE_THREADS: two spinning threads would wait for each other
DATA = tiny_data(train=160, val=60, test=60)


def sgd(model, lr=0.05, **more):
    return torch.optim.SGD(model.parameters(), lr=lr, **more)


def run(schedule=None, *, model=None, optimizer=None, **more):
    """A short training; returns (model, record)."""
    model = model or mlp((8,), seed=0)
    more = {"epochs": 2, "batch_size": 32, "compute": CPU, **more}
    return model, fit(model, DATA, optimizer or sgd(model), schedule, **more)


def weights(model):
    return [w.clone() for w in model.state_dict().values()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --------------------------------------------------------------------------------------------------- the loop
def test_steps_and_record_tell_the_same_story():
    model, seen = mlp((8,), seed=0), []
    optimizer = sgd(model, momentum=0.9)
    schedule, momentum = partial(one_cycle, peak=0.1, T=10), partial(one_cycle_momentum, T=10)
    for step in train(model, DATA, optimizer, schedule, momentum=momentum, epochs=2, batch_size=32, compute=CPU):
        group = optimizer.param_groups[0]
        assert (step.lr, step.momentum) == (group["lr"], group["momentum"])
        assert step.model is model and step.optimizer is optimizer and step.T == 10
        assert step.epoch == step.t / 5 and step.validated == (step.t in (5, 10))
        assert step.run.status == ("finished" if step.t == 10 else "running")
        seen.append((step.t, step.lr, step.momentum, float(step.loss)))
    run = step.run
    assert list(zip(run.t, run.lr, run.momentum, run.loss, strict=True)) == seen
    assert run.t == list(range(1, 11))
    assert run.lr == [schedule(t) for t in range(10)] and run.momentum == [momentum(t) for t in range(10)]
    assert [v[0] for v in run.val] == [5, 10] and run.val[-1][1:] == evaluate(model, DATA, "val", CPU)
    assert run.config["lr"] == schedule(0) and run.config["updates"] == 10 and run.config["images"] == 160
    assert (run.source, run.device, run.dtype, run.kind) == (DATA.source, "CPU", "float32", "live")


def test_one_update_is_the_plain_one():
    """A first update written out by hand gives the same weights, bit by bit."""
    model = mlp((8,), seed=0)
    by_hand, batches = copy.deepcopy(model), []
    model.register_forward_pre_hook(lambda _, x: batches.append(x[0].clone()) if len(batches) < 1 else None)
    labels = DATA.train.labels[torch.randperm(160, generator=torch.Generator().manual_seed(1_000_003 * 7))[:32]]
    run(model=model, updates=1, epochs=None, seed=7)
    loss = cross_entropy(by_hand(batches[0]), labels)
    loss.backward()
    with torch.no_grad():
        for p in by_hand.parameters():
            p.add_(p.grad, alpha=-0.05)
    assert same(weights(model), weights(by_hand))


def test_break_leaves_stopped():
    model = mlp((8,), seed=0)
    for step in train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU):
        if step.t == 3:
            break
    assert step.run.status == "running" or step.run.status == "stopped"
    steps = train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU)
    step = next(steps)
    steps.close()  # what `break` does as soon as nobody holds the generator
    assert step.run.status == "stopped" and step.run.t == [1]


def test_an_exception_in_the_loop_leaves_stopped():
    model = mlp((8,), seed=0)
    with pytest.raises(ZeroDivisionError):
        for step in train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU):
            kept = step
            1 / (step.t - 2)
    assert kept.t == 2


def test_interrupt_between_two_entries_leaves_even_curves(monkeypatch):
    model = mlp((8,), seed=0)
    steps = train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU)
    step = next(steps)
    monkeypatch.setattr(type(step), "momentum", property(lambda _: (_ for _ in ()).throw(KeyboardInterrupt)))
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    record = step.run
    assert record.status == "stopped"
    assert len(record.t) == len(record.lr) == len(record.momentum) == len(record.loss_log) == 1


def test_the_rate_by_hand_and_back():
    model = mlp((8,), seed=0)
    optimizer = torch.optim.SGD([{"params": [p]} for p in model.parameters()], lr=0.1)
    schedule, rates = partial(cosine, peak=0.1, T=10), []
    for step in train(model, DATA, optimizer, schedule, epochs=2, batch_size=32, compute=CPU):
        rates.append([g["lr"] for g in optimizer.param_groups])
        if step.t == 3:
            step.lr = 0.007
            assert step.lr == schedule(2)  # still what the last update used
        if step.t == 6:
            step.lr = None
    expected = [0.007 if t in (3, 4, 5) else schedule(t) for t in range(10)]
    assert rates == [[r] * 4 for r in expected] and step.run.lr == expected


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", True, [0.1]])
def test_a_wrong_rate_by_hand_is_refused_at_once(value):
    model = mlp((8,), seed=0)
    step = next(train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU))
    with pytest.raises(ValueError, match="step.lr must"):
        step.lr = value


def test_parameter_groups_have_their_own_schedules():
    model = mlp((8,), seed=0)
    first, *others = model.parameters()
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": others}], lr=0.3)
    before, seen = first.detach().clone(), []
    slow = [lambda t: 0.0, partial(cosine, peak=0.1, T=5)]
    for _ in train(model, DATA, optimizer, slow, epochs=1, batch_size=32, compute=CPU):
        seen.append(tuple(g["lr"] for g in optimizer.param_groups))
    assert seen == [(0.0, slow[1](t)) for t in range(5)]
    assert torch.equal(first, before) and not torch.equal(others[-1], mlp((8,), seed=0)[-1].bias)
    seen.clear()
    for _ in train(model, DATA, optimizer, [None, slow[1]], epochs=1, batch_size=32, compute=CPU):
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [0.0] * 5  # None leaves a group alone


def test_momentum_schedule_is_beta1_for_adam():
    model = mlp((8,), seed=0)
    optimizer, momentum = torch.optim.Adam(model.parameters(), lr=1e-3), partial(one_cycle_momentum, T=5)
    _, record = run(model=model, optimizer=optimizer, momentum=momentum, epochs=1)
    assert record.momentum == [momentum(t) for t in range(5)]
    assert optimizer.param_groups[0]["betas"] == (momentum(4), 0.999)


def test_a_torch_scheduler_may_drive_the_rate_instead():
    model = mlp((8,), seed=0)
    optimizer = sgd(model, 0.2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    rates = []
    for step in train(model, DATA, optimizer, epochs=2, batch_size=32, compute=CPU):
        rates.append(step.lr)
        theirs.step()
    assert rates == pytest.approx([cosine(t, peak=0.2, T=10) for t in range(10)], abs=1e-12)


def test_a_schedule_may_look_up_a_table_of_rates(tmp_path):
    rates = [0.1, 0.05, 0.02, 0.01, 0.005]
    _, record = run(lambda t: rates[t], epochs=1, checkpoint=tmp_path / "run.pt")
    assert record.lr == rates


@pytest.mark.parametrize("every, expected", [("epoch", [5, 7]), (3, [3, 6, 7]), (100, [7]), (None, [])])
def test_validate_every(every, expected):
    _, record = run(updates=7, epochs=None, validate_every=every)
    assert [v[0] for v in record.val] == expected and record.status == "finished"


def test_length_of_a_run():
    assert run(epochs=1.5)[1].t[-1] == 8  # round(7.5)
    assert run(epochs=0.01)[1].t[-1] == 1
    assert run(updates=3.0, epochs=None)[1].t == [1, 2, 3]


def test_going_on_from_a_copy_is_the_same_run():
    """Branching: half a run, copied, goes on with start= to the weights of the whole one."""
    schedule = partial(cosine, peak=0.1, T=10)
    whole, _ = run(schedule, optimizer=None)
    model = mlp((8,), seed=0)
    for step in train(model, DATA, sgd(model), schedule, epochs=2, batch_size=32, compute=CPU):
        if step.t == 4:
            break
    branch = copy.deepcopy(model)
    optimizer = sgd(branch)
    optimizer.load_state_dict(step.optimizer.state_dict())
    _, record = run(schedule, model=branch, optimizer=optimizer, start=4)
    assert same(weights(branch), weights(whole)) and record.t == [5, 6, 7, 8, 9, 10]


# ------------------------------------------------------------------------------------------------------ seeds
def test_same_seed_same_weights_other_seed_other_order():
    first, again, other = run(seed=1)[0], run(seed=1)[0], run(seed=2)[0]
    assert same(weights(first), weights(again)) and not same(weights(first), weights(other))


def test_training_leaves_the_global_random_state_alone():
    state = torch.get_rng_state()
    run()
    small_conv_net(seed=3)
    assert torch.equal(torch.get_rng_state(), state)


# ------------------------------------------------------------------------------------------------- divergence
def test_divergence_is_a_recorded_fact():
    model = small_conv_net(width=4, norm=False, seed=0)
    _, record = run(model=model, optimizer=sgd(model, lr=1e6), epochs=20)
    assert record.status == "diverged" and record.diverged
    assert record.diverged_at == record.t[-1] == record.val[-1][0] < 100
    assert not math.isfinite(record.loss[-1]) and all(map(math.isfinite, record.loss[:-1]))
    assert record.final_accuracy <= 0.2  # NaN logits: chance


def test_divergence_seen_late_is_dated_back(monkeypatch):
    """On a GPU losses are looked at every 50 updates only; here the same on a CPU."""
    from course_utils.training import loop as training

    look = training._first_bad
    monkeypatch.setattr(training, "_first_bad", lambda run, n: look(run, 50) if len(run.t) % 50 == 0 else None)
    model = mlp((8,), seed=0)
    with torch.no_grad():
        model[-1].bias.fill_(math.nan)
    _, record = run(model=model, epochs=20)
    assert record.diverged_at == 1 and record.t == [1] and [v[0] for v in record.val] == [1]


def test_a_loss_that_somebody_looked_at_does_not_hide_a_bad_one():
    from course_utils.runs import Run
    from course_utils.training.loop import _first_bad

    bad = Run(loss_log=[1.0, math.nan, torch.tensor(1.0)])
    assert _first_bad(bad, 3) == 1 and _first_bad(bad, 1) is None
    assert _first_bad(Run(loss_log=[1.0, torch.tensor(math.inf)]), 50) == 1
    assert _first_bad(Run(loss_log=[1.0, 2.0]), 50) is None


# -------------------------------------------------------------------------------------------- looking is free
class LikeAGpu(Compute):
    """The CPU, treated as a GPU is: looking at a number there costs time."""

    on_gpu = True


def test_on_a_gpu_the_loss_stays_there_until_looked_at(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "pretended")
    model = mlp((8,), seed=0)
    for step in train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=LikeAGpu(torch.device("cpu"))):
        assert isinstance(step.loss, torch.Tensor) and step.loss.ndim == 0 and not step.loss.requires_grad
        assert all(isinstance(x, torch.Tensor) for x in step.run.loss_log)
    assert all(type(x) is float for x in step.run.loss) and all(type(x) is float for x in step.run.loss_log)


def test_on_a_cpu_a_record_keeps_numbers_and_no_tensors():
    model = mlp((8,), seed=0)
    for step in train(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU):
        assert isinstance(step.loss, torch.Tensor) and step.loss.ndim == 0 and not step.loss.requires_grad
        assert all(type(x) is float for x in step.run.loss_log)


def test_evaluate_is_the_plain_computation():
    model = small_conv_net(width=4, seed=0)
    fit(model, DATA, sgd(model), epochs=1, batch_size=32, compute=CPU)
    model.train()
    before = weights(model)
    loss, accuracy = evaluate(model, DATA, "val", CPU, batch_size=7)  # 60 images: an incomplete last batch
    assert model.training and same(before, weights(model))
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(normalise(x[None], DATA.mean, DATA.std)) for x in DATA.val.inputs])
    assert loss == pytest.approx(float(cross_entropy(logits, DATA.val.labels)), rel=1e-5)
    assert accuracy == float((logits.argmax(1) == DATA.val.labels).double().mean())


def test_evaluate_puts_the_mode_back_after_an_error():
    model = mlp((8,), seed=0)
    wrong = Split(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(RuntimeError):
        evaluate(model, replace(DATA, val=wrong), "val", CPU)
    assert model.training


@pytest.mark.parametrize("split", ["validation", "classes", "test", None])
def test_evaluate_refuses_a_split_that_the_data_do_not_have(split):
    with pytest.raises(ValueError, match="split must be one of 'train', 'val', got"):
        evaluate(mlp((8,), seed=0), replace(DATA, test=None), split, CPU)


def test_the_test_set_is_never_touched():
    blind = Data(DATA.train, DATA.val, None, DATA.classes, DATA.source, False, DATA.mean, DATA.std)
    model = mlp((8,), seed=0)
    assert fit(model, blind, sgd(model), epochs=1, batch_size=32, compute=CPU).status == "finished"


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="this processor has no bfloat16 instructions")
def test_bfloat16_keeps_float32_weights():
    model, record = run(compute=Compute(torch.device("cpu"), torch.bfloat16))
    assert all(p.dtype is torch.float32 for p in model.parameters()) and record.dtype == "bfloat16"
    assert abs(record.loss[0] - run()[1].loss[0]) < 0.05


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_gpu(dtype, tmp_path):
    compute, model = Compute(torch.device("cuda"), dtype), small_conv_net(width=8, seed=0)
    more = dict(epochs=30, batch_size=32, compute=compute, checkpoint=tmp_path / "gpu.pt")
    for step in train(model, DATA, sgd(model), **more):
        assert step.loss.is_cuda
        if step.t in (20, 70):
            assert len(step.run.loss) == step.t  # looking between two checks
        if step.t == 103:
            break
    record = fit(model, DATA, sgd(model), **more)
    assert record.status == "finished" and record.t == list(range(1, 151))
    model = small_conv_net(width=8, norm=False, seed=0)
    assert fit(model, DATA, sgd(model, 1e6), epochs=30, batch_size=32, compute=compute).status == "diverged"


# -------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(epochs=None), "either epochs or updates"),
        (dict(epochs=1, updates=5), "either epochs or updates"),
        (dict(epochs=0), "epochs must"),
        (dict(epochs=-1), "epochs must"),
        (dict(epochs="3"), "epochs must"),
        (dict(epochs=math.nan), "epochs must"),
        (dict(epochs=True), "epochs must"),
        (dict(epochs=None, updates=0), "updates must"),
        (dict(epochs=None, updates=2.5), "updates must"),
        (dict(epochs=None, updates=math.inf), "updates must"),
        (dict(batch_size=0), "batch_size must"),
        (dict(batch_size=161), "batch_size must"),
        (dict(batch_size=32.0), "batch_size must"),
        (dict(batch_size=None), "batch_size must"),
        (dict(seed=-1), "seed must"),
        (dict(seed=0.5), "seed must"),
        (dict(seed=None), "seed must"),
        (dict(start=10), "start must"),
        (dict(start=-1), "start must"),
        (dict(start=1.0), "start must"),
        (dict(validate_every=0), "validate_every must"),
        (dict(validate_every="step"), "validate_every must"),
        (dict(validate_every=1.5), "validate_every must"),
        (dict(checkpoint_every=0), "checkpoint_every must"),
        (dict(momentum=0.9), "momentum must be a function"),
        (dict(momentum=lambda t: 1.0), r"momentum\(0\)"),
        (dict(momentum=lambda t: None), r"momentum\(0\)"),
        (dict(schedule=0.1), "schedule must be a function"),
        (dict(schedule="cosine"), "schedule must"),
        (dict(schedule=[lambda t: 1.0] * 2), "2 functions for 1 parameter"),
        (dict(schedule=lambda t: None), "schedule"),
        (dict(schedule=lambda t: -0.1), r"schedule\(0\)"),
        (dict(schedule=lambda t: math.nan), r"schedule\(0\)"),
        (dict(config={"model": mlp}), "config.*cannot be recorded"),
        (dict(config={"net": torch.ones(2)}), "config.*cannot be recorded"),
    ],
)
def test_wrong_arguments_are_refused_by_name(wrong, says):
    model = mlp((8,), seed=0)
    before = weights(model)
    with pytest.raises(ValueError, match=says):
        run(wrong.pop("schedule", None), model=model, optimizer=sgd(model, momentum=0.9), **wrong)
    assert same(before, weights(model))


def test_an_optimizer_of_another_model_or_without_momentum_is_refused():
    with pytest.raises(ValueError, match="none of this model's parameters"):
        run(optimizer=sgd(mlp((8,), seed=0)))
    model = mlp((8,), seed=0)
    with pytest.raises(ValueError, match="Adagrad has no momentum"):
        run(model=model, optimizer=torch.optim.Adagrad(model.parameters()), momentum=lambda t: 0.9)
