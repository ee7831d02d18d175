"""Fill data/recorded/10.1.7.npz: real trainings steered by a plateau rule, five patiences, and a rate that stays.

    python -m course_utils.lessons.l10_1_7.record

Validation comes four times an epoch; `ReduceLROnPlateau` reads its loss and divides the rate by ten. Every run is kept
in a file of its own as soon as it ends (data/recording/10.1.7-desk/), so an interrupted recording goes on where it was.
Takes about ten minutes on one core. Stand-in images are refused.
"""

from __future__ import annotations

from pathlib import Path

from course_utils.files import data_dir, recorded_dir
from course_utils.runs import Run, RunTable

NEVER = -1  # "patience" of the run whose rate stays
PATIENCES = (NEVER, 0, 1, 2, 4, 8)
SEEDS = (0, 1, 2, 3)
PEAK, EVERY = 0.316228, 39  # best constant-step peak of recording 10.1.2; updates between validations: a quarter epoch


def steered(data, patience: int, seed: int, epochs: float = 8) -> Run:
    """One training of the desk-scale net. config["drops"] lists the updates after which the rate was divided by ten.

    patience: of the rule, in validations, >= 0, or NEVER for a constant rate. data: as `cifar10()` gives it.
    """
    import torch

    from course_utils.training.loop import train
    from course_utils.training.scale import DESK

    if patience not in PATIENCES:
        raise ValueError(f"patience = {patience!r}: choose one of {', '.join(map(str, PATIENCES))}; -1 never drops.")
    model = DESK.model(seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK, momentum=0.9, weight_decay=5e-4)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=max(patience, 0))
    schedule = "constant" if patience == NEVER else "plateau"
    drops, config = [], dict(schedule=schedule, patience=patience, scale=DESK.name)
    common = dict(batch_size=DESK.batch_size, seed=seed, validate_every=EVERY, config=config)
    for step in train(model, data, optimizer, epochs=epochs, **common):
        if step.validated and patience != NEVER:
            before = step.lr
            rule.step(step.run.val[-1][1])
            drops += [step.t] if step.lr < before else []
    step.run.config["drops"] = drops
    return step.run


def record(folder: Path | None = None) -> Path:
    """Run what is missing and write the table. Returns its path. Raises SystemExit on stand-in images."""
    from course_utils.data.cifar import cifar10
    from course_utils.training.scale import DESK

    folder = folder or data_dir() / "recording" / "10.1.7-desk"
    data = cifar10(train=DESK.train, val=DESK.val, test=DESK.test, quiet=True)
    if not data.is_real:
        raise SystemExit("real CIFAR-10 is needed for a recording. Set COURSE_CIFAR10 (see data/README.md).")
    runs = []
    for seed in SEEDS:
        for patience in PATIENCES:
            path = folder / f"patience {patience}, seed {seed}.npz"
            if not path.exists():
                steered(data, patience, seed).save(path)
            runs.append(Run.load(path))
            run = runs[-1]
            drops = run.config["drops"]
            print(f"patience {patience}, seed {seed}: accuracy {run.final_accuracy:.3f}, drops {drops}", flush=True)
    return RunTable(runs).save(recorded_dir() / "10.1.7.npz")


if __name__ == "__main__":
    print(record())
