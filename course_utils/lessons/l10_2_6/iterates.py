"""All iterates of one training in memory, so that any average of them is one product of a row with a matrix."""

from __future__ import annotations

import copy

import numpy as np
import torch

from course_utils.training.averaging import recalibrate

STATISTICS = ("copied", "averaged", "recalibrated")


def flat(tensors) -> torch.Tensor:
    """One long row. (torch's parameters_to_vector cannot read channels-last weights.)"""
    return torch.cat([x.detach().reshape(-1).float().cpu() for x in tensors])


def put(row: torch.Tensor, tensors) -> None:
    """Write a row of `flat` back."""
    for tensor, part in zip(tensors, row.split([x.numel() for x in tensors]), strict=True):
        tensor.data.copy_(part.view(tensor.shape))


def statistics_of(model) -> list[torch.Tensor]:
    """BatchNorm's running means and variances; its counter, a whole number, is left out."""
    return [buffer for buffer in model.buffers() if buffer.is_floating_point()]


class Iterates:
    """What a network of a training was after 0, 1, ... T updates.

    weights: float32 [T + 1, parameters]; statistics: float32 [T + 1, BatchNorm's numbers]. Row t is after t updates.
    """

    def __init__(self, model: torch.nn.Module, T: int):
        self.model, self.T, self.t, self.run = copy.deepcopy(model).requires_grad_(False).eval(), T, 0, None
        parts = [*model.parameters()], statistics_of(model)
        self.weights, self.statistics = (torch.zeros(T + 1, sum(x.numel() for x in part)) for part in parts)
        self._keep(model)

    def see(self, step) -> None:
        """Keep the weights after a step of `train`."""
        self.t, self.run = step.t, step.run
        self._keep(step.model)

    def _keep(self, model) -> None:
        self.weights[self.t] = flat(model.parameters())
        self.statistics[self.t] = flat(statistics_of(model))

    def net(self, profile, statistics: str = "copied", data=None, **how) -> torch.nn.Module:
        """The network whose weights are the sum of profile[t] times those after t updates.

        statistics: of the last iterate that counts ("copied"), averaged like the weights, or measured anew on training
        batches of `data` ("recalibrated", see `recalibrate` for `how`). It is always the same network, filled anew.
        """
        if statistics not in STATISTICS:
            raise ValueError(f"statistics = {statistics!r}: choose {', '.join(map(repr, STATISTICS))}")
        row = torch.as_tensor(np.asarray(profile), dtype=torch.float32)
        if row.shape != (self.T + 1,):
            raise ValueError(f"a profile has T + 1 = {self.T + 1} numbers, got {tuple(row.shape)}")
        used = row.nonzero()[:, 0]
        part = slice(int(used[0]), int(used[-1]) + 1)
        put(row[part] @ self.weights[part], [*self.model.parameters()])
        averaged = statistics == "averaged"
        put(row[part] @ self.statistics[part] if averaged else self.statistics[used[-1]], statistics_of(self.model))
        return recalibrate(self.model, data, **how) if statistics == "recalibrated" else self.model


def collect(steps, model: torch.nn.Module, T: int) -> Iterates:
    """Run a training, `steps`, to its end and keep every iterate."""
    iterates = Iterates(model, T)
    for step in steps:
        iterates.see(step)
    return iterates
