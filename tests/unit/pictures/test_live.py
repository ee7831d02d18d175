"""Live pictures without a browser: what is drawn, what is said, what happens when drawing fails."""

import gc
import io
import sys
from functools import partial

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from course_utils.pictures.canvas import encode_png
from course_utils.pictures.controls import choice, log_slider, slider, snap, switch, whole
from course_utils.pictures.live import CannotDraw, LivePicture, Scene
from course_utils.pictures.numbers import capital, cell, name_of, nice_limit
from course_utils.pictures.outputs import WIDGET_VIEW

T = np.arange(200.0)


def draw_line(state):
    return Scene(
        {"line": (T, state.peak * (1 - T / 200))},
        status=f"from {state.peak:.3g} to 0",
        limits={"main": (0, 200, 0, 1)},
    )


def build_lines(figure, names=("line",)):
    axes = figure.subplots()
    axes.set(xlabel="update t", ylabel="learning rate", xlim=(0, 200), ylim=(0, 1))
    return {"main": axes}, {name: axes.plot([], [], label=name)[0] for name in names}


def picture(draw=draw_line, build=build_lines, **more):
    controls = [log_slider("peak", "peak LR", 1e-3, 1, 0.1), slider("other", "other", 0, 1, 0.5)]
    return LivePicture(draw, controls, build=build, title="A line", **more)


@pytest.mark.parametrize("peak", [0.001, 0.02, 0.3, 1.0])
def test_the_line_is_what_draw_says(peak):
    shown = picture().set(peak=peak)
    np.testing.assert_array_equal(shown.artists["line"].get_xdata(), T)
    np.testing.assert_array_equal(shown.artists["line"].get_ydata(), peak * (1 - T / 200))
    assert f"from {peak:.3g} to 0" in shown.view.status.value


def test_moving_a_slider_changes_the_picture_and_moving_back_restores_it_to_the_byte():
    shown = picture()
    first, image = shown.view.png, shown.view.image.value
    shown.controls["peak"].widget.value = 0.5
    assert shown.view.png != first and shown.view.image.value != image
    shown.controls["peak"].widget.value = 0.1
    assert shown.view.png == first and shown.view.image.value == image


def test_a_move_redraws_the_line_only():
    shown = picture()
    assert shown.canvas.full_draws == 1
    for peak in (0.2, 0.3, 0.4):
        shown.set(peak=peak)
    assert shown.canvas.full_draws == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda axes: axes.set_ylim(0, 7),
        lambda axes: axes.set_title("new", loc="left"),
        lambda axes: axes.set_xlabel("epoch"),
        lambda axes: axes.set_yscale("symlog"),
        lambda axes: axes.axhline(0.5),
    ],
)
def test_a_change_of_the_background_is_noticed(change):
    shown = picture()
    before = shown.canvas.png()
    change(shown.axes["main"])
    assert shown.canvas.png() != before
    assert shown.canvas.full_draws == 2


def test_the_blitted_picture_equals_the_same_state_drawn_from_nothing():
    moved, fresh = picture(), picture()
    for peak in (0.9, 0.02, 0.4):
        moved.set(peak=peak)
    fresh.controls["peak"].widget.value = 0.4
    fresh.canvas.forget_background()
    assert moved.view.png == fresh.canvas.png()


