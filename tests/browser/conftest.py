"""Fixtures: one JupyterLab and one Chromium for each test process. Without Chromium these tests skip themselves."""

import shutil

import pytest

from tests.browser.lab import Notebook
from tests.browser.server import ARTEFACTS, ROOT, Server, find_chromium, launch, stop_when_terminated


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine (or set COURSE_CHROMIUM to one)")
    with playwright.sync_playwright() as running:
        chromium = launch(running)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(browser, tmp_path_factory):
    """JupyterLab over a copy of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "course" / "notebooks"
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    running = Server(folder, home)
    stop_when_terminated(running)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def open_notebook(browser, server):
    """open_notebook(name) -> Notebook on a page of its own; all are closed at the end of the module."""
    opened = []

    def open_it(name: str) -> Notebook:
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        opened.append(context)
        return Notebook(context.new_page(), server, name)

    yield open_it
    for context in opened:
        context.close()


@pytest.fixture
def artefacts():
    """Folder for screenshots; git ignores it."""
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS
