"""Stages 3 to 5: one Transformer that reads what the detector sees and writes words.

Its inputs are whole numbers [B, 1 + L]: the number of a scene, then words. The regions of all scenes lie in a table
that the model holds; row 0 has none, so that a text without an image, or a question to a blind model, is scene 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import dropout

from course_utils.data.batches import Batches
from course_utils.data.splits import NOT_ASKED, Split
from course_utils.lessons.l10_3_2.detector import FEATURES, REGION
from course_utils.lessons.l10_3_2.grammar import HERE, HUES, LENGTH, MASK, NUMBER, START, WORDS
from course_utils.training.models import seeded

NAMED = [NUMBER[word] for word in (*HERE, *HUES)]  # the words for what a detector tells apart


def prefix_mask(present: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Who may look at whom, booleans [B, K + L, K + L]: row looks at column.

    present: [B, K], regions that count; words: [B, L]. Regions see each other; words see the regions and the words
    up to themselves. Where a word is hidden (<mask>) all words see all words: then it is to be guessed from both sides.
    """
    (B, K), L = present.shape, words.shape[1]
    allowed = torch.zeros(B, K + L, K + L, dtype=torch.bool, device=words.device)
    allowed[:, :, :K] = present[:, None, :]
    past = torch.ones(L, L, dtype=torch.bool, device=words.device).tril()
    gaps = (words == NUMBER[MASK]).any(1)[:, None, None] & (words != 0)[:, None, :]
    allowed[:, K:, K:] = past | gaps
    return allowed | torch.eye(K + L, dtype=torch.bool, device=words.device)


