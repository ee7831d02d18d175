"""The explorers: curves equal the formulas over slider values, summaries are true, refusals are readable."""

import math
import subprocess
import sys

import numpy as np
import pytest

from course_utils import schedules
from course_utils.lessons.l10_1_1 import bowl
from course_utils.pictures.explore_schedules import schedule_explorer
from course_utils.pictures.schedule_curves import mean_rate, sample, share_above
from course_utils.pictures.schedule_sliders import SPECS, annealing_of_torch


def ydata(picture, label):
    line = picture.artists[label]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


# ------------------------------------------------------------------------------------------------ schedules
@pytest.mark.parametrize("peak", [0.003, 0.1, 1.0])
@pytest.mark.parametrize("final", [0.0, 0.01])
def test_cosine_follows_the_formula(peak, final):
    t, lr = ydata(schedule_explorer("cosine").set(peak=peak, final=final), "cosine")
    np.testing.assert_allclose(lr, final + (peak - final) * (1 + np.cos(np.pi * t / 1000)) / 2, atol=1e-15)
    assert t[0] == 0 and t[-1] == 1000


@pytest.mark.parametrize("drops", [(0.3, 0.6, 0.9), (0.1, 0.15, 1.0)])
@pytest.mark.parametrize("factor", [0.1, 0.5])
def test_step_falls_upright_at_its_milestones(drops, factor):
    picture = schedule_explorer("step_decay", T=400, epochs=4)
    picture.set(drop1=drops[0], drop2=drops[1], drop3=drops[2], factor=factor)
    t, lr = ydata(picture, "step decay")
    expected = 0.1 * factor ** sum((t >= round(share * 400, 6)).astype(int) for share in drops)
    np.testing.assert_allclose(lr, expected)
    assert (np.diff(t)[np.abs(np.diff(lr)) > 0] < 1e-9).all()  # every fall happens between t and the next float


@pytest.mark.parametrize("name", sorted(set(SPECS) - {"cosine_torch"}))
def test_every_schedule_is_drawn_as_its_function_says(name):
    picture = schedule_explorer(name)
    spec = SPECS[name]
    values = {parameter.name: parameter.default for parameter in spec.parameters}
    t, lr = ydata(picture, spec.label)
    schedule = spec.make(1000, **values)
    np.testing.assert_array_equal(lr, [schedule(float(u)) for u in t])
    assert picture.title[0].isupper() and picture.axes["lr"].get_ylabel() == "learning rate"
    assert picture.axes["lr"].get_ylim()[1] >= lr.max()


def test_every_parameter_of_every_schedule_moves_its_curve():
    for name, spec in SPECS.items():
        picture = schedule_explorer(name)
        for parameter in spec.parameters:
            first = picture.reset().view.png
            other = (parameter.low * 3 + parameter.high) / 4
            other = round(other) if parameter.whole else other
            if parameter.name.startswith("drop") or parameter.of_momentum:  # these may not overtake each other
                other = parameter.default + 0.02
            picture.set(**{parameter.name: other})
            assert picture.view.png != first, (name, parameter.name)
            assert "Not drawn" not in picture.view.status.value, (name, parameter.name)


def test_too_short_a_plan_climbs_in_torch_and_is_held_here():
    picture = schedule_explorer("cosine_planned", "cosine_torch").set(planned=0.5)
    t, held = ydata(picture, "cosine, planned T")
    _, climbs = ydata(picture, "CosineAnnealingLR")
    after = t > 500
    assert (held[after] == 0).all()
    assert climbs[-1] == pytest.approx(0.1)
    assert (np.diff(climbs[after]) > 0).all()


def test_too_long_a_plan_never_gets_small():
    _, lr = ydata(schedule_explorer("cosine_planned").set(planned=2.0), "cosine, planned T")
    assert lr[-1] == pytest.approx(0.05)


def test_torchs_closed_form_agrees_with_ours_up_to_T():
    for t in (0, 1, 250.5, 999, 1000):
        ours = schedules.cosine(t, peak=0.3, T=1000, final=0.01)
        assert annealing_of_torch(t, peak=0.3, T=1000, final=0.01) == pytest.approx(ours, abs=1e-15)


