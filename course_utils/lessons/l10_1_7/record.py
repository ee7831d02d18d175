"""Table 10.1.7: trainings steered by a plateau rule, five patiences, and a rate that stays.

Validation comes four times an epoch; `ReduceLROnPlateau` reads its loss and divides the rate by ten. config["drops"]
lists the updates after which it did. About ten minutes on one core.
"""

from __future__ import annotations

from course_utils.runs import Run
from course_utils.training.recipes import images, make_optimizer

NEVER = -1  # "patience" of the run whose rate stays
PATIENCES = (NEVER, 0, 1, 2, 4, 8)
SEEDS = (0, 1, 2, 3)
PEAK, EVERY = 0.316228, 39  # best constant-step peak of recording 10.1.2; updates between validations: a quarter epoch


def jobs() -> list[dict]:
    """One dict of settings a run; patience: of the rule, in validations, or NEVER for a constant rate."""
    return [
        dict(
            schedule="constant" if patience == NEVER else "plateau",
            patience=patience,
            seed=seed,
            lr=PEAK,
            updates=1248,
            batch_size=64,
        )
        for seed in SEEDS
        for patience in PATIENCES
    ]


def run_one(job: dict) -> Run:
    """Train the desk-scale net, its rate lowered by the rule."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    from course_utils.training.loop import evaluate, train
    from course_utils.training.models import small_conv_net

    data, model = images(), small_conv_net(seed=job["seed"])
    optimizer = make_optimizer("sgd+momentum", model, job["lr"], weight_decay=5e-4)
    rule = ReduceLROnPlateau(optimizer, factor=0.1, patience=max(job["patience"], 0))
    drops = []
    for step in train(
        model,
        data,
        optimizer,
        updates=job["updates"],
        batch_size=job["batch_size"],
        seed=job["seed"],
        validate_every=EVERY,
        config={**job, "scale": "desk"},
    ):
        if step.validated and job["patience"] != NEVER:
            before = step.lr
            rule.step(step.run.val[-1][1])
            drops += [step.t] if step.lr < before else []
    run = step.run
    run.config["drops"], run.test = drops, evaluate(model, data, "test")
    return run
