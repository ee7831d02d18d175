"""The text that ships with Python: tokens, split, sequences, batches, and that `train` takes it as it takes images."""

import asyncio
import math
import sys
from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_utils.data import text
from course_utils.data.splits import NOT_ASKED
from course_utils.data.text import (
    MASK,
    UNKNOWN,
    continue_text,
    hide_words,
    paragraphs,
    python_text,
    split_blocks,
    tokenize,
)
from course_utils.schedules import cosine
from course_utils.steering.panel import live_training
from course_utils.training.compute import pick
from course_utils.training.loop import evaluate, fit, train
from course_utils.training.transformer import small_transformer

CPU = pick("cpu", "float32")
NEXT, MASKED = python_text("next", length=16, vocabulary=200), python_text("masked", length=16, vocabulary=200)
BOTH = pytest.mark.parametrize("data", [NEXT, MASKED], ids=["next", "masked"])


def model_for(data):
    return small_transformer(200, 16, width=8, layers=1, heads=2, causal=data.task == "next", seed=0)


def short(data, model=None, **more):
    model = model or model_for(data)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    more = {"updates": 8, "batch_size": 8, "validate_every": None, "compute": CPU, **more}
    return model, fit(model, data, optimizer, partial(cosine, peak=3e-3, T=more["updates"]), **more)


def weights(model):
    return [w.clone() for w in model.state_dict().values()]


# ------------------------------------------------------------------------------------------------------ words
def test_tokenize_and_back():
    assert tokenize("The x_1 isn't 42, OK?") == ["the", "x_1", "isn", "'", "t", "42", ",", "ok", "?"]
    assert tokenize("a <mask> <unk>") == ["a", "<mask>", "<unk>"]
    assert NEXT.words_of(NEXT.numbers_of("The class (object), is a type.")) == "the class (object), is a type."
    assert NEXT.words_of(NEXT.numbers_of("the zebra")) == "the <unk>"
    assert NEXT.words_of([MASK, UNKNOWN]) == "<mask> <unk>"
    assert NEXT.words_of(NEXT.train.inputs[0]) and NEXT.numbers_of("").shape == (0,)


def test_repeated_paragraphs_and_ornaments_go():
    assert paragraphs("Title\n*****\n\na  b\nc\n\nother\n\na b\nc\n\n-----\n") == ["Title", "a b c", "other"]


def test_vocabulary_is_the_most_frequent_training_words():
    assert NEXT.words[:2] == ("<unk>", "<mask>") and len(set(NEXT.words)) == 200
    counts = torch.bincount(NEXT.tokens, minlength=200)
    assert counts[MASK] == 0 and (counts[2:-1] >= counts[3:]).all() and counts[-1] > 0
    assert "the" in NEXT.words[2:6]


