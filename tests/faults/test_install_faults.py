"""course.py when the world does not cooperate: every fault is named in a line, the next start repairs it.

pip is played by a small script that reads from a file how it shall fail; nothing is downloaded.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

import course

SOURCE = Path(course.ROOT)
FAKE_PYTHON = """\
#!{python} -S
import os, sys, time
home = {home!r}
arguments = sys.argv[1:]
if arguments[:1] == ["-c"]:
    print("3 12"); sys.exit()
if arguments[:3] == ["-m", "pip", "--version"]:
    sys.exit(1 if os.path.exists(home + "/no-pip") else 0)
if arguments[:3] == ["-m", "pip", "install"]:
    with open(home + "/calls", "a") as file:
        file.write("install\\n")
    print("Collecting torch>=2.2", flush=True)
    mode = open(home + "/mode").read()
    if mode == "hang":
        with open(home + "/pid", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(60)
    if "-e" in arguments or "-r" in arguments:
        sys.exit("pip would ask the network for setuptools")
    if mode == "killed":
        os.kill(os.getpid(), 9)
    print(mode, flush=True)
    sys.exit(0 if mode == "fine" else 1)
if arguments[1:2] == ["serve"] and os.path.exists(home + "/silent"):
    print("I am thinking", flush=True)
    time.sleep(60)
sys.exit("unexpected: %r" % arguments)
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for pip is a script with a #! line")


@pytest.fixture
def home(tmp_path):
    """A copy of the launcher in a folder of its own, with an environment whose pip does what `mode` says."""
    for name in ("course.py", "requirements.txt", "pyproject.toml"):
        shutil.copy(SOURCE / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start_here.ipynb").write_text("{}")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE_PYTHON.format(python=sys.executable, home=str(tmp_path)))
    python.chmod(0o755)
    return tmp_path


def install(home, mode, code="course.NEEDED_GB = 0; course.ensure_environment()"):
    """Run the installation in a process of its own, with pip behaving as `mode` says."""
    (home / "mode").write_text(mode)
    lines = f"import course, sys; course.start = lambda _: exec({code!r}); sys.exit(course.main(['start']))"
    return subprocess.run([sys.executable, "-c", lines], cwd=home, capture_output=True, text=True, timeout=60)


def calls(home):
    """How often pip was called to install."""
    return len((home / "calls").read_text().split()) if (home / "calls").exists() else 0


@pytest.mark.parametrize(
    "mode, reason",
    [
        ("Failed to establish a new connection: [Errno -2] Name or service not known", "No connection"),
        ("ERROR: Could not install due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("killed", "The installation was killed"),
        ("ERROR: a fault nobody foresaw", "a fault nobody foresaw"),
    ],
)
def test_a_failed_installation_is_named_and_the_next_one_repairs_it(home, mode, reason):
    failed = install(home, mode)
    assert failed.returncode == 1
    lines = failed.stderr.strip().splitlines()
    assert reason in lines[0] and lines[1].startswith("  -> ") and len(lines) == 2
    assert "Traceback" not in failed.stderr
    assert not (home / ".venv" / "course-stamp.txt").exists()
    assert install(home, "fine").returncode == 0
    assert calls(home) == 2
    assert install(home, "must not run").returncode == 0, "a whole environment is installed again"
    assert calls(home) == 2


def test_changed_requirements_are_installed_and_a_failure_leaves_no_old_stamp(home):
    assert install(home, "fine").returncode == 0
    (home / "requirements.txt").write_text("torch>=2.3\n")
    assert install(home, "ERROR: broken").returncode == 1
    assert not (home / ".venv" / "course-stamp.txt").exists()
    assert install(home, "fine").returncode == 0 and calls(home) == 3


def test_a_package_whose_installation_broke_off_is_not_taken_for_whole(home):
    packages = home / ".venv" / "lib" / "site-packages"
    left = {"torch-2.9.dist-info": ["METADATA"], "numpy-2.3.dist-info": ["METADATA", "RECORD"]}
    for name, files in left.items():
        (packages / name).mkdir(parents=True)
        for file in files:
            (packages / name / file).write_text("")
    assert install(home, "fine").returncode == 0
    assert sorted(os.listdir(packages)) == ["course.pth", "numpy-2.3.dist-info"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_installation_ends_pip_and_is_repaired(home, how):
    (home / "mode").write_text("hang")
    starting = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import course, sys; course.NEEDED_GB = 0; sys.exit(course.main(['start', '--no-browser']))",
        ],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid_file = home / "pid"
    end = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < end:
        time.sleep(0.02)
    pip = int(pid_file.read_text())
    starting.send_signal(how)
    try:
        _, errors = starting.communicate(timeout=20)
    finally:
        if how == signal.SIGKILL:
            os.kill(pip, signal.SIGKILL)  # nobody can clean up after kill -9; the repair is what counts
    assert starting.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[how]
    assert "Traceback" not in errors
    if how != signal.SIGKILL:
        with pytest.raises(ProcessLookupError):
            os.kill(pip, 0)
    assert install(home, "fine").returncode == 0
    assert (home / ".venv" / "course-stamp.txt").exists()


def program(path, lines):
    """A small shell script at `path`."""
    path.write_text("#!/bin/sh\n" + lines + "\n")
    path.chmod(0o755)
    return [str(path)]


def test_an_environment_is_made_anew_only_when_it_has_no_pip(home, monkeypatch):
    monkeypatch.setattr(course, "VENV", str(home / ".venv"))
    maker = program(home / "maker", f'echo "$@" > {home}/made')
    course.make_venv(maker)
    assert not (home / "made").exists()
    (home / "no-pip").write_text("")
    course.make_venv(maker)
    assert (home / "made").read_text() == f"-m venv --clear {home}/.venv\n"


@pytest.mark.parametrize(
    "output, reason, way_out",
    [
        (
            "The virtual environment was not created successfully because ensurepip is not available.",
            "cannot make environments",
            "python3-venv",
        ),
        ("Error: [Errno 28] No space left on device", "The disk is full", "Free about"),
        ("Error: [Errno 30] Read-only file system: '.venv'", "cannot be written", "Copy the course"),
    ],
)
def test_a_python_that_cannot_make_environments(home, monkeypatch, tmp_path, output, reason, way_out):
    monkeypatch.setattr(course, "VENV", str(tmp_path / "elsewhere"))
    with pytest.raises(course.Problem) as caught:
        course.make_venv(program(tmp_path / "maker", f'echo "{output}"; exit 1'))
    assert reason in caught.value.reason and way_out in caught.value.way_out


def test_a_full_disk_is_named_before_anything_is_downloaded(home):
    done = install(home, "fine", "course.NEEDED_GB = 10**9; course.ensure_environment()")
    assert done.returncode == 1 and "Not enough disk space" in done.stderr and calls(home) == 0


def test_what_is_installed_already_counts_as_room(home, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage(0, 0, 10))
    monkeypatch.setattr(course, "ROOT", str(home))
    monkeypatch.setattr(course, "VENV", str(home / ".venv"))
    monkeypatch.setattr(course, "NEEDED_GB", 1e-3)
    with pytest.raises(course.Problem, match="disk space"):
        course.check_room()
    (home / ".venv" / "torch").write_bytes(b"0" * 1_000_000)
    course.check_room()


def test_a_read_only_folder_is_named(home, monkeypatch):
    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(course.tempfile, "TemporaryFile", refuse)  # permissions do not stop root
    with pytest.raises(course.Problem, match="cannot be written.*Read-only") as caught:
        course.check_room()
    assert "Copy the course" in caught.value.way_out


def test_a_busy_port_is_named_before_the_installation(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (home / "mode").write_text("must not run")
        done = subprocess.run(
            [sys.executable, "course.py", "start", "--no-browser", "--port", str(port)],
            cwd=home,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1 and f"Port {port} is busy" in done.stderr and "--port" in done.stderr
    assert calls(home) == 0


def test_a_server_that_dies_is_named_with_its_last_words(home):
    assert install(home, "fine").returncode == 0
    done = subprocess.run(
        [sys.executable, "course.py", "start", "--no-browser"], cwd=home, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "JupyterLab did not start" in done.stderr and "unexpected" in done.stderr
    assert "course.py doctor looks for broken packages" in done.stderr


def test_a_server_that_does_not_answer_is_not_waited_for_in_silence(home):
    assert install(home, "fine").returncode == 0
    (home / "silent").touch()
    code = "import course, sys; course.PATIENCE = 0.2; sys.exit(course.main(['start', '--no-browser']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "No answer yet from JupyterLab" in done.stdout and "I am thinking" in done.stdout
    assert "did not answer within" in done.stderr and re.search(r"The log is .*jupyter-\d+\.log", done.stderr)


def test_the_users_own_pip_settings_install_nothing_elsewhere(home, monkeypatch):
    """PIP_TARGET, say: the environment stayed empty, and was stamped as whole."""
    names = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER")
    for name in names:
        monkeypatch.setenv(name, "1")
    code = f"import os; print([os.environ.get(name) for name in {names}])"
    assert course.run_pip([sys.executable, "-c", code])[1] == "[None, None, None, '0']\n"


def test_a_comment_needs_no_installation_and_old_requirements_come_back_without_a_network(home):
    """Any change removed the stamp, and without a network the working environment could not be used any more."""
    assert install(home, "fine").returncode == 0
    text = (home / "requirements.txt").read_text()
    (home / "requirements.txt").write_text("# a remark\n" + text)
    assert install(home, "must not run").returncode == 0 and calls(home) == 1
    (home / "requirements.txt").write_text(text + "no-such-package\n")
    assert install(home, "Failed to establish a new connection: [Errno -2]").returncode == 1
    (home / "requirements.txt").write_text(text)
    assert install(home, "fine").returncode == 0  # pip has all it needs; `-e .` would ask for setuptools


def test_a_real_environment_finds_the_course_also_when_both_were_moved(tmp_path, monkeypatch):
    """Python's own venv, put together without pip: what is left to the .pth file."""
    home = tmp_path / "h\u00f6me"
    (home / "course_utils").mkdir(parents=True)
    (home / "course_utils" / "__init__.py").write_text("")
    (home / "requirements.txt").write_text("torch\n-e .\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / ".venv"], check=True)
    for name, value in (("ROOT", home), ("VENV", home / ".venv"), ("STAMP", home / ".venv" / "course-stamp.txt")):
        monkeypatch.setattr(course, name, str(value))
    monkeypatch.setattr(course, "make_venv", lambda python: None)
    monkeypatch.setattr(course, "run_pip", lambda command: (0, ""))
    course.install([sys.executable])
    moved = home.rename(tmp_path / "moved")
    python, code = moved / ".venv" / "bin" / "python", "import course_utils; print(course_utils.__file__)"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([python, "-c", code], cwd="/", env=env, capture_output=True, text=True, check=True)
    assert os.path.samefile(done.stdout.strip(), moved / "course_utils" / "__init__.py")


def test_an_old_python_is_told_so_without_a_traceback(home):
    code = (
        "import sys; sys.version_info = (3, 8, 18, 'final', 0); import course; course.shutil.which = "
        "lambda name: None; sys.exit(course.main(['start', '--no-browser']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Needs Python >= 3.10, found 3.8.18" in done.stderr and "Traceback" not in done.stderr
    assert calls(home) == 0
