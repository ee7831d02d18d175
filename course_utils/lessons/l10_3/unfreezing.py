"""Figure 10.25 as something that moves: which stages learn, at which rate, and what it brought (recorded).

    unfreeze_explorer(recorded("10.3"))

Left: the learning rate of every stage and of the head at update t, on the same cosine; frozen stages have none.
Right: test accuracy against the number of unfrozen stages, as measured. No torch.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.checks import check_whole
from course_utils.pictures import style
from course_utils.pictures.controls import slider, snap, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.schedules import cosine

STAGES = 8  # of EfficientNet-Lite
# Numbers that learn in each stage of Lite0, from the input; and in a head of ten classes.
SIZES = (1_824, 13_968, 39_712, 198_480, 446_784, 1_652_640, 605_440, 412_160)
HEAD = 12_810
RATIOS = (1, 3, 10, 30, 100)


class Tuned:
    """The fine-tuning runs of a table: number of unfrozen stages -> accuracies in per cent, before and after."""

    def __init__(self, table):
        runs = [run for run in table if run.config.get("kind") == "tuned"]
        if not runs:
            raise ValueError('the table holds no runs of kind "tuned"; take recorded("10.3")')
        self.T = runs[0].config["updates"]
        self.head = max(run.lr[0] for run in runs)
        usual = [run for run in runs if run.config["keep_norm"] and run.config["body"] < 0.5 * self.head]
        cuts = sorted({run.config["unfrozen"] for run in usual})
        by_cut = {k: [run for run in usual if run.config["unfrozen"] == k] for k in cuts}
        self.before = {k: [100 * run.config["before"] for run in runs] for k, runs in by_cut.items()}
        self.after = {k: [run.test_percent for run in runs] for k, runs in by_cut.items()}
        self.start = float(np.mean(max(self.before.values(), key=len)))  # with the frozen backbone


def unfreeze_explorer(table, unfrozen: int = 4) -> LivePicture:
    """A live picture over `recorded("10.3")`; sliders for the unfrozen stages (0 to 8), the divisor of their rate, t.

    Raises ValueError for a table without fine-tuning runs, or a start outside 0 .. 8.
    """
    check_whole("unfrozen", unfrozen, 0, STAGES)
    tuned = Tuned(table)
    controls = [
        whole("unfrozen", "unfrozen stages", 0, STAGES, unfrozen),
        snap("ratio", "stages: head's rate /", [(str(r), r) for r in RATIOS], 10),
        slider("t", "update t", 0, tuned.T, 0, step=tuned.T // 10, digits=0),
    ]
    return LivePicture(
        partial(draw, tuned),
        controls,
        title="Unfreezing from the top",
        alt="Left, the learning rate of each stage; right, accuracy against the number of unfrozen stages",
        note="recorded: Lite0, objects, real images",
        build=partial(build, tuned),
        status_lines=3,
        figsize=(style.SIZE[0], 3.3),
    )


def build(tuned: Tuned, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    low, high = tuned.head / 3e3, tuned.head * 3
    left.set(yscale="log", ylabel="learning rate", ylim=(low, high), xlim=(-0.6, STAGES + 0.6))
    left.set_xticks(range(STAGES + 1), [*(str(n + 1) for n in range(STAGES)), "head"])
    left.set_xlabel("stage, from the input to the output")
    right.set(xlabel="unfrozen stages", ylabel="test accuracy (%)", xlim=(-0.4, STAGES + 0.4))
    right.set_xticks(list(tuned.after))
    artists = {}
    for n in range(STAGES + 1):
        color = style.PALETTE[2] if n == STAGES else style.PALETTE[0]
        artists[f"bar {n}"] = left.plot([], [], color=color, lw=15, ls="-", solid_capstyle="butt")[0]
        frozen = left.text(0, 0, "", color=style.QUIET, fontsize=8.5, rotation=90, ha="center", va="bottom")
        artists[f"frozen {n}"] = frozen
    for name in ("head's rate", "stages' rate"):
        artists[name] = left.text(0, 0, "", fontsize=8.5, ha="center", va="bottom")
    ks = list(tuned.after)
    means = [float(np.mean(tuned.after[k])) for k in ks]
    band = [min(tuned.after[k]) for k in ks], [max(tuned.after[k]) for k in ks]
    right.fill_between(ks, *band, color=style.PALETTE[0], alpha=0.2, lw=0)
    right.plot(ks, means, marker="o", ms=4, color=style.PALETTE[0], ls="-")
    right.axhline(tuned.start, color=style.PALETTE[2], lw=1.2, ls=(0, (5, 2)))
    how = dict(ha="right", va="top", fontsize=8, color=style.PALETTE[2])
    right.text(STAGES + 0.3, tuned.start - 0.3, "features frozen, step one", **how)
    bottom = min([tuned.start, *(x for row in tuned.after.values() for x in row)])
    right.set_ylim(bottom - 3, None)
    artists["cut"] = right.plot([], [], color=style.INK, lw=0.9, ls=(0, (2, 2)))[0]
    artists["dot"] = right.plot([], [], color=style.PALETTE[0], marker="o", ms=9, mec=style.INK)[0]
    return {"left": left, "right": right}, artists


def draw(tuned: Tuned, state) -> Scene:
    artists, floor = {}, tuned.head / 3e3
    for n in range(STAGES + 1):
        lr = rate(tuned, state, n)
        if lr is None:
            artists[f"frozen {n}"] = (n, floor * 1.3, "frozen")
        elif lr > floor:
            artists[f"bar {n}"] = ([n, n], [floor, lr])
    head = rate(tuned, state, STAGES)
    artists["head's rate"] = (STAGES, 1.15 * max(head, floor), f"{head:.2g}")
    if state.unfrozen:
        first, lr = STAGES - state.unfrozen, rate(tuned, state, STAGES - 1)
        artists["stages' rate"] = ((first + STAGES - 1) / 2, 1.15 * max(lr, floor), f"{lr:.2g}")
    artists["cut"] = ([state.unfrozen] * 2, [0.0, 100.0])
    if state.unfrozen in tuned.after:
        artists["dot"] = ([state.unfrozen], [float(np.mean(tuned.after[state.unfrozen]))])
    return Scene(artists, words(tuned, state))


def rate(tuned: Tuned, state, n: int) -> float | None:
    """The learning rate of part n (0 to 7 the stages, 8 the head) at update t; None where it is frozen."""
    if n < STAGES - state.unfrozen:
        return None
    peak = tuned.head / (1 if n == STAGES else state.ratio)
    return cosine(min(state.t, tuned.T), peak=peak, T=tuned.T)


def words(tuned: Tuned, state) -> str:
    """Which parts learn, how many numbers that are, and what was measured there."""
    learning = HEAD + sum(SIZES[STAGES - state.unfrozen :])
    head, top = rate(tuned, state, STAGES), rate(tuned, state, STAGES - 1)
    stages = "all stages are frozen" if top is None else f"the last {state.unfrozen} of {STAGES} stages at {top:.1e}"
    first = f"At update {state.t:g} of {tuned.T} the head learns at {head:.1e}, {stages}: {learning:,} numbers learn."
    if state.unfrozen not in tuned.after:
        return f"{first}\nThis cut was not recorded; those with a dot were."
    before, after = np.mean(tuned.before[state.unfrozen]), np.mean(tuned.after[state.unfrozen])
    measured = f"{before:.1f} % before, {after:.1f} % after ({after - before:+.1f} points)"
    if state.ratio != 10 and top is not None:
        return f"{first}\nMeasured at a tenth of the head's rate: {measured}. The full rate is measured below."
    return f"{first}\nMeasured: {measured}."
