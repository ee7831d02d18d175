"""Every notebook keeps the rules of a lesson; every rule is shown to fail on a notebook that breaks it."""

import copy
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from course_utils import contents as lessons
from course_utils.authoring import notebooks, template
from course_utils.authoring.notebook_rules import RULES, problems
from course_utils.contents import LESSONS, NOTEBOOKS

PNG = {"image/png": "iVBORw0KGgo=", "text/plain": "Three learning rates; the middle one ends lowest."}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_lesson_keeps_every_rule(path):
    assert problems(path) == []


def test_all_lessons_are_listed_once_and_in_order():
    numbers = [entry.number for entry in LESSONS]
    assert len(numbers) == len(set(numbers)) == 22
    sections = [number for number in numbers if not number.startswith("A")]  # appendices come last
    assert sections == sorted(sections, key=lambda number: [int(part) for part in number.split(".")])
    assert numbers == sections + sorted(set(numbers) - set(sections))
    assert all(entry.file.startswith(entry.number + "_") for entry in LESSONS)
    with pytest.raises(ValueError, match="no lesson '11'.*10.1.1"):
        lessons.lesson("11")


# ---------------------------------------------------------------- a good notebook, and what spoils it


def code(source, count, *outputs, tags=()):
    return nbformat.v4.new_code_cell(
        source, execution_count=count, outputs=list(outputs), metadata={"tags": list(tags)} if tags else {}
    )


def shown(**data):
    return nbformat.v4.new_output("display_data", {key.replace("_", "/"): data[key] for key in data})


@pytest.fixture
def good(tmp_path):
    """A small lesson that keeps every rule: (notebook, path it is written to)."""
    nb = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("Predict first. ![a falling curve](curve.png)"),
            code("1 + 1", 2, nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=2)),
            code("picture()", 3, nbformat.v4.new_output("display_data", dict(PNG))),
            code(
                "timing()",
                4,
                nbformat.v4.new_output("stream", name="stdout", text="3.2 s"),
                tags=["nbval-ignore-output"],
            ),
        ]
    )
    notebooks.apply_template(nb, lessons.lesson("10.1.2"), lessons.repository())
    nb.cells[2].execution_count = 1
    notebooks.set_ids(nb, {})
    return nb, tmp_path / "10.1.2_step_decay.ipynb"


def verdict(nb, path):
    nbformat.write(nb, path)
    return problems(path)


def test_the_good_notebook_is_good(good):
    assert verdict(*good) == []


def in_place(change):
    """A fault that `change(cells)` makes; the cells are header, text, set-up, 1+1, picture, timing."""
    return lambda nb: change(nb.cells)


def stream(name, text):
    return nbformat.v4.new_output("stream", name=name, text=text)


