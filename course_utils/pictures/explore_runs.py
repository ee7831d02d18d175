"""The run explorer: a slider over runs that were really made. It stops only at measured values.

    run_explorer(recorded("10.1.1"), x="lr", by="optimizer")

Left: the curves of the chosen setting (median line, band over the seeds), faint behind it the other settings.
Right: where that setting stands among all. Runs that diverged are marked where they ended, not left out.
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
from course_utils.pictures.seed_bands import WORDS, curve_of, seed_band, summary_of

NAMES = {
    "sgd": "SGD",
    "sgd+momentum": "SGD + momentum",
    "sgd_momentum": "SGD + momentum",
    "sgdm": "SGD + momentum",
    "adagrad": "Adagrad",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "adamw": "AdamW",
}
TOPS = {"loss": 3.2, "val_loss": 3.2}  # guessing is at ln 10 = 2.3; what rises above 3.2 is on its way out


def name_of(value) -> str:
    """How a recorded value is written for the reader."""
    return NAMES.get(value, value.replace("_", " ")) if isinstance(value, str) else f"{value:.3g}"


def _one_setting(runs: list) -> list:
    """The runs, if they differ by seed only; a median over different settings shows a run nobody made."""
    if len({run.seed for run in runs}) < len(runs):
        keys = sorted({key for run in runs for key in run.config} - {"seed"})
        mixed = [key for key in keys if len({str(run.config.get(key)) for run in runs}) > 1]
        raise ValueError(
            f"several runs of one seed share a setting; they differ in {', '.join(mixed) or 'nothing'}. "
            "Choose one kind with table.where(...) before exploring."
        )
    return runs


class _Recorded:
    """Everything the picture needs, computed once: bands, medians and ends of every setting."""

    def __init__(self, table, x: str, by: str | None, curves):
        self.table, self.x, self.by = table, x, by
        self.groups = table.values(by) if by else [None]
        self.xs = table.values(x)
        self.last = max((run.t[-1] for run in table if len(run.t)), default=1)
        best = max((100 * run.best_accuracy for run in table if run.val), default=100.0)
        self.tops = {**TOPS, "accuracy": min(100.0, 10.0 * math.ceil(best / 10 + 0.2))}
        self.background = lru_cache(maxsize=None)(partial(_background, self))
        self.runs, self.bands, self.summaries = {}, {}, {}
        for group in self.groups:
            part = table.where(**{by: group}) if by else table
            for value in part.values(x):
                runs = _one_setting(list(part.where(**{x: value})))
                self.runs[group, value] = runs
                self.summaries[group, value] = summary_of(runs)
                for curve in curves:
                    self.bands[group, value, curve] = seed_band(runs, curve)

    def measured(self, group) -> list:
        """The values of x that were recorded for this group."""
        return [value for value in self.xs if (group, value) in self.runs]

    def nearest(self, group, value):
        """The recorded value closest to the wished one (by ratio)."""
        return min(
            self.measured(group),
            key=lambda there: abs(math.log(there / value)) if value > 0 else abs(there - value),
        )

    def best(self, group):
        """The value of x with the highest median accuracy, or None if every run diverged."""
        good = {value: self.summaries[group, value]["median"] for value in self.measured(group)}
        good = {value: accuracy for value, accuracy in good.items() if accuracy == accuracy}
        return max(good, key=good.get) if good else None


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
    curves = ("loss", "accuracy", "val_loss")
    if not len(table):
        raise ValueError("the table holds no runs; recorded(...) says which tables there are")
    if curve not in curves:
        raise ValueError(f"curve = {curve!r}: choose one of {', '.join(curves)}")
    if not all(isinstance(value, (int, float)) and value > 0 for value in table.values(x)):
        raise ValueError(f"x = {x!r} must be a positive number in every run, got {table.values(x)}")
    data = _Recorded(table, x, by, curves)
    first = data.groups[0]
    start = data.best(first) or data.xs[len(data.xs) // 2]
    controls = [snap(x, xname, [(f"{value:.3g}", value) for value in data.xs], start)]
    if by:
        controls.append(choice(by, by.replace("_", " "), [(name_of(group), group) for group in data.groups]))
    controls.append(choice("curve", "curve", [(WORDS[name], name) for name in curves], curve))
    return LivePicture(
        partial(_draw, data, xname),
        controls,
        title=title or f"Recorded runs: {xname}",
        note=note or _note(table),
        alt=f"Left, training curves of recorded runs; right, accuracy against {xname}",
        build=partial(_build, data, xname),
        still=STILL,
        status_lines=3,
        figsize=(style.SIZE[0], 3.5),
    )


def _note(table) -> str:
    sources = sorted({run.source for run in table if run.source})
    return (
        ", ".join(sources) if not any("stand-in" in source for source in sources) else "stand-in images, not CIFAR-10"
    )


def _build(data: _Recorded, xname: str, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    left.set(xlabel="update", ylabel="", xlim=(0, data.last * 1.01), ylim=(0, data.tops["loss"]))
    right.set(xlabel=xname, ylabel="", xscale="log", ylim=(0, data.tops["accuracy"]))
    left.set_title(" ", fontsize=9)  # keeps the row for the moving words below
    right.set_title("final validation accuracy (%)", fontsize=9, fontweight="normal")
    right.set_xlim(data.xs[0] / 1.8, data.xs[-1] * 1.8)
    right.xaxis.set_major_locator(LogLocator(numticks=6))
    right.xaxis.set_minor_locator(NullLocator())
    blue, red = style.PALETTE[0], style.PALETTE[2]
    artists = {
        "chance": left.axhline(0, color=style.QUIET, lw=0.9, ls=(0, (2, 2)), zorder=1.5),
        "chance word": left.text(0, 0, "", fontsize=8, color=style.QUIET, va="bottom", ha="right"),
        "what": left.text(0, 1.035, "", fontsize=9, transform=left.transAxes),
        "others": left.add_collection(LineCollection([], colors=style.FAINT, linewidths=1.0, zorder=1.8)),
        "band": left.fill_between([], [], [], color=blue, alpha=0.25, lw=0, zorder=2),
        "median": left.plot([], [], color=blue, lw=2.2, zorder=3)[0],
        "ended": left.plot([], [], marker="X", ms=10, color=red, mec=style.CARD, ls="none", zorder=6)[0],
        "ended word": left.text(0, 0, "", fontsize=8.8, color=red, va="center", ha="left", zorder=6),
        "all band": right.fill_between([], [], [], color=blue, alpha=0.25, lw=0, zorder=2),
        "all": right.plot([], [], color=blue, lw=1.4, marker="o", ms=3.5)[0],
        "all diverged": right.plot([], [], marker="X", ms=6.5, color=red, mec=style.CARD, ls="none", zorder=4)[0],
        "lost word": right.text(1, 0, "", fontsize=8, color=red, ha="center", va="bottom"),
        "here line": right.axvline(1, color=style.INK, lw=0.9, ls=(0, (2, 2)), zorder=1.5),
        "here": right.plot([], [], marker="o", ms=9, color=blue, mec=style.INK, mew=1.4, ls="none", zorder=5)[0],
    }
    return {"left": left, "right": right}, artists


def _draw(data: _Recorded, xname: str, state) -> Scene:
    group, curve = getattr(state, data.by) if data.by else None, state.curve
    wished = getattr(state, data.x)
    value = data.nearest(group, wished)
    t, *band = data.bands[group, value, curve]
    known, top = data.summaries[group, value], data.tops[curve]
    median, low, high = (np.clip(y, 0, 2 * top) for y in band)
    artists = {
        **data.background(group, curve),
        "band": (t, low, high),
        "median": (t, median),
        "here line": ([value, value], [0, 1]),
        **_ends(data.runs[group, value], curve, top, data.last),
    }
    if known["accuracies"]:
        artists["here"] = ([value], [known["median"]])
    return Scene(artists, _words(data, xname, group, wished, value), {"left": (None, None, 0, top)})


def _background(data: _Recorded, group, curve) -> dict:
    """What stays while the slider moves: the group's curves, faint; its accuracies; the level of guessing."""
    top, chance = data.tops[curve], 10.0 if curve == "accuracy" else math.log(10)
    values = data.measured(group)
    ends = {value: data.summaries[group, value] for value in values}
    good = [value for value in values if ends[value]["accuracies"]]
    lost = [value for value in values if ends[value]["diverged_at"]]
    curves = [data.bands[group, value, curve][:2] for value in values]
    artists = {
        "chance": ([0, 1], [chance, chance]),
        "chance word": (
            data.last,
            chance + 0.01 * top,
            "guessing: 10 %" if curve == "accuracy" else "guessing: ln 10",
        ),
        "what": (0, 1.035, WORDS[curve]),
        "others": [(t, np.clip(y, 0, 2 * top)) for t, y in curves],
        "all": (good, [ends[value]["median"] for value in good]),
        "all band": (
            good,
            [ends[v]["accuracies"][0] for v in good],
            [ends[v]["accuracies"][-1] for v in good],
        ),
        "all diverged": (lost, [0.03 * data.tops["accuracy"]] * len(lost)),
    }
    if lost:
        artists["lost word"] = (math.sqrt(lost[0] * lost[-1]), 0.06 * data.tops["accuracy"], "diverged")
    return artists


