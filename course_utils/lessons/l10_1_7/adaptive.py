"""AdaGrad, RMSProp and Adam beside plain descent in a noisy valley of two curvatures: paths and effective steps.

The loss is f(w) = (lambda_1 a^2 + lambda_2 b^2) / 2, where a runs along the valley and b across it; the valley may be
turned against the axes of the weights. The effective step of a weight is what its gradient is multiplied by:
lr / (sqrt(v) + eps), one number for each weight. Nothing here needs PyTorch; the update rules are the ones of
`torch.optim` (Duchi et al. 2011; Tieleman and Hinton 2012; Kingma and Ba 2014, arXiv 1412.6980).
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.collections import LineCollection

from course_utils.checks import check_positive, check_whole, check_within
from course_utils.pictures import style
from course_utils.pictures.controls import log_slider, slider, switch
from course_utils.pictures.live import LivePicture, Scene

START = (-2.6, 1.4)
VIEW = (-3.2, 3.2, -1.9, 1.9)
STEPS = 60
KINDS = ("AdaGrad", "RMSProp", "Adam")
PLAIN = "plain descent"
EPS = 1e-8
FAR = 1e6  # a path is followed no further than this: numbers stay finite


def walk(*, lr=0.1, beta2=0.99, ratio=20.0, noise=0.1, turn=0.0, corrected=True, beta1=0.9, steps=STEPS, seed=0):
    """All four descents at once. Returns kind -> (path [steps + 1, 2], effective steps [steps, 2], losses [steps + 1]).

    lr: of the three, > 0; plain descent uses the best rate of its steep direction, 1 / lambda_max = 1. beta2:
    memory of RMSProp's and Adam's v, in [0, 1). ratio: lambda_max / lambda_min, >= 1. noise: of the gradient, in
    units of w, >= 0. turn: degrees between valley and first weight. corrected: Adam's bias correction. beta1: Adam's
    memory of m, in [0, 1). seed: of the noise, the same for all four. Raises ValueError for values out of range.
    """
    check_positive("lr", lr)
    check_within("ratio", ratio, 1)
    check_within("noise", noise, 0)
    check_within("turn", turn, -360, 360)
    check_whole("steps", steps, 1, 10_000)
    for name, beta in (("beta1", beta1), ("beta2", beta2)):
        check_within(name, beta, 0, 1, ends="[)")
    hiss = noise * np.random.default_rng(seed).standard_normal((steps, 2))
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    turned = np.array([[cos, -sin], [sin, cos]])  # w @ turned: (along the valley, across it)
    bend = np.array([1 / ratio, 1.0])
    # One formula for all: v <- keep v + add g^2. One row a kind: plain descent, AdaGrad, RMSProp, Adam.
    keep, add = np.array([[1], [1], [beta2], [beta2]]), np.array([[0], [1], [1 - beta2], [1 - beta2]])
    memory = np.array([[0.0], [0.0], [0.0], [beta1]])
    w, m, v = np.tile(np.array(START), (4, 1)), np.zeros((4, 2)), np.zeros((4, 2))
    m_share, v_share = np.ones((4, 1)), np.ones((4, 1))
    path, effective, losses = [w], [], []
    for t in range(1, steps + 1):
        seen = w @ turned
        losses.append(0.5 * (bend * seen * seen).sum(1))
        g = (bend * (seen + hiss[t - 1])) @ turned.T
        m, v = memory * m + (1 - memory) * g, keep * v + add * g * g
        if corrected:
            m_share[3], v_share[3] = 1 - beta1**t, 1 - beta2**t
        eta = lr / (np.sqrt(v / v_share) + EPS)
        eta[0] = 1.0
        w = np.clip(w - eta * (m / m_share), -FAR, FAR)
        path.append(w)
        effective.append(eta)
    losses.append(0.5 * (bend * (w @ turned) ** 2).sum(1))
    tracks = np.array(path), np.array(effective), np.array(losses)
    return {kind: tuple(track[:, n] for track in tracks) for n, kind in enumerate((PLAIN, *KINDS))}


def _contours(ratio, turn, levels=(0.02, 0.08, 0.2, 0.4, 0.7, 1.1, 1.6, 2.2)):
    """Lines of equal loss, turned like the valley."""
    angle = np.linspace(0, 2 * np.pi, 73)
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    lines = []
    for level in levels:
        a, b = math.sqrt(2 * level * ratio) * np.cos(angle), math.sqrt(2 * level) * np.sin(angle)
        lines.append((cos * a - sin * b, sin * a + cos * b))
    return lines


def build(figure):
    plane, steps = figure.subplots(1, 2, width_ratios=[1.45, 1])
    plane.set(xlabel="weight $w_1$", ylabel="weight $w_2$", xlim=VIEW[:2], ylim=VIEW[2:])
    plane.grid(False)
    steps.set(xlabel="update", ylabel="effective step", yscale="log", xlim=(0, STEPS), ylim=(1e-3, 1e3))
    artists = {"contours": plane.add_collection(LineCollection([], colors="#d5d4cf", linewidths=0.9, zorder=1))}
    artists[PLAIN] = plane.plot([], [], label=PLAIN, color=style.QUIET, lw=1.0, ls="-", marker=".", ms=3.5, zorder=2)[0]
    for n, kind in enumerate(KINDS):
        look = style.look(n)
        marks = {"marker": style.MARKERS[n], "ms": 4.2, "markevery": 4, "mec": style.CARD, "mew": 0.5}
        artists[kind] = plane.plot([], [], label=kind, lw=1.5, zorder=3 + n, **marks, **look)[0]
        artists[f"{kind} w1"] = steps.plot([], [], lw=2.4, zorder=3, **look)[0]
        artists[f"{kind} w2"] = steps.plot([], [], lw=1.1, zorder=3, **look)[0]
    plane.plot(*START, marker="o", ms=8, mfc="none", mec=style.INK, mew=1.2, zorder=7)
    plane.plot(0, 0, marker="+", ms=11, mec=style.INK, mew=1.4, zorder=7)
    plane.annotate("start", START, (6, 6), textcoords="offset points", fontsize=8.5, color=style.QUIET)
    steps.set_title("thick: of $w_1$, thin: of $w_2$", fontsize=8.8, fontweight="normal", loc="left")
    style.legend_row(plane, columns=2)
    return {"plane": plane, "steps": steps}, artists


def draw(state) -> Scene:
    """state: lr, beta2, ratio, noise, turn (degrees), corrected."""
    walks = walk(**vars(state))
    artists = {"contours": _contours(state.ratio, state.turn)}
    low, high, t = 1e-2, 1e1, np.arange(1, STEPS + 1)
    for kind, (path, effective, _) in walks.items():
        artists[kind] = tuple(np.clip(path, -50, 50).T)
        if kind != PLAIN:
            w1, w2 = np.clip(effective, 1e-9, 1e9).T
            artists[f"{kind} w1"], artists[f"{kind} w2"] = (t, w1), (t, w2)
            low, high = min(low, w1.min(), w2.min()), max(high, w1.max(), w2.max())
    decades = (10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)))
    return Scene(artists, words(walks), {"steps": (None, None, *decades)})


def words(walks) -> str:
    """How far each descent came, and how differently it treats both weights. walks: see `walk`."""
    lines = [f"Plain descent, rate 1/λmax: loss {walks[PLAIN][2][-1]:.2g} after {STEPS} updates."]
    for kind in KINDS:
        path, effective, losses = walks[kind]
        w1, w2 = np.clip(effective[-1], 1e-9, 1e9)
        lines.append(
            f"{kind}: first move {np.abs(path[1] - path[0]).max():.2g}, loss {losses[-1]:.2g}; "
            f"effective step of w1 / of w2 = {w1 / w2:.3g}."
        )
    return "\n".join(lines)


def valley_explorer(*, lr: float = 0.1, beta2: float = 0.99, ratio: float = 20.0, noise: float = 0.1) -> LivePicture:
    """Live picture of the three in a valley; sliders for rate, beta2, ratio of curvatures, noise and turn."""
    controls = [
        log_slider("lr", "learning rate", 1e-3, 1.0, lr, per_decade=20),
        slider("beta2", "memory β₂ (α)", 0.5, 0.999, beta2, 0.001),
        log_slider("ratio", "λmax / λmin", 1.0, 1000.0, ratio, per_decade=10),
        slider("noise", "gradient noise", 0.0, 1.0, noise, 0.05),
        slider("turn", "valley turned (°)", 0.0, 45.0, 0.0, 1.0),
        switch("corrected", "Adam's bias correction", True),
    ]
    return LivePicture(
        draw,
        controls,
        title="AdaGrad, RMSProp and Adam in a valley",
        build=build,
        status_lines=4,
        alt="Left, paths of plain descent, AdaGrad, RMSProp and Adam over the contours of a valley. "
        "Right, the effective step of both weights against the update, logarithmic",
        figsize=(style.SIZE[0], 3.8),
    )
