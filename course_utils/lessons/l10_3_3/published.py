"""Numbers that K. He, R. Girshick and P. Dollar published (Rethinking ImageNet Pre-training, 2019, arXiv 1811.08883).

published.csv: box AP (%) of Mask R-CNN on COCO, with group normalisation; 1x is 90,000 updates of 16 images. With
10,000 images the pretrained side made 60,000 updates, the one from scratch 220,000. Not measured here.
"""

from __future__ import annotations

import csv
from pathlib import Path


def he_table(what: str = "schedule") -> list[list]:
    """Rows [setting, from scratch, pretrained, pretrained minus scratch].

    what: "schedule" (length of the training) or "images" (how many there were). Raises ValueError for another word.
    """
    with Path(__file__).with_name("published.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["what"] == what]
    if not rows:
        raise ValueError(f"what must be 'schedule' or 'images', got {what!r}.")
    numbers = [(row["setting"], float(row["scratch"]), float(row["pretrained"])) for row in rows]
    return [[setting, a, b, round(b - a, 1)] for setting, a, b in numbers]