class Layer(nn.Module):
    """Attention with a mask, then two layers at each place, each after a LayerNorm and with a shortcut around it."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.weights = None  # of the last attention, [B, heads, K + L, K + L]

    def forward(self, x, allowed):
        B, n, width = x.shape
        parts = self.query_key_value(self.norm1(x)).view(B, n, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = (query @ key.transpose(-1, -2)).float() / (width // self.heads) ** 0.5
        weights = scores.masked_fill(~allowed[:, None], -torch.inf).softmax(-1)
        self.weights = weights.detach()
        gathered = self.out((weights.to(value.dtype) @ value).transpose(1, 2).reshape(B, n, width))
        x = x + dropout(gathered, 0.1, self.training)
        return x + dropout(self.narrow(torch.relu(self.widen(self.norm2(x)))), 0.1, self.training)


class Reader(nn.Module):
    """Regions and words in, logits [B, V, L] out. See the head of this file.

    A region's vector has three parts: a mixture of the vectors of the words that the detector would use for it, each
    as strong as it is likely; what two layers make of its numbers; and a sum over all other regions: what is there, and
    how far to the left or right, above or below. No part knows an order: regions may be given in any.
    """

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4, pairs: bool = True, seed: int | None = None):
        super().__init__()
        self.pairs = pairs
        self.register_buffer("table", torch.zeros(1, 1, REGION), persistent=False)

        def build():
            own = nn.Sequential(nn.Linear(REGION, width), nn.ReLU(), nn.Linear(width, width))
            other = nn.Sequential(nn.Linear(2 * (REGION - FEATURES) + 4, width), nn.ReLU(), nn.Linear(width, width))
            blocks = nn.ModuleList(Layer(width, heads) for _ in range(layers))
            words, places = nn.Embedding(len(WORDS), width), nn.Embedding(LENGTH, width)
            for table in (words, places):
                nn.init.normal_(table.weight, std=0.5)
            ends = dict(norm=nn.LayerNorm(width), say=nn.Linear(width, len(WORDS)))
            return nn.ModuleDict(dict(own=own, other=other, words=words, places=places, blocks=blocks, **ends))

        self.net = seeded(build, seed)

    def look(self, rows: torch.Tensor) -> torch.Tensor:
        """Regions [B, K, 109] -> their vectors [B, K, width]."""
        features, facts = rows[..., :FEATURES], rows[..., FEATURES:]
        features = dropout(features / 4, 0.5, self.training)  # else a few hundred scenes are learned by heart
        vectors = self.net["own"](torch.cat([features, 3 * facts], -1))
        vectors = vectors + facts[..., : len(NAMED)] @ self.net["words"].weight[NAMED]
        if self.pairs:
            B, K, _ = rows.shape
            mine, theirs = facts[:, :, None].expand(B, K, K, -1), facts[:, None].expand(B, K, K, -1)
            apart = (mine - theirs)[..., -4:-2]
            both = torch.cat([3 * mine, 3 * theirs, apart, (20 * apart).tanh()], -1)
            count = (rows[:, None, :, -1:] > 0) & ~torch.eye(K, dtype=torch.bool, device=rows.device)[None, :, :, None]
            vectors = vectors + (self.net["other"](both) * count).sum(2)
        return vectors

    def forward(self, inputs, rows=None):
        """rows: regions [B, K, 109] in place of those of the table."""
        words = inputs[:, 1:]
        rows = self.table[inputs[:, 0]] if rows is None else rows
        allowed = prefix_mask(rows[..., -1] > 0, words)
        vectors = self.net["words"](words) + self.net["places"].weight[: words.shape[1]]
        x = torch.cat([self.look(rows), vectors], 1)
        for block in self.net["blocks"]:
            x = block(x, allowed)
        return self.net["say"](self.net["norm"](x[:, rows.shape[1] :])).transpose(1, 2)


@dataclass
class Sentences:
    """Sentences for `train`: inputs int64 [N, 1 + L] (scene, words), labels int64 [N, L], -100 where nothing is asked.
    hide: the share of updates that hide words instead of asking for the next one (see `SentenceBatches`)."""

    train: Split
    val: Split
    test: Split
    source: str
    hide: float = 0.0
    is_real = True
    counted = "sentences"

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> SentenceBatches:
        return SentenceBatches(self, batch_size, seed, device)

    def prepare(self, inputs):
        return inputs


class SentenceBatches(Batches):
    """Batches of sentences. Every 1/hide-th of them has a third of its words hidden and asks for these alone.
    What is hidden follows from the batches before, so these trainings are not to be resumed from a checkpoint."""

    def __init__(self, data: Sentences, batch_size: int, seed: int, device):
        super().__init__(len(data.train), min(batch_size, len(data.train)), seed, "sentences")
        self.inputs, self.labels = data.train.inputs.to(device), data.train.labels.to(device)
        self.every, self.count = round(1 / data.hide) if data.hide else 0, 0
        self.random = torch.Generator().manual_seed(seed)

    def draw(self, generator: torch.Generator) -> None:
        super().draw(generator)
        self.order = self.order.to(self.inputs.device)  # once an epoch: a GPU does not wait in every update

    def cut(self, part: slice):
        rows = self.order[part]
        inputs, labels = self.inputs[rows], self.labels[rows]
        self.count += 1
        if not self.every or self.count % self.every:
            return inputs, labels
        words = inputs[:, 1:]
        hidden = (torch.rand(words.shape, generator=self.random) < 0.33).to(words.device) & (words > NUMBER[MASK])
        hidden[:, 1] |= ~hidden.any(1) & (words[:, 1] > NUMBER[MASK])
        guess = torch.cat([inputs[:, :1], words.masked_fill(hidden, NUMBER[MASK])], 1)
        return guess, words.masked_fill(~hidden, NOT_ASKED)


@torch.no_grad()
def write(model: Reader, rows: torch.Tensor, longest: int = 16) -> tuple[list[list[str]], torch.Tensor]:
    """Captions for regions [B, K, 109], the likeliest word each time; and for each word its attention to the regions,
    mean over heads in the last layer, [B, longest, K]."""
    model.eval()
    words = torch.full((len(rows), 2), NUMBER[START], device=rows.device)
    words[:, 0] = 0
    looks = []
    for _ in range(longest):
        with torch.no_grad():
            logits = model(words, rows)
        looks.append(model.net["blocks"][-1].weights.mean(1)[:, -1, : rows.shape[1]])
        words = torch.cat([words, logits[:, :, -1].argmax(1, keepdim=True)], 1)
        if ((words == NUMBER["."]).any(1)).all():
            break
    texts = [[WORDS[n] for n in row] for row in words[:, 2:].tolist()]
    return [text[: text.index(".") + 1] if "." in text else text for text in texts], torch.stack(looks, 1)


@torch.no_grad()
def reply(model: Reader, rows: torch.Tensor, question: list[str]) -> tuple[str, float]:
    """The likeliest answer to a question about one scene, and its probability. rows: [1, K, 109]."""
    model.eval()
    words = torch.tensor([[0, NUMBER[START], *(NUMBER[word] for word in question)]], device=rows.device)
    said = model(words, rows)[0, :, -1].float().softmax(0)
    return WORDS[int(said.argmax())], float(said.max())