STILL = ("chance", "chance word", "what", "others", "all", "all band", "all diverged", "lost word")


def _ends(runs, curve, top, last) -> dict:
    """A cross where each diverged run ended: top of the loss panel, foot of the accuracy panel."""
    ends = [run for run in runs if run.status == "diverged"]
    if not ends:
        return {}
    at = [run.diverged_at or 0 for run in ends]
    height = 0.06 * top if curve == "accuracy" else 0.95 * top
    updates = f"{min(at)}" if min(at) == max(at) else f"{min(at)}–{max(at)}"
    word = f"{len(ends)} of {len(runs)} diverged, update {updates}"
    right = max(at) + 0.025 * last if max(at) < 0.5 * last else min(at) - 0.47 * last
    return {"ended": (at, [height] * len(at)), "ended word": (max(right, 0), height, word)}


def _words(data: _Recorded, xname, group, wished, value) -> str:
    known, runs = data.summaries[group, value], data.runs[group, value]
    who = f"{name_of(group)}, " if group is not None else ""
    head = f"{who}{xname} {value:.3g}:"
    if wished != value:
        head = f"Nothing was recorded at {wished:.3g} for this; the nearest is shown. " + head
    if known["accuracies"]:
        low, high = known["accuracies"][0], known["accuracies"][-1]
        head += f" final validation accuracy {known['median']:.1f} % (median; seeds {low:.1f} to {high:.1f} %)"
        losses = [curve_of(run, "loss")[1][-1] for run in runs if run.status != "diverged" and len(run.t)]
        head += f", training loss {np.median(losses):.3g}." if losses else "."
    if known["diverged_at"]:
        updates = ", ".join(map(str, known["diverged_at"]))
        head += f" {len(known['diverged_at'])} of {known['seeds']} seeds diverged, at update {updates}."
    best = data.best(group)
    second = (
        f"Best {xname} recorded here: {best:.3g}, {data.summaries[group, best]['median']:.1f} %."
        if best
        else "Every run diverged."
    )
    table = data.table.where(**{data.by: group}) if data.by else data.table
    label = table.label()
    return f"{head}\n{second}\n{label[0].upper()}{label[1:]}."
