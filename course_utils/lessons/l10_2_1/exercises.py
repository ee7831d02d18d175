"""Exercises of lesson 10.2.1: how many levels an axis needs, what a grid costs, reading a map, the rule of resuming."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _needed(low, high, factor):
    return math.ceil(math.log(high / low) / math.log(factor) - 1e-9) + 1


def _draw_levels(rng):
    low, factor = 10 ** rng.uniform(-6, -1), rng.uniform(1.5, 12)
    gaps = rng.randint(1, 9) + rng.uniform(0.1, 0.9)  # never so close to a whole number that rounding would decide
    return low, low * factor**gaps, factor


LEVELS = FunctionExercise(
    id="10.2.1.levels",
    title="How many levels does an axis need?",
    task="""
Turn the formula of the levels round. An axis runs from `low` to `high`, its levels are equal factors apart, the first
is `low`, the last `high`. Neighbours shall be **at most** `factor` apart. Write `levels_needed(low, high, factor)`: the
smallest number of levels that does it. For example `levels_needed(0.0001, 0.1, 10)` is 4; with a factor of 5 it is 6.

`low` < `high`, `factor` > 1. Where the factor fits a whole number of times, a rounding error must not cost a level.
""",
    function="levels_needed",
    returns="the smallest number of levels whose neighbours are at most `factor` apart",
    stub="""
def levels_needed(low, high, factor):
    return ...
""",
    solution="""
import math

def levels_needed(low, high, factor):
    gaps = math.log(high / low) / math.log(factor)      # how many times the factor fits between the ends
    return math.ceil(gaps - 1e-9) + 1                   # a whole number of gaps, and one level more than gaps
""",
    hints=(
        "From low to high the value grows by high / low. How many times does the factor fit into that, as a product?",
        "The factor, taken to the power of the gaps, is high / low: take logarithms. Gaps are whole, so round up.",
        "n levels have n − 1 gaps. math.log(1000) / math.log(10) is not exactly 3: take 1e-9 off before rounding up.",
    ),
    reference=_needed,
    draw=_draw_levels,
    edges=((1e-4, 1e-1, 10.0), (1e-4, 1e-1, 5.0), (0.01, 1.0, 100.0), (0.1, 0.2, 10.0), (1e-3, 1e3, 10.0)),
    misconceptions="""
gaps: That is the number of gaps. n levels have n − 1 gaps between them: one level more.
    return math.ceil(math.log(high / low) / math.log(factor) - 1e-9)
rounded down: You rounded down: the gaps then become wider than the factor allows. Round up.
    return math.floor(math.log(high / low) / math.log(factor) + 1e-9) + 1
always one more: You rounded down and added two: where the factor fits exactly, one level is too many.
    return math.floor(math.log(high / low) / math.log(factor) + 1e-9) + 2
equal steps: You divided the way by the factor as if the levels were equal *steps* apart. Equal factors multiply: take
logarithms.
    return math.ceil(high / low / factor - 1e-9) + 1
decades: You counted the factors of ten between the ends, whatever the factor is.
    return math.ceil(math.log10(high / low) - 1e-9) + 1
not whole: A number of levels is whole: round the number of gaps up.
    return math.log(high / low) / math.log(factor) + 1
""",
    variants=(
        "n = 2\nwhile (high / low) ** (1 / (n - 1)) > factor * (1 + 1e-9):\n    n += 1\nreturn n",
        "import numpy as np\nreturn int(np.ceil(np.log10(high / low) / np.log10(factor) - 1e-9)) + 1",
        "n, value = 1, low\nwhile value < high * (1 - 1e-9):\n    value *= factor\n    n += 1\nreturn n",
    ),
)


def _hours(learning_rates, weight_decays, dropouts, seeds, at_once, minutes):
    rounds = -(-(learning_rates * weight_decays * dropouts * seeds) // at_once)
    return rounds * minutes / 60


COST = ValueExercise(
    id="10.2.1.cost",
    title="How long will it take?",
    task="""
A grid has 6 learning rates, 4 weight decays and 5 dropouts. Every setting is trained with 3 seeds. A trial takes 20
minutes, and 8 trials run at once. How many **hours** until the whole grid is done?
""",
    given={"learning_rates": 6, "weight_decays": 4, "dropouts": 5, "seeds": 3, "at_once": 8, "minutes": 20},
    answer=_hours,
    unit="hours",
    solution="""
6 · 4 · 5 = 120 settings, times 3 seeds = 360 trials. Eight at a time are 45 rounds of 20 minutes: 15 hours.

```
answer = 6 * 4 * 5 * 3 / 8 * 20 / 60
```
""",
    hints=(
        "Every level of one axis meets every level of the others: how many settings are that?",
        "Times the seeds; then how many rounds of eight; then 20 minutes a round, in hours.",
    ),
    misconceptions="""
