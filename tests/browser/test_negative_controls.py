"""The checks of the browser tests can fail: each fault below must be found by the check that looks for it."""

import pytest

from tests.browser import checks
from tests.browser.lab import HANDLE, wait_for, write_notebook

PICTURE = """
from course_utils.pictures.controls import slider
from course_utils.pictures.live import LivePicture, Scene

def build(figure):
    axes = figure.subplots()
    axes.set(xlabel="x", ylabel="y", xlim=(0, 1), ylim=(0, 2))
    return {{"main": axes}}, {{"line": axes.plot([], [])[0]}}

def draw(state):
{body}

LivePicture(draw, [slider("a", "slope", 0, 1, 0.5)], build=build, title="A line through the origin")
"""
GOOD = "    return Scene({'line': ([0, 1], [0, state.a])}, status=f'The line climbs to {state.a:.2f}.')"
FROZEN = "    return Scene({'line': ([0, 1], [0, 0.5])}, status='The line climbs, whatever you do.')"
RAISES = "    if state.a != 0.5:\n        raise RuntimeError('a fault in the callback')\n" + GOOD
MUTE = "    return Scene({'line': ([0, 1], [0, state.a])})"
DRIFTS = """
    draw.calls = getattr(draw, "calls", 0) + 1
    return Scene({'line': ([0, 1], [0, state.a + draw.calls / 10])}, status='It never comes back to where it was.')
"""
BLINKS = """
import ipywidgets, time
slider = ipywidgets.IntSlider(50)
image, status = ipywidgets.HTML(picture.view.image.value), ipywidgets.HTML("<div role='status'>It blinks.</div>")

def blink(change):                                     # what clearing an output before drawing does to the page
    image.value = ""
    time.sleep(0.05)
    picture.set(a=change.new / 100)
    image.value = picture.view.image.value

slider.observe(blink, names="value")
ipywidgets.VBox([slider, image, status])
"""
SILENT = "from IPython.display import HTML\nHTML('<img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\">')"
WIDE = "from IPython.display import HTML\nHTML('<div><button style=\"width:900px\">A wide button</button></div>')"
LIST = """
from IPython.display import HTML
HTML('<select style="width:90px"><option>short<option>far too long for it</select>')
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, server):
    write_notebook(server.folder / "faults.ipynb", "")
    opened = open_notebook("faults.ipynb")
    yield opened
    opened.close()


def show(notebook, source: str) -> None:
    """Run the one cell of the notebook with another source."""
    notebook.set_source(0, source)
    notebook.run_cell(0)


def show_picture(notebook, body: str):
    """Show a live picture with a `draw` of this body; returns (output, handle)."""
    show(notebook, PICTURE.format(body=body.strip("\n")))
    wait_for(notebook.page, "a live picture", lambda: len(notebook.outputs()) == 1)
    output = notebook.outputs()[0]
    return output, output.locator(HANDLE).first


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A picture that does not follow need not be waited for so long."""
    monkeypatch.setattr(checks, "SECONDS", 2.0)


def test_a_sound_picture_passes(notebook):
    output, handle = show_picture(notebook, GOOD)
    checks.check_no_errors(notebook)
    checks.check_words(notebook, output)
    checks.check_alt_texts(notebook)
    checks.check_slider(notebook, handle)
    checks.check_steady(notebook, output, handle)
    checks.check_nothing_cut(notebook, 700)


def test_a_frozen_picture_is_found(notebook):
    output, handle = show_picture(notebook, FROZEN)
    with pytest.raises(AssertionError, match="did not change the picture"):
        checks.check_slider(notebook, handle)
    with pytest.raises(AssertionError, match="hardly followed"):
        checks.check_steady(notebook, output, handle)


def test_a_raising_callback_is_found(notebook):
    _, handle = show_picture(notebook, RAISES)
    checks.check_no_errors(notebook)
    with pytest.raises(AssertionError, match="a fault in the callback"):
        checks.check_slider(notebook, handle)
    with pytest.raises(AssertionError, match="alert on the page"):
        checks.check_no_errors(notebook)


def test_a_picture_that_does_not_come_back_is_found(notebook):
    _, handle = show_picture(notebook, DRIFTS)
    with pytest.raises(AssertionError, match="did not bring the first picture back"):
        checks.check_slider(notebook, handle)


def test_a_picture_without_words_is_found(notebook):
    output, _ = show_picture(notebook, MUTE)
    with pytest.raises(AssertionError, match="no status line"):
        checks.check_words(notebook, output)


def test_a_failing_cell_is_found(notebook):
    show(notebook, "1 / 0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        checks.check_no_errors(notebook)


def test_a_blinking_picture_is_found(notebook):
    show(notebook, PICTURE.format(body=GOOD).replace("LivePicture(draw", "picture = LivePicture(draw") + BLINKS)
    output = wait_for(notebook.page, "the blinking picture", notebook.outputs)[0]
    with pytest.raises(AssertionError, match="blank frames"):
        checks.check_steady(notebook, output, output.locator(HANDLE).first)


def test_a_picture_without_alt_text_is_found(notebook):
    show(notebook, SILENT)
    with pytest.raises(AssertionError, match="no real alt text"):
        checks.check_alt_texts(notebook)


def test_an_output_that_is_cut_is_found(notebook):
    show(notebook, WIDE)
    with pytest.raises(AssertionError, match="px too far"):
        checks.check_nothing_cut(notebook, 700)


def test_a_list_that_is_too_narrow_is_found(notebook):
    show(notebook, LIST)
    with pytest.raises(AssertionError, match='words cut off in a list: "far too long for it"$'):
        checks.check_nothing_cut(notebook, 700)
