"""Every average at once: a profile over the iterates of a run, and how good the net with those weights is."""

from __future__ import annotations

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np

from course_utils.lessons.l10_2_6 import profiles
from course_utils.lessons.l10_2_6.iterates import STATISTICS, Iterates
from course_utils.pictures import style
from course_utils.pictures.controls import Control, choice, snap
from course_utils.pictures.live import LivePicture, Scene
from course_utils.training import evaluate

ALPHAS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
SHARES = (0.01, 0.02, 0.04, 0.08, 0.125, 0.25, 0.5, 0.75, 1.0)
SIGMAS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25)
STRETCHES = 8
KINDS = {  # name -> its controls
    "window": ("share",),
    "exponential": ("alpha",),
    "exponential (copy)": ("alpha",),
    "power law": ("sigma",),
    "drawn by hand": tuple(f"h{k}" for k in range(STRETCHES)),
    "no average": (),
}


class Averages:
    """Runs with all their iterates, and the accuracy of any average of them: measured once, then remembered.

    runs: name -> Iterates. data: its validation images judge the averages, its training images give the statistics.
    """

    def __init__(self, runs: dict[str, Iterates], data, *, points: int = 24, **recalibration):
        self.runs, self.data, self.how = runs, data, recalibration
        self.accuracy = lru_cache(maxsize=2000)(self._accuracy)
        T = next(iter(runs.values())).T
        self.times = sorted({round(T * (k + 1) / points) for k in range(points)})
        self.curves = {name: self._curve(iterates) for name, iterates in runs.items()}

    def _curve(self, iterates: Iterates) -> list[float]:
        """Validation accuracy of single iterates, in per cent."""
        rows = np.eye(iterates.T + 1)
        return [100 * evaluate(iterates.net(rows[t]), self.data, "val")[1] for t in self.times]

    def _accuracy(self, run: str, until: float, kind: str, *value) -> dict[str, float]:
        """Per cent on the validation images, for each way to get BatchNorm's statistics."""
        iterates = self.runs[run]
        row = self.profile(run, until, kind, *value)
        nets = (iterates.net(row, which, self.data, **self.how) for which in STATISTICS)
        return {w: 100 * evaluate(net, self.data, "val")[1] for w, net in zip(STATISTICS, nets, strict=True)}

    def profile(self, run: str, until: float, kind: str, *value) -> np.ndarray:
        """The average made after the share `until` of the training, as a profile over all of it."""
        T = self.runs[run].T
        t = max(1, round(until * T))
        make = {
            "window": profiles.window_profile,
            "exponential": profiles.exponential_profile,
            "exponential (copy)": partial(profiles.exponential_profile, debias=False),
            "power law": lambda t, sigma: profiles.power_profile(t, profiles.gamma_of(sigma)),
            "drawn by hand": lambda t, *heights: profiles.drawn_profile(t, heights),
            "no average": profiles.last,
        }[kind]
        return np.r_[make(t, *value), np.zeros(T - t)]

    def race(self, run: str, kind: str, values) -> dict[str, list[float]]:
        """Accuracies of many averages: statistics -> one number for each value."""
        results = [self.accuracy(run, 1.0, kind, value) for value in values]
        return {which: [result[which] for result in results] for which in STATISTICS}


def averages_explorer(averages: Averages) -> LivePicture:
    """The live picture: choose a profile, read the accuracy of that very network with three kinds of statistics."""
    names = list(averages.runs)
    eighths = [(f"{k}/8", k / 8) for k in range(1, 9)]
    controls = [
        choice("run", "run", names),
        choice("kind", "average", list(KINDS)),
        snap("until", "made after", [(f"{text} of the run", share) for text, share in eighths], 1.0),
        snap("share", "window, share of it", [(f"{100 * share:g} %", share) for share in SHARES], 0.08),
        snap("alpha", "coefficient α", [(f"{alpha:g}", alpha) for alpha in ALPHAS], 0.99),
        snap("sigma", "width σ", [(f"{sigma:g}", sigma) for sigma in SIGMAS], 0.1),
        *(_height(k) for k in range(STRETCHES)),
    ]
    picture = LivePicture(
        partial(draw, averages),
        controls,
        build=partial(build, averages),
        title="Every average at once",
        alt="Above, validation accuracy along the run and, at the right, of the averaged net with three kinds of "
        "BatchNorm statistics; below, how much each iterate counts",
        note=averages.data.banner(),
        figsize=(style.SIZE[0], 4.1),
        status_lines=3,
    )
    kind = picture.controls["kind"].widget

    def only_its_own(_change=None):
        for name in {name for own in KINDS.values() for name in own}:
            shown = name in KINDS[kind.value]
            picture.controls[name].widget.layout.display = None if shown else "none"

    kind.observe(only_its_own, names="value")
    only_its_own()
    return picture


def _height(k: int) -> Control:
    """One of the eight upright sliders with which a profile is drawn."""
    layout = widgets.Layout(width="76px", height="120px", margin="1px 2px")
    how = dict(min=0, max=10, step=1, orientation="vertical", continuous_update=False)
    return Control(f"h{k}", widgets.IntSlider(value=k, description=f"part {k + 1}", layout=layout, **how), k, 0, 10)


