"""Stand-in images for machines that have no CIFAR-10 and no network: ten kinds of shapes, drawn from a seed.

    data = stand_in()           # the same `Data` as cifar10() gives, in about two seconds; is_real is False

They are not photographs, and no number measured on them says anything about CIFAR-10. They are made to be *trainable in
the same way*: a small conv net ends between 60 and 85 % after a few epochs on 10,000 images, and the learning rate
decides where. What makes them hard: many positions, sizes, angles and stretches; two shapes that blend into each other
(a disc with corners, a square without); weak contrast; shaded colours; other things in the picture, before and behind;
noise. Mirroring an image or shifting it by a few pixels keeps its class.
"""

from __future__ import annotations

import numpy as np

CLASSES = ("disc", "ring", "square", "frame", "triangle", "cross", "star", "crescent", "stripes", "checks")
BLOCK = 1000  # images drawn at a time, each block from its own seed: the smaller sets begin the larger ones
SIZES = {"train": 45_000, "val": 5_000, "test": 10_000}  # at most, as for CIFAR-10


def stand_in(train: int | None = 10_000, val: int | None = 2_000, test: int | None = 2_000, seed: int = 0):
    """Ten classes of drawn shapes as `course_utils.data.splits.Data`: uint8 images [N, 3, 32, 32], labels 0..9.

    train, val, test: how many, None means 45,000 / 5,000 / 10,000. Class-balanced and nested, as in `cifar10()`. Raises
    ValueError for sizes out of range.
    """
    import torch  # here, so that drawing needs NumPy alone

    from course_utils.data.readers import channel_statistics
    from course_utils.data.splits import Data, Split, check_sizes

    sizes = check_sizes(SIZES, train, val, test)
    splits = [Split(*map(torch.from_numpy, draw(size, seed, stream))) for stream, size in enumerate(sizes)]
    mean, std = channel_statistics(splits[0].inputs.numpy())
    return Data(*splits, CLASSES, source="stand-in images", is_real=False, mean=mean, std=std)


