"""Three tasks that look nothing like photographs, drawn from a seed: counting, angles, sounds as pictures.

Like the "structured" tasks of VTAB (Zhai et al. 2019, arXiv 1910.04867), they ask for things that the classes of
ImageNet never depend on. All give uint8 [n, 3, 32, 32] and labels 0 .. 9, each ten images in a row every class once.
"""

from __future__ import annotations

import numpy as np

BLOCK = 500  # drawn at a time, each block from its own seed: the smaller sets begin the larger ones
SIDE, RATE, LENGTH = 32, 8000, 4352  # pixels; samples a second, and in all
COUNTS = tuple(str(n) for n in range(1, 11))
ANGLES = tuple(f"{18 * n}°" for n in range(10))
SOUNDS = ("steady", "rising", "falling", "vibrato", "tremolo", "buzz", "two tones", "clicks", "noise", "hiss")


def draw(kind: str, n: int, seed: int, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n images of a stream (its own for training, validation, test) and their labels."""
    make = {"counts": counts, "angles": angles, "sounds": sounds}[kind]
    images, labels = [], []
    for block in range(-(-n // BLOCK)):
        rng = np.random.RandomState([seed, stream, block, len(kind), ord(kind[0])])
        labels.append(np.argsort(rng.random_sample((BLOCK // 10, 10)), axis=1).ravel())
        images.append(make(rng, labels[-1]))
    return np.concatenate(images)[:n], np.concatenate(labels)[:n].astype(np.int64)


def counts(rng, labels) -> np.ndarray:
    """labels + 1 dots on a textured ground, in places of a 4 x 4 grid, a little off their middle: never touching."""
    picture, n = _ground(rng, len(labels)), len(labels)
    places = np.argsort(rng.random_sample((n, 16)), axis=1)[:, :10]
    radius = rng.uniform(1.4, 2.6, (n, 1))  # of all dots of an image: the inked area does not give the number away
    color = _contrast(rng, picture)
    y, x = np.mgrid[:SIDE, :SIDE]
    for k in range(10):
        cy, cx = (8 * part + 3.5 + rng.uniform(-0.7, 0.7, n) for part in (places[:, k] // 4, places[:, k] % 4))
        far = np.hypot(y - cy[:, None, None], x - cx[:, None, None])
        ink = np.clip(radius[..., None] + 0.5 - far, 0, 1) * (k <= labels)[:, None, None]
        picture = _lay_over(picture, ink, color)
    return _bytes(picture)


def angles(rng, labels) -> np.ndarray:
    """One bar at 18° times the label, give or take 6°, against the horizontal; place, length and width vary."""
    picture, n = _ground(rng, len(labels)), len(labels)
    theta = np.deg2rad(18 * labels + rng.uniform(-6, 6, n))[:, None, None]
    cy, cx = (15.5 + rng.uniform(-5, 5, (n, 1, 1)) for _ in range(2))
    y, x = np.mgrid[:SIDE, :SIDE]
    along = (x - cx) * np.cos(theta) - (y - cy) * np.sin(theta)
    across = (x - cx) * np.sin(theta) + (y - cy) * np.cos(theta)
    length, width = rng.uniform(7, 13, (n, 1, 1)), rng.uniform(0.8, 2.2, (n, 1, 1))
    ink = np.clip(length + 0.5 - abs(along), 0, 1) * np.clip(width + 0.5 - abs(across), 0, 1)
    return _bytes(_lay_over(picture, ink, _contrast(rng, picture)))


def sounds(rng, labels) -> np.ndarray:
    """Spectrograms of ten kinds of half a second of sound: time to the right, frequency (0 to 4 kHz) upwards.

    Grey: the logarithm of the power in 32 bands, 32 windows of 256 samples at 8 kHz.
    """
    n = len(labels)
    sound = np.empty((n, LENGTH), np.float32)
    for label, name in enumerate(SOUNDS):
        rows = np.flatnonzero(labels == label)
        sound[rows] = _sound(rng, name, len(rows))
    noise = rng.standard_normal(sound.shape).astype(np.float32)
    sound = sound * rng.uniform(0.3, 1.0, (n, 1)) + rng.uniform(0.1, 0.5, (n, 1)) * noise
    windows = np.lib.stride_tricks.sliding_window_view(sound, 256, axis=1)[:, ::132][:, :SIDE] * np.hanning(256)
    power = abs(np.fft.rfft(windows, axis=2)[:, :, 1:]) ** 2
    grey = np.log(power.reshape(n, SIDE, SIDE, 4).mean(3) + 1e-3).transpose(0, 2, 1)[:, ::-1]
    low, high = grey.min((1, 2), keepdims=True), grey.max((1, 2), keepdims=True)
    return _bytes(np.repeat(((grey - low) / (high - low))[:, None], 3, axis=1))


def _sound(rng, name: str, n: int) -> np.ndarray:
    """n sounds of one kind, [n, LENGTH], of amplitude about 1."""
    t = np.arange(LENGTH) / RATE
    share, low, depth = t / t[-1], rng.uniform(500, 2500, (n, 1)), rng.uniform(200, 900, (n, 1))
    wave = np.sin(2 * np.pi * (rng.uniform(4, 12, (n, 1)) * t + rng.random_sample((n, 1))))
    climb = {"rising": share, "falling": 1 - share, "vibrato": 0.5 + 0.5 * wave}.get(name, 0.0 * t)
    turn = 2 * np.pi * np.cumsum(low + depth * climb, axis=1) / RATE
    if name == "tremolo":
        return np.sin(turn) * (0.5 + 0.5 * wave)
    if name == "buzz":
        return 0.5 * sum(np.sin(k * 0.2 * turn) for k in range(1, 9))
    if name == "two tones":
        return np.sin(turn) + np.sin(turn * rng.uniform(1.25, 1.6, (n, 1)))
    if name == "clicks":
        beats = np.floor(t * rng.uniform(15, 60, (n, 1)))
        return 12.0 * (np.diff(beats, axis=1, prepend=0) > 0)
    if name in ("noise", "hiss"):
        white = rng.standard_normal((n, LENGTH))
        if name == "noise":
            return 0.7 * white
        smooth = np.cumsum(np.pad(white, ((0, 0), (8, 0))), axis=1)  # moving sums of 8: below about 500 Hz
        return 0.35 * (smooth[:, 8:] - smooth[:, :-8]) * np.sin(turn)  # moved up to around `low`
    return np.sin(turn)


def _ground(rng, n: int) -> np.ndarray:
    """Smooth colours with grain, [n, 3, 32, 32] in about 0.1 .. 0.9."""
    corners = rng.uniform(0.15, 0.85, (n, 3, 1, 1)) + rng.uniform(-0.15, 0.15, (n, 3, 3, 3))
    at = np.linspace(0, 2, SIDE)
    weight = np.clip(1 - abs(at[:, None] - np.arange(3)), 0, 1)  # [32, 3]: between the corners, linearly
    return weight @ corners @ weight.T + rng.normal(0, 0.05, (n, 1, SIDE, SIDE))


def _contrast(rng, picture) -> np.ndarray:
    """A colour for each image that stands off its ground, [n, 3, 1, 1]."""
    mean = picture.mean((2, 3), keepdims=True)
    away = rng.uniform(0.3, 0.6, mean.shape) * np.where(mean.mean(1, keepdims=True) > 0.5, -1, 1)
    return np.clip(mean + away, 0, 1)


def _lay_over(picture, ink, color) -> np.ndarray:
    ink = ink[:, None]
    return picture * (1 - ink) + color * ink


def _bytes(picture) -> np.ndarray:
    return (255 * np.clip(picture, 0, 1) + 0.5).astype(np.uint8)
