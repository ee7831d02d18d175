"""Run all benchmarks, or those named:  python -m tests.benchmarks [--smallest] [training runs start ...]

--smallest: only show that each runs, in a minute or two; figures then mean nothing and no bar is judged.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

NAMES = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main(argv: list[str] | None = None) -> int:
    """Each in a process of its own, so that none warms up another. Returns the number of those that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--smallest", action="store_true", help="only show that each runs")
    args = parser.parse_args(argv)
    if unknown := sorted(set(args.names) - set(NAMES)):
        parser.error(f"no benchmark {', '.join(unknown)}; choose from {', '.join(NAMES)}")
    env = {**os.environ, **({"COURSE_BENCHMARKS": "smallest"} if args.smallest else {})}
    names, failed = args.names or NAMES, []
    for name in names:
        print(f"== {name}", flush=True)
        if subprocess.call([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], env=env):
            failed.append(name)
    print(f"failed, or a bar missed: {', '.join(failed) or 'none'}")
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
