"""A small Transformer: from numbers of words to a prediction at every place (Vaswani et al. 2017, arXiv 1706.03762).

model = small_transformer(vocabulary=1000, length=64, causal=True, seed=0)
model(inputs)              # int64 [B, L] -> logits [B, V, L], as cross_entropy(model(inputs), labels) wants them
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as attention

from course_utils.checks import check_whole
from course_utils.training.models import seeded


class Attention(nn.Module):
    """Every place gathers from the places it may see; `heads` independent gatherings side by side."""

    def __init__(self, width: int, heads: int, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.query_key_value(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each [B, heads, L, width / heads]
        if x.device.type == "cpu":  # PyTorch's bfloat16 attention for CPUs is several times slower than float32's
            with torch.autocast("cpu", enabled=False):
                gathered = attention(query.float(), key.float(), value.float(), is_causal=self.causal)
        else:
            gathered = attention(query, key, value, is_causal=self.causal)
        return self.out(gathered.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    """Two layers at each place on its own, four times as wide in between."""

    def __init__(self, width: int):
        super().__init__()
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.narrow(torch.relu(self.widen(x)))


class Block(nn.Module):
    """Attention, then feed-forward, each with a shortcut. norm "pre": x + f(norm(x)); "post": norm(x + f(x))."""

    def __init__(self, width: int, heads: int, causal: bool, norm: str):
        super().__init__()
        self.pre = norm == "pre"
        self.attention, self.feed_forward = Attention(width, heads, causal), FeedForward(width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        for f, norm in ((self.attention, self.norm1), (self.feed_forward, self.norm2)):
            x = x + f(norm(x)) if self.pre else norm(x + f(x))
        return x


class Transformer(nn.Module):
    """See `small_transformer`."""

    def __init__(self, vocabulary: int, length: int, width: int, layers: int, heads: int, causal: bool, norm: str):
        super().__init__()
        self.length, self.by = length, math.sqrt(width)
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads, causal, norm) for _ in range(layers)))
        self.last_norm = nn.LayerNorm(width) if norm == "pre" else nn.Identity()  # "post" ends in one already
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=1 / self.by)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, inputs):
        if inputs.ndim != 2 or inputs.shape[1] > self.length:
            raise ValueError(
                f"inputs must be numbers of words, [B, L] with L <= {self.length}, got {list(inputs.shape)}."
            )
        x = self.words(inputs) + self.places.weight[: inputs.shape[1]]
        x = self.last_norm(self.blocks(x * self.by))
        # The table that turned words into vectors turns vectors back into words, as in the paper (section 3.4).
        return nn.functional.linear(x, self.words.weight, self.bias).transpose(1, 2)


def small_transformer(
    vocabulary: int,
    length: int = 64,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
    causal: bool = True,
    norm: str = "pre",
    seed: int | None = None,
) -> Transformer:
    """A Transformer of `layers` blocks; numbers of words [B, L <= length] -> logits [B, vocabulary, L].

    vocabulary: how many words there are, V >= 2. length: longest sequence, L >= 1. width: numbers that stand for one
        place, d_model, a multiple of `heads`. With the default sizes and V = 1000: 0.17 M parameters.
    causal: True, a place sees itself and those before it (a decoder, as GPT: predict the next word); False, all
        places (an encoder, as BERT: fill gaps).
    norm: "pre" normalises what goes into attention and feed-forward, the shortcut runs free from end to end (today's
        way); "post" normalises after the shortcut, as the original did: such a net needs warm-up
        (Xiong et al. 2020, arXiv 2002.04745).
    seed: fixes the initial weights without touching PyTorch's global random state.
    Raises ValueError for a size out of range.
    """
    sizes = {"vocabulary": (vocabulary, 2), "length": (length, 1), "width": (width, 1), "layers": (layers, 1),
             "heads": (heads, 1)}  # fmt: skip
    for name, (value, low) in sizes.items():
        check_whole(name, value, low)
    if width % heads:
        nearest = heads * (width // heads + 1)
        raise ValueError(f"width must be a multiple of heads = {heads}, got {width}. Try {nearest}.")
    if norm not in ("pre", "post"):
        raise ValueError(f'norm must be "pre" or "post", got {norm!r}. "pre" trains more easily.')
    return seeded(lambda: Transformer(vocabulary, length, width, layers, heads, bool(causal), norm), seed)
