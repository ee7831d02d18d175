"""One search of a sampler, trial by trial, over a landscape of recorded trainings."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
import optuna

from course_utils.lessons.la1.objectives import RecordedTrials
from course_utils.pictures import style
from course_utils.pictures.controls import choice, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.seed_bands import note_of
from course_utils.search.study import quiet

SAMPLERS = ("random", "TPE", "TPE, eight at once")
TRIALS, SEARCHES, AT_ONCE, STARTUP = 24, 20, 8, 10
SPACE = {
    "lr": optuna.distributions.FloatDistribution(1e-3, 3.16, log=True),
    "weight_decay": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
}


class Searches:
    """Searches over a table of runs of two seeds: the first is what a search sees, the second judges its winner."""

    def __init__(self, runs):
        seeds = runs.values("seed")
        if len(seeds) < 2:
            raise ValueError(f"the runs need two seeds, one to search with and one to judge; they have {seeds}.")
        self.seen, self.judge = (RecordedTrials(runs.where(seed=seed)) for seed in seeds[:2])
        self.best = 100 * max(self.seen.accuracies)
        self.one = lru_cache(maxsize=None)(self._one)

    def _one(self, sampler: str, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(settings: TRIALS x 2, accuracy as seen, accuracy with the other seed; per cent) of search `number`."""
        kind = optuna.samplers.RandomSampler if sampler == "random" else optuna.samplers.TPESampler
        more = {} if sampler == "random" else dict(n_startup_trials=STARTUP, constant_liar=True)
        with quiet():
            study = optuna.create_study(direction="maximize", sampler=kind(seed=number, **more))
        width = AT_ONCE if "at once" in sampler else 1
        for _ in range(TRIALS // width):
            together = [study.ask(SPACE) for _ in range(width)]  # all before the first of them is told
            for trial in together:
                study.tell(trial, self.seen(**trial.params))
        settings = [trial.params for trial in study.trials]
        seen, again = (100 * np.array([f(**params) for params in settings]) for f in (self.seen, self.judge))
        return np.array([[p["lr"], p["weight_decay"]] for p in settings]), seen, again


def sampler_explorer(runs) -> LivePicture:
    """Controls: sampler, number of the search (0 to 19), trials so far (1 to 24).

    runs: a RunTable over lr and weight_decay, two seeds. Left, the tried settings over the accuracies a search can
    find; right, the best so far as the search sees it, and what the same setting reaches with the other seed.
    """
    searches = Searches(runs)
    controls = [
        choice("sampler", "sampler", [(name, name) for name in SAMPLERS], "TPE"),
        whole("search", "search number", 0, SEARCHES - 1, 0),
        whole("trials", "trials so far", 1, TRIALS, 12),
    ]
    return LivePicture(
        partial(draw, searches),
        controls,
        build=partial(build, searches),
        title="One search, trial by trial",
        note=note_of({"": runs}),
        alt="Left, the trials of one search over learning rate and weight decay, on a map of the accuracies that can "
        "be found; right, the best so far against trials, as the search sees it and with another seed",
        figsize=(style.SIZE[0], 3.9),
        status_lines=3,
    )


def build(searches: Searches, figure):
    plane, curve = figure.subplots(1, 2, width_ratios=[1.25, 1])
    places = 10.0 ** searches.seen.places[:, :2]
    rates, decays = (np.unique(places[:, axis].round(9)) for axis in (0, 1))
    table = np.full((len(decays), len(rates)), np.nan)
    for (lr, decay), accuracy in zip(places.round(9), searches.seen.accuracies, strict=True):
        table[np.searchsorted(decays, decay), np.searchsorted(rates, lr)] = 100 * accuracy
    shade = plane.pcolormesh(rates, decays, table, shading="nearest", cmap="Greys", vmin=5, vmax=70, zorder=1)
    shade.set_rasterized(True)
    plane.grid(False)
    ends = [(SPACE[name].low / 1.25, SPACE[name].high * 1.25) for name in ("lr", "weight_decay")]
    plane.set(xscale="log", yscale="log", xlim=ends[0], ylim=ends[1], xlabel="learning rate", ylabel="weight decay")
    curve.set(xlim=(0, TRIALS + 1), ylim=(5, 50), xlabel="trials", ylabel="accuracy (%)")
    blue, orange, red = style.PALETTE[0], style.PALETTE[1], style.PALETTE[2]
    edge = dict(ls="none", mec=style.CARD, mew=0.8)
    words = dict(fontsize=8.5, va="bottom", ha="right")
    return {"plane": plane, "curve": curve}, {
        "first": plane.plot([], [], marker="o", ms=6, color=blue, zorder=3, **edge)[0],
        "later": plane.plot([], [], marker="D", ms=6, color=orange, zorder=3, **edge)[0],
        "best": plane.plot([], [], marker="o", ms=14, ls="none", mfc="none", mec=red, mew=2, zorder=5)[0],
        "single": curve.plot([], [], marker="o", ms=4, ls="none", color=style.QUIET, zorder=2)[0],
        "seen": curve.plot([], [], color=red, lw=2.0, drawstyle="steps-post", zorder=4)[0],
        "again": curve.plot([], [], color=style.INK, lw=1.6, ls=(0, (5, 1.6)), drawstyle="steps-post", zorder=3)[0],
        "top": curve.plot([], [], color=style.QUIET, lw=0.9, ls=(0, (2, 2)))[0],
        "top word": curve.text(0, 0, "", color=style.QUIET, **words),
        "seen word": curve.text(0, 0, "", color=red, **words),
        "again word": curve.text(0, 0, "", color=style.INK, **words),
    }


def draw(searches: Searches, state) -> Scene:
    """state: sampler, search, trials."""
    settings, seen, again = searches.one(state.sampler, state.search)
    n = state.trials
    guided = n if state.sampler == "random" else min(n, STARTUP)  # TPE's first trials are random search
    if "at once" in state.sampler:  # the second eight are asked before ten are known
        guided = min(n, 2 * AT_ONCE)
    winner = [int(np.argmax(seen[: k + 1])) for k in range(n)]
    t = np.arange(1, n + 1)
    artists = {
        "first": tuple(settings[:guided].T),
        "later": tuple(settings[guided:n].T),
        "best": tuple(settings[winner[-1]][:, None]),
        "single": (t, seen[:n]),
        "seen": (t, seen[winner]),
        "again": (t, again[winner]),
        "top": ([0, TRIALS + 1], [searches.best] * 2),
        "top word": (TRIALS + 0.7, searches.best + 0.4, "best of all"),
        "seen word": (TRIALS + 0.7, 10.5, "best so far"),
        "again word": (TRIALS + 0.7, 6.5, "the same, other seed"),
    }
    return Scene(artists, words(searches, state, guided, winner[-1], seen, again))


def words(searches: Searches, state, guided: int, winner: int, seen, again) -> str:
    later = state.trials - guided
    how = f"{guided} drawn at random (dots), {later} guided by results (diamonds)" if later else f"{guided} at random"
    mean = f"; mean of the guided ones {seen[guided : state.trials].mean():.1f} %" if later else ""
    return (
        f"{state.sampler}, search {state.search}: {state.trials} trials, {how}{mean}.\n"
        f"Best so far (ring): trial {winner + 1}, seen {seen[winner]:.1f} %; other seed {again[winner]:.1f} %.\n"
        f"The best that could be seen is {searches.best:.1f} %."
    )
