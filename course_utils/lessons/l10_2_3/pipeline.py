"""A training pipeline that may be broken: every fault is one line at the place where people make it.

    bench = Bench(cifar10(...))                                   # the images, ready
    patient = Patient(bench, faults=("softmax twice",), seed=3)   # a pipeline; norm=False: a net without BatchNorm
    net, optimizer = patient.start()
    loss = patient.update(net, optimizer, *patient.batch(0))

What the healthy pipeline does: the small conv net (width 8), cross-entropy, SGD with momentum 0.9, batches of 32, crops
and flips, weight decay 1e-4. In float32, so that the same seed gives the same numbers.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy, log_softmax, nll_loss, pad, softmax

from course_utils.data.batches import normalise
from course_utils.training import pick, small_conv_net

BATCH, TINY = 32, 5  # images an update; batches of the set that is learned by heart
RATES = {True: 0.1, False: 0.05}  # the healthy learning rate, with BatchNorm and without
# name: (what was done, where it is, the steps of the lecture whose list of causes names it)
FAULTS = {
    "raw pixels": ("pixels from 0 to 255, not normalised", "data", (1,)),
    "labels out of step": ("labels shuffled against their images", "data", (1, 2)),
    "pixels scrambled": ("height, width, colour read in the wrong order", "data", (2,)),
    "one class a batch": ("the images come sorted by class", "data", ()),
    "object cut out": ("augmentation blanks the middle of the image", "data", ()),
    "start x 0.01": ("first weights a hundred times too small", "net", (1, 2)),
    "start x 10": ("first weights ten times too large", "net", (1,)),
    "net too narrow": ("one channel in the first layer instead of eight", "net", (2,)),
    "softmax twice": ("probabilities handed to cross-entropy", "loss", (1, 2)),
    "softmax over the batch": ("dim=0 where dim=1 is meant", "loss", (1, 2)),
    "sign flipped": ("the loss is minus the cross-entropy", "loss", (1, 2)),
    "rate x 1000": ("learning rate a thousand times too high", "update", (3,)),
    "rate x 0.001": ("learning rate a thousand times too low", "update", (2, 3)),
    "optimizer of another net": ("the net was made anew after the optimizer", "update", ()),
    "gradients never cleared": ("zero_grad() is missing", "update", ()),
    "convolutions frozen": ("requires_grad is False up to the classifier", "update", ()),
    "decay x 1000": ("weight decay 0.1 instead of 1e-4", "update", ()),
    "eval() in training": ("BatchNorm never sees a batch", "update", ()),
    "validation raw": ("validation images not normalised", "validation", ()),
    "validation labels off by one": ("class 0 is called 1, and so on", "validation", (1,)),
    "validation in training": ("a quarter of what is trained on is validation", "validation", ()),
}  # fmt: skip


class Bench:
    """Images for all patients: 1,920 for training (or what there is) and 512 for validation, ready on the device.

    share: of the updates that instruments make; below 1 it is a dry run."""

    def __init__(self, data, share: float = 1.0):
        self.data, self.share, self.compute = data, share, pick(dtype="float32")
        train, val = data.train.take(min(1_920, len(data.train))), data.val.take(min(512, len(data.val)))
        self.images, self.val_images = (part.inputs.to(self.compute.device) for part in (train, val))
        self.labels, self.val_labels = (part.labels.to(self.compute.device) for part in (train, val))


class Patient:
    """A pipeline with these faults. seed: fixes weights and order. norm: with BatchNorm."""

    def __init__(self, bench: Bench, faults=(), seed: int = 0, norm: bool = True):
        if strangers := set(faults) - FAULTS.keys():
            raise ValueError(f"there is no fault {sorted(strangers)}; there are {', '.join(FAULTS)}.")
        self.bench, self.seed, self.norm, self.has = bench, int(seed), norm, frozenset(faults).__contains__
        self.rate = RATES[norm] * (1000 if self.has("rate x 1000") else 1) / (1000 if self.has("rate x 0.001") else 1)
        draw = torch.Generator().manual_seed(1_000 + self.seed)
        order = torch.randperm(len(bench.labels), generator=draw)
        images, labels = bench.images[order], bench.labels[order]
        if self.has("validation in training"):
            quarter = min(len(labels) // 4, len(bench.val_labels))
            places = torch.arange(quarter) * 4
            images[places], labels[places] = bench.val_images[:quarter], bench.val_labels[:quarter]
        if self.has("labels out of step"):
            labels = labels[torch.randperm(len(labels), generator=draw)]
        if self.has("one class a batch"):
            whole = labels.argsort(stable=True).cpu()[: len(labels) // BATCH * BATCH].view(-1, BATCH)
            places = whole[torch.randperm(len(whole), generator=draw)].flatten()
            images, labels = images[places], labels[places]
        self.images, self.labels = self._ready(images, raw=self.has("raw pixels")), labels
        raw = self.has("raw pixels") or self.has("validation raw")
        self.val_images, self.val_labels = self._ready(bench.val_images, raw=raw), bench.val_labels
        if self.has("validation labels off by one"):
            self.val_labels = (self.val_labels + 1) % 10
        self.draw = draw

    def _ready(self, images, raw: bool):
        images = images.float() if raw else normalise(images, self.bench.data.mean, self.bench.data.std)
        if self.has("pixels scrambled"):
            images = images.permute(0, 2, 3, 1).reshape(images.shape)  # reshape where permute is meant
        return images.contiguous(memory_format=self.bench.compute.memory_format)

    def start(self, rate: float | None = None, regularised: bool = True):
        """A fresh network and its optimizer."""
        width = 1 if self.has("net too narrow") else 8
        net = self.bench.compute.place(small_conv_net(width=width, norm=self.norm, seed=self.seed))
        with torch.no_grad():
            factor = (0.01 if self.has("start x 0.01") else 1) * (10 if self.has("start x 10") else 1)
            for weight in [w for w in net.parameters() if w.dim() > 1]:
                weight.mul_(factor)
        if self.has("convolutions frozen"):
            for layer in list(net)[:-2] if self.norm else list(net)[:-1]:
                layer.requires_grad_(False)
        stranger = self.has("optimizer of another net")
        weights = small_conv_net(width=width, norm=self.norm, seed=self.seed + 1) if stranger else net
        decay = (0.1 if self.has("decay x 1000") else 1e-4) if regularised else 0.0
        learning = [weight for weight in weights.parameters() if weight.requires_grad]
        return net, torch.optim.SGD(learning, lr=rate or self.rate, momentum=0.9, weight_decay=decay)

    def batch(self, t: int, augment: bool = True, among: int | None = None):
        """Images and labels of update t. among: of the first so many images only."""
        begin = t * BATCH % ((among or len(self.labels)) // BATCH * BATCH)
        images, labels = self.images[begin : begin + BATCH], self.labels[begin : begin + BATCH]
        return (self._augmented(images) if augment else images), labels

    def _augmented(self, images):
        if self.has("object cut out"):
            images = images.clone()
            images[:, :, 4:28, 4:28] = 0
        dy, dx = torch.randint(0, 9, (2,), generator=self.draw).tolist()  # one crop a batch is enough here
        moved = pad(images, (4, 4, 4, 4))[:, :, dy : dy + 32, dx : dx + 32]
        return moved.flip(-1) if torch.rand((), generator=self.draw) < 0.5 else moved

    def scores(self, logits):
        """What the loss looks at: the logarithm of every class's probability, [images, classes]."""
        if self.has("softmax twice"):
            logits = softmax(logits, dim=1)
        return log_softmax(logits, dim=0 if self.has("softmax over the batch") else 1)

    def loss(self, logits, labels):
        loss = nll_loss(self.scores(logits.float()), labels)
        return -loss if self.has("sign flipped") else loss

    def update(self, net, optimizer, images, labels) -> float:
        """One change of the weights; the loss before it, as the pipeline prints it."""
        net.train(not self.has("eval() in training"))
        loss = self.loss(net(images), labels)
        if not self.has("gradients never cleared"):
            optimizer.zero_grad(set_to_none=True)
            net.zero_grad(set_to_none=True)
        if loss.requires_grad:
            loss.backward()
        optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def evaluate(self, net, images, labels) -> tuple[float, float]:
        """Loss and accuracy in evaluation mode, by plain cross-entropy."""
        net.eval()
        logits = net(images).float()
        loss = float(cross_entropy(logits, labels))
        return (loss if math.isfinite(loss) else 1e9), float((logits.argmax(1) == labels).float().mean())
