"""Grid against random search, replayed from recorded runs: sliders over the budget and over how little an axis matters.

    replay_explorer(SettingsTable.of(recorded("10.2.1")))

Left: how far the best so far lies below the best setting of the table, median and middle 80 % of many replayed
searches. Right: the share of all possible races that random search wins, known exactly, against the budget; and what
the replayed ones gave. Every setting was trained twice; each training takes its turn as the one a search sees, so that
a seed that is luckier for all settings cancels out. No torch.
"""

from __future__ import annotations

from functools import lru_cache, partial
from statistics import fmean

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from course_utils.lessons.l10_2_2.chances import share_interval
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap
from course_utils.pictures.live import LivePicture, Scene
from course_utils.search.importance import main_effects
from course_utils.search.replays import KINDS, SettingsTable, exact_win_rate, expected, grid_counts, replay, win_rate

TITLE = "Grid against random search, replayed"
BUDGETS = (4, 9, 16, 25, 36, 49, 64)
RACES = 600  # replayed, shared by the problems of a space
SPACES = {
    "rate, weight decay": ("lr", "weight_decay"),
    "rate, dropout": ("lr", "dropout"),
    "rate, decay, dropout": ("lr", "weight_decay", "dropout"),
    "all four": ("lr", "weight_decay", "dropout", "batch_size"),
}
WORDS = {"lr": "learning rate", "weight_decay": "weight decay", "dropout": "dropout", "batch_size": "batch size"}
DEEPEST, LEAST = 30, 0.09  # points below the best that the left picture shows; LEAST stands for none


class Replays:
    """All numbers of the picture, computed once for each stand of the sliders. table: with the four axes of WORDS."""

    def __init__(self, table: SettingsTable):
        if set(table.names) != set(WORDS):
            raise ValueError(f"the table's axes are {', '.join(table.names)}; the picture needs {', '.join(WORDS)}.")
        self.table = table
        self.problems = lru_cache(maxsize=64)(self._problems)
        self.rates = lru_cache(maxsize=64)(self._rates)
        self.races = lru_cache(maxsize=128)(self._races)
        self.shares = lru_cache(maxsize=64)(self._shares)

    def _problems(self, axes: tuple, top: float) -> list[SettingsTable]:
        """One table over `axes` for every combination of the others, and for either training as the one a search sees;
        weight decay up to `top`."""
        problems = self.table.only(weight_decay=(None, top)).problems(axes)
        return [*problems, *(problem.swapped for problem in problems)]

    def _rates(self, axes, top, by) -> tuple[np.ndarray, np.ndarray]:
        """Budgets that the space has room for, and random search's exact win rate there, mean over the problems."""
        problems = self.problems(axes, top)
        fitting = [n for n in BUDGETS if n <= problems[0].size]
        rates = [fmean(exact_win_rate(problem, n, by) for problem in problems) for n in fitting]
        return np.array(fitting), np.array(rates)

    def _races(self, axes, top, n) -> dict:
        """Replayed searches: how far the best so far lies below the best of its table, in points, and the win rates."""
        problems = self.problems(axes, top)
        repeats = RACES // len(problems)
        races = [replay(problem, n, repeats, seed) for seed, problem in enumerate(problems)]
        numbers = {"repeats": repeats * len(problems), "trials": races[0]["grid"].seen.shape[1]}
        means = [expected(problem, n) for problem in problems]
        for kind in KINDS:
            pairs = zip(problems, races, strict=True)
            short = np.concatenate([problem.seen.max() - race[kind].best_so_far for problem, race in pairs])
            numbers[f"{kind} band"] = np.quantile(short, (0.9, 0.5, 0.1), axis=0)  # worst tenth, median, best tenth
            numbers[f"{kind} luck"] = fmean(seen - again for seen, again in (mean[kind] for mean in means))
        return numbers | {by: fmean(win_rate(race, by) for race in races) for by in ("best", "retrained")}

    def _shares(self, axes, top) -> dict:
        """Share of the variance of every axis, mean over the problems."""
        shares = [main_effects(problem.seen, problem.names) for problem in self.problems(axes, top)]
        return {name: fmean(share[name] for share in shares) for name in shares[0]}


