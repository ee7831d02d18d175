"""The quadratic bowl f(w) = (lambda_1 w_1^2 + lambda_2 w_2^2) / 2 under descent with and without momentum.

The smallest model in which a learning rate is too low, right and too high. Along each axis every step does the same
linear thing, so everything is known exactly: plain gradient descent converges if and only if LR < 2 / lambda_max; with
momentum m (heavy ball, Polyak 1964) if and only if LR < 2 (1 + m) / lambda_max.
Source: Goh, "Why Momentum Really Works", Distill 2017, doi 10.23915/distill.00006.
"""

from __future__ import annotations

import numpy as np
from matplotlib.collections import LineCollection

from course_utils.pictures import style
from course_utils.pictures.controls import log_slider, slider
from course_utils.pictures.live import LivePicture, Scene

START = (-2.6, 1.4)
VIEW = (-3.2, 3.2, -1.9, 1.9)
STEPS = 60
FAR = 1e8  # a path is followed no further than this: it has diverged, and numbers stay finite


def value(w, curvature):
    """f(w) = sum of lambda_i w_i^2 / 2; w has shape [..., 2]."""
    return 0.5 * np.sum(np.asarray(curvature) * np.asarray(w) ** 2, axis=-1)


def gradient(w, curvature):
    """df/dw_i = lambda_i w_i."""
    return np.asarray(curvature) * w


def descend(lr, momentum, curvature, start=START, steps=STEPS):
    """The path of w, [steps + 1, 2]: v <- m v + gradient(w);  w <- w - LR v  (as torch.optim.SGD)."""
    w, v = np.array(start, float), np.zeros(2)
    path = [w]
    for _ in range(steps):
        v = momentum * v + gradient(w, curvature)
        w = w - lr * v
        path.append(w)
        if np.abs(w).max() > FAR:
            break
    return np.array(path)


def growth(lr, momentum, curvature):
    """Long-run factor of the error per step along each axis (spectral radius); above 1 it diverges."""
    factors = []
    for bend in curvature:
        step = np.array([[1 + momentum - lr * bend, -momentum], [1.0, 0.0]])
        factors.append(float(np.abs(np.linalg.eigvals(step)).max()))
    return factors


def stability_edge(largest_curvature, momentum=0.0):
    """The learning rate from which descent no longer converges: 2 (1 + m) / lambda_max."""
    return 2 * (1 + momentum) / largest_curvature


def behaviour(lr, momentum, curvature) -> str:
    """In words: "diverges", "stays on the edge", "converges" or "converges, swinging from side to side"."""
    factor = max(growth(lr, momentum, curvature))
    if factor > 1 + 1e-9:
        return "diverges"
    if factor > 1 - 1e-9:
        return "stays on the edge, neither falling nor growing"
    # the path crosses the valley unless the matrix of one step (see growth) has positive real eigenvalues
    swings = lr * max(curvature) > (1 - np.sqrt(momentum)) ** 2
    return "converges, swinging from side to side" if swings else "converges"


def _contours(curvature, levels=(0.05, 0.2, 0.5, 1.0, 1.8, 3.0, 5.0, 8.0, 13.0)):
    """Ellipses f(w) = level, scaled with the largest curvature so that they always fill the view."""
    angle = np.linspace(0, 2 * np.pi, 73)
    scale = np.sqrt(2 * np.array(levels) * max(curvature) / 2)
    return [(r / np.sqrt(curvature[0]) * np.cos(angle), r / np.sqrt(curvature[1]) * np.sin(angle)) for r in scale]


def build(figure):
    plane, losses = figure.subplots(1, 2, width_ratios=[1.45, 1])
    plane.set(xlabel="weight $w_1$ (flat direction)", ylabel="weight $w_2$ (steep)", xlim=VIEW[:2], ylim=VIEW[2:])
    plane.grid(False)
    losses.set(xlabel="step", ylabel="loss  f(w)", yscale="log", xlim=(-1, STEPS + 1), ylim=(1e-6, 1e4))
    artists = {"contours": plane.add_collection(LineCollection([], colors="#d5d4cf", linewidths=0.9, zorder=1))}
    for n, (name, label) in enumerate((("plain", "plain"), ("momentum", "with momentum"))):
        kind = {"color": style.PALETTE[n], "lw": 1.6, "ls": ("-", (0, (4, 1.2)))[n], "zorder": 3 - n * 0.1}
        marks = {"marker": style.MARKERS[n], "ms": 3.6, "mec": style.CARD, "mew": 0.5}
        artists[f"{name} path"] = plane.plot([], [], label=label, **kind, **marks)[0]
        artists[f"{name} loss"] = losses.plot([], [], label=label, **kind)[0]
    plane.plot(*START, marker="o", ms=8, mfc="none", mec=style.INK, mew=1.2)
    plane.plot(0, 0, marker="+", ms=11, mec=style.INK, mew=1.4)
    plane.annotate("start", START, (6, 6), textcoords="offset points", fontsize=8.5, color=style.QUIET)
    style.legend_row(plane)
    return {"plane": plane, "loss": losses}, artists


def draw(state) -> Scene:
    """state: lr, momentum, largest (lambda_max), ratio (lambda_max / lambda_min)."""
    curvature = (state.largest / state.ratio, state.largest)
    artists, losses = {"contours": _contours(curvature)}, {}
    for name, m in (("plain", 0.0), ("momentum", state.momentum)):
        path = descend(state.lr, m, curvature)
        losses[name] = value(path, curvature)
        artists[f"{name} path"] = tuple(np.clip(path, -50, 50).T)
        artists[f"{name} loss"] = (np.arange(len(path)), np.clip(losses[name], 1e-30, 1e30))
    return Scene(artists, words(state, curvature, losses))


def words(state, curvature, losses) -> str:
    """How both descents behave, beside their edges. losses: of every step, by "plain" and "momentum"."""
    plain = ("Plain descent", 0.0, "2/λmax", losses["plain"])
    heavy = (f"Momentum {state.momentum:g}", state.momentum, "2(1+m)/λmax", losses["momentum"])
    return "\n".join(
        f"{title} {behaviour(state.lr, m, curvature)}: LR {state.lr:.3g}, edge {formula} = "
        f"{stability_edge(state.largest, m):.3g}; loss after {len(loss) - 1} steps {loss[-1]:.2g}."
        for title, m, formula, loss in (plain, heavy)
    )


def bowl_explorer(*, lr: float = 0.1, momentum: float = 0.9, largest: float = 1.0, ratio: float = 20.0) -> LivePicture:
    """Live picture of both paths; sliders for LR, momentum, the largest curvature and the ratio of both."""
    controls = [
        log_slider("lr", "learning rate", 1e-3, 10.0, lr, per_decade=25),
        slider("momentum", "momentum m", 0.0, 0.99, momentum, 0.01),
        slider("largest", "λmax (steepest)", 0.2, 5.0, largest, 0.1),
        log_slider("ratio", "λmax / λmin", 1.0, 100.0, ratio, per_decade=10),
    ]
    return LivePicture(
        draw,
        controls,
        title="Descent in a quadratic bowl",
        build=build,
        status_lines=2,
        alt="Left, paths of plain and momentum descent over the contours of a quadratic bowl. Right, loss against step",
        figsize=(style.SIZE[0], 3.5),
    )
