"""The range test touches nothing, sees what it should, and is read right or not at all."""

import math
import random
import re

import numpy as np
import pytest
import torch

from course_utils.range_test.curve import RangeTest, slope_per_decade, smooth_curve
from course_utils.range_test.rule import suggest
from course_utils.range_test.sweep import range_test
from course_utils.runs import Run, RunTable
from course_utils.training.compute import pick
from course_utils.training.loop import fit
from course_utils.training.models import mlp, small_conv_net
from tests.made_up import tiny_data

CPU = pick("cpu", "float32")
DATA = tiny_data(train=160, val=60, test=60)
X = np.linspace(-5, 1, 100)  # log10 of the rates of an invented sweep


def net(seed=0, dropout=False):
    model = mlp((8,), seed=seed)
    return torch.nn.Sequential(torch.nn.Dropout(0.2), *model) if dropout else model


def sgd(model, **more):
    return torch.optim.SGD(model.parameters(), **{"lr": 0.05, "momentum": 0.9, **more})


def two_groups(model, first, second):
    return torch.optim.SGD([{"params": model[i].parameters(), "lr": lr} for i, lr in ((1, first), (3, second))])


def swept(model=None, optimizer=None, data=DATA, **more):
    model = model or net()
    return range_test(model, data, optimizer or sgd(model), **{"updates": 30, "batch_size": 32, "compute": CPU, **more})


def curve_runs(curve, *, noise=0.0, seeds=3, x=X, high=10.0, seed=0):
    """Runs with the invented loss `curve(x)` and noise; they end where the loss is no longer finite."""
    rng, runs = np.random.default_rng(seed), []
    for n in range(seeds):
        loss = np.array([curve(u) for u in x]) + noise * rng.standard_normal(len(x))
        lost = np.flatnonzero(~np.isfinite(loss))
        end = int(lost[0]) + 1 if len(lost) else len(x)
        facts = {"high": high, "updates": len(x)}
        runs.append(
            Run(
                config=facts,
                seed=n,
                t=list(range(1, end + 1)),
                lr=(10 ** x[:end]).tolist(),
                momentum=[0.9] * end,
                loss_log=loss[:end].tolist(),
            )
        )
    return runs


def valley(x, falls=-2.5, breaks=-1.2, depth=0.6):
    """Down by `depth` around 10**falls, up steeply from 10**breaks on; lowest a little before `breaks`."""
    return 2.3 - depth / (1 + math.exp(-(x - falls) / 0.2)) + 0.02 * math.exp(min((x - breaks) / 0.12, 7))


LOWEST = 10 ** X[int(np.argmin([valley(x) for x in X]))]


# ------------------------------------------------------------------------------------------------ nothing is touched
def everything(model, optimizer):
    """All that a range test could have changed, as things that can be compared."""
    state = optimizer.state_dict()
    held = [v for s in state["state"].values() for v in s.values() if isinstance(v, torch.Tensor)]
    return {
        "weights": [w.clone() for w in model.state_dict().values()],
        "layout": [(w.stride(), w.device, w.data_ptr(), w.requires_grad) for w in model.parameters()],
        "gradients": [None if w.grad is None else w.grad.clone() for w in model.parameters()],
        "mode": [m.training for m in model.modules()],
        "groups": [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups],
        "belongs": [[id(p) for p in g["params"]] for g in optimizer.param_groups],
        "state": [v.clone() for v in held],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].tolist(),
        "python": random.getstate(),
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def assert_untouched(before, model, optimizer):
    after = everything(model, optimizer)
    assert [name for name in before if not same(before[name], after[name])] == []


def used_pair(make_optimizer, model):
    """A model and an optimizer that have trained, partly frozen, in evaluation mode, with gradients left over."""
    optimizer = make_optimizer(model)
    fit(model, DATA, optimizer, updates=3, batch_size=32, validate_every=None, compute=CPU)
    next(model.parameters()).requires_grad_(False)
    model.eval()
    return model, optimizer


PAIRS = {
    "momentum": (sgd, net),
    "adam": (lambda m: torch.optim.Adam(m.parameters(), lr=1e-3), net),
    "batch norm": (sgd, lambda: small_conv_net(4, seed=0)),
    "dropout": (sgd, lambda: net(dropout=True)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_model_optimizer_and_random_states_stay_bitwise_as_they_were(pair):
    make_optimizer, make_model = PAIRS[pair]
    model, optimizer = used_pair(make_optimizer, make_model())
    before = everything(model, optimizer)
    assert len(swept(model, optimizer, validate_every=10).runs) == 3
    assert_untouched(before, model, optimizer)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, MemoryError])