def test_validation_is_text_that_training_never_sees():
    """Blocks are contiguous, whole and apart; and hardly any run of eight words occurs on both sides."""
    train_part, val_part = split_blocks(list(range(1000)))
    assert sorted(train_part + val_part) == list(range(1000))
    assert val_part == [n for n in range(1000) if n // 10 % 10 == 4]
    words = text._text()
    train_part, val_part = split_blocks(words)

    def runs_of_8(part):
        return {tuple(part[i : i + 8]) for i in range(len(part) - 7)}

    ours = runs_of_8(val_part)
    assert len(ours & runs_of_8(train_part)) < 0.1 * len(ours)


# -------------------------------------------------------------------------------------------------- sequences
def test_next_word_labels_are_the_inputs_moved_on():
    assert NEXT.train.inputs.shape == NEXT.train.labels.shape == (len(NEXT.train), 16)
    assert torch.equal(NEXT.train.inputs.flatten()[1:], NEXT.train.labels.flatten()[:-1])
    assert torch.equal(NEXT.train.inputs.flatten(), NEXT.tokens[: 16 * len(NEXT.train)])
    assert len(NEXT.val) > 100 and NEXT.val.inputs.dtype == NEXT.val.labels.dtype == torch.int64


def test_masking_follows_berts_rule():
    tokens = torch.randint(2, 1000, (400, 64), generator=torch.Generator().manual_seed(1))
    inputs, labels = hide_words(tokens, 1000, torch.Generator().manual_seed(2))
    hidden_places = labels != NOT_ASKED
    assert torch.equal(labels[hidden_places], tokens[hidden_places]) and torch.equal(
        inputs[~hidden_places], tokens[~hidden_places]
    )
    assert float(hidden_places.float().mean()) == pytest.approx(0.15, abs=0.01)
    seen, hidden = inputs[hidden_places], tokens[hidden_places]
    assert float((seen == MASK).float().mean()) == pytest.approx(0.8, abs=0.03)
    assert float((seen == hidden).float().mean()) == pytest.approx(0.1, abs=0.02)
    random = seen[(seen != MASK) & (seen != hidden)]
    assert random.min() > MASK and random.max() < 1000 and len(random.unique()) > 100


def test_validation_masks_are_fixed_by_the_seed():
    again, other = (python_text("masked", 16, 200, seed=s) for s in (0, 1))
    assert torch.equal(MASKED.val.inputs, again.val.inputs) and torch.equal(MASKED.val.labels, again.val.labels)
    assert not torch.equal(MASKED.val.labels, other.val.labels)


def test_unigram_loss_is_between_a_trained_model_and_knowing_nothing():
    assert 3 < NEXT.unigram_loss() < math.log(200)
    frequencies = torch.bincount(NEXT.tokens, minlength=200) + 1.0
    logits = frequencies.log().view(1, -1, 1).expand(len(NEXT.val), -1, 16)
    assert NEXT.unigram_loss() == pytest.approx(float(cross_entropy(logits, NEXT.val.labels)), rel=1e-4)
    assert abs(MASKED.unigram_loss() - NEXT.unigram_loss()) < 0.3


# ---------------------------------------------------------------------------------------------------- batches
@BOTH
def test_batches_depend_on_seed_and_epoch_only(data):
    def batch(t, seed=0, augment=True):
        return data.batches(8, seed=seed, augment=augment, device="cpu").get(t)

    whole = data.batches(8, seed=0, augment=True, device="cpu")
    n = len(whole)
    assert n == len(data.train) // 8
    later = whole.get(n + 3)
    for x, y in zip(later, batch(n + 3), strict=True):  # out of order, as a resumed run asks
        assert torch.equal(x, y) and x.shape == (8, 16)
    assert not torch.equal(batch(0)[0], batch(0, seed=1)[0]) and not torch.equal(batch(0)[0], batch(n)[0])


def test_an_epoch_shows_every_sequence_once():
    batches = NEXT.batches(1, seed=3, augment=False, device="cpu")
    seen = torch.cat([batches.get(t)[0] for t in range(len(batches))])
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, NEXT.train.inputs.tolist()))


def test_augmentation_cuts_at_another_place():
    rows = set(map(tuple, NEXT.train.inputs.tolist()))
    batches = NEXT.batches(len(NEXT.train), seed=0, augment=True, device="cpu")
    same_rows = [sum(tuple(row) in rows for row in batches.get(epoch)[0].tolist()) for epoch in range(4)]
    assert min(same_rows) < len(rows) / 2
    x, y = batches.get(0)
    assert torch.equal(x[:, 1:], y[:, :-1])


def test_the_masked_words_change_every_epoch():
    batches = MASKED.batches(len(MASKED.train), seed=0, augment=False, device="cpu")
    hidden_places = [{tuple(y) for y in batches.get(epoch)[1].tolist()} for epoch in (0, 1)]
    assert len(hidden_places[0] & hidden_places[1]) < 0.2 * len(hidden_places[0])


# -------------------------------------------------------------------------------- the course's own training loop
@BOTH
def test_fit_learns_and_records(data):
    model, record = short(data, updates=60, batch_size=32, validate_every=30)
    assert record.status == "finished" and [v[0] for v in record.val] == [30, 60]
    assert record.source == data.source and record.config["sequences"] == len(data.train)
    assert record.val[-1][1] < record.val[0][1] and record.val[-1][1:] == evaluate(model, data, "val", CPU)


