"""A run goes to four trackers and comes back equal: with the writers that the lesson shows, without a network."""

import ast
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.contents import TRACKERS, lesson
from course_utils.lessons.l10_2_4 import trackers
from course_utils.runs import Run

ROOT = Path(__file__).resolve().parents[4]


def sick_run() -> Run:
    """Twelve updates, an infinity and a NaN at the end, values that 4 bytes cannot hold."""
    run = Run(config=dict(lr=0.1, name="é", ratio={"head": [0.1]}), seed=3, status="diverged", diverged_at=12)
    run.t, run.lr, run.momentum = list(range(1, 13)), [0.005 / k for k in range(1, 13)], [0.9] * 12
    run.loss_log = [2.3 - 0.01 * k for k in range(10)] + [math.inf, math.nan]
    run.val, run.test = [(6, 1 / 3, 0.3), (12, math.nan, 0.1)], (math.nan, 0.1)
    return run


def writers() -> dict:
    """The functions `to_...` of the lesson's cells."""
    cells = json.loads(lesson("10.2.4").path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names = dict(vars(trackers))
    for source in sources:
        for node in ast.parse(source).body if "def to_" in source else []:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("to_"):
                exec(ast.unparse(node), names)
    return names


def there_and_back(name: str, folder: Path) -> Run:
    """The sick run, written by the lesson's writer into `folder` and read back."""
    to, run = writers()[f"to_{name}"], sick_run()
    if name == "mlflow":
        uri = "sqlite:///" + (folder / "m.db").as_posix()
        return trackers.from_mlflow(uri, to(run, uri))
    to(run, folder)
    return getattr(trackers, f"from_{name}")(folder)


def same(name: str, folder: Path) -> bool:
    return trackers.same_runs(sick_run(), there_and_back(name, folder), float32=name == "tensorboard")


def test_equal_means_equal():
    assert trackers.same_runs(sick_run(), sick_run())
    for change in (dict(seed=4), dict(status="finished"), dict(loss_log=[0.0] * 12), dict(val=[])):
        other = sick_run()
        vars(other).update(change)
        assert not trackers.same_runs(sick_run(), other)
    other = sick_run()
    other.lr[0] *= 1 + 1e-12
    assert not trackers.same_runs(sick_run(), other) and trackers.same_runs(sick_run(), other, float32=True)


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb", "comet"])
def test_a_run_comes_back_without_a_network(name, tmp_path):
    module = {"comet": "comet_ml"}.get(name, name)
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{TRACKERS[module]} is not installed")
    inside = "import sys; from pathlib import Path; from tests.unit.lessons.l10_2_4.test_trackers import same\n"
    inside += f"assert same({name!r}, Path('store').absolute())"
    offline = ["unshare", "-rn"] if shutil.which("unshare") else []
    if offline and subprocess.run([*offline, "true"], capture_output=True).returncode:
        offline = []  # not allowed here: then only proxies that nobody listens at
    (tmp_path / "store").mkdir()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "WANDB_SILENT": "true", "COMET_LOGGING_CONSOLE": "ERROR"}
    env |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9") | {"DO_NOT_TRACK": "1"}
    command = [*offline, sys.executable, "-c", inside]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]  # nothing beside the folder that was named
