"""The small Transformer: shapes, who sees whom, both norms, seeds, number formats, refusals."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from course_utils.data.text import python_text
from course_utils.training.compute import Compute, cpu_has_bfloat16, pick
from course_utils.training.loop import fit
from course_utils.training.transformer import small_transformer

pick("cpu", "float32")  # also sets COURSE_THREADS
WORDS = torch.randint(0, 50, (3, 12), generator=torch.Generator().manual_seed(0))


def tiny(**more):
    sizes = {"vocabulary": 50, "length": 12, "width": 16, "layers": 2, "heads": 4, "seed": 0}
    return small_transformer(**{**sizes, **more})


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("causal", [True, False])
def test_shape_and_gradient_everywhere(norm, causal):
    model = tiny(norm=norm, causal=causal)
    logits = model(WORDS)
    assert logits.shape == (3, 50, 12)
    cross_entropy(logits, WORDS).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_a_causal_model_does_not_see_what_comes_later():
    changed = WORDS.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 50
    ahead, both = tiny(causal=True), tiny(causal=False)
    with torch.no_grad():
        difference = (ahead(WORDS) - ahead(changed)).abs().amax((0, 1))
        assert (difference[:7] == 0).all() and (difference[7:] > 1e-4).all()
        assert ((both(WORDS) - both(changed)).abs().amax((0, 1)) > 1e-5).all()


def test_causal_prefixes_agree_so_that_text_can_be_continued():
    model = tiny()
    with torch.no_grad():
        assert torch.allclose(model(WORDS)[:, :, :5], model(WORDS[:, :5]), atol=1e-5)


def test_the_order_of_words_matters():
    with torch.no_grad():
        model = tiny(causal=False)
        assert not torch.allclose(model(WORDS).flip(2), model(WORDS.flip(1)), atol=1e-2)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_first_guesses_are_tame(norm):
    """The untrained loss is near ln V: no word is preferred strongly before anything is learned."""
    model = small_transformer(1000, norm=norm, seed=1)
    words = torch.randint(0, 1000, (4, 65), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert 6.8 < float(cross_entropy(model(words[:, :-1]), words[:, 1:])) < 8.0


def test_where_the_norms_stand():
    def sums(norm):
        seen = {}
        model = tiny(norm=norm)
        model.blocks.register_forward_hook(lambda _, given, out: seen.update(out=out))
        model(WORDS)
        return seen["out"].std(-1)

    assert torch.allclose(sums("post"), torch.ones(3, 12), atol=0.05)  # every block ends in a normalisation
    assert sums("pre").mean() > 1.2  # the shortcut adds up


def test_seeds_fix_the_weights_and_leave_the_global_state_alone():
    state = torch.get_rng_state()
    one, again, other = tiny(), tiny(), tiny(seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    pairs = list(zip(one.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs) and not all(torch.equal(a, c) for a, _, c in pairs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_trains_and_stays_near_float32(dtype):
    """bfloat16 works without bfloat16 units too, only slowly."""
    compute = Compute(torch.device("cpu"), dtype)
    model = tiny()
    with compute.autocast():
        logits = model(WORDS)
    assert logits.dtype is dtype and torch.allclose(logits.float(), tiny()(WORDS), atol=0.1)
    cross_entropy(logits.float(), WORDS).backward()
    assert all(p.grad.dtype is torch.float32 and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="this processor has no bfloat16 instructions")
def test_a_bfloat16_training_learns_as_float32_does():
    data = python_text(length=16, vocabulary=200)
    ends = []
    for dtype in ("float32", "bfloat16"):
        model = small_transformer(200, 16, width=16, layers=1, seed=0)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        ends.append(fit(model, data, optimizer, updates=60, batch_size=32, compute=pick("cpu", dtype)).val[-1][1])
    assert abs(ends[0] - ends[1]) < 0.05 and ends[1] < data.unigram_loss() + 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_gpu():
    data = python_text(length=16, vocabulary=200)
    model = small_transformer(200, 16, width=16, layers=1, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    assert fit(model, data, optimizer, updates=60, batch_size=32, compute=pick("cuda")).status == "finished"


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict(vocabulary=1), "vocabulary must"),
        (dict(vocabulary=50.0), "vocabulary must"),
        (dict(length=0), "length must"),
        (dict(width=0), "width must"),
        (dict(layers=0), "layers must"),
        (dict(heads=True), "heads must"),
        (dict(heads=3), "width must be a multiple of heads = 3, got 16. Try 18"),
        (dict(norm="both"), "norm must"),
        (dict(norm=None), "norm must"),
    ],
)
def test_wrong_sizes_are_refused_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        tiny(**wrong)


@pytest.mark.parametrize("shape", [(3, 13), (12,), (1, 2, 3)])
def test_sequences_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"inputs must.*L <= 12"):
        tiny()(torch.zeros(shape, dtype=torch.int64))