FAULTS = {
    "template's": in_place(lambda c: c[2].update(source=c[2].source.replace("import os", "import os, re"))),
    "the header cell is not": in_place(lambda c: c[0].update(source="# 10.1.2 Step decay")),
    "0 cells tagged 'setup'": in_place(lambda c: c[2].metadata.update(tags=[])),
    "kernelspec is None": lambda nb: nb.metadata.pop("kernelspec"),
    "2 of 4 code cells were never run": in_place(
        lambda c: (c[3].update(execution_count=None), c[4].update(execution_count=None))
    ),
    "not run in order": in_place(lambda c: c[3].update(execution_count=7)),
    "error ZeroDivisionError": in_place(
        lambda c: c[3].outputs.append(
            nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="by zero", traceback=[])
        )
    ),
    "stderr in the output": in_place(lambda c: c[3].outputs.append(stream("stderr", "UserWarning"))),
    "path of one machine ('/home/')": in_place(lambda c: c[3].outputs.append(stream("stdout", "/home/me/x"))),
    "path of one machine ('/Users/')": in_place(lambda c: c[3].update(source="open('/Users/me/x')")),
    "path of one machine ('C:": in_place(lambda c: c[3].outputs.append(stream("stdout", r"C:\Users\me"))),
    "output from stand-in images": in_place(
        lambda c: c[3].outputs.append(stream("stdout", "STAND-IN IMAGES, NOT CIFAR-10: no copy was found"))
    ),
    "a progress bar": in_place(lambda c: c[3].outputs.append(stream("stdout", "decoding:  40%|####    | 2/5"))),
    "metadata.widgets": lambda nb: nb.metadata.update(widgets={}),
    "a widget view": in_place(lambda c: c[4].outputs[0].data.update({notebooks.WIDGET_VIEW: {}})),
    "compares only 1 of 4": in_place(
        lambda c: (c[3].metadata.update(tags=["nbval-skip"]), c[4].update(source="# NBVAL_IGNORE_OUTPUT\npicture()"))
    ),
    "<img> without alt": in_place(lambda c: c[3].outputs.append(shown(text_html="<img src='x' alt=''>"))),
    "Markdown picture without alt": in_place(lambda c: c[1].update(source="![](curve.png)")),
    "a PNG without a text": in_place(lambda c: c[4].outputs[0].data.update({"text/plain": "<Figure size>"})),
    "ids are missing or repeated": in_place(lambda c: c[3].update(id=c[4].id)),
    "keep it under 3 MB": in_place(lambda c: c[3].outputs.append(stream("stdout", "x" * 3_100_000))),
}


@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
@pytest.mark.parametrize("message", FAULTS)
def test_every_rule_can_fail(good, message):
    nb, path = copy.deepcopy(good[0]), good[1]
    FAULTS[message](nb)
    if "ids" in message:  # nbformat mends repeated ids as it reads
        broken = [line for rule in RULES for line in rule(nb)]
    else:
        broken = verdict(nb, path)
    assert len(broken) == 1 and message in broken[0], broken


def test_an_error_shown_on_purpose_is_allowed(good):
    nb, path = good
    nb.cells[3].metadata.tags = ["raises-exception"]
    nb.cells[3].outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="lr < 0", traceback=[])]
    assert verdict(nb, path) == []


def test_base64_is_not_searched_for_paths(good):
    nb, path = good
    nb.cells[3].outputs = [shown(text_html="<img alt='a curve' src='data:image/png;base64,AA+/tmp/AA'>")]
    assert verdict(nb, path) == []


# ---------------------------------------------------------------- the tool that makes them


def test_cleaning_leaves_the_picture_and_takes_the_widget(good):
    nb, path = good
    nb.metadata.widgets = {"state": {}}
    nb.cells[4].outputs[0].data[notebooks.WIDGET_VIEW] = {"model_id": "1"}
    nb.cells[5].outputs = [nbformat.v4.new_output("display_data", {notebooks.WIDGET_VIEW: {"model_id": "2"}})]
    nb.cells[5].metadata["execution"] = {"iopub.status.busy": "2030-01-01"}
    notebooks.clean(nb)
    assert nb.cells[4].outputs[0].data == PNG and nb.cells[5].outputs == []
    assert verdict(nb, path) == []


def test_the_set_up_cell_differs_only_in_its_last_line():
    address = "https://github.com/a/b"
    first, second = (template.setup_source(number, address).splitlines() for number in ("00", "10.1.3"))
    assert first[:-1] == second[:-1] and first[-1] == 'start("00")' and second[-1] == 'start("10.1.3")'
    assert len(first) <= 25


