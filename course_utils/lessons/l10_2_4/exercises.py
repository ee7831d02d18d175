"""Exercises of lesson 10.2.4: the layer that stands still, weight decay from a ratio, a silent layer."""

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise, define

SOLUTION = """
import math

def slowest(before, after):
    ratios = {}
    for k, (old, new) in enumerate(zip(before, after)):
        size = math.sqrt(sum(w * w for w in old))
        if size > 0:
            ratios[k] = math.sqrt(sum((b - a) ** 2 for a, b in zip(old, new))) / size
    return min(ratios, key=ratios.get)
"""


EDGES = (
    ([[3.0, 4.0], [0.3, 0.4]], [[3.0, 4.5], [0.3, 0.42]]), ([[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.5, 0.0]]),
    ([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], [[0.0, 0.0], [1.2, 1.0], [2.1, 0.0]]),
    ([[1.0, 1.0], [2.0, 2.0]], [[1.5, 0.5], [2.1, 2.0]]), ([[1.0], [1.0] * 4], [[1.2], [1.15] * 4]),
)  # fmt: skip


def _draw_layers(rng):
    """Two to six layers of different sizes; now and then one of them started at zero."""
    before, after = [[3.0, -4.0]], [[3.0, -4.0 + 10 ** rng.uniform(-4, -1)]]
    for _ in range(rng.randint(1, 5)):
        n, size, step = rng.randint(2, 9), 10 ** rng.uniform(-2, 1), 10 ** rng.uniform(-4, -0.5)
        size, move = (0.0, rng.choice([0.0, 0.1])) if rng.random() < 0.2 else (size, size * step)
        old = [rng.gauss(0, size) for _ in range(n)]
        k = rng.randint(0, len(before))
        before.insert(k, old)
        after.insert(k, [w + rng.gauss(0, move) for w in old])
    return before, after


SLOWEST = FunctionExercise(
    id="10.2.4.slowest",
    title="The layer that stands still",
    task="""
Write `slowest(before, after)`: the place (from 0) of the layer with the **smallest** update/weight ratio.

- `before`, `after`: the weights of each layer before and after one update, lists of lists of numbers
- the ratio of a layer is the Euclidean norm of its *change*, over the norm of its weights *before*
- a layer whose weights were all zero before has no ratio: leave it out (its place still counts)
""",
    function="slowest",
    returns="place of the layer with the smallest ratio",
    stub="""
def slowest(before, after):
    return ...
""",
    solution=SOLUTION,
    hints=(
        "First one layer: subtract element by element, then the norm. Only then compare layers.",
        "Keep place and ratio together, in a dict for example: layers that are left out still count as places.",
        "`min(ratios, key=ratios.get)` gives the place with the smallest ratio.",
    ),
    reference=define(SOLUTION, "slowest"),
    draw=_draw_layers,
    edges=EDGES,
    keeps=("before", "after"),
    variants=(
        "d = lambda a, b: math.dist(a, b) / math.hypot(*a) if any(a) else math.inf\nr = list(map(d, before, after))\n"
        "return r.index(min(r))",
        "best = None\nfor k, a in enumerate(before):\n    if any(a):\n        r = math.dist(a, after[k])"
        " / math.hypot(*a)\n        best = min(best or (r, k), (r, k))\nreturn best[1]",
        "import numpy as np\nn = np.linalg.norm\nr = [n(np.subtract(b, a)) / n(a) if n(a) else np.inf for a, b in "
        "zip(before, after)]\nreturn np.argmin(r)",
    ),
    misconceptions="""
difference of norms: You compare the *lengths* of old and new weights. Weights that turn without growing have moved,
too: subtract element by element first.
    sum((b - a) ** 2 for a, b in zip(old, new))) -> sum(b * b for b in new)) - size) ** 2) ** 0.5
    ratios[k] = math.sqrt( -> ratios[k] = ((math.sqrt(
no division: That is the layer with the smallest *step*. A small layer may take small steps and still move fast: divide
by the norm of its weights.
    zip(old, new))) / size -> zip(old, new)))
zero counted as still: A layer that started at zero has no ratio (0/0 or infinite); you give it 0. Leave it out.
    if size > 0: -> if True:
    / size -> / (size or math.inf)
the fastest: That is the layer that moves most; the one that stands still is asked.
    return min( -> return max(
""",
)

