"""The line from a linear probe to the fine-tuned network, as a slider; recorded. No torch.

walk_explorer(recorded("10.3.4-walk"))
"""

from __future__ import annotations

from functools import partial
from statistics import fmean

from course_utils.pictures import style
from course_utils.pictures.controls import slider
from course_utils.pictures.live import LivePicture, Scene

NAMES = {"clean": "clean test photographs", "shifted": "damaged ones (noise, blur, contrast, grey)"}


def paths(table) -> dict[str, dict[float, list[float]]]:
    """ "clean", "shifted" -> share of the way -> accuracies in per cent, one a seed, in the order of the seeds.

    Raises ValueError for a table without the segment.
    """
    runs = sorted((run for run in table if run.config.get("kind") == "segment"), key=lambda run: run.seed)
    if not runs:
        raise ValueError("the table holds no points of a segment; recorded('10.3.4-walk') does.")
    result: dict[str, dict[float, list[float]]] = {"clean": {}, "shifted": {}}
    for run in sorted(runs, key=lambda run: run.config["share"]):
        result["clean"].setdefault(run.config["share"], []).append(run.test_percent)
        result["shifted"].setdefault(run.config["share"], []).append(100 * run.config["shifted"])
    return result


def walk_explorer(table) -> LivePicture:
    """A slider from the probe (0) to the fine-tuned network (1) in eleven steps, over recorded networks."""
    points = paths(table)
    return LivePicture(
        partial(draw, points),
        [slider("share", "share of the way", 0, 1, 0.5, step=0.1, digits=1)],
        build=partial(build, points),
        title="From the probe to the fine-tuned network, in weight space",
        alt="Left, accuracy on clean and on damaged photographs along the line; right, one against the other",
        note="recorded: " + ", ".join(dict.fromkeys(run.source for run in table if "share" in run.config)),
        status_lines=2,
        figsize=(style.SIZE[0], 3.5),
    )


def build(points, figure):
    left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
    left.set(xlabel="share of the way, probe to fine-tuned", ylabel="test accuracy (%)", xlim=(-0.03, 1.03))
    right.set(xlabel="clean (%)", ylabel="damaged (%)")
    artists = {}
    for n, (name, along) in enumerate(points.items()):
        look, shares = style.look(n), list(along)
        left.fill_between(shares, [min(v) for v in along.values()], [max(v) for v in along.values()],
                          color=look["color"], alpha=0.16, lw=0)  # fmt: skip
        left.plot(shares, [fmean(v) for v in along.values()], label=name, marker=style.MARKERS[n], ms=4, **look)
        artists[f"dot {name}"] = left.plot([], [], ls="none", marker="o", ms=10, mfc="none", mew=2, color=style.INK)[0]
        artists[f"number {name}"] = left.text(0, 0, "", fontsize=9, ha="center", va="bottom")
    left.legend(loc="lower left", ncols=2)
    clean, shifted = ([fmean(v) for v in along.values()] for along in points.values())
    right.plot(clean, shifted, color=style.PALETTE[0], marker="o", ms=3.5, ls="-")
    how = dict(fontsize=8.5, color=style.QUIET)
    for k, word in ((0, "probe"), (-1, "fine-tuned")):
        right.annotate(word, (clean[k], shifted[k]), xytext=(0, -13), textcoords="offset points", ha="center", **how)
    values = [v for along in points.values() for row in along.values() for v in row]
    left.set_ylim(min(values) - 6, max(values) + 4)
    right.margins(0.22, 0.22)
    artists["place"] = right.plot([], [], ls="none", marker="o", ms=10, mfc="none", mew=2, color=style.INK)[0]
    return {"left": left, "right": right}, artists


def draw(points, state) -> Scene:
    share = min(points["clean"], key=lambda x: abs(x - state.share))
    here = {name: fmean(along[share]) for name, along in points.items()}
    artists: dict = {"place": ([here["clean"]], [here["shifted"]])}
    for name, value in here.items():
        artists[f"dot {name}"] = ([share], [value])
        artists[f"number {name}"] = (min(max(share, 0.06), 0.94), value + 1.2, f"{value:.1f}")
    ends = {name: (fmean(along[0.0]), fmean(along[1.0])) for name, along in points.items()}
    change = ", ".join(f"{name} {here[name] - ends[name][0]:+.1f} points" for name in points)
    best = {name: max(along, key=lambda x, along=along: fmean(along[x])) for name, along in points.items()}
    return Scene(
        artists,
        f"{share:.1f} of the way: clean {here['clean']:.1f} %, damaged {here['shifted']:.1f} %; "
        f"against the probe {change}.\nHighest mean on clean photographs at {best['clean']:.1f}, on damaged ones at "
        f"{best['shifted']:.1f} of the way.",
    )
