"""Why one seed proves nothing: how often an experiment with n seeds says the right thing, as a live picture.

A thousand experiments are simulated once, from a fixed seed: in each, the differences between two settings, one a
seed, are normal numbers around the true difference. Each experiment is judged by the rule of `claims`: its 90 %
interval lies above zero, below zero, or contains it. No torch.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.collections import LineCollection

from course_utils.checks import check_whole, check_within
from course_utils.claims.rule import student
from course_utils.pictures import style
from course_utils.pictures.controls import slider, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.numbers import nice_limit

MOST = 30  # seeds on the slider
EXPERIMENTS = 1000
SHOWN = 50  # experiments drawn one by one
RIGHT, OPEN, WRONG = "right", "cannot tell", "wrong"
COLORS = {RIGHT: style.PALETTE[0], OPEN: style.PALETTE[4], WRONG: style.PALETTE[2]}


def simulate(experiments: int = EXPERIMENTS, seeds: int = MOST) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half width of the 90 % interval after 1, 2, ... seeds, each [experiments, seeds]; one seed: infinite.

    For no true difference and a noise of 1; another noise multiplies both, a true difference is added to the mean.
    """
    check_whole("experiments", experiments, 1)
    check_whole("seeds", seeds, 2)
    draws = np.random.default_rng(10).standard_normal((experiments, seeds))
    n = np.arange(1, seeds + 1)
    mean = np.cumsum(draws, axis=1) / n
    square = np.cumsum(draws**2, axis=1) - n * mean**2  # sum of squared distances from the mean
    half = np.full(draws.shape, np.inf)
    t = np.array([student(int(k) - 1) for k in n[1:]])
    half[:, 1:] = t * np.sqrt(np.maximum(square[:, 1:], 0) / (n[1:] - 1) / n[1:])
    return mean, half


def judged(true: float, mean: np.ndarray, half: np.ndarray) -> dict[str, np.ndarray]:
    """RIGHT, OPEN, WRONG -> booleans in the shape of `mean`: does the interval say the truth?

    A true difference of zero is said rightly by an interval that contains zero; else such an interval cannot tell.
    A single seed has no interval: whoever trusts it takes its sign.
    """
    single = ~np.isfinite(half)
    above, below = np.where(single, mean > 0, mean - half > 0), np.where(single, mean < 0, mean + half < 0)
    neither = ~above & ~below
    if true == 0:
        return {RIGHT: neither, OPEN: np.zeros_like(neither), WRONG: ~neither}
    good, bad = (above, below) if true > 0 else (below, above)
    return {RIGHT: good, OPEN: neither, WRONG: bad}


def seeds_explorer(
    true: float = 0.5,
    noise: float = 1.0,
    seeds: int = 3,
    *,
    unit: str = "points",
    title: str = "What do so many seeds show?",
) -> LivePicture:
    """Sliders for the true difference (0 to 5), its noise from seed to seed (0.1 to 3), the number of seeds (1 to 30).

    true, noise, seeds: where the sliders start, for instance with what you measured. Left: fifty experiments, each
    with its interval. Right: the shares of right, wrong and undecided ones among a thousand, against the number of
    seeds. Raises ValueError for a start outside the sliders.
    """
    for name, value, low, high in (("true", true, 0, 5), ("noise", noise, 0.1, 3), ("seeds", seeds, 1, MOST)):
        check_within(name, value, low, high)
    controls = [
        slider("true", "true difference", 0.0, 5.0, true, step=0.1),
        slider("noise", "seed noise (std)", 0.1, 3.0, noise, step=0.1),
        whole("seeds", "number of seeds", 1, MOST, int(seeds)),
    ]
    return LivePicture(
        partial(draw, *simulate(), unit),
        controls,
        title=title,
        alt="Fifty simulated experiments with their intervals; shares of right and wrong ones against number of seeds",
        note="simulated",
        build=partial(build, unit),
        status_lines=2,
    )


