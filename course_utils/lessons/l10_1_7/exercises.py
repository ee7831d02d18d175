"""Exercises of lesson 10.1.7: Adam by hand, two kinds of weight decay, and what noise does to a rule."""

import math

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _adam(w, m, v, g, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps), m, v


def _draw_adam(rng):
    g = rng.choice((-1, 1)) * rng.uniform(0.05, 2)
    return (
        rng.uniform(-3, 3),
        rng.uniform(-1, 1),
        rng.uniform(0.01, 2),
        g,
        rng.randint(1, 30),
        rng.uniform(0.05, 1),
        rng.uniform(0.5, 0.95),
        rng.uniform(0.96, 0.999),
        rng.uniform(0.02, 0.3),
    )


ADAM = FunctionExercise(
    id="10.1.7.adam",
    title="One Adam update by hand",
    task="""
Write `adam_update(w, m, v, g, t, lr, beta1, beta2, eps)`: update number `t` of Adam for one weight, returning
the triple (new w, new m, new v). `t` counts from 1. `m` and `v` are the raw averages (they started at 0);
the bias-corrected ones are used for the step and not kept. `eps` stands where PyTorch puts it: it is added
to the square root.
""",
    function="adam_update",
    returns="(new w, new m, new v) after update number t, counted from 1",
    stub="""
def adam_update(w, m, v, g, t, lr, beta1, beta2, eps):
    return ...
""",
    solution="""
def adam_update(w, m, v, g, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g               # average of the gradients
    v = beta2 * v + (1 - beta2) * g**2            # average of their squares
    m_hat = m / (1 - beta1**t)                    # both began at 0: undo the pull towards it
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat**0.5 + eps), m, v
""",
    hints=(
        "Five lines: two averages, two corrections, one step.",
        "Each average keeps `beta` times the old one and lets 1 − beta of the new value in: g for m, g² for v.",
        "Divide each by 1 − βᵗ, then step by lr · m_hat / (√v_hat + eps). Return the *raw* m and v.",
    ),
    reference=_adam,
    draw=_draw_adam,
    edges=(
        (1.0, 0.0, 0.0, 2.0, 1, 0.1, 0.9, 0.99, 0.1),
        (0.0, 0.0, 0.0, -0.5, 1, 0.1, 0.9, 0.99, 0.1),
        (0.5, 0.2, 0.5, 0.0, 2, 0.1, 0.9, 0.99, 0.1),
    ),
    floor=lambda *args: 1e-5,
    misconceptions="""
no bias correction: The bias correction is missing: m and v began at 0, so early on both are too small, and not by the
same factor.
    m / (1 - beta1**t) -> m
    v / (1 - beta2**t) -> v
only v corrected: You corrected v but not m: with beta1 = 0.9 the first step is then ten times too short.
    m / (1 - beta1**t) -> m
only m corrected: You corrected m but not v: the root of a v that is too small makes the first steps far too long.
    v / (1 - beta2**t) -> v
eps inside: You put eps under the square root. PyTorch adds it *to* the root; under it, 1e-8 acts like 1e-4.
    (v_hat**0.5 + eps) -> (v_hat + eps) ** 0.5
not squared: Your v averages the size of the gradient; it has to average its *square*.
    g**2 -> abs(g)
no root: The square root is missing: you divide by the mean square. Then a gradient ten times as large makes a step ten
times as short.
    v_hat**0.5 -> v_hat
times t: The exponent: the correction divides by 1 − beta to the *power* t, not by 1 − beta times t.
    m / (1 - beta1**t) -> m / (1 - beta1 * t or 1)
    v / (1 - beta2**t) -> abs(v / (1 - beta2 * t or 1))
t plus one: The exponent is one too large: t counts from 1 here, so the first update divides by 1 − beta.
    **t -> ** (t + 1)
corrected kept: You returned the corrected averages. Keep the raw ones: the next update corrects anew, with its own t.
    + eps), m, v -> + eps), m_hat, v_hat
no momentum: You stepped along the last gradient; Adam steps along the average m. (What you wrote is a corrected
RMSProp.)
    lr * m_hat -> lr * g
uphill: The sign is wrong: you climb.
    w - lr -> w + lr
""",
    variants=(
        "import numpy as np\nm, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g**2 - v)\n"
        "return np.array([w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v])",
        "import torch\nm, v = m * beta1 + g * (1 - beta1), v * beta2 + g * g * (1 - beta2)\n"
        "root = torch.as_tensor(v / (1 - beta2**t)).sqrt()\n"
        "return w - lr * (m / (1 - beta1**t)) / (root + eps), m, v",
        "m = beta1 * m + (1 - beta1) * g\nv = beta2 * v + (1 - beta2) * g**2\nroot = (1 - beta2**t) ** 0.5\n"
        "return [w - lr * root / (1 - beta1**t) * m / (v**0.5 + eps * root), m, v]",
    ),
)


