"""Figure 10.12 as a live picture: a grid beside random trials where one axis matters and the other hardly does.

Both axes run from 0 to 1. The value of a trial at (x, y) is (g(x) + a h(y)) / (1 + a): g is a bell of height 1 over the
important axis, h a broad one over the other, a in [0, 1] says how much that one matters. The *peak* is where g is at
least half its height: a band of width w. How often n trials land in it is known exactly (see chances.py)
and counted in a thousand simulated races beside it. Source: Bergstra and Bengio 2012, figure 1. No torch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from matplotlib.collections import LineCollection

from course_utils.checks import check_positive, check_within
from course_utils.lessons.l10_2_2.chances import grid_hit_chance, hit_chance
from course_utils.pictures import style
from course_utils.pictures.controls import slider, snap, whole
from course_utils.pictures.live import LivePicture, Scene

SIDES = (2, 3, 4, 5, 6, 7, 8)  # levels of the grid on each axis
RACES = 1000
DRAWS = 60  # races that the slider shows one by one
BROAD = 0.7  # width at half height of the unimportant axis' bell, and where its top lies
TOP_OF_BROAD = 0.42
GREEN, ORANGE, RED, INK = "#2a9d4a", style.PALETTE[1], style.PALETTE[2], style.INK
KINDS = ("grid", "random")


# -------------------------------------------------------------------------------------------------- the numbers
def bell(x, top: float, width: float):
    """A bell of height 1 at `top`, half as high at top ± width / 2. x: any shape; width > 0."""
    check_positive("width", width, hint="It is the width at half height, 0.1 say.")
    return np.exp2(-((2 * (np.asarray(x, float) - top) / width) ** 2))


def value(x, y, *, peak: float, width: float, matters: float):
    """What a trial at (x, y) gets, 0 to 1. peak, width: of the important axis; matters: weight of the other, 0 to 1."""
    check_within("matters", matters, 0, 1, hint="0: the second axis has no effect at all.")
    return (bell(x, peak, width) + matters * bell(y, TOP_OF_BROAD, BROAD)) / (1 + matters)


def share_of_peak(peak: float, width: float) -> float:
    """The share w of the important axis, 0 to 1, that lies within width / 2 of the peak."""
    return float(max(0.0, min(1.0, peak + width / 2) - max(0.0, peak - width / 2)))


@lru_cache(maxsize=1)
def _numbers() -> tuple[np.ndarray, np.ndarray]:
    """Uniform numbers of all races: shifts of the grid [RACES, 2], random trials [RACES, most, 2]."""
    rng = np.random.default_rng(12)
    shifts, drawn = rng.random((RACES, 2)), rng.random((RACES, SIDES[-1] ** 2, 2))
    shifts[0] = 0.5  # the first race shows the textbook grid, in the middle of its spacing
    return shifts, drawn


def levels(side: int) -> np.ndarray:
    """The grids' levels [RACES, side, 2]: evenly spaced, each axis shifted at random within its spacing."""
    return (np.arange(side)[None, :, None] + _numbers()[0][:, None, :]) / side


@lru_cache(maxsize=64)
def races(side: int, peak: float, width: float, matters: float) -> dict:
    """A thousand races of side x side trials: share of searches with a trial in the peak, by kind, and how often
    random search found the better best ("random wins", ties half)."""
    shifted, drawn = levels(side), _numbers()[1][:, : side**2]
    rates = {}
    for kind, points in (("grid", shifted), ("random", drawn)):
        rates[kind] = float((np.abs(points[..., 0] - peak) <= width / 2).any(axis=1).mean())
    # on a grid every x meets every y, so its best is the best x with the best y
    of_x, of_y = bell(shifted[..., 0], peak, width).max(1), bell(shifted[..., 1], TOP_OF_BROAD, BROAD).max(1)
    best_drawn = value(drawn[..., 0], drawn[..., 1], peak=peak, width=width, matters=matters).max(1)
    ahead = best_drawn - (of_x + matters * of_y) / (1 + matters)
    rates["random wins"] = float((ahead > 1e-12).mean() + (np.abs(ahead) <= 1e-12).mean() / 2)
    return rates


