"""Exercises of lesson 10.1.1: stability, momentum, and reading a learning rate off a curve."""

import math
import random

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise

EDGE = FunctionExercise(
    id="10.1.1.edge",
    title="The fastest rate of a bowl",
    task="""
Near a minimum the loss looks like a bowl, L(w) = ½ (λ₁ w₁² + λ₂ w₂² + …), with curvature λᵢ > 0 along
direction i. Plain gradient descent turns each wᵢ into (1 − η λᵢ) wᵢ. Up to the edge nothing grows. But which rate is
*quickest*? A bowl is as slow as its slowest direction, the one with the largest |1 − η λᵢ|.

Write `fastest_rate(curvatures)`: the learning rate η for which that largest factor is as small as it can be.
`curvatures` is a list of the λᵢ, in no particular order; it may hold a single one.
""",
    function="fastest_rate",
    returns="the learning rate at which the largest |1 − lr λ| of all directions is smallest",
    stub="""
def fastest_rate(curvatures):
    return ...
""",
    solution="""
def fastest_rate(curvatures):
    # Too small a rate leaves the flattest direction slow (1 - lr*min), too large a one lets the steepest swing
    # (lr*max - 1). Best is where both are equally bad: 1 - lr*min = lr*max - 1.
    return 2 / (max(curvatures) + min(curvatures))
""",
    hints=(
        "Draw |1 − η λ| over η for the flattest and for the steepest direction. Which of them is slower, at small η "
        "and near the edge?",
        "The flattest direction gets quicker as η grows, the steepest one slower (beyond 1/λ). Where do they meet?",
        "1 − η λ_min = η λ_max − 1. Solve for η.",
    ),
    reference=lambda curvatures: 2 / (max(curvatures) + min(curvatures)),
    draw=lambda rng: ([math.exp(rng.uniform(-3, 5)) for _ in range(rng.randint(2, 6))],),
    edges=(([4.0],), ([0.5, 20.0],), ([20.0, 0.5],), ([1.0, 5.0, 19.0],), ([3.0, 3.0],)),
    keeps=("curvatures",),
    misconceptions="""
the edge: That is the edge, where the steepest direction does not shrink at all any more. Back off from it: which
direction is then the slowest?
    return 2 / max(curvatures)
steepest alone: That brings the steepest direction to the bottom in one step, but the flattest one is still slow. A
little more rate costs the steepest something and helps the flattest.
    return 1 / max(curvatures)
flattest: You took the flattest direction alone: at that rate the steeper ones blow up.
    return 1 / min(curvatures)
edge of the flattest: You took the flattest direction. It is the most patient one; the steepest breaks long before.
    return 2 / min(curvatures)
all of them: You added up *all* curvatures. Only the two extremes can be the slowest; those between are always quicker.
    return 2 / sum(curvatures)
average: That is one over the average curvature. What lies between the two extremes does not matter.
    return len(curvatures) / sum(curvatures)
geometric: The middle is an arithmetic one: 1 − η λ_min = η λ_max − 1 has no root in it.
    return 1 / math.sqrt(max(curvatures) * min(curvatures))
missing two: Nearly: 1 − η λ_min = η λ_max − 1 has a 2 on one side.
    return 1 / (max(curvatures) + min(curvatures))
""",
    variants=(
        "import numpy as np\nreturn 2 / (np.max(curvatures) + np.min(curvatures))",
        "import torch\nc = torch.as_tensor(curvatures)\nreturn 2 / (c.max() + c.min())",
        "c = sorted(curvatures)\nreturn 2 / (c[0] + c[-1])",
        "return 2.0 / (curvatures.max() + curvatures.min())",
    ),
)

