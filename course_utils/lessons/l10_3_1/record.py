"""Table 10.3.1: real fine-tuning runs for the lecture's table.

Three tasks (objects like ImageNet's; digits and angles unlike them), 5 to 320 images a class, five ways to use a
pretrained network, all with the same number of updates. Accuracy is that on the test images (`run.test`). Rates were
chosen before, by the validation images, with another seed: three tries for every regime in the same two cells; those
runs are in the table, too (purpose "rate"). About half an hour on one core.
"""

from __future__ import annotations

from functools import cache

from course_utils.runs import Run

SIZES = {"objects": (5, 20, 80, 320), "digits": (5, 20, 80), "angles": (5, 20, 80, 320)}  # images a class
POOL = {"objects": 3_200, "digits": 1_000, "angles": 3_200}
WHOLE = "from scratch"  # the dearest regime, and no rule of the lecture needs it: fewer seeds
REGIMES = ("linear probe", "last blocks", "all layers", "small net", WHOLE)
UPDATES, BATCH_SIZE = 100, 32
RATES, RATE_SEED, RATE_CELLS = (1e-3, 3e-3, 1e-2), 5, (("objects", 20), ("angles", 80))
POINTS = 25


def jobs() -> list[dict]:
    """One dict of settings a run, the most important first: rates; every cell once; the corners with five seeds."""
    from course_utils.lessons.l10_3_1.regimes import named

    cells = [(task, n) for task, sizes in SIZES.items() for n in sizes]
    corners = [(task, n) for task, sizes in SIZES.items() for n in (sizes[0], sizes[-1])]
    between = [cell for cell in cells if cell not in corners]
    plan = [(cell, regime, 0) for cell in cells for regime in REGIMES]
    plan += [(cell, regime, seed) for seed in range(1, 5) for cell in corners for regime in REGIMES[:-1]]
    plan += [(cell, regime, seed) for seed in (1, 2) for cell in between for regime in REGIMES[:-1]]
    plan += [(cell, WHOLE, 1) for cell in corners]
    tries = [(cell, regime, RATE_SEED, lr, "rate") for cell in RATE_CELLS for regime in REGIMES for lr in RATES]
    results = [(cell, regime, seed, named(regime).lr, "result") for cell, regime, seed in plan]
    return [
        dict(
            task=task,
            per_class=n,
            regime=regime,
            lr=lr,
            seed=seed,
            purpose=purpose,
            updates=UPDATES,
            batch_size=BATCH_SIZE,
        )
        for (task, n), regime, seed, lr, purpose in tries + results
    ]


def run_one(job: dict) -> Run:
    """Train with the settings `job`. A try at a rate is not tested: no rate may be chosen by the test images."""
    from course_utils.lessons.l10_3_1.regimes import SIZE, set_up
    from course_utils.training.recipes import fit_job

    few, at_cut = _images(job)
    updates, choosing = job["updates"], job["purpose"] == "rate"
    ready = set_up(job["regime"], few, updates=updates, seed=job["seed"], lr=job["lr"], data=at_cut)
    plan = {"augment": False, "validate_every": updates if choosing else None, "compute": ready.compute}
    facts = {"size": SIZE, "similar": few.similar}
    return fit_job(
        job, ready.model, ready.data, ready.optimizer, ready.schedules, test=not choosing, facts=facts, **plan
    )


def _images(job: dict):
    """The images of a job, and the same at the regime's cut (None where nothing is frozen)."""
    from course_utils.lessons.l10_3_1.regimes import named

    learn = named(job["regime"]).learn
    few = _pool(job["task"]).few(job["per_class"], job["seed"])
    at_cut = None if learn is None else _frozen(job["task"], job["regime"]).few(job["per_class"], job["seed"])
    return few, at_cut


@cache
def _pool(name: str):
    """All images of a task that a run may be given some of."""
    from course_utils.transfer.tasks import task

    return task(name, train=POOL[name], val=297 if name == "digits" else 500, quiet=True)


@cache
def _frozen(name: str, regime: str):
    """The activations of these images where the regime begins to learn: no seed changes them."""
    from course_utils.lessons.l10_3_1.regimes import fresh, named
    from course_utils.transfer.finetune import frozen_once

    pool, kind = _pool(name), named(regime)
    return frozen_once(fresh(pool, kind), pool, kind.learn)
