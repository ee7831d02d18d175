"""What are frozen features worth? Accuracy against images a class, from recorded runs, as a live picture.

    features_explorer(recorded("10.3"))

Sliders over the images of a class, the task and the classifier on top. It stops only at measured values. No torch.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap
from course_utils.pictures.live import LivePicture, Scene

# what is drawn, in this order: `features` of the record -> name for the reader
RIVALS = {
    "Lite0": "Lite0's features",
    "raw pixels": "raw pixels",
    "from scratch": "net from scratch",
    "Lite0, untrained": "untrained Lite0",
}
LABELS = {
    "objects": "objects: photographs",
    "digits": "digits: 8 x 8 pixels",
    "counts": "counts: how many dots?",
    "angles": "angles: turned bars",
    "sounds": "sounds: spectrograms",
}
CLASSIFIERS = {"logistic": "logistic regression", "svm": "linear SVM"}


class Curves:
    """Accuracy in per cent of every setting: (task, features, classifier) -> images a class -> one number a seed."""

    def __init__(self, table):
        self.cells: dict[tuple, dict[int, list[float]]] = {}
        for run in table:
            if run.config.get("kind") not in ("linear", "scratch"):
                continue
            key = tuple(run.config[name] for name in ("task", "features", "classifier"))
            self.cells.setdefault(key, {}).setdefault(run.config["per_class"], []).append(run.test_percent)
        if not self.cells:
            raise ValueError('the table holds no runs of kind "linear" or "scratch"; take recorded("10.3")')
        self.tasks = [task for task in LABELS if any(key[0] == task for key in self.cells)]
        self.sizes = sorted({n for curve in self.cells.values() for n in curve})

    def curve(self, task: str, features: str, classifier: str) -> tuple[list[int], list[list[float]]]:
        """(images a class, accuracies by seed for each); empty where nothing was recorded.

        The net from scratch has its own classifier on top; untrained features were recorded with logistic regression.
        """
        on_top = {"from scratch": "small net", "Lite0, untrained": "logistic"}.get(features, classifier)
        curve = self.cells.get((task, features, on_top), {})
        return sorted(curve), [curve[n] for n in sorted(curve)]

    def at(self, task: str, features: str, classifier: str, n: int) -> float | None:
        """Mean accuracy with n images a class, None where it was not recorded."""
        sizes, rows = self.curve(task, features, classifier)
        return float(np.mean(rows[sizes.index(n)])) if n in sizes else None


def features_explorer(table, per_class: int = 5, task: str = "objects") -> LivePicture:
    """A live picture over `recorded("10.3")`. per_class, task: where it starts, among what was recorded.

    Raises ValueError for a table without such runs, or a start that was not recorded.
    """
    curves = Curves(table)
    for name, value, recorded in (("per_class", per_class, curves.sizes), ("task", task, curves.tasks)):
        if value not in recorded:
            raise ValueError(f"{name} = {value!r} was not recorded; there is {', '.join(map(str, recorded))}")
    classifiers = [(label, name) for name, label in CLASSIFIERS.items() if any(key[2] == name for key in curves.cells)]
    controls = [
        snap("n", "images a class", [(str(n), n) for n in curves.sizes], per_class),
        choice("task", "task", [(LABELS[name], name) for name in curves.tasks], task),
        choice("classifier", "classifier on top", classifiers),
    ]
    seeds = len({run.seed for run in table if run.config.get("kind") == "linear"})
    return LivePicture(
        partial(draw, curves),
        controls,
        title="Accuracy with few images",
        alt="Test accuracy against images a class on a logarithmic axis, for frozen features and their rivals",
        note=f"recorded, {seeds} seeds, real images",
        build=partial(build, curves),
        figsize=(style.SIZE[0], 3.7),
        status_lines=3,
    )


def build(curves: Curves, figure):
    axes = figure.subplots()
    axes.set(xscale="log", xlabel="training images a class", ylabel="test accuracy (%)", ylim=(0, 103))
    axes.set_xlim(curves.sizes[0] / 1.15, curves.sizes[-1] * 1.5)
    axes.set_xticks(curves.sizes, labels=[str(n) for n in curves.sizes])
    axes.minorticks_off()
    axes.axhline(10, color=style.QUIET, lw=0.9, ls=(0, (2, 3)))
    axes.text(curves.sizes[-1] * 1.08, 10.8, "guessing", fontsize=8, color=style.QUIET, va="bottom")
    artists = {"size": axes.plot([], [], color=style.INK, lw=0.9, ls=(0, (2, 2)))[0]}
    lines = []
    for k, (name, label) in enumerate(RIVALS.items()):
        look = style.look(k)
        artists[f"band {name}"] = axes.fill_between([], [], [], color=look["color"], alpha=0.2, lw=0)
        lines.append(axes.plot([], [], label=label, marker=style.MARKERS[k], ms=4, **look)[0])
        artists[name] = lines[-1]
        artists[f"dot {name}"] = axes.plot([], [], color=look["color"], marker=style.MARKERS[k], ms=9, mec=style.INK)[0]
    style.legend_row(axes, lines, list(RIVALS.values()), columns=4)
    return {"main": axes}, artists


def draw(curves: Curves, state) -> Scene:
    artists = {"size": ([state.n, state.n], [0, 103])}
    for name in RIVALS:
        sizes, rows = curves.curve(state.task, name, state.classifier)
        if not sizes:
            continue
        artists[f"band {name}"] = (sizes, [min(row) for row in rows], [max(row) for row in rows])
        artists[name] = (sizes, [float(np.mean(row)) for row in rows])
        if state.n in sizes:
            artists[f"dot {name}"] = ([state.n], [curves.at(state.task, name, state.classifier, state.n)])
    return Scene(artists, words(curves, state))


def words(curves: Curves, state) -> str:
    """Two or three lines: the numbers at the chosen place, who leads, and what the lead is worth in images."""
    at = {name: curves.at(state.task, name, state.classifier, state.n) for name in RIVALS}
    numbers = ", ".join(f"{RIVALS[name]} {value:.0f} %" for name, value in at.items() if value is not None)
    features, pixels, own = at["Lite0"], at["raw pixels"], at["from scratch"]
    lines = [f"{state.n} image{'s' * (state.n > 1)} a class: {numbers}."]
    if features is None or pixels is None:
        lines.append("Not recorded for this classifier.")
    elif abs(features - pixels) < 1:
        lines.append("The features and the raw pixels are level here.")
    elif features < pixels:
        behind = f"The features are {pixels - features:.0f} points behind the raw pixels"
        lines.append(f"{behind}: what ImageNet taught does not fit.")
    else:
        sizes, _ = curves.curve(state.task, "raw pixels", state.classifier)
        enough = [n for n in sizes if curves.at(state.task, "raw pixels", state.classifier, n) >= features]
        worth = (
            f"need {enough[0]} images a class for as much" if enough else f"do not get that far with {sizes[-1]} either"
        )
        lines.append(f"The features are {features - pixels:.0f} points ahead of the raw pixels, which {worth}.")
    if features is not None and own is not None and own >= features + 1:
        ahead = f"{own - features:.0f} points ahead of the features"
        lines.append(f"A small net trained from scratch on the same images is {ahead}.")
    return "\n".join(lines)