def build(unit, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    left.set(xlabel="experiment", ylabel="difference found" + (f", {unit}" if unit else ""), xlim=(-1, SHOWN + 8))
    right.set(xlabel="number of seeds", ylabel="share of experiments (%)", xlim=(0, MOST + 1), ylim=(-3, 103))
    left.axhline(0, color=style.INK, lw=1.0, ls="-")
    purple = style.PALETTE[5]
    artists = {
        "truth": left.plot([], [], color=purple, lw=1.5, ls=(0, (5, 2)))[0],
        "name of truth": left.text(0, 0, "", color=purple, fontsize=8.5, ha="right", va="bottom", zorder=6),
        "here": right.plot([], [], color=style.INK, lw=0.9, ls=(0, (2, 2)))[0],
    }
    for n, (name, color) in enumerate(COLORS.items()):
        dots = {"ls": "none", "marker": style.MARKERS[n], "color": color}
        artists[f"bars {name}"] = left.add_collection(LineCollection([], colors=color, linewidths=1.6, zorder=3))
        artists[f"dots {name}"] = left.plot([], [], ms=4, **dots)[0]
        artists[f"single {name}"] = right.plot([], [], ms=5, **dots)[0]
        artists[name] = right.plot([], [], label=name, **{**style.look(n), "color": color})[0]
    style.legend_row(left, [artists[name] for name in COLORS], list(COLORS))
    return {"left": left, "right": right}, artists


def draw(plain_mean, plain_half, unit, state) -> Scene:
    """state: true, noise, seeds. plain_mean, plain_half: see `simulate`."""
    mean, half = state.true + state.noise * plain_mean, state.noise * plain_half
    kinds = judged(state.true, mean, half)
    n, counts = state.seeds, np.arange(2, MOST + 1)
    shares = {name: 100 * kind.mean(axis=0) for name, kind in kinds.items()}
    middle, reach = mean[:SHOWN, n - 1], half[:SHOWN, n - 1]
    artists = {
        "truth": ([-1, SHOWN + 8], [state.true] * 2),
        "name of truth": (SHOWN + 7.5, state.true, "truth"),
        "here": ([n, n], [-3, 103]),
    }
    for name, kind in kinds.items():
        at = np.flatnonzero(kind[:SHOWN, n - 1])
        artists[f"dots {name}"] = (at, middle[at])
        bars = [i for i in at if np.isfinite(reach[i])]
        artists[f"bars {name}"] = [([i, i], [middle[i] - reach[i], middle[i] + reach[i]]) for i in bars]
        artists[f"single {name}"] = ([1], shares[name][:1])  # a sign, no interval: apart from the curve
        artists[name] = (counts, shares[name][1:])
    reach = nice_limit(3.5 * state.noise)
    limits = {"left": (None, None, -reach, nice_limit(state.true + 3.5 * state.noise))}
    return Scene(artists, words({name: share[n - 1] for name, share in shares.items()}, state, unit), limits)


def words(share, state, unit) -> str:
    """What this many seeds show. share: of the experiments that say the truth, cannot tell, and are wrong (%)."""
    unit = f" {unit}" if unit else ""
    truth = f"a true difference of {state.true:.1f}{unit}" if state.true else "no true difference"
    start = f"{state.seeds} seed{'s' * (state.seeds > 1)}, {truth}, noise {state.noise:.1f}{unit}: "
    right, undecided, wrong = (f"{share[name]:.0f} %" for name in (RIGHT, OPEN, WRONG))
    if state.seeds == 1:
        sign = f"has the right sign in {right} of the experiments" if state.true else "always names a winner"
        return f"{start}one run each {sign},\nand has no interval that would warn you."
    if not state.true:
        return f"{start}the interval contains zero in {right}\nof the experiments, finds what is not there in {wrong}."
    rest = f"cannot tell in {undecided}, has the wrong sign in {wrong}."
    return f"{start}the interval finds it in {right}\nof the experiments, {rest}"
