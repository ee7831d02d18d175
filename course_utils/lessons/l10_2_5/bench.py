"""Eight members on a bench: tick those that shall answer together, beside greedy selection and "best first"."""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.lessons.l10_2_5.measures import RULES, greedy, nll, percent, pool, softmax
from course_utils.pictures import style
from course_utils.pictures.controls import choice, switch
from course_utils.pictures.live import CannotDraw, LivePicture, Scene

PICKS = 12
FACTS = ("epochs", "width", "cycles", "seed", "snapshot")
BENCH = {  # training images as they are; words, with the epochs at the end -> facts
    "4": (4, 16, 1, 0, 1), "8": (8, 16, 1, 0, 1), "16": (16, 16, 1, 0, 1), "another, 16": (16, 16, 1, 1, 1),
    "64": (64, 16, 1, 0, 1), "128": (128, 16, 1, 0, 1), "snapshot 4 of 4, 64": (64, 16, 4, 0, 4),
    "twice as wide, 16": (16, 32, 1, 0, 1),
}  # fmt: skip
NAMES = list("ABCDEFGH")


class Bench:
    """The members on the bench, and everything that does not depend on who is ticked."""

    def __init__(self, members):
        self.numbers: list[int] = []
        for facts in BENCH.values():
            self.numbers += members.where(data="plain", **dict(zip(FACTS, facts, strict=True)))
        self.val, self.test = members.val[self.numbers], members.test[self.numbers]
        self.val_labels, self.test_labels = members.val_labels, members.test_labels
        self.alone = [percent(logits, self.test_labels) for logits in self.test]
        self.order = greedy(self.val, self.val_labels, PICKS)
        costs = [nll(softmax(logits), self.val_labels) for logits in self.val]
        self.by_rank = np.argsort(costs, kind="stable").tolist()
        self.greedy_path, self.rank_path = self.path(self.order), self.path(self.by_rank)

    def path(self, order: list[int]) -> list[float]:
        """Test accuracy of the first 1, 2, 3, ... of `order` together."""
        return [self.together(order[:n])[0] for n in range(1, len(order) + 1)]

    def together(self, team, rule: str = "probabilities") -> tuple[float, float, float, float]:
        """Test accuracy and NLL, then validation accuracy and NLL of some members together."""
        val, test = pool(self.val[list(team)], rule), pool(self.test[list(team)], rule)
        of_val = percent(val, self.val_labels), nll(val, self.val_labels)
        return percent(test, self.test_labels), nll(test, self.test_labels), *of_val


def bench_explorer(members) -> LivePicture:
    """Switches A to H, one a member, and the rule that combines them. members: as `load_members` gives them."""
    bench = Bench(members)
    controls = [
        choice("rule", "combine by mean of", RULES),
        *(switch(name, name, name in "CD") for name in NAMES),
    ]
    return LivePicture(
        partial(draw, bench),
        controls,
        build=partial(build, bench),
        title="Who shall answer?",
        alt="Left, test accuracy of eight members by themselves, those in the team filled. Right, test accuracy of the "
        "team beside greedy selection pick by pick and the members joined best first",
        note=members.source,
        figsize=(style.SIZE[0], 3.7),
        status_lines=3,
    )


def build(bench, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    low = 5 * np.floor(min(bench.alone) / 5 - 0.3)
    left.set(xlabel="test accuracy alone (%)", xlim=(low, 5 * np.ceil(max(bench.alone) / 5)), ylim=(7.6, -0.6))
    left.set_yticks(range(8), [f"{name}: {words}" for name, words in zip(NAMES, BENCH, strict=True)])
    left.set_title("member, epochs", color=style.QUIET, fontweight="normal", fontsize=8.8)
    left.grid(False, axis="y")
    ends = bench.greedy_path + bench.rank_path + bench.alone
    right.set(xlabel="members so far", ylabel="test accuracy together (%)", xlim=(0.5, PICKS + 0.5))
    right.set_ylim(np.floor(min(ends) - 1), np.ceil(max(ends) + 2))
    right.set_xticks(range(2, PICKS + 1, 2))
    right.plot(range(1, PICKS + 1), bench.greedy_path, **style.look(0), marker="o", ms=4, label="greedy")
    right.plot(range(1, 9), bench.rank_path, **style.look(1), marker="s", ms=4, label="best first")
    look = dict(ls="none", marker="o", ms=9, color=style.PALETTE[2], mew=1.6)
    artists = {
        "out": left.plot([], [], **{**look, "mfc": "none"})[0],
        "in": left.plot([], [], **look)[0],
        "yours": right.plot([], [], color=style.PALETTE[2], lw=2.2, ls=(0, (6, 1.5, 1.2, 1.5)), label="your team")[0],
    }
    style.legend_row(right, columns=2)
    return {"left": left, "right": right}, artists


def draw(bench, state) -> Scene:
    """state: rule, and A ... H, True for those who answer. Raises CannotDraw for nobody."""
    team = [n for n, name in enumerate(NAMES) if getattr(state, name)]
    if not team:
        raise CannotDraw("Nobody is ticked: somebody has to answer.")
    rest = [n for n in range(8) if n not in team]
    right, cost, val, val_cost = bench.together(team, state.rule)
    artists = {name: ([bench.alone[n] for n in who], who) for name, who in (("in", team), ("out", rest))}
    artists["yours"] = ([0.5, PICKS + 0.5], [right] * 2)
    mean = np.mean([bench.alone[n] for n in team])
    picked = "".join(NAMES[n] for n in bench.order)
    end = bench.together(bench.order)
    return Scene(
        artists,
        f"Your team {''.join(NAMES[n] for n in team)}: {right:.1f} % on test images, NLL {cost:.3f} "
        f"(validation {val:.1f} %, {val_cost:.3f}).\n"
        f"By themselves they have {mean:.1f} % on the average, the best of all eight {max(bench.alone):.1f} %.\n"
        f"Greedy selection takes {picked}: {end[0]:.1f} %, NLL {end[1]:.3f} (validation {end[2]:.1f} %, {end[3]:.3f}).",
    )
