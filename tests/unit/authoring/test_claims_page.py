"""The page of all claims is what the notebooks say, no more and no less."""

import nbformat

from course_utils.authoring import claims_page
from course_utils.claims.rule import claim, claim_exact
from course_utils.contents import Lesson


def test_the_page_is_up_to_date():
    hint = "run `python -m course_utils.authoring.claims_page`"
    assert claims_page.PAGE.read_text(encoding="utf-8") == claims_page.page(), hint


def test_every_line_that_a_claim_prints_is_read(capsys, tmp_path, monkeypatch):
    claim("9-a: x: with a colon", [2.0, 2.1, 2.2], at_least=1, unit="points", source="here")
    claim("9-b: y", [0.1], at_most=1)
    claim_exact("9-c: z | w", [1, 2], [1, 3])
    printed = capsys.readouterr().out
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", name="stdout", text=printed)])
    data = {"text/plain": printed.split("\nClaim 9-b")[0], "text/html": "<b>a card</b>"}
    shown = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=data)])
    path = tmp_path / "9.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, shown]), path)
    monkeypatch.setattr(claims_page, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(Lesson, "path", property(lambda self: path))
    lines = claims_page.claims_of(Lesson("9", "Nine", "9.ipynb"))
    assert [line.sentence for line in lines] == ["9-a: x: with a colon", "9-b: y", "9-c: z | w", "9-a: x: with a colon"]
    assert [line.verdict.split()[0] for line in lines] == ["holds", "cannot", "does", "holds"]
    monkeypatch.setattr(claims_page, "LESSONS", (Lesson("9", "Nine", "9.ipynb"),))
    page = claims_page.page()
    assert (
        "4 claims. 1 are exact facts: 0 hold. 3 were measured:" in page and "**2 hold, 0 do not hold here, 1 c" in page
    )
    assert "9-c: z \\| w | ✗ does not hold here | exact fact; [1, 3] asked | [1, 2] |" in page
