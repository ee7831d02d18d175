"""Is the code of an answer that of the bank's solution? Names of functions, remarks and layout do not count."""

from __future__ import annotations

import ast
import re

from course_utils.authoring.answers import Answer
from course_utils.exercises import bank


def fingerprints(source: str) -> set[str]:
    """What the functions and computed values in a source say, without their own names, comments and docstrings."""
    marks = set()
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return marks
    for node in body:
        if isinstance(node, ast.FunctionDef):
            inner = node.body[1:] if ast.get_docstring(node) is not None else node.body
            dumped = ast.dump(node.args) + "".join(map(ast.dump, inner))
            marks.add(dumped.replace(f"id='{node.name}'", "id='_'"))
        elif isinstance(node, ast.Assign) and any(
            isinstance(part, ast.BinOp | ast.Call) for part in ast.walk(node.value)
        ):
            marks.add(ast.dump(node.value))
    return marks


def is_the_solution(answer: Answer) -> bool:
    """True when the code of an answer is that of the bank's solution, but for names of functions and remarks."""
    exercise = bank.find(answer.exercise)
    fenced = "\n".join(re.findall(r"```\w*\n(.*?)```", exercise.solution, re.S))
    if isinstance(exercise, bank.FunctionExercise):
        whole, ours = fingerprints(fenced or exercise.solution), fingerprints(answer.source)
        return bool(whole) and whole <= ours
    return bool(fingerprints(fenced) & fingerprints(answer.source))