def _first_steps(w, g, lr, decay):
    coupled = math.copysign(1, g + decay * w)
    return w - lr * coupled, w - lr * decay * w - lr * math.copysign(1, g)


def _draw_decay(rng):
    while True:
        w, decay = rng.choice((-1, 1)) * rng.uniform(0.3, 3), rng.uniform(0.1, 1)
        g = rng.choice((-1, 1)) * rng.uniform(0.05, 2)
        if abs(g + decay * w) > 0.02:
            return w, g, rng.uniform(0.05, 0.5), decay


DECAY = FunctionExercise(
    id="10.1.7.decay",
    title="Two kinds of weight decay, one first step",
    task="""
Adam and AdamW take their *first* update of a weight `w` whose loss gradient is `g`. With the bias correction
and `eps` = 0 the first Adam step is lr · g′ / |g′|: always exactly `lr` long, whatever the size of the
gradient g′ that Adam is given.

Write `first_steps(w, g, lr, decay)`, returning the pair (w after `Adam(weight_decay=decay)`, w after
`AdamW(weight_decay=decay)`). Adam's decay is *coupled*: it is added to the gradient. AdamW's is *decoupled*:
it shrinks the weight directly, before the step.
""",
    function="first_steps",
    returns="(w after one update of Adam with weight decay, w after one of AdamW)",
    stub="""
def first_steps(w, g, lr, decay):
    return ...
""",
    solution="""
import math

def first_steps(w, g, lr, decay):
    coupled = g + decay * w                                # the decay hides in the gradient ...
    adam = w - lr * math.copysign(1, coupled)              # ... and is divided away: only the sign is left
    adamw = (1 - lr * decay) * w - lr * math.copysign(1, g)
    return adam, adamw
""",
    hints=(
        "Adam: which gradient does it see? Add decay · w to g, then take the sign.",
        "AdamW: shrink w by the factor 1 − lr · decay, then step by lr against the sign of the loss gradient alone.",
        "`math.copysign(1, x)` is the sign of x.",
    ),
    reference=_first_steps,
    draw=_draw_decay,
    edges=((1.0, 0.5, 0.1, 0.1), (2.0, -0.5, 0.1, 0.5), (-2.0, 0.5, 0.1, 0.5), (1.0, -0.5, 0.2, 0.1)),
    floor=lambda *args: 1e-5,
    misconceptions="""
swapped: The two results are swapped: Adam first, then AdamW.
    sign = lambda x: math.copysign(1, x)
    return (1 - lr * decay) * w - lr * sign(g), w - lr * sign(g + decay * w)
both decoupled: You shrank the weight for both. Adam's `weight_decay` only changes the gradient it is given.
    x = (1 - lr * decay) * w - lr * math.copysign(1, g)
    return x, x
both coupled: You added the decay to the gradient for both. AdamW keeps it out of the gradient and shrinks the weight.
    x = w - lr * math.copysign(1, g + decay * w)
    return x, x
no rate: You shrank by 1 − decay. In PyTorch AdamW's decay is multiplied by the learning rate: 1 − lr · decay.
    sign = lambda x: math.copysign(1, x)
    return w - lr * sign(g + decay * w), (1 - decay) * w - lr * sign(g)
shrunk after: You shrank the weight after the step. AdamW shrinks the old weight; the step itself does not decay.
    sign = lambda x: math.copysign(1, x)
    return w - lr * sign(g + decay * w), (1 - lr * decay) * (w - lr * sign(g))
plain descent: You stepped by lr times the gradient, as plain descent does. Adam divides the gradient by its size first.
    return w - lr * (g + decay * w), (1 - lr * decay) * w - lr * g
added outside: You took decay · w out of Adam's division. Coupled decay is part of the gradient *before* it is divided.
    sign = lambda x: math.copysign(1, x)
    return w - lr * (sign(g) + sign(decay * w)), (1 - lr * decay) * w - lr * sign(g)
""",
    variants=(
        "import numpy as np\nreturn np.array([w - lr * np.sign(g + decay * w), w - lr * (decay * w + np.sign(g))])",
        "import torch\nsign = lambda x: torch.sign(torch.as_tensor(x))\n"
        "return w - lr * sign(g + decay * w), w * (1 - lr * decay) - lr * sign(g)",
        "both = g + decay * w\nreturn w - lr * both / abs(both), w - lr * decay * w - lr * g / abs(g)",
    ),
)

