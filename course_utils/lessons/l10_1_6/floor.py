"""Descent with a noisy gradient in a bowl: why a constant learning rate stops falling, and how high above the bottom.

Loss lambda w^2 / 2; every update sees the gradient lambda w + noise, the noise with mean 0 and standard deviation
sigma, drawn anew each time (the batch). Noise pushes w about, the slope pulls it back; where both balance the loss
stays, on average: the *noise floor*. All means are known exactly, for any schedule, with and without momentum, because
the mean squares of w and of the velocity follow a linear rule (`expected_losses`).
Source: Robbins and Monro 1951; Schaul, Zhang, LeCun 2013 (arXiv 1206.1106), section 3.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from course_utils.checks import check_positive, check_within
from course_utils.pictures import style
from course_utils.pictures.controls import log_slider, slider
from course_utils.pictures.live import LivePicture, Scene
from course_utils.schedules import half_cosine

START = 3.0  # w before the first update
UPDATES = 300
COPIES = 200  # independent runs that are averaged
RATES = np.geomspace(1e-3, 1.9, 66)  # where the right-hand picture is computed
CURVATURE = 1.0


def noise_floor(lr: float, curvature: float = 1.0, noise: float = 1.0, momentum: float = 0.0) -> float:
    """Mean loss at rest of a constant rate: lambda / 2 times the mean square distance
    lr sigma^2 (1 + m) / (lambda (1 - m) (2 (1 + m) - lr lambda)).

    lr: in (0, 2 (1 + m) / lambda), else there is no rest. curvature: lambda > 0, loss per weight^2. noise: sigma >= 0,
    of the gradient. momentum: m in [0, 1). Raises ValueError outside.
    """
    _check(curvature, noise, momentum)
    edge = 2 * (1 + momentum) / curvature
    if not 0 < lr < edge:
        allowed = f"(0, 2 (1 + momentum) / curvature) = (0, {edge:g})"
        raise ValueError(f"lr must lie in {allowed}, got {lr!r}. From the edge on the steps grow and there is no rest.")
    return lr * noise**2 * (1 + momentum) / (2 * (1 - momentum) * (edge - lr) * curvature)


def expected_losses(rates, curvature: float = 1.0, noise: float = 1.0, momentum: float = 0.0, start: float = START):
    """Exact mean loss before each update and after the last one, for given learning rates.

    rates: [T] or [T, K] (K schedules side by side), each >= 0. Returns an array [T + 1] or [T + 1, K].
    v <- m v + g;  w <- w - lr v, as torch.optim.SGD; v starts at 0, w at `start`. Raises ValueError as `noise_floor`,
    and for rates that are negative, not finite or none at all.
    """
    _check(curvature, noise, momentum)
    rates = _rates(rates)
    ww = np.full(rates.shape[1:], float(start) ** 2)  # mean of w^2, of w v, of v^2
    wv, vv = np.zeros_like(ww), np.zeros_like(ww)
    squares = [ww]
    for lr in rates:
        vv = momentum**2 * vv + 2 * momentum * curvature * wv + curvature**2 * ww + noise**2
        wv = momentum * wv + curvature * ww  # old w times new v
        ww = ww - 2 * lr * wv + lr**2 * vv
        wv = wv - lr * vv  # new w times new v
        squares.append(ww)
    return curvature / 2 * np.array(squares)


def simulate(rates, pushes, curvature: float = 1.0, momentum: float = 0.0, start: float = START):
    """The same with real noise: losses [T + 1, ...] of descents that are pushed about by `pushes`.

    rates: [T], or [T, K, 1] for K schedules that meet the same noise. pushes: the gradients' noise, [T, copies].
    """
    _check(curvature, 0.0, momentum)
    rates, pushes = _rates(rates), np.asarray(pushes, float)
    if pushes.ndim != 2 or len(pushes) != len(rates):
        raise ValueError(f"pushes has shape {pushes.shape}: give [T, copies] with T = {len(rates)}, one row a rate.")
    w = np.full(np.broadcast_shapes(rates.shape[1:], pushes.shape[1:]), float(start))
    v, path = np.zeros_like(w), np.empty((len(rates) + 1, *w.shape))
    path[0] = w
    for t, (lr, push) in enumerate(zip(rates, pushes, strict=True), start=1):
        v = momentum * v + curvature * w + push
        w = w - lr * v
        path[t] = w
    return curvature / 2 * path**2


def _check(curvature, noise, momentum) -> None:
    check_positive("curvature", curvature, hint="1 is a good start.")
    check_within("noise", noise, 0, hint="It is a standard deviation.")
    check_within("momentum", momentum, 0, 1, ends="[)", hint="0 is plain descent.")


def _rates(rates) -> np.ndarray:
    rates = np.asarray(rates, float)
    if not rates.ndim or not len(rates) or not np.isfinite(rates).all() or (rates < 0).any():
        raise ValueError("rates must be finite learning rates >= 0, one an update, at least one.")
    return rates


# ------------------------------------------------------------------------------------------------------- picture
SHAPES = np.stack([np.ones(UPDATES), [1 - half_cosine(t / UPDATES) for t in range(UPDATES)]], axis=1)  # [T, 2]


@lru_cache(maxsize=1)
def _pushes() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((UPDATES, COPIES))


@lru_cache(maxsize=64)
def _ends(noise: float, momentum: float) -> tuple[np.ndarray, list[float]]:
    """At each of RATES: exact mean loss after UPDATES updates, [2, len(RATES)] (constant, cosine), and the floor."""
    rates = SHAPES[:, :, None] * RATES
    floors = [noise_floor(lr, CURVATURE, noise, momentum) for lr in RATES]
    return expected_losses(rates, CURVATURE, noise, momentum)[-1], floors


def build(figure):
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    left.set(xlabel="update t", ylabel="loss", yscale="log", xlim=(-3, UPDATES + 3), ylim=(1e-4, 30))
    right.set(xlabel="learning rate or peak", xscale="log", xlim=(RATES[0], RATES[-1]))
    quiet = {"va": "top", "fontsize": 8.8, "color": style.QUIET}
    right.text(0.03, 0.96, f"after {UPDATES} updates", transform=right.transAxes, **quiet)
    dashed = {"color": style.INK, "lw": 1.1, "ls": (0, (2, 2))}
    artists = {"one run": left.plot([], [], color=style.PALETTE[0], lw=0.8, ls="-", alpha=0.45)[0]}
    labels = ("constant", "cosine")
    for n, name in enumerate(labels):
        artists[name] = left.plot([], [], label=name, **style.look(n))[0]
        artists[f"{name} ends"] = right.plot([], [], **style.look(n))[0]
        point = {"marker": style.MARKERS[n], "ms": 7, "ls": "none", "mec": style.CARD, "zorder": 5}
        artists[f"{name} here"] = right.plot([], [], color=style.PALETTE[n], **point)[0]
    artists["floor"] = left.plot([], [], label="noise floor", **dashed)[0]
    artists["floors"] = right.plot([], [], **dashed)[0]
    style.legend_row(left)
    return {"left": left, "right": right}, artists


def draw(state) -> Scene:
    """state: lr (of the cosine: its peak), momentum, noise. Left the descent, right where it ends at every rate."""
    pushes = state.noise * _pushes()
    losses = simulate(state.lr * SHAPES[:, :, None], pushes, CURVATURE, state.momentum)  # [T + 1, 2, copies]
    means, t = losses.mean(axis=2), np.arange(UPDATES + 1)
    floor = noise_floor(state.lr, CURVATURE, state.noise, state.momentum)
    ends, floors = _ends(state.noise, state.momentum)
    here = [float(np.exp(np.interp(np.log(state.lr), np.log(RATES), np.log(row)))) for row in ends]
    artists = {"one run": (t, losses[:, 0, 0]), "floor": ([0, UPDATES], [floor, floor]), "floors": (RATES, floors)}
    for n, name in enumerate(("constant", "cosine")):
        artists[name] = (t, means[:, n])
        artists[f"{name} ends"] = (RATES, ends[n])
        artists[f"{name} here"] = ([state.lr], [here[n]])
    return Scene(artists, words(state.lr, means[:, 0], floor, here, ends))


def words(lr: float, means, floor: float, here, ends) -> str:
    """Where both schedules end. means: of the constant rate; here: ends of both at this rate; ends: at all RATES."""
    rest = means[-UPDATES // 3 :].mean()
    arrived = "at rest" if here[0] < 1.1 * floor else "still on its way down"
    best = ends.argmin(axis=1)
    return (
        f"Constant {lr:.3g}: {arrived}; loss of the last {UPDATES // 3} updates {rest:.2g}, "
        f"noise floor by the formula {floor:.2g}.\n"
        f"Cosine from {lr:.3g}: ends at {here[1]:.2g}. Best of all rates after {UPDATES} updates: constant "
        f"{ends[0].min():.2g} (at {RATES[best[0]]:.2g}), cosine {ends[1].min():.2g} (from {RATES[best[1]]:.2g})."
    )


def noise_floor_explorer(*, lr: float = 0.1, momentum: float = 0.0, noise: float = 1.0) -> LivePicture:
    """Live picture of a constant rate and a cosine in the noisy bowl; sliders for rate, momentum and noise."""
    controls = [
        log_slider("lr", "learning rate", 1e-3, 1.9, lr, per_decade=20),
        slider("momentum", "momentum m", 0.0, 0.95, momentum, 0.05),
        slider("noise", "noise σ", 0.1, 2.0, noise, 0.1),
    ]
    return LivePicture(
        draw,
        controls,
        title="A noisy bowl",
        build=build,
        status_lines=2,
        alt=f"Left, mean loss of {COPIES} descents against update for a constant rate and a cosine, and the noise "
        "floor. Right, the loss at the end against the learning rate",
        figsize=(style.SIZE[0], 3.5),
    )
