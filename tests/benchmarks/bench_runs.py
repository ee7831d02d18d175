"""How long recorded runs take to load: 300 runs of 100 points, and every file in data/recorded.

python -m tests.benchmarks.bench_runs
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.size import size, status

BAR = 0.3  # seconds


def seconds(path, repeats: int = size(5, 1)) -> float:
    """Median time of loading a table."""
    from course_utils.runs import RunTable

    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        RunTable.load(path)
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]


def made_up(path: Path) -> Path:
    """300 runs with 100 points a curve and eight validations: as many as a lesson ever shows."""
    import numpy as np

    from course_utils.runs import Run, RunTable

    rng = np.random.default_rng(0)
    curve = rng.random((300, 3, 100)).tolist()
    return RunTable(
        Run(
            config={"optimizer": "sgd", "lr": 0.1, "schedule": "cosine"},
            seed=i,
            status="finished",
            t=list(range(1, 101)),
            lr=lr,
            momentum=m,
            loss_log=loss,
            val=[(k, 1.0, 0.5) for k in range(1, 9)],
        )
        for i, (lr, m, loss) in enumerate(curve)
    ).save(path)


def main() -> int:
    """Print the times; 1 if one is over the bar."""
    from course_utils.files import recorded_dir

    times = {}
    with tempfile.TemporaryDirectory() as folder:
        times["300 runs x 100 points"] = seconds(made_up(Path(folder) / "made_up.npz"))
    for path in sorted(recorded_dir().glob("*.npz")):
        times[f"{path.name} ({path.stat().st_size / 1e3:.0f} kB)"] = seconds(path)
    for name, value in times.items():
        print(f"{name:40} {value:6.3f} s   (bar {BAR} s)")
    code = "import time; s = time.perf_counter(); import course_utils.runs; print(time.perf_counter() - s)"
    cold = float(subprocess.check_output([sys.executable, "-c", code], text=True))
    print(f"{'import course_utils.runs, fresh process':40} {cold:6.3f} s   (numpy, no torch)")
    return status(max(times.values()) > BAR)


if __name__ == "__main__":
    sys.exit(main())