MOMENTUM = FunctionExercise(
    id="10.1.1.momentum",
    title="One momentum update by hand",
    task="""
Write `momentum_update(w, v, g, lr, m)`: one update of SGD with momentum, returning the pair (new w, new v).

Use PyTorch's convention (`torch.optim.SGD(momentum=m)`, without dampening and without Nesterov): the
velocity `v` is a running sum of gradients that forgets by the factor `m`, and the learning rate multiplies
the *new* velocity when the weight moves. `g` is the gradient at `w`.
""",
    function="momentum_update",
    returns="(new w, new v) after one update",
    stub="""
def momentum_update(w, v, g, lr, m):
    return ...
""",
    solution="""
def momentum_update(w, v, g, lr, m):
    v = m * v + g            # the old velocity fades by m, the gradient is added in full
    w = w - lr * v           # the learning rate enters here, and only here
    return w, v
""",
    hints=(
        "Two lines: first the velocity, then the weight.",
        "The new velocity keeps `m` times the old one and adds the whole gradient (not 1 − m of it).",
        "The weight goes against the *new* velocity: w − lr·v. Return both, weight first.",
    ),
    reference=lambda w, v, g, lr, m: (w - lr * (m * v + g), m * v + g),
    draw=lambda rng: (
        rng.uniform(-3, 3),
        rng.uniform(-3, 3),
        rng.uniform(-3, 3),
        rng.uniform(0.05, 1.0),
        rng.uniform(0.3, 0.99),
    ),
    edges=((1.0, 0.0, 2.0, 0.1, 0.9), (0.0, 1.0, 0.0, 0.1, 0.9)),
    floor=lambda w, v, g, lr, m: 1e-5,
    misconceptions="""
no memory: You forgot that momentum keeps the old velocity: this is plain gradient descent.
    v = g
    return w - lr * v, v
averaged: You weighted the gradient by 1 − m: that is the averaged (dampened) form. PyTorch adds the whole gradient, so
its steps grow to 1/(1 − m) times as long.
    v = m * v + (1 - m) * g
    return w - lr * v, v
old velocity: You moved the weight with the old velocity; update the velocity first, then use it.
    return w - lr * v, m * v + g
rate inside: You put the learning rate into the velocity (Sutskever's form). In PyTorch's, `v` is free of it: the two
differ as soon as the rate changes, which is what schedules do.
    v = m * v - lr * g
    return w + v, v
rate inside, positive: You scaled the gradient by the learning rate inside the velocity. In PyTorch's form `v` is free
of it; the rate multiplies the whole velocity when the weight moves.
    v = m * v + lr * g
    return w - v, v
uphill: The sign is wrong: you climb. The weight goes *against* the velocity.
    v = m * v + g
    return w + lr * v, v
swapped: The two results are swapped: weight first, then velocity.
    v = m * v + g
    return v, w - lr * v
nesterov: That is Nesterov's look-ahead, which PyTorch does only with `nesterov=True`.
    v = m * v + g
    return w - lr * (g + m * v), v
""",
    variants=(
        "import numpy as np\nv = np.multiply(m, v) + g\nreturn np.array([w - lr * v, v])",
        "import torch\nv = torch.as_tensor(v) * m + g\nreturn w - lr * v, v",
        "import torch\nv = torch.add(g, v, alpha=float(m))\nreturn torch.sub(w, v, alpha=float(lr)), v",
        "return [w - lr * (m * v + g), m * v + g]",
        "v.mul_(m).add_(g)\nreturn w - lr * v, v",
        "import numpy as np\nv = np.float32(m) * np.float32(v) + np.float32(g)\n"
        "return np.float32(w) - np.float32(lr) * v, v",
    ),
)

SPACING = ValueExercise(
    id="10.1.1.spacing",
    title="The factor between neighbours on a log grid",
    task="""
A search over learning rates tries `points` values from `low` to `high`, both included, evenly spaced on a
logarithmic
axis: each is the one before times a fixed factor. What is that factor? Three digits are enough.
""",
    given={"low": 1e-4, "high": 10.0, "points": 11},
    answer=lambda low, high, points: (high / low) ** (1 / (points - 1)),
    solution="""
answer = (10.0 / 1e-4) ** (1 / (11 - 1))      # 11 posts have 10 gaps; 3.16 is half a power of ten
""",
    hints=(
        "From `low` to `high` you multiply by the factor several times over. How often, for 11 values?",
        "low · factorⁿ = high, where n is the number of *gaps*, one less than the number of values.",
        "factor = (high / low) to the power 1/n.",
    ),
    misconceptions="""
posts and gaps: You counted the values instead of the gaps: 11 values have 10 gaps.
    (high / low) ** (1 / points)
exponent: That is the step of the exponent (of log₁₀); the factor is ten to that power.
    math.log10(high / low) / (points - 1)
linear: That is the step of an even spacing: ten of the eleven values would lie above 0.9 and none between 0.0001 and
0.9.
    (high - low) / (points - 1)
natural: That is the step of the natural logarithm; the factor is e to that power.
    math.log(high / low) / (points - 1)
""",
)


def _descend(rate: float, updates: int = 60) -> list[float]:
    """Losses of noisy gradient descent on a bowl of 20 directions (curvatures 0.02 ... 1), from a fixed
    seed."""
    rng = random.Random(7)
    curvatures = [0.02 * 50 ** (place / 19) for place in range(20)]
    weights, losses = [1.0] * 20, []
    for _ in range(updates):
        losses.append(sum(c * w * w for c, w in zip(curvatures, weights, strict=True)) / 2)
        weights = [w - rate * (c * w + rng.gauss(0, 0.12)) for c, w in zip(curvatures, weights, strict=True)]
    return losses


