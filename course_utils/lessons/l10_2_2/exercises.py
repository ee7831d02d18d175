"""Exercises of lesson 10.2.2: log-uniform draws, trials needed, values on an axis, reading importance."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _log_uniform(u, low, high):
    return low * (high / low) ** u


def _draw_range(rng):
    low = 10 ** rng.uniform(-6, -1)
    return rng.random(), low, low * 10 ** rng.uniform(0.5, 5)


LOG_UNIFORM = FunctionExercise(
    id="10.2.2.log_uniform",
    title="A log-uniform draw",
    task="""
A computer gives you `u`, uniform between 0 and 1. Write `log_uniform(u, low, high)`: it turns u into a number between
`low` and `high` (both > 0) for which *every factor* is equally likely. So u = 0 gives `low`, u = 1 gives `high`, and
u = 0.5 between 0.0001 and 1 gives 0.01.
""",
    function="log_uniform",
    returns="the number that lies u of the way from low to high, measured in factors",
    stub="""
def log_uniform(u, low, high):
    return ...
""",
    solution="""
import math

def log_uniform(u, low, high):
    a, b = math.log(low), math.log(high)        # uniform between the logarithms ...
    return math.exp(a + (b - a) * u)            # ... and back, with the same base
""",
    hints=(
        "A factor of ten is one step of log10 everywhere. So draw the *logarithm* uniformly.",
        "Go u of the way from log(low) to log(high), then undo the logarithm.",
        "exp(log(low) + u · (log(high) − log(low))), or shorter: `low * (high / low) ** u`.",
    ),
    reference=_log_uniform,
    draw=_draw_range,
    edges=((0.0, 1e-4, 1e-1), (1.0, 1e-4, 1e-1), (0.5, 1e-4, 1.0)),
    floor=lambda u, low, high: 1e-5 * low,
    misconceptions="""
linear space: You drew uniformly in the numbers themselves: nine of ten draws then lie in the highest factor of ten.
    return low + (high - low) * u
log10, then exp: You took log10 and came back with exp: one base on the way in, another on the way out.
    a, b = math.log10(low), math.log10(high)
    return math.exp(a + (b - a) * u)
log, then 10 **: You took the natural logarithm and came back with `10 ** ...`: two different bases.
    a, b = math.log(low), math.log(high)
    return 10 ** (a + (b - a) * u) if b - a < 300 else 0.0
still a logarithm: That is the logarithm of the draw. Undo it: exp, or `10 ** ...` for log10.
    a, b = math.log(low), math.log(high)
    return a + (b - a) * u
exponent of ten: That is the exponent, log10 of the draw. Put `10 **` before it.
    a, b = math.log10(low), math.log10(high)
    return a + (b - a) * u
from the top: Your draws run downwards: u = 0 should give `low`.
    return high * (low / high) ** u
high to the u: `low * high ** u` ends at low · high. From low to high the factor is high / low.
    return low * high ** u
""",
    variants=(
        "import math\nreturn 10 ** (math.log10(low) + u * math.log10(high / low))",
        "import numpy as np\nreturn np.exp(np.log(low) + u * np.log(high / low))",
        "import torch\na, b = torch.tensor([low, high], dtype=torch.float64).log()\nreturn torch.lerp(a, b, u).exp()",
        "return low ** (1 - u) * high ** u",
    ),
)


def _needed(share, chance):
    n = max(1, math.ceil(math.log(1 - chance) / math.log(1 - share)) - 1)
    while 1 - (1 - share) ** n < chance - 1e-12:
        n += 1
    return n


NEEDED = FunctionExercise(
    id="10.2.2.trials",
    title="How many trials are enough?",
    task="""
A setting counts as good if it belongs to the best `share` of all settings (0.05: the best twentieth). Write
`trials_needed(share, chance)`: the smallest number n of independent random trials of which at least one is good with a
probability of at least `chance`. Both lie strictly between 0 and 1.
""",
    function="trials_needed",
    returns="the smallest whole n with 1 - (1 - share) ** n >= chance",
    stub="""
def trials_needed(share, chance):
    return ...
""",
    solution="""
import math

def trials_needed(share, chance):
    # all n trials miss with probability (1 - share) ** n, and that may be at most 1 - chance
    return math.ceil(math.log(1 - chance) / math.log(1 - share))
""",
    hints=(
        "How likely is it that one trial misses? That n of them all miss?",
        "`(1 - share) ** n` may be at most 1 − chance. Take logarithms; mind that log(1 − share) is negative.",
        "n ≥ log(1 − chance) / log(1 − share), rounded *up*.",
    ),
    reference=_needed,
    draw=lambda rng: (rng.uniform(0.01, 0.5), rng.uniform(0.5, 0.995)),
    edges=((0.05, 0.95), (0.01, 0.99), (0.5, 0.7)),
    floor=lambda share, chance: 1e-6,
    misconceptions="""
chances added: You added the chances up. Two trials of 5 % each do not make 10 %: both may hit. Ask how likely it is
that *all miss*.
    return math.ceil(chance / share)
rounded down: Rounded down you are one trial short: the chance is then still below what was asked.
    return math.floor(math.log(1 - chance) / math.log(1 - share))
