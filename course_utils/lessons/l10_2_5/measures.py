"""What several nets say together, and how good that is. NumPy only; logits are [members, images, classes].

Probabilities are floored at 1e-12 before a logarithm is taken: a class without a vote costs 27.6, not infinity.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

RULES = ("probabilities", "logits", "votes")
SMALLEST = 1e-12


def softmax(logits) -> np.ndarray:
    """Probabilities of one net, or of several: the last axis adds up to 1."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def pool(logits, rule: str = "probabilities") -> np.ndarray:
    """What the members say together, [images, classes].

    rule: "probabilities" (eq. 10.7: their mean), "logits" (softmax of the mean logits) or "votes" (the share of members
    whose answer it is). Raises ValueError for another rule, for no members, for a NaN: it would become everybody's."""
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 3 or not len(logits):
        raise ValueError(f"logits must be [members, images, classes] with one member at least, got {logits.shape}.")
    if np.isnan(logits).any():
        broken = np.flatnonzero(np.isnan(logits).any(axis=(1, 2))).tolist()
        raise ValueError(f"members {broken} say NaN; leave them out.")
    if rule == "probabilities":
        return softmax(logits).mean(axis=0)
    if rule == "logits":
        return softmax(logits.mean(axis=0))
    if rule == "votes":
        return np.eye(logits.shape[2])[logits.argmax(-1)].mean(axis=0)
    raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}, got {rule!r}.")


def percent(probabilities, labels) -> float:
    """Accuracy in per cent; of equally probable classes the first is the answer."""
    return 100 * float((np.argmax(probabilities, axis=-1) == labels).mean())


def nll(probabilities, labels) -> float:
    """Negative log-likelihood: the mean of -log p(right class), in nats."""
    right = np.asarray(probabilities)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, SMALLEST)).mean())


def ece(probabilities, labels, bins: int = 15) -> float:
    """Expected calibration error in points: in `bins` equal intervals of the largest probability, |share of right
    answers - mean probability|, weighted by the interval's share of the images."""
    confidence, right = np.max(probabilities, axis=-1), np.argmax(probabilities, axis=-1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return 100 * float(np.abs(gaps).sum() / len(confidence))


def disagreement(logits) -> float:
    """On how many images two members give different answers, in per cent: the mean over all pairs; 0 for one member."""
    answers = np.argmax(logits, axis=-1)
    pairs = [100 * float((a != b).mean()) for a, b in combinations(answers, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def with_temperature(probabilities, temperature: float) -> np.ndarray:
    """softmax(log p / temperature): above 1 more careful, below 1 bolder; no answer changes."""
    return softmax(np.log(np.maximum(probabilities, SMALLEST)) / temperature)


def best_temperature(probabilities, labels) -> float:
    """The temperature, 1/8 to 8, with the least NLL, which has one minimum: choose it on validation images."""
    from scipy.optimize import minimize_scalar

    def cost(log_t):
        return nll(with_temperature(probabilities, np.exp(log_t)), labels)

    return float(np.exp(minimize_scalar(cost, bounds=(-np.log(8), np.log(8)), method="bounded").x))


def greedy(logits, labels, picks: int) -> list[int]:
    """Members in the order in which greedy selection takes them (Caruana et al. 2004), by NLL, with replacement.

    logits, labels: of the *validation* images. The best member comes first; then, `picks` in all, the one whose joining
    makes the NLL of the mean lowest. One that is taken again weighs more."""
    said = softmax(logits)[:, np.arange(len(labels)), labels]  # of the right class: [members, images]
    total, order = np.zeros(len(labels)), []
    for n in range(1, picks + 1):
        costs = [-np.log(np.maximum((total + own) / n, SMALLEST)).mean() for own in said]
        order.append(int(np.argmin(costs)))
        total = total + said[order[-1]]
    return order
