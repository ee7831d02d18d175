"""The exchange office of lesson 10.3.3: two arrows, a map with its zero line, and the bill."""

from __future__ import annotations

import math
from functools import partial
from itertools import product

import numpy as np
from matplotlib.collections import LineCollection

from course_utils.lessons.l10_3_3.exchange import HOME, PRICES, Exchange
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap
from course_utils.pictures.live import CannotDraw, LivePicture, Scene

SHARED = (1, 2, 3, 5, 10, 30, 100, 1_000, 10_000, 100_000, 1_000_000)
BINS = (-math.inf, -10, -3, -0.5, 0.5, 3, 10, math.inf)  # points; one tint between two of them
TINTS = ("#f4a340", "#f9c98c", "#fce5c8", "#ecebe6", "#d7e4fe", "#a9c6fd", "#6f9ffc")
RIVALS = {"the same net from scratch": "scratch", "small net from scratch": "small net",
          "its weights, shuffled": "shuffled", "grown on random labels": "random labels",
          "grown on drawn bars": "far source"}  # fmt: skip
SHORT = {"pretrained": "ImageNet", "home-made": "home-made", "scratch": "from scratch", "small net": "small net",
         "shuffled": "shuffled", "random labels": "random labels", "far source": "drawn bars"}  # fmt: skip


def exchange_office(exchange: Exchange, task: str = HOME) -> LivePicture:
    """Above, test score against images and against updates, with arrows; below, every cell, and the bill."""
    sizes, times = exchange.all_sizes, exchange.all_times
    known = {side for name in exchange.tasks for side in exchange.sides(name)}
    controls = [
        choice("task", "task", list(exchange.tasks), task),
        choice("rival", "against", [pair for pair in RIVALS.items() if pair[1] in known], "scratch"),
        snap("n", "images a class", [(f"{n:,}", n) for n in sizes], 20 if 20 in sizes else sizes[0]),
        snap("t", "updates, at most", [(f"{t:,}", t) for t in times], 32 if 32 in times else times[0]),
        snap("tasks", "tasks share the price", [(f"{k:,}", k) for k in SHARED], 1),
    ]
    return LivePicture(
        partial(draw, exchange),
        controls,
        build=partial(build, sizes, times),
        title="The exchange office",
        alt="Above, test score against images and against updates, pretrained and rival, with arrows between them; "
        "below, a map of the lead over images and updates, and the cost of a task against the number of tasks",
        note=f"{exchange.source}, {len(exchange.seeds)} seeds",
        figsize=(style.SIZE[0], 5.6),
        status_lines=4,
    )


def build(sizes, times, figure):
    (images, time), (plan, bill) = figure.subplots(2, 2, height_ratios=[1.25, 1])
    for axes, ticks, label in ((images, sizes, "images a class"), (time, times[::2], "update")):
        axes.set(xscale="log", xlabel=label, ylim=(0, 100), ylabel="test score (%)")
        axes.set_xticks(ticks, [f"{x:,}" for x in ticks])
        axes.minorticks_off()
    images.set_xlim(sizes[0] * 0.8, sizes[-1] * 1.8)
    time.set_xlim(times[0] * 0.8, times[-1] * 2.5)
    plan.set(xlim=(-0.5, len(times) - 0.5), ylim=(-0.5, len(sizes) - 0.5), xlabel="update", ylabel="images a class")
    plan.set_xticks(range(len(times)), [str(t) for t in times], fontsize=7.5)
    plan.set_yticks(range(len(sizes)), [f"{n:,}" for n in sizes])
    plan.grid(False)
    plan.set_title("points ahead; orange: behind", fontsize=8.5, fontweight="normal")
    bill.set(xscale="log", yscale="log", xlim=(0.8, 1.5e6), ylim=(5, 3e7), ylabel="updates a task")
    bill.set_xlabel("tasks that share the price")
    bill.set_xticks([1, 100, 10_000, 1_000_000], ["1", "100", "10,000", "1,000,000"])
    bill.set_yticks([10, 1_000, 100_000, 10_000_000], ["10", "1,000", "100,000", "10 million"])
    bill.minorticks_off()
    blue, orange, red = style.look(0), style.look(1), style.PALETTE[2]
    card = dict(facecolor=style.CARD, edgecolor="none", pad=1.0, alpha=0.8)
    artists = {}
    for name, axes in (("images", images), ("time", time)):
        for who, look, mark in (("hero", blue, "o"), ("rival", orange, "s")):
            artists[f"{name} band {who}"] = axes.fill_between([0], [0], [0], color=look["color"], alpha=0.18, lw=0)
            artists[f"{name} {who}"] = axes.plot([], [], marker=mark, ms=4, **look)[0]
        for part in ("up", "along"):
            artists[f"{name} {part}"] = axes.plot([], [], color=style.INK, lw=1.6, ls="-")[0]
        artists[f"{name} head"] = axes.plot([], [], ls="none", marker=">", ms=7, color=style.INK)[0]
        artists[f"{name} words"] = axes.text(0, 0, "", fontsize=9, fontweight="bold", va="bottom", bbox=card)
        artists[f"{name} points"] = axes.text(0, 0, "", fontsize=9, ha="right", va="center", bbox=card)
    artists["marks"] = time.plot([], [], ls="none", marker="|", ms=12, mew=1.6, color=red)[0]
    for k in range(2):
        artists[f"mark {k}"] = time.text(0, 0, "", fontsize=7.8, ha="center", va="top", color=red)
    for name, look in (("hero", blue), ("rival", orange)):
        artists[f"name {name}"] = images.text(0, 0, "", fontsize=8.8, color=look["color"], fontweight="bold", va="top")
    thick = 115 / len(sizes)  # points: a row of the map
    for k, tint in enumerate(TINTS):
        artists[f"tint {k}"] = plan.add_collection(LineCollection([], colors=tint, linewidths=thick, capstyle="butt"))
    artists["zero"] = plan.add_collection(LineCollection([], colors=style.INK, linewidths=2.2))
    for place in product(range(len(sizes)), range(len(times))):
        artists["cell {} {}".format(*place)] = plan.text(0, 0, "", fontsize=7.2, ha="center", va="center")
    artists["chosen"] = plan.plot([], [], color=red, lw=1.8, ls="-")[0]
    artists["bill hero"], artists["bill rival"] = bill.plot([], [], **blue)[0], bill.plot([], [], **orange)[0]
    artists["bill here"] = bill.plot([], [], ls="none", marker="o", ms=8, color=style.INK)[0]
    artists["bill cross"] = bill.plot([], [], ls="none", marker="X", ms=9, color=red)[0]
    artists["bill words"] = bill.text(0, 0, "", fontsize=8.5, ha="right", va="top", transform=bill.transAxes)
    return {"images": images, "time": time, "plan": plan, "bill": bill}, artists


