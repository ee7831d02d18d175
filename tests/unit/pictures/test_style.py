"""The look of the pictures: opaque, readable, and different by more than colour."""

import itertools

import matplotlib
import pytest

from course_utils.pictures import style


def _luminance(color: str) -> float:
    def linear(u):
        return u / 12.92 if u <= 0.04045 else ((u + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(u) for u in matplotlib.colors.to_rgb(color))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours as WCAG 2 defines it, 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_reads_on_the_card():
    assert contrast(style.INK, style.CARD) >= 7
    assert contrast(style.QUIET, style.CARD) >= 4.5


def test_the_card_is_opaque_and_light():
    assert matplotlib.colors.to_rgba(style.STYLE["figure.facecolor"])[3] == 1
    assert _luminance(style.CARD) > 0.9


def test_any_two_of_six_curves_differ_in_color_and_in_line_style():
    for a, b in itertools.combinations(range(6), 2):
        assert style.look(a)["color"] != style.look(b)["color"]
        assert style.look(a)["linestyle"] != style.look(b)["linestyle"]
        assert style.MARKERS[a] != style.MARKERS[b]
    assert style.look(6) == style.look(0)
    with pytest.raises(ValueError, match="-1"):
        style.look(-1)


def test_context_leaves_the_settings_of_others_alone():
    before = matplotlib.rcParams["axes.facecolor"]
    with style.context():
        assert matplotlib.rcParams["axes.facecolor"] == style.CARD
    assert matplotlib.rcParams["axes.facecolor"] == before


def test_a_new_figure_carries_its_title_and_note():
    with style.context():
        figure = style.new_figure(title="Cosine decay", note="stand-in images, not CIFAR-10")
    assert figure._suptitle.get_text() == "Cosine decay"
    assert "stand-in images, not CIFAR-10" in [text.get_text() for text in figure.texts]
    assert tuple(figure.canvas.get_width_height()) == (720, 340)
