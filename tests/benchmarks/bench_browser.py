"""Key press to changed picture in JupyterLab, headless Chromium: our explorer against `interact`.

    python -m tests.benchmarks.bench_browser

Both draw the same cosine schedule in the same notebook. Measured in the page, from the keydown event to the change of
the output. Bars (idle machine): median <= 40 ms and <= 0.4 of interact, no blank frame, no jump of the page.
Kernel start to first slider: from asking for a fresh kernel, through its start and imports, to the picture in the page.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.size import size, status
from tests.browser import checks
from tests.browser.lab import HANDLE, OUTPUT, Notebook, wait_for, write_notebook
from tests.browser.server import Server, find_chromium, launch

PRESSES = size(20, 2)
OURS = "from course_utils.pictures.explore_schedules import schedule_explorer\nschedule_explorer('cosine', T=1000)"
INTERACT = """
%matplotlib inline
import matplotlib.pyplot as plt, ipywidgets
from functools import partial
from course_utils import schedules
from course_utils.pictures.schedule_curves import sample

@ipywidgets.interact(peak=ipywidgets.FloatSlider(value=0.07, min=0.06, max=0.09, step=0.0005))
def plot(peak):
    t, lr = sample(partial(schedules.cosine, peak=peak, T=1000), 1000)
    plt.figure(figsize=(7.2, 3.4), dpi=100)
    plt.plot(t, lr)
    plt.ylim(0, 0.104)
    plt.title("Cosine"); plt.xlabel("update t"); plt.ylabel("learning rate"); plt.grid()
    plt.show()
"""
# Notes when a key went down and when the picture with another source was in the page.
TIMER = f"""
handle => {{
  const cell = handle.closest('.jp-Cell');
  const source = () => [...cell.querySelectorAll('{OUTPUT} img')].map(image => image.src).join();
  window.timer = {{ down: 0, changed: 0, before: source() }};
  const pressed = () => {{ Object.assign(window.timer, {{ down: performance.now(), changed: 0 }}); }};
  handle.addEventListener('keydown', pressed, {{ capture: true }});
  new MutationObserver(() => {{
    const now = source();
    if (now && now !== window.timer.before) Object.assign(window.timer, {{ before: now, changed: performance.now() }});
  }}).observe(cell, {{ subtree: true, childList: true, attributes: true, attributeFilter: ['src'] }});
}}
"""


def latencies(notebook: Notebook, place: int) -> list[float]:
    """Milliseconds from each of PRESSES key presses on the first slider of a cell to the changed picture."""
    handle = notebook.cell(place).locator(HANDLE).first
    handle.scroll_into_view_if_needed()
    handle.focus()
    handle.evaluate(TIMER)
    times = []
    for press in range(-2, PRESSES):  # two to warm up
        notebook.page.keyboard.press("ArrowRight" if press % 4 < 2 else "ArrowLeft")
        notebook.page.wait_for_function("() => window.timer.changed > window.timer.down", timeout=20_000)
        if press >= 0:
            times.append(notebook.page.evaluate("() => window.timer.changed - window.timer.down"))
        notebook.page.wait_for_timeout(120)
    return times


def first_slider(notebook: Notebook) -> float:
    """Seconds from a request for a fresh kernel to the first slider with its decoded picture in the page."""
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    wait_for(notebook.page, "cleared outputs", lambda: not notebook.outputs())
    notebook.close()
    start = time.perf_counter()
    notebook.fresh_kernel()
    notebook.start_cell(0)
    ready = f"() => document.querySelector('{HANDLE}') && document.querySelector('{OUTPUT} img[alt]')?.naturalWidth > 0"
    notebook.page.wait_for_function(ready, timeout=120_000, polling="raf")
    return time.perf_counter() - start


def run() -> list[tuple[str, float, float, bool]]:
    """(what, measured, bar, within the bar) for each line of the table."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="bench-browser-") as folder, sync_playwright() as playwright:
        home = Path(folder)
        (home / "course").mkdir()
        write_notebook(home / "course" / "bench.ipynb", OURS, INTERACT)
        server, browser = Server(home / "course", home), launch(playwright)
        try:
            page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
            notebook = Notebook(page, server, "bench.ipynb")
            slider = min(first_slider(notebook) for _ in range(size(2, 1)))
            notebook.run_cell(1)
            rounds = [(latencies(notebook, 0), latencies(notebook, 1)) for _ in range(size(2, 1))]
            output = notebook.outputs()[0]
            seen = checks.hold_key(notebook, output, output.locator(HANDLE).first, presses=size(40, 6), pause=33)
        finally:
            browser.close()
            server.stop()
    ours, theirs = (min(medians) for medians in zip(*[map(statistics.median, pair) for pair in rounds], strict=True))
    for name, times in (("ours", [t for a, _ in rounds for t in a]), ("interact", [t for _, b in rounds for t in b])):
        print(f"{name}: median {statistics.median(times):.0f} ms, p90 {sorted(times)[int(0.9 * len(times))]:.0f} ms")
    print(f"key held: {seen['pictures']} pictures in {seen['frames']} frames")
    return [
        ("key press to changed picture, ms (median, faster of two rounds)", ours, 40, ours <= 40),
        ("the same / interact", ours / theirs, 0.4, ours / theirs <= 0.4),
        ("blank frames while a key is held", seen["blank"], 0, seen["blank"] == 0),
        ("jump of the page while a key is held, px", seen["jump"], 1, seen["jump"] <= 1),
        ("kernel start to first slider, s", slider, 2.5, slider <= 2.5),
    ]


def main() -> int:
    """Print the table; the exit status is 1 where a bar is missed."""
    if find_chromium() is None:
        print("left out: no Chromium on this machine (or set COURSE_CHROMIUM to one)")
        return 0
    lines = run()
    for what, measured, bar, fine in lines:
        print(f"{'ok  ' if fine else 'MISS'} {what}: {measured:.3g} (bar {bar:g})")
    return status(not all(fine for *_, fine in lines))


if __name__ == "__main__":
    sys.exit(main())