def test_also_when_it_is_interrupted_in_the_middle(error):
    model, optimizer = used_pair(sgd, net(dropout=True))
    before = everything(model, optimizer)
    seen = []

    def breaks(step):
        seen.append(step.t)
        np.random.random(), random.random()
        if len(seen) == 35:  # in the second seed
            raise error

    with pytest.raises(error):
        swept(model, optimizer, watch=breaks)
    assert seen[-1] == 5
    assert_untouched(before, model, optimizer)


def test_a_scheduler_that_was_attached_is_not_touched():
    model = net()
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    before, flags = scheduler.state_dict(), vars(optimizer).get("_opt_called")
    swept(model, optimizer)
    assert scheduler.state_dict() == before and vars(optimizer).get("_opt_called") == flags


def test_a_later_training_is_the_same_with_and_without_a_test_before():
    weights = []
    for first in (False, True):
        torch.manual_seed(5)
        model = net(dropout=True)
        optimizer = sgd(model)
        if first:
            swept(model, optimizer)
        fit(model, DATA, optimizer, updates=12, batch_size=32, validate_every=None, compute=CPU)
        weights.append([w.clone() for w in model.state_dict().values()])
    assert same(*weights)


# ---------------------------------------------------------------------------------------------------- what is swept
def test_the_rate_grows_from_low_to_high_in_equal_factors():
    test = swept(low=1e-4, high=1e-1)
    np.testing.assert_allclose(test.lr, np.geomspace(1e-4, 1e-1, 30), rtol=1e-9)
    assert test.lr[0] == 1e-4 and test.lr[-1] == 1e-1 and test.high == 1e-1
    assert test.raw.shape == test.smooth.shape == (3, 30) and np.isfinite(test.raw).all()


def test_linear_sweep_has_equal_steps():
    np.testing.assert_allclose(swept(low=1e-4, high=1e-1, sweep="linear").lr, np.linspace(1e-4, 1e-1, 30), rtol=1e-9)


def test_each_seed_is_another_order_from_the_same_weights_and_repeats_itself():
    first, again = swept(net(dropout=True)), swept(net(dropout=True))
    assert np.array_equal(first.raw, again.raw, equal_nan=True)
    assert len({tuple(row) for row in first.raw}) == 3
    alone = swept(net(dropout=True), seeds=[2])
    n = len(alone.lr)
    assert np.array_equal(alone.raw[0], first.raw[2, :n], equal_nan=True)


def test_groups_keep_their_ratio():
    model, seen = net(), []
    optimizer = two_groups(model, 0.1, 0.01)
    range_test(
        model,
        DATA,
        optimizer,
        low=1e-3,
        high=1e-1,
        updates=20,
        batch_size=32,
        seeds=[0],
        compute=CPU,
        watch=lambda step: seen.append([g["lr"] for g in step.optimizer.param_groups]),
    )
    np.testing.assert_allclose([a / b for a, b in seen], 10)
    assert seen[0][0] == 1e-3 and seen[-1][0] == pytest.approx(1e-1)


def test_momentum_is_the_optimizers_or_the_one_asked_for():
    assert set(swept(seeds=[0]).runs[0].momentum) == {0.9}
    assert set(swept(seeds=[0], momentum=0.5).runs[0].momentum) == {0.5}
    falling = swept(seeds=[0], momentum=lambda t: 0.9 - 0.01 * t).runs[0].momentum
    assert falling[0] == 0.9 and falling[-1] == pytest.approx(0.61)


def test_a_seed_stops_when_the_loss_has_left_for_good():
    test = swept(high=1e4, low=1e-2, stop_at=2.0)
    assert all(len(run.t) < 30 and run.status in ("stopped", "diverged") for run in test.runs)
    assert test.raw.shape[1] == max(len(run.t) for run in test.runs) and test.high == 1e4
    assert len(swept(high=1.0, low=1e-2, stop_at=math.inf, seeds=[0]).runs[0].t) == 30


def test_a_loss_that_is_not_finite_stops_a_seed_and_is_nan():
    test = swept(high=1e30, low=1e-2, stop_at=math.inf)
    for run in test.runs:
        assert run.status == "diverged" and not math.isfinite(run.loss[-1]) and run.diverged_at == run.t[-1]
    ends = [len(run.t) for run in test.runs]
    for row, end in zip(test.raw, ends, strict=True):
        assert np.isfinite(row[: end - 1]).all() and not np.isfinite(row[end - 1 :]).any()