def replay_explorer(
    table: SettingsTable, *, n: int = 16, title: str = "Grid against random search, replayed"
) -> LivePicture:
    """A live picture of searches replayed from a table of recorded runs. n: one of BUDGETS, where the slider starts.

    Raises ValueError for another n, or for a table without the four axes.
    """
    if isinstance(n, bool) or n not in BUDGETS:
        raise ValueError(f"n must be one of {', '.join(map(str, BUDGETS))}, got {n!r}.")
    tops = [top for top in table.levels["weight_decay"] if top >= 9e-5]
    start = min(tops, key=lambda top: abs(np.log(top / 1e-3)))
    controls = [
        snap("n", "budget n (trials)", [(str(k), k) for k in BUDGETS], n),
        snap("top", "weight decay up to", [(f"{top:.2g}", top) for top in tops], start),
        choice("axes", "axes searched", list(SPACES.items())),
        choice("by", "judged by", [("accuracy the search saw", "best"), ("winner trained once more", "retrained")]),
    ]
    return LivePicture(
        partial(draw, Replays(table)),
        controls,
        title=title,
        alt="Left, best so far of grid and random searches against the number of trials, median and band; right, "
        "share of races that random search wins against the budget",
        note="recorded runs, CIFAR-10",
        build=build,
        figsize=(style.SIZE[0], 3.5),
        status_lines=4,
    )


def build(figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.xaxis.set(major_locator=FixedLocator([1, 2, *BUDGETS]), minor_locator=NullLocator(), major_formatter=plain)
    left.set(xlabel="trials done", ylabel="best so far: points below the best", xlim=(0.95, 68), yscale="log")
    left.set_ylim(DEEPEST, LEAST * 0.9)  # upside down: up is better
    left.yaxis.set(major_locator=FixedLocator([0.1, 0.3, 1, 3, 10, 30]), minor_locator=NullLocator())
    left.yaxis.set_major_formatter(plain)
    right.set(xlabel="budget n (trials)", ylabel="races won by random (%)", xlim=(3.6, 72), ylim=(29, 81))
    right.axhline(50, color=style.INK, lw=1.0, ls=(0, (2, 2)))
    artists = {}
    for n, kind in enumerate(KINDS):
        look = style.look(1 - n)  # random blue, grid orange
        artists[f"{kind} band"] = left.fill_between([1], [0], [0], color=look["color"], alpha=0.2, lw=0)
        artists[kind] = left.plot([], [], label=kind, **look)[0]
    blue, purple = style.PALETTE[0], style.PALETTE[5]
    artists["exact"] = right.plot([], [], marker="o", ms=4.5, color=blue, lw=1.8, ls="-")[0]
    artists["reach"] = right.add_collection(LineCollection([], colors=purple, linewidths=2.2, zorder=4))
    artists["counted"] = right.plot([], [], marker="D", ms=6, ls="none", color=purple, zorder=5)[0]
    style.legend_row(left, [artists[kind] for kind in KINDS], [f"{kind} search" for kind in KINDS])
    style.legend_row(right, [artists["exact"], artists["counted"]], ["all races", "replayed"])
    return {"left": left, "right": right}, artists


def draw(replays: Replays, state) -> Scene:
    """state: n, top (of the weight decay), axes (a value of SPACES), by. Pure: the same numbers give the same scene."""
    axes, top, by = tuple(state.axes), state.top, state.by
    budgets, rates = replays.rates(axes, top, by)
    n = min(state.n, int(budgets[-1]))
    numbers, exact = replays.races(axes, top, n), float(rates[list(budgets).index(n)])
    artists = {"exact": (budgets, rates)}
    for kind in KINDS:
        low, middle, high = np.maximum(numbers[f"{kind} band"], LEAST)
        done = np.arange(1, len(middle) + 1)
        artists |= {kind: (done, middle), f"{kind} band": (done, low, high)}
    reach = [100 * end for end in share_interval(numbers[by] / 100, numbers["repeats"])]
    artists |= {"counted": ([n], [numbers[by]]), "reach": [([n, n], reach)]}
    return Scene(artists, words(replays, axes, top, n, by, numbers, exact, reach))


def words(replays, axes, top, n, by, numbers, exact, reach) -> str:
    counts = grid_counts(replays.problems(axes, top)[0].seen.shape, n)
    grid = " × ".join(str(count) for count in counts)
    ends = {kind: numbers[f"{kind} band"][1, -1] for kind in KINDS}
    shares = ", ".join(f"{WORDS[name]} {share:.0%}" for name, share in replays.shares(axes, top).items())
    again = " (winners trained once more)" if by == "retrained" else ""
    return (
        f"{numbers['trials']} trials each: a grid of {grid}, or random. The best found lies below the table's best by "
        f"a median of {ends['grid']:.1f} points (grid), {ends['random']:.1f} points (random).\n"
        f"Random search wins {exact:.1f} % of all possible races, {numbers[by]:.1f} % [{reach[0]:.1f}, {reach[1]:.1f}] "
        f"of {numbers['repeats']} replayed{again}.\n"
        f"Share of the variance: {shares}.\n"
        f"The winner's luck (seen minus trained once more): grid {numbers['grid luck']:+.1f}, random "
        f"{numbers['random luck']:+.1f} points."
    )
