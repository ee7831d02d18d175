"""Figure 10.7, and the explorer of stopping rules over recorded runs that overfit.

    overfitting_figure({"right labels": run, "4 in 10 wrong": [run, run, run]})
    stopping_explorer(recorded("10.1.8"))

Both need runs whose config holds `train_accuracy`, one entry a validation; the explorer also the lists of
`record.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from course_utils.checks import check_whole
from course_utils.pictures import style
from course_utils.pictures.controls import choice, slider, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.seed_bands import note_of, runs_of
from course_utils.training.early_stopping import Stop, stopping

TRAIN, VAL = style.PALETTE[4], style.PALETTE[0]
ACCURACY, LOSS = style.PALETTE[2], style.PALETTE[3]  # the checkpoints chosen by one and by the other
UNIT = {"accuracy": "points", "loss": "nats"}
WAY = {"accuracy": "higher", "loss": "lower"}
TOO_EARLY = 3  # points of test accuracy below training long


def scores_of(run, by: str = "accuracy", on: str = "val") -> list[float]:
    """The scores of a run, one a validation: "accuracy" in per cent, "loss" in nats.

    on: "val", or where the run's config holds such lists (the recorded runs of lesson 10.1.8) "test" or "small", the
    first 200 validation images. Raises ValueError for anything else.
    """
    if by not in ("loss", "accuracy") or (on != "val" and f"{on}_{by}" not in run.config):
        known = ["val", *(name for name in ("test", "small") if f"{name}_{by}" in run.config)]
        raise ValueError(f"by = {by!r}, on = {on!r}: by is 'loss' or 'accuracy', on is one of {', '.join(known)} here")
    values = [v[1 if by == "loss" else 2] for v in run.val] if on == "val" else run.config[f"{on}_{by}"]
    return list(values) if by == "loss" else [100 * value for value in values]


def smooth(scores: Sequence[float], window: int) -> list[float]:
    """Mean of each score and the `window` - 1 before it (fewer at the start): what was known at that time."""
    check_whole("window", window, 1, hint="1 changes nothing.")
    parts = [scores[max(0, i + 1 - window) : i + 1] for i in range(len(scores))]
    return [math.fsum(part) / len(part) for part in parts]


def best_at(run, by: str = "accuracy") -> int:
    """Index of the validation that is best by validation accuracy or loss."""
    chosen = stopping(scores_of(run, by), better=WAY[by]).chosen
    return 0 if chosen is None else chosen


# ----------------------------------------------------------------------------------------------- figure 10.7
def overfitting_figure(groups: Mapping[str, object], *, title: str = "", note: str | None = None):
    """Training and validation, accuracy above and loss below, one column a group; the best checkpoints marked.

    groups: label -> a Run or several; the first is drawn bold and marked, the others faint.
    """
    with style.context():
        figure = style.new_figure((style.SIZE[0], 4.9), title=title, note=note_of(groups, note))
        panels = figure.subplots(2, len(groups), sharex="col", sharey="row", squeeze=False)
        top = 0.0
        for column, (label, group) in enumerate(groups.items()):
            above, below = panels[:, column]
            for n, run in enumerate(runs_of(group)):
                top = max(top, max(scores_of(run, "loss")))
                _draw_run(above, below, run, faint=n > 0)
            above.set_title(label, fontsize=9.5)
            above.set(ylim=(0, 103), xlim=(0, None))
            below.set(xlabel="update")
        panels[0, 0].set_ylabel("accuracy (%)")
        panels[1, 0].set(ylabel="loss", ylim=(0, min(1.08 * top, 4)))
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=4, handletextpad=0.5)
    return figure


def _draw_run(above, below, run, faint: bool) -> None:
    t = [v[0] for v in run.val]
    updates = np.asarray(run.t, float)
    losses = run.ema(0.9) if run.kind == "live" else run.loss  # a recorded curve holds means already
    look = {"lw": 0.9, "alpha": 0.45} if faint else {"lw": 2.1, "alpha": 1.0}
    train, val = {"color": TRAIN, "ls": (0, (5, 1.6)), **look}, {"color": VAL, "ls": "-", **look}
    train_accuracy = [100 * accuracy for accuracy in run.config["train_accuracy"]]
    above.plot(t, train_accuracy, label=None if faint else "training images", **train)
    above.plot(t, scores_of(run), label=None if faint else "validation images", **val)
    below.plot(updates, losses, **train)
    below.plot(t, scores_of(run, "loss"), **val)
    if faint:
        return
    for by, color, marker, size in (("accuracy", ACCURACY, "*", 15), ("loss", LOSS, "D", 7.5)):
        i = best_at(run, by)
        for axes, what in ((above, "accuracy"), (below, "loss")):
            axes.axvline(t[i], color=color, lw=0.9, ls=(0, (2, 2)), zorder=1.5)
            mark = {"marker": marker, "ms": size, "color": color, "mec": style.CARD, "mew": 0.9, "ls": "none"}
            label = f"best by {by}" if axes is above else None
            axes.plot(t[i], scores_of(run, what)[i], zorder=6, label=label, **mark)


# -------------------------------------------------------------------------------------------------- explorer
@dataclass(frozen=True)
class Outcome:
    """What a stopping rule does to one run. stop, end: of the rule, and of one without patience (see `stopping`).

    t: updates of the validations. scores: what the rule looks at. spent: updates made. chosen: update of the checkpoint
    that stays. test: its test accuracy (%); long: that of the best of the whole run; last: of the last one.
    """

    stop: Stop
    end: Stop
    t: list
    scores: list
    spent: int
    chosen: int
    test: float
    long: float
    last: float


class Recorded:
    """The curves of all runs, by share of wrong labels and by seed."""

    def __init__(self, table):
        if not len(table):
            raise ValueError("the table holds no runs; this explorer was made for recorded('10.1.8')")
        self.runs = {(run.config["wrong_labels"], run.seed): run for run in table}
        self.shares, self.seeds = table.values("wrong_labels"), table.values("seed")
        self.last = max(run.val[-1][0] for run in table)
        self.limits = {}  # of the accuracies, by share of wrong labels: multiples of five
        for share in self.shares:
            sets = [scores_of(run, on=on) for run in table.where(wrong_labels=share) for on in ("val", "small", "test")]
            self.limits[share] = 5 * math.floor(min(map(min, sets)) / 5), 5 * math.ceil(max(map(max, sets)) / 5)

    def outcome(self, run, state) -> Outcome:
        """What the rule of these sliders does to one run."""
        scores = smooth(scores_of(run, state.by, state.on), state.window)
        delta = state.min_delta if state.by == "accuracy" else state.min_delta / 10
        stop = stopping(scores, state.patience, min_delta=delta, better=WAY[state.by])
        end = stopping(scores, better=WAY[state.by])
        test, t = scores_of(run, on="test"), [v[0] for v in run.val]
        results = {"test": test[stop.chosen], "long": test[end.chosen], "last": test[-1]}
        return Outcome(stop, end, t, scores, spent=t[stop.at], chosen=t[stop.chosen], **results)


def stopping_explorer(table) -> LivePicture:
    """A live picture: where a stopping rule ends each recorded run, what it keeps, what it would have had later.

    table: recorded("10.1.8"). Raises ValueError for an empty table.
    """
    data = Recorded(table)
    labels = [("all right" if not share else f"{10 * share:g} in 10 wrong", share) for share in data.shares]
    controls = [
        whole("patience", "patience", 1, 15, 3),
        slider("min_delta", "min_delta", 0.0, 3.0, 0.0, 0.25),
        choice("by", "judged by", [("validation accuracy", "accuracy"), ("validation loss", "loss")]),
        choice("on", "validated on", [("2,000 images", "val"), ("200 images", "small")]),
        whole("window", "mean of the last", 1, 5, 1),
        choice("share", "training labels", labels, data.shares[-1]),
        whole("seed", "seed shown", min(data.seeds), max(data.seeds), min(data.seeds)),
    ]
    return LivePicture(
        partial(draw, data),
        controls,
        title="Recorded: where the rule stops",
        note=note_of({"": table}),
        alt="Left, the validation scores of one recorded run, with the moment the rule stops and the checkpoint it "
        "keeps; right, test accuracy of the kept checkpoint against the updates made, one point a seed",
        build=partial(build, data),
        figsize=(style.SIZE[0], 3.7),
        status_lines=3,
    )


def build(data: Recorded, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
    left.set(xlabel="update", xlim=(0, data.last * 1.02))
    right.set(xlabel="updates made", xlim=(0, data.last * 1.06))
    left.set_title(" ", fontsize=9, fontweight="normal")
    right.set_title("test accuracy of what is kept (%)", fontsize=9, fontweight="normal")
    ink = dict(color=style.INK, mew=1.2, ls="none", zorder=5)
    artists = {
        "what": left.text(0, 1.035, "", fontsize=9, transform=left.transAxes),
        "test": left.plot([], [], color=style.PALETTE[1], lw=1.3, ls=(0, (1.3, 1.3)), label="test (nobody sees it)")[0],
        "rest": left.plot([], [], color=style.FAINT, lw=1.6, ls="-", label="never made")[0],
        "seen": left.plot([], [], color=VAL, lw=2.2, ls="-", marker="o", ms=3, label="validation")[0],
        "stop": left.plot([], [], color=style.INK, lw=1.1, ls=(0, (5, 3)))[0],
        "stop word": left.text(0, 0, "", fontsize=8.8, va="bottom", ha="left"),
        "later": left.plot([], [], marker="*", ms=14, mfc="none", **ink)[0],
        "chosen": left.plot([], [], marker="*", ms=15, color=ACCURACY, mec=style.CARD, ls="none", zorder=6)[0],
        "long": right.plot([], [], color=style.PALETTE[5], lw=1.3, ls=(0, (6, 1.5, 1.2, 1.5)))[0],
        "long word": right.text(0, 0, "", fontsize=8, color=style.PALETTE[5], va="center"),
        "last": right.plot([], [], color=style.QUIET, lw=1.2, ls=(0, (1.3, 1.3)))[0],
        "last word": right.text(0, 0, "", fontsize=8, color=style.QUIET, va="center"),
        "seeds": right.plot([], [], marker="o", ms=5.5, color=VAL, mec=style.CARD, ls="none", zorder=3)[0],
        "mean": right.plot([], [], marker="P", ms=11, color=style.PALETTE[1], mec=style.INK, ls="none", zorder=4)[0],
        "here": right.plot([], [], marker="o", ms=9, mfc="none", **ink)[0],
    }
    below = {"loc": "upper left", "bbox_to_anchor": (-0.01, -0.2), "ncols": 3}
    handles = [artists[name] for name in ("seen", "rest", "test")]
    left.legend(handles=handles, handlelength=1.8, columnspacing=1.1, fontsize=8.2, **below)
    return {"left": left, "right": right}, artists


def draw(data: Recorded, state) -> Scene:
    """state: patience, min_delta, by, on, window, share (of wrong labels), seed."""
    run = data.runs[state.share, state.seed]
    outcome = data.outcome(run, state)
    outcomes = [data.outcome(data.runs[state.share, seed], state) for seed in data.seeds]
    stop, end, t, scores = outcome.stop, outcome.end, outcome.t, outcome.scores
    label = "validation accuracy (%)" if state.by == "accuracy" else "validation loss (nats)"
    right_low, right_high = data.limits[state.share]
    low, high = data.limits[state.share] if state.by == "accuracy" else (1.2, 3.2)
    spent, accuracies = [other.spent for other in outcomes], [other.test for other in outcomes]
    long, last = np.mean([other.long for other in outcomes]), np.mean([other.last for other in outcomes])
    apart = (1 if long >= last else -1) * 0.04 * (right_high - right_low)  # the words keep clear of both lines
    aside = (0.02 if np.mean(spent) > 0.55 * data.last else 0.64) * data.last  # ... and of the points
    artists = {
        "what": (0, 1.035, f"{label}; patience {state.patience}, min_delta {state.min_delta:g}"),
        "test": (t, scores_of(run, state.by, "test")),
        "rest": (t[stop.at :], scores[stop.at :]),
        "seen": (t[: stop.at + 1], scores[: stop.at + 1]),
        "chosen": ([t[stop.chosen]], [scores[stop.chosen]]),
        "long": ([0, data.last], [long] * 2),
        "long word": (aside, long + apart, "best of the run"),
        "last": ([0, data.last], [last] * 2),
        "last word": (aside, last - apart, "last"),
        "seeds": (spent, accuracies),
        "mean": ([np.mean(spent)], [np.mean(accuracies)]),
        "here": ([outcome.spent], [outcome.test]),
    }
    if end.chosen != stop.chosen:
        artists["later"] = ([t[end.chosen]], [scores[end.chosen]])
    if stop.early:
        artists["stop"] = ([outcome.spent] * 2, [low, high])
        back, word = (0, " stop") if outcome.spent < 0.75 * data.last else (0.11 * data.last, "stop ")
        artists["stop word"] = (outcome.spent - back, low + 0.02 * (high - low), word)
    limits = {"left": (None, None, low, high), "right": (None, None, right_low, right_high)}
    return Scene(artists, words(data, state, outcome, outcomes), limits)


def words(data: Recorded, state, outcome: Outcome, outcomes: list[Outcome]) -> str:
    """What the rule does to the seed shown, and what it saves and costs over all of them."""
    last = data.last
    if outcome.stop.early:
        first = f"stops after update {outcome.spent} of {last} and keeps that of update {outcome.chosen}"
    else:
        first = f"patience is never used up; all {last} updates are made, that of update {outcome.chosen} is kept"
    delta = f"{state.min_delta:g} points" if state.by == "accuracy" else f"{state.min_delta / 10:g} nats"
    saved = [1 - other.spent / last for other in outcomes]
    lost = [other.long - other.test for other in outcomes]
    early = sum(points >= TOO_EARLY for points in lost)
    mean = float(np.mean(lost))
    cost = f"{abs(mean):.1f} points of test accuracy {'below' if mean >= 0 else 'above'} training long"
    return (
        f"Seed {state.seed}, min_delta {delta}: {first}. Test accuracy there {outcome.test:.1f} %; "
        f"best of the whole run {outcome.long:.1f} %; last {outcome.last:.1f} %.\n"
        f"All {len(outcomes)} seeds: {np.mean(saved):.0%} of the updates saved, {cost}; "
        f"{early} of {len(outcomes)} stopped too early (lost {TOO_EARLY} points or more)."
    )
