#!/usr/bin/env python3
"""Start, test and examine the course. Standard library only; any Python 3 can read it.

python3 course.py start     make the environment on first use, then open lesson 00 in JupyterLab
python3 course.py test      run every test, on the CPU, with no network
python3 course.py doctor    say what this machine has and what is missing
python3 course.py report F  for teachers: judge the notebooks that were handed in, in the folder or zip F
python3 course.py book      all lessons as pages that need no Python: for reading, also on a phone
"""

import argparse
import collections
import contextlib
import errno
import glob
import hashlib
import http.client
import json
import os
import queue
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "course-stamp.txt")
OLDEST = (3, 10)
# PyTorch for Linux brings the libraries for NVIDIA GPUs along; elsewhere it is a tenth of that.
NEEDED_GB = 8 if sys.platform.startswith("linux") else 3
PATIENCE = 30  # seconds until a server that does not answer is spoken of; six times as long, and it is given up
PATHS = ("COURSE_CIFAR10", "COURSE_DATA", "COURSE_PROGRESS")  # variables that name files
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Problem(Exception):
    """Something the learner can put right: `reason` in one line, `way_out` in another."""

    def __init__(self, reason, way_out):
        super().__init__("%s\n  -> %s" % (reason, way_out))
        self.reason, self.way_out = reason, way_out


# ---------------------------------------------------------------- Python and the environment


def dotted(version):
    """(3, 10, 2) -> "3.10.2"."""
    return ".".join(str(part) for part in version)


