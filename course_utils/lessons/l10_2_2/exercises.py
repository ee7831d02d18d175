"""Exercises of lesson 10.2.2: where draws fall, trials for two good ones, values on an axis, reading importance."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _between(a, b, low, high):
    a, b = max(a, low), min(b, high)
    return math.log(b / a) / math.log(high / low) if b > a else 0.0


def _draw_between(rng):
    low = 10 ** rng.uniform(-6, -1)
    high = low * 10 ** rng.uniform(1, 5)
    a, b = sorted(low * (high / low) ** rng.uniform(-0.3, 1.3) for _ in "ab")
    return a, b, low, high


BETWEEN = FunctionExercise(
    id="10.2.2.between",
    title="Where do log-uniform draws fall?",
    task="""
A hyper-parameter is drawn log-uniformly from `low` to `high`. Write `share_between(a, b, low, high)`: the probability
that a draw falls between `a` and `b` (a < b). The two may lie outside the range: beyond `low` and `high` nothing is
ever drawn. For example between 0.001 and 0.01, of a range from 0.0001 to 1, fall a quarter of all draws.
""",
    function="share_between",
    returns="the probability, 0 to 1, that a log-uniform draw from low to high falls between a and b",
    stub="""
def share_between(a, b, low, high):
    return ...
""",
    solution="""
import math

def share_between(a, b, low, high):
    a, b = max(a, low), min(b, high)            # what lies outside the range is never drawn
    if b <= a:
        return 0.0
    return math.log(b / a) / math.log(high / low)
""",
    hints=(
        "Every *factor* is equally likely. How many factors of ten does the range have, and how many lie from a to b?",
        "On the axis of logarithms the draws are uniform: the probability is one length over another.",
        "First cut a and b back to the range; if nothing is left, the answer is 0.",
    ),
    reference=_between,
    draw=_draw_between,
    edges=(
        (1e-3, 1e-2, 1e-4, 1.0),
        (1e-4, 1e-1, 1e-4, 1e-1),
        (1e-6, 1e-3, 1e-4, 1e-1),
        (1e-6, 1e-5, 1e-4, 1e-1),
        (0.05, 10.0, 1e-4, 1e-1),
    ),
    floor=lambda *args: 1e-6,
    misconceptions="""
uniform: That is the share of *uniform* draws: nine of ten of those lie in the highest factor of ten.
    return max(0.0, min(b, high) - max(a, low)) / (high - low)
not cut: Part of the way from a to b may lie outside the range, where nothing is drawn: cut it off first.
    return math.log(b / a) / math.log(high / low)
the rest: That is the share that falls *outside*.
    a, b = max(a, low), min(b, high)
    return 1 - (math.log(b / a) / math.log(high / low) if b > a else 0.0)
""",
    variants=(
        "import numpy as np\nx = np.clip(np.log([a, b]), np.log(low), np.log(high))\n"
        "return (x[1] - x[0]) / np.log(high / low)",
        "from scipy.stats import loguniform\ndraw = loguniform(low, high)\nreturn draw.cdf(b) - draw.cdf(a)",
        "import torch\nu = lambda x: torch.tensor(math.log(x / low) / math.log(high / low)).clamp(0, 1)\n"
        "return u(b) - u(a)",
    ),
)


def _two(share, chance):
    n = 2
    while 1 - (1 - share) ** n - n * share * (1 - share) ** (n - 1) < chance - 1e-12:
        n += 1
    return n


TWO = FunctionExercise(
    id="10.2.2.two",
    title="A good setting, and a second one to be sure",
    task="""
A setting is good if it belongs to the best `share` of all settings. One good trial may be luck; you want **two**. Write
`trials_for_two(share, chance)`: the smallest number n of independent random trials of which *at least two* are good
with a probability of at least `chance`. Both arguments lie strictly between 0 and 1.
""",
    function="trials_for_two",
    returns="the smallest whole n for which at least two of n trials are good with probability >= chance",
    stub="""
def trials_for_two(share, chance):
    return ...
""",
    solution="""
def trials_for_two(share, chance):
    n = 2
    while True:
        none = (1 - share) ** n                              # all n trials miss
        exactly_one = n * share * (1 - share) ** (n - 1)     # any one of the n hits, the others miss
        if 1 - none - exactly_one >= chance:
            return n
        n += 1
""",
    hints=(
        "At least two are good, unless none is or exactly one is. How likely is each of these?",
        "Exactly one: which one of the n it is can be chosen in n ways; it hits, and n − 1 others miss.",
        "There is no formula for n: try n = 2, 3, 4, ... until 1 − P(none) − P(exactly one) is large enough.",
    ),
    reference=_two,
    draw=lambda rng: (rng.uniform(0.02, 0.5), rng.uniform(0.5, 0.99)),
    edges=((0.05, 0.95), (0.5, 0.7), (0.1, 0.5)),
    floor=lambda share, chance: 1e-6,
    misconceptions="""
one is enough: That many trials hold *one* good setting. Two take more.
    return math.ceil(math.log(1 - chance) / math.log(1 - share))
twice as many: Twice the trials for one are more than you need: the second good one may fall among the first half, too.
    return 2 * math.ceil(math.log(1 - chance) / math.log(1 - share))
n ways forgotten: Exactly one of n trials is good: it may be any of them, so there are n ways.
    n = 2
    while 1 - (1 - share) ** n - share * (1 - share) ** (n - 1) < chance:
        n += 1
    return n
on average: After 2 / share trials you have two *on average*: often fewer.
    return math.ceil(2 / share)
""",
    variants=(
        "from scipy.stats import binom\nn = 2\nwhile binom.sf(1, n, share) < chance:\n    n += 1\nreturn n",
        "import numpy as np\nn = np.arange(2, 2000)\n"
        "p = 1 - (1 - share) ** n - n * share * (1 - share) ** (n - 1)\nreturn int(n[np.argmax(p >= chance)])",
        "n, none, single = 0, 1.0, 0.0\nwhile 1 - none - single < chance:\n"
        "    n, none, single = n + 1, none * (1 - share), single * (1 - share) + none * share\nreturn n",
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

EXERCISES = (BETWEEN, TWO, DISTINCT, IMPORTANCE, OPEN)
