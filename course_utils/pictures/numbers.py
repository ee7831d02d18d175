"""How numbers are written, and where axes end: in words, in cells of tables, at ends that rarely change."""

from __future__ import annotations

import math

NAMES = {
    "sgd": "SGD", "sgd+momentum": "SGD + momentum", "sgd_momentum": "SGD + momentum", "sgdm": "SGD + momentum",
    "adagrad": "Adagrad", "rmsprop": "RMSProp", "adam": "Adam", "adamw": "AdamW",
}  # fmt: skip


def name_of(value) -> str:
    """How a recorded value is written for the reader."""
    return NAMES.get(value, value.replace("_", " ")) if isinstance(value, str) else f"{value:.3g}"


def cell(value) -> str:
    """A cell of a table: floats get four digits, None a dash."""
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def capital(words: str) -> str:
    """The words with a capital at their beginning; the rest stays as it is."""
    return words[:1].upper() + words[1:]


def nice_limit(value: float, steps: tuple = (1, 2, 5)) -> float:
    """The smallest of `steps` times a power of ten >= value (> 0): axis ends that rarely change."""
    if not (value > 0 and math.isfinite(value)):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (*steps, 10, 20) if step * power >= value * (1 - 1e-9))
