"""Table 10.1.4-reader: the small BERT of table 10.1.4-text, trained ten times as long, until it begins to fill gaps.

config["reading"] has one row a validation: the loss on hidden, left and replaced words. config["gaps"] are its guesses
at the end (see `fill_gaps`). One run, less than a minute on one core.
"""

from __future__ import annotations

from course_utils.lessons.l10_1_4.record_text import LENGTH, SHAPES, VOCABULARY
from course_utils.runs import Run


def jobs() -> list[dict]:
    """One dict of settings a run."""
    usual = dict(schedule="warm-up, linear", lr=0.003, warmup=300, updates=3000, batch_size=32)
    return [dict(usual, seed=0)]


def run_one(job: dict) -> Run:
    """Train one small BERT (post-norm), looking at what it reads ten times."""
    import torch

    from course_utils.data.text import python_text
    from course_utils.lessons.l10_1_4.reading import by_frequency, by_reading, fill_gaps
    from course_utils.training.loop import train
    from course_utils.training.transformer import small_transformer

    text, updates = python_text("masked", length=LENGTH, vocabulary=VOCABULARY), job["updates"]
    model = small_transformer(VOCABULARY, LENGTH, causal=False, norm="post", seed=job["seed"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=job["lr"], weight_decay=0.01)
    schedule, reading = SHAPES[job["schedule"]](job["lr"], updates, job["warmup"]), []
    plan = dict(updates=updates, batch_size=job["batch_size"], seed=job["seed"], validate_every=max(1, updates // 10))
    for step in train(model, text, optimizer, schedule, config=job, **plan):
        if step.validated:
            reading.append([round(loss, 4) for loss in by_reading(model, text).values()])
            model.train()
    run = step.run
    run.config["frequency"], run.config["reading"] = list(by_frequency(text).values()), reading
    run.config["gaps"] = fill_gaps(model, text)
    return run
