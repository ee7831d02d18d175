"""Curves that L. N. Smith and N. Topin published: published.csv, thinned from four of their training logs.

Source: repository lnsmith54/super-convergence, folder Results, files lr35Fig1a, clr3SS5kFig1a, lr35Tr10kTab1 and
clr3SS5kTr10kTab1 (arXiv 1708.07120): ResNet-56 on CIFAR-10, batches of 8 x 125 images. Numbers only.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np


def published_curves() -> dict[str, dict[str, np.ndarray]]:
    """Name of a run ("step, 10,000 images", ...) -> t, test accuracy in per cent, loss of training batches in nats."""
    with open(Path(__file__).with_suffix(".csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curves = {}
    for name in dict.fromkeys(row["run"] for row in rows):
        own = [row for row in rows if row["run"] == name and row["train_loss"]]
        t, accuracy, loss = (
            np.array([float(row[key]) for row in own]) for key in ("update", "test_accuracy", "train_loss")
        )
        curves[name] = {"t": t, "accuracy": 100 * accuracy, "loss": loss}
    return curves