def test_accuracy_along_the_sweep():
    test = swept(low=1e-4, high=0.3, validate_every=5)
    lr, accuracy = test.accuracy()
    np.testing.assert_allclose(lr, test.lr[4::5], rtol=1e-9)
    assert accuracy.shape == (3, 6) and (0 <= accuracy).all() and (accuracy <= 100).all()
    assert accuracy[1, 2] == 100 * test.runs[1].val[2][2]
    _, median, low, high = test.accuracy_band()
    np.testing.assert_array_equal(median, np.median(accuracy, axis=0))
    assert (low == accuracy.min(axis=0)).all() and (high == accuracy.max(axis=0)).all()
    assert swept(seeds=[0]).accuracy()[1].shape == (1, 0)


def test_a_test_is_saved_and_comes_back(tmp_path):
    test = swept(low=1e-4, high=30.0, validate_every=10, updates=60)
    back = RangeTest(RunTable.load(test.runs.save(tmp_path / "test.npz")))
    assert np.array_equal(back.lr, test.lr) and np.array_equal(back.raw, test.raw, equal_nan=True)
    assert suggest(back) == suggest(test) and {run.kind for run in back.runs} == {"recorded"}


@pytest.mark.parametrize("stops", [math.inf, 0.3])
def test_a_thinned_test_says_nearly_the_same(tmp_path, stops):
    x = np.linspace(-5, 1, 300)
    runs = curve_runs(lambda u: math.nan if u > stops else valley(u), noise=0.03, x=x)
    runs[0].t, runs[0].lr, runs[0].momentum, runs[0].loss_log = (
        curve[:260] for curve in (runs[0].t, runs[0].lr, runs[0].momentum, runs[0].loss_log)
    )  # one seed that ended sooner: thinning then gives it rates of its own
    back = RangeTest(RunTable.load(RunTable(runs).save(tmp_path / "thin.npz", points=100)))
    assert len(back.lr) == 100
    assert suggest(back).eta_max == pytest.approx(suggest(runs).eta_max, rel=0.35)


# ---------------------------------------------------------------------------------------------------- the smoother
@pytest.mark.parametrize("width", [1.0, 2.5, 6.0])
def test_smoothing_does_not_move_the_lowest_or_the_steepest_point(width):
    x = np.linspace(-1, 1, 201)
    bowl = smooth_curve(x**2, width)
    assert int(bowl.argmin()) == 100
    step = smooth_curve(-np.tanh(x / 0.3), width)
    assert int(np.gradient(step).argmin()) == 100


def test_a_moving_average_would_move_them():
    """The lag that the smoother avoids: bias-corrected or not, an average that looks back is late."""
    x = np.linspace(-1, 1, 201)
    run = Run(t=list(range(201)), loss_log=(x**2).tolist())
    assert int(np.argmin(run.ema(0.9))) >= 105 and int(smooth_curve(x**2, 4).argmin()) == 100


def test_a_straight_line_stays_as_it_is_to_both_ends():
    line = 3 - 0.01 * np.arange(50)
    np.testing.assert_allclose(smooth_curve(line, 4.0), line, atol=1e-9)


def test_smoothing_takes_noise_away_and_leaves_nan_where_it_was():
    noise = np.random.default_rng(0).standard_normal(400)
    noise[300:] = math.nan
    smooth = smooth_curve(noise, 4.0)
    assert smooth[:300].std() < 0.4 and np.isnan(smooth[300:]).all()
    assert np.array_equal(smooth_curve(noise, 0.0), noise, equal_nan=True)


def test_an_explosion_does_not_pull_its_neighbours_up():
    y = np.full(50, 2.0)
    y[40:] = 1e6
    smooth = smooth_curve(y, 2.0, cap=4.0)
    assert smooth[34] < 2.03 and smooth[45:].max() == pytest.approx(4, rel=1e-3)


def test_the_band_counts_a_stopped_seed_as_the_worst():
    runs = curve_runs(lambda x: 2.0, seeds=3)
    for run, level, n in zip(runs, (1.0, 2.0, 3.0), (100, 100, 60), strict=True):
        run.loss_log[:] = [level] * n
        del run.t[n:], run.lr[n:], run.momentum[n:]
    _, median, low, high = RangeTest(runs).band(0.0)
    assert median[80] == 2.0 and low[80] == 1.0 and high[80] == 2.0 and high[50] == 3.0
    for run in runs[1:]:
        del run.t[60:], run.lr[60:], run.momentum[60:], run.loss_log[60:]
    assert math.isnan(RangeTest(runs).band(0.0)[1][80])


