"""From the start to the first slider, the second start of the course, and the memory of a lesson's kernel.

    python -m tests.benchmarks.bench_start [--no-memory]

Bars: kernel start to first slider of a schedule lesson 2.5 s; `course.py start` with everything installed 5
s; peak memory of a lesson's kernel 1.5 GB (the whole lesson runs for that: about a minute and a half).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.size import SMALLEST, size, status

ROOT = Path(__file__).resolve().parents[2]
LESSON = "10.1.3_cosine_decay.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"


def cells() -> list[str]:
    notebook = json.loads((ROOT / "notebooks" / LESSON).read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]


class Kernel:
    """A fresh kernel in the folder of the notebooks."""

    def __enter__(self):
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(cwd=str(ROOT / "notebooks"), startup_timeout=120)
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str) -> tuple[str, list[dict]]:
        """(text printed, displayed data) of one cell; RuntimeError if it raised."""
        text, shown = [], []

        def watch(message):
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                text.append(content["text"])
            elif kind in ("display_data", "execute_result"):
                shown.append(content["data"])
            elif kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))

        self.client.execute_interactive(code, timeout=600, output_hook=watch)
        return "".join(text), shown


def first_slider() -> tuple[float, float, float, bool]:
    """Seconds from the start of the kernel to the first picture with sliders; of which until it was ready;
    seconds of processor time it took (what it would need on an idle machine); whether torch was imported."""
    begin = time.perf_counter()
    with Kernel() as kernel:
        ready = time.perf_counter() - begin
        for code in cells():
            if "explorer(" not in code and "def start" not in code and "start(" not in code:
                continue  # what a learner runs first: the set-up cell, then the picture
            _, shown = kernel.run(code)
            if any(WIDGET in data for data in shown):
                break
        else:
            raise RuntimeError(f"{LESSON} shows no widget")
        slider = time.perf_counter() - begin
        said = kernel.run("import sys, time; print('torch' in sys.modules, time.process_time())")[0].split()
    return slider, ready, float(said[1]), said[0] == "True"


def peak_memory() -> float:
    """GB that the kernel of the whole lesson takes at most."""
    with Kernel() as kernel:
        for code in cells():
            kernel.run(code)
        code = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        return float(kernel.run(code)[0].split()[-1]) / (1e9 if sys.platform == "darwin" else 1e6)


def second_start() -> float:
    """Seconds until `course.py start` says that the server answers."""
    begin = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "course.py", "start", "--no-browser"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        for line in server.stdout:
            if "is running" in line:
                return time.perf_counter() - begin
        raise RuntimeError("course.py start ended without a server")
    finally:
        server.terminate()  # not Ctrl-C: what a script started in the background was born deaf to it
        server.wait(30)


def main() -> int:
    """Print the figures; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-memory", action="store_true", help="leave out the lesson that runs for its memory")
    args = parser.parse_args()
    slider, ready, busy, torch = min(first_slider() for _ in range(size(3, 1)))
    print(f"first slider {slider:.2f} s after the start of the kernel (bar 2.5 s), ready after {ready:.2f} s")
    print(f"    processor time of the kernel {busy:.2f} s; torch imported: {torch}")
    second = min(second_start() for _ in range(size(2, 1)))
    print(f"course.py start, second time: {second:.2f} s (bar 5 s)")
    missed = slider > 2.5 or torch or second > 5
    if not (args.no_memory or SMALLEST):
        peak = peak_memory()
        print(f"peak memory of the kernel of {LESSON}: {peak:.2f} GB (bar 1.5 GB)")
        missed = missed or peak > 1.5
    return status(missed)


if __name__ == "__main__":
    sys.exit(main())
