"""The schedule explorer: every parameter of one or several schedules as a slider, one picture, one summary.

    schedule_explorer("cosine")                                   # one schedule
    schedule_explorer("step_decay", "cosine", "linear")           # overlaid; peak and final are shared sliders
    schedule_explorer("cosine", overlay={"mine": lambda t: 0.1 * 0.99**t})

`SPECS` (schedule_sliders.py) says which parameters each schedule has: a new schedule is a new entry. No torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from course_utils import schedules
from course_utils.pictures import style
from course_utils.pictures.controls import switch, whole
from course_utils.pictures.live import CannotDraw, LivePicture, Scene
from course_utils.pictures.numbers import capital, nice_limit
from course_utils.pictures.schedule_curves import momentum_foot, read_off, sample, summary, values_at, written
from course_utils.pictures.schedule_sliders import SPECS, Parameter

SHARED = "shared by several schedules"


class Curves:
    """Turns the sliders' values into curves; a schedule whose sliders did not move is not computed again."""

    def __init__(self, names, T: int, epochs: int, overlay, momentum: bool):
        self.T, self.every, self.overlay = T, T / epochs, dict(overlay or {})
        self.names = {SPECS[name].label: name for name in names}
        self.labels = [*self.names, *self.overlay]
        self.slots = slider_names(names, momentum)
        cycling = [name for name in names if SPECS[name].momentum] if momentum else []
        self.cycling = SPECS[cycling[-1]].label if cycling else None  # the schedule whose momentum is drawn
        self.cached = lru_cache(maxsize=64)(self._curve)

    def values(self, label: str, state) -> tuple:
        """The parameters of a schedule, (name, value) each: its sliders', or the defaults of those without one."""
        name = self.names[label]
        slots = {parameter: self.slots.get((name, parameter)) for parameter in SPECS[name].parameters}
        return tuple((p.name, getattr(state, slot) if slot else p.default) for p, slot in slots.items())

    def of(self, label: str, state, per_epoch: bool):
        """(t, lr) of one schedule or overlay."""
        if label in self.overlay:
            return sample(*self._stepped(self.overlay[label], (), per_epoch))
        return self.cached(label, self.values(label, state), per_epoch)

    def momentum(self, state):
        """(t, momentum, noise scale LR / (1 - momentum)) of the schedule that has one."""
        t, lr = self.of(self.cycling, state, state.per_epoch)
        schedule = SPECS[self.names[self.cycling]].momentum(self.T, **dict(self.values(self.cycling, state)))
        m = values_at(self._stepped(schedule, (), state.per_epoch)[0], t)
        return t, m, lr / (1 - m)

    def _curve(self, label, values, per_epoch):
        spec, values = SPECS[self.names[label]], dict(values)
        try:
            schedule, jumps = spec.make(self.T, **values), spec.jumps(self.T, **values)
            return sample(*self._stepped(schedule, jumps, per_epoch))
        except ValueError as why:  # a combination of sliders that the schedule refuses
            raise CannotDraw(f"{label}: {why}") from why

    def _stepped(self, schedule, jumps, per_epoch):
        if per_epoch:
            schedule = partial(schedules.staircase, schedule=schedule, every=self.every)
            jumps = [self.every * k for k in range(1, math.ceil(self.T / self.every))]
        return schedule, self.T, jumps


def slider_names(names, momentum: bool) -> dict[tuple[str, Parameter], str]:
    """(schedule, parameter) -> its slider; equal parameters share one slider, others get a prefix."""
    slots, first = {}, {}
    for name in names:
        for parameter in SPECS[name].parameters:
            if momentum or not parameter.of_momentum:
                shared = first.setdefault(parameter.name, parameter) == parameter
                slots[name, parameter] = parameter.name if shared else f"{name}_{parameter.name}"
    return slots


