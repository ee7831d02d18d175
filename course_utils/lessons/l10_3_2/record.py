"""Table 10.3.2: the last stage of five, with every other stage left out in turn, and with a prior to lean on.

Stages 1 and 2 are trained once (`python -m course_utils.lessons.l10_3_2.record vision`, before the table) and shared by
all seeds, as are the scenes; a seed chooses the reader's weights, the sentences and their order. Kinds of jobs:

ablation: arm, task (caption, question), scenes of stage 5, budget "final" (as many updates in stage 5 for all) or
    "total" (stage 5 also gets the updates of the language stages that the arm leaves out), or "longer".
relation: "is X left of Y?" alone, by an untrained reader, with and without the sum over other regions.
prior: questions about scenes whose colours are tied to nouns with probability `tie`; "sees": 0 is the blind model.
`python -m course_utils.lessons.l10_3_2.record readers` puts the models of the scene table together afterwards.
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from functools import lru_cache, partial

from course_utils.files import data_dir
from course_utils.runs import Run

VISION = dict(updates=2_812, lr=0.2, scenes=500, detector_updates=200)
SCENES, VAL, TEST = 2_000, 200, 600  # of stage 5 at most (stage 4 has as many of its own)
STAGE3, STAGE4, STAGE5, LONGER, TABLE, LR = 250, 300, 200, 400, 1_400, 4e-3
FEWEST, FEW, TASKS, SEEDS = 50, 500, ("caption", "question"), (0, 1, 2)  # scenes; SCENES with LONGER training
TIES = ((0.5, 1.0), (0.9, 1.0), (1.0, 1.0), (0.9, 0.35))  # (tie, strength of the colours)
PAIRS = ("with pairs", "without pairs")  # does a region know of the others?
FIRST = {"without 3": STAGE3, "without 4": STAGE4, "only 5": STAGE3 + STAGE4}  # updates that "total" gives to stage 5
POINTS = 8


def jobs() -> list[dict]:
    """One dict of settings a run; jobs of one seed stand together."""
    from course_utils.lessons.l10_3_2.stages import ARMS

    plan = []
    for seed in SEEDS:
        for arm in ARMS:
            plan += [("ablation", arm, task, FEW, "final", 0.0, 1.0, 1, seed, STAGE5) for task in TASKS]
            if arm in FIRST:
                plan.append(("ablation", arm, "question", FEW, "total", 0.0, 1.0, 1, seed, STAGE5 + FIRST[arm]))
            if arm in (ARMS[0], *list(FIRST)[:2]):
                plan += [("ablation", arm, task, FEWEST, "final", 0.0, 1.0, 1, seed, STAGE5) for task in TASKS]
            if arm == ARMS[0] or (seed == SEEDS[0] and arm != ARMS[-1]):  # the others for the scene table alone
                plan += [("ablation", arm, task, SCENES, "final", 0.0, 1.0, 1, seed, LONGER) for task in TASKS]
        if seed == SEEDS[0]:  # for the scene table alone
            plan.append(("ablation", ARMS[0], TASKS[1], SCENES, "longer", 0.0, 1.0, 1, seed, TABLE))
        plan += [("prior", ARMS[0], "question", SCENES, "final", *tie, 1, seed, LONGER) for tie in TIES]
        plan += [("prior", ARMS[0], "question", SCENES, "final", tie, 1.0, 0, seed, LONGER) for tie in (0.0, 0.9)]
        plan += [("relation", arm, "question", SCENES, "final", 0.0, 1.0, 1, seed, LONGER) for arm in PAIRS]
    names = ("kind", "arm", "task", "scenes", "budget", "tie", "strength", "sees", "seed", "updates")
    return [dict(zip(names, values, strict=True), lr=LR) for values in plan]


@lru_cache(maxsize=1)
def data():
    """Tiles of five classes, all there are."""
    from course_utils.data.cifar import cifar10
    from course_utils.lessons.l10_3_2.scenes import tiles

    return tiles(cifar10(train=None, val=None, test=None, quiet=True))


@lru_cache(maxsize=5)
def scenes(tie: float = 0.0, strength: float = 1.0):
    """name -> scenes: pairs for stage 4, those of stage 5, validation, test, and a test where the tie has changed."""
    from course_utils.lessons.l10_3_2.scenes import compose

    splits, how = data(), dict(tie=tie, strength=strength, source=data().source)
    plan = {"pairs": ("train", SCENES, 11, 0), "train": ("train", SCENES, 12, 0), "val": ("val", VAL, 13, 0)}
    plan |= {"test": ("test", TEST, 14, 0), "changed": ("test", TEST, 15, 1)}
    if tie == 0 and strength == 1:
        del plan["changed"]
    else:
        del plan["pairs"]
    return {
        name: compose(getattr(splits, split), n, seed, shift=shift, **how)
        for name, (split, n, seed, shift) in plan.items()
    }


@lru_cache(maxsize=10)
def table(arm: str, tie: float, strength: float):
    """(the regions of all these scenes, first row of each part)."""
    import torch

    from course_utils.lessons.l10_3_2 import weights
    from course_utils.lessons.l10_3_2.stages import see

    detector, grid = weights.vision(arm)
    rows, first = [], {}
    for name, part in scenes(tie, strength).items():
        seen = see(detector, part, data().prepare, grid=grid)
        first[name] = sum(map(len, rows)) or 1
        rows.append(seen[1:] if rows else seen)
    return torch.cat(rows), first


@lru_cache(maxsize=6)
def started(arm: str, seed: int):
    """The reader of an arm as stage 5 gets it."""
    from course_utils.lessons.l10_3_2 import stages
    from course_utils.lessons.l10_3_2.reader import Reader

    if arm == "only 5" or arm in PAIRS:
        return Reader(seed=seed, pairs=arm != PAIRS[1])
    model = copy.deepcopy(read_alone(seed)) if arm != "without 3" else Reader(seed=seed)
    if arm != "without 4":
        rows, first = table(arm, 0.0, 1.0)
        parts = [(first[name], scenes()[name]) for name in ("pairs", "val", "val")]
        pairs = stages.captions(parts, data().source, web=True, seed=seed)
        stages.teach(model, pairs, rows, updates=STAGE4, lr=LR, seed=seed)
    return model


@lru_cache(maxsize=1)
def read_alone(seed: int):
    """Stage 3: a reader that has read text, and seen nothing."""
    import torch

    from course_utils.lessons.l10_3_2 import stages
    from course_utils.lessons.l10_3_2.detector import REGION
    from course_utils.lessons.l10_3_2.reader import Reader

    model, (text, _) = Reader(seed=seed), stages.stories(20_000, seed)
    stages.teach(model, text, torch.zeros(1, 1, REGION), updates=STAGE3, lr=LR, seed=seed)
    return model


def run_one(job: dict) -> Run:
    """Stage 5 with the settings `job`. `run.test` holds the share of captions that are complete, or of right answers;
    the config has them by kind (and for a prior, "changed colour": of colour answers where the tie has changed)."""
    from course_utils.lessons.l10_3_2 import stages
    from course_utils.lessons.l10_3_2.stages import ARMS

    seed, tie = job["seed"], (job["tie"], job["strength"])
    rows, first = table(ARMS[0] if job["arm"] in PAIRS else job["arm"], *tie)
    own, model = scenes(*tie), copy.deepcopy(started(job["arm"], seed))
    parts = [
        (first["train"], own["train"].take(job["scenes"])),
        (first["val"], own["val"]),
        (first["test"], own["test"]),
    ]
    seen = rows if job["sees"] else rows * 0
    teach = partial(stages.teach, model, updates=job["updates"], lr=LR, seed=seed, config={"scale": "desk", **job})
    if job["task"] == "caption":
        sentences = stages.captions(parts, data().source, seed=seed)
        run = teach(sentences, seen)
        scores, main = stages.judge_captions(model, seen, first["test"], own["test"]), "complete"
    else:
        only = {"kinds": ["relation"]} if job["kind"] == "relation" else {}
        sentences, kinds = stages.questions(parts, data().source, seed=seed, **only)
        run = teach(sentences, seen)
        scores, main = stages.judge_answers(model, sentences, kinds[2]), "overall"
        if "changed" in own:
            changed = [*parts[:2], (first["changed"], own["changed"])]
            sentences, kinds = stages.questions(changed, data().source, seed=seed, kinds=["colour"])
            scores["changed colour"] = stages.judge_answers(model, sentences, kinds[2])["overall"]
    run.config.update(scores)
    run.test = (run.val[-1][1], scores[main])
    if seed == SEEDS[0]:
        _keep(job, model)
    return run


# ------------------------------------------------------------------------------------------------- the models
def _keep(job: dict, model) -> None:
    import torch

    torch.save(model.state_dict(), _folder() / f"{_name(job)}.pt")


def _folder():
    folder = data_dir() / "recording" / "10.3.2-models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _name(job: dict) -> str:
    """What a reader is called in the scene table."""
    if job["kind"] == "prior":
        return f"tie {job['tie']:g}, strength {job['strength']:g}, sees {job['sees']}"
    return f"{job['arm']}, {job['task']}, {job['scenes']}, {job['budget']}"


def gather_readers():
    """Write the readers that the scene table uses."""
    import torch

    from course_utils.lessons.l10_3_2 import weights
    from course_utils.lessons.l10_3_2.reader import Reader
    from course_utils.lessons.l10_3_2.stages import ARMS

    names = {f"{arm}, {task}": f"{arm}, {task}, {SCENES}, final" for arm in ARMS[:5] for task in TASKS}
    names[f"{ARMS[0]}, question"] = f"{ARMS[0]}, question, {SCENES}, longer"
    names |= {f"tie {tie:g}, question": f"tie {tie:g}, strength 1, sees 1" for tie in (0.5, 0.9, 1.0)}
    names |= {"blind, question": "tie 0, strength 1, sees 0"}
    models = {name: Reader() for name in names}
    for name, model in models.items():
        model.load_state_dict(torch.load(_folder() / f"{names[name]}.pt", weights_only=True))
    return weights.save(weights.FOLDER / "10.3.2-readers.npz", models)


def stage_one():
    """Train the trunk on all tiles."""
    import torch

    from course_utils.lessons.l10_3_2.detector import TileNet
    from course_utils.schedules import one_cycle
    from course_utils.training import fit

    T, net = VISION["updates"], TileNet(seed=0)
    sgd = torch.optim.SGD(net.parameters(), lr=VISION["lr"], momentum=0.9, weight_decay=5e-4, nesterov=True)
    fit(net, data(), sgd, partial(one_cycle, peak=VISION["lr"], T=T), updates=T, batch_size=128, validate_every=None)
    return net


def record_vision(net=None):
    """Stages 1 and 2, and stage 2 without stage 1: trained, judged on test tiles and test scenes, written."""
    from course_utils.lessons.l10_3_2 import weights
    from course_utils.lessons.l10_3_2.detector import Detector, TileNet, detection_scores
    from course_utils.lessons.l10_3_2.scenes import compose
    from course_utils.lessons.l10_3_2.stages import see, teach_detector
    from course_utils.training import evaluate

    tiles, net = data(), net or stage_one()
    print("stage 1, test accuracy:", evaluate(net, tiles, "test")[1])
    models = {"stage 1": net}
    few, test = compose(tiles.train, VISION["scenes"], 10), compose(tiles.test, TEST, 14)
    for name, begin in (("stage 2", net), ("stage 2, without 1", TileNet(seed=1))):
        models[name] = Detector(copy.deepcopy(begin), seed=0)
        deque(teach_detector(models[name], few, tiles.prepare, updates=VISION["detector_updates"]), maxlen=0)
        print(name, detection_scores(see(models[name], test, tiles.prepare)[1:], test))
    return weights.save(weights.FOLDER / "10.3.2-vision.npz", models)


if __name__ == "__main__":
    print({"vision": record_vision, "readers": gather_readers}[sys.argv[1]]())
