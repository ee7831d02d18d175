"""OneCycle as a live picture: every symbol of eqs. 10.5 and 10.6 a slider; rate, momentum and noise scale together.

The three anchors (eta_min, eta_max, eta_final), the joint at p T and the zero slopes are marked. "beside it" lays the
other schedules of the lecture, with the same peak, behind the cycle.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np

from course_utils.checks import check_whole
from course_utils.pictures import style
from course_utils.pictures.controls import choice, switch, whole
from course_utils.pictures.live import CannotDraw, LivePicture, Scene
from course_utils.pictures.numbers import nice_limit
from course_utils.pictures.schedule_curves import mean_rate, momentum_foot, sample, share_above, values_at
from course_utils.pictures.schedule_sliders import SPECS, Parameter

SLIDERS = [
    # 100 steps a decade: one key press is 2.3 %, fine enough for "15 % less"
    Parameter("peak", "η_max (peak LR)", 1e-3, 10, 0.316, log=True, per_decade=100),
    Parameter("p", "p (share rising)", 0.05, 0.95, 0.3, step=0.01),
    Parameter("div_factor", "div_factor", 1, 100, 10, log=True, per_decade=100),
    Parameter("final_div_factor", "final_div_factor", 1, 1e6, 1e4, log=True),
    Parameter("m_min", "m_min", 0.0, 0.99, 0.85, step=0.01),
    Parameter("m_max", "m_max", 0.0, 0.99, 0.95, step=0.01),
]
KNOBS = tuple(slider.name for slider in SLIDERS)
RIVALS = {"step_decay": "step decay", "cosine": "cosine", "linear": "linear"}
RIVALS |= {"inverse_sqrt": "inverse root", "constant": "constant"}
NAMES = {"now": "OneCycle", "before": "before", **RIVALS}  # curves of the upper panel


class OneCyclePicture(LivePicture):
    """A LivePicture whose curves can stay behind, faint: `remember()`; then `set(...)`, and later `forget()`."""

    def __init__(self, T: int, **more):
        self.T, self._before = T, None
        super().__init__(lambda state: draw(T, state, self._before), **more)

    @property
    def knobs(self) -> dict[str, float]:
        """The six parameters by name, as the sliders are."""
        return {name: getattr(self.state, name) for name in KNOBS}

    def remember(self) -> None:
        self._before = tuple(self.knobs.items())
        self.redraw()

    def forget(self) -> None:
        self._before = None
        self.redraw()


def onecycle_explorer(T: int = 1248, *, rivals: str = "none", **start: float) -> OneCyclePicture:
    """A live picture of one OneCycle training of T updates (>= 2).

    rivals: what lies behind it: "none", "all" or a key of RIVALS. start: first values of peak, div_factor,
    final_div_factor, p, m_min, m_max. Raises ValueError for anything else.
    """
    T = check_whole("T", T, 2, of="updates")
    if unknown := set(start) - set(KNOBS) | {rivals} - {"none", "all", *RIVALS}:
        raise ValueError(f"{unknown}: the knobs are {', '.join(KNOBS)}; rivals none, all, {', '.join(RIVALS)}")
    controls = [slider.control() for slider in SLIDERS]
    for control in controls:
        control.start_at(control.allow(start.get(control.name, control.default)))
    beside = [("nothing", "none"), ("all five", "all"), *((label, name) for name, label in RIVALS.items())]
    controls += [
        whole("t", "look at update t", 0, T, 0, step=max(1, T // 100)),
        choice("rivals", "beside it", beside, rivals),
        switch("log", "logarithmic axes"),
    ]
    return OneCyclePicture(
        T,
        controls=controls,
        build=partial(build, T),
        title="OneCycle: rate, momentum and noise in one picture",
        alt="Three panels against the update: learning rate, momentum, and noise scale rate / (1 - momentum)",
        figsize=(style.SIZE[0], 5.6),
        status_lines=4,
    )


@lru_cache(maxsize=64)
def curves(T: float, knobs: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(t, rate, momentum, noise scale) of the whole cycle. knobs: the items of a dict with the six names of KNOBS.

    Raises CannotDraw if m_min > m_max, or for what the schedules refuse.
    """
    knobs, spec = dict(knobs), SPECS["one_cycle"]
    try:
        t, lr = sample(spec.make(T, **knobs), T, (knobs["p"] * T,))
    except ValueError as why:
        raise CannotDraw(str(why)) from why
    m = values_at(spec.momentum(T, **knobs), t)
    return t, lr, m, lr / (1 - m)