def test_slopes_are_taken_per_tenfold_rate():
    lr = np.geomspace(1e-4, 1, 41)
    np.testing.assert_allclose(slope_per_decade(lr, 2 - 0.5 * np.log10(lr)), -0.5)


# ------------------------------------------------------------------------------------------------------- the rule
@pytest.mark.parametrize("noise", [0.0, 0.03, 0.08])
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_peak_lies_shortly_before_the_known_lowest_point(noise, seeds):
    found = suggest(curve_runs(valley, noise=noise, seeds=seeds))
    assert not found.declined and found.constant == pytest.approx(found.eta_max / 2)
    assert LOWEST / 5 < found.eta_max <= 1.2 * LOWEST
    assert 10**-3.6 < found.eta_min <= found.eta_max / 3


def test_many_noisy_draws_stay_in_the_known_stretch():
    rates = [suggest(curve_runs(valley, noise=0.05, seed=n)).eta_max for n in range(60)]
    assert min(rates) > 10**-2.5 and max(rates) < 1.3 * LOWEST


def test_it_is_the_first_valley_that_counts_not_a_deeper_one_behind_the_break():
    behind = lambda x: valley(x, breaks=-1.5) if x < -0.9 else 1.5  # noqa: E731
    assert suggest(curve_runs(behind, noise=0.01)).eta_max < 10**-1.3


def test_a_test_that_breaks_off_abruptly_keeps_a_distance_from_the_break():
    cliff = lambda x: math.nan if x > -1.0 else 2.3 - 0.5 * max(0.0, x + 3) / 2  # noqa: E731
    found = suggest(curve_runs(cliff, noise=0.02))
    assert 0.015 < found.eta_max < 0.03 and "0.1" not in found.why.split("best")[0]


@pytest.mark.parametrize(
    "curve, more, words",
    [
        (lambda x: 2.3, {"noise": 0.05}, "never improves"),
        (lambda x: 2.3, {}, "never improves"),
        (lambda x: 2.3 + 0.3 * (x + 5), {"noise": 0.03}, "only rises.*below 1e-05"),
        (lambda x: math.nan, {}, "nothing finite"),
        (lambda x: math.nan if x > -4.5 else 2.3, {"noise": 0.03}, "only .* points.*start below 1e-05"),
        (lambda x: math.nan if x > -3 else 2.3, {"noise": 0.03}, "only rises|no more than its noise"),
        (valley, {"noise": 0.02, "x": np.linspace(-5, -2.2, 100), "high": 10**-2.2}, "still falls at 0.0063.*raise"),
    ],
)
@pytest.mark.parametrize("seeds", [1, 3])
def test_hopeless_curves_are_declined_with_the_reason(curve, more, words, seeds):
    found = suggest(curve_runs(curve, seeds=seeds, **more))
    assert found.declined and found.eta_max is found.eta_min is found.constant is None
    assert re.search(words, found.why, re.IGNORECASE) and found.why.endswith(".")


def test_a_sweep_that_starts_too_high_says_so_but_has_a_peak():
    found = suggest(curve_runs(valley, noise=0.005, x=np.linspace(-2.4, 1, 100)))
    assert not found.declined and LOWEST / 5 < found.eta_max <= 1.2 * LOWEST


def test_runs_a_table_and_a_test_are_read_alike():
    runs = curve_runs(valley, noise=0.03)
    assert suggest(runs) == suggest(RunTable(runs)) == suggest(RangeTest(runs))
    assert suggest(runs[0]) == suggest(runs[:1])


def with_accuracy(curve, seeds=3, noise=0.3):
    rng, runs = np.random.default_rng(0), curve_runs(valley, seeds=seeds)
    for run in runs:
        run.val = [(t, 2.0, (curve(X[t - 1]) + noise * rng.standard_normal()) / 100) for t in range(5, 101, 5)]
    return runs


