"""How often a plateau rule drops the learning rate although the loss is still falling, and what patience costs.

The model: reading i of the loss is level - slope * i + noise * e_i, with independent standard normal e_i. The rule
keeps the lowest reading so far and drops after more than `patience` readings in a row without a new lowest one. Only
slope / noise matters. While slope > 0 every drop is a false one. How records behave under a trend: Ballerini and
Resnick 1985 (J. Appl. Prob. 22, 487); Franke, Wergen and Krug 2010 (arXiv 1008.1482). Nothing here needs PyTorch.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr  # P(e < x) for a standard normal e

from course_utils.checks import check_positive, check_whole, check_within
from course_utils.pictures import style
from course_utils.pictures.controls import slider, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.numbers import nice_limit

MOST = 20  # the longest patience drawn
RUNS = 1000  # simulated curves behind a slider picture
_GRID = np.linspace(-9, 9, 301)
_DENSITY = np.exp(-(_GRID**2) / 2) / math.sqrt(2 * math.pi) * (_GRID[1] - _GRID[0])


@lru_cache(maxsize=512)
def _chain(c: float, readings: int, longest: int) -> np.ndarray:
    """Probability of a false drop for patience 0, 1, ..., longest - 1. c: slope / noise."""
    ahead, behind = np.arange(1, longest + 1)[:, None] * c, np.arange(1, readings)[:, None] * c
    none_after = np.vstack([np.ones_like(_GRID), np.cumprod(ndtr(_GRID - ahead), axis=0)])
    best_of_all = np.vstack([np.ones_like(_GRID), np.cumprod(ndtr(_GRID + behind), axis=0)])
    stall = (best_of_all * _DENSITY) @ none_after.T
    stall /= stall[:, :1]  # [k, m]: P(no best in the m readings after reading k | reading k is a best)
    waits = np.arange(1, longest + 1)
    survived = waits <= waits[:, None]  # [patience, wait]: the rule lives on if the best comes within patience + 1
    reached, dropped = np.zeros((longest, readings + longest)), np.zeros(longest)
    reached[:, 0] = 1.0  # [patience, k]: reading k is a best, and no drop came before it
    for k in range(readings):
        drops = np.where(k + waits < readings, stall[k, 1:], 0.0)
        dropped += reached[:, k] * drops
        reached[:, k + 1 : k + longest + 1] += reached[:, k : k + 1] * (stall[k, :-1] - stall[k, 1:]) * survived
    return np.minimum(dropped, 1.0)  # 1 + 4e-16 is no probability


def false_drop_probability(noise: float, slope: float, patience: int, readings: int) -> float:
    """Probability that the rule drops within `readings` readings of a loss that falls by `slope` a reading.

    noise: standard deviation of a reading, > 0; slope: >= 0, same unit. patience: 0 to 200. readings: 1 to 10000.
    Theory: a chain from best to best. The wait after a best at reading k is exact (one integral over its height);
    that it depends on the waits before only through k is the single assumption. For slope 0 all is exact: reading k
    is a best with probability 1/k. Raises ValueError for values out of range.
    """
    _check(noise, slope, patience, readings)
    return float(_chain(slope / noise, int(readings), max(MOST, int(patience)) + 1)[int(patience)])


def longest_waits(losses: np.ndarray) -> np.ndarray:
    """Longest number of readings in a row without a new lowest one, for each row of `losses` [runs, readings].

    The rule has dropped exactly where this is larger than its patience.
    """
    losses = np.asarray(losses, float)
    if losses.ndim != 2 or not losses.size:
        raise ValueError(f"losses has shape {losses.shape}: give [runs, readings], one run as losses[None].")
    return _readings_since_best(losses).max(axis=1)


def _readings_since_best(losses) -> np.ndarray:
    """[runs, readings]: how many readings ago the lowest one so far was read."""
    lowest_before = np.minimum.accumulate(losses, axis=1)[:, :-1]
    place = np.arange(losses.shape[1])
    best = np.hstack([np.ones((len(losses), 1), bool), losses[:, 1:] < lowest_before])
    return place - np.maximum.accumulate(np.where(best, place, 0), axis=1)


def simulated(noise: float, slope: float, readings: int, *, runs: int = RUNS, seed: int = 0) -> np.ndarray:
    """Share of simulated curves on which the rule drops, for patience 0, 1, ..., MOST."""
    _check(noise, slope, 0, readings)
    waits = longest_waits(_noise(runs, readings, seed) - slope / noise * np.arange(readings))
    return (waits[:, None] > np.arange(MOST + 1)).mean(axis=0)


def delay_on_plateau(noise: float, slope: float, patience: int, *, falling=32, runs=1000, seed=0) -> float:
    """Mean number of readings until the rule drops, once a loss that fell for `falling` readings stays level.

    Counted from the first level reading, for a rule that has not dropped before. It waits for patience + 1 readings
    without a new best, and longer when luck brings one. The other arguments as in `false_drop_probability`.
    Raises ValueError for values out of range.
    """
    _check(noise, slope, patience, falling)
    readings = falling + 10 * (max(patience, MOST) + 1) + 30  # the same curves for every usual patience
    level = -slope / noise * np.minimum(np.arange(readings), falling - 1)
    waits = _readings_since_best(_noise(runs, readings, seed) + level)
    armed = np.minimum(waits, np.arange(1, readings + 1) - falling) > patience  # bad readings before it are forgiven
    armed[:, -1] = True
    return float((armed.argmax(axis=1) - falling + 1).mean())


def _first_drop(losses, patience) -> int:
    """Index of the reading at which the rule drops; the last index if it never does."""
    best, bad = math.inf, 0
    for i, loss in enumerate(losses.tolist()):
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience:
            return i
    return len(losses) - 1


@lru_cache(maxsize=8)
def _noise(runs, readings, seed):
    return np.random.default_rng(seed).standard_normal((runs, readings))


def _check(noise, slope, patience, readings):
    check_positive("noise", noise, hint="It is in nats, as the loss is.")
    check_within("slope", slope, 0, hint="It is in nats a reading.")
    check_whole("patience", patience, 0, 200)
    check_whole("readings", readings, 1, 10_000)


# ---------------------------------------------------------------------------------------------------- the picture
def build(figure):
    loss, chance = figure.subplots(1, 2, width_ratios=[1.25, 1])
    loss.set(xlabel="reading of the loss", ylabel="loss (nats)")
    chance.set(xlabel="patience (readings)", ylabel="P(false drop)", xlim=(-0.5, MOST + 0.5), ylim=(-0.02, 1.04))
    chance.set_xticks(range(0, MOST + 1, 4))
    look = style.look
    artists = {
        "truth": loss.plot([], [], label="in truth", color=style.QUIET, lw=1.3, ls=(0, (5, 2)))[0],
        "readings": loss.plot([], [], label="read", lw=1.0, marker="o", ms=3.2, color=style.PALETTE[0], ls="-")[0],
        "bests": loss.plot([], [], label="new best", ls="none", marker="D", ms=5.5, color=style.PALETTE[3])[0],
        "drop": loss.plot([], [], label="false drop", ls="none", marker="v", ms=10, color=style.PALETTE[2])[0],
        "theory": chance.plot([], [], label="theory", **look(1))[0],
        "counted": chance.plot([], [], label=f"counted, {RUNS} curves", ls="none", marker="o", ms=4.5)[0],
        "here": chance.plot([], [], ls="none", marker="o", ms=11, mfc="none", mec=style.INK, mew=1.5)[0],
    }
    style.legend_row(loss, columns=2)
    style.legend_row(chance, columns=1)
    return {"loss": loss, "chance": chance}, artists


def draw(state, start: float = 1.5) -> Scene:
    """state: patience, noise, slope, readings, which (number of the curve shown). start: loss of the first reading."""
    n, at = state.readings, np.arange(state.readings)
    truth = start - state.slope * at
    losses = truth + state.noise * _noise(RUNS, n, 0)[state.which - 1]
    bests = np.flatnonzero(losses < np.concatenate([[np.inf], np.minimum.accumulate(losses)[:-1]]))
    first = _first_drop(losses, state.patience)
    fell = longest_waits(losses[None])[0] > state.patience
    shares = simulated(state.noise, state.slope, n)
    patiences, theory = np.arange(MOST + 1), _chain(state.slope / state.noise, n, MOST + 1)
    artists = {"truth": (at, truth), "readings": (at, losses), "theory": (patiences, theory)}
    artists |= {"counted": (patiences, shares), "here": ([state.patience], [theory[state.patience]])}
    seen = bests[bests <= first] if fell else bests
    artists["bests"] = (seen, losses[seen])
    if fell:
        artists["drop"] = ([first], [losses[first]])
    room = nice_limit(3.2 * state.noise)
    foot = nice_limit(start - truth[-1] + 3.2 * state.noise)
    status = words(state, theory[state.patience], shares[state.patience], first if fell else None)
    return Scene(artists, status, {"loss": (-0.5, n - 0.5, start - foot, start + room)})


def words(state, theory: float, counted: float, drop: int | None) -> str:
    """Both probabilities of a false drop, and the reading after which this curve's rule drops (0-based), if it does."""
    return (
        f"slope / noise = {state.slope / state.noise:.2g}. With patience {state.patience} the rule drops by mistake "
        f"within {state.readings} readings with probability {theory:.2f} (theory), {counted:.2f} (counted).\n"
        f"On curve {state.which} it {'does not drop' if drop is None else f'drops at reading {drop + 1}'}."
    )


def false_drop_explorer(*, noise=0.13, slope=0.008, patience=2, readings=32) -> LivePicture:
    """Live picture: one noisy loss and what the rule does; the probability of a false drop against patience.

    noise, slope: where their sliders start, in nats a reading. The loss starts at 1.5 nats.
    """
    controls = [
        whole("patience", "patience", 0, MOST, patience),
        slider("noise", "noise (nats)", 0.01, 0.5, noise, 0.01),
        slider("slope", "slope (nats/reading)", 0.0, 0.1, slope, 0.002),
        whole("readings", "readings in all", 8, 64, readings, 4),
        whole("which", "curve number", 1, 40, 1),
    ]
    return LivePicture(
        draw,
        controls,
        title="A rule that watches a noisy loss",
        build=build,
        status_lines=3,
        alt="Left, a loss that falls in truth, its noisy readings, the new bests and the drop of the rule. Right, the "
        "probability of a false drop against the patience, counted and from theory",
        figsize=(style.SIZE[0], 3.7),
    )
