"""The five stages as functions; each leaves out what an arm of the ablation leaves out."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from course_utils.data.splits import NOT_ASKED, Split
from course_utils.lessons.l10_3_2 import grammar
from course_utils.lessons.l10_3_2.detector import Detector, aims, detection_loss, grid_regions, regions
from course_utils.lessons.l10_3_2.grammar import LENGTH, NUMBER, START, numbers
from course_utils.lessons.l10_3_2.reader import Reader, Sentences, write
from course_utils.runs import Run
from course_utils.schedules import one_cycle
from course_utils.training import fit, pick

ARMS = ("all five", "without 1", "without 2", "without 3", "without 4", "only 5")


def teach_detector(detector: Detector, scenes, prepare, *, updates: int, lr=2e-3, batch_size=32, seed=0, compute=None):
    """Fine-tune a detector: a generator that yields (t, loss). AdamW, OneCycle; half of the batches are mirrored."""
    compute = compute or pick()
    compute.place(detector)
    aim = {name: value.to(compute.device) for name, value in aims(scenes).items()}
    mirror = {name: value.flip(-1).clone() for name, value in aim.items()}
    mirror["box"][:, 0] *= -1
    optimizer = torch.optim.AdamW(detector.parameters(), lr=lr, weight_decay=0.01)
    rng = np.random.default_rng(seed)
    for t in range(updates):
        optimizer.param_groups[0]["lr"] = one_cycle(t, peak=lr, T=updates)
        rows = torch.as_tensor(rng.choice(len(scenes), batch_size, replace=False))
        flip = rng.random() < 0.5
        images = scenes.images[rows].flip(-1) if flip else scenes.images[rows]
        detector.train()
        with compute.autocast():
            maps = detector(prepare(images.to(compute.device)))
        rows = rows.to(compute.device)
        loss = detection_loss(
            [part.float() for part in maps], {k: v[rows] for k, v in (mirror if flip else aim).items()}
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        yield t + 1, float(loss.detach())


@torch.no_grad()
def see(detector: Detector, scenes, prepare, *, grid: bool = False, compute=None) -> torch.Tensor:
    """The regions of all scenes, [1 + N, K, 109], float32 on the CPU; row 0 has none."""
    compute = compute or pick()
    compute.place(detector)
    look = grid_regions if grid else regions
    parts = [look(detector, prepare(part.to(compute.device))).cpu() for part in scenes.images.split(250)]
    rows = torch.cat(parts)
    return torch.cat([torch.zeros_like(rows[:1]), rows])


def _next_word(rows) -> Split:
    """Every next word is asked for. rows: (scene, words)."""
    full = torch.tensor([numbers([START, *words], LENGTH + 1) for _, words in rows])
    scene = torch.tensor([[number] for number, _ in rows])
    labels = full[:, 1:].clone()
    labels[labels == 0] = NOT_ASKED
    return _cut(torch.cat([scene, full[:, :-1]], 1), labels)


def _cut(inputs, labels) -> Split:
    longest = int((inputs[:, 1:] != 0).sum(1).max())
    return Split(inputs[:, : 1 + longest], labels[:, :longest])


def stories(n: int, seed: int) -> tuple[Sentences, float]:
    """Stage 3's text, and the lowest loss a word that any model could reach on it (nats)."""
    rng = np.random.default_rng(seed)
    texts = [grammar.story(rng) for _ in range(n + 400)]
    words = sum(len(text) for text, _ in texts)
    part = lambda rows: _next_word([(0, text) for text, _ in rows])  # noqa: E731
    text = Sentences(part(texts[:n]), part(texts[n : n + 200]), part(texts[n + 200 :]), "text of a small grammar")
    return text, sum(surprise for _, surprise in texts) / words


def captions(parts, source: str, *, web: bool = False, seed: int = 0) -> Sentences:
    """Captions of scenes. parts: three pairs (first row in the table, scenes). web: as they lie about (stage 4), with
    words hidden in every fourth update; else the right ones (stage 5)."""
    rng = np.random.default_rng(seed)
    tell = partial(grammar.web_caption, rng=rng) if web else grammar.caption
    splits = [_next_word([(first + i, tell(scenes.facts(i))) for i in range(len(scenes))]) for first, scenes in parts]
    return Sentences(*splits, source, hide=0.25 if web else 0.0)


def questions(parts, source: str, *, seed: int = 0, kinds=None) -> tuple[Sentences, list[list[str]]]:
    """One question a scene, its answer asked for after the question mark; and the kind of each, by split. kinds: those
    that are asked; a scene that allows none of them is passed over."""
    rng, splits, names_by_split = np.random.default_rng(seed), [], []
    for first, scenes in parts:
        rows, labels, names = [], [], []
        for i in range(len(scenes)):
            facts = scenes.facts(i)
            fitting = [kind for kind in kinds or grammar.KINDS if len(facts) > 1 or kind in grammar.KINDS[:3]]
            if not fitting:
                continue
            kind = fitting[rng.integers(len(fitting))]
            words, right, kind = grammar.question(facts, rng, kind)
            rows.append([first + i, *numbers([START, *words])])
            labels.append([NOT_ASKED] * len(words) + [NUMBER[right]] + [NOT_ASKED] * (LENGTH - len(words) - 1))
            names.append(kind)
        splits.append(_cut(torch.tensor(rows), torch.tensor(labels)))
        names_by_split.append(names)
    return Sentences(*splits, source), names_by_split


def teach(
    model: Reader, data: Sentences, table, *, updates: int, lr=2e-3, seed=0, batch_size=64, compute=None, config=None
) -> Run:
    """Train a reader on sentences about the scenes of a table; AdamW, OneCycle."""
    compute = compute or pick()
    model.table = table.to(compute.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    plan = dict(updates=updates, batch_size=min(batch_size, len(data.train)), seed=seed, augment=False)
    schedule = partial(one_cycle, peak=lr, T=updates)
    torch.manual_seed(seed)  # dropout draws from the global random numbers
    return fit(model, data, optimizer, schedule, validate_every=updates, compute=compute, config=config, **plan)


def judge_captions(model: Reader, table: torch.Tensor, first: int, scenes) -> dict[str, float]:
    """Shares of captions that are grammatical, true, complete, for the scenes from row `first` of the table on."""
    device = next(model.parameters()).device
    texts, _ = write(model, table[first : first + len(scenes)].to(device))
    verdicts = [grammar.judge(text, scenes.facts(i)) for i, text in enumerate(texts)]
    return {name: float(np.mean([verdict[name] for verdict in verdicts])) for name in verdicts[0]}


@torch.no_grad()
def judge_answers(model: Reader, data: Sentences, kinds, split: str = "test") -> dict[str, float]:
    """Share of right answers, in all and by kind of question."""
    part, device = getattr(data, split), next(model.parameters()).device
    model.eval()
    wanted = part.labels != NOT_ASKED
    said = torch.cat([model(inputs.to(device)).argmax(1).cpu() for inputs in part.inputs.split(500)])
    right = ((said == part.labels) & wanted).any(1).numpy()
    kinds = np.array(kinds)
    return {"overall": float(right.mean())} | {str(k): float(right[kinds == k].mean()) for k in np.unique(kinds)}