def draw(exchange: Exchange, state) -> Scene:
    """state: task, rival, n, t, tasks."""
    task, rival, n = state.task, state.rival, state.n
    hero = exchange.hero(task)
    if rival not in exchange.sides(task) or rival == hero:
        raise CannotDraw(_missing(rival))
    both = [m for m in exchange.sizes(task, hero) if m in exchange.sizes(task, rival)]
    wanted, n = n, min(both, key=lambda m: abs(math.log(m / n)))  # the nearest that was run for this pair
    t = min(state.t, exchange.end(task, hero, n))
    left, right, end = exchange.all_sizes[0] * 0.85, exchange.all_sizes[-1] * 1.6, exchange.all_times[-1] * 2.2
    artists = {"name hero": (left, 99, f"— {SHORT[hero]}"), "name rival": (left, 91, f"- - {SHORT[rival]}")}
    sides = {"hero": hero, "rival": rival}
    sizes = {who: exchange.sizes(task, side) for who, side in sides.items()}
    rows = {who: [exchange.score(task, side, m, t) for m in sizes[who]] for who, side in sides.items()}
    ends = [exchange.median(task, side, n, t) for side in sides.values()]
    curves = {who: (sizes[who], np.transpose(rows[who])) for who in sides}
    _panel(artists, "images", curves, n, *ends, exchange.images(task, rival, n, t), right, "the images")
    curves = {who: exchange.curves[task, side, n] for who, side in sides.items()}
    _panel(artists, "time", curves, t, *ends, exchange.updates(task, rival, n, t), end, "as long")
    marks = [(factor * t, words) for factor, words in ((3, "He 3×"), (17, "17×")) if factor * t < end]
    artists["marks"] = ([x for x, _ in marks], [3] * len(marks))
    artists |= {f"mark {k}": (x, 15, text) for k, (x, text) in enumerate(marks)}
    _plan(exchange, artists, task, rival, both, wanted, state.t)
    _bill(exchange, artists, task, hero, rival, n, t, state.tasks)
    text = words(exchange, task, rival, n, t, state.tasks)
    if n != wanted:
        text = text.replace(f"{n:,} a class", f"{n:,} a class ({wanted:,} were not run)", 1)
    return Scene(artists, text)


def _missing(rival: str) -> str:
    if rival == "small net":
        return "On the other five the same net from scratch *is* the small net: choose that."
    return "Controls were recorded with the home-made pretraining: choose the task “the other five”."


