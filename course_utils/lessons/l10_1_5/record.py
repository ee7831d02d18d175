"""Table 10.1.5: a small language model with and without warm-up, and images with a cool-down.

Text: post-norm and pre-norm, four strengths `c` of the Transformer's rule c min(s^-0.5, s w^-1.5), warm-up w of 1
(none) and 30 updates. Images: eq. 10.3, its last fifth replaced by a straight line down to 0. Three seeds each; about
ten minutes on one core.
"""

from __future__ import annotations

from functools import partial

from course_utils import schedules
from course_utils.checks import check_positive
from course_utils.runs import Run
from course_utils.training.recipes import fit_job, images, make_optimizer

SEEDS, STRENGTHS, WARMUPS = (0, 1, 2), (0.006, 0.0125, 0.025, 0.05), (1, 30)
WORDS, LENGTH = 1000, 64


def cooled(t: float, *, schedule, T: float, share: float = 0.2) -> float:
    """`schedule`, its last part (`share` of T updates, in (0, 1)) replaced by a straight line from there to 0 at T > 0.

    Raises ValueError for a T or share out of range.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie in (0, 1), got {share!r}. 0.2 cools down over the last fifth.")
    start = (1 - share) * check_positive("T", T, hint="It is the number of planned updates.")
    return schedule(t) if t < start else schedule(start) * max(0.0, (T - t) / (T - start))


def jobs() -> list[dict]:
    """One dict of settings a run."""
    text = [
        dict(data="text", norm=norm, warmup=warmup, c=c, seed=seed, updates=240, batch_size=16)
        for seed in SEEDS
        for norm in ("post", "pre")
        for warmup in WARMUPS
        for c in STRENGTHS
    ]
    cooling = dict(data="images", schedule="inverse sqrt, cooled", updates=1248, batch_size=64)
    return [dict(cooling, lr=lr, seed=seed) for seed in SEEDS for lr in (0.316228, 1.0)] + text


def run_one(job: dict) -> Run:
    """Train the language model, or the desk-scale net with the cool-down."""
    images_too = job["data"] == "images"
    data, model, optimizer, schedule, every = (_images if images_too else _text)(job)
    return fit_job(job, model, data, optimizer, schedule, test=images_too, validate_every=every)


def _text(job: dict) -> tuple:
    from course_utils.data.text import python_text
    from course_utils.training.transformer import small_transformer

    model = small_transformer(WORDS, LENGTH, norm=job["norm"], seed=job["seed"])
    schedule = partial(schedules.inverse_sqrt, peak=job["c"] * job["warmup"] ** -0.5, warmup=job["warmup"])
    return python_text("next", LENGTH, WORDS), model, make_optimizer("adam", model, 1e-3), schedule, 40


def _images(job: dict) -> tuple:
    from course_utils.training.models import small_conv_net

    model = small_conv_net(seed=job["seed"])
    optimizer = make_optimizer("sgd+momentum", model, job["lr"], weight_decay=5e-4)
    schedule = partial(cooled, schedule=partial(schedules.inverse_sqrt, peak=job["lr"]), T=job["updates"])
    return images(), model, optimizer, schedule, "epoch"