@lru_cache(maxsize=64)
def rival(name: str, peak: float, T: float) -> tuple[np.ndarray, np.ndarray]:
    """(t, rate) of one of the other schedules at this peak."""
    drops = {"drop1": 0.5, "drop2": 0.75, "drop3": 0.9} if name == "step_decay" else {}
    return SPECS[name].curve(T, peak=peak, **drops)


def build(T: int, figure):
    rate, momentum, noise = rows = figure.subplots(3, 1, sharex=True, height_ratios=[2.3, 1, 1.1])
    rate.set_title(" ", fontsize=9)  # leaves a row for the names of the curves
    rate.set_ylabel("learning rate η")
    momentum.set_ylabel("momentum m")
    noise.set(ylabel="noise η / (1 − m)", xlabel="update t", xlim=(-0.008 * T, 1.008 * T))
    figure.align_ylabels(rows)
    artists = {}
    faint, dot = {"color": style.INK, "lw": 1.1, "ls": "-"}, {"color": style.INK, "mec": style.CARD, "zorder": 6}
    looks = {"now": {"color": style.PALETTE[0], "lw": 2.4, "ls": "-"}, "before": faint}
    looks |= {name: {**style.look(n), "lw": 1.5} for n, name in enumerate(RIVALS, start=1)}
    for name, look in looks.items():
        artists[f"key {name}"] = rate.plot([], [], transform=rate.transAxes, clip_on=False, **look)[0]
        artists[f"word {name}"] = rate.text(0, 0, "", transform=rate.transAxes, fontsize=8.4, va="center")
        artists[name] = rate.plot([], [], zorder=3 if name == "now" else 2.2, **look)[0]
    for name, row, color in (("m", momentum, style.PALETTE[3]), ("noise", noise, style.PALETTE[2])):
        artists[f"{name} before"] = row.plot([], [], **faint)[0]
        artists[name] = row.plot([], [], color=color, lw=2.2, ls="-")[0]
        artists[f"{name} here"] = row.plot([], [], "o", ms=5.5, **dot)[0]
    for n, row in enumerate(rows):
        artists[f"joint {n}"] = row.axvline(0, color=style.QUIET, lw=0.9, ls=(0, (4, 2)), zorder=1.6)
        artists[f"t {n}"] = row.axvline(0, color=style.INK, lw=0.9, ls=(0, (1, 2)), zorder=1.5)
    artists["here"] = rate.plot([], [], "o", ms=6, **dot)[0]
    for name, side in (("start", "left"), ("peak", "left"), ("end", "right")):
        artists[f"flat {name}"] = rate.plot([], [], color=style.PALETTE[1], lw=4, ls="-", zorder=4)[0]
        ground = {"facecolor": style.CARD, "edgecolor": "none", "alpha": 0.8, "pad": 1}  # no line runs through a word
        artists[f"anchor {name}"] = rate.text(0, 0, "", fontsize=8.6, ha=side, va="bottom", zorder=5, bbox=ground)
    artists["anchor joint"] = momentum.text(0, 0, "", fontsize=8.6, va="top", zorder=5)
    artists["noise peak"] = noise.text(0, 0, "", fontsize=8.4, va="bottom", zorder=5)
    return {"rate": rate, "momentum": momentum, "noise": noise}, artists


def draw(T: int, state, before: tuple | None = None) -> Scene:
    """state: the six KNOBS, t, rivals, log. before: knobs of the faint curves, or None. Raises CannotDraw."""
    knobs = tuple((name, getattr(state, name)) for name in KNOBS)
    t, lr, m, noise = cycle = curves(T, knobs)
    beside = list(RIVALS) if state.rivals == "all" else [] if state.rivals == "none" else [state.rivals]
    lines = {"now": (t, lr), "m": (t, m), "noise": (t, noise)}
    top, loudest, calmest = lr.max(), noise.max(), m
    if before and before != knobs:
        old_t, *old = curves(T, before)
        lines |= {f"{name}before": (old_t, y) for name, y in zip(("", "m ", "noise "), old, strict=True)}
        top, loudest, calmest = max(top, old[0].max()), max(loudest, old[2].max()), np.append(m, old[1])
    lines |= {name: rival(name, state.peak, T) for name in beside}
    low, high = _range(state.log, lr.min(), 1.13 * top, foot=0.1)
    limits = {
        "rate": (None, None, low, high),
        "momentum": (None, None, momentum_foot(calmest), 1.0),
        "noise": (None, None, *_range(state.log, noise.min(), 1.2 * loudest)),
    }
    artists = lines | _keys([name for name in NAMES if name in lines]) | _marks(T, state, cycle, low, high)
    kind = "log" if state.log else "linear"
    return Scene(artists, words(T, state, cycle, beside), limits, {"rate": kind, "noise": kind})


