"""A JupyterLab server and a Chromium for tests: private settings, no pop-ups, nothing left behind."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "tests" / "artefacts"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # in a container there is often no other user than root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Without these JupyterLab asks whether it may fetch news, and the question covers the outputs.
SETTINGS = {"apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome: the variable COURSE_CHROMIUM, else one on PATH, else None."""
    named = os.environ.get("COURSE_CHROMIUM")
    return named or next((path for path in map(shutil.which, CHROMIUMS) if path), None)


def launch(playwright):
    """A headless Chromium with an empty profile."""
    return playwright.chromium.launch(executable_path=find_chromium(), headless=True, args=list(FLAGS))


def quiet_environment(home: Path, **more: str) -> dict[str, str]:
    """Variables for a server whose lessons are quick (tiny scale), offline, and touch nothing of the learner."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "JUPYTER"))}
    env.update(
        PYTHONPATH=str(ROOT),
        IPYTHONDIR=str(home / "ipython"),
        JUPYTER_CONFIG_DIR=str(home / "config"),
        JUPYTER_DATA_DIR=str(home / "share"),
        JUPYTER_RUNTIME_DIR=str(home / "runtime"),
        JUPYTERLAB_SETTINGS_DIR=str(home / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(home / "workspaces"),
        COURSE_DATA=os.environ.get("COURSE_DATA", str(home / "data")),  # the stand-in images are made only once
        COURSE_PROGRESS=str(home / "progress.json"),
        COURSE_OFFLINE="1",
        COURSE_THREADS="1",
        COURSE_DEVICE="cpu",
        COURSE_SCALE="tiny",
    )
    return {**env, **more}


class Server:
    """JupyterLab on a free port with a token, serving `folder`; settings and logs lie in `home`."""

    def __init__(self, folder: Path, home: Path, theme: str = "", **variables: str):
        self.folder, self.home, self.token = folder, home, secrets.token_hex(16)
        settings = dict(SETTINGS)
        if theme:
            settings["apputils-extension/themes"] = {"theme": theme}
        for name, values in settings.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
        ]
        env = quiet_environment(home, JUPYTER_TOKEN=self.token, **variables)
        self.log = home / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def url(self, notebook: str) -> str:
        """Address that shows one notebook and nothing else."""
        return f"http://127.0.0.1:{self.port}/doc/tree/{notebook}?token={self.token}"

    def _wait(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        address = f"http://127.0.0.1:{self.port}/api/status?token={self.token}"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            try:
                with urllib.request.urlopen(address, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"JupyterLab did not answer within {seconds} s:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End the server and its kernels, by force if they do not go within ten seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def stop_when_terminated(server: Server) -> None:
    """SIGTERM ends this process without its fixtures: end the server first, or it would stay for ever."""

    def terminated(number, _frame):
        server.stop()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, terminated)
