"""Stages 1 and 2: a trunk that classifies tiles, then the same trunk with heads that find things in scenes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, cross_entropy, max_pool2d, smooth_l1_loss

from course_utils.lessons.l10_3_2.scenes import COLORS, NOUNS, SIDE
from course_utils.training.models import seeded

STRIDE, FEATURES = 8, 96  # pixels between two places of the trunk's map; its channels
SEEN, REGIONS = 0.3, 4  # a region counts from this score on; regions kept of a scene
REGION = FEATURES + len(NOUNS) + len(COLORS) + 4  # numbers a region has


def trunk(seed: int | None = None) -> nn.Sequential:
    """Four 3x3 convolutions, images [N, 3, H, W] -> [N, 96, H / 8, W / 8]."""

    def build():
        layers, widths = [], (3, 24, 48, FEATURES, FEATURES)
        for k, (cin, cout) in enumerate(zip(widths, widths[1:], strict=False)):
            shrink = [nn.MaxPool2d(2)] if k < 3 else []
            layers += [nn.Conv2d(cin, cout, 3, padding=1, bias=False), *shrink, nn.BatchNorm2d(cout), nn.ReLU()]
        return nn.Sequential(*layers)

    return seeded(build, seed)


class TileNet(nn.Module):
    """Stage 1: trunk, mean over the map, a linear classifier. Images [N, 3, 32, 32] -> logits [N, 5]."""

    def __init__(self, seed: int | None = None):
        super().__init__()
        self.trunk, self.classify = trunk(seed), seeded(lambda: nn.Linear(FEATURES, len(NOUNS)), seed)

    def forward(self, images):
        return self.classify(self.trunk(images).mean((2, 3)))


class Detector(nn.Module):
    """Stage 2: at every place of the trunk's map a score, a noun, a colour and a box. It begins as a TileNet: its
    trunk, and its linear classifier as a 1x1 convolution on features that are averaged over 3x3 places."""

    def __init__(self, tile_net: TileNet, seed: int | None = None):
        super().__init__()
        self.trunk, self.noun = tile_net.trunk, nn.Conv2d(FEATURES, len(NOUNS), 1)
        with torch.no_grad():
            self.noun.weight.copy_(tile_net.classify.weight[:, :, None, None])
            self.noun.bias.copy_(tile_net.classify.bias)
        self.color = seeded(lambda: nn.Conv2d(FEATURES, len(COLORS), 1), seed)
        self.place = seeded(lambda: nn.Conv2d(FEATURES, 4, 3, padding=1), seed)  # score, dx, dy, ln(side / 29)
        nn.init.constant_(self.place.bias[:1], -3.0)  # nearly every place is ground

    def forward(self, images):
        """Normalised images [N, 3, H, W] -> maps: features, noun, color, place."""
        features = self.trunk(images)
        around = avg_pool2d(features, 3, 1, 1, count_include_pad=False)
        return around, self.noun(around), self.color(around), self.place(features)


def aims(scenes) -> dict[str, torch.Tensor]:
    """What the maps should say: score [N, 10, 10] (1 at the centre's place, -1 around it: not asked), and noun,
    color, box at every asked place around a centre (-100 elsewhere)."""
    n, cells = len(scenes), SIDE // STRIDE
    score, noun = torch.zeros(n, cells, cells), torch.full((n, cells, cells), -100)
    color, box = noun.clone(), torch.zeros(n, 3, cells, cells)
    for i, k in torch.nonzero(scenes.nouns >= 0).tolist():
        x, y, side = scenes.boxes[i, k].tolist()
        column, row = int(x // STRIDE), int(y // STRIDE)
        for v in range(max(0, row - 1), min(cells, row + 2)):
            for u in range(max(0, column - 1), min(cells, column + 2)):
                if (v, u) != (row, column) and score[i, v, u] != 0:  # a neighbour's centre, or its surroundings
                    continue
                score[i, v, u] = 1.0 if (v, u) == (row, column) else -1.0
                noun[i, v, u], color[i, v, u] = scenes.nouns[i, k], scenes.colors[i, k]
                at = ((x - (u + 0.5) * STRIDE) / STRIDE, (y - (v + 0.5) * STRIDE) / STRIDE)
                box[i, :, v, u] = torch.tensor([*at, torch.tensor(side / 29).log()])
    return dict(score=score, noun=noun, color=color, box=box)


def detection_loss(maps, aim) -> torch.Tensor:
    """Four losses in one: is something here, which noun, which colour, where exactly."""
    _, noun, color, place = maps
    wanted = aim["score"] >= 0
    weight = 1 + 4 * (aim["score"] == 1).float()
    score = binary_cross_entropy_with_logits(place[:, 0], aim["score"].clamp(0), weight, reduction="none")[
        wanted
    ].mean()
    near = aim["noun"] >= 0
    boxes = smooth_l1_loss(place[:, 1:].movedim(1, -1)[near], aim["box"].movedim(1, -1)[near])
    return 4 * score + cross_entropy(noun, aim["noun"]) + cross_entropy(color, aim["color"]) + boxes


@torch.no_grad()
def regions(detector: Detector, images: torch.Tensor, keep: int = REGIONS) -> torch.Tensor:
    """What a detector sees: [N, keep, 109], the best-scored places first.

    A row: 96 features, probabilities of 5 nouns and 4 colours, centre x, y and side (0 to 1, shares of the scene's),
    score. Places are peaks of the score among their 3x3 neighbours. A region below SEEN is all zero.
    """
    detector.eval()
    around, noun, color, place = (part.float() for part in detector(images))
    score = place[:, 0].sigmoid()
    n, height, width = score.shape
    peak = torch.where(max_pool2d(score[:, None], 3, 1, 1)[:, 0] == score, score, torch.zeros_like(score))
    best, cell = peak.flatten(1).topk(keep)
    x, y = (cell % width + 0.5) * STRIDE, (cell // width + 0.5) * STRIDE
    parts = torch.cat([around, noun.softmax(1), color.softmax(1), place[:, 1:]], 1).flatten(2)
    at = parts.gather(2, cell[:, None].expand(-1, parts.shape[1], -1)).transpose(1, 2)
    dx, dy, side = at[..., -3:].unbind(-1)
    box = torch.stack([x + STRIDE * dx, y + STRIDE * dy, 29 * side.clamp(-1, 1).exp()], -1) / SIDE
    rows = torch.cat([at[..., :-3], box, best[..., None]], -1)
    return rows * (best[..., None] >= SEEN)


@torch.no_grad()
def grid_regions(detector: Detector, images: torch.Tensor) -> torch.Tensor:
    """What there is without stage 2: the map cut into 3x3 parts, [N, 9, 109]; each has its mean features, stage 1's
    nouns, no colour, a fixed box, and counts always."""
    detector.eval()
    features = detector.trunk(images).float()
    means = nn.functional.adaptive_avg_pool2d(features, 3)
    noun = detector.noun(means).softmax(1).flatten(2).transpose(1, 2)
    means = means.flatten(2).transpose(1, 2)
    step = (torch.arange(3, device=images.device) + 0.5) / 3
    y, x = torch.meshgrid(step, step, indexing="ij")
    box = torch.stack([x.flatten(), y.flatten(), torch.full_like(x.flatten(), 1 / 3), torch.ones(9).to(x)], -1)
    nothing = torch.zeros(len(images), 9, len(COLORS), device=images.device)
    return torch.cat([means, noun, nothing, box.expand(len(images), -1, -1)], -1)


# ------------------------------------------------------------------------------------------------- average precision
def overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes (centre x, centre y, side): [n, 3], [m, 3] -> [n, m]."""
    low = torch.maximum((a[:, :2] - a[:, 2:] / 2)[:, None], (b[:, :2] - b[:, 2:] / 2)[None])
    high = torch.minimum((a[:, :2] + a[:, 2:] / 2)[:, None], (b[:, :2] + b[:, 2:] / 2)[None])
    both = (high - low).clamp(0).prod(-1)
    return both / (a[:, 2:] ** 2 + (b[:, 2] ** 2)[None] - both)


def average_precision(detections, truth, least: float = 0.5) -> float:
    """Area under the precision-recall curve, all points, precisions made falling; NaN without objects.

    detections: a list of (scene, score, box [3]); truth: scene -> boxes [m, 3]. Best score first, each truth is
    found once: a second box on it is wrong, as is one whose overlap with every free truth is below `least`.
    """
    total = sum(len(boxes) for boxes in truth.values())
    if not total:
        return float("nan")
    free = {scene: torch.ones(len(boxes), dtype=torch.bool) for scene, boxes in truth.items()}
    right = []
    for scene, _, box in sorted(detections, key=lambda row: -row[1]):
        hit = False
        if len(truth.get(scene, ())):
            best = overlap(box[None], truth[scene])[0] * free[scene]
            k = int(best.argmax())
            hit = float(best[k]) >= least
            free[scene][k] &= not hit
        right.append(hit)
    right = torch.tensor(right, dtype=torch.float64)
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    precision = precision.flip(0).cummax(0).values.flip(0) if len(right) else precision
    return float((precision * right).sum() / total)


def detection_scores(rows: torch.Tensor, scenes) -> dict[str, float]:
    """mAP (mean over nouns of the average precision), AP of boxes alone, and the shares of right nouns and colours
    among regions that lie on an object. rows: `regions`."""
    rows, nouns = rows.cpu(), rows[..., FEATURES : FEATURES + len(NOUNS)].cpu()
    box, score = rows[..., -4:-1] * SIDE, rows[..., -1]
    truth = {i: scenes.boxes[i][scenes.nouns[i] >= 0] for i in range(len(scenes))}
    places = [(i, k) for i in range(len(rows)) for k in range(rows.shape[1]) if score[i, k] > 0]
    alone = average_precision([(i, float(score[i, k]), box[i, k]) for i, k in places], truth)
    by_noun = []
    for noun in range(len(NOUNS)):
        detections = [(i, float(score[i, k] * nouns[i, k, noun]), box[i, k]) for i, k in places]
        own = {i: scenes.boxes[i][scenes.nouns[i] == noun] for i in range(len(scenes))}
        by_noun.append(average_precision(detections, own))
    right = []
    colors = rows[..., FEATURES + len(NOUNS) : -4]
    for i, k in places:
        near = overlap(box[i, k][None], scenes.boxes[i])[0] * (scenes.nouns[i] >= 0)
        if float(near.max()) >= 0.5:
            j = int(near.argmax())
            right.append([nouns[i, k].argmax() == scenes.nouns[i, j], colors[i, k].argmax() == scenes.colors[i, j]])
    noun, color = torch.tensor(right).float().mean(0).tolist() if right else (float("nan"), float("nan"))
    return dict(map=sum(by_noun) / len(by_noun), ap=alone, noun=noun, color=color)
