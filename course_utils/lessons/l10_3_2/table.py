"""The scene table: move real tiles about, and everything behind them answers anew: boxes, caption, answers.

The saved page shows flat squares in place of the photographs, whose rights lie with those who took them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch

from course_utils.lessons.l10_3_2 import weights
from course_utils.lessons.l10_3_2.detector import FEATURES, grid_regions, regions
from course_utils.lessons.l10_3_2.grammar import COUNTS
from course_utils.lessons.l10_3_2.reader import reply, write
from course_utils.lessons.l10_3_2.scenes import COLORS, NOUNS, SIDE, ground, paste, resized, scrambled, tinted
from course_utils.lessons.l10_3_2.stages import ARMS
from course_utils.pictures import style
from course_utils.pictures.controls import choice, snap, switch, whole
from course_utils.pictures.live import LivePicture, Scene
from course_utils.pictures.outputs import bundle

TILE, NONE, LONGEST, LETTERS = 29, "nothing", 15, "ABCDEFGHI"
TIES = (0.0, 0.5, 0.9, 1.0)
KINDS = {"what colour is X?": "colour", "is there an X?": "exist", "how many?": "count", "what is left of X?": "beside",
         "is X left of Y?": "relation"}  # fmt: skip
START = (("ship", "red", 20, 24), ("frog", "green", 58, 30), (NONE, "blue", 56, 64))
FLAT = {"red": (214, 120, 116), "green": (128, 182, 128), "blue": (120, 146, 206), "yellow": (214, 200, 110)}


class SceneTable(LivePicture):
    """See `scene_table`. The page that is saved has no photographs; a place without a tile has nothing to move."""

    def redraw(self) -> None:
        for k in range(3):
            for name in ("color", "x", "y"):
                self.controls[f"{name}{k}"].widget.disabled = self.controls[f"noun{k}"].widget.value == NONE
        super().redraw()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        shown, self.draw = self.draw, partial(self.draw, flat=True)
        try:
            self.redraw()
            png = self.view.png
        finally:
            self.draw = shown
            self.redraw()
        return bundle(self.widget, repr(self), png=png)


def scene_table(data, priors: Mapping[float, tuple[float, float]]) -> SceneTable:
    """The live picture. data: the five classes' images (`tiles(cifar10())`): its test tiles are on the table. priors:
    tie -> shares of right colour answers, as trained and with the tie changed."""
    nouns = [NONE, *NOUNS]
    controls = []
    for k, (noun, color, x, y) in enumerate(START):
        heading = f"{('first', 'second', 'third')[k]} tile"
        controls += [
            choice(f"noun{k}", "what", nouns, noun, heading=heading),
            choice(f"color{k}", "colour", list(COLORS), color, heading=heading),
            whole(f"x{k}", "from the left, x", 15, 65, x, heading=heading),
            whole(f"y{k}", "from the top, y", 15, 65, y, heading=heading),
        ]
    ask = "question, model"
    controls += [
        choice("ask", "question", list(KINDS.items()), "colour", heading=ask),
        choice("about", "X", list(NOUNS), "ship", heading=ask),
        choice("other", "Y", list(NOUNS), "frog", heading=ask),
        whole("photo", "photographs no.", 1, 20, 1, heading=ask),
        choice("arm", "stages", list(ARMS[:5]), heading=ask),
        snap("tie", "prior: tie", [(f"{100 * tie:.0f} %", tie) for tie in TIES], 0.0, heading=ask),
        switch("paint", "paint X out"),
        switch("odd", "scrambled tile"),
    ]
    return SceneTable(
        partial(draw, data, priors),
        controls,
        build=partial(build, priors),
        title="The scene table",
        alt="Left, a scene of tiles with the boxes that the detector found; right, each word of the caption with its "
        "attention to the boxes; below, colour answers against the strength of the prior",
        note=f"{data.banner()}, test tiles",
        figsize=(style.SIZE[0], 5.3),
        status_lines=4,
    )


def build(priors, figure):
    grid = figure.add_gridspec(2, 2, height_ratios=[2.0, 1], width_ratios=[1, 1.12])
    scene, looks, words, prior = (figure.add_subplot(grid[place]) for place in ((0, 0), (0, 1), (1, 0), (1, 1)))
    scene.set(xlim=(0, SIDE), ylim=(SIDE, 0), xticks=[], yticks=[], aspect="equal")
    looks.set(xlim=(-0.5, LONGEST - 0.5), ylim=(11.5, -0.5), yticks=range(9), ylabel="box")
    looks.set_yticklabels(list(LETTERS))
    looks.set_title("The caption, and where each word looks", fontsize=9, fontweight="normal")
    looks.set_xticks([])
    for axes in (scene, looks, words):
        axes.grid(visible=False)
    words.axis("off")
    prior.set(xlim=(-0.05, 1.05), ylim=(0, 105), xlabel="tie of colour to noun in training", ylabel="right (%)")
    ties, shares = list(priors), 100 * np.array(list(priors.values()))
    prior.set_xticks(ties)
    blue, orange, red = style.PALETTE[:3]
    for column, (color, mark, name) in enumerate(((blue, "o", "as trained"), (red, "s", "tie changed"))):
        prior.plot(ties, shares[:, column], color=color, marker=mark, ls="-", lw=1.6, label=name)
    prior.legend(loc="lower left", fontsize=8)
    prior.set_title("colour questions, recorded", fontsize=9, fontweight="normal")
    tag = dict(fontsize=8, color="white", va="bottom", bbox=dict(facecolor=style.INK, edgecolor="none", pad=1.2))
    artists = {
        "image": scene.imshow(np.zeros((SIDE, SIDE, 3), np.uint8), extent=(0, SIDE, SIDE, 0), interpolation="nearest"),
        "boxes": scene.add_collection(_lines(style.INK, 2.0)),
        "halo": scene.add_collection(_lines("white", 0.7)),
        "looks": looks.imshow(np.zeros((12, LONGEST)), vmin=0, vmax=1, cmap="Blues", aspect="auto", zorder=0),
        "tie": prior.plot([], [], color=style.QUIET, lw=1.2, ls=(0, (2, 2)))[0],
        "answers": words.text(0, 0, "", va="top", fontsize=9, linespacing=1.5),
    }
    for k in range(9):
        artists[f"tag {k}"] = scene.text(0, 0, "", **tag)
    for k in range(LONGEST):
        artists[f"word {k}"] = looks.text(0, 0, "", rotation=90, ha="center", va="top", fontsize=9)
    return {"scene": scene, "looks": looks, "words": words, "prior": prior}, artists


def _lines(color, width):
    from matplotlib.collections import LineCollection

    return LineCollection([], colors=[color], linewidths=width, linestyles="solid")


def facts_of(state) -> list[tuple[str, str, float, float]]:
    """(colour, noun, x, y) of what lies on the table and is not painted out, from left to right."""
    rows = [[getattr(state, f"{name}{k}") for name in ("color", "noun", "x", "y")] for k in range(3)]
    rows = [row for row in rows if row[1] != NONE and not (state.paint and row[1] == state.about)]
    return sorted(map(tuple, rows), key=lambda row: row[2])


def picture_of(data, state, flat: bool = False) -> torch.Tensor:
    """The scene as uint8 [3, 80, 80]; flat: coloured squares in place of photographs."""
    rng = np.random.default_rng(5)
    image, test = ground(rng), data.test
    if state.odd:
        piece = scrambled(test.inputs[7], rng)
        paste(image, torch.full((3, TILE, TILE), 150, dtype=torch.uint8) if flat else resized(piece, TILE), 18, 64)
    for color, noun, x, y in facts_of(state):
        rows = torch.nonzero(test.labels == list(NOUNS).index(noun)).flatten()
        if flat:
            tile = torch.tensor(FLAT[color], dtype=torch.uint8).view(3, 1, 1).expand(3, TILE, TILE)
        else:
            photo = test.inputs[int(rows[(state.photo - 1) % len(rows)])]
            tile = tinted(resized(photo, TILE), list(COLORS).index(color))
        paste(image, tile, x + 1e-3, y + 1e-3)  # no tie to round: each step of a slider moves the tile
    return image


def asked_and_right(state) -> tuple[list[str], str]:
    """The question in words, and its right answer ("-" where it has none)."""
    facts, X, Y = facts_of(state), state.about, state.other
    nouns = [row[1] for row in facts]
    at = nouns.index(X) if X in nouns else None
    if state.ask == "exist":
        return f"is there a {X} ?".split(), "yes" if at is not None else "no"
    if state.ask == "count":
        return "how many objects ?".split(), COUNTS[len(facts) - 1] if facts else "-"
    if state.ask == "colour":
        return f"what colour is the {X} ?".split(), "-" if at is None else facts[at][0]
    if state.ask == "beside":
        return f"what is left of the {X} ?".split(), nouns[at - 1] if at else "-"
    both = at is not None and Y in nouns and X != Y
    return f"is the {X} left of the {Y} ?".split(), ("yes" if at < nouns.index(Y) else "no") if both else "-"


@torch.no_grad()
def think(data, state) -> SimpleNamespace:
    """All that the models make of the table: regions, caption, attention, answers."""
    device = torch.device("cpu")
    detector, grid = weights.vision(state.arm)
    image = picture_of(data, state)
    rows = (grid_regions if grid else regions)(detector.to(device), data.prepare(image[None]))
    texts, attention = write(weights.recorded_reader(f"{state.arm}, caption"), rows, LONGEST)
    question, right = asked_and_right(state)
    tied = state.tie > 0 and state.arm == ARMS[0]
    seeing = weights.recorded_reader(f"tie {state.tie:g}, question" if tied else f"{state.arm}, question")
    said = reply(seeing, rows, question)
    blind = reply(weights.recorded_reader("blind, question"), rows * 0, question)
    saw = dict(rows=rows[0], grid=grid, text=texts[0], attention=attention[0])
    return SimpleNamespace(question=question, right=right, said=said, blind=blind, **saw)


def draw(data, priors, state, flat: bool = False) -> Scene:
    """state: noun0, color0, x0, y0, ... of three tiles, ask, about, other, photo, arm, tie, paint, odd."""
    mind = think(data, state)
    seen = [k for k in range(len(mind.rows)) if mind.rows[k, -1] > 0]
    x, y, side = (SIDE * mind.rows[:, -4:-1]).T.tolist() if seen else ([], [], [])
    corners = {}
    for k in seen:
        left, top, right, low = x[k] - side[k] / 2, y[k] - side[k] / 2, x[k] + side[k] / 2, y[k] + side[k] / 2
        corners[k] = ([left, right, right, left, left], [top, top, low, low, top])
    image = picture_of(data, state, flat).permute(1, 2, 0).numpy()
    looks = np.zeros((12, LONGEST))
    attention = mind.attention[: len(mind.text)].T.numpy()
    looks[: len(attention), : attention.shape[1]] = attention
    artists = {
        "image": (image,), "boxes": list(corners.values()), "halo": list(corners.values()), "looks": (looks,),
        "tie": ([state.tie] * 2, [0, 105]), "answers": (0, 1, "\n".join(answers(state, mind))),
    }  # fmt: skip
    names = [name_of(row) for row in mind.rows]
    for k in seen:
        label = LETTERS[k] if mind.grid else f"{LETTERS[k]} {names[k]}"
        low = k % 2 == 1 and not mind.grid  # every other name at the lower edge: fewer lie on each other
        across, up = corners[k][0][0] + 1, corners[k][1][2 if low else 0] + (-1 if low else 6)
        artists[f"tag {k}"] = (across if mind.grid else min(max(1, across), 42), up, label)
    for k, word in enumerate(mind.text[:LONGEST]):
        artists[f"word {k}"] = (k, len(mind.rows) - 0.3, word)
    return Scene(artists, words(state, mind, names, seen))


def name_of(row: torch.Tensor) -> str:
    """What the detector says of a region."""
    noun, color = row[FEATURES : FEATURES + len(NOUNS)], row[FEATURES + len(NOUNS) : -4]
    return f"{list(COLORS)[int(color.argmax())]} {list(NOUNS)[int(noun.argmax())]} {100 * float(noun.max()):.0f} %"


def answers(state, mind) -> list[str]:
    """Question and answers as the picture writes them."""
    spoken = lambda said: f"{said[0]} ({100 * said[1]:.0f} %)"  # noqa: E731
    who = f"prior tied to {100 * state.tie:.0f} %" if state.tie and state.arm == ARMS[0] else state.arm
    return [" ".join(mind.question), f"right: {mind.right}", f"{who}: {spoken(mind.said)}",
            f"blind twin: {spoken(mind.blind)}"]  # fmt: skip


def words(state, mind, names, seen) -> str:
    truth = ", ".join(f"{color} {noun}" for color, noun, *_ in facts_of(state)) or "nothing"
    boxes = "a grid of nine parts" if mind.grid else ", ".join(names[k] for k in seen) or "none"
    return f"On the table: {truth}. Boxes: {boxes}.\nCaption: {' '.join(mind.text)}\n{'; '.join(answers(state, mind))}."
