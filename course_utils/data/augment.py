"""Random crops and flips for a whole batch at once, on the device where the images already are.

The usual pipeline touches images one by one in Python. Here the padded training set stays in memory as bytes,
and one indexing operation cuts the crops of a whole batch out of it.
"""

from __future__ import annotations

import torch

from course_utils.checks import check_whole


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Where all random choices of one epoch come from, on the CPU: order, crops, hidden words."""
    return torch.Generator().manual_seed(1_000_003 * seed + epoch)


class Batches:
    """Batches of one training set: shuffled, cropped, flipped, normalised.

    images: uint8 [N, 3, H, W]; labels: int64 [N]; mean, std: per channel, in units of [0, 1] pixels.
    All randomness of epoch e is drawn from (seed, e) on the CPU: the same on every device, and nothing to
    remember when a run is resumed.
    """

    def __init__(self, images, labels, batch_size, mean, std, *, seed=0, augment=True, pad=4, device="cpu"):
        n, _, self.height, self.width = images.shape
        self.batch_size = check_whole("batch_size", batch_size, 1, n, hint="There are no more images.")
        self.labels, self.seed = labels.to(device), check_whole("seed", seed, 0, 2**32 - 1)
        self.pad = pad if augment else 0
        self.augment = augment
        # Bytes, pixels last-to-first as [N, H, W, 3] ("channels last"), padded once with black.
        nhwc = images.to(device).permute(0, 2, 3, 1)
        padded = torch.nn.functional.pad(nhwc, (0, 0, self.pad, self.pad, self.pad, self.pad))
        # All possible crops as a view: [N, 2 pad + 1, 2 pad + 1, 3, H, W]; nothing is copied.
        self.crops = padded.contiguous().unfold(1, self.height, 1).unfold(2, self.width, 1)
        mean, std = torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)
        self.scale = (1 / (255 * std)).view(3, 1, 1).to(device)
        self.shift = (mean / std).view(3, 1, 1).to(device)
        self._epoch = None

    def __len__(self) -> int:
        """Updates in an epoch. An incomplete last batch is left out, so that all updates see equally many."""
        return len(self.labels) // self.batch_size

    def _draw(self, epoch: int) -> None:
        if self._epoch == epoch:
            return
        g = epoch_generator(self.seed, epoch)
        n, device = len(self.labels), self.labels.device
        self.order = torch.randperm(n, generator=g).to(device)
        self.offset = torch.randint(0, 2 * self.pad + 1, (2, n), generator=g).to(device)
        self.flip = (torch.rand(n, generator=g) < 0.5).to(device)
        self._epoch = epoch

    def get(self, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch of update t: float32 images [B, 3, H, W] in channels-last memory, labels [B]."""
        epoch, i = divmod(t, len(self))
        self._draw(epoch)
        part = slice(i * self.batch_size, (i + 1) * self.batch_size)
        index = self.order[part]
        dy, dx = self.offset[:, part]
        batch = self.crops[index, dy, dx]  # [B, 3, H, W]
        batch = batch.contiguous(memory_format=torch.channels_last).float()
        if self.augment:
            batch = torch.where(self.flip[part].view(-1, 1, 1, 1), batch.flip(-1), batch)
        return batch * self.scale - self.shift, self.labels[index]


def normalise(images: torch.Tensor, mean, std) -> torch.Tensor:
    """uint8 [N, 3, H, W] -> float32, zero mean and unit variance per channel, channels-last memory."""
    mean = torch.tensor(mean, dtype=torch.float32, device=images.device).view(3, 1, 1)
    std = torch.tensor(std, dtype=torch.float32, device=images.device).view(3, 1, 1)
    return ((images.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
