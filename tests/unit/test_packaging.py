"""The package says what it needs, and says it once: pyproject.toml, requirements.txt and the imports agree."""

import ast
import re
import sys
from pathlib import Path

import course_utils

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course_utils"
# module -> the package that brings it, where the names differ; IPython comes with ipywidgets, numpy with scipy, ...
BRINGS = {
    "sklearn": "scikit-learn",
    "PIL": "matplotlib",
    "numpy": "scipy",
    "IPython": "ipywidgets",
    "cycler": "matplotlib",
}
# Imported where it is needed and named there: contributors' tools, and what other packages bring if they need it.
OPTIONAL = {"jupytext", "nbclient", "nbformat", "sqlalchemy", "resource", "tensorboard", "mlflow", "wandb", "comet_ml"}
TRACKERS = {"tensorboard", "mlflow-skinny", "sqlalchemy", "alembic", "wandb", "comet_ml"}  # lesson 10.2.4 tries them
TOOLS = {"jupyterlab", "nbval", "pytest-xdist"} | TRACKERS  # of the learner, not of the package


def listed(text: str) -> set[str]:
    """Requirements such as "torch>=2.2", one a line or in quotes."""
    return set(re.findall(r"[a-z][a-z0-9_-]*>=[\d.]+", text))


def dependencies() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return listed(text.split("dependencies = [")[1].split("]")[0])


def test_requirements_are_the_dependencies_and_the_learners_tools():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = listed("\n".join(line for line in lines if not line.startswith("#")))
    assert {line for line in asked if line.split(">=")[0] not in TOOLS} == dependencies()


def test_every_import_of_the_package_is_brought_by_a_dependency():
    modules = set()
    for path in PACKAGE.rglob("*.py"):
        if "authoring" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    foreign = modules - set(sys.stdlib_module_names) - {"course_utils"} - OPTIONAL
    packages = {line.split(">=")[0] for line in dependencies()}
    assert {module for module in foreign if BRINGS.get(module, module) not in packages} == set()


def test_the_version_is_one():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {course_utils.__version__}\n" in citation
    assert re.search(r"^## (\S+)", changes, re.MULTILINE).group(1) == course_utils.__version__
