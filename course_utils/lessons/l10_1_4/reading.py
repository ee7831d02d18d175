"""What a small BERT has learned: its loss on each kind of word it is asked for, and its guesses for gaps in a text."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from course_utils.data.splits import NOT_ASKED
from course_utils.data.text import MASK, TextData

KINDS = ("hidden", "left in place", "replaced")  # eight, one and one of ten asked words


def asked_places(text: TextData) -> dict[str, torch.Tensor]:
    """Kind -> bool [N, L]: where in the validation text words of this kind are asked for (see `hide_words`)."""
    seen, labels = text.val.inputs, text.val.labels
    left = seen == labels
    return dict(zip(KINDS, (seen == MASK, left, (labels != NOT_ASKED) & (seen != MASK) & ~left), strict=True))


def frequencies(text: TextData) -> torch.Tensor:
    """How frequent each word is in the training text (add-one smoothed), float [V]."""
    counts = torch.bincount(text.tokens, minlength=len(text.words)) + 1
    return counts / counts.sum()


def by_frequency(text: TextData) -> dict[str, float]:
    """Kind -> loss, in nats, of a guess that knows only how frequent each word is."""
    often = frequencies(text)
    return {kind: float(-often[text.val.labels[at]].log().mean()) for kind, at in asked_places(text).items()}


@torch.no_grad()
def by_reading(bert, text: TextData) -> dict[str, float]:
    """Kind -> loss of the model, in nats a word of this kind. The model is put into evaluation mode."""
    logits = bert.eval()(text.val.inputs.to(next(bert.parameters()).device)).float().cpu()
    return {
        kind: float(cross_entropy(logits, torch.where(at, text.val.labels, NOT_ASKED)))
        for kind, at in asked_places(text).items()
    }


@torch.no_grad()
def fill_gaps(bert, text: TextData, most: int = 10, gap: int = 16) -> list[list]:
    """Up to `most` places of the validation text whose neighbours are all known words: a row for each, with the text
    around the gap, the truth, the three best guesses (<unk> left out), the chance given to the truth, its frequency."""
    device, often, rows = next(bert.parameters()).device, frequencies(text), []
    whole = torch.where(text.val.labels == NOT_ASKED, text.val.inputs, text.val.labels)  # the text without its gaps
    known = (row for row in whole if (row[gap - 6 : gap + 6] > MASK).all())
    for row, _ in zip(known, range(most), strict=False):
        gapped, truth = row.clone(), int(row[gap])
        gapped[gap] = MASK
        chance = bert.eval()(gapped[None].to(device))[0, :, gap].float().softmax(0).cpu()
        guesses = "  ".join(text.words[guess] for guess in chance[1:].topk(3).indices + 1)
        around = f"{text.words_of(row[gap - 6 : gap])} [ ? ] {text.words_of(row[gap + 1 : gap + 6])}"
        rows.append([around, text.words[truth], guesses, float(chance[truth]), float(often[truth])])
    return rows
