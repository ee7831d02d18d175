"""The budget board: a budget of epochs laid out as tiles, and what that plan is worth, from recorded predictions.

Left, the plan: a tile for each training, filled under its learning rate. Right, all plans, the chosen one ringed.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.lessons.l10_2_5.measures import RULES
from course_utils.lessons.l10_2_5.plans import BUDGETS, NETS, Board, Plan
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap, switch
from course_utils.pictures.live import CannotDraw, LivePicture, Scene
from course_utils.schedules import cyclic_cosine

IMAGES = {"plain": "2,000, as they are", "augmented": "2,000, cropped and flipped"}
KINDS = {"nets": "independent nets", "snapshots": "snapshots of one training", "wide": "one net, twice as wide"}
PURPLE, RED = style.PALETTE[3], style.PALETTE[2]
MARK = {"snapshots": ("*", 11, "snapshots, last 2"), "wide": ("D", 6, "1 net, twice as wide")}


def budget_board(members) -> LivePicture:
    """The board, at four nets of 16 epochs. members: as `load_members` gives them."""
    board = Board(members)
    controls = [
        choice("data", "training images", [(words, name) for name, words in IMAGES.items()], "plain"),
        choice("kind", "spend it on", [(words, name) for name, words in KINDS.items()], "nets"),
        snap("budget", "budget in epochs", [(str(b), b) for b in BUDGETS], 64),
        snap("nets", "members", [(str(n), n) for n in NETS], 4),
        choice("rule", "combine by mean of", RULES),
        switch("calibrated", "one temperature, chosen on the validation images"),
    ]
    return LivePicture(
        partial(draw, board),
        controls,
        build=partial(build, board),
        title="The budget board",
        alt="Left, the budget as tiles, a row for each net. Right, accuracy and negative log-likelihood of all "
        "recorded plans against the budget, a line for each number of nets, the chosen plan ringed",
        note=members.source,
        figsize=(style.SIZE[0], 4.5),
        status_lines=3,
    )


def build(board, figure):
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.5])
    plan, right, below = (figure.add_subplot(part) for part in (grid[:, 0], grid[0, 1], grid[1, 1]))
    plan.set(xlabel="epochs spent", ylabel="nets that are trained", xlim=(0, 64), ylim=(8.55, 0.35))
    plan.set_yticks(range(1, 9))
    plan.grid(False)
    for axes, words in ((right, "accuracy (%)"), (below, "NLL (nats)")):
        axes.set(ylabel=words, xscale="log", xlim=(7, 146))
        axes.set_xticks(BUDGETS, [str(budget) for budget in BUDGETS] if axes is below else [""] * len(BUDGETS))
        axes.minorticks_off()
    below.set_xlabel("budget: epochs in all")
    artists = {}
    for row in range(1, 9):
        artists[f"tile {row}"] = plan.fill_between([0], [0], [0], color=style.PALETTE[0], alpha=0.75, lw=0)
    artists["saved"] = plan.plot([], [], ls="none", marker="*", ms=11, color=PURPLE, mec=style.CARD, zorder=4)[0]
    artists["price"] = plan.text(0, 0, "", fontsize=8.6, color=style.QUIET, va="bottom", linespacing=1.4)
    artists["price"].set_in_layout(False)  # a longer word must not make the picture narrower
    for name, axes in (("percent", right), ("nll", below)):
        artists[f"budget {name}"] = axes.plot([], [], color=style.FAINT, lw=7, ls="-", alpha=0.55, zorder=1.5)[0]
        for n, nets in enumerate(NETS):
            look = dict(marker=style.MARKERS[n], ms=4, label=f"{nets} net{'s' * (nets > 1)}")
            artists[f"{nets} {name}"] = axes.plot([], [], **{**style.look(n if n < 3 else 4), "lw": 1.6}, **look)[0]
        for kind, (marker, size, label) in MARK.items():
            look = dict(marker=marker, ms=size, color=PURPLE, ls="none", mec=style.CARD, mew=0.8, label=label, zorder=4)
            artists[f"{kind} {name}"] = axes.plot([], [], **look)[0]
        ring = dict(marker="o", ms=14, mfc="none", mec=RED, mew=2.2, ls="none", zorder=6)
        artists[f"here {name}"] = axes.plot([], [], **ring)[0]
    handles = [artists[f"{nets} percent"] for nets in NETS] + [artists[f"{kind} percent"] for kind in MARK]
    style.legend_row(right, handles, [handle.get_label() for handle in handles], columns=3)
    return {"plan": plan, "percent": right, "nll": below}, artists


def chosen(board: Board, state) -> Plan:
    """The plan that the controls ask for. Raises CannotDraw where nothing like it was recorded."""
    plans = {
        "nets": Plan(state.data, state.nets, state.budget // state.nets),
        "snapshots": Plan(state.data, state.nets, state.budget, cycles=4),
        "wide": Plan(state.data, 1, state.budget // 4, width=32),
    }
    plan = plans[state.kind]
    if not board.groups(plan):
        kinds = {"snapshots": "1, 2 or 4 snapshots", "wide": "a net of twice the width (an epoch counts four)"}
        budgets = [str(b) for b in BUDGETS if state.kind in {other.kind for other in board.plans(state.data, b)}]
        raise CannotDraw(f"Recorded of {kinds.get(state.kind, plan)}: budget {', '.join(budgets)}. Move there.")
    return plan


def draw(board, state) -> Scene:
    """state: data, kind, budget, nets, rule, calibrated. Pure: the same values give the same scene."""
    plan, how = chosen(board, state), (state.rule, state.calibrated)
    worth = board.result(plan, *how)
    artists = tiles(plan)
    ends = {"percent": [], "nll": []}
    lines = {str(nets): [Plan(state.data, nets, b // nets) for b in BUDGETS] for nets in NETS}
    lines["snapshots"] = [Plan(state.data, 2, b, cycles=4) for b in BUDGETS]
    lines["wide"] = [Plan(state.data, 1, b // 4, width=32) for b in BUDGETS]
    for name, numbers in ends.items():
        for key, plans in lines.items():
            results = [(each.budget, board.result(each, *how)) for each in plans if board.groups(each)]
            values = [getattr(result, name) for _, result in results]
            artists[f"{key} {name}"] = ([budget for budget, _ in results], values)
            numbers += values
        artists[f"here {name}"] = ([plan.budget], [getattr(worth, name)])
        numbers.append(getattr(worth, name))
    limits = {"plan": (0, 1.03 * state.budget, None, None)}
    for name, step in (("percent", 5), ("nll", 0.25)):
        top = min(max(ends[name]), 2.4) if name == "nll" else max(ends[name])
        low, high = step * np.floor(min(ends[name]) / step), step * np.ceil(top / step + 0.15)
        limits[name] = (None, None, low, high)
        artists[f"budget {name}"] = ([state.budget] * 2, [low, high])
    return Scene(artists, words(board, plan, worth, state), limits)


def tiles(plan: Plan) -> dict:
    """Each net's row filled under its learning rate, from where the nets before it have ended; stars: what is saved."""
    artists, saved = {}, ([], [])
    trainings, scale = (plan.nets if plan.cycles == 1 else 1), (plan.width // 16) ** 2
    length, rows = plan.epochs * scale, plan.width // 16  # twice as wide: twice as high, and four times as long
    for row in range(1, trainings + 1):
        t = np.linspace(0, 1, 64 * plan.cycles, endpoint=False)
        lr = np.array([cyclic_cosine(u, peak=1.0, T=1.0, cycles=plan.cycles) for u in t])
        bottom = row + rows - 1 + 0.42
        height = (rows - 0.16) * (0.06 + 0.94 * lr)
        artists[f"tile {row}"] = ((row - 1 + t) * length, bottom - height, np.full(len(t), bottom))
        first = plan.cycles - plan.nets + 1 if plan.cycles > 1 else 1
        for cycle in range(first, plan.cycles + 1):
            saved[0].append((row - 1 + cycle / plan.cycles) * length)
            saved[1].append(bottom - 0.12)
    price = f"{plan.nets * scale} × " * (plan.nets * scale > 1) + "what one small net costs"
    return artists | {"saved": saved, "price": (0, 0.15, f"to answer, it costs\n{price}")}


def words(board: Board, plan: Plan, worth, state) -> str:
    cooled = f", temperature {worth.temperature:.2f}" if state.calibrated else ""
    groups = f" (mean of {len(worth.nlls)})" if len(worth.nlls) > 1 else " (measured once)"
    first = f"{plan}: {worth.percent:.1f} %, NLL {worth.nll:.2f}, ECE {worth.ece:.1f} points{cooled}{groups}."
    second = f"One of them alone: {worth.alone:.1f} %, NLL {worth.alone_nll:.2f}."
    if plan.nets > 1:
        second += f" Two of them give different answers to {worth.disagreement:.0f} % of the images."
    best = board.winner(state.data, state.budget, state.rule, state.calibrated)
    end = board.result(best, state.rule, state.calibrated)
    third = f"Best for {state.budget} epochs, by validation NLL: {best}: {end.percent:.1f} %, NLL {end.nll:.2f}."
    return f"{first[0].upper()}{first[1:]}\n{second}\n{third}"
