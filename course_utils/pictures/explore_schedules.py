"""The schedule explorer: every parameter of one or several schedules as a slider, one picture, one summary.

    schedule_explorer("cosine")                        # one schedule
    schedule_explorer("step_decay", "cosine", "linear")      # overlaid; peak and final are shared sliders
    schedule_explorer("cosine", overlay={"mine": lambda t: 0.1 * 0.99**t})

`SPECS` (schedule_sliders.py) says which parameters each schedule has: a new schedule is a new entry. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np

from course_utils import schedules
from course_utils.pictures import style
from course_utils.pictures.controls import switch, whole
from course_utils.pictures.live import CannotDraw, LivePicture, Scene, nice_limit
from course_utils.pictures.schedule_sliders import SPECS, Parameter

SHARED = "shared by several schedules"
POINTS = 201  # samples of a curve: one every three pixels


# ---------------------------------------------------------------------------------------------------- numbers
def sample(schedule: Callable, T: float, jumps=(), points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Times 0 ... T and the schedule there; a jump is sampled just before and at it, so it stands upright."""
    early = (0.1 * T) * np.linspace(0, 1, 12) ** 3  # 1 / sqrt(t) falls most in the first few updates
    t = np.concatenate([np.linspace(0, T, points), early])
    inside = np.array([jump for jump in jumps if 0 < jump <= T], dtype=float)
    t = np.unique(np.concatenate([t, inside, np.nextafter(inside, 0)]))
    return t, np.array([schedule(float(u)) for u in t], dtype=float)


def mean_rate(t: np.ndarray, lr: np.ndarray) -> float:
    """Mean LR over the run: the area under the curve divided by its length (trapezoid rule)."""
    return float(np.sum((lr[1:] + lr[:-1]) / 2 * np.diff(t)) / (t[-1] - t[0]))


def share_above(t: np.ndarray, lr: np.ndarray, level: float) -> float:
    """Share of the run, 0 to 1, with LR >= level; straight lines between the samples."""
    low, high = np.minimum(lr[1:], lr[:-1]), np.maximum(lr[1:], lr[:-1])
    rise = np.where(high > low, high - low, 1.0)
    part = np.where(low >= level, 1.0, np.clip((high - level) / rise, 0.0, 1.0))
    return float(np.sum(part * np.diff(t)) / (t[-1] - t[0]))


def summary(label: str, t: np.ndarray, lr: np.ndarray) -> str:
    """One line in words: where it starts, its peak and end, its mean, how long it stays large."""
    peak, share = lr.max(), share_above(t, lr, lr.max() / 2)
    start = "" if lr[0] == peak else f"starts at {lr[0]:.3g}, "
    words = f"{label}: {start}peak {peak:.3g}, ends at {_tiny(lr[-1], peak)}"
    words += f", mean LR (area / T) {mean_rate(t, lr):.3g}"
    return f"{words}, {share:.0%} of the updates at or above half the peak."


def _tiny(value: float, peak: float) -> str:
    return "0" if abs(value) < 1e-9 * peak else f"{value:.3g}"


# --------------------------------------------------------------------------------------------------- explorer
class _Curves:
    """Turns the sliders' values into curves; a schedule whose sliders did not move is not computed again."""

    def __init__(self, names, T, every, overlay, momentum):
        self.T, self.every = T, every
        self.overlay = dict(overlay or {})
        self.sliders = _slider_names(names, momentum)
        self.labels = {name: SPECS[name].label for name in names}
        self.cached = lru_cache(maxsize=64)(self._curve)

    def values(self, name, state) -> tuple:
        slots = self.sliders[name]
        return tuple(
            (p.name, getattr(state, slots[p.name]) if p.name in slots else p.default) for p in SPECS[name].parameters
        )

    def of(self, name, state, per_epoch):
        return self.cached(name, self.values(name, state), per_epoch)

    def _curve(self, name, values, per_epoch):
        spec, values = SPECS[name], dict(values)
        try:
            schedule, jumps = spec.make(self.T, **values), spec.jumps(self.T, **values)
            return sample(*self._stepped(schedule, jumps, per_epoch))
        except ValueError as why:  # a combination of sliders that the schedule refuses
            raise CannotDraw(f"{spec.label}: {why}") from why

    def _stepped(self, schedule, jumps, per_epoch):
        if per_epoch:
            schedule = partial(schedules.staircase, schedule=schedule, every=self.every)
            jumps = [self.every * k for k in range(1, math.ceil(self.T / self.every))]
        return schedule, self.T, jumps


