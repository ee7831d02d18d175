"""How far an update moves each weight tensor, as a share of its size, measured on a training while it runs."""

from __future__ import annotations

import torch


class RatioMeter:
    """Call `update()` after each update of the weights; `means()` gives the averages since its last call.

    Left out are vectors (biases, BatchNorm's scales and shifts) and tensors that start at zero (0/0, then anything).
    """

    def __init__(self, model: torch.nn.Module):
        self.model = model
        self.weights = [w for w in model.parameters() if w.dim() > 1 and float(w.detach().norm()) > 0]
        self.names = [f"layer {n}" for n in range(1, len(self.weights))] + ["head"]
        self.before = [w.detach().clone() for w in self.weights]
        self.rows: list[list[float]] = []  # of each update: a ratio a tensor, then the norm of the gradient

    @torch.no_grad()
    def update(self) -> list[float]:
        """The ratios |w_after - w_before| / |w_before| of the update that was just made, a tensor each."""
        pairs = [(w, before.to(w.device)) for w, before in zip(self.weights, self.before, strict=True)]
        ratios = [float((w - before).norm() / before.norm()) for w, before in pairs]
        self.before = [w.detach().clone() for w in self.weights]
        norms = [float(w.grad.norm()) for w in self.model.parameters() if w.grad is not None]
        self.rows.append([*ratios, sum(norm**2 for norm in norms) ** 0.5])
        return ratios

    def means(self) -> tuple[dict[str, float], float]:
        """Mean ratio of each layer and mean gradient norm since the last call, to four digits."""
        *ratios, gradient = [float(f"{sum(column) / len(self.rows):.4g}") for column in zip(*self.rows, strict=True)]
        self.rows = []
        return dict(zip(self.names, ratios, strict=True)), gradient
