"""Whatever a learner has set in matplotlib, or written over in `math`, the pictures are the same to the bit."""

import locale
import math
from contextlib import suppress

import matplotlib
import matplotlib.pyplot
import pytest
from matplotlib.figure import Figure

from course_utils.pictures import charts, explore_schedules, live, run_curves, still, style, tables
from tests.made_up import a_run

SETTINGS = {
    "text.usetex": True,
    "savefig.bbox": "tight",
    "axes.formatter.use_locale": True,
    "axes.formatter.use_mathtext": True,
    "figure.autolayout": True,
    "font.family": ["serif"],
    "font.sans-serif": ["nothing"],
    "text.parse_math": False,
    "text.hinting": "none",
    "axes.unicode_minus": False,
    "lines.antialiased": False,
    "path.simplify": False,
    "path.sketch": (1, 100, 2),
    "xtick.direction": "in",
    "xtick.top": True,
    "legend.loc": "center",
    "savefig.transparent": True,
    "savefig.pad_inches": 3,
    "agg.path.chunksize": 100,
    "timezone": "Asia/Tokyo",
    "image.interpolation": "nearest",
    "errorbar.capsize": 9,
    "axes3d.grid": False,
}


def pictures():
    """PNG bytes of one picture of each kind; the explorer is moved, so that its moving parts are drawn, too."""
    explorer = explore_schedules.schedule_explorer("cosine")
    first = explorer.view.png
    explorer.set(peak=0.3)
    lines = {"a": ([1, 10, 1000], [-1.0, 0.5, 2]), "b": ([1, 2, 3], [1, 2, 3])}
    return [
        first,
        explorer.view.png,
        still.png_of(charts.line_figure(lines, xlabel="x", ylabel="y", log_x=True, title="t", note="n")),
        still.png_of(charts.heat_map([[1, 2], [3, math.nan]], ["a", "b"], [0.1, 1.0])),
        still.png_of(run_curves.curves({"one": a_run(), "two": [a_run(), a_run((3.0, 2.0, 1.0))]}, "loss", log=True)),
        tables.table([["a", 1.5]], ["", "x"], title="t").png,
    ]


@pytest.fixture(scope="module")
def expected():
    return pictures()


def test_no_setting_changes_a_picture(expected):
    with matplotlib.rc_context(SETTINGS):
        assert pictures() == expected
        assert {name: matplotlib.rcParams[name] for name in SETTINGS} == {
            name: (list(value) if isinstance(value, list) else value) for name, value in SETTINGS.items()
        }


def test_a_style_sheet_changes_no_picture(expected):
    with matplotlib.pyplot.style.context(["dark_background", "ggplot"]):
        assert pictures() == expected


def test_a_locale_changes_no_picture(expected):
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "de_DE.utf8", "C.UTF-8"):
        with suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, name)
            break
    try:
        assert pictures() == expected
    finally:
        locale.setlocale(locale.LC_ALL, before)


def test_math_written_over_changes_no_picture(expected, monkeypatch):
    monkeypatch.setattr(math, "cos", lambda x: 0.0)
    monkeypatch.setattr(math, "pi", 3)
    monkeypatch.setattr(math, "log10", lambda x: 1.0)
    seen = pictures()
    monkeypatch.undo()
    assert seen == expected


def test_the_picture_has_the_size_that_is_declared():
    with matplotlib.rc_context({"savefig.bbox": "tight", "savefig.pad_inches": 3}):
        png = still.png_of(charts.line_figure({"a": ([1, 2], [1, 2])}, xlabel="x", ylabel="y"))
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == tuple(round(inches * style.DPI * still.SHARP) for inches in style.SIZE)


# ------------------------------------------------------------------------------------------- a dollar is a dollar
TEXTS = ["$$", r"$\unknown$", r"a $\frac{ b$", "$5 and $6", "$", r"\$5", "$x$", "$" * 50, "{$^}$_"]


@pytest.mark.parametrize("text", [*TEXTS, "\ud800", "a\udfff$"])
def test_any_text_in_a_table(text):
    shown = tables.table([[text, text, 1.0]], [text, "x", "y"], title=text or "t", note=text)
    assert shown.png and shown.text.encode() and shown.alt.encode()
    assert all(child.value.encode() for child in shown.widget.children)


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_in_a_picture(text):
    figures = [
        charts.line_figure({text: ([1, 2], [1, 2])}, xlabel=text, ylabel=text, title=text, note=text),
        charts.heat_map([[1.0]], [text], [text], row_name=text, column_name=text, unit=text, title=text, note=text),
        run_curves.curves({text: a_run()}, title=text, note=text),
    ]
    for figure in figures:
        assert still.still(figure, "alt").png


def pixels(text):
    with style.context():
        figure = style.new_figure((3, 1))
        figure.text(0.1, 0.5, text)
        return still.png_of(figure)


def test_dollars_are_drawn_and_formulas_of_the_course_are_set():
    assert pixels("$5 and $6") != pixels("5 and 6") != pixels(r"5 and \$6")
    with style.context():
        figure = Figure()
        dollars, formula = figure.text(0, 0, "$5 and $6"), figure.text(0, 0, r"thick: of $w_1$, thin: of $w_2$")
        assert dollars._preprocess_math("$5 and $6") == ("$5 and $6", False)
        for words in (formula.get_text(), r"$\mathdefault{10^{-3}}$", r"$\eta_\mathrm{max}$ 0.1"):
            assert formula._preprocess_math(words) == (words, True)
    assert matplotlib.cbook.is_math_text("$x$")  # outside, matplotlib is as it was


def test_a_move_of_a_slider_takes_the_settings_along_in_less_than_a_millisecond_of_work():
    """No check of 300 settings: the dictionary is copied, not validated."""
    calls = []
    validate = matplotlib.rcParams.validate["text.usetex"]
    matplotlib.rcParams.validate["text.usetex"] = lambda value: calls.append(value) or validate(value)
    try:
        with style.context():
            assert matplotlib.rcParams["figure.facecolor"] == style.CARD
    finally:
        matplotlib.rcParams.validate["text.usetex"] = validate
    assert calls == [] and live.LivePicture