def draw(n: int, seed: int = 0, stream: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The first n images of a stream: (uint8 [n, 3, 32, 32], int64 [n]). Streams share no image."""
    blocks = [_draw_block(np.random.RandomState([seed, stream, block])) for block in range(-(-n // BLOCK))]
    return np.concatenate([images for images, _ in blocks])[:n], np.concatenate([labels for _, labels in blocks])[:n]


def _draw_block(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """BLOCK images with labels; every ten in a row hold each class once."""
    labels = np.argsort(rng.random_sample((BLOCK // 10, 10)), axis=1).ravel()
    picture = _color_field(rng, grid=4, spread=SPREAD) + _texture(rng)
    for _ in range(BEHIND):
        picture = _lay_over(picture, _patch(rng), _color_field(rng, grid=2, spread=SPREAD))
    strength = rng.uniform(*STRENGTH, (BLOCK, 1, 1))
    colors = _color_field(rng, grid=3, spread=SPREAD) + CUE * _CLASS_COLORS[labels][:, :, None, None]
    colors += LIGHT  # mostly lighter than what is behind
    picture = _lay_over(picture, strength * _object(rng, labels), colors)
    picture = _lay_over(picture, _patch(rng), _color_field(rng, grid=2, spread=SPREAD))
    noise = np.frombuffer(rng.bytes(2 * picture.size), np.uint8).reshape(2, *picture.shape)
    noise = noise[0].astype(np.float32) - noise[1]  # triangular, standard deviation 104
    picture += rng.uniform(*NOISE, (BLOCK, 1, 1, 1)).astype(np.float32) * noise
    return np.clip(picture, 0, 255).astype(np.uint8), labels


# How hard the images are. Set so that a small conv net learns them about as fast as CIFAR-10.
SPREAD = 38.0  # standard deviation of the colours, in grey levels
CUE = 45.0  # how far the colour of a class lies from grey: a hint, as sky is for ships, and never proof
LIGHT = 50.0  # how much lighter objects are than what is behind them, on average
STRENGTH = (0.85, 1.0)  # how opaque the object is
RADIUS = (8.0, 13.0)  # of the object, in pixels
TURN = 0.12  # how far it is turned to either side, in half turns
BEHIND = 1  # other things behind the object
PATCH = 3.0  # largest half-width of such a thing, and of the one before the object, in pixels
WAVES = 10.0  # strongest waves in the background, in grey levels
NOISE = (0.0, 0.08)  # in units of 104 grey levels
_AXES = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.7, 0.7, 0), (0, 0.7, 0.7)]  # red, green, blue, yellow, cyan, and opposites
_CLASS_COLORS = np.array([(sign * r, sign * g, sign * b) for r, g, b in _AXES for sign in (1, -1)], np.float32)


def _lay_over(picture: np.ndarray, mask: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Paint `colours` [N, 3, 32, 32] over the picture where `mask` [N, 32, 32] is 1."""
    return picture + mask[:, None].astype(np.float32) * (colors - picture)


def _color_field(rng: np.random.RandomState, grid: int, spread: float) -> np.ndarray:
    """Smoothly varying colours [BLOCK, 3, 32, 32]: a random grid of grid x grid colours, interpolated."""
    base = rng.normal(110, spread, (BLOCK, 3, 1, 1))
    corners = (base + rng.normal(0, spread / 2, (BLOCK, 3, grid, grid))).astype(np.float32)
    position = np.linspace(0, grid - 1, 32, dtype=np.float32)
    weights = np.clip(1 - np.abs(position[:, None] - np.arange(grid, dtype=np.float32)), 0, 1)  # [32, grid]
    return weights @ corners @ weights.T


def _texture(rng: np.random.RandomState) -> np.ndarray:
    """Faint waves in the background, [BLOCK, 1, 32, 32]: so that stripes alone do not give a class away."""
    u, v = _coordinates(rng, radius=rng.uniform(2, 8, BLOCK))
    kind = rng.randint(0, 2, (BLOCK, 1, 1))
    waves = np.sin(3 * u) * np.where(kind, np.sin(3 * v), 1.0)
    return (rng.uniform(0, WAVES, (BLOCK, 1, 1)) * waves).astype(np.float32)[:, None]


def _coordinates(rng, radius: np.ndarray, jitter: float = 16.0, stretch: float = 0.3, turn: float = 1.0):
    """Coordinates (u, v), each [N, 32, 32], of N things of `radius` pixels, randomly placed."""
    n = len(radius)
    angle, slant = (turn * rng.uniform(-np.pi, np.pi, (2, n, 1, 1))).astype(np.float32)
    x, y = np.arange(32, dtype=np.float32) - 15.5 - rng.uniform(-jitter, jitter, (2, n, 1)).astype(np.float32)
    x, y = x[:, None, :], y[:, :, None]
    factor = np.exp(rng.uniform(-stretch, stretch, (n, 1, 1))).astype(np.float32)
    # stretched along a direction of its own (slant), then turned by angle
    a, b = x * np.cos(slant) + y * np.sin(slant), y * np.cos(slant) - x * np.sin(slant)
    a, b = a * factor, b / factor
    scale = radius.astype(np.float32)[:, None, None]
    return (a * np.cos(angle) + b * np.sin(angle)) / scale, (b * np.cos(angle) - a * np.sin(angle)) / scale


def _soft(inside: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Mask in 0..1 from a distance that is positive inside, with an edge about one pixel wide."""
    return np.clip(0.5 + inside * radius[:, None, None], 0, 1)


def _patch(rng: np.random.RandomState) -> np.ndarray:
    """A small disc or bar anywhere, as mask [BLOCK, 32, 32]."""
    radius = rng.uniform(1.0, PATCH, BLOCK)
    u, v = _coordinates(rng, radius)
    long = np.where(rng.random_sample((BLOCK, 1, 1)) < 0.5, 1.0, 0.3)
    return _soft(1 - np.sqrt((u * long) ** 2 + v**2), radius)


def _object(rng: np.random.RandomState, labels: np.ndarray) -> np.ndarray:
    """The shape that gives each image its class, as mask [BLOCK, 32, 32]."""
    mask = np.empty((BLOCK, 32, 32), np.float32)
    for label in range(10):
        chosen = np.flatnonzero(labels == label)
        radius = rng.uniform(*RADIUS, len(chosen))
        u, v = _coordinates(rng, radius, jitter=4.0, stretch=0.25, turn=TURN)
        mask[chosen] = _soft(_shape(label, u, v, rng.random_sample((4, len(chosen), 1, 1)).astype(np.float32)), radius)
    return mask


def _shape(label: int, u: np.ndarray, v: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Distance, positive inside, of shape `label` with size 1; `p` [4, N, 1, 1] in 0..1 varies its form."""
    r, angle = np.hypot(u, v), np.arctan2(v, u)
    corner = np.maximum(np.abs(u), np.abs(v)) * 1.15  # the "radius" of a square of about the same area
    thick = 0.14 + 0.18 * p[0]
    round_ = 0.35 * p[1]  # how far a square has become a disc, or a disc a square; 0.5 would be half way
    k, phase = 4.5 + 3.0 * p[0], 2 * np.pi * p[2]
    shapes = {
        "disc": lambda: 1 - ((1 - round_) * r + round_ * corner),
        "ring": lambda: thick - np.abs(((1 - round_) * r + round_ * corner) - (1 - thick)),
        "square": lambda: 1 - ((1 - round_) * corner + round_ * r),
        "frame": lambda: thick - np.abs(((1 - round_) * corner + round_ * r) - (1 - thick)),
        "triangle": lambda: 0.55 - np.cos((angle + np.pi) % (2 * np.pi / 3) - np.pi / 3) * r + 0.15 * p[1] * (1 - r),
        "cross": lambda: np.maximum(
            np.minimum(thick - np.abs(u), 1 - np.abs(v)),
            np.minimum(thick - np.abs(v), 1 - np.abs(u) * (0.8 + 0.5 * p[1])),
        ),
        "star": lambda: 0.75 + (0.12 + 0.2 * p[1]) * np.cos((4 + (p[3] > 0.5) + (p[3] > 0.8)) * angle) - r,
        "crescent": lambda: np.minimum(1 - r, np.hypot(u - 0.3 - 0.4 * p[1], v) - 0.75),
        "stripes": lambda: np.minimum(1 - r, 0.25 * np.sin(k * u + phase)),
        "checks": lambda: np.minimum(1 - r, 0.35 * np.sin(k * u + phase) * np.sin(k * v)),
    }
    return shapes[CLASSES[label]]()
