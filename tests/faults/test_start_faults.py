"""`course.py start` with a real JupyterLab, among configurations that move it, open it or ask for a password."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

import course

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")
HOSTILE = """
c.ServerApp.base_url = "/lab1/"
c.ServerApp.certfile = "/nonexistent.pem"
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.port = 1
c.ServerApp.allow_remote_access = True
c.ServerApp.allow_origin = "*"
c.ServerApp.allow_unauthenticated_access = True
c.ServerApp.disable_check_xsrf = True
c.IdentityProvider.token = "x"
c.ServerApp.token = ""
c.PasswordIdentityProvider.hashed_password = "sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed"  # foo
raise SystemExit("the configuration was read")
"""
START = """
import os, sys, course
course.VENV = sys.argv[1]
course.in_venv = lambda name: sys.executable
course.ensure_environment = lambda: None
course.PATIENCE = 100
sys.exit(course.main(["start", "--no-browser"]))
"""


def ask(port, path, **headers):
    """(status, body) of a request to a server on this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def starting(tmp_path):
    """A start, with settings that would break or open the server wherever Jupyter looks for some."""
    places = [tmp_path / "home" / ".jupyter", tmp_path / "named", tmp_path / "on_a_path"]
    for place in places:
        place.mkdir(parents=True)
        for name in ("jupyter_server_config.py", "jupyter_config.py", "jupyter_lab_config.py"):
            (place / name).write_text(HOSTILE)
        (place / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"base_url": "/other/"}}))
    (tmp_path / "venv").mkdir()
    named = dict(HOME=str(tmp_path / "home"), JUPYTER_CONFIG_DIR=str(places[1]), JUPYTER_CONFIG_PATH=str(places[2]))
    named |= dict(
        JUPYTER_TOKEN="x", JUPYTER_PORT="1", JUPYTER_GATEWAY_URL="http://127.0.0.1:9", JUPYTER_RUNTIME_DIR="run"
    )
    command = [sys.executable, "-c", START, str(tmp_path / "venv")]
    process = subprocess.Popen(
        command, cwd=course.ROOT, env={**os.environ, **named}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=60)


def test_the_server_answers_to_this_token_alone_and_ends_with_its_parent(starting, tmp_path):
    line = starting.stdout.readline()
    assert line.startswith("The course is running"), starting.communicate()[1]
    address = starting.stdout.readline().strip()
    port, token = int(address.split(":")[2].split("/")[0]), address.rpartition("token=")[2]
    assert ask(port, "/api/status", Authorization=f"token {token}")[0] == 200
    for wrong in ({}, {"Authorization": "token x"}, {"Authorization": "token "}):
        assert ask(port, "/api/status", **wrong)[0] == 403
        assert ask(port, "/api/contents", **wrong)[0] == 403
    assert ask(port, "/lab1/api/status", Authorization=f"token {token}")[0] == 404
    assert ask(port, "/api/status", Host="evil.example", Authorization=f"token {token}")[0] == 403  # no remote access
    status, page = ask(port, "/login")
    assert status == 200 and b"Token authentication is enabled" in page, "a password is asked for"
    if sys.platform == "linux":  # of the addresses of this machine only the loop back
        with socket.socket() as other:
            other.bind(("127.0.0.2", port))
    body = ask(port, "/api/kernelspecs", Authorization=f"token {token}")[1]
    assert "python3" in json.loads(body)["kernelspecs"], "kernels are asked of another machine"
    if os.path.exists("/proc"):
        names = [name for name in os.listdir("/proc") if name.isdigit()]
        seen = b"".join(read(f"/proc/{name}/cmdline") for name in names)
        assert token.encode() not in seen, "the token stands in ps"
    starting.kill()
    starting.wait()
    deadline = time.monotonic() + 60
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_free(port), "the server lives on"
    assert "configuration was read" not in (tmp_path / "venv" / f"jupyter-{port}.log").read_text()


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_a_port_that_is_taken_meanwhile_is_left_for_the_next(tmp_path, monkeypatch, capsys):
    """Two starts at once both found 8888 free; the second ended with its server's words."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], 1234])
        monkeypatch.setattr(course, "VENV", str(tmp_path))
        monkeypatch.setattr(course, "ensure_environment", lambda: None)
        monkeypatch.setattr(course, "choose_port", lambda wanted: next(ports))
        monkeypatch.setattr(course, "answers", lambda port, token: port == 1234)
        quick = [sys.executable, "-c", "import sys; sys.exit(1)"]
        monkeypatch.setattr(course, "launch", lambda *args: subprocess.Popen(quick, stdin=subprocess.PIPE))
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
        assert course.main(["start", "--no-browser"]) == 1
        for number, handler in zip((signal.SIGTERM, signal.SIGHUP), handlers, strict=True):
            signal.signal(number, handler)
    told = capsys.readouterr()
    assert "localhost:1234/lab" in told.out and "JupyterLab ended (exit status 1)" in told.err
