"""Every average at once: profiles, iterates, the explorer at every control, the figure, what is recorded."""

import copy
import itertools

import numpy as np
import pytest
import torch

from course_utils.authoring.recording import job_file
from course_utils.lessons.l10_2_6 import record, record_leap
from course_utils.lessons.l10_2_6.explorer import KINDS, STRETCHES, Averages, averages_explorer
from course_utils.lessons.l10_2_6.iterates import STATISTICS, Iterates
from course_utils.lessons.l10_2_6.profiles import (
    drawn_profile,
    exponential_profile,
    gamma_of,
    last,
    power_profile,
    width,
    window_profile,
)
from course_utils.lessons.l10_2_6.valley import running, valley_figure
from course_utils.pictures.live import Scene
from course_utils.training import evaluate, recalibrate, small_conv_net, train
from tests.made_up import tiny_data

DATA, T = tiny_data(), 8


def trained():
    model = small_conv_net(width=2, seed=0)
    iterates, nets = Iterates(model, T), [copy.deepcopy(model)]
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in train(model, DATA, sgd, updates=T, batch_size=32, seed=1, validate_every=None):
        iterates.see(step)
        nets.append(copy.deepcopy(model))
    return iterates, nets


ITERATES, NETS = trained()
AVERAGES = Averages({"a": ITERATES, "b": ITERATES}, DATA, points=4, batches=2)