DECAY = ValueExercise(
    id="10.2.4.decay",
    title="Which decay asks for 1e-3?",
    task="""
Somebody insists on the rule of thumb and wants the update/weight ratio to *settle* at `ratio`. SGD, learning rate `lr`,
momentum `m`, weight decay in the gradient, BatchNorm behind every convolution. Which weight decay does it?
""",
    given={"lr": 0.2, "m": 0.8, "ratio": 2e-3},
    answer=lambda lr, m, ratio: ratio**2 * (1 + m) / (2 * lr),
    solution="""
The equilibrium is r = sqrt(2 · lr · wd / (1 + m)). Squared and solved: wd = r² (1 + m) / (2 lr) = 4e-6 · 1.8 / 0.4 =
1.8e-5. (How long until it settles? About (1 − m) / (2 lr wd) = 28,000 updates: most runs are over by then.)

```
answer = 0.002 ** 2 * (1 + 0.8) / (2 * 0.2)
```
""",
    hints=("Begin with the formula of the equilibrium and square both sides.", "wd = r² (1 + m) / (2 lr)."),
    misconceptions="""
not squared: The ratio goes with the *root* of the weight decay: you forgot to square it.
    ratio * (1 + m) / (2 * lr)
one minus m: In this formula momentum appears as 1 + m; with 1 − m you have the time it takes, not the height.
    ratio ** 2 * (1 - m) / (2 * lr)
no momentum: That is the answer for plain SGD; with momentum there is a factor 1 + m.
    ratio ** 2 / (2 * lr)
""",
)

SILENT = ChoiceExercise(
    id="10.2.4.silent",
    title="The same ratio, whatever the batch",
    task="""
SGD with momentum 0.9, constant learning rate 0.2, weight decay 1e-3, no BatchNorm. After a while one layer shows this,
at five updates in a row, to three digits. The other layers jump about between 4e-3 and 9e-3:

```
update     2001     2002     2003     2004     2005
ratio   2.00e-3  2.00e-3  2.00e-3  2.00e-3  2.00e-3
```

What do you know about the layer?
""",
    options={
        "A": "it is in equilibrium: growth and decay of its weights balance",
        "B": "it gets no gradient any more: only weight decay moves it",
        "C": "it is healthy: its ratio is close to 1e-3",
        "D": "its learning rate is too low",
    },
    answer=lambda: "B",
    solution="""
B. With no gradient the step is pure decay: the velocity settles at wd · w / (1 − m), the ratio at lr · wd / (1 − m) =
0.2 · 1e-3 / 0.1 = 2.00e-3, for every batch. Gradients differ from batch to batch, so any layer that listens to the
images jumps about, in equilibrium too (at 1.45e-2 here). The layer shrinks and nothing pushes back: its units are dead,
or something behind it cuts the gradient off.

```
answer = "B"
```
""",
    hints=(
        "What could make a step that does not depend on the batch at all?",
        "Work out the ratio of a layer whose gradient is exactly zero: momentum sums the decay up, 1 / (1 − m) times.",
    ),
    misconceptions="""
equilibrium: In equilibrium the *average* stands still; single updates still depend on their batch. And its height would
be sqrt(2 · 0.2 · 1e-3 / 1.9).
    "A"
healthy number: The number may be fine; that it never changes is not. A layer that learns sees other images each time.
    "C"
too low: A low rate makes ratios small, but it does not make them equal: gradients would still jump about.
    "D"
""",
)

OPEN = OpenExercise(
    id="10.2.4.open",
    title="Open experiment: a patient of your own",
    task="""
Make the network of part 5 ill in a way that the ward does not have (a rate that climbs, a frozen layer, labels shifted
by an image). Show a friend the training loss alone, and sell the other traces for a point each. A start, ten seconds:

```
rows, run = with_ratios(seed=30, weight_decay=5e-4, schedule=lambda t: 0.001 * 1.02 ** t)
print([round(row["layer 1"][0], 4) for row in rows[::20]], run.val)
```
""",
    hints=(
        "Keep the seed, change one thing at a time. Which trace gave it away? The one you would have looked at first?",
    ),
    solution="Look for two illnesses with the same training loss, and for a cure that works though the name was wrong.",
)

EXERCISES = (SLOWEST, DECAY, SILENT, OPEN)
