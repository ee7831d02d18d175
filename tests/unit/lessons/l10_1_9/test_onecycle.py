"""The OneCycle picture draws eqs. 10.5 and 10.6, marks the anchors where they are, and the adviser moves it."""

import itertools

import numpy as np
import pytest

from course_utils.lessons.l10_1_9.onecycle import KNOBS, RIVALS, draw, onecycle_explorer
from course_utils.lessons.l10_1_9.panel import adviser_panel
from course_utils.pictures.live import CannotDraw


def points(picture, name):
    line = picture.artists[name]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def half(tau):
    return (1 - np.cos(np.pi * tau)) / 2


@pytest.mark.parametrize("p", [0.05, 0.3, 0.95])
@pytest.mark.parametrize("div, final_div", [(1.0, 1.0), (10.0, 1e4), (100.0, 1e6)])
def test_all_three_curves_follow_the_formulas(p, div, final_div):
    picture = onecycle_explorer(400).set(p=p, div_factor=div, final_div_factor=final_div, m_min=0.7, m_max=0.9)
    peak = picture.knobs["peak"]
    t, lr = points(picture, "now")
    up, joint = t <= p * 400, p * 400
    low = np.where(up, peak / div, peak / final_div)
    height = np.where(up, half(t / joint), 1 - half((t - joint) / (400 - joint)))
    np.testing.assert_allclose(lr, low + (peak - low) * height, rtol=1e-9, atol=1e-12)
    _, m = points(picture, "m")
    np.testing.assert_allclose(m, 0.9 - 0.2 * height, atol=1e-12)
    np.testing.assert_allclose(points(picture, "noise")[1], lr / (1 - m), rtol=1e-12)


def test_anchors_and_flat_marks_sit_where_the_formula_is():
    picture = onecycle_explorer(1000, peak=1.0).set(p=0.4, div_factor=10, final_div_factor=100)
    assert points(picture, "flat start")[1].tolist() == pytest.approx([0.1, 0.1])
    x, y = points(picture, "flat peak")
    assert x.mean() == pytest.approx(400) and y.tolist() == pytest.approx([1, 1])
    x, y = points(picture, "flat end")
    assert x[-1] == 1000 and y.tolist() == pytest.approx([0.01, 0.01])
    words = {name: picture.artists[f"anchor {name}"].get_text() for name in ("start", "peak", "end", "joint")}
    assert words == {"start": "η_min = 0.1", "peak": "η_max = 1", "end": "η_final = 0.01", "joint": "pT = 400"}
    assert points(picture, "joint 0")[0].tolist() == [400, 400]


def test_the_words_say_the_lectures_meaning_or_that_it_is_not_so():
    picture = onecycle_explorer(1000, peak=1.0)
    assert "large early (explore), small late (refine)" in picture.scene.status
    assert "Explore: 300 updates" in picture.scene.status and "Refine: 700 updates" in picture.scene.status
    assert "never refines" in picture.set(final_div_factor=1.0, div_factor=1.0).scene.status


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_have_the_same_peak_and_are_named(name):
    picture = onecycle_explorer(1000, rivals=name).set(peak=0.1)
    assert points(picture, name)[1].max() == pytest.approx(0.1)
    assert picture.artists[name].get_visible() and not picture.artists["before"].get_visible()
    assert picture.artists[f"word {name}"].get_text() == RIVALS[name]
    assert "above half the peak" in picture.scene.status


def test_all_rivals_and_none():
    picture = onecycle_explorer(1000, rivals="all")
    assert all(picture.artists[name].get_visible() for name in RIVALS)
    picture.set(rivals="none")
    assert not any(picture.artists[name].get_visible() for name in RIVALS)


def test_remember_leaves_the_old_curves_behind_and_forget_removes_them():
    picture = onecycle_explorer(1000, peak=1.0)
    old = points(picture, "now")[1].copy()
    picture.remember()
    picture.set(peak=0.1)
    np.testing.assert_array_equal(points(picture, "before")[1], old)
    assert picture.artists["m before"].get_visible() and picture.artists["word before"].get_text() == "before"
    picture.forget()
    assert not picture.artists["before"].get_visible()


def test_every_combination_draws_or_is_refused_in_words():
    picture = onecycle_explorer(300)
    rates = (1e-3, 10), (0.05, 0.95), (1, 100), (1, 1e6)
    grid = itertools.product(*rates, (0.0, 0.9, 0.99), (0.0, 0.99), (0, 300), (False, True))
    for peak, p, div, final_div, m_min, m_max, t, log in grid:
        state = picture.state
        vars(state).update(peak=peak, p=p, div_factor=div, final_div_factor=final_div)
        vars(state).update(m_min=m_min, m_max=m_max, t=t, log=log)
        if m_min > m_max:
            with pytest.raises(CannotDraw, match="m_min must not exceed m_max"):
                draw(300, state)
            continue
        scene = draw(300, state)
        assert all(np.isfinite(np.asarray(xy, float)).all() for xy in scene.artists.values() if len(xy) == 2)
        for low, high in (limits[2:] for limits in scene.limits.values()):
            assert low < high and (not log or high > 0)
        assert scene.limits["rate"][3] >= peak


def test_every_slider_starts_on_a_stop_and_one_key_changes_the_picture():
    picture = onecycle_explorer(1248)
    for name in (*KNOBS, "t"):
        control, before = picture.controls[name], picture.reset().view.png
        widget = control.widget
        if name in KNOBS:
            assert control.stop(control.default) == control.default
        log = hasattr(widget, "base")
        value = widget.value * widget.base**widget.step if log else widget.value + widget.step
        picture.set(**{name: control.stop(value) if name in KNOBS else value})
        assert picture.view.png != before, name


def test_bad_arguments_are_refused_by_name():
    for bad in (0, 1, 2.5, True, "many"):
        with pytest.raises(ValueError, match="T must be"):
            onecycle_explorer(bad)
    with pytest.raises(ValueError, match="speed"):
        onecycle_explorer(100, speed=3)
    with pytest.raises(ValueError, match="sinus"):
        onecycle_explorer(100, rivals="sinus")
    with pytest.raises(ValueError, match="peak"):
        onecycle_explorer(100, peak=100.0)


# --------------------------------------------------------------------------------------------------- the panel
def test_ticking_lists_the_moves_and_trying_moves_the_sliders():
    panel = adviser_panel(1000, peak=1.0)
    assert "starting recipe" in panel.list.value and panel.first.disabled
    panel.boxes["diverges"].value = True
    assert panel.ticked == ["diverges"] and "η_max 1 → 0.85" in panel.list.value and not panel.first.disabled
    panel.first.click()
    assert panel.settings.peak == pytest.approx(0.85, rel=0.012) and panel.settings.p == pytest.approx(0.3)
    assert panel.picture.artists["before"].get_visible()
    panel.all.click()
    assert panel.settings.peak == pytest.approx(0.85**2, rel=0.025)
    assert panel.settings.p == pytest.approx(0.25) and panel.settings.m_min == pytest.approx(0.88)
    panel.none.click()
    assert panel.ticked == [] and not panel.picture.artists["before"].get_visible()


def test_the_list_follows_the_sliders_and_survives_an_impossible_pair():
    panel = adviser_panel(1000).tick("diverges")
    panel.picture.controls["peak"].widget.value = 0.1
    assert "η_max 0.1 → 0.085" in panel.list.value
    panel.picture.controls["m_min"].widget.value = 0.99
    assert "m_min must not exceed m_max" in panel.list.value


def test_panel_refuses_unknown_symptoms():
    with pytest.raises(ValueError, match="headache"):
        adviser_panel(100).tick("headache")
