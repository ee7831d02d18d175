"""What the small BERT reads: asked words by kind, the loss on each, and guesses for gaps."""

import pytest
import torch

from course_utils.data import python_text
from course_utils.lessons.l10_1_4 import asked_places, by_frequency, by_reading, fill_gaps
from course_utils.lessons.l10_1_4.record_reader import jobs
from course_utils.runs import recorded


@pytest.fixture(scope="module")
def text():
    return python_text("masked", length=32, vocabulary=500)


class Knows(torch.nn.Module):
    """Puts all its trust in one word, whatever stands there; None: in the word that it sees."""

    def __init__(self, word=None):
        super().__init__()
        self.word, self.weight = word, torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        trusted = inputs if self.word is None else torch.full_like(inputs, self.word)
        return 20.0 * torch.nn.functional.one_hot(trusted, 500).float().transpose(1, 2)


def test_every_asked_word_is_of_one_kind(text):
    hidden, left, replaced = asked_places(text).values()
    asked = text.val.labels != -100
    assert torch.equal(hidden.int() + left.int() + replaced.int(), asked.int())
    shares = [float(kind.sum() / asked.sum()) for kind in (hidden, left, replaced)]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.05)


def test_the_kinds_together_are_the_unigram_loss(text):
    losses, places = by_frequency(text), asked_places(text)
    whole = sum(losses[kind] * int(places[kind].sum()) for kind in losses) / sum(int(p.sum()) for p in places.values())
    assert whole == pytest.approx(text.unigram_loss(), rel=1e-4)


def test_who_copies_knows_the_words_left_in_place_only(text):
    losses = by_reading(Knows(), text)
    assert losses["left in place"] < 1e-3 and losses["hidden"] > 15 and losses["replaced"] > 15


def test_gaps_have_a_truth_and_a_chance(text):
    rows = fill_gaps(Knows(word=7), text, most=3)
    assert len(rows) == 3
    for around, truth, guesses, chance, frequency in rows:
        assert around.count("[ ? ]") == 1 and guesses.split("  ")[0] == text.words[7]
        assert 0 < frequency < 1 and (chance > 0.9) == (truth == text.words[7])


def test_the_recorded_reader_copies_first_and_reads_later():
    (run,), (job,) = recorded("10.1.4-reader"), jobs()
    assert (run.seed, run.config["updates"]) == (job["seed"], job["updates"])
    reading = run.config["reading"]
    assert len(reading) == len(run.val) == 10 and len(run.config["gaps"]) == 10
    begun, done = reading[0], reading[-1]
    assert begun[1] < 2 and done[0] < begun[0] - 0.3, "hidden words come last"