def test_once_an_epoch_is_a_staircase_over_the_smooth_curve():
    picture = schedule_explorer("cosine", T=1000, epochs=10).set(per_epoch=True)
    t, stairs = ydata(picture, "cosine")
    expected = [schedules.cosine(math.floor(u / 100) * 100, peak=0.1, T=1000) for u in t]
    np.testing.assert_allclose(stairs, expected)
    smooth_t, smooth = ydata(picture, "smooth cosine")
    np.testing.assert_allclose(smooth, [schedules.cosine(u, peak=0.1, T=1000) for u in smooth_t])
    assert picture.artists["smooth cosine"].get_visible()
    assert mean_rate(t, stairs) > mean_rate(smooth_t, smooth)


def test_shared_parameters_have_one_slider_and_others_their_own():
    picture = schedule_explorer("cosine", "linear", "inverse_sqrt", "warmup_cosine", "one_cycle")
    names = list(picture.controls)
    assert names.count("peak") == 1 and names.count("final") == 1
    assert "warmup" in names and "warmup_cosine_warmup" in names
    picture.set(peak=0.5)
    for label in ("cosine", "linear", "inverse square root", "OneCycle"):
        assert ydata(picture, label)[1].max() == pytest.approx(0.5, rel=1e-3)


def test_an_impossible_combination_is_explained_and_the_picture_stays():
    picture = schedule_explorer("step_decay")
    before = picture.view.image.value
    picture.set(drop1=0.7)
    assert picture.view.image.value == before
    assert "Not drawn: step decay: milestones must increase" in picture.view.status.value
    picture.set(drop1=0.2)
    assert "Not drawn" not in picture.view.status.value and picture.view.image.value != before


def test_minimum_above_maximum_momentum_is_refused():
    picture = schedule_explorer("one_cycle").set(m_min=0.96)
    assert "m_min must not exceed m_max" in picture.view.status.value


def test_sliders_of_momentum_are_there_only_where_momentum_is_drawn():
    assert "m_min" in schedule_explorer("one_cycle").controls
    assert "m_min" not in schedule_explorer("one_cycle", "cosine").controls


def test_one_cycle_draws_momentum_and_noise_scale():
    picture = schedule_explorer("one_cycle", momentum=True).set(m_min=0.8, m_max=0.95, p=0.4)
    t, m = ydata(picture, "momentum")
    assert m[0] == pytest.approx(0.95) and m.min() == pytest.approx(0.8) and m[-1] == pytest.approx(0.95)
    _, lr = ydata(picture, "OneCycle")
    np.testing.assert_allclose(ydata(picture, "noise")[1], lr / (1 - m))


def test_overlay_draws_your_own_schedule_and_its_error_is_raised():
    picture = schedule_explorer("cosine", overlay={"mine": lambda t: 0.1 * 0.99**t})
    t, lr = ydata(picture, "mine")
    np.testing.assert_allclose(lr, 0.1 * 0.99**t)
    with pytest.raises(ZeroDivisionError):
        schedule_explorer("cosine", overlay={"mine": lambda t: 1 / t})


def test_the_marker_reads_the_curve_at_t():
    picture = schedule_explorer("step_decay", "linear").set(t=300)
    assert picture.artists["at step decay"].get_ydata()[0] == pytest.approx(0.01)
    assert picture.artists["at linear"].get_ydata()[0] == pytest.approx(0.07)
    assert "At update 300: step decay 0.01, linear 0.07." in picture.view.status.value


def test_the_log_axis_is_switched():
    picture = schedule_explorer("step_decay").set(log=True)
    assert picture.axes["lr"].get_yscale() == "log"
    assert picture.set(log=False).axes["lr"].get_yscale() == "linear"


@pytest.mark.parametrize(
    "names, T, words",
    [(("cosin",), 100, "cosine"), (("step_decay", "step_decay"), 100, "once"), (("step_decay",), 0, "T = 0")],
)
def test_bad_requests_name_the_way_out(names, T, words):
    with pytest.raises(ValueError, match=words):
        schedule_explorer(*names, T=T)