not whole: That is where the curve crosses the chance; a number of trials is whole: round up.
    return math.log(1 - chance) / math.log(1 - share)
all hit: `share ** n` is the chance that *every* trial is good. One good one is enough.
    return math.ceil(math.log(chance) / math.log(share))
turned over: Your quotient is upside down: the log of what may be missed belongs above.
    return math.log(1 - share) / math.log(1 - chance)
on average: After 1 / share trials you have *one on average*; with 37 % you have none.
    return math.ceil(1 / share)
""",
    variants=(
        "n, missed = 0, 1.0\nwhile 1 - missed < chance:\n    n, missed = n + 1, missed * (1 - share)\nreturn n",
        "import numpy as np\nreturn int(np.ceil(np.log1p(-chance) / np.log1p(-share)))",
        "from course_utils.lessons.l10_2_2 import hit_chance\n"
        "return next(n for n in range(1, 10_000) if hit_chance(float(share), n) >= chance)",
    ),
)

DISTINCT = ValueExercise(
    id="10.2.2.values",
    title="Values of one axis",
    task="""
You search several hyper-parameters at once and can pay for the given number of `trials`. A grid with the same number of
levels on each of the `axes` would use them up exactly. How many *times as many* different learning rates does random
search try?
""",
    given={"trials": 81, "axes": 4},
    answer=lambda trials, axes: trials ** (1 - 1 / axes),
    solution="""
With n levels on each of d axes a grid has n^d trials, so here n = 81^(1/4) = 3 learning rates. Random search tries 81:
27 times as many.

```
answer = 81 / 81 ** (1 / 4)
```
""",
    hints=(
        "How many levels does the grid have on each axis, if `levels ** axes` must be the trials?",
        "Random search draws every trial's learning rate anew. Divide one number of values by the other.",
    ),
    misconceptions="""
the grid's own: That is how many learning rates the *grid* tries. Random search tries one a trial.
    trials ** (1 / axes)
trials shared out: A grid does not share its trials out among the axes: it tries all combinations, `levels ** axes` of
them.
    axes
two axes: That would be right for two axes: a square grid.
    math.sqrt(trials)
random's own: That is how many learning rates random search tries; the *factor* is asked.
    trials
difference: That is how many more; how many *times* as many is asked.
    trials - trials ** (1 / axes)
""",
)

AXES = {"A": "learning rate", "B": "weight decay", "C": "dropout", "D": "batch size"}
WIDE = {"A": 0.75, "B": 0.00, "C": 0.00, "D": 0.05}
NARROW = {"A": 0.07, "B": 0.01, "C": 0.05, "D": 0.74}


def _places(shares):
    return sorted(shares, key=shares.get, reverse=True)


IMPORTANCE = ChoiceExercise(
    id="10.2.2.importance",
    title="Which axis deserves the next trials?",
    task="""
Shares of the variance in two searches of the same network. The second one was made after the first: it kept to the
learning rates that had done well.

- learning rates 0.001 to 3.2: learning rate 75 %, weight decay 0 %, dropout 0 %, batch size 5 %
- learning rates 0.1 to 0.4: learning rate 7 %, weight decay 1 %, dropout 5 %, batch size 74 %

You go on in the *second* space. Which hyper-parameter is the important one now? Answer with its letter, for instance
`answer = "B"`.
""",
    options=AXES,
    given={"wide": WIDE, "narrow": NARROW},
    answer=lambda wide, narrow: _places(narrow)[0],
    solution="""
D. Importance belongs to a hyper-parameter *in a space*. Over four decades most learning rates fail, and that failure is
most of the variance; within the good factor of four all of them work, and what is left to be seen is the batch size: at
a fixed number of epochs a smaller batch makes more updates.
""",
    hints=(
        "The shares are measured anew in every space. Which line belongs to the space you go on in?",
        "The learning rate still matters: outside. Inside, which share is largest?",
    ),
    misconceptions="""
the old space: That was so while the rates spanned four decades. In the space you go on in, all rates are good ones.
    places(wide)[0]
least important: That one has the smallest share of all: fix it anywhere.
    places(narrow)[-1]
gained most: From nothing to five per cent: it has begun to count. But another one has fifteen times that share.
    places(narrow)[2]
""",
    names={"places": _places},
)

OPEN = OpenExercise(
    id="10.2.2.open",
    title="Open experiment: a race of your own",
    task="""
Choose a space of your own for the live race: two axes of which you *believe* that one matters (batch size and learning
rate? dropout and width? momentum and learning rate?). Write your guess of the shares down first. Then let grid and
random search run at equal budget, compute `main_effects` of the grid's results, and train both winners again.
""",
    hints=(
        "A grid's results are a full table, so main_effects works on them; a random search's are not.",
        "Sixteen trials are few: look at the accuracies against each axis before you believe a share.",
    ),
    solution="What to look for: which axis matters depends on the ranges you wrote down at least as much as on the "
    "network. Random search leads where one axis matters and its good part is narrower than the gap between two levels "
    "of the grid; otherwise the two are alike. The winner's first accuracy is flattering: judge by the retrained ones.",
)

EXERCISES = (LOG_UNIFORM, NEEDED, DISTINCT, IMPORTANCE, OPEN)