def test_evaluate_counts_only_what_is_asked():
    model = model_for(MASKED)
    loss, accuracy = evaluate(model, MASKED, "val", CPU)
    with torch.no_grad():
        logits = model(MASKED.val.inputs)
    hidden_places = MASKED.val.labels != NOT_ASKED
    assert loss == pytest.approx(float(cross_entropy(logits, MASKED.val.labels)), rel=1e-4)
    assert accuracy == pytest.approx(
        float((logits.argmax(1) == MASKED.val.labels)[hidden_places].float().mean()), abs=1e-6
    )


@BOTH
def test_resuming_from_a_checkpoint_is_bitwise_the_same(data, tmp_path):
    whole, record = short(data)
    model, file = model_for(data), tmp_path / "run.pt"
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    more = dict(updates=8, batch_size=8, validate_every=None, compute=CPU, checkpoint=file, checkpoint_every=3)
    for step in train(model, data, optimizer, partial(cosine, peak=3e-3, T=8), **more):
        if step.t == 5:  # as after a crash: the file holds three updates
            break
    resumed, again = short(data, model_for(data), checkpoint=file, checkpoint_every=3)
    assert all(map(torch.equal, weights(whole), weights(resumed))) and again.loss == record.loss


def test_live_training_gives_what_fit_gives():
    def make(seed):
        model = model_for(NEXT)
        return model, torch.optim.Adam(model.parameters(), lr=1e-3)

    more = dict(updates=8, batch_size=8, validate_every=4)
    panel = live_training(make, NEXT, schedule=partial(cosine, peak=3e-3, T=8), title="words", **more)
    record = asyncio.run(panel.run())
    model, optimizer = make(0)
    alone = fit(model, NEXT, optimizer, partial(cosine, peak=3e-3, T=8), **more)
    assert record.loss == alone.loss and record.val == alone.val


def test_continue_text():
    model, state = model_for(NEXT), torch.get_rng_state()
    model.train()
    said = continue_text(model, NEXT, "The class", words=30, seed=1)
    assert said.startswith("the class") and "<unk>" not in said and "<mask>" not in said
    again, other = (continue_text(model, NEXT, "The class", words=30, seed=s) for s in (1, 0))
    assert said == again != other
    assert model.training and torch.equal(state, torch.get_rng_state())


# ------------------------------------------------------------------------------------ another text, and refusals
def test_a_python_without_its_reference_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    text._text.cache_clear()
    try:
        with pytest.raises(ValueError, match="language reference is not in this Python. Install .*pydoc_data"):
            python_text()
    finally:
        text._text.cache_clear()


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(task="previous"), "task must"),
        (dict(task=None), "task must"),
        (dict(length=1), "length must"),
        (dict(length=64.0), "length must"),
        (dict(length=True), "length must"),
        (dict(length=2000), "length must"),
        (dict(vocabulary=9), "vocabulary must"),
        (dict(vocabulary=90_000), "vocabulary must"),
        (dict(vocabulary="all"), "vocabulary must"),
        (dict(seed=-1), "seed must"),
        (dict(seed=None), "seed must"),
    ],
)
def test_python_text_refuses_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        python_text(**wrong)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(batch_size=0), "batch_size must"),
        (dict(batch_size=100_000), "batch_size must"),
        (dict(batch_size=8.0), "batch_size must"),
        (dict(seed=-1), "seed must"),
        (dict(seed=1.5), "seed must"),
    ],
)
def test_training_refuses_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        short(NEXT, **wrong)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(data=MASKED), "task"),
        (dict(words=0), "words must"),
        (dict(temperature=0), "temperature must"),
        (dict(temperature="hot"), "temperature must"),
        (dict(prompt=" "), "prompt"),
        (dict(seed=-1), "seed must"),
    ],
)
def test_continue_text_refuses_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        continue_text(model_for(NEXT), **{"data": NEXT, "prompt": "the", **wrong})


@pytest.mark.parametrize("vocabulary", [2, 10.0, None])
def test_hide_words_refuses_by_name(vocabulary):
    with pytest.raises(ValueError, match="vocabulary must"):
        hide_words(NEXT.train.inputs, vocabulary, torch.Generator())


@pytest.mark.parametrize("number", [-1, 200])
def test_words_of_refuses_numbers_outside(number):
    with pytest.raises(ValueError, match="from 0 to 199"):
        NEXT.words_of([number])