def trials(kind: str, side: int, draw: int) -> np.ndarray:
    """The side² trials of one race (draw from 1), [n, 2]."""
    if kind == "random":
        return _numbers()[1][draw - 1, : side**2]
    x, y = levels(side)[draw - 1].T
    return np.stack([np.repeat(x, side), np.tile(y, side)], axis=1)


# -------------------------------------------------------------------------------------------------- the picture
def grid_random_explorer(width: float = 0.12, peak: float = 0.66, matters: float = 0.05, side: int = 3) -> LivePicture:
    """A live picture: left a grid of side x side trials, right as many random ones, on the same two axes.

    width: of the important axis' peak at half height, 0.02 to 0.6 (small: sharp). peak: where it lies, 0 to 1.
    matters: weight of the second axis, 0 to 1. side: 2 to 8. Raises ValueError for a start outside the sliders.
    """
    for name, start, low, high in (("width", width, 0.02, 0.6), ("peak", peak, 0, 1), ("matters", matters, 0, 1)):
        check_within(name, start, low, high)
    if isinstance(side, bool) or side not in SIDES:
        raise ValueError(f"side must be one of {', '.join(map(str, SIDES))}, got {side!r}: levels on each axis.")
    controls = [
        slider("width", "width of the peak", 0.02, 0.6, width, step=0.02),
        slider("peak", "where it lies", 0.0, 1.0, peak, step=0.02),
        slider("matters", "2nd axis matters", 0.0, 1.0, matters, step=0.05),
        snap("side", "trials", [(f"{k * k}  ({k} × {k})", k) for k in SIDES], side),
        whole("draw", "draw again", 1, DRAWS, 1),
    ]
    return LivePicture(
        draw,
        controls,
        title="Grid and random search, equally many trials",
        alt="Two squares of trials over an important and an unimportant axis, the curves of both along their borders: "
        "left a grid, right random trials",
        note="made-up curves",
        build=build,
        figsize=(WIDE, HIGH),
        status_lines=3,
    )


WIDE, HIGH = style.SIZE[0], 4.15  # inches
SQUARE, STRIP, BELL = 2.75, 0.42, 0.52  # the square, the curve beside it, the curve above it
BOTTOM = 0.34


def build(figure):
    figure.set_layout_engine("none")
    axes, artists = {}, {}
    for n, kind in enumerate(KINDS):
        left = 0.36 + n * (WIDE / 2)

        def panel_at(x, y, width, height):
            panel = figure.add_axes((x / WIDE, y / HIGH, width / WIDE, height / HIGH))
            panel.grid(False)
            panel.set(xticks=[], yticks=[])
            return panel

        beside = panel_at(left, BOTTOM, STRIP, SQUARE)
        square = panel_at(left + STRIP + 0.04, BOTTOM, SQUARE, SQUARE)
        above = panel_at(left + STRIP + 0.04, BOTTOM + SQUARE + 0.04, SQUARE, BELL)
        axes |= {f"{kind} above": above, f"{kind} beside": beside, kind: square}
        for curve in (above, beside):
            curve.spines[:].set_visible(False)
        above.set(xlim=(0, 1), ylim=(0, 1.1))
        beside.set(xlim=(1.12, 0), ylim=(0, 1))
        square.spines[:].set_visible(True)
        square.set(xlim=(0, 1), ylim=(0, 1))
        square.set_xlabel("important axis", color="#1d7a37", fontweight="bold")
        beside.set_ylabel("unimportant axis", color="#a85f00", fontweight="bold", labelpad=1)
        above.text(0, 1.2, f"{kind} search", fontsize=10, fontweight="bold")
        artists |= _artists(kind, above, beside, square)
    return axes, artists