def _keys(names) -> dict:
    """Names of the curves in a row above the panel, where there is more than one."""
    artists, x = {}, 0.0
    for name in names if len(names) > 1 else ():
        artists[f"key {name}"] = ([x, x + 0.034], [1.062, 1.062])
        artists[f"word {name}"] = (x + 0.042, 1.06, NAMES[name])
        x += 0.068 + 0.0112 * len(NAMES[name])
    return artists


def _range(log: bool, low: float, high: float, foot: float = 0.02) -> tuple[float, float]:
    """Round ends that change rarely: each change costs a full drawing. foot: room under zero, for words."""
    high = nice_limit(high, (1, 1.5, 2, 3, 4, 5, 6, 8))
    return (10 ** math.floor(math.log10(low) - 0.5), 3 * high) if log else (-foot * high, high)


def _marks(T: int, state, cycle, low: float, high: float) -> dict:
    """Anchors, joint, zero slopes and where the learner looks."""
    t, lr, m, noise = cycle
    joint, wide, loud = state.p * T, 0.028 * T, int(np.argmax(noise))
    eta_min, eta_final = state.peak / state.div_factor, state.peak / state.final_div_factor
    foot, lift = (low * 1.15, 1.35) if state.log else (0.92 * low, 1 + 0.02 * high / state.peak)
    artists = {
        "flat start": ([0, wide], [eta_min, eta_min]),
        "flat peak": ([joint - wide, joint + wide], [state.peak, state.peak]),
        "flat end": ([T - wide, T], [eta_final, eta_final]),
        "anchor peak": (min(joint, 0.8 * T) + 0.01 * T, lift * state.peak, f"η_max = {state.peak:.3g}"),
        "anchor start": (0.004 * T, foot, f"η_min = {eta_min:.3g}"),
        "anchor end": (0.998 * T, foot, f"η_final = {eta_final:.3g}"),
        "anchor joint": (min(joint, 0.86 * T) + 0.01 * T, 0.985, f"pT = {joint:.0f}"),
        "noise peak": (min(t[loud], 0.84 * T) + 0.012 * T, noise[loud] * 1.02, f"largest {noise[loud]:.3g}"),
    }
    artists |= {f"joint {n}": ([joint, joint], [0, 1]) for n in range(3)}
    artists |= {f"t {n}": ([state.t, state.t], [0, 1]) for n in range(3)}
    here = {"here": lr, "m here": m, "noise here": noise}
    return artists | {name: ([state.t], [float(np.interp(state.t, t, y))]) for name, y in here.items()}


def words(T: int, state, cycle, beside) -> str:
    """What the picture means, in up to four lines. beside: the rivals shown."""
    t, lr, m, noise = cycle
    joint = state.p * T
    at_peak = float(np.interp(joint, t, noise))
    never = "hardly smaller late than at the peak, so this run never refines."
    meaning = "large early (explore), small late (refine)." if at_peak > 2 * noise[-1] else never
    here = [float(np.interp(state.t, t, y)) for y in (lr, m, noise)]
    lines = [
        f"Explore: {joint:.0f} updates from η_min {lr[0]:.3g} up to η_max {state.peak:.3g}. Refine: {T - joint:.0f} "
        f"updates down to η_final {lr[-1]:.3g}. Slope 0 (orange) at start, peak and end.",
        f"Noise η / (1 − m): {noise[0]:.3g} at the start, {at_peak:.3g} at the peak, {noise[-1]:.3g} at the end: "
        f"{meaning}",
        f"At update {state.t:g}: rate {here[0]:.3g}, momentum {here[1]:.3g}, noise {here[2]:.3g}.",
    ]
    if beside:
        rates = {"OneCycle": (t, lr)} | {RIVALS[name]: rival(name, state.peak, T) for name in beside}
        parts = [
            f"{name} {share_above(t, lr, lr.max() / 2):.0%} (mean rate {mean_rate(t, lr):.3g})"
            for name, (t, lr) in rates.items()
        ]
        lines.append(f"Share of the updates above half the peak: {', '.join(parts)}.")
    return "\n".join(lines)
