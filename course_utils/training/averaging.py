"""Averages of a network's weights along a training, and BatchNorm statistics that fit them.

    average = WeightAverage(model, ema(0.99))
    for step in train(model, data, optimizer, ..., checkpoint=path, also={"average": average}):
        average.see(step)                          # after every update
        if step.validated:
            average.validate(step, data)
    recalibrate(average.model, data)               # statistics for the averaged weights
    evaluate(average.model, data, "test")

Every average is one line: average <- average + c_n (theta_n - average). What c is, the share of the newest weights, is
a plain function of n = 1, 2, ..., the weights seen so far:

- `ema(alpha)`: (1 - alpha) / (1 - alpha^n), which is equation 10.8 without the weight of the start; with
  debias=False 1 - alpha, and 1 for the first, as torch's AveragedModel does,
- `tail_mean(after)`: 1 / (n - after), the mean of all weights since then (Polyak and Juditsky 1992),
- `power_ema(gamma)`: 1 - (1 - 1/n)^(gamma + 1), old weights fade as s^gamma (Karras et al. 2023, arXiv 2312.02696).
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from course_utils.checks import check_whole, check_within
from course_utils.training.compute import Compute, pick
from course_utils.training.loop import evaluate

BUFFERS = ("copied", "averaged")


def ema(alpha: float, debias: bool = True) -> Callable[[int], float]:
    """The share of the newest weights in an exponential moving average with coefficient alpha in [0, 1)."""
    check_within("alpha", alpha, 0, 1, ends="[)", hint="It reaches back about 1 / (1 - alpha) updates.")
    if debias:
        return lambda n: (1 - alpha) / (1 - alpha**n)
    return lambda n: 1.0 if n == 1 else 1 - alpha


def tail_mean(after: int = 0) -> Callable[[int], float]:
    """The share of the newest weights in the plain mean of all weights after the first `after` updates.

    Before that the average is the newest weights themselves.
    """
    check_whole("after", after, 0, hint="The last tenth of T updates begins after 0.9 T.")
    return lambda n: 1 / max(1, n - after)


def power_ema(gamma: float) -> Callable[[int], float]:
    """The share of the newest weights in an average whose weight grows as s^gamma, s = 1 ... n; gamma >= 0."""
    check_within("gamma", gamma, 0, hint="0 is the plain mean; 6.94 and 16.97 are those of Karras et al.")
    return lambda n: 1 - (1 - 1 / n) ** (gamma + 1)


def profile(share: Callable[[int], float], T: int) -> np.ndarray:
    """How much each of the weights after 0, 1, ... T updates counts in the average after T: T + 1 numbers, sum 1.

    The first entry, of the initial weights, is what the average began with.
    """
    shares = np.array([1.0, *(share(n) for n in range(1, check_whole("T", T, 1) + 1))])
    faded = np.cumprod(np.r_[1.0, 1 - shares[:0:-1]])[::-1]  # what all later updates left of an earlier share
    return shares * faded


class WeightAverage:
    """A second network whose weights are an average of those of the one that is trained.

    model: the network; its copy here shares no storage with it, is float32, in evaluation mode and has no gradients.
    share: n -> share of the newest weights, see above. buffers: BatchNorm's statistics (and whatever else is no
        parameter) are "copied" from the newest, as torch's AveragedModel does, or "averaged" like the weights; whole
        numbers are always copied. For statistics that fit the averaged weights call `recalibrate` before they are used.

    The training never notices: nothing is put into its network, and no random number is drawn.
    n: weights seen. val: (t, loss, accuracy) of the average, one entry for each `validate`.
    """

    def __init__(self, model: torch.nn.Module, share: Callable[[int], float], buffers: str = "copied"):
        if buffers not in BUFFERS:
            raise ValueError(f"buffers = {buffers!r}: choose {' or '.join(map(repr, BUFFERS))}; then `recalibrate`")
        self.model = copy.deepcopy(model).float().eval().requires_grad_(False)
        self.share, self.buffers, self.n, self.val = share, buffers, 0, []

    def see(self, step) -> None:
        """Take in the weights after a step of `train`; a skipped update (float16 overflow) does not count."""
        if not step.skipped:
            self.update(step.model)

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """Take in the present weights of `model`."""
        self.model.to(next(model.parameters()).device)  # where the training has moved its network
        self.n += 1
        c, newest = self.share(self.n), model.state_dict()
        parameters = dict(self.model.named_parameters())
        for name, value in self.model.state_dict().items():  # no copies: changed in place
            if value.is_floating_point() and (name in parameters or self.buffers == "averaged"):
                value.lerp_(newest[name].to(value.dtype), c)
            else:
                value.copy_(newest[name])

    def validate(self, step, data, compute: Compute | None = None) -> tuple[float, float]:
        """Loss and accuracy of the average on the validation images; they also go into `val`."""
        result = evaluate(self.model, data, "val", compute)
        self.val.append((step.t, *result))
        return result

    def state_dict(self) -> dict:
        """What a checkpoint keeps."""
        return {"model": self.model.state_dict(), "n": self.n, "val": [list(entry) for entry in self.val]}

    def load_state_dict(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.n, self.val = state["n"], [tuple(entry) for entry in state["val"]]


@torch.no_grad()
def recalibrate(
    model: torch.nn.Module,
    data,
    *,
    batches: int = 32,
    batch_size: int = 64,
    seed: int = 0,
    augment: bool = True,
    compute: Compute | None = None,
) -> torch.nn.Module:
    """Measure BatchNorm's running statistics anew for the weights as they are, and return the model.

    They become the mean over so many training batches, cropped and flipped as in training (augment). Only layers with
    running statistics change; dropout stays off, modes and BatchNorm's momentum come back as they were. The order
    of the images comes from `seed`, not from PyTorch's random state.
    """
    check_whole("batches", batches, 1)
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not norms:
        return model
    compute = compute or pick()
    compute.place(model)
    source = data.batches(batch_size, seed=seed, augment=augment, device=compute.device)
    modes = {m: m.training for m in model.modules()}
    momenta = [norm.momentum for norm in norms]
    model.eval()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
            norm.train()
        for t in range(batches):
            with compute.autocast():
                model(source.get(t)[0])
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes.items():
            module.training = mode
    return model
