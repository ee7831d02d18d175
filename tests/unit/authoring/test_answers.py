"""An answer is taken from a notebook as code: what it needs, and nothing else."""

import pytest

from course_utils.authoring.answers import answers, cells, plain
from course_utils.authoring.judging import Written, judged, value_in
from course_utils.authoring.same_code import is_the_solution
from course_utils.contents import LESSONS
from course_utils.exercises import bank
from course_utils.exercises.checking import CORRECT, ERROR, NOT_ATTEMPTED, NOT_YET
from tests.handed_in import COSINE, RIGHT, SOLUTION, notebook


def single(*sources):
    (answer,) = answers(notebook(*sources))
    return answer


def source(*sources):
    return single(*sources).source.strip().splitlines()


def test_only_what_the_answer_needs_is_taken():
    taken = source(
        "import math, torch\nfrom course_utils.training import train",
        "for step in train(): pass\nloss = step.loss",
        "half = 0.5",
        "def f(t):\n    return helper(t) * half",
        "t = train()",
        "def helper(t):\n    return math.cos(t)",
        "check('10.1.3.cosine', f)",
    )
    assert taken[0] == "import math" and taken[-1] == "answer_ = f"
    assert not any("train" in line or "step" in line for line in taken)
    assert {"half = 0.5", "def f(t):", "def helper(t):"} <= set(taken)


def test_the_latest_definition_before_the_check_counts_and_changes_are_followed():
    cell = "x = [1]\nx = [2]\nx.append(3)\nx[0] = 5\nif x:\n    x = x + [9]\ncheck('10.1.3.area', x)\nx = [0]"
    assert value_in(single(cell).source, "cell") == [5, 3, 9]


def test_a_definition_below_the_check_serves_where_there_is_none_above():
    assert "a = 3" in source("check('10.1.3.area', a)", "a = 3")


def test_names_of_a_functions_own_and_of_comprehensions_are_not_looked_for():
    taken = source(
        "for t in endless(): pass", "def f(t):\n    s = [k for k in range(t)]\n    return s", "check('x.y', f)"
    )
    assert taken[0] == "def f(t):"
    assert source("k = slow()", "a = sum(k for k in range(3))", "check('x.y', a)")[0].startswith("a = ")


def test_an_answer_that_waits_for_a_training_is_named():
    answer = single("from course_utils.training import train", "a = train()", "check('10.1.3.area', a)")
    assert "waits for a training" in answer.problem and judged(answer).kind == ERROR


@pytest.mark.parametrize("text, value", [("3", 3), ("-2.5", -2.5), ("'B'", "B"), ("...", ...), ("None", None)])
def test_a_plain_answer_is_read_not_run(text, value):
    assert single(f"a = {text}\ncheck('10.1.3.area', a)").literal == (value,)


def test_magics_help_and_broken_cells_leave_the_others_alone():
    assert plain("%matplotlib inline\nx = 1\nmath.cos?\nif x:\n    !ls") == "pass\nx = 1\npass\nif x:\n    pass"
    assert plain("%%bash\nrm -rf /") == "" and plain("%%time\nx = 1") == "\nx = 1"
    broken, fine = answers(notebook("def f(:\ncheck('10.1.3.cosine', f)", "# check('a.b', 1)\ncheck('10.1.3.area', 1)"))
    assert "SyntaxError in line 1" in broken.problem and fine.exercise == "10.1.3.area"
    assert "inside another" in single("for a in 'ABC':\n    check('10.1.3.area', a)").problem


@pytest.mark.parametrize("text", ["{", "[]", "3", "null", '{"cells": 3}', '{"cells": [3]}', '{"worksheets": []}'])
def test_what_is_no_notebook_is_refused(text):
    with pytest.raises(ValueError):
        cells(text)


def test_old_notebooks_are_read():
    old = '{"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"], "prompt_number": 3}]}]}'
    assert cells(old) == [(1, "x = 1", True)]


def test_a_written_function_tells_its_names_without_being_made():
    written = Written(single("print(1 / 0)", COSINE.format(RIGHT)), "cell")
    assert written.__code__.co_varnames == ("t", "peak", "T") and written.function is None


def test_the_solutions_code_is_known_under_another_name():
    assert is_the_solution(single(COSINE.format(SOLUTION))) and not is_the_solution(single(COSINE.format(RIGHT)))


def test_the_outcomes_are_those_of_a_check():
    cases = {
        "b = 1\na = b / 0": ERROR,
        "a = sum(range(3))": NOT_YET,
        "a = 0.1 * 1001": CORRECT,
        "a = None": NOT_ATTEMPTED,
    }
    for code, kind in cases.items():
        assert judged(single(code, "check('10.1.3.area', a)")).kind == kind, code
    assert judged(single("check('10.1.3.area', [[1], 'x'])")).kind == NOT_YET
    assert judged(single("check('10.1.3.cosine', 3)")).kind == NOT_YET


@pytest.mark.parametrize("entry", [entry for entry in LESSONS if entry.available], ids=lambda entry: entry.number)
def test_every_check_of_the_lessons_themselves_is_seen(entry):
    seen = answers(entry.path.read_text(encoding="utf-8"))
    assert {answer.exercise for answer in seen} == set(bank.checked(entry.number))
    assert not [answer.problem for answer in seen if answer.problem]