def row_of(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def test_profiles_sum_to_one_and_are_what_they_say():
    for row in (last(T), exponential_profile(T, 0.9), window_profile(T, 0.5), power_profile(T, 6.94)):
        assert row.shape == (T + 1,) and row.sum() == pytest.approx(1) and row.min() >= 0
    assert np.allclose(window_profile(T, 0.5), [0] * 5 + [0.25] * 4)
    assert np.allclose(window_profile(T, 0.01), last(T))  # at least one iterate
    assert np.allclose(drawn_profile(T, [0, 0, 1, 3]), [0, 0, 0, 0, 0, 1 / 8, 1 / 8, 3 / 8, 3 / 8])
    assert np.allclose(drawn_profile(T, [0, 0]), last(T))
    assert exponential_profile(1248, 0.999, debias=False)[1] == pytest.approx(0.999**1247)


def test_width_and_power_are_karras_pairs():
    assert gamma_of(0.05) == pytest.approx(16.97, abs=0.01) and gamma_of(0.1) == pytest.approx(6.94, abs=0.01)
    for sigma in (0.03, 0.1, 0.25):
        assert width(power_profile(4000, gamma_of(sigma))) == pytest.approx(sigma, abs=1e-3)
    assert width(window_profile(4000, 0.5)) == pytest.approx(0.5 / 12**0.5, abs=1e-3)
    with pytest.raises(ValueError):
        gamma_of(0.3)


def test_an_iterate_comes_back_as_it_was():
    for t in (0, 3, T):
        net = ITERATES.net(np.eye(T + 1)[t])
        for name, value in NETS[t].state_dict().items():
            if value.is_floating_point():
                assert torch.equal(net.state_dict()[name], value), (t, name)


def test_an_average_and_its_three_statistics():
    row = window_profile(T, 0.5)
    expected = torch.stack([row_of(net) for net in NETS[-4:]]).mean(0)
    for which in STATISTICS:
        net = ITERATES.net(row, which, DATA, batches=2)
        torch.testing.assert_close(row_of(net), expected, atol=1e-6, rtol=1e-5)
        means = net[2].running_mean.clone()
        if which == "copied":
            assert torch.equal(means, NETS[-1][2].running_mean)
        elif which == "averaged":
            torch.testing.assert_close(means, torch.stack([n[2].running_mean for n in NETS[-4:]]).mean(0))
        else:
            assert torch.equal(means, recalibrate(copy.deepcopy(net), DATA, batches=2)[2].running_mean)
    with pytest.raises(ValueError, match="T \\+ 1 = 9"):
        ITERATES.net(row[1:])
    with pytest.raises(ValueError, match="statistics"):
        ITERATES.net(row, "measured")


def test_the_explorer_at_every_control():
    picture = averages_explorer(AVERAGES)
    shown = lambda name: picture.controls[name].widget.layout.display != "none"  # noqa: E731
    for run, kind, until in itertools.product(("a", "b"), KINDS, (0.125, 1.0)):
        scene = picture.set(run=run, kind=kind, until=until).scene
        assert isinstance(scene, Scene)
        assert [name for own in KINDS.values() for name in own if shown(name)].count("share") == (kind == "window")
        assert all(shown(name) for name in KINDS[kind]) and scene.status.count("\n") == 2
        value = [getattr(picture.state, name) for name in KINDS[kind]]
        row = AVERAGES.profile(run, until, kind, *value)
        assert row.sum() == pytest.approx(1) and not row[max(1, round(until * T)) + 1 :].any()
        net = ITERATES.net(row, "recalibrated", DATA, batches=2)
        assert scene.artists["net 2"][1] == [100 * evaluate(net, DATA, "val")[1]]
        assert f"recalibrated {scene.artists['net 2'][1][0]:.1f} %" in scene.status
    for name, control in picture.controls.items():
        for value in control.options or (control.low, control.high):
            picture.set(**{name: value})
    assert picture.reset().state.kind == "window" and STRETCHES == 8


def test_the_lump_of_the_first_copy_is_drawn_in_red():
    picture = averages_explorer(AVERAGES)
    scene = picture.set(kind="exponential (copy)", alpha=0.999).scene
    assert scene.artists["start"] == ([1, 1], [0, 1]) and "on the first iterate: 99.3 %" in scene.status
    assert picture.set(kind="exponential").scene.artists["start"] == ([], [])


def test_a_race_is_what_the_explorer_shows():
    result = AVERAGES.race("a", "exponential", [0.5, 0.9])
    assert list(result) == list(STATISTICS) and all(len(values) == 2 for values in result.values())
    assert result["copied"][1] == AVERAGES.accuracy("a", 1.0, "exponential", 0.9)["copied"]


def test_the_figure():
    figure = valley_figure(ITERATES, DATA)
    left, right = figure.axes
    assert len(left.lines) == 4 and len(right.lines) >= 4
    assert running(np.ones(5), 0.9) == pytest.approx(np.ones(5))


def test_jobs_have_names_of_their_own_and_report_seeds_that_did_not_choose():
    for lesson in (record, record_leap):
        jobs = lesson.jobs()
        assert len({job_file(job, ".") for job in jobs}) == len(jobs)
    assert not set(record.CHOOSING) & set(record.REPORTING)
    for job in record.jobs()[:60]:
        assert record.profile_of(100, job["average"], job["value"]).sum() == pytest.approx(1)
    assert np.allclose(record_leap.window_until(100, 50), np.r_[np.zeros(43), np.full(8, 1 / 8), np.zeros(50)])


def test_recorded_runs_are_of_the_settings_they_say(monkeypatch):
    for module in (record, record_leap):
        monkeypatch.setattr(module, "images", lambda: DATA)
    monkeypatch.setattr(record, "iterates_of", lambda *_: ITERATES)
    monkeypatch.setattr(record_leap, "iterates_of", lambda *_: ITERATES)
    job = dict(record.jobs()[2], epochs=1)
    run = record.run_one(job)
    assert run.config["average"] == "window" and run.seed == 20 and run.test and run.val[0][0] == T
    for arm, more in (("averaged", 0), ("drop", 2), ("no drop", 2)):
        run = record_leap.run_one(dict(arm=arm, at=0.5, more=more, lr=0.1, seed=5, epochs=1))
        assert run.config["arm"] == arm and run.val[0][0] == 4 + more and run.seed == 5
        assert run.lr == ([pytest.approx(0.01)] * 2 if arm == "drop" else [])
