"""The run explorer: a slider over runs that were really made. It stops only at measured values.

    run_explorer(recorded("10.1.1"), x="lr", by="optimizer")

Left: the curves of the chosen setting (median line, band over the seeds), faint behind it the others. Right: that
setting among all. Runs that diverged are marked where they ended, not left out.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import LogLocator, NullLocator

from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.numbers import capital, name_of
from course_utils.pictures.seed_bands import WORDS, curve_of, seed_band, summary_of

CURVES = ("loss", "accuracy", "val_loss")
STILL = ("chance", "chance word", "what", "others", "all", "all band", "all diverged", "lost word")


class Recorded:
    """Everything the picture needs, computed once: runs, bands and summaries of every setting (group, value of x).

    Raises ValueError if several runs of one seed share a setting: a median over them shows a run that nobody made.
    """

    def __init__(self, table, x: str, by: str | None, xname: str):
        self.table, self.x, self.by, self.xname = table, x, by, xname
        self.groups, self.xs = table.values(by) if by else [None], table.values(x)
        self.last = max((run.t[-1] for run in table if len(run.t)), default=1)
        best = max((100 * run.best_accuracy for run in table if run.val), default=100.0)
        self.tops = {"accuracy": min(100.0, 10.0 * math.ceil(best / 10 + 0.2))}
        self.tops |= {"loss": 3.2, "val_loss": 3.2}  # guessing is at ln 10 = 2.3; what is above 3.2 is on its way out
        self.background = lru_cache(maxsize=None)(partial(background, self))
        self.runs = {}
        for group in self.groups:
            part = table.where(**{by: group}) if by else table
            self.runs |= {(group, value): list(part.where(**{x: value})) for value in part.values(x)}
        for runs in self.runs.values():
            if len({run.seed for run in runs}) < len(runs):
                keys = sorted({key for run in runs for key in run.config} - {"seed"})
                mixed = [key for key in keys if len({str(run.config.get(key)) for run in runs}) > 1]
                raise ValueError(
                    f"several runs of one seed share a setting; they differ in {', '.join(mixed) or 'nothing'}. "
                    "Choose one kind with table.where(...) before exploring."
                )
        self.summaries = {setting: summary_of(runs) for setting, runs in self.runs.items()}
        self.bands = {
            (*setting, curve): seed_band(runs, curve) for setting, runs in self.runs.items() for curve in CURVES
        }

    def measured(self, group) -> list:
        """The values of x that were recorded for this group."""
        return [value for value in self.xs if (group, value) in self.runs]

    def chosen(self, state) -> tuple:
        """(group, value): the recorded setting closest to the wished one (by ratio)."""
        group = getattr(state, self.by) if self.by else None
        wished = math.log(getattr(state, self.x))
        return group, min(self.measured(group), key=lambda value: abs(math.log(value) - wished))

    def best(self, group):
        """The value of x with the highest median accuracy, or None if every run diverged."""
        values = [value for value in self.measured(group) if self.summaries[group, value]["accuracies"]]
        return max(values, key=lambda value: self.summaries[group, value]["median"], default=None)


def run_explorer(
    table,
    x: str = "lr",
    by: str | None = "optimizer",
    curve: str = "loss",
    *,
    xname: str = "learning rate",
    title: str = "",
    note: str = "",
) -> LivePicture:
    """A live picture over a RunTable.

    x: config entry under the slider (positive numbers). by: config entry of the drop-down list, or None.
    curve: drawn first: "loss", "accuracy" or "val_loss". note: corner text; default: what the records say.
    Raises ValueError if the table is empty, mixes settings, or x is not a positive number everywhere.
    """
    if not len(table):
        raise ValueError("the table holds no runs; recorded(...) says which tables there are")
    if curve not in CURVES:
        raise ValueError(f"curve = {curve!r}: choose one of {', '.join(CURVES)}")
    if not all(isinstance(value, (int, float)) and value > 0 for value in table.values(x)):
        raise ValueError(f"x = {x!r} must be a positive number in every run, got {table.values(x)}")
    data = Recorded(table, x, by, xname)
    start = data.best(data.groups[0]) or data.xs[len(data.xs) // 2]
    controls = [snap(x, xname, [(f"{value:.3g}", value) for value in data.xs], start)]
    if by:
        controls.append(choice(by, by.replace("_", " "), [(name_of(group), group) for group in data.groups]))
    controls.append(choice("curve", "curve", [(WORDS[name], name) for name in CURVES], curve))
    sources = sorted({run.source for run in table if run.source})
    stand_in = any("stand-in" in source for source in sources)
    return LivePicture(
        partial(draw, data),
        controls,
        build=partial(build, data),
        title=title or f"Recorded runs: {xname}",
        note=note or ("stand-in images, not CIFAR-10" if stand_in else ", ".join(sources)),
        alt=f"Left, training curves of recorded runs; right, accuracy against {xname}",
        still=STILL,
        status_lines=3,
        figsize=(style.SIZE[0], 3.5),
    )


def build(data: Recorded, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    left.set(xlabel="update", ylabel="", xlim=(0, data.last * 1.01), ylim=(0, data.tops["loss"]))
    right.set(xlabel=data.xname, ylabel="", xscale="log", ylim=(0, data.tops["accuracy"]))
    left.set_title(" ", fontsize=9)  # keeps the row for the moving words below
    right.set_title("final validation accuracy (%)", fontsize=9, fontweight="normal")
    right.set_xlim(data.xs[0] / 1.8, data.xs[-1] * 1.8)
    right.xaxis.set_major_locator(LogLocator(numticks=6))
    right.xaxis.set_minor_locator(NullLocator())
    blue, red = style.PALETTE[0], style.PALETTE[2]
    dashed = {"lw": 0.9, "ls": (0, (2, 2)), "zorder": 1.5}
    cross = {"marker": "X", "color": red, "mec": style.CARD, "ls": "none"}
    artists = {
        "chance": left.axhline(0, color=style.QUIET, **dashed),
        "chance word": left.text(0, 0, "", fontsize=8, color=style.QUIET, va="bottom", ha="right"),
        "what": left.text(0, 1.035, "", fontsize=9, transform=left.transAxes),
        "others": left.add_collection(LineCollection([], colors=style.FAINT, linewidths=1.0, zorder=1.8)),
        "band": left.fill_between([], [], [], color=blue, alpha=0.25, lw=0, zorder=2),
        "median": left.plot([], [], color=blue, lw=2.2, zorder=3)[0],
        "ended": left.plot([], [], ms=10, zorder=6, **cross)[0],
        "ended word": left.text(0, 0, "", fontsize=8.8, color=red, va="center", ha="left", zorder=6),
        "all band": right.fill_between([], [], [], color=blue, alpha=0.25, lw=0, zorder=2),
        "all": right.plot([], [], color=blue, lw=1.4, marker="o", ms=3.5)[0],
        "all diverged": right.plot([], [], ms=6.5, zorder=4, **cross)[0],
        "lost word": right.text(1, 0, "", fontsize=8, color=red, ha="center", va="bottom"),
        "here line": right.axvline(1, color=style.INK, **dashed),
        "here": right.plot([], [], marker="o", ms=9, color=blue, mec=style.INK, mew=1.4, ls="none", zorder=5)[0],
    }
    return {"left": left, "right": right}, artists


def draw(data: Recorded, state) -> Scene:
    """state: curve, and the config entries under the slider and in the list."""
    setting, curve, top = data.chosen(state), state.curve, data.tops[state.curve]
    t, *band = data.bands[(*setting, curve)]
    median, low, high = (np.clip(y, 0, 2 * top) for y in band)
    artists = {
        **data.background(setting[0], curve),
        "band": (t, low, high),
        "median": (t, median),
        "here line": ([setting[1]] * 2, [0, 1]),
        **_ends(data.runs[setting], curve, top, data.last),
    }
    if data.summaries[setting]["accuracies"]:
        artists["here"] = ([setting[1]], [data.summaries[setting]["median"]])
    return Scene(artists, words(data, state), {"left": (None, None, 0, top)})


def background(data: Recorded, group, curve: str) -> dict:
    """What stays while the slider moves: the group's curves, faint; its accuracies; the level of guessing."""
    top, foot, values = data.tops[curve], data.tops["accuracy"], data.measured(group)
    ends = {value: data.summaries[group, value] for value in values}
    good = [value for value in values if ends[value]["accuracies"]]
    lost = [value for value in values if ends[value]["diverged_at"]]
    chance, word = (10.0, "guessing: 10 %") if curve == "accuracy" else (math.log(10), "guessing: ln 10")
    curves = [data.bands[group, value, curve][:2] for value in values]
    artists = {
        "chance": ([0, 1], [chance, chance]),
        "chance word": (data.last, chance + 0.01 * top, word),
        "what": (0, 1.035, WORDS[curve]),
        "others": [(t, np.clip(y, 0, 2 * top)) for t, y in curves],
        "all": (good, [ends[value]["median"] for value in good]),
        "all band": (good, *([ends[value]["accuracies"][end] for value in good] for end in (0, -1))),
        "all diverged": (lost, [0.03 * foot] * len(lost)),
    }
    if lost:
        artists["lost word"] = (math.sqrt(lost[0] * lost[-1]), 0.06 * foot, "diverged")
    return artists