# Each a real descent at one learning rate; the labels are in no order. (The rates: 2.06, 0.25, 0.02, 1.3.)
CURVES = {"A": _descend(1.3), "B": _descend(0.02), "C": _descend(2.06), "D": _descend(0.25)}


def ending(curve) -> float:
    """Mean of the last tenth of a loss curve; infinite when anything in it is not a finite number."""
    tail = [float(x) for x in curve[-max(1, len(curve) // 10) :]]
    return sum(tail) / len(tail) if all(map(math.isfinite, tail)) else math.inf


def beginning(curve) -> float:
    """Loss after the first twentieth of the run; infinite when it is not a finite number."""
    value = float(curve[max(1, len(curve) // 20)])
    return value if math.isfinite(value) else math.inf


def _roughness(curve) -> float:
    tail = [float(x) for x in curve]
    steps = [abs(b - a) for a, b in zip(tail, tail[1:], strict=False)]
    return sum(steps) if all(map(math.isfinite, steps)) else math.inf


FOUR_CURVES = ChoiceExercise(
    id="10.1.1.four_curves",
    title="Read the right learning rate off four curves",
    task="""
Four trainings, alike in everything but the learning rate, drawn above with the labels A to D. Which one ran
at the rate you would keep for this budget? Answer with its letter, for instance `answer = "A"`.
""",
    options={label: f"curve {label}" for label in "ABCD"},
    given={"curves": CURVES},
    answer=lambda curves: min(curves, key=lambda label: ending(curves[label])),
    solution="""
Look at the right-hand end: the curve to keep is the lowest *there*. A curve that dives first and then
levels off high has too high a rate (its steps overshoot the valley floor); a calm line still on its way
down has too low a rate; a curve that climbs away has passed the stability edge. In code:

```
ends = {label: sum(losses[-6:]) / 6 for label, losses in given("10.1.1.four_curves")["curves"].items()}
answer = min(ends, key=ends.get)
```
""",
    hints=(
        "Sort out first the curve that leaves upwards: its rate is beyond the stability edge.",
        "Two of the rest are wrong for opposite reasons: one is still falling at the end, one stopped falling early.",
        "The budget is the whole width of the picture: compare heights at the right-hand end.",
    ),
    misconceptions="""
too low: That curve is the calmest, but it is still on its way down when the budget ends: the rate is too low.
    min(curves, key=lambda label: calm(curves[label]))
diverged: That curve leaves upwards: its rate lies beyond the stability edge, however well it began.
    max(curves, key=lambda label: ending(curves[label]))
fast start: That curve falls fastest at the beginning and then levels off too high: a somewhat too high rate. Judge by
the end, not by the start.
    min(curves, key=lambda label: beginning(curves[label]))
""",
    names={"ending": ending, "beginning": beginning, "calm": _roughness},
)

OPEN = OpenExercise(
    id="10.1.1.open",
    title="Open experiment: does the best rate move with the batch?",
    task="""
(About five minutes of computing on two cores.)
Find the best constant learning rate of the small network at batch size 32 and at batch size 512, with the
same number of *epochs*, then with the same number of *updates*. Use three seeds each and at least five
rates a factor 3 apart. Before you
run it: in which of the two comparisons will the best rate move more? A start:

```
for batch_size, lr in [(32, 0.01), (32, 0.03), (512, 0.03), (512, 0.1)]:
    model = scale.model(seed=10)
    run = fit(model, data, momentum_sgd(model, lr), updates=600, batch_size=batch_size, seed=10)
    print(batch_size, lr, f"{run.percent:.1f} %")
```
""",
    hints=(
        "Four columns of results: two batch sizes times two ways of being fair. Write down what is equal in each.",
        "If the best rate is the first or the last you tried, the search is not finished: extend the grid.",
    ),
    solution="What to look for: a larger batch gives a less noisy gradient, so it bears a larger rate, "
    "until the curvature's "
    "edge (which does not know the batch size) stops it. At equal epochs the large batch also has 16 times "
    "fewer updates, and part of what looks like a better rate is a shortage of steps. Goyal et al. 2017 "
    "(arXiv 1706.02677) scale the rate with the batch; McCandlish et al. 2018 (arXiv 1812.06162) say up to "
    "which batch that holds.",
)

EXERCISES = (EDGE, MOMENTUM, FOUR_CURVES, SPACING, OPEN)
