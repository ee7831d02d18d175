"""OneCycle as a live picture: every symbol of eqs. 10.5 and 10.6 a slider; rate, momentum and noise scale together.

    onecycle_explorer(T=1248)                   # alone
    picture.remember(); picture.set(peak=0.2)   # the curves as they were stay behind as a faint line

The three anchors (eta_min, eta_max, eta_final), the joint at p T and the zero slopes are marked. "beside it" lays the
other schedules of the lecture, with the same peak, behind the cycle.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np
from ipywidgets import FloatLogSlider

from course_utils import schedules
from course_utils.pictures import style
from course_utils.pictures.controls import Control, choice, log_slider, slider, switch, whole
from course_utils.pictures.explore_schedules import mean_rate, sample, share_above
from course_utils.pictures.live import CannotDraw, LivePicture, Scene

KNOBS = ("peak", "div_factor", "final_div_factor", "p", "m_min", "m_max")
LABELS = {"peak": "η_max (peak LR)", "div_factor": "div_factor", "final_div_factor": "final_div_factor",
          "p": "p (share rising)", "m_min": "m_min", "m_max": "m_max"}  # fmt: skip
RIVALS = {
    "step": ("step decay", lambda peak, T: partial(schedules.step_decay, peak=peak, milestones=_milestones(T))),
    "cosine": ("cosine", lambda peak, T: partial(schedules.cosine, peak=peak, T=T)),
    "linear": ("linear", lambda peak, T: partial(schedules.linear, peak=peak, T=T)),
    "inverse_sqrt": ("inverse root", lambda peak, T: partial(schedules.inverse_sqrt, peak=peak)),
    "constant": ("constant", lambda peak, T: partial(schedules.constant, peak=peak)),
}
BLUE, RED, PURPLE = style.PALETTE[0], style.PALETTE[2], style.PALETTE[3]


def _milestones(T):
    return [0.5 * T, 0.75 * T, 0.9 * T]


class OneCyclePicture(LivePicture):
    """A LivePicture that can remember its curves: `remember()` leaves them behind, faint; `forget()` removes them."""

    def __init__(self, T: int, **more):
        self.T, self._before = T, None
        super().__init__(self._scene, **more)

    def _scene(self, state) -> Scene:
        return scene(self.T, state, self._before)

    @property
    def knobs(self) -> dict[str, float]:
        """The six parameters by name, as the sliders stand."""
        return {name: getattr(self.state, name) for name in KNOBS}

    def stop(self, knob: str, value: float) -> float:
        """The stop of the knob's slider that is nearest to `value` (the page would move it there anyway)."""
        return _stop(self.controls[knob], value)

    def remember(self) -> None:
        """Keep the present curves as the faint "before"."""
        self._before = tuple(self.knobs.items())
        self.redraw()

    def forget(self) -> None:
        """Remove the faint curves."""
        self._before = None
        self.redraw()


def onecycle_explorer(T: int = 1248, *, rivals: str = "none", **start: float) -> OneCyclePicture:
    """A live picture of one OneCycle training of T updates (>= 2).

    rivals: what lies behind it: "none", "all" or a key of RIVALS. start: first values of peak, div_factor,
    final_div_factor, p, m_min, m_max. Raises ValueError for anything else.
    """
    if isinstance(T, bool) or not isinstance(T, int) or T < 2:
        raise ValueError(f"T = {T!r}: give the number of updates, a whole number >= 2")
    unknown = [name for name in start if name not in KNOBS]
    if unknown or rivals not in ("none", "all", *RIVALS):
        names = f"the knobs are {', '.join(KNOBS)}; rivals none, all, {', '.join(RIVALS)}"
        raise ValueError(f"{unknown or rivals!r}: {names}")
    return OneCyclePicture(
        T,
        controls=_controls(T, rivals, start),
        title="OneCycle: rate, momentum and noise in one picture",
        alt="Three panels against the update: learning rate, momentum, and noise scale rate / (1 - momentum)",
        build=partial(_build, T),
        figsize=(style.SIZE[0], 5.6),
        status_lines=4,
    )


