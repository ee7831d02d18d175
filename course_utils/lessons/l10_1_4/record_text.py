"""Table 10.1.4-text: a small BERT on the masked words of Python's language reference: what warm-up and decay are worth.

Three seeds everywhere, seven more where each schedule does best, so that small differences can be told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from course_utils import schedules
from course_utils.runs import Run

LENGTH, VOCABULARY = 32, 500
PEAKS = [0.001778, 0.003162, 0.005623, 0.01, 0.017783]  # four a decade


def _warmed(then) -> Callable:
    return lambda peak, T, steps: partial(schedules.warmup, steps=steps, start=0.0, then=then(peak, T - steps))


# name -> function(peak, updates in all, updates of warm-up) -> schedule. Warm-up counts as part of the updates.
SHAPES: dict[str, Callable] = {
    "constant": lambda peak, T, steps: partial(schedules.constant, peak=peak),
    "linear": lambda peak, T, steps: partial(schedules.linear, peak=peak, T=T),
    "warm-up, constant": _warmed(lambda peak, T: partial(schedules.constant, peak=peak)),
    "warm-up, linear": _warmed(lambda peak, T: partial(schedules.linear, peak=peak, T=T)),
    "warm-up, cosine": _warmed(lambda peak, T: partial(schedules.cosine, peak=peak, T=T)),
}
# The peak of each with the lowest validation loss, mean of three seeds; a test compares it with the table.
BEST = {
    "constant": 0.003162,
    "linear": 0.005623,
    "warm-up, constant": 0.003162,
    "warm-up, linear": 0.01,
    "warm-up, cosine": 0.005623,
}


def jobs() -> list[dict]:
    """One dict of settings a run."""
    plan = [(name, peak, seed) for seed in range(3) for name in SHAPES for peak in PEAKS]
    plan += [(name, BEST[name], seed) for name in SHAPES for seed in range(3, 10)]
    return [dict(schedule=s, lr=lr, seed=seed, warmup=30, updates=300, batch_size=32) for s, lr, seed in plan]


def run_one(job: dict) -> Run:
    """Train one small BERT (post-norm, as in the paper)."""
    import torch

    from course_utils.data.text import python_text
    from course_utils.training.loop import fit
    from course_utils.training.transformer import small_transformer

    data, updates = python_text("masked", length=LENGTH, vocabulary=VOCABULARY), job["updates"]
    model = small_transformer(VOCABULARY, LENGTH, causal=False, norm="post", seed=job["seed"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=job["lr"], weight_decay=0.01)
    schedule = SHAPES[job["schedule"]](job["lr"], updates, job["warmup"])
    return fit(
        model,
        data,
        optimizer,
        schedule,
        updates=updates,
        batch_size=job["batch_size"],
        seed=job["seed"],
        validate_every=updates // 6,
        config={**job, "unigram": data.unigram_loss()},
    )
