"""Text to train language models on, without a download: the language reference that every Python carries in itself.

    data = python_text("next", length=64)      # predict the next word; "masked": predict words that were hidden
    data.train.inputs                           # [N, 64], numbers of words
    data.words_of(data.train.inputs[0])         # back to words

It goes into `train` and `fit` as images do. About 70,000 words, so a model of a few layers learns it in a minute.
"""

from __future__ import annotations

import importlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from course_utils.checks import check_whole, check_within
from course_utils.data.batches import Batches
from course_utils.data.splits import NOT_ASKED, Split

UNKNOWN, MASK = 0, 1  # the numbers of <unk> (a word outside the vocabulary) and <mask> (a hidden word)
TASKS = ("next", "masked")
SOURCE = "Python's language reference"
BLOCKS = 100  # the text is cut into so many contiguous pieces; every tenth one is for validation


@dataclass
class TextData:
    """A text cut into training and validation sequences; made by `python_text`.

    train, val: inputs int64 [N, L], numbers of words; labels int64 [N, L], the word that should be predicted at each
    place, -100 where nothing is asked.
    words: the vocabulary, V words by number; 0 is <unk>, 1 is <mask>. tokens: int64, the training text in one row.
    task: "next" or "masked". length: words in a sequence, L. source: which text it is.
    """

    train: Split
    val: Split
    words: tuple[str, ...]
    tokens: torch.Tensor
    task: str
    length: int
    source: str
    is_real = True
    counted = "sequences"  # what a record calls the training examples

    def batches(self, batch_size: int, *, seed: int, augment: bool, device) -> TextBatches:
        """The training batches of one run (see `TextBatches`)."""
        return TextBatches(self, batch_size, seed=seed, augment=augment, device=device)

    def prepare(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs as the model wants them: numbers of words, as they are."""
        return inputs

    def banner(self) -> str:
        """One line for pictures and records that says what the text is."""
        return self.source

    def words_of(self, numbers: Sequence[int]) -> str:
        """Numbers of words -> one line of text. Raises ValueError for a number outside 0 .. V - 1."""
        numbers, V = [int(n) for n in numbers], len(self.words)
        if wrong := [n for n in numbers if not 0 <= n < V]:
            raise ValueError(f"{wrong[0]} is no word: the numbers go from 0 to {V - 1}.")
        return joined([self.words[n] for n in numbers])

    def numbers_of(self, text: str) -> torch.Tensor:
        """Text -> int64 [number of words]; words outside the vocabulary become <unk>."""
        number = {word: n for n, word in enumerate(self.words)}
        return torch.tensor([number.get(word, UNKNOWN) for word in tokenize(text)], dtype=torch.int64)

    def unigram_loss(self) -> float:
        """Mean cross-entropy, in nats a word, on the validation labels for a guess that never looks at the context:
        every word as likely as it is frequent in the training text (add-one smoothed). A model that has learned
        anything about the order of words lies below it; ln V is what knowing nothing costs."""
        counts = torch.bincount(self.tokens, minlength=len(self.words)).double() + 1
        labels = self.val.labels[self.val.labels != NOT_ASKED]
        return float(-(counts / counts.sum()).log()[labels].mean())


def python_text(task: str = "next", length: int = 64, vocabulary: int = 1000, seed: int = 0) -> TextData:
    """Python's language reference as sequences. Raises ValueError for numbers out of range, and where it is missing.

    task: "next", predict every next word from those before it (GPT; causal=True in `small_transformer`); or
        "masked", predict hidden words from both sides (BERT; causal=False). See `hide_words`.
    length: words in a sequence, 2 to 1024. vocabulary: the most frequent words that get a number, the two special
        ones included, 10 to about 3,000; every other word is <unk>. Words are lower-cased, punctuation counts as
        words, repeated paragraphs are left out.
    seed: which words of the validation text are hidden (task "masked"); fixed once, so that validations compare.

    The text is cut into 100 pieces; every tenth is for validation, and no paragraph occurs twice, so nothing of it is
    seen in training. The text differs a little from one Python version to the next.
    """
    if task not in TASKS:
        raise ValueError(f'task must be "next" (predict the next word) or "masked" (fill gaps), got {task!r}.')
    check_whole("length", length, 2, 1024)
    check_whole("vocabulary", vocabulary, 10, 100_000)
    check_whole("seed", seed, 0, 2**32 - 1)
    text = _text()
    train, val = split_blocks(text)
    if min(len(train) // length, len(val) // length) < 2:
        raise ValueError(f"length = {length}: too long for a text of {len(text)} words. 64 is a good length.")
    counts = Counter(train).most_common(vocabulary - 2)
    if len(counts) < vocabulary - 2:
        raise ValueError(f"vocabulary must be in [10, {len(counts) + 2}] (words of this text), got {vocabulary}.")
    words = ("<unk>", "<mask>", *(word for word, _ in counts))
    number = {word: n for n, word in enumerate(words)}
    train, val = (torch.tensor([number.get(word, UNKNOWN) for word in part]) for part in (train, val))
    splits = [
        Split(*_asked(_cut(part, length), task, len(words), torch.Generator().manual_seed(seed)))
        for part in (train, val)
    ]
    return TextData(*splits, words, train, task, length, SOURCE)


class TextBatches(Batches):
    """Batches of a training text: cut anew each epoch, shuffled; for the task "masked", other words are hidden.

    augment: where the first sequence begins is drawn for each epoch (as an image is cropped at another place); False
    cuts the text always at the same places. `get` gives inputs and labels, each int64 [B, L].
    """

    def __init__(self, data: TextData, batch_size: int, *, seed: int, augment: bool, device):
        super().__init__(len(data.tokens) // data.length - 1, batch_size, seed, "sequences")  # n: wherever they begin
        self.data, self.augment, self.device = data, augment, device

    def draw(self, generator: torch.Generator) -> None:
        super().draw(generator)
        data = self.data
        begin = int(torch.randint(data.length, (), generator=generator)) if self.augment else 0
        rows = _cut(data.tokens, data.length, begin)[self.order]
        inputs, labels = _asked(rows, data.task, len(data.words), generator)
        self.note(labels)
        self.inputs, self.labels = inputs.to(self.device), labels.to(self.device)

    def cut(self, part: slice) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inputs[part], self.labels[part]


def hide_words(tokens: torch.Tensor, vocabulary: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's task (Devlin et al. 2018, arXiv 1810.04805, section 3.1): tokens [N, L] -> inputs, labels [N, L].

    15 % of the places are chosen. There the model sees <mask> (80 %), a random word (10 %) or the word itself (10 %)
    and is asked for the word; everywhere else the label is -100. Raises ValueError for a vocabulary below 3.
    """
    check_whole("vocabulary", vocabulary, MASK + 2, 2**31)
    chosen = torch.rand(tokens.shape, generator=generator) < 0.15
    how = torch.rand(tokens.shape, generator=generator)
    random = torch.randint(MASK + 1, vocabulary, tokens.shape, generator=generator)
    inputs = torch.where(chosen & (how < 0.8), MASK, tokens)
    inputs = torch.where(chosen & (how >= 0.9), random, inputs)
    return inputs, torch.where(chosen, tokens, NOT_ASKED)


@torch.no_grad()
def continue_text(model, data: TextData, prompt: str, words: int = 40, temperature: float = 0.7, seed: int = 0) -> str:
    """Let a model trained on the task "next" write on: `words` words after `prompt`, drawn one at a time.

    temperature: the logits are divided by it, 0.01 to 10; below 1 likelier words are preferred. seed: of the draws.
    Returns prompt and continuation; <unk> is never drawn.
    """
    if data.task != "next":
        raise ValueError(f'continue_text needs the task "next", this text was made for {data.task!r}.')
    check_whole("words", words, 1, 10_000)
    check_whole("seed", seed, 0, 2**32 - 1)
    check_within("temperature", temperature, 0.01, 10, hint="0.7 reads well.")
    row = data.numbers_of(prompt)
    if not len(row):
        raise ValueError(f"prompt = {prompt!r}: give at least one word to go on from.")
    device, modes = next(model.parameters()).device, [(module, module.training) for module in model.modules()]
    generator = torch.Generator().manual_seed(seed)
    model.eval()
    try:
        for _ in range(words):
            logits = model(row[None, -data.length :].to(device))[0, :, -1].float().cpu() / temperature
            logits[[UNKNOWN, MASK]] = -math.inf
            row = torch.cat([row, torch.multinomial(logits.softmax(0), 1, generator=generator)])
    finally:
        for module, mode in modes:
            module.training = mode
    return data.words_of(row)


# ------------------------------------------------------------------------------------------- from text to numbers
def tokenize(text: str) -> list[str]:
    """Lower-cased words (names and numbers too) and single punctuation marks, in order; <unk> and <mask> stay whole."""
    return re.findall(r"<unk>|<mask>|[^\W\d]\w*|\d+|[^\w\s]", text.lower())


def joined(words: Sequence[str]) -> str:
    """Words -> one line, without a space before closing and after opening marks."""
    line = re.sub(r" ([.,:;!?)\]}])", r"\1", " ".join(words))
    return re.sub(r"([(\[{]) ", r"\1", line)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each once, without underlines and table borders."""
    bare = (re.sub(r"[^\w\s]{3,}", " ", part) for part in re.split(r"\n\s*\n", text))
    return list(dict.fromkeys(" ".join(part.split()) for part in bare if part.strip()))


def split_blocks(text: Sequence) -> tuple[list, list]:
    """(training, validation): 100 contiguous blocks, of which every tenth, from the fifth on, is for validation."""
    train, val = [], []
    for block in range(BLOCKS):
        part = text[block * len(text) // BLOCKS : (block + 1) * len(text) // BLOCKS]
        (val if block % 10 == 4 else train).extend(part)
    return train, val


@lru_cache
def _text() -> tuple[str, ...]:
    """The words of the text."""
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except (ImportError, AttributeError):
        raise ValueError(f"{SOURCE} is not in this Python. Install pydoc_data (libpython3-stdlib on Debian).") from None
    return tuple(tokenize("\n".join(paragraphs("\n\n".join(topics[key] for key in sorted(topics))))))


def _cut(tokens: torch.Tensor, length: int, begin: int = 0) -> torch.Tensor:
    """[N, length + 1], one sequence behind the other from place `begin` (< length) on; the last word of each row is the
    first of the next. N is the same for every `begin`."""
    n = len(tokens) // length - 1
    return tokens[begin:].unfold(0, length + 1, length)[:n]


def _asked(rows: torch.Tensor, task: str, vocabulary: int, generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of length + 1 words -> what the model sees and what it is asked for, [N, length] each."""
    if task == "next":
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
    return hide_words(rows[:, :-1], vocabulary, generator)
