"""Progress: what is kept, how entries merge, and the map."""

import json

import pytest

from course_utils import files as paths
from course_utils.contents import LESSONS
from course_utils.exercises import bank, progress, progress_page


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    progress._unsaved.update(exercises={}, guesses={})
    progress._said.clear()


def test_nothing_is_written_before_something_is_kept():
    assert progress.solved("10.1.1") == 0 and progress.guess("10.1.1") is None
    assert not paths.progress_file().exists()


def test_solved_stays_solved():
    progress.record("10.1.1.edge", "not yet")
    progress.record("10.1.1.edge", "correct")
    progress.record("10.1.1.edge", "error in your code")
    progress.record("10.1.1.edge", "not attempted")
    entry = json.loads(paths.progress_file().read_text())["exercises"]["10.1.1.edge"]
    assert entry["solved"] and entry["outcome"] == "not attempted" and entry["tries"] == 3
    assert progress.solved("10.1.1") == 1 and progress.solved("10.1.2") == 0


def test_a_new_guess_replaces_the_old_one():
    progress.keep_guess("10.1.1", "a")
    progress.keep_guess("10.1.1", 0.0)
    assert progress.guess("10.1.1") == 0.0
    assert {row["lesson"]: row["guess"] for row in progress.summary()}["10.1.1"] == 0.0


def test_what_another_version_wrote_is_kept():
    file = paths.progress_file()
    file.parent.mkdir()
    other = {"version": 7, "exercises": {"99.x": {"solved": "now", "stars": 3}}, "guesses": {}, "badges": ["b"]}
    file.write_text(json.dumps(other))
    progress.record("99.x", "not yet")
    data = json.loads(file.read_text())
    assert data["badges"] == ["b"] and data["exercises"]["99.x"]["stars"] == 3
    assert data["exercises"]["99.x"]["solved"] == "now"


def test_summary_has_every_lesson():
    rows = progress.summary()
    assert [row["lesson"] for row in rows] == [entry.number for entry in LESSONS]
    assert not any(row["planned"] for row in rows[:4])
    assert [row["total"] for row in rows[:4]] == [len(bank.checked(row["lesson"])) for row in rows[:4]]


def test_map_of_a_fresh_course_is_always_the_same(capsys):
    progress_page.progress_map()
    fresh = capsys.readouterr().out
    progress.record("00.updates", "not yet")  # a failed try leaves no mark on the map
    progress_page.progress_map()
    assert capsys.readouterr().out == fresh
    planned = sum(row["planned"] for row in progress.summary())
    assert "0 of 4 solved" in fresh and fresh.count("planned") == planned


def test_map_shows_what_was_done():
    progress.record("00.updates", "correct")
    progress.keep_guess("00", 3)
    rows = progress.summary()
    html, text = progress_page.as_html(rows), progress_page.as_text(rows)
    assert "✓ 1 of 1 solved" in html and "made" in html and "1 of 1 solved" in text
    written = [row for row in rows if not row["planned"]]
    assert html.count("<td") == 4 * len(rows) and html.count("<a href=") == len(written)