def test_badge_and_links(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    for number in ("00", "10.1.1", "10.1.3"):
        (tmp_path / lessons.lesson(number).file).write_text("{}")
    header = template.header_source(lessons.lesson("10.1.1"), "https://github.com/me/course")
    assert "/github/me/course/blob/main/notebooks/10.1.1_choosing_a_learning_rate.ipynb" in header
    assert "[← 00 Start here](00_start_here.ipynb)" in header
    assert "[10.1.3 Cosine decay →](10.1.3_cosine_decay.ipynb)" in header and "10.1.2" not in header
    assert "colab" not in template.header_source(lessons.lesson("10.1.1"), "")


def test_the_address_is_read_from_one_place(tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text('[project.urls]\n# Repository = "https://github.com/O/N"\n[tool.x]\nRepository = "no"\n')
    assert lessons.repository(file) == ""
    file.write_text('[project.urls]\nRepository = "https://github.com/me/course/"\n')
    assert lessons.repository(file) == "https://github.com/me/course"


def test_build_keeps_outputs_and_ids_of_unchanged_cells(tmp_path):
    pytest.importorskip("jupytext")
    target = tmp_path / "10.1.2_step_decay.ipynb"
    script = tmp_path / "edited.py"
    script.write_text("# %%\n1 + 1\n\n# %%\n2 + 2\n")
    notebooks.build(script, target)
    nb = nbformat.read(target, as_version=4)
    assert [cell.id for cell in nb.cells[:2]] == ["header", "setup"]
    nb.cells[2].outputs = [stream("stdout", "kept")]
    nb.cells[2].id = "my-own-id"
    notebooks.write(nb, target)
    script.write_text(notebooks.text(target).replace("2 + 2", "3 + 3"))
    notebooks.build(script, target)
    again = nbformat.read(target, as_version=4)
    assert [cell.source for cell in again.cells[2:]] == ["1 + 1", "3 + 3"]
    assert again.cells[2].outputs == nb.cells[2].outputs and again.cells[2].id == "my-own-id"
    assert again.cells[3].outputs == [] and again.cells[3].id != nb.cells[3].id


# ---------------------------------------------------------------- the set-up cell where it is really used


def run_setup(folder, **variables):
    """Run the set-up cell in a folder, with nothing of the course on Python's path."""
    env = {key: value for key, value in os.environ.items() if key not in ("COURSE_REPO", "PYTHONPATH")}
    program = template.setup_source("10.1.1", "") + "\nimport course_utils; print(course_utils.__file__)"
    # -S -I: an environment in which the course is installed must not help
    return subprocess.run(
        [sys.executable, "-S", "-I", "-c", program],
        cwd=folder,
        env={**env, **variables},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def remote(tmp_path):
    """A repository with the few modules the set-up cell needs: those that lie in no package."""
    folder = tmp_path / "remote"
    (folder / "course_utils").mkdir(parents=True)
    for path in (NOTEBOOKS.parent / "course_utils").glob("*.py"):
        shutil.copy(path, folder / "course_utils")
    someone = ["-c", "user.name=x", "-c", "user.email=x@y"]
    for command in (["init", "-q"], ["add", "."], [*someone, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_a_lesson_in_its_place_uses_the_course_beside_it():
    done = run_setup(NOTEBOOKS)
    assert str(NOTEBOOKS.parent / "course_utils") in done.stdout, done.stderr


def test_a_lesson_opened_alone_fetches_the_course_once(tmp_path, remote):
    alone = tmp_path / "alone"
    alone.mkdir()
    done = run_setup(alone, COURSE_REPO=str(remote))
    assert done.stdout.startswith("Lesson 10.1.1") and str(alone / "course") in done.stdout, done.stderr
    assert done.stderr == ""
    assert run_setup(alone, COURSE_REPO="file:///nowhere").returncode == 0, "what is there is used again"


@pytest.mark.parametrize(
    "variables, message",
    [
        ({}, "set COURSE_REPO to the address"),
        ({"COURSE_REPO": "file:///no/such/repository"}, "Could not fetch the course from file:///no/such/repository"),
    ],
)
def test_a_lesson_opened_alone_without_a_course_says_what_is_missing(tmp_path, variables, message):
    done = run_setup(tmp_path, **variables)
    assert done.returncode == 1 and message in done.stderr
