"""Run all benchmarks, or those named:  python -m tests.benchmarks [training runs start ...]"""

import subprocess
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Each in a process of its own, so that none warms up another. Returns the number of those that missed a
    bar."""
    there = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))
    unknown = set(names) - set(there)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(there)}")
        return 2
    missed = []
    for name in names or there:
        print(f"== {name}", flush=True)
        if subprocess.call([sys.executable, "-m", f"tests.benchmarks.bench_{name}"]):
            missed.append(name)
    print(f"bars missed: {', '.join(missed) or 'none'}")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
