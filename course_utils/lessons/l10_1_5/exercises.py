"""Exercises of lesson 10.1.5: the Transformer's rule, its peak, time spent at high rates, and what can be extended."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _rule(t, width, warmup):
    s = t + 1
    return width**-0.5 * min(s**-0.5, s * warmup**-1.5)


def _draw_rule(rng):
    warmup = rng.randint(2, 4000)
    t = rng.choice((rng.randint(0, warmup), rng.randint(warmup, 20_000), warmup - 1, warmup))
    return t, rng.choice((32, 64, 128, 256, 512, 1024)), warmup


RULE = FunctionExercise(
    id="10.1.5.rule",
    title="The Transformer's own rule",
    task="""
Write `transformer_lr(t, width, warmup)`: the learning rate that update `t` uses, where `t` counts the updates
made before it, 0, 1, 2, … The paper counts its steps from one: s = t + 1. With d = `width` (numbers that stand
for one word) and W = `warmup` (updates until the peak, at least 1):

- α = 1/√d · min( s^(−0.5), s · W^(−1.5) )
""",
    function="transformer_lr",
    returns="the learning rate of update t: a straight rise for warmup updates, then one over the square root",
    stub="""
def transformer_lr(t, width, warmup):
    return ...
""",
    solution="""
def transformer_lr(t, width, warmup):
    s = t + 1                                   # the first update is step 1: nothing is divided by zero
    return width**-0.5 * min(s**-0.5, s * warmup**-1.5)
""",
    hints=(
        "Turn t into the paper's step number first. Which step is update t = 0?",
        "Compute the falling piece s**-0.5 and the rising piece s * warmup**-1.5; where are they equal?",
        "The smaller of the two is used; 1/√width multiplies whichever it is.",
    ),
    reference=_rule,
    draw=_draw_rule,
    edges=((0, 64, 100), (99, 64, 100), (100, 64, 100), (0, 512, 1), (7, 512, 1), (3999, 512, 4000)),
    floor=lambda t, width, warmup: 1e-9,
    misconceptions="""
counts from 0: You put t where the paper has its step number s = t + 1: the first update then has the rate 0 (or divides
by zero), and every later one is one update late.
    return width**-0.5 * min(t**-0.5 if t else math.inf, t * warmup**-1.5)
the larger one: You took the larger of the two pieces: the rate starts enormous and then grows without end. `min` is
what joins a rise and a fall.
    s = t + 1
    return width**-0.5 * max(s**-0.5, s * warmup**-1.5)
no width: The factor 1/√width is missing.
    s = t + 1
    return min(s**-0.5, s * warmup**-1.5)
width upside down: Wider nets get a *smaller* rate: divide by √width, do not multiply.
    s = t + 1
    return width**0.5 * min(s**-0.5, s * warmup**-1.5)
no warm-up: Only the falling piece: the first updates have the highest rate of all, just when they should be careful.
    return (width * (t + 1))**-0.5
rises to 1: Your rise is s / warmup, which ends at 1; it has to end where the fall begins, at warmup**-0.5. That is why
the paper has warmup**-1.5.
    s = t + 1
    return width**-0.5 * min(s**-0.5, s / warmup)
wrong power: warmup**-0.5 is the height of the peak; the slope of the rise is that divided by warmup once more:
warmup**-1.5.
    s = t + 1
    return width**-0.5 * min(s**-0.5, s * warmup**-0.5)
""",
    variants=(
        "import numpy as np\ns = np.arange(1, t + 2, dtype=float)\n"
        "return (width**-0.5 * np.minimum(s**-0.5, s * warmup**-1.5))[-1]",
        "import math\nif t < warmup:\n    return (t + 1) / math.sqrt(width * warmup**3)\n"
        "return 1 / math.sqrt(width * (t + 1))",
        "import torch\ns = torch.tensor(t + 1.0)\nreturn torch.minimum(s**-0.5, s * warmup**-1.5) / width**0.5",
    ),
)

PEAK = ValueExercise(
    id="10.1.5.peak",
    title="Which warm-up gives this peak?",
    task="""
The Transformer's rule has no entry for a peak rate: α = 1/√d · min( s^(−0.5), s · W^(−1.5) ). Somebody knows from a
search that a net of width d = `width` does best when its highest rate is `peak`, and may only type a warm-up W. Which?
""",
    given={"width": 256, "peak": 0.002},
    answer=lambda width, peak: 1 / (width * peak**2),
    solution="""
Both pieces meet at s = W, and there the rate is highest: (d W)^(−0.5). Solved for the warm-up: W = 1/(d · peak²) =
1/(256 · 0.002²) = 977 updates. And with it comes whatever else 977 updates of warm-up do: the rule ties two knobs to
one. Half the peak would take *four* times the warm-up.

```
answer = 1 / (256 * 0.002**2)
```
""",
    hints=(
        "One piece rises with s, the other falls. Where does the smaller of the two stop rising?",
        "At s = W both are equal, to W^(−0.5)/√d. That is the peak.",
        "peak = 1/√(d · W): square it, then solve for W.",
    ),
    misconceptions="""
no square: The warm-up stands under a square root: square the peak first.
    1 / (width * peak)
width forgotten: The factor 1/√d is missing: the width lowers the peak, too.
    1 / peak**2
root of the width: Squaring peak = 1/√(d · W) takes the root from *both*, width and warm-up.
    1 / (math.sqrt(width) * peak**2)
