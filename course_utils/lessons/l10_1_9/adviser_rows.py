"""The OneCycle tuning guide as a table: one row for each move it names, with the symptom that asks for it.

Source: the lecture, section 10.1.9: the practical tuning guide (six steps), the grey areas, "generally not a win", the
comparison with the other schedules, and what each knob controls; in our own words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CHANGE, CHECK, INSTEAD = "change", "check", "instead"
HANDFUL = 10  # updates: a rise of p T below this is "a handful of steps"

# symptom -> (group, how a learner would say it)
SYMPTOMS = {
    "no range test yet": ("The band", "η_max is a guess: no range test was made"),
    "fragile start": ("The band", "the first updates of the rise are rough"),
    "want a fast launch": ("The band", "the start is calm, and too slow for me"),
    "spiky peak": ("The peak", "the loss has spikes around the peak"),
    "diverges": ("The peak", "it diverges, or nearly, around the peak"),
    "batchnorm drift": ("The peak", "BatchNorm: validation drifts at the peak"),
    "too tame": ("The peak", "all calm, yet no gain from the peak"),
    "explore more": ("The time", "validation improves with every longer rise"),
    "very short": ("The time", "extremely short: p T is a handful of steps"),
    "late plateau": ("The tail", "the final metric flattens out too high"),
    "time-limited": ("The tail", "there is no time for a long tail"),
    "jittery tail": ("The tail", "the curve still trembles in the tail"),
    "small data": ("Data and model", "the data set is very small or very noisy"),
    "strong regularisation": ("Data and model", "heavy augmentation and large weight decay"),
    "tight clipping": ("Data and model", "tight clipping, or tiny micro-batches"),
    "attention-heavy": ("Data and model", "attention-heavy: a ViT or a language model"),
    "transformer, AdamW": ("Data and model", "a Transformer trained with AdamW"),
    "attention unstable": ("Data and model", "attention becomes unstable"),
    "stepped per epoch": ("The loop", "the scheduler steps, but not each update"),
    "decay changes": ("The loop", "weight decay is scheduled, or coupled (L2)"),
    "good cosine": ("Is it worth it?", "I have a well-tuned long cosine"),
    "no range test possible": ("Is it worth it?", "no range test is possible (a stream)"),
    "from step": ("Coming from", "step decay"),
    "from cosine": ("Coming from", "cosine decay"),
    "from linear": ("Coming from", "linear decay"),
    "from inverse sqrt": ("Coming from", "inverse square root"),
    "from constant": ("Coming from", "a constant rate"),
    "from adaptive": ("Coming from", "an adaptive optimizer, a large model"),
}


@dataclass(frozen=True)
class Row:
    """One move. order: urgency, the guide's (10 the band, 31 to 34 its stabilisers a to d, 40 the time, 50 the tail).

    knob, change: what to turn and how (old value -> new one), for kind "change". words: what to do, or how the guide
    puts the number. why: the reason. where: its place in the lecture.
    """

    symptom: str
    order: int
    kind: str
    words: str
    why: str
    where: str
    knob: str | None = None
    change: Callable[[float], float] | None = None


def _turn(symptom, order, knob, change, words, why, where) -> Row:
    return Row(symptom, order, CHANGE, words, why, where, knob, change)


def _times(factor):
    return lambda old: old * factor


def _plus(amount):
    return lambda old: old + amount


def _at_most(value):
    return lambda old: min(old, value)


def _at_least(value):
    return lambda old: max(old, value)


def _into(low, high):
    return lambda old: min(max(old, low), high)


def _longer(p):
    """0.35 at first, then 0.40; a p that is longer already stays."""
    return max(p, 0.35 if p < 0.35 else 0.40)


def _steadier(m_max):
    """A hundredth more momentum in the tail, never above 0.98."""
    return max(m_max, min(m_max + 0.01, 0.98))


def _stabilise(symptom, where, dip="b: 0.02 to 0.05 more") -> list[Row]:
    """The guide's four peak stabilisers, a to d."""
    return [
        _turn(symptom, 31, "peak", _times(0.85), "a: 10 to 20 % lower",
              "The size of the largest steps is what breaks.", where),
        _turn(symptom, 32, "m_min", _plus(0.03), dip,
              "More of the old velocity at the peak damps what one batch can do.", where),
        _turn(symptom, 33, "div_factor", lambda div: max(div, min(2 * div, 25.0)), "c: a lower start, up to 25",
              "The rise begins more gently, so the net meets the peak better prepared.", where),
    ]  # fmt: skip