def _ends(runs, curve: str, top: float, last: int) -> dict:
    """A cross where each diverged run ended: top of the loss panel, foot of the accuracy panel."""
    at = [run.diverged_at or 0 for run in runs if run.status == "diverged"]
    if not at:
        return {}
    height = 0.06 * top if curve == "accuracy" else 0.95 * top
    updates = f"{min(at)}" if min(at) == max(at) else f"{min(at)}–{max(at)}"
    left = max(at) + 0.025 * last if max(at) < 0.5 * last else min(at) - 0.47 * last
    word = f"{len(at)} of {len(runs)} diverged, update {updates}"
    return {"ended": (at, [height] * len(at)), "ended word": (max(left, 0), height, word)}


def words(data: Recorded, state) -> str:
    """The setting's accuracy and loss, what diverged, the best setting, and what kind of runs these are."""
    group, value = setting = data.chosen(state)
    known, wished = data.summaries[setting], getattr(state, data.x)
    head = f"{name_of(group)}, " if group is not None else ""
    head += f"{data.xname} {value:.3g}:"
    if wished != value:
        head = f"Nothing was recorded at {wished:.3g} for this; the nearest is shown. " + head
    if known["accuracies"]:
        low, high = known["accuracies"][0], known["accuracies"][-1]
        head += f" final validation accuracy {known['median']:.1f} % (median; seeds {low:.1f} to {high:.1f} %)"
        losses = [curve_of(run)[1][-1] for run in data.runs[setting] if run.status != "diverged" and len(run.t)]
        head += f", training loss {np.median(losses):.3g}." if losses else "."
    if known["diverged_at"]:
        updates = ", ".join(map(str, known["diverged_at"]))
        head += f" {len(known['diverged_at'])} of {known['seeds']} seeds diverged, at update {updates}."
    best, second = data.best(group), "Every run diverged."
    if best:
        second = f"Best {data.xname} recorded here: {best:.3g}, {data.summaries[group, best]['median']:.1f} %."
    table = data.table.where(**{data.by: group}) if data.by else data.table
    return f"{head}\n{second}\n{capital(table.label())}."