def build(averages: Averages, figure):
    grid = figure.add_gridspec(2, 2, height_ratios=[2.1, 1], width_ratios=[2.3, 1])
    run, nets, profile = (figure.add_subplot(grid[place]) for place in ((0, 0), (0, 1), (1, 0)))
    T = averages.times[-1]
    top = min(100, 10 * (max(max(curve) for curve in averages.curves.values()) // 10 + 2))
    run.set(xlim=(0, T * 1.01), ylim=(0, top), ylabel="validation accuracy (%)")
    nets.set(xlim=(-0.5, 2.5), ylim=(0, top))
    nets.set_title("BatchNorm's statistics", fontsize=9, fontweight="normal")
    nets.set_xticks(range(3), ["copied", "averaged", "recali-\nbrated"])
    profile.set(xlim=(0, T * 1.01), ylim=(0, 1.08), xlabel="update t", ylabel="weight")
    profile.set_yticks([])
    for axes in (run, nets):
        axes.axhline(10, color=style.QUIET, lw=0.9, ls=(0, (2, 2)))
    run.text(T, 11, "guessing", fontsize=8, color=style.QUIET, ha="right", va="bottom")
    blue, orange, red = style.PALETTE[:3]
    card = dict(facecolor=style.CARD, edgecolor="none", pad=0.8)
    words = dict(fontsize=9, ha="center", va="bottom", color=style.INK, bbox=card)
    artists = {
        "run": run.plot([], [], color=style.QUIET, lw=1.4, ls="-", marker="o", ms=3)[0],
        "best": run.plot([], [], color=blue, lw=1.8, ls="-")[0],
        "until": run.plot([], [], color=style.QUIET, lw=0.9, ls=(0, (2, 2)))[0],
        "fill": profile.fill_between([], [], [], color=blue, alpha=0.35, lw=0),
        "edge": profile.plot([], [], color=blue, lw=1.4, ls="-")[0],
        "start": profile.plot([], [], color=red, lw=4, ls="-", solid_capstyle="butt")[0],
        "raw": nets.plot([], [], color=style.QUIET, lw=1.4, ls=(0, (4, 2)))[0],
    }
    lines, names = [artists["run"], artists["best"]], ["single iterates", "their average, recalibrated"]
    run.legend(lines, names, loc="lower right", bbox_to_anchor=(1, 0.17))
    for k, color in enumerate((red, orange, blue)):
        artists[f"net {k}"] = nets.plot([], [], color=color, marker=style.MARKERS[k], ms=9, ls="none")[0]
        artists[f"word {k}"] = nets.text(0, 0, "", **words)
    artists["facts"] = figure.text(0, 0, "", fontsize=8.8, va="top", linespacing=1.45, transform=nets.transAxes)
    return {"run": run, "nets": nets, "profile": profile}, artists


def draw(averages: Averages, state) -> Scene:
    """state: run, kind, until, and the values of that kind's controls."""
    value = [getattr(state, name) for name in KINDS[state.kind]]
    row = averages.profile(state.run, state.until, state.kind, *value)
    result = averages.accuracy(state.run, state.until, state.kind, *value)
    alone = averages.accuracy(state.run, state.until, "no average")["copied"]
    T, t = len(row) - 1, np.arange(len(row))
    end = max(1, round(state.until * T))
    rest = row[2 : end + 1].max(initial=0)  # the first iterate may tower above all others
    shown = np.minimum(1, row / (rest or row.max()))
    if state.kind == "no average":  # one iterate would be too thin a line to be seen
        t, shown = np.array([end, end]), np.array([0, 1])
    artists = {
        "run": (averages.times, averages.curves[state.run]),
        "best": ([0, end], [result["recalibrated"]] * 2),
        "until": ([end, end], [0, 100]),
        "fill": (t, np.zeros(len(t)), shown),
        "edge": (t, shown),
        "start": ([1, 1], [0, 1]) if row[1] > 0.005 and row[1] > 2 * rest else ([], []),
        "raw": ([-0.5, 2.5], [alone, alone]),
        "facts": (0.02, -0.38, "\n".join([setting(state), *facts(row, end)])),
    }
    for k, which in enumerate(STATISTICS):
        artists[f"net {k}"] = ([k], [result[which]])
        artists[f"word {k}"] = (k, result[which] + 3, f"{result[which]:.1f}")
    return Scene(artists, words(state, result, alone, row, end))


def setting(state) -> str:
    """What the kind's own control says, so that the picture shows it, too."""
    texts = {"share": "newest {:.0%}", "alpha": "α = {:g}", "sigma": "σ = {:g}"}
    return next((texts[name].format(getattr(state, name)) for name in KINDS[state.kind] if name in texts), state.kind)


def facts(row: np.ndarray, end: int) -> list[str]:
    """What the profile is, in numbers."""
    back = end - float(row @ np.arange(len(row)))
    half = int(np.searchsorted(np.cumsum(row[end::-1]), 0.5 - 1e-9)) + 1
    start = float(row[0] + row[1])
    return [
        f"mean age: {back:.0f} updates",
        f"half the weight: last {half}",
        f"on the first iterate: {100 * start:.1f} %",
    ]


def words(state, result: dict, alone: float, row: np.ndarray, end: int) -> str:
    numbers = ", ".join(f"{which} {result[which]:.1f} %" for which in STATISTICS)
    gain = result["recalibrated"] - alone
    return (
        f"{state.run}, after {end:,} updates; {state.kind}: {', '.join(facts(row, end))}.\n"
        f"Validation accuracy with BatchNorm's statistics {numbers}.\n"
        f"The last iterate alone: {alone:.1f} %; averaged and recalibrated {gain:+.1f} points."
    )