upside down: Upside down: a higher peak takes a *shorter* warm-up.
    width * peak**2
slope: You took the slope of the rise, 1/√d · W^(−1.5), for the peak; it is the rate of the first step.
    (1 / (math.sqrt(width) * peak)) ** (1 / 1.5)
the peak it gives: That is the peak that a warm-up equal to the width would give; solve for the warm-up instead.
    1 / width
""",
    relative=0.01,
)

SHARE = ValueExercise(
    id="10.1.5.share",
    title="How long above half the peak?",
    task="""
A training of T updates uses the inverse square root with `w` updates of warm-up: at step s = 1, 2, …, T the
rate is peak · min(s/w, √(w/s)). For which **share** of its T updates is the rate at least half the peak? (A
number from 0 to 1; one per cent of it is near enough.)
""",
    given={"w": 100, "T": 4000},
    answer=lambda w, T: sum(min(s / w, math.sqrt(w / s)) >= 0.5 for s in range(1, T + 1)) / T,
    solution="""
On the way up half the peak is passed at s = w/2, on the way down at s = 4w, since √(w/4w) = ½. In between lie 3.5 w
updates (351 with both ends): 351/4000 = 0.088. A cosine and a straight line spend half of *any* budget there; here it
is 3.5 w, however long the training.

```
answer = sum(min(s / 100, (100 / s) ** 0.5) >= 0.5 for s in range(1, 4001)) / 4000
```
""",
    hints=(
        "There are two such moments: one while the rate rises and one while it falls.",
        "Solve s/w = ½ and √(w/s) = ½ for s.",
        "Count the updates between the two moments, then divide by T.",
    ),
    misconceptions="""
falls like 1/s: You let the rate halve when s doubles. Under a square root it takes *four* times as many steps.
    1.5 * w / T
tail only: You counted from the peak on; the second half of the warm-up lies above half the peak, too.
    3 * w / T
whole warm-up: You counted the whole warm-up; its first half lies below half the peak.
    4 * w / T
number, not share: That is the number of updates; divide it by T.
    3.5 * w
no warm-up: That is eq. 10.3 without warm-up: 4 updates out of T.
    4 / T
as the cosine: Half of all updates: true of the cosine and of the straight line, not of this one.
    0.5
""",
    relative=0.01,
)

EXTEND = ChoiceExercise(
    id="10.1.5.extend",
    title="Which one may run on?",
    task="""
Five trainings, each planned for T = 1000 updates, have made 1000 updates. Now every one of them may make 500
more. In exactly one of them, all 1500 rates will be the ones it would have had if 1500 had been planned **from
the start**, *and* they still become smaller from update to update. Which one? (s = t + 1 counts the updates
from one.)
""",
    options={
        "A": "`peak * 0.5 * (1 + cos(pi * t / T))`",
        "B": "`peak * min(s / (0.05 * T), sqrt(0.05 * T / s))`",
        "C": "`peak`",
        "D": "`peak * min(s / 50, sqrt(50 / s))`",
        "E": "`peak * 0.1 ** ((t >= 0.5 * T) + (t >= 0.75 * T))`",
    },
    answer=lambda: "D",
    solution="""
D. Nothing in it knows T. B looks like the same schedule, and for T = 1000 it is: but its warm-up is a *share of
T*, so with T = 1500 the peak would have come at update 75, not at 50, and every rate after it would have been
higher. A and E have T in them as well, and A has no rate left. C can be extended, too, but it never becomes
smaller.
""",
    hints=(
        "Look for T in each line: whatever contains it would have been another schedule with T = 1500.",
        "Two lines have no T. One of them never settles.",
    ),
    misconceptions="""
used up: At t = T the cosine has arrived at 0; planned for 1500 it would still have a quarter of its peak at t = 1000.
    "A"
warm-up as a share: Its warm-up is 5 % of T: planned for 1500 the peak would have come at update 75. A warm-up given as
a share brings T back in.
    "B"
never settles: A constant rate can be extended, but it does not become smaller.
    "C"
shares of T: The drops stand at shares of T: planned for 1500 they would have come later.
    "E"
""",
)

OPEN = OpenExercise(
    id="10.1.5.open",
    title="Open experiment: when is warm-up needed?",
    task="""
Train the small language model for 200 updates with warm-up of 1, 3, 10, 30 and 100 updates, at c = 0.025, two
seeds each: `inverse_sqrt` with `peak = c / sqrt(warmup)`, so that all of them share one tail. Do it with
`norm="post"`, then with `norm="pre"` (about three seconds a run).
How little warm-up is enough? Then plot the norm of the gradient over the
first thirty updates of both. Write your guess down first.
""",
    hints=(
        "After `loss.backward()` the gradients are in `p.grad`; inside `for step in train(...)` those of the last "
        "update are still there.",
        "Compare validation losses with the spread over seeds, and with `data.unigram_loss()`.",
    ),
    solution="What to look for: a post-norm net that was hit too hard at first does not blow up, it *stalls*, near the "
    "loss of a model that knows nothing but how frequent each word is. Look for the warm-up from which it no longer "
    "does. The pre-norm net should care far less. Whether the gradient explains it is yours to find: compare its norm "
    "in the first updates between the two nets, not between two seeds.",
)

EXERCISES = (RULE, PEAK, SHARE, EXTEND, OPEN)
