"""Scenes: one to three tinted CIFAR tiles and a scrambled one, pasted on a soft ground; their facts are known exactly.

A scrambled tile has the border of a tile and shows nothing: whoever only looks for borders finds it, too. Training
scenes are made of training tiles, test scenes of test tiles, so that no tile is met twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from course_utils.data.splits import Data, Split

NOUNS = {"plane": 0, "car": 1, "frog": 6, "horse": 7, "ship": 8}  # the word, and its class in CIFAR-10
COLORS = {"red": (1.3, 0.62, 0.62), "green": (0.66, 1.2, 0.66), "blue": (0.62, 0.78, 1.4), "yellow": (1.2, 1.12, 0.5)}
SIDE, SIZES, MOST = 80, (26, 29, 32), 3  # pixels of a scene; sides of tiles; objects at most
APART = 7  # pixels between two centres from left to right, at least: "left of" is never a matter of taste


@dataclass
class Scenes:
    """images: uint8 [N, 3, 80, 80]. What is in them, from left to right, -1 where there are fewer than three objects:
    nouns, colors [N, 3]; boxes float32 [N, 3, 3]: centre x, centre y, side, in pixels."""

    images: torch.Tensor
    nouns: torch.Tensor
    colors: torch.Tensor
    boxes: torch.Tensor
    source: str = ""

    def __len__(self) -> int:
        return len(self.images)

    def facts(self, i: int) -> list[tuple[str, str]]:
        """(colour, noun) of every object of scene i, from left to right."""
        names, hues = list(NOUNS), list(COLORS)
        pairs = zip(self.colors[i].tolist(), self.nouns[i].tolist(), strict=True)
        return [(hues[color], names[noun]) for color, noun in pairs if noun >= 0]

    def take(self, n: int) -> Scenes:
        """The first n scenes."""
        return replace(self, **{name: getattr(self, name)[:n] for name in ("images", "nouns", "colors", "boxes")})


def tiles(data: Data) -> Data:
    """The images of the five classes that occur in scenes, their labels 0 to 4."""

    def five(split: Split) -> Split:
        number = torch.full((10,), -1)
        number[list(NOUNS.values())] = torch.arange(len(NOUNS))
        labels = number[split.labels]
        return Split(split.inputs[labels >= 0], labels[labels >= 0])

    parts = {name: five(getattr(data, name)) for name in ("train", "val", "test")}
    return replace(data, classes=tuple(NOUNS), **parts)


def tinted(tile: torch.Tensor, color: int, strength: float = 1.0) -> torch.Tensor:
    """A tile (uint8 [3, h, w]) under coloured light. strength: 0 leaves it as it is."""
    light = 1 + strength * (torch.tensor(list(COLORS.values())[color]) - 1)
    return (tile.float() * light.view(3, 1, 1)).clamp(0, 255).to(torch.uint8)


def scrambled(tile: torch.Tensor, rng) -> torch.Tensor:
    """The tile cut into pieces of 4 x 4 pixels, which are shuffled. tile: [3, 32, 32]."""
    pieces = tile.reshape(3, 8, 4, 8, 4).permute(1, 3, 0, 2, 4).reshape(64, 3, 4, 4)[rng.permutation(64)]
    return pieces.reshape(8, 8, 3, 4, 4).permute(2, 0, 3, 1, 4).reshape(3, 32, 32)


def resized(tile: torch.Tensor, side: int) -> torch.Tensor:
    """A tile of `side` x `side` pixels."""
    how = dict(size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return torch.nn.functional.interpolate(tile[None].float(), **how)[0].round().clamp(0, 255).to(torch.uint8)


def ground(rng) -> torch.Tensor:
    """What lies behind the tiles: soft clouds."""
    clouds = torch.tensor(rng.normal(0, 22, (1, 3, 5, 5)) + rng.uniform(90, 160), dtype=torch.float32)
    clouds = torch.nn.functional.interpolate(clouds, size=(SIDE, SIDE), mode="bicubic", align_corners=False)[0]
    return clouds.clamp(0, 255).to(torch.uint8)


def paste(image: torch.Tensor, tile: torch.Tensor, x: float, y: float) -> None:
    """Put a tile into an image, its centre at (x, y), changing the image."""
    side = tile.shape[1]
    left, top = round(x - side / 2), round(y - side / 2)
    image[:, top : top + side, left : left + side] = tile


def layout(rng, sides) -> np.ndarray:
    """Centres [n, 2] of tiles that do not overlap; the last one, the scrambled tile, may stand right above another."""
    while True:
        places = []
        for k, side in enumerate(sides):
            for _ in range(40):
                x, y = rng.uniform(side / 2, SIDE - side / 2, 2)
                clear = all(max(abs(x - u), abs(y - v)) >= 0.47 * (side + s) for (u, v), s in zip(places, sides))  # noqa: B905
                if clear and (k == len(sides) - 1 or all(abs(x - u) >= APART for u, _ in places)):
                    places.append((x, y))
                    break
            else:
                break
        if len(places) == len(sides):
            return np.array(places)


def compose(split: Split, n: int, seed: int, *, tie: float = 0.0, shift: int = 0, strength: float = 1.0, source=""):
    """n scenes of the tiles of a split.

    tie: the share of objects, in [0, 1], whose colour is the one that belongs to its noun: colour number (noun + shift)
    modulo 4; the others have any. strength: of the colours, 1 as usual. Raises ValueError where a class has no tile.
    """
    rng = np.random.default_rng(seed)
    by_noun = [torch.nonzero(split.labels == noun).flatten().numpy() for noun in range(len(NOUNS))]
    if not all(map(len, by_noun)):
        raise ValueError("every one of the five classes needs a tile at least")
    images = torch.empty(n, 3, SIDE, SIDE, dtype=torch.uint8)
    nouns, colors = torch.full((n, MOST), -1), torch.full((n, MOST), -1)
    boxes = torch.zeros(n, MOST, 3)
    for i in range(n):
        count = int(rng.integers(1, MOST + 1))
        sides = rng.choice(SIZES, count + 1)
        places = layout(rng, sides)
        order = np.argsort(places[:count, 0])
        images[i] = ground(rng)
        chosen = rng.choice(len(NOUNS), count, replace=False)
        for k, (place, noun) in enumerate(zip(order, chosen, strict=True)):
            color = (noun + shift) % len(COLORS) if rng.random() < tie else int(rng.integers(len(COLORS)))
            tile = resized(split.inputs[rng.choice(by_noun[noun])], sides[place])
            paste(images[i], tinted(tile, color, strength), *places[place])
            nouns[i, k], colors[i, k] = int(noun), int(color)
            boxes[i, k] = torch.tensor([*places[place], sides[place]])
        odd = scrambled(split.inputs[int(rng.integers(len(split)))], rng)
        odd = tinted(resized(odd, sides[-1]), int(rng.integers(len(COLORS))), strength)
        paste(images[i], odd, *places[-1])
    return Scenes(images, nouns, colors, boxes, source)
