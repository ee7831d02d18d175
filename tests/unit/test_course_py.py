"""course.py's small decisions: which Python, which port, is the environment whole, what pip is saying."""

import errno
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import course
from course_utils import contents as lesson
from course_utils import machine
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


def test_the_stamp_follows_the_requirements_but_not_comments(folder):
    assert not course.is_ready()
    stamp(folder)
    assert course.is_ready()
    (folder / "requirements.txt").write_bytes(b"# na\xefve words\n\ntorch>=2.2  # the library\n-e .\n")
    assert course.requirements() == ["torch>=2.2"] and course.is_ready()
    (folder / "requirements.txt").write_text("torch>=2.3\n")
    assert not course.is_ready()


@pytest.mark.parametrize("content", [b"\xff", b"", b"x" * 100_000, None])
def test_a_foreign_stamp_is_none(folder, content):
    if content is None:
        Path(course.STAMP).mkdir()
    else:
        Path(course.STAMP).write_bytes(content)
    assert not course.is_ready()


def test_an_environment_without_python_is_not_ready(folder):
    stamp(folder)
    os.remove(course.in_venv("python"))
    assert not course.is_ready()


def test_a_moved_folder_needs_no_installation(folder, monkeypatch):
    """It was installed again, which needs a network; without one the course could not be used any more."""
    packages = Path(course.VENV) / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    stamp(folder)
    assert not course.is_ready(), "the course is not on the path"
    monkeypatch.setattr(course, "make_venv", lambda python: None)
    monkeypatch.setattr(course, "run_pip", lambda command: (0, ""))
    course.install(["python3"])
    assert course.is_ready()
    path = (packages / "course.pth").read_text()
    assert not os.path.isabs(path) and os.path.samefile(packages / path, folder)
    moved = folder.rename(folder.with_name("moved"))
    for name, value in (("ROOT", moved), ("VENV", moved / ".venv"), ("STAMP", moved / ".venv" / "course-stamp.txt")):
        monkeypatch.setattr(course, name, str(value))
    assert course.is_ready()


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
    assert env["COURSE_DEVICE"] == "cpu" and env["CUDA_VISIBLE_DEVICES"] == ""
    for name in ("COURSE_PROGRESS", "COURSE_DATA", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"):
        assert env[name].startswith(str(tmp_path))
    assert "MPLBACKEND" not in env and "COURSE_CIFAR10" not in env


def test_whatever_the_shell_says_tests_run_on_the_cpu_at_their_own_scale(tmp_path):
    shell = {f"COURSE_{name}": "mine" for name in ("SCALE", "DTYPE", "DEVICE", "REPO", "CIFAR10", "TEST_LONG", "STUDY")}
    env = course.test_environment(str(tmp_path), base=shell)
    assert env["COURSE_DEVICE"] == "cpu" and env["COURSE_CIFAR10"] == env["COURSE_TEST_LONG"] == "mine"
    assert not {"COURSE_SCALE", "COURSE_DTYPE", "COURSE_REPO", "COURSE_STUDY"} & set(env)


@pytest.mark.parametrize("asked, scale", [("full", None), ("desk", None), ("tiny", "tiny"), (None, None)])
def test_only_the_tiny_scale_can_be_asked_for_and_only_by_path(calls, monkeypatch, asked, scale):
    if asked:
        monkeypatch.setenv("COURSE_SCALE", asked)
    course.main(["test", "notebooks"])
    assert calls[0][2].get("COURSE_SCALE") == scale
    course.main(["test"])
    assert ["COURSE_SCALE" in variables for _, _, variables in calls[1:]] == [False, True, False]


def test_a_relative_path_is_meant_where_it_is_typed(calls, monkeypatch, tmp_path):
    (tmp_path / "my.tar.xz").touch()
    monkeypatch.chdir(tmp_path)
    for name in course.PATHS:
        monkeypatch.setenv(name, "my.tar.xz" if name == "COURSE_CIFAR10" else "~nosuchuser/x")
    course.main(["test"])
    assert calls[0][2]["COURSE_CIFAR10"] == str(tmp_path / "my.tar.xz")
    assert os.environ["COURSE_DATA"] == str(tmp_path / "~nosuchuser" / "x")


def test_the_home_of_another_python_is_not_handed_on(monkeypatch, capsys):
    monkeypatch.setenv("PYTHONHOME", "elsewhere")
    assert course.main([]) == 2 and "PYTHONHOME" not in os.environ


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_words_that_a_terminal_cannot_show_are_shown_all_the_same(folder, encoding):
    code = "import course, sys; course.doctor = lambda args: print('C:/\u5b66') or 0; sys.exit(course.main(['doctor']))"
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "C:/\\u5b66\n"


def test_a_folder_where_a_file_should_be_is_named_without_a_traceback(folder, monkeypatch, capsys):
    assert course.main(["start"]) == 1  # notebooks/ is missing
    assert re.search("notebooks.*\n  -> Get the course anew", capsys.readouterr().err)
    Path(course.STAMP).mkdir()
    monkeypatch.setattr(course, "make_venv", lambda python: None)
    monkeypatch.setattr(course, "check_room", lambda: None)
    monkeypatch.setattr(course, "test_parts", lambda *args: pytest.fail("not ready"))
    assert course.main(["test"]) == 1
    assert re.search("course-stamp.txt.*\n  -> .*if it lies in .venv", capsys.readouterr().err)


@pytest.mark.parametrize("said", ["", "hello", "\\xff", "[1, 2]", "{}", "3", "null", '[["a"]]'])
def test_an_environment_that_talks_nonsense_is_broken(folder, capsys, said):
    if os.name == "nt":
        pytest.skip("a script with a #! line")
    python = Path(course.in_venv("python"))
    python.write_text(f"#!/bin/sh\nprintf '{said}\\n'\n")
    python.chmod(0o755)
    stamp(folder)
    assert course.main(["doctor"]) == 1
    assert ".venv is broken" in capsys.readouterr().out


LOCK = """
import sys, time
import course
course.ROOT = sys.argv[1]
with course.alone():
    print("inside", flush=True)
    input()
"""


@pytest.mark.parametrize("end", ["let go", "killed"])
def test_two_starts_at_once_install_one_after_the_other(tmp_path, end):
    """Three of four such pairs broke each other's environment."""
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with (
        subprocess.Popen([sys.executable, "-c", LOCK, str(tmp_path)], **pipes) as first,
        subprocess.Popen([sys.executable, "-c", LOCK, str(tmp_path)], **pipes) as second,
    ):
        both = {first.stdout: first, second.stdout: second}
        lines = {process: process.stdout.readline() for process in both.values()}
        holder = next(process for process, line in lines.items() if line == "inside\n")
        waiter = second if holder is first else first
        assert "Another course.py is installing here" in lines[waiter]
        if end == "killed":
            holder.kill()
        else:
            holder.stdin.write("\n")
            holder.stdin.flush()
        assert waiter.stdout.readline() == "inside\n"
        waiter.communicate("\n")


def test_what_waited_for_another_installation_installs_nothing(folder, monkeypatch):
    monkeypatch.setattr(course, "check_room", lambda: None)
    monkeypatch.setattr(course, "install", lambda python: pytest.fail("installed twice"))
    locked = iter([False, True])

    def is_locked(file):
        stamp(folder)  # the other is done
        return next(locked)

    monkeypatch.setattr(course, "is_locked", is_locked)
    monkeypatch.setattr(course.time, "sleep", lambda seconds: None)
    course.ensure_environment()


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


BROKEN = {"1 / 0": "ZeroDivisionError", "def f(:": "SyntaxError", "import sys; sys.exit(3)": "SystemExit: 3"}


@pytest.mark.parametrize("code", BROKEN)
def test_the_machine_report_imports_what_it_vouches_for(monkeypatch, tmp_path, code):
    """With the folder of a package deleted, or half of it written, all was well: only its metadata was read."""
    (tmp_path / "half_a_package.py").write_text(code)
    made_up = tmp_path / "half_a_package-2.5.dist-info"
    made_up.mkdir()
    (made_up / "METADATA").write_text("Metadata-Version: 2.1\nName: half-a-package\nVersion: 2.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    _, versions, way_out = machine.packages(("pytest", "pytest-xdist", "half-a-package", "no-such-package"))
    assert re.fullmatch(r"pytest \S+, pytest-xdist \S+", versions)
    assert BROKEN[code] in way_out and "no_such_package" in way_out
    assert way_out.endswith("-m pip install --force-reinstall --no-deps half-a-package==2.5 no-such-package")


def test_the_machine_report_tries_what_it_names(monkeypatch, tmp_path):
    (tmp_path / "junk.tar.xz").write_text("junk")
    for name, said in (("nowhere", "nothing at this path"), ("junk.tar.xz", "not an archive")):
        monkeypatch.setenv("COURSE_CIFAR10", str(tmp_path / name))
        assert said in machine.data()[2]
    monkeypatch.delenv("COURSE_CIFAR10")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    for word, said in (("true", "stand-in"), ("off", "downloads it"), ("maybe", "cannot be used")):
        monkeypatch.setenv("COURSE_OFFLINE", word)
        assert said in machine.data()[1]
    monkeypatch.setenv("COURSE_DEVICE", "abacus")
    assert "abacus" in machine.compute()[0][2]


def test_the_machine_report_names_a_place_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for name, check in (("COURSE_PROGRESS", machine.progress), ("COURSE_DATA", machine.disk)):
        monkeypatch.setenv(name, str(tmp_path / "new" / "folder"))
        assert check()[2] == ""
        monkeypatch.setenv(name, str(tmp_path / "file" / "x" / "y"))
        assert "cannot be written" in check()[1] and name in check()[2]
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    assert "not a regular file" in machine.progress()[1]


def test_the_machine_report_without_torch(monkeypatch):
    for module in ("torch", "course_utils.data.cifar"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delattr("course_utils.data.cifar", raising=False)
    assert "torch" in machine.compute()[0][2] and machine.data()[1] == "cannot be used"


def test_the_machine_report_with_a_torch_that_lacks_a_library(monkeypatch):
    def lacks():
        raise OSError("libcublas.so.12: cannot open shared object file")

    monkeypatch.setattr("course_utils.training.compute.pick", lacks)
    assert "libcublas" in machine.compute()[0][2]


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


@pytest.mark.parametrize("error, free", [(None, True), (13, False), (36, False), (38, True)])
def test_the_lock_of_windows(monkeypatch, tmp_path, error, free):
    """Played: there a lock that is taken is EACCES, or EDEADLOCK after some tries."""

    def locking(fd, mode, count):
        if error:
            raise OSError(errno.EDEADLK if error == 36 else error, "")

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr(course, "os", SimpleNamespace(name="nt"))
    with open(tmp_path / "lock", "ab") as file:
        assert course.is_locked(file) == free


def test_the_teachers_commands_hand_their_paths_over_whole(monkeypatch, tmp_path):
    commands = []
    monkeypatch.setattr(course, "ensure_environment", lambda: None)
    monkeypatch.setattr(course.subprocess, "call", lambda command, cwd: commands.append((command[1:], cwd)) or 3)
    monkeypatch.chdir(tmp_path)
    assert course.main(["report", "class", "--csv", "a.csv", "--jobs", "2"]) == 3
    assert course.main(["book"]) == 3 and course.main(["book", "pages"]) == 3
    place, tail = str(tmp_path / "class"), ["--csv", str(tmp_path / "a.csv"), "--jobs", "2"]
    assert commands[0] == (["-m", "course_utils.authoring.report", place, *tail], course.ROOT)
    assert [command[-1] for command, _ in commands[1:]] == [str(ROOT / "book"), str(tmp_path / "pages")]