def _artists(kind, above, beside, square) -> dict:
    dots = {"ls": "none", "clip_on": False}
    band = {"color": GREEN, "alpha": 0.16, "lw": 0}
    return {
        f"{kind} band": square.fill_between([0], [0], [0], **band),
        f"{kind} green": above.fill_between([0], [0], [0], color=GREEN, alpha=0.3, lw=0),
        f"{kind} line": above.plot([], [], color=GREEN, lw=2.0, ls="-")[0],
        f"{kind} orange": beside.plot([], [], color=ORANGE, lw=2.0, ls="-")[0],
        f"{kind} stems": square.add_collection(LineCollection([], colors=GREEN, linewidths=0.8, alpha=0.55)),
        f"{kind} seen": above.plot([], [], marker="o", ms=4.5, color=INK, **dots)[0],
        f"{kind} seen beside": beside.plot([], [], marker="o", ms=3.5, color=style.QUIET, **dots)[0],
        f"{kind} outside": square.plot([], [], marker="o", ms=6, mfc=style.CARD, mec=INK, mew=1.4, **dots)[0],
        f"{kind} inside": square.plot([], [], marker="o", ms=7, color=GREEN, mec=INK, mew=1.2, zorder=4, **dots)[0],
        f"{kind} best": square.plot([], [], marker="*", ms=15, color=RED, mec=style.CARD, zorder=5, **dots)[0],
    }


CURVE = np.linspace(0, 1, 161)


def draw(state) -> Scene:
    """state: width, peak, matters, side, draw. Pure: the same numbers give the same scene."""
    knobs = dict(peak=state.peak, width=state.width, matters=state.matters)
    green, orange = bell(CURVE, state.peak, state.width), state.matters * bell(CURVE, TOP_OF_BROAD, BROAD)
    low, high = max(0.0, state.peak - state.width / 2), min(1.0, state.peak + state.width / 2)
    artists, best, distinct = {}, {}, {}
    for kind in KINDS:
        x, y = trials(kind, state.side, state.draw).T
        inside, got = np.abs(x - state.peak) <= state.width / 2, value(x, y, **knobs)
        values = np.unique(np.round(x, 12))
        best[kind], distinct[kind], first = float(got.max()), len(values), int(got.argmax())
        artists |= {
            f"{kind} band": ([low, high], [0, 0], [1, 1]),
            f"{kind} green": (CURVE, np.zeros_like(CURVE), green),
            f"{kind} line": (CURVE, green),
            f"{kind} orange": (orange, CURVE),
            f"{kind} stems": [([u, u], [0, 1]) for u in values],
            f"{kind} seen": (values, bell(values, state.peak, state.width)),
            f"{kind} seen beside": (state.matters * bell(y, TOP_OF_BROAD, BROAD), y),
            f"{kind} outside": (x[~inside], y[~inside]),
            f"{kind} inside": (x[inside], y[inside]),
            f"{kind} best": (x[first : first + 1], y[first : first + 1]),
        }
    return Scene(artists, words(state, best, distinct, races(state.side, **knobs)))


def words(state, best, distinct, rates) -> str:
    share, n = share_of_peak(state.peak, state.width), state.side**2
    exact = {"grid": grid_hit_chance(share, state.side), "random": hit_chance(share, n)}
    chances = "; ".join(f"{kind} {exact[kind]:.1%} exact, {rates[kind]:.1%} simulated" for kind in KINDS)
    return (
        f"Distinct values of the important axis: grid {distinct['grid']}, random {distinct['random']}. "
        f"Best found: grid {best['grid']:.2f}, random {best['random']:.2f} (the top is 1).\n"
        f"Chance of a trial in the green band, {share:.0%} of the axis: {chances}.\n"
        f"In {rates['random wins']:.0%} of {RACES:,} simulated races the random search has the better best."
    )