def test_accuracy_gives_the_peak_and_the_shoulder():
    hill = lambda x: 10 + 20 * math.exp(-((x + 1) ** 2) / 0.8)  # noqa: E731
    found = suggest(with_accuracy(hill), "accuracy")
    assert 0.03 < found.eta_max < 0.3 and 10**-3 < found.eta_min <= found.eta_max / 3
    assert suggest(with_accuracy(lambda x: 10.0), "accuracy").declined
    rising = suggest(with_accuracy(lambda x: 10 + 3 * (x + 5)), "accuracy")
    assert rising.declined and "still rises" in rising.why
    none = suggest(curve_runs(valley), "accuracy")
    assert none.declined and "validate_every" in none.why


# ------------------------------------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    "more, words",
    [
        ({"low": 0}, "low.*> 0.*got 0"),
        ({"low": "a"}, "low.*'a'"),
        ({"high": math.inf}, "high.*inf"),
        ({"high": True}, "high.*True"),
        ({"low": 1.0, "high": 0.1}, "low = 1.0 is not below high = 0.1"),
        ({"updates": 10}, "updates.*>= 20, got 10"),
        ({"updates": 30.5}, "updates.*30.5"),
        ({"sweep": "cosine"}, "sweep.*exponential, linear, got 'cosine'"),
        ({"seeds": []}, "seeds.*at least one"),
        ({"seeds": 3}, "seeds.*got 3"),
        ({"seeds": [1, 1]}, "seeds.*different"),
        ({"seeds": [-1]}, "seeds.*-1"),
        ({"momentum": 1.0}, r"momentum.*\[0, 1\).*1.0"),
        ({"momentum": "high"}, "momentum.*'high'"),
        ({"stop_at": 1.0}, "stop_at.*> 1, got 1.0"),
        ({"stop_at": math.nan}, "stop_at.*nan"),
        ({"batch_size": 0}, "batch_size.*0"),
        ({"validate_every": 0}, "validate_every.*0"),
        ({"watch": 3}, "watch.*3"),
        ({"epochs": 2}, "decides about epochs"),
        ({"checkpoint": "a.pt"}, "decides about checkpoint"),
    ],
)
def test_bad_arguments_are_refused_by_name(more, words):
    model, optimizer = used_pair(sgd, net())
    before = everything(model, optimizer)
    with pytest.raises(ValueError, match=words):
        swept(model, optimizer, **more)
    assert_untouched(before, model, optimizer)


def test_bad_models_and_optimizers_are_refused_by_name():
    model = net()
    with pytest.raises(ValueError, match="model must be a torch.nn.Module, got str"):
        range_test("net", DATA, sgd(model))
    with pytest.raises(ValueError, match="optimizer must be a torch.optim.Optimizer, got float"):
        range_test(model, DATA, 0.1)
    with pytest.raises(ValueError, match="none of this model's parameters"):
        swept(model, sgd(net(seed=1)))
    with pytest.raises(ValueError, match="first one must be > 0"):
        swept(model, two_groups(model, 0.0, 0.1))
    with pytest.raises(ValueError, match="no momentum to schedule"):
        swept(model, torch.optim.Adagrad(model.parameters()), momentum=0.9)
    model.kept = model[1](torch.ones(1, 3072))  # holds a history, and such tensors cannot be copied
    with pytest.raises(TypeError, match="cannot be copied"):
        swept(model)


def test_what_is_no_range_test_is_refused():
    for wrong, words in [([], "at least one"), (3, "at least one Run"), (["a"], "at least one Run")]:
        with pytest.raises(ValueError, match=words):
            suggest(wrong)
    flat = curve_runs(valley, seeds=1)[0]
    flat.lr[:] = [0.1] * len(flat.lr)
    with pytest.raises(ValueError, match="seed 0 is no range test.*grow"):
        suggest(flat)
    with pytest.raises(ValueError, match="what must be loss or accuracy, got 'speed'"):
        suggest(curve_runs(valley), "speed")
    for width in (-0.1, 0.5, "a", True):
        with pytest.raises(ValueError, match=r"width must be .* in \[0, 0.2\]"):
            RangeTest(curve_runs(valley)).smoothed(width)


def test_text_is_swept_like_images():
    from course_utils.data.text import python_text
    from course_utils.training.transformer import small_transformer

    model = small_transformer(300, length=16, width=16, layers=1, heads=2, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    text = python_text(length=16, vocabulary=300)
    before = everything(model, optimizer)
    test = swept(model, optimizer, data=text, updates=20, seeds=[0], batch_size=8, validate_every=10)
    assert len(test.lr) == 20 and np.isfinite(test.raw).all() and test.accuracy()[1].shape == (1, 2)
    assert_untouched(before, model, optimizer)
