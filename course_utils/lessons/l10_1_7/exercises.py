"""Exercises of lesson 10.1.7: a memory when the task changes, two kinds of weight decay, what noise does to a rule."""

import math

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _after_change(n, before, after, alpha):
    total = n * before**2 + after**2
    average = alpha * (1 - alpha**n) * before**2 + (1 - alpha) * after**2
    return abs(after) / math.sqrt(total), abs(after) / math.sqrt(average)


def _draw_change(rng):
    return (
        rng.randint(2, 60),
        rng.choice((-1, 1)) * rng.uniform(0.2, 3),
        rng.choice((-1, 1)) * rng.uniform(0.2, 3),
        rng.uniform(0.8, 0.98),
    )


SWITCH = FunctionExercise(
    id="10.1.7.switch",
    title="The first step after the task has changed",
    task="""
For `n` updates the gradient of one weight was `before`, every time. Now it is `after`. How long is the very next
step, the first with the new gradient, in units of the learning rate? No simulation: a formula.

Write `steps_after_change(n, before, after, alpha)`, returning the pair (AdaGrad's step, RMSProp's step), both as
lengths, that is, not negative. Both memories began at 0 and nothing is bias-corrected; `alpha` is what RMSProp's
average keeps at each update; `eps` is 0.
""",
    function="steps_after_change",
    returns="(length of AdaGrad's step, of RMSProp's step), in units of the learning rate",
    stub="""
def steps_after_change(n, before, after, alpha):
    return ...
""",
    solution="""
def steps_after_change(n, before, after, alpha):
    total = n * before**2 + after**2                      # AdaGrad: a sum of all squares
    average = (1 - alpha**n) * before**2                  # RMSProp after n equal gradients ...
    average = alpha * average + (1 - alpha) * after**2    # ... and after the new one
    return abs(after) / total**0.5, abs(after) / average**0.5
""",
    hints=(
        "What is in each memory after n equal gradients? AdaGrad's is a sum; RMSProp's has come nearly, not wholly, to "
        "before².",
        "From v = 0 an average that keeps alpha reaches (1 − alphaⁿ) · before² after n updates.",
        "The new gradient enters the memory *before* the step is taken. Then divide its size by the root.",
    ),
    reference=_after_change,
    draw=_draw_change,
    edges=((1, 1.0, 1.0, 0.9), (0, 1.0, -0.5, 0.9), (100, 2.0, 0.1, 0.99), (20, 0.1, 3.0, 0.9)),
    floor=lambda *args: 1e-6,
    misconceptions="""
old memory: You divided by the memory as it was before the new gradient came. It takes that in first, then steps.
    total, average = n * before**2 or 1e-9, (1 - alpha**n) * before**2 or 1e-9
    return abs(after) / total**0.5, abs(after) / average**0.5
nothing forgotten: When the new gradient comes, the old average keeps only the share alpha of itself.
    average = alpha * average + -> average = average +
full at once: RMSProp's average began at 0: after n updates it has come to 1 − alphaⁿ of before², not to all of it.
    (1 - alpha**n) * before**2 -> before**2
corrected: You corrected RMSProp's average for its start at 0. RMSProp does not do that; Adam does.
    / average**0.5 -> / (average / (1 - alpha ** (n + 1))) ** 0.5
mean: AdaGrad's memory is a *sum* of squares, not their mean: that is why its steps shrink.
    total = n * before**2 + after**2 -> total = (n * before**2 + after**2) / (n + 1)
not squared: The memories hold the *squares* of the gradients.
    n * before**2 + after**2 -> n * abs(before) + abs(after)
no root: The square root is missing: the memories hold squares, and the step is g / √v.
    / total**0.5, abs(after) / average**0.5 -> / total, abs(after) / average
swapped: The two results are swapped: AdaGrad first, then RMSProp.
    / total**0.5, abs(after) / average**0.5 -> / average**0.5, abs(after) / total**0.5
signed: A length is not negative, whichever way the gradient points.
    abs(after) / total**0.5, abs(after) / average -> after / total**0.5, after / average
""",
    variants=(
        "import numpy as np\nv = np.array([n * before**2, (1 - alpha**n) * before**2 * alpha])\n"
        "return abs(after) / np.sqrt(v + np.array([1, 1 - alpha]) * after**2)",
        "total = average = 0\nfor g in [before] * n + [after]:\n    total, average = total + g * g, "
        "alpha * average + (1 - alpha) * g * g\nreturn [abs(after) / total**0.5, abs(after) / average**0.5]",
        "import torch\nratio = torch.tensor((before / after) ** 2, dtype=torch.float64)\n"
        "return 1 / (1 + n * ratio).sqrt(), 1 / ((1 - alpha) + (alpha - alpha ** (n + 1)) * ratio).sqrt()",
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
8. Then the acid test: does it beat a cosine (recorded in 10.1.2), which looks at nothing at all? Nine runs of 8 epochs
take about three minutes on two cores. To start from:

```
class Steady(Plateau):
    def __init__(self, lr, **more):
        super().__init__(lr, **more)
        self.window = []

    def read(self, loss):                      # of every batch; decide only when the window is full
        self.window.append(loss)
        ...
```
""",
    hints=(
        "Section 5 has a loop in which a rule sets `step.lr`. Only the rule and the number of epochs have to change.",
        "Write down for every drop whether the loss of a twin with a constant rate went on falling.",
    ),
    solution="What to look for: averaging makes false drops rare, and the rule then drops late, with little "
    "budget left for the low rate. A cosine knows the end of the budget; no rule that only watches the loss does.",
)

EXERCISES = (SWITCH, DECAY, PLATEAU, AVERAGE, OPEN)
