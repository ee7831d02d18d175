"""Slider to picture, kernel side: our pictures against `interact` with inline matplotlib, in a kernel.

    python -m tests.benchmarks.bench_pictures

Both draw the same cosine schedule at 720 x 340 pixels. Bars: median of ours <= 10 ms and <= 1/5 of interact.
The time to the first slider is taken in a fresh process, from the start of Python to the picture made.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time

from tests.benchmarks.size import size, status

MOVES = size(50, 3)

OURS = f"""
import json, time, statistics, sys
from course_utils.{{door}} import {{maker}}
picture = {{maker}}({{arguments}})
widget = picture.controls["{{slider}}"].widget
times = []
for k in range({MOVES}):
    start = time.perf_counter()
    widget.value = {{low}} + ({{high}} - {{low}}) * k / {MOVES}
    times.append(time.perf_counter() - start)
print(json.dumps(dict(median=statistics.median(times), p90=sorted(times)[int(0.9 * len(times))],
                      bytes=len(picture.view.image.value), full_draws=picture.canvas.full_draws)))
"""

INTERACT = f"""
%matplotlib inline
import json, time, statistics
import matplotlib.pyplot as plt, ipywidgets
from functools import partial
from course_utils import schedules
from course_utils.pictures.schedule_curves import sample
def plot(peak):
    t, lr = sample(partial(schedules.cosine, peak=peak, T=1000), 1000)
    plt.figure(figsize=(7.2, 3.4), dpi=100)
    plt.plot(t, lr)
    plt.ylim(0, 0.104)
    plt.title("Cosine"); plt.xlabel("update t"); plt.ylabel("learning rate"); plt.grid()
    plt.show()
box = ipywidgets.interactive(plot, peak=ipywidgets.FloatSlider(value=0.1, min=0, max=1, step=0.0001))
display(box)
widget = box.children[0]
times = []
for k in range({MOVES}):
    start = time.perf_counter()
    widget.value = 0.06 + 0.03 * k / {MOVES}
    times.append(time.perf_counter() - start)
print(json.dumps(dict(median=statistics.median(times), p90=sorted(times)[int(0.9 * len(times))])))
"""

CASES = {
    "one schedule": dict(
        door="pictures", maker="schedule_explorer", arguments='"cosine"', slider="peak", low=0.06, high=0.09
    ),
    "step decay, a milestone": dict(
        door="pictures", maker="schedule_explorer", arguments='"step_decay"', slider="drop2", low=0.4, high=0.8
    ),
    "five schedules, the peak": dict(
        door="pictures",
        maker="schedule_explorer",
        arguments='"constant", "step_decay", "cosine", "linear", "inverse_sqrt"',
        slider="peak",
        low=0.06,
        high=0.09,
    ),
    "quadratic bowl": dict(
        door="lessons.l10_1_1", maker="bowl_explorer", arguments="", slider="lr", low=0.05, high=1.5
    ),
}


def in_kernel(client, code: str) -> dict:
    """Run code in the kernel and return the JSON it printed last."""
    printed, failed = [], []

    def listen(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            printed.append(content["text"])
        elif message["msg_type"] == "error":
            failed.append("\n".join(content["traceback"]))

    client.execute_interactive(code, timeout=120, output_hook=listen)
    if failed:
        raise RuntimeError(failed[0])
    return json.loads("".join(printed).strip().splitlines()[-1])


def first_slider() -> float:
    """Seconds from starting Python to a schedule explorer that is ready; torch must not be imported."""
    code = """
        import sys
        from course_utils.pictures.explore_schedules import schedule_explorer
        schedule_explorer("cosine")._repr_mimebundle_()
        sys.exit("torch" in sys.modules)
    """
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    return time.perf_counter() - start


def run() -> list[tuple[str, float, float, bool]]:
    """(what, measured, bar, within the bar) for each line of the table."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        theirs = in_kernel(client, INTERACT)
        ours = {name: in_kernel(client, OURS.format(**case)) for name, case in CASES.items()}
        again = in_kernel(client, INTERACT)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    interact = min(theirs["median"], again["median"])
    lines = []
    print(f"interact + inline: median {1e3 * interact:.1f} ms (two rounds, the faster)")
    for name, result in ours.items():
        print(
            f"{name}: median {1e3 * result['median']:.1f} ms, p90 {1e3 * result['p90']:.1f} ms, "
            f"{result['bytes'] / 1e3:.0f} kB, {result['full_draws']} full draw(s)"
        )
    median = ours["one schedule"]["median"]
    lines.append(("slider to picture, ms", 1e3 * median, 10.0, median <= 0.010))
    lines.append(("slider to picture / interact", median / interact, 0.2, median / interact <= 0.2))
    start = min(first_slider() for _ in range(size(2, 1)))
    lines.append(("start of Python to first slider, s", start, 2.5, start <= 2.5))
    return lines


def main() -> int:
    lines = run()
    for what, measured, bar, fine in lines:
        print(f"{'ok  ' if fine else 'MISS'} {what}: {measured:.3g} (bar {bar:g})")
    return status(not all(fine for *_, fine in lines))


if __name__ == "__main__":
    sys.exit(main())
