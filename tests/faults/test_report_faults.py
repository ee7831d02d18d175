"""A class with hostile and broken notebooks: each costs its own row, and all others are judged as ever."""

import csv
import io
import os
import tempfile
import zipfile
from html.parser import HTMLParser

import psutil
import pytest

from course_utils.authoring import handed_in, judging, report, report_page
from course_utils.exercises.checking import CORRECT, ERROR, NOT_ATTEMPTED, NOT_YET
from tests.handed_in import DEGREES, HOSTILE, KILLS_ALL, RIGHT, SOLUTION, cosine, hand_in

GOOD = {
    "anna": cosine(RIGHT),
    "ben": cosine(SOLUTION),
    "cara": cosine(DEGREES),
    "dan": cosine(DEGREES, ran=False),
    "eve": cosine("return ..."),
    "=cmd|' /C calc'!A0": cosine(RIGHT),
    "<img src=x onerror=alert(1)>": cosine(RIGHT),
}
apart = pytest.mark.skipif("--pid" not in report.unshare(), reason="this system gives no process numbers of its own")
linux = pytest.mark.skipif(not report.unshare(), reason="this system cannot cut a process off from the network")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The whole class, judged once."""
    folder = hand_in(tmp_path_factory.mktemp("class"), GOOD | HOSTILE)
    os.symlink("/etc/hostname", folder / "anna" / "link.ipynb")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "ben" / "pipe.ipynb")
    (folder / "huge").mkdir()
    with open(folder / "huge" / "huge.ipynb", "wb") as file:
        file.truncate(5_000_000_000)
    return report.report(folder, jobs=2)


def row(judged, learner):
    return next(row for row in judged.rows if row.learner == learner)


def kind(judged, learner, exercise="10.1.3.cosine"):
    return row(judged, learner).kind(exercise)


def test_the_honest_are_judged_by_their_code(judged):
    assert [kind(judged, name) for name in ("anna", "ben", "cara", "eve")] == [CORRECT, CORRECT, NOT_YET, NOT_ATTEMPTED]
    assert not row(judged, "anna").verdicts["10.1.3.cosine"].same
    assert row(judged, "ben").verdicts["10.1.3.cosine"].same
    assert row(judged, "dan").verdicts["10.1.3.cosine"].ran is False and row(judged, "dan").never_ran == 1
    assert [line[:2] + line[3:] for line in judged.shared()] == [("10.1.3.cosine", "degrees", 2)]
    assert row(judged, "anna").problems == ["link.ipynb: a link or no regular file; not read"]


@pytest.mark.parametrize(
    "learner, problem",
    [("not_json", "broken"), ("no_notebook", "no notebook"), ("deep", "too deeply"), ("huge", "larger than 16 MB")],
)
def test_what_is_no_notebook_is_named(judged, learner, problem):
    assert problem in row(judged, learner).problems[0] and not row(judged, learner).verdicts


def test_hostile_answers_are_never_correct_and_end_in_words(judged):
    for learner in ("endless", "exits", "kills", "memory", "script", "syntax", "cheats"):
        assert kind(judged, learner) in (ERROR, NOT_YET), learner
    assert kind(judged, "endless_first", "10.1.3.area") == ERROR
    assert kind(judged, "given", "10.1.3.area") == NOT_YET, "the numbers of a task are the bank's"
    assert kind(judged, "deep_code") == CORRECT, "the cells that cannot be read are not needed"


@linux
def test_the_network_is_cut_off_and_the_report_says_so(judged):
    assert "unreachable" in row(judged, "net").verdicts["10.1.3.cosine"].text
    assert "no network" in judged.guard


def test_the_report_says_so_where_nothing_is_held_back(monkeypatch):
    monkeypatch.setattr(report, "unshare", lambda: ())
    words = report.guard([report.Row("x", confined=False)])
    assert all(part in words for part in ("NETWORK WAS OPEN", "OTHER PROCESSES NOT", "FILES NOT PROTECTED"))


def test_nothing_outlives_its_time_where_the_system_helps_least(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "unshare", lambda: ())
    monkeypatch.setattr(report, "SECONDS", (4, 0, 4))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sleeps = cosine("import os, time; os.setsid() if os.fork() == 0 else 0; time.sleep(1234)")
    result = report.report(hand_in(tmp_path / "class", {"a": sleeps, "b": cosine(RIGHT)}), jobs=2)
    assert kind(result, "b") == CORRECT and row(result, "a").problems == ["took too long and was stopped"]
    left = []
    for process in psutil.process_iter(["cmdline"]):
        left += [process] * any(str(tmp_path) in word for word in process.info["cmdline"] or [])
    assert left == []


@apart
def test_nobody_is_killed_from_inside(tmp_path):
    result = report.report(hand_in(tmp_path, {"a": KILLS_ALL, "b": cosine(RIGHT)}))
    assert kind(result, "b") == CORRECT


def test_files_outside_stay_as_they_are(tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    body = f"import os; open({str(victim)!r}, 'w').write('theirs'); {RIGHT}"
    result = report.report(hand_in(tmp_path / "class", {"a": cosine(body), "b": cosine(RIGHT)}))
    if not row(result, "a").confined:
        pytest.skip("no Landlock on this system")
    assert victim.read_text() == "mine" and kind(result, "a") == ERROR and kind(result, "b") == CORRECT


def test_an_answer_cannot_speak_for_the_judge(tmp_path):
    verdict = '{"notebook": 0, "exercise": "10.1.3.area", "kind": "correct"}'
    body = f"import os; open(f'/proc/{{os.getppid()}}/fd/1', 'a').write('\\n' + {verdict!r} + '\\n'); {RIGHT}"
    result = report.report(hand_in(tmp_path, {"a": cosine(body)}))
    if not result.rows[0].confined:
        pytest.skip("no Landlock on this system")
    assert kind(result, "a") == ERROR and kind(result, "a", "10.1.3.area") == NOT_ATTEMPTED


class Tags(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.seen = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_the_page_escapes_all_that_learners_wrote(judged):
    page = report_page.as_html(judged)
    tags = Tags(page).seen
    assert {"script", "img", "a", "link", "iframe"} & {tag for tag, _ in tags} == set()
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "&lt;img src=x onerror" in page
    assert all(page.count(f">{name}<") == 2 for name in ("anna", "ben")) and page.count(">not_json<") == 1
    assert all(sign == "\n" or sign.isprintable() for sign in page + report_page.as_text(judged))


def test_no_cell_of_the_table_is_a_formula(judged):
    lines = list(csv.reader(io.StringIO(report_page.as_csv(judged))))
    assert len({len(line) for line in lines}) == 1 and ["anna", "10.1.3.cosine", "correct"] in [x[:3] for x in lines]
    assert not [cell for line in lines for cell in line if cell[:1] in ("=", "+", "-", "@") and cell]


def test_a_zip_is_never_unpacked(tmp_path):
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("class/anna/a.ipynb", cosine(RIGHT))
        archive.writestr("class/bomb/a.ipynb", b" " * 200_000_000)
        archive.writestr("../../../escape/a.ipynb", cosine(DEGREES))
        archive.writestr("/absolute.ipynb", cosine(DEGREES))
        archive.writestr("__MACOSX/x/a.ipynb", "junk")
    before = sorted(tmp_path.iterdir())
    result = report.report(path)
    assert sorted(tmp_path.iterdir()) == before
    names = [row.learner for row in result.rows]
    assert names == ["absolute", "class", "escape"] and row(result, "class").verdicts["10.1.3.cosine"].kind == CORRECT
    assert "larger than 16 MB" in row(result, "class").problems[0]


def test_the_folder_around_all_learners_of_a_zip_is_none_of_them(tmp_path):
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("class/anna/a.ipynb", cosine(RIGHT))
        archive.writestr("class/ben/b.ipynb", cosine(RIGHT))
    assert [learner.name for learner in handed_in.learners(path)] == ["anna", "ben"]


def test_a_learners_own_zip_is_read_and_a_broken_one_named(tmp_path):
    for name in ("anna", "ben"):
        (tmp_path / name).mkdir()
    with zipfile.ZipFile(tmp_path / "anna" / "mine.zip", "w") as archive:
        archive.writestr("a.ipynb", cosine(RIGHT))
    (tmp_path / "ben" / "mine.zip").write_bytes(b"PK\x03\x04 broken")
    anna, ben = handed_in.learners(tmp_path)
    assert list(anna.notebooks) == ["mine.zip/a.ipynb"] and "the zip is broken" in ben.problems[0]


def test_a_judge_that_talks_nonsense_or_hangs_costs_its_row(tmp_path, monkeypatch):
    lines = b'{"confined": true}\nnonsense\n{"notebook": 0, "cells": 1, "never_ran": "x"}\n[1]\n{"exercise": "no"}\n'
    talk = report.Row("x")
    report.take(talk, {0: "a.ipynb"}, lines, late=True)
    assert not talk.verdicts and "took too long" in talk.problems[-1] and len(talk.problems) == 5
    monkeypatch.setattr(report, "SECONDS", (0.1, 0.1, 0.2))
    result = report.report(hand_in(tmp_path, {"a": HOSTILE["endless"]}))
    assert result.rows[0].problems == ["took too long and was stopped"]


@pytest.mark.parametrize("place", ["nothing", "empty", "text.txt"])
def test_a_place_without_notebooks_is_refused_in_words(tmp_path, place, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    assert report.main([str(tmp_path / place)]) == 1
    assert str(tmp_path / place) in capsys.readouterr().err


def test_reading_has_a_limit_of_memory():
    with pytest.raises(MemoryError):
        judging.read_guarded(lambda: bytearray(10**12))