def python_version(command):
    """(major, minor) of the Python that `command` (a list) starts, or None where it does not start."""
    code = "import sys; print('%d %d' % sys.version_info[:2])"
    try:
        done = subprocess.run(command + ["-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        major, minor = done.stdout.decode().split()
    except (OSError, ValueError):
        return None
    return int(major), int(minor)


def find_python(running=None, candidates=None):
    """The command of a new enough Python: the running one, else one on PATH. Raises Problem if none."""
    running = running or sys.version_info[:3]
    if tuple(running[:2]) >= OLDEST:
        return [sys.executable]
    names = ["python3.%d" % minor for minor in (13, 12, 11, 10, 14)] + ["python3", "python"]
    for command in candidates if candidates is not None else [[name] for name in names] + [["py", "-3"]]:
        if shutil.which(command[0]) and (python_version(command) or (0, 0)) >= OLDEST:
            return command
    raise Problem(
        "Needs Python >= %s, found %s: %s" % (dotted(OLDEST), dotted(running), sys.executable),
        "Install a newer Python (python.org, or your system's package manager) and run this again.",
    )


def in_venv(name):
    """Path of a program in the environment, such as "python"."""
    folder, suffix = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return os.path.join(VENV, folder, name + suffix)


def requirements():
    """What pip has to install, one a line of requirements.txt; the course itself is found by its .pth file."""
    with open(os.path.join(ROOT, "requirements.txt"), "rb") as file:
        lines = file.read().decode(errors="replace").splitlines()
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    return [line for line in lines if line and not line.startswith("-e")]


def fingerprint():
    """What the environment depends on. Neither comments nor the place of the folder count: it may be moved."""
    return hashlib.sha256("\n".join(requirements()).encode()).hexdigest()


def path_files():
    """The .pth file that puts the course on the environment's path, in the folder for it; none in a broken one."""
    folders = glob.glob(os.path.join(glob.escape(VENV), "[Ll]ib", "python3*", "site-packages"))
    folders += glob.glob(os.path.join(glob.escape(VENV), "[Ll]ib", "site-packages"))
    return [os.path.join(folder, "course.pth") for folder in folders]


def is_ready():
    """True when the environment is whole and up to date. The stamp is written last of all."""
    try:
        with open(STAMP, "rb") as file:
            stamped = file.read() == fingerprint().encode()
    except OSError:
        return False
    return stamped and os.path.exists(in_venv("python")) and all(map(os.path.exists, path_files()))


def is_locked(file):
    """Take the lock of an open file, which ends with this process: True, or False where another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # any other error: a system without locks
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


@contextlib.contextmanager
def alone():
    """Inside the block no other course.py installs in this folder; waits for one that does."""
    with open(os.path.join(ROOT, ".course-lock"), "ab") as file:
        if not is_locked(file):
            print("Another course.py is installing here. Waiting until it is done ...", flush=True)
            while not is_locked(file):
                time.sleep(0.2)
        yield


def check_room():
    """Raise Problem when the folder cannot be written or the disk is too full for the installation."""
    try:
        with tempfile.TemporaryFile(dir=ROOT):
            pass
    except OSError as error:
        raise Problem(
            "The folder %s cannot be written (%s)." % (ROOT, error.strerror),
            "Copy the course to a folder of your own and start it there.",
        ) from error
    files = (os.path.join(folder, name) for folder, _, names in os.walk(VENV) for name in names)
    installed = sum(os.lstat(path).st_size for path in files)
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb + installed / 1e9 < NEEDED_GB:
        raise Problem(
            "Not enough disk space: %.1f GB free, about %d GB needed." % (free_gb, NEEDED_GB),
            "Free some space, or move the course to a larger disk, and run this again.",
        )


def make_venv(python):
    """Make .venv, or make it anew where it is broken (an interrupted start leaves one without pip)."""
    if os.path.exists(in_venv("python")) and (python_version([in_venv("python")]) or (0, 0)) >= OLDEST:
        if (
            subprocess.run(
                [in_venv("python"), "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ).returncode
            == 0
        ):
            return
    print("Making the environment .venv ...", flush=True)
    done = subprocess.run(python + ["-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        if "ensurepip" in output or "No module named venv" in output:
            raise Problem(
                "This Python cannot make environments: its venv module is incomplete.",
                "On Debian and Ubuntu: sudo apt install python3-venv; then run this again.",
            )
        raise classify(output, done.returncode)


# ---------------------------------------------------------------- pip: progress and errors


class PipProgress:
    """Sums up pip's output, line by line, in one short phrase."""

    def __init__(self):
        self.packages, self.phrase = set(), "starting pip"

    def read(self, line):
        """Take in one line of pip's output and return what pip is doing now."""
        line = line.strip()
        package = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
        wheel = re.match(r"(?:Downloading|Using cached) (?:\S*/)?([\w.]+-\d[^-\s]*)\S*(?: \((.*)\))?", line)
        if package:
            self.packages.add(package.group(1).lower())
            self.phrase = "looking up %s (%d packages so far)" % (package.group(1), len(self.packages))
        elif wheel:
            self.phrase = "getting " + ", ".join(part for part in wheel.groups() if part)
        elif line.startswith("Installing collected packages:"):
            self.phrase = "installing %d packages" % (line.count(",") + 1)
        elif line.startswith("WARNING: Retrying"):
            self.phrase = "no answer from the package server, trying again"
        elif line.startswith("Successfully installed"):
            self.phrase = "installed"
        return self.phrase


def classify(output, status):
    """The Problem behind a failed installation, from what pip (or venv) printed and its exit status."""
    again = "run the same command again, it goes on from here."
    rules = (
        (
            r"No space left on device|Errno 28|WinError 112|not enough space on the disk",
            "The disk is full.",
            "Free about %d GB, then: %s" % (NEEDED_GB, again),
        ),
        (
            r"Read-only file system|Errno 30|Permission denied|Errno 13|Access is denied",
            "The course's folder (or pip's cache) cannot be written.",
            "Copy the course to a folder of your own and start it there.",
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError",
            "The connection is not trusted (certificate check failed).",
            "Behind a company's proxy pip needs its certificate: set PIP_CERT to the certificate file.",
        ),
        (
            r"[Nn]ame resolution|getaddrinfo failed|nodename nor servname|Name or service not known|"
            r"Network is unreachable|NewConnectionError|ConnectTimeout|Read timed out|Max retries exceeded|"
            r"Connection (?:refused|reset|aborted)|ProxyError|IncompleteRead",
            "No connection to the package server.",
            "Check the network (or the proxy), then " + again,
        ),
        (
            r"No matching distribution found for (\S+)",
            "There is no {0} for this Python and this machine.",
            "Use a 64-bit Python 3.10 to 3.13: python3.12 course.py start",
        ),
    )
    for pattern, reason, way_out in rules:
        match = re.search(pattern, output)
        if match:
            return Problem(reason.format(*match.groups()), way_out)
    if status < 0 or status in (137, 143):
        return Problem("The installation was killed (for lack of memory?).", "To repair it, " + again)
    errors = [line.strip() for line in output.splitlines() if re.match(r"\s*(ERROR|Error|error)\b", line)]
    return Problem(
        "The installation failed: " + (errors[-1] if errors else "exit status %d." % status),
        "The whole output is in %s." % os.path.join(VENV, "install.log"),
    )


def run_pip(command, stream=None):
    """Run pip with a live line of progress. Returns (exit status, output); Ctrl-C ends pip too."""
    stream = stream or sys.stdout
    env = dict(os.environ, PIP_USER="0")  # into the environment, wherever the user's own pip puts things
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        env.pop(name, None)
    pip = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines, output = queue.Queue(), []

    def read_lines():
        for raw in pip.stdout:
            lines.put(raw)
        lines.put(None)

    threading.Thread(target=read_lines, daemon=True).start()
    progress, begin, shown, raw = PipProgress(), time.monotonic(), "", b""
    try:
        while raw is not None:
            try:
                raw = lines.get(timeout=0.5)  # wake up at least twice a second: the clock goes on
                if raw is not None:
                    output.append(raw.decode(errors="replace"))
                    progress.read(output[-1])
            except queue.Empty:
                pass
            seconds = time.monotonic() - begin
            line = "  %d:%02d  %s" % (seconds // 60, seconds % 60, progress.phrase)
            if stream.isatty():
                stream.write("\r" + line[:99].ljust(99))
            elif progress.phrase != shown and not progress.phrase.startswith("looking up"):
                stream.write(line + "\n")
            shown = progress.phrase
            stream.flush()
        return pip.wait(), "".join(output)
    finally:
        if stream.isatty():
            stream.write("\n")
        if pip.poll() is None:
            pip.terminate()
            pip.wait()


def forget_half_installed():
    """Make pip forget packages whose installation broke off: it writes their RECORD last of all."""
    for folder, _, names in os.walk(VENV):
        if folder.endswith(".dist-info") and "RECORD" not in names:
            shutil.rmtree(folder)


def ensure_environment():
    """Make or repair .venv so that it holds everything in requirements.txt; quick when it already does."""
    if is_ready():
        return
    python = find_python()
    check_room()
    with alone():
        if not is_ready():
            install(python)


def install(python):
    """Fill .venv; raises Problem, and the next call goes on from there."""
    make_venv(python)
    if os.path.exists(STAMP):
        os.remove(STAMP)
    forget_half_installed()
    print(
        "Installing the packages of requirements.txt. This happens once and takes some minutes:\n"
        "PyTorch is large, %d GB of disk are needed for a while." % NEEDED_GB,
        flush=True,
    )
    how = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    status, output = run_pip([in_venv("python"), "-m", "pip", "install"] + how + requirements())
    with open(os.path.join(VENV, "install.log"), "w", encoding="utf-8") as file:
        file.write(output)
    if status:
        raise classify(output, status)
    for path in path_files():  # as `pip install -e .` would, which needs a network; relative, so that all may be moved
        with open(path, "w") as file:
            file.write(os.path.relpath(ROOT, os.path.dirname(path)))
    with open(STAMP + ".part", "w") as file:
        file.write(fingerprint())
    os.replace(STAMP + ".part", STAMP)


# ---------------------------------------------------------------- start


def port_is_free(port):
    """True when a server can listen on this port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # there it would allow a port that is taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def choose_port(wanted=None, first=8888):
    """The port asked for, or the first free one from 8888 on. Raises Problem when the asked one is busy."""
    if wanted is not None and not 1 <= wanted <= 65535:
        raise Problem(
            "--port %d is not a port." % wanted, "Ports go from 1 to 65535; without --port a free one is taken."
        )
    if wanted and port_is_free(wanted):
        return wanted
    free = next((port for port in range(wanted or first, 65536) if port_is_free(port)), None)
    if wanted:
        raise Problem(
            "Port %d is busy (another JupyterLab?)." % wanted,
            "Port %s is free: python3 course.py start --port %s" % (free, free),
        )
    return free


def lesson_file(number):
    """The notebook of a lesson, relative to the course's folder. Raises Problem when there is none."""
    names = sorted(name for name in os.listdir(os.path.join(ROOT, "notebooks")) if name.endswith(".ipynb"))
    for name in names:
        if name.startswith(number + "_"):
            return "notebooks/" + name
    raise Problem("There is no lesson %s." % number, "There are: " + ", ".join(name.split("_")[0] for name in names))


def answers(port, token):
    """True when the Jupyter server on this port answers and knows the token."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/api/status", headers={"Authorization": "token " + token})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def last_lines(path, count=5):
    """The last lines of a text file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return "".join(collections.deque(file, count)).strip()


def stop(server):
    """End the server and its kernels; by force if it does not go within ten seconds."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            if os.name == "nt":
                server.kill()
            else:
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def launch(port, token, log_path):
    """A JupyterLab on this port of this machine that answers to this token alone; returns its process.

    No configuration of the user or the system is read: it may move the address, ask for a password, or let others in.
    How JupyterLab looks is still the user's.
    """
    settings = os.path.join(VENV, "jupyter-%d" % port)
    shutil.rmtree(settings, ignore_errors=True)
    os.makedirs(settings, exist_ok=True)
    own = os.path.join(os.environ.get("JUPYTER_CONFIG_DIR") or os.path.expanduser(os.path.join("~", ".jupyter")), "lab")
    env = {
        name: value for name, value in os.environ.items() if name[:7] != "JUPYTER" or name.endswith(("_DIR", "R_PATH"))
    }
    env.setdefault("JUPYTERLAB_SETTINGS_DIR", os.path.join(own, "user-settings"))
    env.setdefault("JUPYTERLAB_WORKSPACES_DIR", os.path.join(own, "workspaces"))
    env.update(JUPYTER_CONFIG_DIR=settings, JUPYTER_TOKEN=token)
    command = [
        in_venv("python"),
        os.path.join(ROOT, "course.py"),
        "serve",
        "--no-browser",
        "--port=%d" % port,
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.root_dir=" + ROOT,
        # No pop-up with news, no search for updates or extensions: quick, also without network.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is often no other user
    # A group of its own: Ctrl-C reaches only this program, which then ends the server in good order.
    group = {"creationflags": 0x200} if os.name == "nt" else {"start_new_session": True}
    with open(log_path, "wb") as log:  # in its own folder: Jupyter reads settings where it is started, too
        return subprocess.Popen(command, cwd=settings, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log, **group)


def serve(arguments):
    """JupyterLab in this process, which is one of the environment: what `start` starts. Ends when stdin does."""
    import runpy

    from jupyter_core import paths

    def end_with_the_parent():  # which may be killed, and then can end nothing
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_the_parent, daemon=True).start()
    paths.SYSTEM_CONFIG_PATH[:] = []
    sys.path[:] = [path for path in sys.path if path != ROOT]  # here a file may bear the name of a library
    sys.argv = ["jupyter-lab"] + arguments
    runpy.run_module("jupyterlab", run_name="__main__")


def is_up(server, port, token, log_path):
    """Wait until the server answers: True. False where another program took its port. Raises Problem for all else."""
    begin, said = time.monotonic(), False
    while not answers(port, token):
        if server.poll() is not None:
            if not port_is_free(port):
                return False
            reason = "JupyterLab did not start: " + last_lines(log_path)
            raise Problem(reason, "python3 course.py doctor looks for broken packages. The log is " + log_path)
        waited = time.monotonic() - begin
        if waited > PATIENCE and not said:
            said = True
            print(
                "No answer yet from JupyterLab. Its log, %s, ends:\n%s" % (log_path, last_lines(log_path)), flush=True
            )
        if waited > 6 * PATIENCE:
            raise Problem("JupyterLab did not answer within %d s." % waited, "The log is " + log_path)
        time.sleep(0.1)
    return True


def start(args):
    """Open a lesson in JupyterLab and stay until Ctrl-C; returns the exit status."""
    page = lesson_file(args.lesson)
    if args.port is not None:
        choose_port(args.port)  # say that it is busy before a long installation
    ensure_environment()
    token, server, up = secrets.token_hex(24), None, False
    try:
        while not up:
            port = choose_port(args.port)
            log_path = os.path.join(VENV, "jupyter-%d.log" % port)  # one for each server that runs
            server = launch(port, token, log_path)
            up = is_up(server, port, token, log_path)
        url = "http://localhost:%d/lab/tree/%s?token=%s" % (port, page, token)
        print("The course is running. Ctrl-C ends it.\n  " + url, flush=True)
        if not args.no_browser:
            webbrowser.open(url)
        status = server.wait()
        raise Problem("JupyterLab ended (exit status %d)." % status, "The log is " + log_path)
    finally:
        if server:
            stop(server)


# ---------------------------------------------------------------- test and doctor


def browser_tests():
    """(paths to test, one line about them): browser tests need a Chromium and two packages of the dev extra."""
    if not any(shutil.which(name) for name in CHROMIUMS):
        return [], "Browser tests left out: no Chromium on this machine."
    code = "import playwright, pytest_rerunfailures"
    if subprocess.run([in_venv("python"), "-c", code], stderr=subprocess.DEVNULL).returncode:
        return [], 'Browser tests left out: playwright is not installed (.venv/bin/pip install -e ".[dev]").'
    return ["tests/browser"], "Browser tests included: Chromium and playwright found."


def test_environment(folder, base=None):
    """Variables that keep tests on the CPU and away from the network, the learner's progress, data and settings."""
    env = dict(os.environ if base is None else base)
    for name in list(env):  # whatever the shell says, but for where CIFAR-10 and what only tests know are found
        if name.startswith("COURSE_") and not name.startswith(("COURSE_CIFAR10", "COURSE_CHROMIUM", "COURSE_TEST")):
            del env[name]
    env.update(
        COURSE_OFFLINE="1",
        COURSE_THREADS="1",
        COURSE_DEVICE="cpu",
        CUDA_VISIBLE_DEVICES="",
        COURSE_PROGRESS=os.path.join(folder, "progress.json"),
        COURSE_DATA=os.path.join(folder, "data"),
        IPYTHONDIR=os.path.join(folder, "ipython"),
        JUPYTER_CONFIG_DIR=os.path.join(folder, "jupyter"),
    )
    return env


def compared(folder, scale):
    """Arguments with which nbval compares what lessons print; at tiny scale it overlooks what only training decides."""
    rules = os.path.join(folder, "nbval_sanitize.cfg")
    with open(rules, "w", encoding="utf-8") as out:
        for name in ["nbval_sanitize.cfg"] + ["nbval_sanitize_tiny.cfg"] * (scale == "tiny"):
            with open(os.path.join(ROOT, "tests", name), encoding="utf-8") as file:
                out.write(file.read() + "\n")
    return ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", rules, "-n", "2", "--dist", "loadfile"]


def test_parts(named, folder):
    """[(title, arguments for pytest, further variables)]: what `test` runs, each part in a process of its own.

    named: paths were given, so that there is one part only. folder: for what the parts need. Without CIFAR-10 trainings
    prove nothing, so lessons then run at their smallest. Browser tests are alone, because two at once disturb each
    other and playwright leaves a running loop; one that was only too slow has a second try.
    """
    tiny = {"COURSE_SCALE": "tiny"}
    if named:  # the one scale that may be asked for
        variables = tiny if os.environ.get("COURSE_SCALE") == "tiny" else {}
        return [("tests", compared(folder, variables.get("COURSE_SCALE")), variables)]
    parts = [("unit tests and faults", ["tests/unit", "tests/faults", "-n", "2", "--dist", "loadfile"], {})]
    if os.environ.get("COURSE_CIFAR10"):
        parts.append(("lessons on CIFAR-10", ["notebooks"] + compared(folder, None), {}))
    else:
        print("COURSE_CIFAR10 is not set: lessons run on stand-in images, at their smallest.")
        parts.append(("lessons on stand-in images", ["notebooks"] + compared(folder, "tiny"), tiny))
    paths, line = browser_tests()
    print(line, flush=True)
    if paths:
        slow = "TimeoutError|not within|did not change|keep in step"
        parts.append(("browser", paths + ["-n", "0", "--reruns", "2", "--only-rerun", slow], {}))
    return parts


def test(args):
    """Run pytest over everything, part by part (or once over the paths given); returns an exit status."""
    ensure_environment()
    named = any(os.path.exists(os.path.join(ROOT, arg.split("::")[0])) for arg in args.pytest)
    statuses, lines = [], []
    with tempfile.TemporaryDirectory() as folder:
        for title, arguments, variables in test_parts(named, folder):
            begin = time.monotonic()
            command = [in_venv("python"), "-m", "pytest"] + arguments + args.pytest
            status = subprocess.call(command, cwd=ROOT, env=dict(test_environment(folder), **variables))
            verdict = {0: "passed", 5: "nothing to test"}.get(status, "FAILED (exit status %d)" % status)
            lines.append("%5.1f min  %s: %s" % ((time.monotonic() - begin) / 60, title, verdict))
            statuses.append(status)
    if not named:
        print("\n".join(lines))
    faults = [status for status in statuses if status not in (0, 5)]  # 5: `-k` chose nothing of a part
    return faults[0] if faults else min(statuses)


def doctor(args):
    """Print what this machine has and what is missing; returns 1 when something has to be done."""
    print("Looking at packages, device and images ...", flush=True)
    report = [("Python", "%s (%s)" % (dotted(sys.version_info[:3]), sys.executable), "")]
    for check in (find_python, check_room):
        try:
            check()
        except Problem as problem:
            report.append(("Problem", problem.reason, problem.way_out))
    if is_ready():
        command = [in_venv("python"), "-m", "course_utils.machine"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            lines = json.loads(done.stdout.decode().split("\n")[-2])
            report += [(name, value, way_out) for name, value, way_out in lines or [()]]
        except (ValueError, TypeError, IndexError):
            said = (done.stderr or done.stdout).decode(errors="replace").strip().split("\n")[-1]
            way_out = "Delete the folder .venv and run: python3 course.py start"
            report.append(("Environment", ".venv is broken: " + said, way_out))
    else:
        report.append(("Environment", "not installed, or not up to date", "python3 course.py start"))
    for name, value, way_out in report:
        print("%-14s %s%s" % (name, value, "\n%-14s -> %s" % ("", way_out) if way_out else ""))
    faults = sum(1 for _, _, way_out in report if way_out)
    print("%d problem%s found." % (faults, "" if faults == 1 else "s") if faults else "All is well.")
    return 1 if faults else 0


def authoring(module, arguments):
    """Run a module of course_utils.authoring in the environment; returns its exit status.

    It begins in the course's folder: what lies where the command was typed may bear the name of a library.
    """
    ensure_environment()
    command = [in_venv("python"), "-m", "course_utils.authoring." + module]
    return subprocess.call(command + arguments, cwd=ROOT)


def report(args):
    """Judge handed-in notebooks afresh; returns an exit status."""
    arguments = [os.path.abspath(args.folder)]
    for name in ("html", "csv"):
        if getattr(args, name):
            arguments += ["--" + name, os.path.abspath(getattr(args, name))]
    return authoring("report", arguments + (["--jobs", str(args.jobs)] if args.jobs else []))


def book(args):
    """Write all lessons as pages; returns an exit status."""
    return authoring("book", [os.path.abspath(args.folder)])


def main(argv=None):
    """The command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["serve"]:
        return serve(argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a path may hold letters that this terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    for name in PATHS:  # as they are meant where they are typed: lessons run in another folder
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.path.expanduser(os.environ[name]))
    os.environ.pop("PYTHONHOME", None)  # of another Python: the environment's own would not even begin
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    command = commands.add_parser("start", help="open the course in JupyterLab")
    command.add_argument("--port", type=int, help="port of the server (default: a free one from 8888 on)")
    command.add_argument("--no-browser", action="store_true", help="print the address only")
    command.add_argument("--lesson", default="00", help="section number, such as 10.1.2")
    command = commands.add_parser("test", help="run all tests; further arguments go to pytest")
    commands.add_parser("doctor", help="examine this machine")
    command = commands.add_parser("report", help="judge handed-in notebooks afresh (for teachers)")
    command.add_argument("folder", help="a folder or zip: one folder, zip or notebook a learner")
    command.add_argument("--html", help="write a page")
    command.add_argument("--csv", help="write a table, a line for each learner and exercise")
    command.add_argument("--jobs", type=int, help="learners at once (default: all cores)")
    command = commands.add_parser("book", help="write all lessons as pages that need no Python")
    command.add_argument("folder", nargs="?", default=os.path.join(ROOT, "book"), help="default: book/")
    args, rest = parser.parse_known_args(argv)
    if args.command != "test" and rest:
        parser.error("unknown argument: " + " ".join(rest))
    args.pytest = rest
    if args.command is None:
        parser.print_help()
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` ends what was started
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    try:
        run = {"start": start, "test": test, "doctor": doctor, "report": report, "book": book}[args.command]
        return run(args)
    except Problem as problem:
        print("\n%s" % problem, file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:  # a file that is missing, damaged, or a folder where a file should be
        print(
            "\n%s\n  -> Get the course anew, or delete what is named here if it lies in .venv." % error, file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command starts it again.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