def _slider_names(names, momentum) -> dict[str, dict[str, str]]:
    """schedule -> parameter -> slider; equal parameters share one slider, others get a prefix."""
    slots: dict[str, Parameter] = {}
    found: dict[str, dict[str, str]] = {}
    for name in names:
        found[name] = {}
        for parameter in SPECS[name].parameters:
            if parameter.of_momentum and not momentum:
                continue
            slot = parameter.name
            if slots.setdefault(slot, parameter) != parameter:
                slot = f"{name}_{parameter.name}"
                slots[slot] = parameter
            found[name][parameter.name] = slot
    return found


def _controls(names, sliders, T) -> list:
    users: dict[str, list[str]] = {}
    for name in names:
        for slot in sliders[name].values():
            users.setdefault(slot, []).append(name)
    controls, made = [], set()
    for name in names:
        for parameter in SPECS[name].parameters:
            slot = sliders[name].get(parameter.name)
            if slot is None or slot in made:
                continue
            made.add(slot)
            heading = "" if len(names) == 1 else SHARED if len(users[slot]) > 1 else SPECS[name].label
            controls.append(parameter.control(slot, heading))
    controls.sort(
        key=lambda control: control.heading not in ("", SHARED)
    )  # shared sliders first; the rest keeps its order
    return [
        *controls,
        whole("t", "look at update t", 0, T, 0, step=max(1, T // 100), heading=controls[0].heading),
    ]


def schedule_explorer(
    *names: str,
    T: int = 1000,
    epochs: int = 20,
    overlay: Mapping[str, Callable] | None = None,
    momentum: bool | None = None,
    title: str = "",
    note: str = "",
) -> LivePicture:
    """A live picture of one or several schedules with all their parameters as sliders.

    names: keys of SPECS. T: updates shown, > 0. epochs: how many epochs they are (for "step once an epoch").
    overlay: more curves, label -> callable of t. momentum: also draw momentum and noise scale
    LR / (1 - momentum) of the last schedule that has one. Raises ValueError for an unknown name.
    """
    names = names or ("cosine",)
    unknown = [name for name in names if name not in SPECS]
    if unknown or len(set(names)) < len(names):
        raise ValueError(f"schedules {list(names)}: choose each once from {', '.join(SPECS)}")
    if T < 2 or not 1 <= epochs <= T:
        raise ValueError(f"T = {T!r}, epochs = {epochs!r}: T is the number of updates, at least 2 and at least epochs")
    momentum = names == ("one_cycle",) if momentum is None else momentum
    curves = _Curves(names, T, T / epochs, overlay, momentum)
    labels = [*curves.labels.values(), *curves.overlay]
    controls = [
        *_controls(names, curves.sliders, T),
        switch("per_epoch", f"step once an epoch ({epochs} epochs)"),
        switch("log", "logarithmic axis"),
    ]
    cycling = [name for name in names if SPECS[name].momentum] if momentum else []
    return LivePicture(
        partial(_draw, curves, cycling),
        controls,
        title=title or _title(labels),
        alt="Learning rate against update: " + ", ".join(labels),
        note=note,
        build=partial(_build, labels, len(names), cycling),
        figsize=(style.SIZE[0], 5.6) if cycling else style.SIZE,
        status_lines=len(labels) + 1,
    )


def _title(labels) -> str:
    return (
        "Learning-rate schedules" if len(labels) > 2 else " and ".join(label[0].upper() + label[1:] for label in labels)
    )


def _build(labels, own, cycling, figure):
    rows = figure.subplots(
        3 if cycling else 1, 1, sharex=True, squeeze=False, height_ratios=[2.2, 1, 1] if cycling else [1]
    )[:, 0]
    axes = {"lr": rows[0]}
    rows[0].set_ylabel("learning rate")
    rows[-1].set_xlabel("update t")
    artists = {"t": rows[0].axvline(0, color=style.INK, lw=0.9, ls=(0, (2, 2)))}
    for n, label in enumerate(labels):
        artists[f"smooth {label}"] = rows[0].plot([], [], color=style.FAINT, lw=1.2, zorder=1.9)[0]
        artists[label] = rows[0].plot([], [], label=label, **style.look(n))[0]
        artists[f"at {label}"] = rows[0].plot(
            [],
            [],
            marker=style.MARKERS[n % 6],
            color=style.look(n)["color"],
            ls="none",
            ms=7,
            mec=style.CARD,
            mew=1.2,
            zorder=5,
        )[0]
    if len(labels) > 1:
        columns = len(labels) if len(labels) < 5 else math.ceil(len(labels) / 2)
        style.legend_row(rows[0], [artists[label] for label in labels], labels, columns=columns)
    if cycling:
        for row, name, words in ((rows[1], "momentum", "momentum"), (rows[2], "noise", "LR / (1 − m)")):
            row.set_ylabel(words)
            axes[name] = row
            artists[name] = row.plot([], [], color=style.PALETTE[3], lw=2)[0]
    return axes, artists


def _draw(curves: _Curves, cycling, state) -> Scene:
    artists, lines, top, here = {}, [], 0.0, []
    for name, label in curves.labels.items():
        t, lr = curves.of(name, state, state.per_epoch)
        if state.per_epoch:
            artists[f"smooth {label}"] = curves.of(name, state, False)
        artists[label] = (t, lr)
        lines.append(summary(label, t, lr))
    for label, schedule in curves.overlay.items():
        t, lr = artists[label] = sample(*curves._stepped(schedule, (), state.per_epoch))
        lines.append(summary(label, t, lr))
    for label in [*curves.labels.values(), *curves.overlay]:
        t, lr = artists[label]
        value = float(lr[np.searchsorted(t, state.t, side="right") - 1] if state.t in t else np.interp(state.t, t, lr))
        artists[f"at {label}"] = ([state.t], [value])
        here.append(f"{label} {_tiny(value, lr.max())}")
        top = max(top, float(lr.max()))
    artists["t"] = ([state.t, state.t], [0, 1])
    top = nice_limit(top)
    limits = {
        "lr": (
            -0.008 * curves.T,
            1.008 * curves.T,
            *((top * 1e-5, top * 1.5) if state.log else (0.0, top * 1.04)),
        )
    }
    if cycling:
        _add_momentum(curves, cycling[-1], state, artists, limits)
    lines.append(f"At update {state.t:g}: " + ", ".join(here) + ".")
    return Scene(artists, "\n".join(lines), limits, {"lr": "log" if state.log else "linear"})


def _add_momentum(curves, name, state, artists, limits):
    t, lr = curves.of(name, state, state.per_epoch)
    values = dict(curves.values(name, state))
    schedule, _, _ = curves._stepped(SPECS[name].momentum(curves.T, **values), (), state.per_epoch)
    m = np.array([schedule(float(u)) for u in t])
    artists["momentum"], artists["noise"] = (t, m), (t, lr / (1 - m))
    limits["momentum"] = (None, None, max(0.0, math.floor((m.min() - 0.02) * 10) / 10), 1.0)
    limits["noise"] = (None, None, 0.0, nice_limit(float((lr / (1 - m)).max())) * 1.05)
