"""Do the lessons run on Colab? `python tests/canary.py [LESSON ...]` plays Colab as far as that can be done.

An environment of its own gets the versions Colab ships (torch is borrowed from the running Python), an empty
folder gets one lesson and nothing else, COURSE_REPO points to this repository, and the lesson runs in that
environment's kernel. It sees only what is committed, because it clones the repository.

With ipykernel 6, as on Colab, messages of widgets are handled only between cells: a cell that waits for a
click would wait for ever, and fails here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from course_utils.authoring.notebook_rules import code_cells, no_errors  # noqa: E402
from course_utils.authoring.template import WIDGET_VIEW  # noqa: E402
from course_utils.contents import LESSONS, lesson  # noqa: E402

# module -> (distribution, the version on Colab)
COLAB = {
    "ipywidgets": ("ipywidgets", "7.7.1"),
    "ipykernel": ("ipykernel", "6.17.1"),
    "IPython": ("ipython", "7.34.0"),
    "matplotlib": ("matplotlib", "3.10.0"),
    "traitlets": ("traitlets", "5.7.1"),
    "jupyter_client": ("jupyter-client", "7.4.9"),
}
CELL_MINUTES = 5
AT_ONCE = 2  # lessons that run side by side
PASSED_ON = ("COURSE_CIFAR10", "COURSE_SCALE", "COURSE_THREADS")


def make_environment(folder: Path) -> Path:
    """An environment with Colab's versions; torch comes last on its path. Returns the path of its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pins = [f"{name}=={version}" for name, version in COLAB.values()]
    subprocess.run(
        [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *pins, "setuptools<81"], check=True
    )  # IPython 7 imports pkg_resources
    import torch

    # A .pth file adds to the end of sys.path: whatever is installed here wins over the borrowed folder.
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    packages = Path(subprocess.check_output([python, "-c", ask], text=True).strip())
    (packages / "borrowed-torch.pth").write_text(str(Path(torch.__file__).parent.parent) + "\n")
    return python


def add_kernel(python: Path, home: Path) -> None:
    """Make the environment known to Jupyter as the kernel "canary"."""
    folder = home / "share" / "kernels" / "canary"
    folder.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "canary", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    os.environ["JUPYTER_PATH"] = str(home / "share")


def lesson_environment(home: Path) -> dict[str, str]:
    """The variables a lesson runs with: of this shell's own settings only the place of CIFAR-10, scale and threads."""
    env = {
        key: value for key, value in os.environ.items() if key in PASSED_ON or not key.startswith(("COURSE_", "PYTHON"))
    }
    return {
        **env,
        "COURSE_REPO": str(ROOT),
        "COURSE_OFFLINE": "1",
        "COURSE_DEVICE": "cpu",
        "IPYTHONDIR": str(home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # the folder that is cloned may belong to somebody else
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }


def run(nb, folder: Path, env: dict[str, str]) -> dict:
    """Run a notebook in place, in the kernel "canary"; returns the widget models it made."""
    for cell in code_cells(nb):
        cell.outputs, cell.execution_count = [], None
    versions = {module: version for module, (_, version) in COLAB.items()}
    nb.cells.append(
        nbformat.v4.new_code_cell(
            f"assert {{name: __import__(name).__version__ for name in {list(versions)}}} == {versions}"
        )
    )
    client = NotebookClient(
        nb,
        timeout=60 * CELL_MINUTES,
        kernel_name="canary",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=env)
    return client.widget_state


def faults(nb, folder: Path, models: dict) -> list[str]:
    """What went wrong in an executed notebook, in words."""
    wrong = list(no_errors(nb))
    if not (folder / "course" / "course_utils").is_dir():
        wrong.append("the lesson did not fetch the course")
    views = [
        output["data"][WIDGET_VIEW]["model_id"]
        for cell in code_cells(nb)
        for output in cell.outputs
        if WIDGET_VIEW in output.get("data", {})
    ]
    if not views:
        wrong.append("no widget was shown")
    wrong += [f"the model of the shown widget {view} never arrived" for view in views if view not in models]
    controls = {
        model["_model_module_version"]
        for model in models.values()
        if model["_model_module"] == "@jupyter-widgets/controls"
    }
    if controls - {"1.5.0"}:
        wrong.append(f"widgets of version {controls}; ipywidgets 7 has 1.5.0")
    return wrong


def try_lesson(entry, home: Path) -> bool:
    """Run one lesson alone in an empty folder and say how it went; returns whether it passed."""
    begin = time.perf_counter()
    folder = home / f"alone-{entry.path.stem}"
    folder.mkdir()
    shutil.copy(entry.path, folder)
    nb = nbformat.read(folder / entry.path.name, as_version=4)
    try:
        wrong = faults(nb, folder, run(nb, folder, lesson_environment(home)))
    except (CellTimeoutError, DeadKernelError) as error:
        wrong = [f"{type(error).__name__}: {error}"]
    verdict = "FAILED\n  " + "\n  ".join(wrong) if wrong else "passed"
    print(f"Canary, {entry}, {time.perf_counter() - begin:.0f} s: {verdict}", flush=True)
    return not wrong


def main(numbers: list[str]) -> int:
    """Run the lessons with these numbers, or all that exist; returns the exit status."""
    entries = [lesson(number) for number in numbers] or [entry for entry in LESSONS if entry.available]
    with tempfile.TemporaryDirectory(prefix="colab-canary-") as name:
        home = Path(name)
        add_kernel(make_environment(home / "environment"), home)
        print("Canary with " + ", ".join(f"{name} {version}" for name, version in COLAB.values()), flush=True)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            failed = list(pool.map(lambda entry: try_lesson(entry, home), entries)).count(False)
    print(f"{len(entries) - failed} passed, {failed} failed")
    return 1 if failed or not entries else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
