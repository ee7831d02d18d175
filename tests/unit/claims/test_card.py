"""A claim's card: the same words as its plain text, a strip that shows every seed, one axis a unit and cell."""

import base64
import math
import re
import sys
import xml.etree.ElementTree as xml
from types import SimpleNamespace

import nbformat
import pytest

from course_utils.authoring.notebook_rules import alt_text
from course_utils.claims import card
from course_utils.claims.card import FAILS, HOLDS, OPEN, Strip
from course_utils.claims.compare import claim_within
from course_utils.claims.rule import amount, claim, claim_exact


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would show: the forms of each output, as they stand when the cell has ended."""
    outputs = []

    def display(forms, raw, display_id=False):
        outputs.append(dict(forms))
        place = len(outputs) - 1
        return SimpleNamespace(update=lambda forms, raw: outputs[place].update(forms))

    monkeypatch.setattr(card, "in_notebook", lambda: True)
    monkeypatch.setattr(card, "show_bundle", outputs.append)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(execution_count=next(iter(runs))))
    runs = [1]
    outputs_and_run = SimpleNamespace(outputs=outputs, runs=runs)
    card._cell.update(run=None, cards=[])
    return outputs_and_run


def elements(forms, tag):
    code = re.search(r"base64,([^']+)'", forms["text/html"]).group(1)
    root = xml.fromstring(base64.b64decode(code))
    return [element for element in root if element.tag.endswith(tag)]


def test_a_card_says_what_the_plain_text_says(shown, capsys):
    claim("1-a: cosine <wins>", [2.9, 3.5, 3.8], at_least=1, unit="points", source="CIFAR-10")
    (forms,) = shown.outputs
    assert capsys.readouterr().out == ""
    assert forms["text/plain"].startswith(
        "Claim 1-a: cosine <wins>: holds (at least 1 point asked; 3 seeds)\n    measured: "
    )
    page = forms["text/html"]
    for words in (
        "✓ Holds",
        "Claim 1-a: cosine &lt;wins&gt;.",
        "at least 1 point asked; 3 seeds",
        "by seed: +2.9 +3.5 +3.8",
    ):
        assert words in page
    assert page.startswith("<article class='measured'><") and page.count("<article") == 1  # nbval masks all of it
    output = nbformat.v4.new_output("display_data", data=forms)
    assert list(alt_text(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])]))) == []
    assert "2.9, 3.5, 3.8" in re.search("alt='([^']*)'", page).group(1)


def test_the_strip_shows_each_seed_the_interval_and_the_margin(shown):
    claim("1-a: x", [2.0, 3.0, 4.0], at_least=1, unit="points")
    (forms,) = shown.outputs
    dots = [float(dot.get("cx")) for dot in elements(forms, "circle")]
    assert len(dots) == 3 and dots == sorted(dots) and math.isclose(dots[1] - dots[0], dots[2] - dots[1], abs_tol=0.2)
    lines = [line for line in elements(forms, "line") if line.get("y1") == line.get("y2") == "31"]
    assert len(lines) == 1 and float(lines[0].get("x1")) < dots[0] < dots[2] < float(lines[0].get("x2"))
    words = {text.text for text in elements(forms, "text")}
    assert "+1" in words and any(word.endswith(" points") for word in words)


def test_cards_of_one_cell_share_an_axis_where_the_unit_is_the_same(shown):
    def zero_of(forms):
        return next(line.get("x1") for line in elements(forms, "line") if line.get("stroke-dasharray"))

    claim("1-a: x", [1.0, 1.1, 1.2], at_least=1, unit="points")
    before = elements(shown.outputs[0], "circle")[0].get("cx")
    claim("1-b: x", [-11.0, -12.1, -12.2], at_most=1, unit="points")
    claim("1-c: x", [1.0, 1.1, 1.2], at_least=1, unit="nats")
    assert zero_of(shown.outputs[0]) == zero_of(shown.outputs[1]) != zero_of(shown.outputs[2])
    assert elements(shown.outputs[0], "circle")[0].get("cx") != before
    shown.runs[0] = 2
    claim("1-d: x", [1.0, 1.1, 1.2], at_least=1, unit="points")
    assert elements(shown.outputs[3], "circle")[0].get("cx") == before


@pytest.mark.parametrize(
    "values", [[math.inf, math.inf, 40.0], [math.nan, 1.0, 2.0], [0.0, 0.0], [-math.inf, 0.5], [1e-9]]
)
def test_numbers_that_have_no_place_do_not_break_the_card(shown, values):
    claim("1-a: x", values, at_least=0.5)
    claim_within("1-b: x", [value for value in values if math.isfinite(value)], 1.0)
    if all(value > 0 for value in values):
        claim("1-c: x", values, at_least=10, unit="x")
    for forms in shown.outputs:
        finite = [x for x in (float(dot.get("cx")) for dot in elements(forms, "circle")) if 0 < x < card.WIDTH]
        assert len(finite) == len(elements(forms, "circle"))


def test_factors_stand_around_one_on_a_logarithmic_axis(shown):
    claim("1-a: x", [10.0, 100.0, 1000.0], at_least=10, unit="x")
    dots = [float(dot.get("cx")) for dot in elements(shown.outputs[0], "circle")]
    assert math.isclose(dots[1] - dots[0], dots[2] - dots[1], abs_tol=0.2)
    assert "1×" in {text.text for text in elements(shown.outputs[0], "text")}


def test_an_exact_fact_has_no_strip(shown):
    claim_exact("1-a: x", 3, 2)
    assert "<img" not in shown.outputs[0]["text/html"] and "✗ Does not hold here" in shown.outputs[0]["text/html"]


def test_chips_can_be_read():
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    assert set(card.CHIPS) == {HOLDS, FAILS, OPEN}
    assert all(1.05 / (luminance(color) + 0.05) >= 4.5 for color, _ in card.CHIPS.values())


def test_the_words_of_a_strip():
    strip = Strip((1.0, 2.0), 1.5, 1.0, 2.0, (-3.0, 3.0), "points")
    assert strip.words() == (
        "An axis around zero with a dot for each seed: 1, 2; the interval from 1 to 2; the margin at -3 to 3."
    )


@pytest.mark.parametrize(
    "number, unit, words",
    [(1, "points", "1 point"), (5, "points", "5 points"), (1, "x", "1x"), (1, "%", "1 %"), (1, "", "1")],
)
def test_a_margin_in_words(number, unit, words):
    assert amount(number, unit) == words


def test_outside_a_notebook_two_lines_are_printed(capsys):
    assert "IPython" not in sys.modules or not card.in_notebook()
    claim("1-a: x", [1.0, 2.0], at_least=0)
    assert len(capsys.readouterr().out.splitlines()) == 2