def _controls(T, rivals, start) -> list:
    first = dict(peak=0.316, div_factor=10.0, final_div_factor=1e4, p=0.3, m_min=0.85, m_max=0.95) | start
    beside = [("nothing", "none"), ("all five", "all"), *((words, name) for name, (words, _) in RIVALS.items())]
    controls = [
        # 100 steps a decade: one key press is 2.3 %, fine enough for "15 % less"
        log_slider("peak", LABELS["peak"], 1e-3, 10, first["peak"], per_decade=100),
        slider("p", LABELS["p"], 0.05, 0.95, first["p"], step=0.01),
        log_slider("div_factor", LABELS["div_factor"], 1, 100, first["div_factor"], per_decade=100),
        log_slider("final_div_factor", LABELS["final_div_factor"], 1, 1e6, first["final_div_factor"]),
        slider("m_min", LABELS["m_min"], 0.0, 0.99, first["m_min"], step=0.01),
        slider("m_max", LABELS["m_max"], 0.0, 0.99, first["m_max"], step=0.01),
        whole("t", "look at update t", 0, T, 0, step=max(1, T // 100)),
        choice("rivals", "beside it", beside, rivals),
        switch("log", "logarithmic axes"),
    ]
    for control in controls[: len(KNOBS)]:
        control.default = control.widget.value = _stop(control, control.allow(control.default))
    return controls


def _stop(control: Control, value: float) -> float:
    """The value of the slider's own grid nearest to `value`."""
    widget = control.widget
    if isinstance(widget, FloatLogSlider):
        place = widget.min + round((math.log10(value) - widget.min) / widget.step) * widget.step
        return float(widget.base**place)
    return min(control.low + round((value - control.low) / widget.step) * widget.step, control.high)


# ---------------------------------------------------------------------------------------------------- the numbers
@lru_cache(maxsize=64)
def curves(T: float, knobs: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(t, rate, momentum, noise scale) of the whole cycle. knobs: the items of a dict with the six names of KNOBS.

    Raises ValueError if m_min > m_max, or for what the schedules refuse.
    """
    k = dict(knobs)
    rate = partial(schedules.one_cycle, T=T, **{name: k[name] for name in KNOBS[:4]})
    momentum = partial(schedules.one_cycle_momentum, T=T, p=k["p"], m_min=k["m_min"], m_max=k["m_max"])
    t, lr = sample(rate, T, (k["p"] * T,))
    m = np.array([momentum(float(u)) for u in t])
    return t, lr, m, lr / (1 - m)


@lru_cache(maxsize=64)
def rival(name: str, peak: float, T: float) -> tuple[np.ndarray, np.ndarray]:
    """(t, rate) of one of the other schedules at this peak."""
    return sample(RIVALS[name][1](peak, T), T, _milestones(T) if name == "step" else ())


# ---------------------------------------------------------------------------------------------------- the picture
def _build(T, figure):
    rate, momentum, noise = rows = figure.subplots(3, 1, sharex=True, height_ratios=[2.3, 1, 1.1])
    rate.set_title(" ", fontsize=9)  # keeps a row for the names of the curves
    rate.set_ylabel("learning rate η")
    momentum.set_ylabel("momentum m")
    noise.set(ylabel="noise η / (1 − m)", xlabel="update t", xlim=(-0.008 * T, 1.008 * T))
    figure.align_ylabels(rows)
    artists = {}
    looks = {"now": {"color": BLUE, "lw": 2.4, "ls": "-"}, "before": {"color": style.INK, "lw": 1.1, "ls": "-"}}
    looks |= {name: {**style.look(n), "lw": 1.5} for n, name in enumerate(RIVALS, start=1)}
    for name, look in looks.items():
        artists[f"key {name}"] = rate.plot([], [], transform=rate.transAxes, clip_on=False, **look)[0]
        artists[f"word {name}"] = rate.text(0, 0, "", transform=rate.transAxes, fontsize=8.4, va="center")
        artists[name] = rate.plot([], [], zorder=3 if name == "now" else 2.2, **look)[0]
    for name, row in (("m", momentum), ("noise", noise)):
        artists[f"{name} before"] = row.plot([], [], color=style.INK, lw=1.1, ls="-")[0]
        artists[name] = row.plot([], [], color=PURPLE if name == "m" else RED, lw=2.2, ls="-")[0]
        artists[f"{name} here"] = row.plot([], [], "o", color=style.INK, ms=5.5, mec=style.CARD, zorder=6)[0]
    for n, row in enumerate(rows):
        artists[f"joint {n}"] = row.axvline(0, color=style.QUIET, lw=0.9, ls=(0, (4, 2)), zorder=1.6)
        artists[f"t {n}"] = row.axvline(0, color=style.INK, lw=0.9, ls=(0, (1, 2)), zorder=1.5)
    artists["here"] = rate.plot([], [], "o", color=style.INK, ms=6, mec=style.CARD, zorder=6)[0]
    for name in ("start", "peak", "end"):
        artists[f"flat {name}"] = rate.plot([], [], color=style.PALETTE[1], lw=4, ls="-", zorder=4)[0]
    for name, side in (("start", "left"), ("peak", "left"), ("end", "right")):
        artists[f"anchor {name}"] = rate.text(0, 0, "", fontsize=8.6, ha=side, va="bottom", zorder=5)
    artists["anchor joint"] = momentum.text(0, 0, "", fontsize=8.6, va="top", zorder=5)
    artists["noise peak"] = noise.text(0, 0, "", fontsize=8.4, va="bottom", zorder=5)
    return {"rate": rate, "momentum": momentum, "noise": noise}, artists


def scene(T: int, state, before: tuple | None = None) -> Scene:
    """The picture for one set of slider values (pure). before: knobs of the faint curves, or None.

    Raises CannotDraw for m_min > m_max.
    """
    knobs = tuple((name, getattr(state, name)) for name in KNOBS)
    try:
        t, lr, m, noise = curves(T, knobs)
    except ValueError as why:
        raise CannotDraw(str(why)) from why
    shown = list(RIVALS) if state.rivals == "all" else [] if state.rivals == "none" else [state.rivals]
    artists = {"now": (t, lr), "m": (t, m), "noise": (t, noise)}
    top, loudest, lowest = lr.max(), noise.max(), m.min()
    if before and before != knobs:
        bt, blr, bm, bnoise = curves(T, before)
        artists |= {"before": (bt, blr), "m before": (bt, bm), "noise before": (bt, bnoise)}
        top, loudest, lowest = max(top, blr.max()), max(loudest, bnoise.max()), min(lowest, bm.min())
    for name in shown:
        artists[name] = rival(name, state.peak, T)
    _legend(artists)
    low, high = _range(state.log, lr.min(), 1.13 * top, foot=0.1)
    _mark(artists, T, state, t, lr, m, noise, low, high)
    limits = {"rate": (None, None, low, high),
              "momentum": (None, None, max(0.0, math.floor((lowest - 0.02) * 10) / 10), 1.0),
              "noise": (None, None, *_range(state.log, noise.min(), 1.2 * loudest))}  # fmt: skip
    kind = "log" if state.log else "linear"
    return Scene(artists, words(T, state, t, lr, m, noise, shown), limits, {"rate": kind, "noise": kind})


def _legend(artists) -> None:
    """Names of the curves in a row above the panel, where there is more than one."""
    names = [name for name in ("now", "before", *RIVALS) if name in artists]
    x = 0.0
    for name in names if len(names) > 1 else ():
        label = RIVALS[name][0] if name in RIVALS else "OneCycle" if name == "now" else "before"
        artists[f"key {name}"] = ([x, x + 0.034], [1.062, 1.062])
        artists[f"word {name}"] = (x + 0.042, 1.06, label)
        x += 0.068 + 0.0112 * len(label)


def _range(log: bool, low: float, high: float, foot: float = 0.02) -> tuple[float, float]:
    """Round ends that change rarely: each change costs a full drawing. foot: room under zero, for words."""
    power = 10.0 ** math.floor(math.log10(high))
    high = next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= high * (1 - 1e-9))
    return (10 ** math.floor(math.log10(low) - 0.5), 3 * high) if log else (-foot * high, high)


def _mark(artists, T, state, t, lr, m, noise, low, high) -> None:
    """Anchors, joint, zero slopes and where the learner looks."""
    joint, wide = state.p * T, 0.028 * T
    eta_min, eta_final = state.peak / state.div_factor, state.peak / state.final_div_factor
    artists["flat start"] = ([0, wide], [eta_min, eta_min])
    artists["flat peak"] = ([joint - wide, joint + wide], [state.peak, state.peak])
    artists["flat end"] = ([T - wide, T], [eta_final, eta_final])
    foot, lift = (low * 1.15, 1.35) if state.log else (0.92 * low, 1 + 0.02 * high / state.peak)
    artists["anchor peak"] = (min(joint, 0.8 * T) + 0.01 * T, lift * state.peak, f"η_max = {state.peak:.3g}")
    artists["anchor start"] = (0.004 * T, foot, f"η_min = {eta_min:.3g}")
    artists["anchor end"] = (0.998 * T, foot, f"η_final = {eta_final:.3g}")
    artists["anchor joint"] = (min(joint, 0.86 * T) + 0.01 * T, 0.985, f"pT = {joint:.0f}")
    for n in range(3):
        artists[f"joint {n}"] = ([joint, joint], [0, 1])
        artists[f"t {n}"] = ([state.t, state.t], [0, 1])
    for name, y in (("here", lr), ("m here", m), ("noise here", noise)):
        artists[name] = ([state.t], [float(np.interp(state.t, t, y))])
    peak = int(np.argmax(noise))
    artists["noise peak"] = (min(t[peak], 0.84 * T) + 0.012 * T, noise[peak] * 1.02, f"largest {noise[peak]:.3g}")


def words(T, state, t, lr, m, noise, shown) -> str:
    """What the picture means, in up to four lines."""
    joint = state.p * T
    first = (f"Explore: {joint:.0f} updates from η_min {lr[0]:.3g} up to η_max {state.peak:.3g}. "
             f"Refine: {T - joint:.0f} updates down to η_final {lr[-1]:.3g}. "
             "Slope 0 (orange) at start, peak and end.")  # fmt: skip
    at = float(np.interp(joint, t, noise))
    second = f"Noise η / (1 − m): {noise[0]:.3g} at the start, {at:.3g} at the peak, {noise[-1]:.3g} at the end: "
    second += (
        "large early (explore), small late (refine)."
        if at > 2 * noise[-1]
        else "hardly smaller late than at the peak, so this run never refines."
    )
    u = float(state.t)
    here = [float(np.interp(u, t, y)) for y in (lr, m, noise)]
    third = f"At update {state.t:g}: rate {here[0]:.3g}, momentum {here[1]:.3g}, noise {here[2]:.3g}."
    if not shown:
        return "\n".join((first, second, third))
    parts = [f"OneCycle {_spent(t, lr)}"]
    parts += [f"{RIVALS[name][0]} {_spent(*rival(name, state.peak, T))}" for name in shown]
    return "\n".join((first, second, third, "Share of the updates above half the peak: " + ", ".join(parts) + "."))


def _spent(t, lr) -> str:
    return f"{share_above(t, lr, lr.max() / 2):.0%} (mean rate {mean_rate(t, lr):.3g})"