# -------------------------------------------------------------------------------------------------- numbers
def test_area_and_share_are_exact_enough_to_be_printed():
    cases = {  # exact integrals over 0 ... 1000 with peak 1
        "cosine": (0.5, 0.5),
        "linear": (0.5, 0.5),
        "constant": (1.0, 1.0),
        "step_decay": (0.3 + 0.03 + 0.003 + 0.0001, 0.3),
        "inverse_sqrt": (2 * (math.sqrt(1001) - 1) / 1000, 0.003),
    }
    for name, (area, share) in cases.items():
        spec = SPECS[name]
        values = {parameter.name: parameter.default for parameter in spec.parameters} | {"peak": 1.0}
        t, lr = sample(spec.make(1000, **values), 1000, spec.jumps(1000, **values))
        assert mean_rate(t, lr) == pytest.approx(area, rel=3e-3), name
        assert share_above(t, lr, 0.5) == pytest.approx(share, abs=2e-3), name


def test_the_summary_says_peak_end_mean_and_share():
    status = schedule_explorer("linear").view.status.value
    assert "linear: peak 0.1, ends at 0, mean LR (area / T) 0.05, 50% of the updates" in status


def test_no_torch_no_pyplot():
    code = (
        "import sys; from course_utils.pictures import schedule_explorer; schedule_explorer('cosine');"
        "from course_utils.pictures import curves; from course_utils.lessons.l10_1_1 import bowl_explorer;"
        "bowl_explorer();"
        "print([name for name in ('torch', 'matplotlib.pyplot', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------ bowl
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("largest", [0.5, 2.0])
def test_the_stability_edge_is_where_paths_stop_converging(momentum, largest):
    edge = bowl.stability_edge(largest, momentum)
    assert edge == pytest.approx(2 * (1 + momentum) / largest)
    curvature = (largest / 10, largest)
    below = bowl.descend(0.97 * edge, momentum, curvature, steps=3000)
    above = bowl.descend(1.03 * edge, momentum, curvature, steps=3000)
    assert bowl.value(below[-1], curvature) < 1e-6 and bowl.behaviour(0.97 * edge, momentum, curvature) != "diverges"
    assert np.abs(above[-1]).max() > bowl.FAR and bowl.behaviour(1.03 * edge, momentum, curvature) == "diverges"


def test_descent_equals_the_rule_written_out():
    path = bowl.descend(0.1, 0.9, (0.5, 2.0), start=(1.0, -1.0), steps=2)
    np.testing.assert_allclose(path[1], [1 - 0.1 * 0.5, -1 + 0.1 * 2])
    v = 0.9 * np.array([0.5, -2.0]) + np.array([0.5, 2.0]) * path[1]
    np.testing.assert_allclose(path[2], path[1] - 0.1 * v)


@pytest.mark.parametrize(
    "lr, momentum, word",
    [(0.5, 0.0, "converges"), (1.5, 0.0, "swinging"), (2.0, 0.0, "edge"), (0.1, 0.9, "swinging")],
)
def test_behaviour_is_named(lr, momentum, word):
    assert word in bowl.behaviour(lr, momentum, (0.1, 1.0))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lr", [1e-3, 0.5, 2.05, 10.0])
@pytest.mark.parametrize("momentum", [0.0, 0.99])
@pytest.mark.parametrize("ratio", [1.0, 100.0])
def test_the_bowl_draws_everything_without_a_warning(lr, momentum, ratio):
    picture = bowl.bowl_explorer().set(lr=lr, momentum=momentum, ratio=ratio, largest=5.0)
    for name in ("plain path", "momentum path", "plain loss", "momentum loss"):
        assert np.isfinite(ydata(picture, name)).all()
    x, y = ydata(picture, "plain path")
    path = bowl.descend(lr, 0.0, (5.0 / ratio, 5.0))
    np.testing.assert_allclose(np.column_stack([x, y]), np.clip(path, -50, 50))
    assert f"edge 2/λmax = {2 / 5:.3g}" in picture.view.status.value
    assert ("diverges" in picture.view.status.value.split("Momentum")[0]) == (lr > 0.4)
