"""What nets say about images; and the recorded members, what each was and what it says. PyTorch only in `predict`.

members = load_members()
four = members.where(data="plain", width=16, epochs=16, cycles=1)[:4]
logits = members.test[four]  # [4, 2000, 10]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from course_utils.files import recorded_dir
from course_utils.runs import recorded

STORED = recorded_dir() / "logits" / "10.2.5.npz"
DEEPEST = 16.0  # how far below the largest logit one can be told from another: there a probability is 1e-7


def predict(model, data, split: str = "test", compute=None) -> np.ndarray:
    """Logits of a net for all images of a split, [images, classes], float32: in evaluation mode, without augmentation.
    The model is left as it was. Raises ValueError for a split that the data do not have."""
    import torch

    from course_utils.data.splits import split_of
    from course_utils.training.compute import pick

    parts, compute, was_training, logits = split_of(data, split).parts(250), compute or pick(), model.training, []
    compute.place(model).eval()
    try:
        for images, _ in parts:
            with torch.no_grad(), compute.autocast():
                logits.append(model(data.prepare(images.to(compute.device))).float().cpu())
    finally:
        model.train(was_training)
    return torch.cat(logits).numpy()


def encode(logits) -> np.ndarray:
    """One byte a logit: the root of its distance below the largest of the same image, so that small ones are fine. A
    distance d is kept to within sqrt(DEEPEST d) / 255: 0.016 at 1, 0.05 at 10."""
    depth = np.asarray(logits, np.float64).max(-1, keepdims=True) - logits
    return np.round(255 * np.sqrt(np.minimum(depth, DEEPEST) / DEEPEST)).astype(np.uint8)


def decode(codes) -> np.ndarray:
    """Logits (the largest of every image is 0) out of what `encode` made of them, float32."""
    return -np.float32(DEEPEST) * np.square(np.asarray(codes, np.float32) / 255)


@dataclass(frozen=True)
class Members:
    """facts: what each was (data, width, epochs, cycles, seed, snapshot). val, test: logits, [members, images, 10]."""

    facts: list[dict]
    val: np.ndarray
    test: np.ndarray
    val_labels: np.ndarray
    test_labels: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.facts)

    def where(self, **chosen) -> list[int]:
        """Numbers of the members whose facts equal every given value, in recorded order (by seed, then snapshot)."""
        return [n for n, fact in enumerate(self.facts) if all(fact[name] == value for name, value in chosen.items())]


@lru_cache(maxsize=1)
def load_members() -> Members:
    """All recorded members. Raises FileNotFoundError where they are not, ValueError where runs and logits disagree."""
    runs = recorded("10.2.5")
    facts = [{**run.config, "seed": run.seed, "snapshot": k + 1} for run in runs for k in range(run.config["cycles"])]
    with np.load(STORED, allow_pickle=False) as stored:
        codes, labels, cut = stored["codes"], stored["labels"].astype(np.int64), int(stored["val"])
    if len(codes) != len(facts):
        raise ValueError(f"{STORED.name} holds the logits of {len(codes)} members, the runs are {len(facts)}.")
    logits, source = decode(codes), f"recorded nets, {runs[0].source}"
    return Members(facts, logits[:, :cut], logits[:, cut:], labels[:cut], labels[cut:], source)
