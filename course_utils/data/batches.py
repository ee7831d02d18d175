"""Batches: drawn anew for each epoch; images are cropped and flipped a whole batch at once.

The usual pipeline touches images one by one in Python. Here the padded training set stays in memory as bytes, on the
device, and one indexing operation cuts the crops of a whole batch out of it.
"""

from __future__ import annotations

import torch

from course_utils.checks import check_whole

NOT_ASKED = -100  # the label that PyTorch's cross_entropy passes over


class Batches:
    """What all batches share: update t belongs to an epoch, and each epoch has an order of its own.

    n: training examples. All randomness of epoch e is drawn from (seed, e) on the CPU: the same on every device, and
    nothing to remember when a run is resumed. Subclasses give `cut`; `draw` may draw more than the order.
    """

    def __init__(self, n: int, batch_size: int, seed: int, what: str = "images"):
        self.n, self._epoch, self.silent = n, None, None
        self.batch_size = check_whole("batch_size", batch_size, 1, n, hint=f"There are no more {what}.")
        self.seed = check_whole("seed", seed, 0, 2**32 - 1)

    def __len__(self) -> int:
        """Updates in an epoch. An incomplete last batch is left out, so that all updates see equally many."""
        return self.n // self.batch_size

    def get(self, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch of update t: inputs as the model wants them, labels."""
        epoch, i = divmod(t, len(self))
        if epoch != self._epoch:
            self.draw(torch.Generator().manual_seed(1_000_003 * self.seed + epoch))
            self._epoch = epoch
        return self.cut(slice(i * self.batch_size, (i + 1) * self.batch_size))

    def draw(self, generator: torch.Generator) -> None:
        """Make ready for an epoch."""
        self.order = torch.randperm(self.n, generator=generator)

    def note(self, labels: torch.Tensor) -> None:
        """Which batches ask nothing, from the epoch's labels in order: looked up here, on the CPU, no GPU waits."""
        whole = labels[: len(self) * self.batch_size].reshape(len(self), -1)
        self.silent = set((whole == NOT_ASKED).all(1).nonzero().flatten().tolist())

    def asks(self, t: int, labels: torch.Tensor) -> bool:
        """Does the batch of update t, with these labels, ask anything?"""
        return bool((labels != NOT_ASKED).any()) if self.silent is None else t % len(self) not in self.silent

    def cut(self, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch at these places of the epoch."""
        raise NotImplementedError


class ImageBatches(Batches):
    """Batches of images: shuffled, cropped, flipped, normalised.

    images: uint8 [N, 3, H, W]; labels: int64 [N]; mean, std: per channel, in units of [0, 1] pixels. `get` gives
    float32 [B, 3, H, W] in channels-last memory and labels [B].
    """

    def __init__(self, images, labels, batch_size, mean, std, *, seed=0, augment=True, pad=4, device="cpu"):
        super().__init__(len(images), batch_size, seed)
        self.labels, self.every_label = labels.to(device), labels.cpu()
        self.augment, self.pad = augment, pad if augment else 0
        height, width = images.shape[2:]
        # Bytes, pixels last-to-first as [N, H, W, 3] ("channels last"), padded once with black.
        nhwc = images.to(device).permute(0, 2, 3, 1)
        padded = torch.nn.functional.pad(nhwc, (0, 0, self.pad, self.pad, self.pad, self.pad))
        # All possible crops as a view: [N, 2 pad + 1, 2 pad + 1, 3, H, W]; nothing is copied.
        self.crops = padded.contiguous().unfold(1, height, 1).unfold(2, width, 1)
        mean, std = torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)
        self.scale = (1 / (255 * std)).view(3, 1, 1).to(device)
        self.shift = (mean / std).view(3, 1, 1).to(device)

    def draw(self, generator: torch.Generator) -> None:
        super().draw(generator)
        offset = torch.randint(0, 2 * self.pad + 1, (2, self.n), generator=generator)
        flip = torch.rand(self.n, generator=generator) < 0.5
        self.note(self.every_label[self.order])
        self.order, self.offset, self.flip = (x.to(self.labels.device) for x in (self.order, offset, flip))

    def cut(self, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        index = self.order[part]
        dy, dx = self.offset[:, part]
        batch = self.crops[index, dy, dx]  # [B, 3, H, W]
        batch = batch.contiguous(memory_format=torch.channels_last).float()
        if self.augment:
            batch = torch.where(self.flip[part].view(-1, 1, 1, 1), batch.flip(-1), batch)
        return batch * self.scale - self.shift, self.labels[index]


def normalise(images: torch.Tensor, mean, std) -> torch.Tensor:
    """uint8 [N, 3, H, W] -> float32, zero mean and unit variance per channel, channels-last memory."""
    mean, std = (torch.tensor(v, dtype=torch.float32, device=images.device).view(3, 1, 1) for v in (mean, std))
    return ((images.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
