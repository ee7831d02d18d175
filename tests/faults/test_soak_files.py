"""Kills, stops, interrupts, flipped bits, clocks that are set, at random moments: nothing acknowledged is ever lost.

COURSE_TEST_SOAK=50 makes it fifty times as long.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from course_utils import files
from course_utils.data import cache
from course_utils.exercises import progress

ROUNDS = 8 * int(os.environ.get("COURSE_TEST_SOAK", "1"))
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")
WRITER = """
import sys, time
step, name, folder = float(sys.argv[1]), sys.argv[2], sys.argv[3]
now = time.time
time.time = lambda: now() + step
import numpy as np
from pathlib import Path
from course_utils.data import cache
from course_utils.exercises import progress
progress.LOCK_SECONDS = 600.0
for n in range(10**9):
    progress.record(f"{name}.{n}", "correct")
    print("kept", n, flush=True)
    cache.save(Path(folder) / "shared.npz", a=np.full(1000, n), b=np.full(1000, n))
"""


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(progress, "_unsaved", dict(progress.NOTHING))
    monkeypatch.setattr(progress, "_said", set())


def test_nothing_acknowledged_is_lost(tmp_path):
    """Two writers of one progress file and one cache; after every blow both are whole, and hold all that was said."""
    rng, acknowledged = random.Random(0), set()
    for round_ in range(ROUNDS):
        names = [f"{round_}{letter}" for letter in "ab"]
        writers = {}
        for name in names:
            step = str(rng.choice([-3600, 0, 3600]))
            command = [sys.executable, "-c", WRITER, step, name, str(tmp_path)]
            writers[name] = subprocess.Popen(
                command, cwd=files.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        for writer in writers.values():
            writer.stdout.readline()  # both are at work
        for _ in range(3):
            writer = rng.choice(list(writers.values()))
            blow = rng.choice([signal.SIGSTOP, signal.SIGKILL, signal.SIGINT])
            time.sleep(rng.uniform(0, 0.05))
            writer.send_signal(blow)
            time.sleep(rng.uniform(0, 0.05))
            writer.send_signal(signal.SIGCONT)
        for name, writer in writers.items():
            writer.kill()
            numbers = [0, *(int(line.split()[1]) for line in writer.communicate()[0].splitlines())]
            acknowledged |= {f"{name}.{n}" for n in range(max(numbers) + 1)}
        kept = progress.load()["exercises"]
        assert acknowledged <= kept.keys()
        assert all(entry["tries"] == 1 and entry["solved"] for entry in kept.values())
        stored = cache.load(tmp_path / "shared.npz", "a", "b")
        assert stored is None or (np.array_equal(stored["a"], stored["b"]) and len(set(stored["a"])) == 1)
    assert not progress._said  # no file was ever damaged
    assert len(acknowledged) >= 2 * ROUNDS


def test_a_flipped_bit_is_always_found(tmp_path):
    """In a cache, and in a progress file, where what stood in the backup is there again."""
    rng, bad = random.Random(1), 0
    cache.save(tmp_path / "one.npz", a=np.arange(1000.0))
    for outcome in ("not yet", "correct"):
        progress.record("10.1.1.edge", outcome)
    backup = progress._parse(progress._backup(files.progress_file()))
    for path in (tmp_path / "one.npz", files.progress_file()):
        whole = path.read_bytes()
        for _ in range(40 * ROUNDS):
            damaged = bytearray(whole)
            damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            path.write_bytes(damaged)
            try:
                assert np.array_equal(cache.load(tmp_path / "one.npz", "a")["a"], np.arange(1000.0))
            except cache.CacheProblem:
                bad += 1
            seen = progress.load()["exercises"]["10.1.1.edge"]
            if path == files.progress_file() and seen["solved"]:
                same = [json.loads(text)["exercises"] for text in (whole, damaged)]
                assert same[0] == same[1], "a blank became a tab, or the checksum lost its name"
            assert seen["tries"] in (1, 2) and (seen["tries"] == 2) == bool(seen["solved"])
        path.write_bytes(whole)
    assert backup["exercises"]["10.1.1.edge"]["tries"] == 1 and bad >= 38 * ROUNDS
