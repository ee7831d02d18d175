"""What a pretraining is worth, in three currencies: points, images and updates, read off recorded curves.

office = Exchange(recorded("10.3.3"))
office.score("objects", "pretrained", 20, 64)            # test score in per cent by seed, after 64 updates
office.images("objects", "scratch", 20, 64)              # how many images a class the rival needs for as much
office.longer("objects", "scratch", 20, 64)              # how many times as many updates

Between what was recorded everything is read off straight lines over the logarithm of images or updates. A curve counts
as having reached a level when it first does. What it never reaches within the record gives infinity.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

HOME = "the other five"
SIDES = ("pretrained", "home-made", "scratch", "small net", "shuffled", "random labels", "far source")
# Updates of 32 images that the pretraining took. ImageNet: 1.28 million images about 350 times over, not read anywhere
# but the usual length for this family; and of a larger network on larger images than here.
PRICES = {"home-made": 500, "pretrained": 14_000_000}


def crossing(x, y, level: float) -> float:
    """Where a curve first reaches `level`, between its points on a straight line over log x.

    x: > 0, rising; y: as long. The first x where it begins above; inf where it never gets there.
    """
    for k, value in enumerate(y):
        if value >= level:
            if k == 0:
                return float(x[0])
            share = (level - y[k - 1]) / (value - y[k - 1])
            return float(math.exp(math.log(x[k - 1]) + share * math.log(x[k] / x[k - 1])))
    return math.inf


class Exchange:
    """The recorded results: task and side -> a curve over time for each number of images and each seed.

    curves: (task, side, images a class) -> (updates [moments], scores in per cent [seeds, moments]).
    """

    def __init__(self, table):
        photographs = [run for run in table if run.config["task"] in ("objects", HOME)]
        self.source = ", ".join(dict.fromkeys(f"{run.kind}: {run.source}" for run in photographs))
        results = [run for run in table if run.config["purpose"] == "result"]
        self.seeds = sorted({run.seed for run in results})
        self.rates = {}
        grouped: dict[tuple, dict[int, object]] = {}
        for run in results:
            c = run.config
            side = _side(c["task"], c["net"], c["start"])
            grouped.setdefault((c["task"], side, c["per_class"]), {})[run.seed] = run
            self.rates[c["task"], side, c["per_class"]] = c["rate"]
        self.curves = {}
        for key in sorted(grouped, key=lambda key: key[2]):
            runs = [grouped[key][seed] for seed in sorted(grouped[key])]
            times = np.array([t for t, *_ in runs[0].val])
            self.curves[key] = times, 100 * np.array([run.config["tested"] for run in runs])
        self.all_sizes = sorted({n for _, _, n in self.curves})
        self.all_times = sorted({int(t) for times, _ in self.curves.values() for t in times})
        self.tasks = [task for task in ("objects", "digits", "angles", "where", HOME) if self.sides(task)]
        self.median = lru_cache(maxsize=None)(self._median)

    def sides(self, task: str) -> list[str]:
        return [s for s in SIDES if any(key[:2] == (task, s) for key in self.curves)]

    def hero(self, task: str) -> str:
        return "home-made" if task == HOME else "pretrained"

    def sizes(self, task: str, side: str) -> list[int]:
        return [n for t, s, n in self.curves if (t, s) == (task, side)]

    def score(self, task: str, side: str, n: int, t: float) -> np.ndarray:
        """Test score after t updates, in per cent, one a seed; after the end of a run it stays what it was."""
        times, scores = self.curves[task, side, n]
        return np.array([np.interp(math.log(max(1, t)), np.log(times), row) for row in scores])

    def _median(self, task: str, side: str, n: int, t: float) -> float:
        return float(np.median(self.score(task, side, n, t)))

    def gap(self, task: str, rival: str, n: int, t: float) -> np.ndarray:
        """Points by which the pretrained side is ahead, seed by seed."""
        return self.score(task, self.hero(task), n, t) - self.score(task, rival, n, t)

    def images(self, task: str, rival: str, n: int, t: float, seed: int | None = None) -> float:
        """Images a class with which the rival gets as far in t updates; seed: one against the same, else medians."""
        sizes, level = self.sizes(task, rival), self._one(task, self.hero(task), n, t, seed)
        return crossing(sizes, [self._one(task, rival, m, t, seed) for m in sizes], level)

    def updates(self, task: str, rival: str, n: int, t: float, seed: int | None = None) -> float:
        """Updates after which the rival is where the pretrained side is after t, with as many images."""
        times, scores = self.curves[task, rival, n]
        curve = np.median(scores, 0) if seed is None else scores[seed]
        return crossing(times, curve, self._one(task, self.hero(task), n, t, seed))

    def longer(self, task: str, rival: str, n: int, t: float, seed: int | None = None) -> float:
        return self.updates(task, rival, n, t, seed) / t

    def _one(self, task, side, n, t, seed) -> float:
        return self.median(task, side, n, t) if seed is None else float(self.score(task, side, n, t)[seed])

    def end(self, task: str, side: str, n: int) -> int:
        """Updates of the recorded runs."""
        return int(self.curves[task, side, n][0][-1])

    def break_even(self, task: str, rival: str, n: int, t: float, seed: int | None = None) -> float:
        """Tasks that have to share the price before pretraining is as cheap, in updates to where it is after t.

        inf where it saves nothing; 0 where the rival never gets there.
        """
        needed = self.updates(task, rival, n, t, seed)
        if math.isinf(needed):
            return 0.0
        return PRICES[self.hero(task)] / (needed - t) if needed > t else math.inf


def _side(task: str, net: str, start: str) -> str:
    return "small net" if net == "small" and start == "scratch" and task != HOME else start