PLATEAU = ValueExercise(
    id="10.1.7.earliest_drop",
    title="How soon does the rule see a true plateau?",
    task="""
The loss has been level from the start: every reading is the same value plus independent noise. The rule has
read `readings` of them and its last reading happens to be a new best. It drops when **more than** `patience`
readings in a row bring no new best. What is the probability that it drops at the first opportunity, that is,
that none of the next `patience` + 1 readings is a new best?
""",
    given={"readings": 30, "patience": 9},
    answer=lambda readings, patience: readings / (readings + patience + 1),
    solution="""
Nothing distinguishes the readings, so the lowest of all 40 is equally likely to be any of them. No new best
comes exactly when it lies among the first 30: probability 30/40. (That the 30th is the best of the first 30
does not change this: *which* of the old ones is the best says nothing about the new ones.) Even on a true
plateau chance delays the rule every fourth time.

```
answer = 30 / (30 + 9 + 1)
```
""",
    hints=(
        "Look at all readings together, old and new. Where can the lowest of them be?",
        "Without a trend every reading is equally likely to be the lowest of all.",
        "How many new readings does patience 9 wait for? More than 9: ten.",
    ),
    misconceptions="""
patience itself: You waited for `patience` readings. The rule drops when *more* than that were bad: one more.
    readings / (readings + patience)
coin: You gave each new reading an even chance. To be a new best it must beat *all* the ones before.
    0.5 ** (patience + 1)
same chance each time: You gave each new reading the chance 1 / readings of being a best. The chance sinks as readings
add up: 1/31, 1/32, ...
    (1 - 1 / readings) ** (patience + 1)
complement: That is the probability that a new best *does* come.
    (patience + 1) / (readings + patience + 1)
""",
)

AVERAGE = ValueExercise(
    id="10.1.7.averaging",
    title="What averaging does to a reading",
    task="""
A rule reads the loss of every batch. In truth the loss falls by a fixed amount each update; each batch adds
independent noise. Now let the rule read the mean of `k` batches instead, once every `k` updates. By which
factor does slope / noise, *per reading*, grow? Three digits are enough.
""",
    given={"k": 25},
    answer=lambda k: k**1.5,
    solution="""
Between two readings lie k updates, so the slope per reading is k times as large. The mean of k independent
numbers scatters √k times less. Together k · √k = k^1.5.

```
answer = 25 ** 1.5
```
""",
    hints=(
        "Two things change. How far does the loss fall between two readings now?",
        "And how much does the mean of k independent values scatter, compared with one of them?",
        "Multiply the two factors.",
    ),
    misconceptions="""
noise only: You counted the calmer noise. The slope per reading changes as well.
    k ** 0.5
slope only: You counted the larger slope. The noise of a mean is smaller as well.
    k
variance: You divided the noise by k: that is what happens to its variance. The standard deviation sinks by √k.
    k ** 2
""",
)

OPEN = OpenExercise(
    id="10.1.7.open",
    title="Open experiment: build a rule that is not fooled",
    task="""
The plateau rule compares single readings with the luckiest one so far. Build a better one: let it read the
mean of several batches, or compare the mean of the last ten readings with the mean of the ten before, and
drop when the difference is smaller than its own uncertainty. Steer the desk-scale net with it for 8 epochs from
a rate of 0.316, three seeds, and compare the final validation accuracy with the usual rule at patience 2 and
8. Then the acid test: does it beat a cosine (recorded in 10.1.2), which looks at nothing at all?
""",
    hints=(
        "Section 7 has a loop in which a rule sets `step.lr`. Only the rule has to change.",
        "Write down for every drop whether the loss of a twin with a constant rate went on falling.",
    ),
    solution="What to look for: averaging makes false drops rare, and the rule then drops late, with little "
    "budget left for the low rate. A cosine knows the end of the budget; no rule that only watches the loss does.",
)

EXERCISES = (ADAM, DECAY, PLATEAU, AVERAGE, OPEN)