def test_the_picture_is_an_opaque_png_of_fixed_size():
    with Image.open(io.BytesIO(picture().view.png)) as image:
        assert image.size == (720, 340) and image.mode == "RGB"


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (64, 33)])
def test_the_encoder_loses_nothing(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_set_draws_once_for_several_values():
    calls = []
    shown = picture(lambda state: calls.append(1) or draw_line(state))
    calls.clear()
    shown.set(peak=0.3, other=0.9)
    assert len(calls) == 1
    assert (shown.state.peak, shown.state.other) == (0.3, 0.9)


def test_reset_brings_every_default_back():
    shown = picture()
    first = shown.view.png
    shown.set(peak=0.9, other=0.1).reset()
    assert (shown.state.peak, shown.state.other) == (0.1, 0.5)
    assert shown.view.png == first


@pytest.mark.parametrize(
    "values, words",
    [({"peek": 1}, "peak, other"), ({"peak": 20.0}, "0.001 to 1"), ({"other": -1}, "0 to 1")],
)
def test_set_refuses_what_is_not_there(values, words):
    shown = picture()
    with pytest.raises(ValueError, match=words):
        shown.set(**values)
    assert shown.state.peak == 0.1


def test_an_error_is_shown_and_raised_and_goes_away():
    def draw(state):
        if state.other > 0.8:
            raise ZeroDivisionError("no <peak> left")
        return draw_line(state)

    shown = picture(draw)
    before = shown.view.png
    with pytest.raises(ZeroDivisionError):
        shown.controls["other"].widget.value = 0.9  # as the front end does it
    alert = shown.view.alert.value
    assert 'role="alert"' in alert and "ZeroDivisionError: no &lt;peak&gt; left" in alert
    assert "test_live.py" in alert and "live.py&quot;, line" not in alert.replace("test_live.py", "")
    assert shown.view.png == before
    shown.controls["other"].widget.value = 0.5
    assert shown.view.alert.value == ""


def test_a_refused_value_keeps_the_picture_and_says_why():
    def draw(state):
        if state.other > 0.8:
            raise CannotDraw("milestones must increase")
        return draw_line(state)

    shown = picture(draw)
    before = shown.view.image.value
    shown.set(other=0.9)
    assert shown.view.image.value == before
    assert "Not drawn: milestones must increase" in shown.view.status.value
    assert shown.view.alert.value == ""


def test_one_bundle_with_stable_text():
    shown = picture()
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {WIDGET_VIEW, "image/png", "text/plain"}
    assert bundle["text/plain"] == repr(shown) == "LivePicture: A line"
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle[WIDGET_VIEW]["model_id"] == shown.widget.model_id
    assert shown.set(peak=0.7)._repr_mimebundle_()["text/plain"] == bundle["text/plain"]


def test_alt_text_and_status_say_what_is_seen_and_are_escaped():
    shown = picture(lambda state: Scene({"line": (T, T)}, status='5 < 6 & "so"'), alt="Learning rate")
    assert 'alt="Learning rate. 5 &lt; 6 &amp; &quot;so&quot;"' in shown.view.image.value
    assert '<div role="status"' in shown.view.status.value and "5 &lt; 6 &amp;" in shown.view.status.value


def test_the_page_does_not_jump():
    shown = picture(status_lines=2)
    assert "width:720px;max-width:100%;aspect-ratio:720/340" in shown.view.image.value  # room before it is decoded
    assert shown.view.status.layout.min_height == "50px"


def test_artists_that_draw_does_not_name_are_hidden():
    def draw(state):
        return Scene({"a": (T, T), **({"b": (T, 2 * T)} if state.other < 0.6 else {})})

    shown = picture(draw, partial(build_lines, names=("a", "b")))
    assert shown.artists["b"].get_visible()
    shown.set(other=0.7)
    assert not shown.artists["b"].get_visible() and shown.artists["a"].get_visible()


def test_an_unknown_artist_is_named():
    with pytest.raises(KeyError, match="'lime'.*line"):
        picture(lambda state: Scene({"lime": (T, T)}))


def test_every_kind_of_artist_moves():
    def build(figure):
        axes = figure.subplots()
        axes.set(xlim=(0, 200), ylim=(0, 1))
        return {"main": axes}, {
            "band": axes.fill_between([], [], []),
            "points": axes.scatter([], []),
            "word": axes.text(0, 0, ""),
        }

    def draw(state):
        return Scene(
            {
                "band": (T, T * 0 + state.peak, T * 0 + state.peak + 0.1),
                "points": ([1, 2], [state.peak, 0.5]),
                "word": (100, 0.5, f"{state.peak:.3g}"),
            }
        )

    shown = picture(draw, build=build).set(peak=0.4)
    assert shown.artists["band"].get_paths()[0].get_extents().ymin == pytest.approx(0.4)
    np.testing.assert_allclose(shown.artists["points"].get_offsets(), [[1, 0.4], [2, 0.5]])
    assert shown.artists["word"].get_text() == "0.4"
    assert shown.canvas.full_draws == 1


def test_controls_of_every_kind():
    controls = [
        whole("epochs", "epochs", 1, 20, 5),
        choice("optimizer", "optimizer", ["sgd", "adam"]),
        snap("lr", "LR", [("0.01", 0.01), ("0.1", 0.1)], 0.1),
        switch("log", "logarithmic axis"),
    ]
    shown = LivePicture(lambda state: Scene({"line": (T, T * state.lr)}), controls, build=build_lines, title="Kinds")
    assert vars(shown.state) == {"epochs": 5, "optimizer": "sgd", "lr": 0.1, "log": False}
    with pytest.raises(ValueError, match="'sgd', 'adam'"):
        shown.set(optimizer="lion")
    with pytest.raises(ValueError, match="0.01, 0.1"):
        shown.set(lr=0.05)
    with pytest.raises(ValueError, match="share a name"):
        LivePicture(lambda state: Scene({}), [switch("a", "a"), switch("a", "b")], build=build_lines)


def test_every_control_has_a_visible_label():
    shown = picture()
    for control in shown.controls.values():
        assert control.widget.description
    kinds = {type(child) for child in _all_widgets(shown.widget)}
    assert widgets.Output not in kinds  # an Output is what blinks


def _all_widgets(box):
    for child in getattr(box, "children", ()):
        yield child
        yield from _all_widgets(child)


@pytest.mark.parametrize("value, limit", [(0.1, 0.1), (0.11, 0.2), (3, 5), (5, 5), (7, 10), (0, 1), (float("nan"), 1)])
def test_nice_limits(value, limit):
    assert nice_limit(value) == pytest.approx(limit)


def test_limits_of_other_steps():
    assert nice_limit(0.31, (1, 3, 4)) == pytest.approx(0.4) and nice_limit(0.41, (1, 3, 4)) == pytest.approx(1)


def test_how_values_are_written():
    assert [name_of(value) for value in ("sgd+momentum", "one_cycle", 1e-5)] == ["SGD + momentum", "one cycle", "1e-05"]
    assert [cell(value) for value in (None, 61.23456, 64, "64k")] == ["–", "61.23", "64", "64k"]
    assert capital("mean LR") == "Mean LR" and capital("") == ""


def test_a_slider_stops_where_the_page_puts_it():
    log, plain = log_slider("lr", "LR", 1e-3, 1, 0.1), slider("p", "p", 0.05, 0.95, 0.3, 0.01)
    assert log.stop(0.255) == pytest.approx(10**-0.6) and log.stop(log.stop(0.255)) == log.stop(0.255)
    assert plain.stop(0.2504) == pytest.approx(0.25) and plain.stop(0.949999) == 0.95 == plain.stop(2)
    assert plain.start_at(0.2504).default == plain.widget.value == plain.stop(0.25)


def test_two_thousand_moves_do_not_grow_memory():
    shown = picture(figsize=(2.0, 1.4))  # small, so that the test is quick; what could leak is the same

    def moves(count):
        for k in range(count):
            shown.controls["peak"].widget.value = 0.1 + 0.0004 * k
        gc.collect()
        return sys.getallocatedblocks(), len(gc.get_objects())

    moves(200)
    first_blocks, first_objects = moves(900)
    second_blocks, second_objects = moves(900)
    assert second_blocks - first_blocks < 300  # one block kept by each move would be 900
    assert second_objects - first_objects < 300
