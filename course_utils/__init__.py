"""Helpers of an interactive course on training neural networks: one short module per idea.

Importing the package itself imports nothing heavy; import what you need, for example
`from course_utils.schedules import cosine` (no torch) or `from course_utils.data import cifar10`.
"""

import os

# A thread of PyTorch that waits for the others keeps its core busy, in case they are nearly done. With anything else
# running (a browser is enough) that core is then missing where the work is. How long it looks before it sleeps is a
# compromise: on two idle cores 1,000 looks cost 5 to 15 % of the speed beside 30,000; with one busy neighbour an update
# takes 19 ms in place of 52 (tests/benchmarks/bench_busy.py). To be said before PyTorch is loaded; changes no result.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.2.0"