ROWS = [
    # ------------------------------------------------------------------ step 1 of the guide: the band
    Row("no range test yet", 5, CHECK, "Make a range test; take the η_max just before the curve breaks.",
        "All other rates are this one divided by something.", "guide, step 1"),
    _turn("no range test yet", 11, "div_factor", _into(3, 25), "between 3 and 25", "It sets η_min.", "guide, step 1"),
    _turn("no range test yet", 12, "final_div_factor", _into(1e3, 1e4), "between 1e3 and 1e4", "It sets η_final.",
          "guide, step 1"),
    _turn("fragile start", 33, "div_factor", lambda div: max(div, min(max(2 * div, 10.0), 25.0)),
          "10 to 25 for stability",
          "A lower first rate: a gentler launch.", "guide, step 1; what the knobs do"),
    _turn("want a fast launch", 41, "div_factor", lambda div: min(div, min(max(div / 2, 3.0), 10.0)),
          "3 to 10 for a fast launch", "A higher first rate reaches the large steps sooner, with more early jitter.",
          "guide, step 1; what the knobs do"),
    # ------------------------------------------------------------------ steps 2 and 3: time and peak
    *_stabilise("spiky peak", "guide, step 3; rule of thumb"),
    _turn("spiky peak", 34, "p", _at_most(0.2), "the guide's short rise", "Less time where the spikes are.",
          "guide, step 2"),
    *_stabilise("diverges", "guide, step 3"),
    _turn("diverges", 34, "p", lambda p: max(min(p, 0.1), p - 0.05), "d, optional: 0.05 less",
          "Less time at large rates.", "guide, step 3"),
    _turn("explore more", 40, "p", _longer, "0.35 to 0.40", "More updates at large rates, as long as they pay.",
          "guide, step 2"),
    _turn("too tame", 42, "peak", _times(1.15), "a bolder peak",
          "A low peak under-explores. Stay below the break of the range test.", "what the knobs do"),
    _turn("too tame", 43, "m_min", _plus(-0.03), "a deeper dip",
          "Less control at the peak: bolder, and riskier.", "what the knobs do"),
    # ------------------------------------------------------------------ step 4: the tail
    _turn("late plateau", 50, "final_div_factor", _times(10), "a smaller η_final; 1e3 to 1e4 are usual",
          "The last steps are still too long to settle.", "guide, step 4; rule of thumb"),
    _turn("time-limited", 51, "final_div_factor", lambda f: min(f, max(f / 10, 1e3)), "a slightly larger η_final",
          "The floor is a little higher, and reached sooner.", "guide, step 4"),
    _turn("jittery tail", 52, "m_max", _steadier, "more late momentum",
          "It averages over more batches: fewer swings, a slower answer.", "what the knobs do"),
    # ------------------------------------------------------------------ step 5: keep the rest steady
    Row("stepped per epoch", 1, CHECK, "Step the scheduler once after every optimizer update.",
        "Its T counts its own calls; once an epoch, the cycle never happens.", "guide, step 5"),
    Row("decay changes", 2, CHECK, "Decoupled weight decay (AdamW, or SGD with decay), held constant.",
        "One moving part at a time: the rate already moves.", "guide, step 5"),
    # ------------------------------------------------------------------ step 6: Transformers
    Row("transformer, AdamW", 20, CHECK, "Let m_t be β₁(t) of AdamW.", "It is the momentum of that optimizer.",
        "guide, step 6"),
    _turn("transformer, AdamW", 31, "peak", _times(0.9), "slightly smaller", "Attention tolerates less.",
          "guide, step 6"),
    _turn("transformer, AdamW", 34, "p", _at_most(0.2), "0.2 for Transformers", "A short visit to large rates.",
          "guide, step 6"),
    _turn("attention unstable", 35, "prewarm", _at_least(300), "very short, a few hundred updates",
          "The softmax settles before the rate climbs.", "guide, step 6"),
    # ------------------------------------------------------------------ the grey areas
    _turn("small data", 31, "peak", _times(0.65), "20 to 50 % lower", "The peak over-regularises, or destabilises.",
          "grey areas"),
    _turn("small data", 34, "p", _at_most(0.2), "0.2 here", "A short rise is enough noise.", "grey areas"),
    Row("small data", 60, INSTEAD, "Or take cosine decay with a brief warm-up.", "It has no peak to survive.",
        "grey areas"),
    _turn("attention-heavy", 31, "peak", _times(0.7), "below what a CNN would get",
          "Large rates disturb attention and normalisation scales.", "grey areas; versus adaptive optimizers"),
    _turn("attention-heavy", 32, "m_min", _plus(0.02), "slightly more", "More control at the peak.", "grey areas"),
    _turn("attention-heavy", 34, "p", _at_most(0.2), "0.2 here", "A short visit to large rates.", "grey areas"),
    _turn("attention-heavy", 35, "prewarm", _at_least(300), "optional, a few hundred updates",
          "The scales settle before the rate climbs.", "grey areas"),
    Row("strong regularisation", 4, CHECK, "Leave weight decay as it is.", "Turn one regulariser at a time.",
        "grey areas"),
    _turn("strong regularisation", 31, "peak", _times(0.8), "lower",
          "The peak is one more regulariser on top of the others; together they underfit.", "grey areas"),
    Row("strong regularisation", 44, CHECK, "Lengthen p only while the training loss stays smooth.",
        "A smooth loss is the sign that there is room.", "grey areas"),
    Row("strong regularisation", 53, CHECK, 'Keep the half-cosine fall (PyTorch: anneal_strategy="cos").',
        "It spends longer at small rates than a straight one.", "grey areas"),
    Row("tight clipping", 3, CHECK, "Relax clipping to a norm of about 1.",
        "A small clip norm cuts off the large steps that the peak is there for.", "grey areas; guide, step 5"),
    _turn("tight clipping", 31, "peak", _times(0.8), "lower, if the clip must stay",
          "Then no step is planned that the clip takes away.", "grey areas"),
    Row("tight clipping", 60, INSTEAD, "Otherwise take a cosine that only falls.", "It needs no large steps.",
        "grey areas"),
    _turn("batchnorm drift", 31, "peak", _times(0.85), "lower", "Large rates move the running means and variances.",
          "grey areas"),
    _turn("batchnorm drift", 32, "m_min", _plus(0.03), "0.02 to 0.05 more", "Steadier weights, steadier statistics.",
          "grey areas"),
    _turn("batchnorm drift", 34, "p", lambda p: max(min(p, 0.1), p - 0.05), "shorter", "Less time at large rates.",
          "grey areas"),
    Row("batchnorm drift", 45, CHECK,
        "Only if you must: freeze the BatchNorm statistics for a short window at the peak.",
        "They then cannot follow the swings.", "grey areas"),
    # ------------------------------------------------------------------ generally not a win
    Row("good cosine", 0, INSTEAD, "Keep the cosine, or give it a very short rise at its start (a small p).",
        "Its long smooth fall already does most of the work: expect little.", "not a win"),
    Row("no range test possible", 0, INSTEAD, "Take a conservative cosine with warm-up.",
        "Without a measured η_max the peak is a gamble.", "not a win"),
    Row("very short", 0, INSTEAD, "Take warm-up and then cosine or linear decay.",
        f"A rise of fewer than {HANDFUL} updates hardly resolves a peak.", "not a win"),
    # ------------------------------------------------------------------ coming from another schedule
    _turn("from step", 36, "p", lambda p: 0.3, "0.3 when you come from steps", "No drop epochs to guess any more.",
          "versus step decay"),
    Row("from step", 61, INSTEAD, "If you keep the steps: place the largest drop near t = p T.",
        "That is where OneCycle turns down.", "versus step decay"),
    Row("from cosine", 5, CHECK, "Make a range test for η_max.", "The cosine's peak is not the cycle's.",
        "versus cosine"),
    _turn("from cosine", 36, "p", _into(0.2, 0.3), "0.2 to 0.3", "A short rise before the fall that you know.",
          "versus cosine"),
    Row("from cosine", 46, CHECK, "If the start is rough, add a very short warm-up.", "", "versus cosine"),
    _turn("from linear", 36, "p", lambda p: 0.2, "a brief rise, about 0.2",
          "A line spends little time at large rates.", "versus linear"),
    _turn("from inverse sqrt", 31, "peak", _times(0.8), "capped",
          "The root never stays long at large rates; this does.",
          "versus inverse square root"),
    _turn("from inverse sqrt", 36, "p", _at_most(0.2), "0.2", "Keep the visit short.", "versus inverse square root"),
    Row("from inverse sqrt", 46, CHECK, "If needed, add a very short pre-warm-up.", "", "versus inverse square root"),
    Row("from constant", 5, CHECK, "Make a range test for η_max.", "The constant rate is not the cycle's peak.",
        "versus constant"),
    _turn("from constant", 11, "div_factor", _into(3, 25), "between 3 and 25", "It sets η_min.", "versus constant"),
    _turn("from constant", 12, "final_div_factor", _into(1e3, 1e4), "between 1e3 and 1e4", "It sets η_final.",
          "versus constant"),
    _turn("from constant", 36, "p", _into(0.2, 0.4), "0.2 to 0.4, 0.3 to begin with", "Then only p is left to choose.",
          "versus constant"),
    _turn("from adaptive", 31, "peak", _times(0.8), "below what a CNN would get",
          "Attention and BatchNorm are touchy near the peak.", "versus adaptive optimizers"),
    _turn("from adaptive", 36, "p", _at_most(0.2), "about 0.2", "A short visit to large rates.",
          "versus adaptive optimizers"),
    Row("from adaptive", 20, CHECK, "With AdamW, let m_t be β₁(t).", "It is the momentum of that optimizer.",
        "versus adaptive optimizers"),
    Row("from adaptive", 46, CHECK, "Consider a very short warm-up.", "", "versus adaptive optimizers"),
]  # fmt: skip

# Nobody complains about anything: the guide's recipe.
RECIPE = [
    Row(
        "none",
        5,
        CHECK,
        "Range-test η_max, just before the curve breaks.",
        "The only number to measure.",
        "rule of thumb",
    ),
    _turn("none", 11, "div_factor", _into(3, 25), "between 3 and 25", "It sets η_min.", "rule of thumb"),
    _turn("none", 12, "final_div_factor", _into(1e3, 1e4), "between 1e3 and 1e4", "It sets η_final.", "rule of thumb"),
    _turn(
        "none",
        36,
        "p",
        lambda p: 0.3,
        "0.3 to begin with",
        "Change it only when a symptom asks for it.",
        "rule of thumb",
    ),
]
