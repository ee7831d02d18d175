"""A made-up class: notebooks that learners hand in, good and hostile ones."""

import json
from pathlib import Path

COSINE = "import math\n\n\ndef my_cosine(t, peak, T):\n    {}\n\n\ncheck('10.1.3.cosine', my_cosine)"
RIGHT = "return peak / 2 + peak / 2 * math.cos(t / T * math.pi)"
SOLUTION = "return 0.5 * peak * (1 + math.cos(math.pi * t / T))  # mine"
DEGREES = "return 0.5 * peak * (1 + math.cos(180 * t / T))"


def notebook(*sources: str, ran: bool = True) -> str:
    """A notebook of code cells, as text. What its outputs claim is always the best."""
    boast = {"output_type": "stream", "name": "stdout", "text": "[CORRECT] 10.1.3.cosine"}
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {},
            "execution_count": n if ran else None,
            "outputs": [boast],
        }
        for n, source in enumerate(sources, 1)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def cosine(body: str, **more) -> str:
    """A notebook with one answer: the cosine."""
    return notebook(COSINE.format(body), **more)


HOSTILE = {
    "not_json": "{'cells': [",
    "no_notebook": json.dumps({"cells": [{"no": "type"}]}),
    "deep": '{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep_code": notebook("x = " + "(" * 5_000 + "1" + ")" * 5_000, "y = " + "-" * 100_000 + "1", COSINE.format(RIGHT)),
    "endless": notebook(
        "while True:\n    pass\nanswer = 1", "check('10.1.3.area', answer)", COSINE.format("while 1: pass")
    ),
    "endless_first": notebook("def f():\n    while True: pass\na = f()", "check('10.1.3.area', a)"),
    "exits": cosine("import os; os._exit(0)"),
    "kills": cosine("import os, signal; os.kill(os.getppid(), 9)"),
    "memory": cosine("return [0] * 10**11"),
    "script": cosine("raise ValueError('<script>alert(1)</script>\\x1b[2J')"),
    "syntax": notebook("def my_cosine(t, peak, T):\n    return peak *\n\ncheck('10.1.3.cosine', my_cosine)"),
    "cheats": notebook(
        "from course_utils.exercises import checking as c\nc.close = lambda *a: True\nc.judge = lambda *a: 1",
        "check('10.1.3.cosine', lambda t, peak, T: 0)",
    ),
    "net": cosine("import socket; socket.create_connection(('1.1.1.1', 53), 3); " + RIGHT),
    "given": notebook("check('10.1.3.area', 0.0, peak=0, T=1)"),
}


# Only where the judged code sees no processes but its own: elsewhere it would end the tests, and all else of this user.
KILLS_ALL = notebook("import os\na = os.kill(-1, 9)", "check('10.1.3.area', a)")


def hand_in(folder: Path, learners: dict[str, str]) -> Path:
    """A folder with a folder for each learner."""
    for name, text in learners.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "10.1.3_cosine_decay.ipynb").write_text(text, encoding="utf-8")
    return folder