def _controls(slots, T: int) -> list:
    users, several, controls = Counter(slots.values()), len({name for name, _ in slots}) > 1, {}
    for (name, parameter), slot in slots.items():
        heading = "" if not several else SHARED if users[slot] > 1 else SPECS[name].label
        if slot not in controls:
            controls[slot] = parameter.control(slot, heading)
    controls = sorted(controls.values(), key=lambda control: control.heading not in ("", SHARED))  # shared ones first
    return [*controls, whole("t", "look at update t", 0, T, 0, step=max(1, T // 100), heading=controls[0].heading)]


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
    overlay: more curves, label -> callable of t. momentum: also draw momentum and noise scale LR / (1 - momentum) of
    the last schedule that has one. Raises ValueError for an unknown name.
    """
    names = names or ("cosine",)
    unknown = [name for name in names if name not in SPECS]
    if unknown or len(set(names)) < len(names):
        raise ValueError(f"schedules {list(names)}: choose each once from {', '.join(SPECS)}")
    if T < 2 or not 1 <= epochs <= T:
        raise ValueError(f"T = {T!r}, epochs = {epochs!r}: T is the number of updates, at least 2 and at least epochs")
    curves = Curves(names, T, epochs, overlay, names == ("one_cycle",) if momentum is None else momentum)
    controls = [
        *_controls(curves.slots, T),
        switch("per_epoch", f"step once an epoch ({epochs} epochs)"),
        switch("log", "logarithmic axis"),
    ]
    few = " and ".join(map(capital, curves.labels))
    return LivePicture(
        partial(draw, curves),
        controls,
        build=partial(build, curves),
        title=title or ("Learning-rate schedules" if len(curves.labels) > 2 else few),
        alt="Learning rate against update: " + ", ".join(curves.labels),
        note=note,
        figsize=(style.SIZE[0], 5.6) if curves.cycling else style.SIZE,
        status_lines=len(curves.labels) + 1,
    )


def build(curves: Curves, figure):
    heights = [2.2, 1, 1] if curves.cycling else [1]
    rows = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    top = rows[0]
    top.set_ylabel("learning rate")
    rows[-1].set_xlabel("update t")
    axes, artists = {"lr": top}, {"t": top.axvline(0, color=style.INK, lw=0.9, ls=(0, (2, 2)))}
    for n, label in enumerate(curves.labels):
        look = style.look(n)
        artists[f"smooth {label}"] = top.plot([], [], color=style.FAINT, lw=1.2, zorder=1.9)[0]
        artists[label] = top.plot([], [], label=label, **look)[0]
        point = {"marker": style.MARKERS[n % 6], "ms": 7, "mec": style.CARD, "mew": 1.2, "ls": "none", "zorder": 5}
        artists[f"at {label}"] = top.plot([], [], color=look["color"], **point)[0]
    if len(curves.labels) > 1:
        columns = len(curves.labels) if len(curves.labels) < 5 else math.ceil(len(curves.labels) / 2)
        style.legend_row(top, [artists[label] for label in curves.labels], curves.labels, columns=columns)
    for row, name, label in zip(rows[1:], ("momentum", "noise"), ("momentum", "LR / (1 − m)"), strict=False):
        row.set_ylabel(label)
        axes[name], artists[name] = row, row.plot([], [], color=style.PALETTE[3], lw=2)[0]
    return axes, artists


def draw(curves: Curves, state) -> Scene:
    """state: the sliders by name, t, per_epoch, log. Raises CannotDraw for values that a schedule refuses."""
    lines = {label: curves.of(label, state, state.per_epoch) for label in curves.labels}
    artists = {**lines, "t": ([state.t, state.t], [0, 1])}
    artists |= {f"at {label}": ([state.t], [read_off(line, state.t)]) for label, line in lines.items()}
    if state.per_epoch:
        artists |= {f"smooth {label}": curves.of(label, state, False) for label in curves.names}
    top = nice_limit(max(float(lr.max()) for _, lr in lines.values()))
    ends = (top * 1e-5, top * 1.5) if state.log else (0.0, top * 1.04)
    limits = {"lr": (-0.008 * curves.T, 1.008 * curves.T, *ends)}
    if curves.cycling:
        t, m, noise = curves.momentum(state)
        artists |= {"momentum": (t, m), "noise": (t, noise)}
        limits["momentum"] = (None, None, momentum_foot(m), 1.0)
        limits["noise"] = (None, None, 0.0, nice_limit(float(noise.max())) * 1.05)
    return Scene(artists, words(lines, state.t), limits, {"lr": "log" if state.log else "linear"})


def words(lines: Mapping, u: float) -> str:
    """A summary of every curve (label -> (t, lr)), and what each is at update u."""
    at = ", ".join(f"{label} {written(read_off(line, u), line[1].max())}" for label, line in lines.items())
    return "\n".join([*(summary(label, *line) for label, line in lines.items()), f"At update {u:g}: {at}."])
