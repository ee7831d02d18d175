"""How long CIFAR-10 takes to load from COURSE_CIFAR10: the first time (decoding) and later (from the cache).

python -m tests.benchmarks.bench_data
"""

import os
import statistics
import sys
import tempfile
import time

from tests.benchmarks.size import size, status

FIRST_BAR, LATER_BAR = 30.0, 1.0  # seconds, on two cores


def seconds(function, *arguments, **options) -> float:
    began = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - began


def main() -> dict[str, float]:
    """Print and return the seconds of a first load, of a later one (median of three) and of the stand-ins."""
    from course_utils.data.cifar import cifar10
    from course_utils.data.standin import stand_in

    results = {}
    if os.environ.get("COURSE_CIFAR10"):
        with tempfile.TemporaryDirectory() as empty:
            before = os.environ.get("COURSE_DATA")
            os.environ["COURSE_DATA"] = empty
            try:
                results["first load"] = seconds(cifar10, quiet=True)
                results["later load"] = statistics.median(seconds(cifar10, quiet=True) for _ in range(size(3, 1)))
            finally:
                if before is None:
                    del os.environ["COURSE_DATA"]
                else:
                    os.environ["COURSE_DATA"] = before
        print(f"CIFAR-10, first load: {results['first load']:6.2f} s (bar: {FIRST_BAR:g} s)")
        print(f"CIFAR-10, later load: {results['later load']:6.2f} s (bar: {LATER_BAR:g} s)")
    else:
        print("CIFAR-10: COURSE_CIFAR10 is not set, nothing to load")
    results["stand-in images"] = seconds(stand_in)
    print(f"stand-in images:      {results['stand-in images']:6.2f} s (bar: 3 s)")
    return results


if __name__ == "__main__":
    measured = main()
    sys.exit(status(measured.get("first load", 0.0) > FIRST_BAR or measured.get("later load", 0.0) > LATER_BAR))