def _panel(artists, panel, curves, x, high, low, reach, edge, what) -> None:
    """Both curves, medians and bands. Upright: points gained at x. Along: to where the rival is as good."""
    for who, (places, scores) in curves.items():
        artists[f"{panel} {who}"] = (places, np.median(scores, 0))
        artists[f"{panel} band {who}"] = (places, np.min(scores, 0), np.max(scores, 0))
    artists[f"{panel} up"] = ([x, x], [low, high])
    artists[f"{panel} points"] = (x * 0.93, (low + high) / 2, f"{high - low:+.0f}".replace("-", "−"))
    end = min(reach, edge)
    if end > x * 1.001:
        artists[f"{panel} along"], artists[f"{panel} head"] = ([x, end], [high, high]), ([end], [high])
    text = "nowhere in the record" if math.isinf(reach) else f"{reach / x:.2g}× {what}" if reach > x else ""
    artists[f"{panel} words"] = (x * 1.04, min(high + 2.5, 90), text)


def _plan(exchange, artists, task, rival, both, n, t) -> None:
    segments: list[list] = [[] for _ in TINTS]
    zero = []
    for row, m in enumerate(exchange.all_sizes):
        if m not in both:
            continue
        last = exchange.end(task, exchange.hero(task), m)
        gaps = []
        for column, time in enumerate(exchange.all_times):
            if time > last:
                break
            high, low = (exchange.median(task, side, m, time) for side in (exchange.hero(task), rival))
            gaps.append(gap := high - low)
            tint = next(k for k in range(len(TINTS)) if gap <= BINS[k + 1])
            segments[tint].append(([column - 0.5, column + 0.5], [row, row]))
            artists[f"cell {row} {column}"] = (column, row, f"{gap:+.0f}".replace("-", "−") if round(gap) else "0")
        for column, (a, b) in enumerate(zip(gaps, gaps[1:], strict=False)):
            if a * b < 0:
                x = column + a / (a - b)
                zero += [([x, x], [row + way * 0.22, row + way * 0.5]) for way in (-1, 1)]  # around the number
    for k, lines in enumerate(segments):
        artists[f"tint {k}"] = lines
    artists["zero"] = zero
    row, column = exchange.all_sizes.index(n), exchange.all_times.index(t)
    square = np.array([[-0.5, -0.46], [0.5, -0.46], [0.5, 0.46], [-0.5, 0.46], [-0.5, -0.46]])
    artists["chosen"] = (column + square[:, 0], row + square[:, 1])


def _bill(exchange, artists, task, hero, rival, n, t, tasks) -> None:
    price, needed = PRICES[hero], exchange.updates(task, rival, n, t)
    share = np.geomspace(0.8, 1.5e6, 60)
    artists["bill hero"] = (share, t + price / share)
    artists["bill here"] = ([tasks], [t + price / tasks])
    if math.isfinite(needed):
        artists["bill rival"] = ([0.8, 1.5e6], [needed, needed])
        even = exchange.break_even(task, rival, n, t)
        if math.isfinite(even) and even >= 0.8:
            artists["bill cross"] = ([even], [needed])
    artists["bill words"] = (0.98, 0.96, f"{t + price / tasks:,.0f} updates a task")


def words(exchange: Exchange, task: str, rival: str, n: int, t: int, tasks: int) -> str:
    """Four lines: points; images; time; the bill."""
    hero = exchange.hero(task)
    high, low = (exchange.median(task, side, n, t) for side in (hero, rival))
    more, longer = exchange.images(task, rival, n, t) / n, exchange.longer(task, rival, n, t)
    a, b = SHORT[hero], SHORT[rival]
    first = f"{task}, {n:,} a class, {t:,} updates: {a} {high:.1f} %, {b} {low:.1f} %: {high - low:+.1f} points."
    last = _bill_words(exchange, task, rival, n, t, tasks)
    if high < low:
        return f"{first}\nHere transfer does not win: nothing to exchange.\n{last}"
    second = (
        f"As many images: none that were recorded bring {b} there in the same time."
        if math.isinf(more)
        else f"In images: {b} needs {more:.2g} times as many a class in the same time."
    )
    third = (
        f"In time: {b} does not get there in {exchange.end(task, rival, n):,} updates, "
        f"{exchange.end(task, rival, n) / t:.3g} times as many."
        if math.isinf(longer)
        else f"In time: {b} needs {longer:.2g} times as many updates (He et al.: about 3, Kornblith et al.: 17)."
    )
    return f"{first}\n{second}\n{third}\n{last}"


def _bill_words(exchange, task, rival, n, t, tasks) -> str:
    price, even = PRICES[exchange.hero(task)], exchange.break_even(task, rival, n, t)
    bill = f"The bill: {t:,} + {price:,} / {tasks:,} = {t + price / tasks:,.0f} updates a task"
    if even == 0:
        return f"{bill}; {SHORT[rival]} cannot buy this at any number recorded."
    if math.isinf(even):
        return f"{bill}; {SHORT[rival]} is as fast: never paid back."
    pays = exchange.updates(task, rival, n, t)
    return f"{bill}; {SHORT[rival]} pays {pays:,.0f}: even from {math.ceil(even):,} tasks on."