levels added: You added the levels. In a grid every level meets every level of the other axes: multiply.
    -(-(learning_rates + weight_decays + dropouts) * seeds // at_once) * minutes / 60
seeds forgotten: Each setting is trained several times: the seeds multiply, too.
    learning_rates * weight_decays * dropouts / at_once * minutes / 60
one after the other: That is how long one machine would take alone; here several trials run at once.
    learning_rates * weight_decays * dropouts * seeds * minutes / 60
minutes: That is right in minutes; hours are asked.
    learning_rates * weight_decays * dropouts * seeds / at_once * minutes
number of trials: That is the number of trials; the time is asked.
    learning_rates * weight_decays * dropouts * seeds
""",
)

MAP_RATES = [0.0001, 0.001, 0.01, 0.1]  # across
MAP_DECAYS = [0.0001, 0.001, 0.01, 0.1]  # upwards
MAP = [[11.8, 20.4, 31.9, 42.6], [12.0, 20.1, 32.3, 43.1], [11.9, 20.3, 32.0, 41.0], [11.7, 20.2, 29.9, 14.8]]


def next_step(rows):
    """What to do with a 4 x 4 map [decay][rate]: "A" if the best lies at the highest rate, "B" at the lowest decay."""
    r, c = max(((r, c) for r in range(len(rows)) for c in range(len(rows[0]))), key=lambda at: rows[at[0]][at[1]])
    if c == len(rows[0]) - 1:
        return "A"
    return "B" if r == 0 else "C"


READ = ChoiceExercise(
    id="10.2.1.border",
    title="Read a map: what next?",
    task="""
The map above is a finished grid of sixteen trials, one seed each; two trainings of the same setting differ by about one
point. What would you do with the next sixteen trials? Answer with a letter, for instance `answer = "B"`.
""",
    options={
        "A": "go on to learning rates above 0.1, weight decay around 0.001",
        "B": "go on to weight decays below 0.0001, learning rate 0.1",
        "C": "nothing: 43.1 % is the best of the grid, report it",
        "D": "train the four best settings with four seeds each and report the best",
    },
    given={"rows": MAP},
    answer=next_step,
    solution="""
A. Along each row the accuracy still climbs at the highest rate, by ten points a decade: the best lies on that border,
and nobody has tried what is beyond. Weight decay is different: 0.0001, 0.001 and 0.01 differ by no more than two
trainings of one setting do. To train the winners again is right, but later: first the space has to hold the optimum.
""",
    hints=(
        "On which side of the map is the best cell? Does the accuracy level off there, or does it still climb?",
        "Compare the difference between two columns, and between the three lower rows, with one point of noise.",
    ),
    misconceptions="""
the flat axis: Those rows differ by less than two trainings of one setting do: there is nothing to climb that way.
    'B'
best of the grid: It is the best of what was tried. At the border of the map the accuracy still climbs, ten points a
step.
    'C'
seeds too soon: More seeds tell the four apart, but they all stand at the border: the optimum is probably not among
them.
    'D'
""",
)


def _still(wanted, kept):
    def same(a, b):
        return a[2] == b[2] and all(math.isclose(x, y, rel_tol=1e-9) for x, y in zip(a[:2], b[:2], strict=True))

    return [0 if any(same(trial, file) and file[3] > 0 for file in kept) else 1 for trial in wanted]


def _draw_kept(rng):
    rates = [rng.choice([1, 2, 3, 4]) * 10.0 ** -rng.randint(1, 4) for _ in range(2)]
    rates[1] *= 1.5  # never the same as the first
    decays, seed = [10.0**-5 * rng.randint(1, 9), 10.0**-2 * rng.randint(1, 9)], rng.randint(0, 9)
    wanted = [[lr, decay, seed] for lr in rates for decay in decays]
    # One of each kind, in an order of its own: whole, diverged, half-written, of another seed.
    kinds = [(0, 1), (0, 2), (0, 0), (1, 1)]
    rng.shuffle(kinds)
    files = [
        [lr * (1 + rng.choice([-2, 2]) * 1e-15), decay, seed + shift, status]
        for (lr, decay, _), (shift, status) in zip(wanted, kinds, strict=True)
    ]
    rng.shuffle(files)
    return wanted, files


RESUME = FunctionExercise(
    id="10.2.1.resume",
    title="A stopped search goes on",
    task="""
A search was stopped. `wanted` is the list of its trials, each `[learning rate, weight decay, seed]`. `kept` is what
lies in its folder, each `[learning rate, weight decay, seed, status]`, in any order. status: 1 finished, 2 diverged,
0 half-written.

Write `still_to_train(wanted, kept)`. It returns a list with one number for each wanted trial: 1 if it must be trained,
0 if its result is there. A half-written file is no result; a training that diverged is one. The rates come from
different computations: count two numbers as equal if they differ by less than 1e-9 of their size.
""",
    function="still_to_train",
    returns="a list, one number for each wanted trial: 1 if it must be trained, 0 if its result is kept",
    stub="""
def still_to_train(wanted, kept):
    return ...
""",
    solution="""
import math

def still_to_train(wanted, kept):
    def is_kept(lr, decay, seed):
        return any(math.isclose(lr, k[0], rel_tol=1e-9) and math.isclose(decay, k[1], rel_tol=1e-9)
                   and seed == k[2] and k[3] > 0 for k in kept)

    return [0 if is_kept(*one) else 1 for one in wanted]
""",
    hints=(
        "For each wanted trial, look for one kept trial that agrees in everything that decides its result.",
        "Both hyper-parameters and the seed decide the result. `math.isclose(a, b, rel_tol=1e-9)` compares numbers.",
        "Statuses 1 and 2 count as done, 0 does not: one more condition in the same `any(...)`.",
    ),
    reference=_still,
    draw=_draw_kept,
    edges=(
        ([[0.1, 0.001, 0], [0.3, 0.001, 0]], [[0.1 + 0.2, 0.001, 0, 1]]),
        ([[0.1, 0.001, 0], [1.0, 0.001, 0]], [[1.0, 0.001, 0, 2], [0.1, 0.001, 0, 0]]),
        ([[0.1, 0.001, 3], [0.1, 0.01, 3]], [[0.1, 0.01, 3, 1], [0.1, 0.001, 4, 1]]),
        ([[0.1, 0.001, 0], [0.2, 0.001, 0]], [[0.2, 0.001, 0, 1], [0.7, 0.5, 0, 1]]),
    ),
    misconceptions="""
exact floats: You compared floats with ==. 0.1 + 0.2 is not 0.3 there, and a finished trial is trained once more.
    near = lambda a, b: math.isclose(a, b, rel_tol=1e-9)
    return [0 if any(w == k[:3] and k[3] > 0 for k in kept) else 1 for w in wanted]
diverged again: You train diverged trials again. They would diverge again: that is their result.
    near = lambda a, b: math.isclose(a, b, rel_tol=1e-9)
    same = lambda w, k: near(w[0], k[0]) and near(w[1], k[1]) and w[2] == k[2]
    return [0 if any(same(w, k) and k[3] == 1 for k in kept) else 1 for w in wanted]
half-written counts: You take a half-written file for a result: look at the status.
    near = lambda a, b: math.isclose(a, b, rel_tol=1e-9)
    return [0 if any(near(w[0], k[0]) and near(w[1], k[1]) and w[2] == k[2] for k in kept) else 1 for w in wanted]
seed ignored: A trial of another seed is another trial: its result is not the one you want.
    near = lambda a, b: math.isclose(a, b, rel_tol=1e-9)
    return [0 if any(near(w[0], k[0]) and near(w[1], k[1]) and k[3] > 0 for k in kept) else 1 for w in wanted]
counted: You counted files and left out as many trials from the front. Which ones are there matters, not how many.
    n = sum(k[3] > 0 for k in kept)
    return [0 if i < n else 1 for i in range(len(wanted))]
turned round: The other way round: 1 means that it must be trained.
    near = lambda a, b: math.isclose(a, b, rel_tol=1e-9)
    same = lambda w, k: near(w[0], k[0]) and near(w[1], k[1]) and w[2] == k[2]
    return [1 if any(same(w, k) and k[3] > 0 for k in kept) else 0 for w in wanted]
""",
    variants=(
        "import numpy as np\nthere = [k[:3] for k in kept if k[3]]\n"
        "return [int(not any(np.allclose(w, k, rtol=1e-9, atol=0) for k in there)) for w in wanted]",
        "key = lambda one: (f'{one[0]:.9g}', f'{one[1]:.9g}', one[2])\n"
        "done = {key(k) for k in kept if k[3] in (1, 2)}\nreturn [0 if key(w) in done else 1 for w in wanted]",
        "result = [1] * len(wanted)\nfor i, (lr, decay, seed) in enumerate(wanted):\n"
        "    for a, b, s, status in kept:\n"
        "        if abs(a - lr) < 1e-9 * lr and abs(b - decay) < 1e-9 * decay and s == seed and status != 0:\n"
        "            result[i] = 0\nreturn result",
    ),
)

OPEN = OpenExercise(
    id="10.2.1.open",
    title="Open experiment: spend sixteen trials better",
    task="""
Sixteen trials are all you have, for learning rate, weight decay *and* dropout. Plan them as you like: one grid, a
coarse grid and then a finer one around its best, one axis after the other. Then train your winner and the winner of
the 4 × 4 grid with three fresh seeds each. Guess first by how many points yours is ahead. Twenty-two trials take half a
minute; to start from:

```
plan = [{"lr": lr, "weight_decay": 1e-4} for lr in log_levels(0.05, 2, 6)]      # six rates first
found = search(plan, trial, seed=SEED, facts=facts)
```
""",
    hints=(
        "Which axis moved the accuracy most in this lesson? How many levels does it deserve, how many the others?",
        "Two rounds are a plan of their own: 6 learning rates first, then 10 trials around the best of them.",
    ),
    solution="What to look for: levels on the axis that matters buy most; a second round around the first one's best "
    "often finds more than one fine grid; and part of every winner's lead is luck, which fresh seeds take away again.",
)

EXERCISES = (LEVELS, COST, READ, RESUME, OPEN)
