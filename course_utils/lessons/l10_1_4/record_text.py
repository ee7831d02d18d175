"""Fill data/recorded/10.1.4-text.npz:  python -m course_utils.lessons.l10_1_4.record_text

A small BERT on the masked words of Python's language reference: what warm-up and decay are worth. As in record.py,
every run is kept as soon as it ends (data/recording/10.1.4-text/), and an interrupted recording goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from course_utils import schedules
from course_utils.files import data_dir, recorded_dir
from course_utils.runs import Run, RunTable

NAME = "10.1.4-text"
LENGTH, VOCABULARY, BATCH, UPDATES, WARMUP = 32, 500, 32, 300, 30
PEAKS = [0.001778, 0.003162, 0.005623, 0.01, 0.017783]  # four a decade
SEEDS, MORE_SEEDS = range(3), range(3, 10)


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


def run_one(schedule: str, peak: float, seed: int) -> Run:
    """Train one small BERT (post-norm, as in the paper) and return its record."""
    import torch

    from course_utils.data.text import python_text
    from course_utils.training.loop import fit
    from course_utils.training.transformer import small_transformer

    data = python_text("masked", length=LENGTH, vocabulary=VOCABULARY)
    model = small_transformer(VOCABULARY, LENGTH, causal=False, norm="post", seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.01)
    config = dict(schedule=schedule, lr=peak, seed=seed, warmup=WARMUP, unigram=data.unigram_loss())
    return fit(model, data, optimizer, SHAPES[schedule](peak, UPDATES, WARMUP), updates=UPDATES, batch_size=BATCH,
               seed=seed, validate_every=UPDATES // 6, config=config)  # fmt: skip


def recorded_run(schedule: str, peak: float, seed: int) -> Run:
    """The run, from its file if it was made before."""
    path = data_dir() / "recording" / NAME / f"{schedule}_{peak:g}_{seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run = run_one(schedule, peak, seed)
        run.thinned().save(path)
        print(f"{path.stem}: {run.status}, loss {run.val[-1][1]:.3f}", flush=True)
    return Run.load(path)


def record() -> None:
    table = RunTable(recorded_run(s, peak, seed) for seed in SEEDS for s in SHAPES for peak in PEAKS)
    for name in SHAPES:  # seven seeds more where each does best, so that small differences can be told
        runs = table.where(schedule=name)
        best = min(PEAKS, key=lambda peak, runs=runs: sum(run.val[-1][1] for run in runs.where(lr=peak)))
        table.runs += [recorded_run(name, best, seed) for seed in MORE_SEEDS]
    path = table.save(recorded_dir() / f"{NAME}.npz")
    print(f"{path.name}: {len(table)} runs, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    record()
