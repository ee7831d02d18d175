"""course.py's small decisions: which Python, which port, is the environment whole, what pip is saying."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import course
from course_utils import contents as lesson
from course_utils.contents import LESSONS, PACKAGES

ROOT = Path(course.ROOT)
IMPORTED = """\
Obtaining file:///home/someone/course (from -r requirements.txt (line 9))
Collecting torch>=2.2 (from -r requirements.txt (line 3))
  Downloading torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl (850.2 MB)
Requirement already satisfied: numpy in ./.venv/lib (2.3.1)
Collecting Torch>=2.2
  Using cached matplotlib-3.10.0-cp311.whl.metadata (11 kB)
WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'
Installing collected packages: torch, numpy, matplotlib
Successfully installed matplotlib-3.10.0 torch-2.9.0
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course folder of its own, with an environment that looks whole but is not stamped."""
    (tmp_path / "requirements.txt").write_text("torch>=2.2\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.ruff]\nline-length = 110\n")
    monkeypatch.setattr(course, "ROOT", str(tmp_path))
    monkeypatch.setattr(course, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(course, "STAMP", str(tmp_path / ".venv" / "course-stamp.txt"))
    python = Path(course.in_venv("python"))
    python.parent.mkdir(parents=True)
    python.write_text("")
    return tmp_path


def stamp(folder):
    Path(course.STAMP).write_text(course.fingerprint())


def test_a_new_python_is_taken_and_an_old_one_is_named():
    assert course.find_python((3, 10, 0)) == [sys.executable]
    assert course.find_python((3, 8, 18), [["no-such-python"], [sys.executable]]) == [sys.executable]
    with pytest.raises(course.Problem, match=r"Needs Python >= 3\.10, found 3\.8\.18"):
        course.find_python((3, 8, 18), [["no-such-python"]])


def test_course_py_has_no_syntax_that_an_old_python_cannot_read():
    import ast

    ast.parse((ROOT / "course.py").read_text(), feature_version=(3, 6))


def test_the_stamp_follows_the_requirements_but_not_the_settings_of_tools(folder):
    assert not course.is_ready()
    stamp(folder)
    assert course.is_ready()
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace("110", "100"))
    assert course.is_ready()
    (folder / "pyproject.toml").write_text(text.replace("'x'", "'y'"))
    assert not course.is_ready()
    stamp(folder)
    (folder / "requirements.txt").write_text("torch>=2.3\n")
    assert not course.is_ready()


def test_an_environment_without_python_is_not_ready(folder):
    stamp(folder)
    os.remove(course.in_venv("python"))
    assert not course.is_ready()


def test_a_moved_folder_is_installed_again(folder, monkeypatch):
    stamp(folder)
    monkeypatch.setattr(course, "ROOT", str(folder / "..") + "/" + folder.name)
    assert not course.is_ready()


def test_pip_progress_says_what_pip_does():
    progress = course.PipProgress()
    phrases = [progress.read(line) for line in IMPORTED.splitlines()]
    assert phrases == [
        "starting pip",
        "looking up torch (1 packages so far)",
        "getting torch-2.9.0, 850.2 MB",
        "looking up numpy (2 packages so far)",
        "looking up Torch (2 packages so far)",
        "getting matplotlib-3.10.0, 11 kB",
        "no answer from the package server, trying again",
        "installing 3 packages",
        "installed",
    ]


@pytest.mark.parametrize(
    "output, status, reason",
    [
        (
            "WARNING: Retrying ... connection broken: [Errno -3] Temporary failure in name resolution\n"
            "ERROR: No matching distribution found for torch>=2.2",
            1,
            "No connection",
        ),
        ("ERROR: Could not install due to an OSError: [Errno 28] No space left on device", 1, "disk is full"),
        ("ERROR: No matching distribution found for torch>=2.2", 1, r"no torch>=2\.2 for this Python"),
        ("ERROR: Could not install: [Errno 13] Permission denied: 'x'", 1, "cannot be written"),
        ("ssl.SSLError: CERTIFICATE_VERIFY_FAILED ... Max retries exceeded", 1, "certificate"),
        ("Collecting torch", -9, "killed"),
        ("Collecting torch\nERROR: something new", 1, "something new"),
        ("", 3, "exit status 3"),
    ],
)
def test_a_failed_installation_has_a_reason_and_a_way_out(output, status, reason):
    problem = course.classify(output, status)
    assert re.search(reason, problem.reason) and "\n" not in problem.reason
    assert problem.way_out


def test_ports():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not course.port_is_free(port)
        assert course.choose_port(None, first=port) > port
        with pytest.raises(course.Problem, match=f"Port {port} is busy") as caught:
            course.choose_port(port)
        offered = int(re.search(r"--port (\d+)", caught.value.way_out).group(1))
        assert course.port_is_free(offered)
    for wrong in (0, -1, 65536):
        with pytest.raises(course.Problem, match="is not a port"):
            course.choose_port(wrong)


def test_tests_cannot_reach_progress_data_or_network(tmp_path):
    env = course.test_environment(str(tmp_path), base={"PATH": "x", "COURSE_PROGRESS": "mine"})
    assert env["COURSE_OFFLINE"] == "1" and env["COURSE_THREADS"] == "1" and env["PATH"] == "x"
    for name in ("COURSE_PROGRESS", "COURSE_DATA", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        assert env[name].startswith(str(tmp_path))
    assert "MPLBACKEND" not in env and "COURSE_CIFAR10" not in env


@pytest.fixture
def calls(monkeypatch):
    """What `course.py test` would run: (paths, rest of the command, variables) of each pytest; the second one fails."""
    commands = []

    def call(command, env, **_):
        paths = [word for word in command[3:] if word.startswith(("tests/unit", "tests/f", "tests/b", "notebooks"))]
        commands.append((paths, command, env))
        return 1 if len(commands) == 2 else 0

    monkeypatch.setattr(course, "ensure_environment", lambda: None)
    monkeypatch.setattr(course, "browser_tests", lambda: (["tests/browser"], "included"))
    monkeypatch.setattr(course.subprocess, "call", call)
    monkeypatch.delenv("COURSE_CIFAR10", raising=False)
    monkeypatch.delenv("COURSE_SCALE", raising=False)
    return commands


def test_the_test_command_runs_each_part_in_a_process_of_its_own(calls, capsys):
    assert course.main(["test", "-x"]) == 1, "one part that fails fails the whole"
    assert [paths for paths, *_ in calls] == [["tests/unit", "tests/faults"], ["notebooks"], ["tests/browser"]]
    assert all(command[-1] == "-x" for _, command, _ in calls)
    units, lessons, browser = calls
    assert {"--nbval", "--nbval-current-env", "loadfile"} <= set(lessons[1]) and lessons[2]["COURSE_SCALE"] == "tiny"
    assert browser[1][browser[1].index("-n") + 1] == "0" and "COURSE_SCALE" not in units[2]
    assert re.search(r"min  lessons on stand-in images: FAILED \(exit status 1\)", capsys.readouterr().out)


def test_with_cifar10_lessons_are_compared_at_their_own_size(calls, monkeypatch):
    monkeypatch.setenv("COURSE_CIFAR10", "somewhere")
    course.main(["test"])
    assert "--nbval" in calls[1][1] and "COURSE_SCALE" not in calls[1][2]


def test_nothing_chosen_is_no_success(calls, monkeypatch):
    monkeypatch.setattr(course.subprocess, "call", lambda *_, **__: 5)
    assert course.main(["test", "-k", "no_such_test"]) == 5


def test_paths_that_are_named_are_all_that_is_tested(calls):
    assert course.main(["test", "tests/unit/test_course_py.py::test_ports", "-x"]) == 0
    ((paths, command, _),) = calls
    assert paths == ["tests/unit/test_course_py.py::test_ports"] and command[-1] == "-x"


def test_a_lesson_that_is_not_there_is_named_with_those_that_are(folder):
    (folder / "notebooks").mkdir()
    for name in ("00_start_here.ipynb", "10.1.1_a.ipynb", "10.1.10_b.ipynb"):
        (folder / "notebooks" / name).write_text("{}")
    assert course.lesson_file("10.1.1") == "notebooks/10.1.1_a.ipynb"
    with pytest.raises(course.Problem, match=r"no lesson 10\.9") as caught:
        course.lesson_file("10.9")
    assert all(number in caught.value.way_out for number in ("00", "10.1.1", "10.1.10"))


def test_the_machine_report_names_what_is_missing(monkeypatch, tmp_path):
    from course_utils import machine

    name, versions, way_out = machine.packages(("pytest", "no-such-package"))
    assert "pytest" in versions and "no-such-package" in way_out
    monkeypatch.setenv("COURSE_CIFAR10", str(tmp_path / "nowhere"))
    assert "correct the path" in machine.data()[2]
    monkeypatch.setenv("COURSE_DEVICE", "abacus")
    assert "abacus" in machine.compute()[0][2]


def test_the_set_up_cell_starts_a_lesson_without_torch_and_prints_one_line():
    code = (
        "from course_utils.contents import start; start('10.1.1'); "
        "import sys, json; print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    first, modules = done.stdout.splitlines()
    assert first == "Lesson 10.1.1 Choosing a learning rate is ready."
    assert not {"torch", "matplotlib", "numpy"} & set(json.loads(modules))
    assert done.stderr == ""


def test_a_lesson_names_the_package_it_misses_and_the_line_that_installs_it(monkeypatch):
    find_spec = lesson.find_spec
    monkeypatch.setattr(lesson, "find_spec", lambda module: None if module == "optuna" else find_spec(module))
    monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", "1")  # start() sets it
    with pytest.raises(ModuleNotFoundError, match="Lesson 10.2.2 Random search needs optuna.*%pip install optuna$"):
        lesson.start("10.2.2")
    lesson.start("10.1.1")  # needs nothing of the kind


def test_all_that_lessons_need_is_installed_by_the_requirements():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {line.split(">=")[0] for line in lines}
    assert set(PACKAGES.values()) <= required
    assert all(set(entry.needs) <= set(PACKAGES) for entry in LESSONS)
