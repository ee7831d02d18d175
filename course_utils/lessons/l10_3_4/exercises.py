"""Exercises of lesson 10.3.4: how much decay does in a run, CutMix at the border, main effects, the loss of a mixture."""

from math import log

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _left(rates, decay):
    left = 1.0
    for lr in rates:
        left *= 1 - lr * decay
    return left


def _draw_left(rng):
    peak = 10 ** rng.uniform(-3, -1)
    return [round(peak * rng.uniform(0.05, 1), 6) for _ in range(rng.randint(2, 40))], rng.choice([0.01, 0.1, 1.0, 5.0])


LEFT = FunctionExercise(
    id="10.3.4.left",
    title="What does weight decay do in a whole run?",
    task="""
AdamW's weight decay is *decoupled*: before each update a weight is multiplied by one minus its learning rate times the
decay. A weight sits in the optimizer and its gradient is **zero** in every update (not `None`): nothing but the decay
moves it. Write `left(rates, decay)`: by what factor it has been multiplied after the run.

- `rates` is the list of learning rates, one for each update
- `decay` is the optimizer's `weight_decay`
""",
    function="left",
    returns="the factor, 1 if nothing was decayed",
    stub="""
def left(rates, decay):
    return ...
""",
    solution="""
def left(rates, decay):
    factor = 1.0
    for lr in rates:
        factor *= 1 - lr * decay
    return factor
""",
    hints=(
        "What is left after one update, and what do two updates in a row do to that?",
        "Each update multiplies by its own factor: the learning rate changes along the schedule.",
        "Start with 1.0 and multiply by 1 − lr · decay, once for each rate.",
    ),
    reference=_left,
    draw=_draw_left,
    edges=(([0.1, 0.1], 1.0), ([0.2, 0.0, 0.4], 0.5), ([0.05] * 20, 2.0), ([], 0.1)),
    misconceptions="""
decay without the rate: You left out the learning rate: in AdamW the decay is multiplied by it, and a small rate makes
a small decay.
    return (1 - decay) ** len(rates)
added up: You added the losses up. Each update takes its share of what is *left*, so the factors multiply.
    return 1 - decay * sum(rates)
peak rate throughout: You took the highest rate for every update. The schedule lowers it, and the decay with it.
    return (1 - decay * max(rates, default=0.0)) ** len(rates)
last update alone: That is the last update alone.
    return 1 - decay * rates[-1] if rates else 1.0
what is gone: That is the share that is *gone*. Asked is the factor that is left.
    factor = 1.0
    for lr in rates:
        factor *= 1 - lr * decay
    return 1 - factor
grows: Decay shrinks: one *minus* the rate times the decay.
    factor = 1.0
    for lr in rates:
        factor *= 1 + lr * decay
    return factor
zero gradient, no decay: You let the weight rest because its gradient is zero. Only a gradient of `None` is skipped.
    return 1.0
""",
    variants=(
        "import math\nreturn math.prod(1 - lr * decay for lr in rates)",
        "import numpy as np\nreturn np.prod(1 - np.array(rates, float) * decay)",
        "import torch\nw = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))\n"
        "adam = torch.optim.AdamW([w], weight_decay=decay)\nfor lr in rates:\n    adam.param_groups[0]['lr'] = lr\n"
        "    w.grad = torch.zeros(1, dtype=torch.float64)\n    adam.step()\nreturn w.item()",
    ),
)


def _kept(height, width, y, x, lam):
    half = 0.5 * (1 - lam) ** 0.5
    dy, dx = int(half * height), int(half * width)
    rows = min(height, y + dy) - max(0, y - dy)
    columns = min(width, x + dx) - max(0, x - dx)
    return 1 - rows * columns / (height * width)


def _draw_kept(rng):
    height, width = rng.randint(12, 48), rng.randint(12, 48)
    return height, width, rng.randint(0, height - 1), rng.randint(0, width - 1), round(rng.uniform(0.05, 0.8), 3)


KEPT = FunctionExercise(
    id="10.3.4.kept",
    title="CutMix at the border",
    task="""
CutMix draws λ and a point, and pastes a box of a second image around that point. The box is to cover the share 1 − λ,
so half its height is `int(0.5 * sqrt(1 - lam) * height)` pixels, half its width likewise. Where the box leaves the
image, it is cut off. Write `kept(height, width, y, x, lam)`: the share of the label that the **first** image deserves.

- `height`, `width`: of the image in pixels
- `y`, `x`: the middle of the box, whole numbers inside the image; it reaches from `y - half` (included) to `y + half`
  (not included), and the same across
- `lam`: the λ that was drawn, below 1
""",
    function="kept",
    returns="the share of the pixels that still belong to the first image",
    stub="""
def kept(height, width, y, x, lam):
    return ...
""",
    solution="""
def kept(height, width, y, x, lam):
    dy = int(0.5 * (1 - lam) ** 0.5 * height)
    dx = int(0.5 * (1 - lam) ** 0.5 * width)
    rows = min(height, y + dy) - max(0, y - dy)
    columns = min(width, x + dx) - max(0, x - dx)
    return 1 - rows * columns / (height * width)
""",
    hints=(
        "The label has to follow the pixels. Which pixels are really replaced?",
        "Rows from max(0, y − half) to min(height, y + half); columns the same way.",
        "One minus the box's area over the image's area.",
    ),
    reference=_kept,
    draw=_draw_kept,
    edges=((32, 32, 0, 0, 0.5), (32, 32, 16, 16, 0.5), (20, 40, 19, 3, 0.2), (32, 32, 31, 31, 0.75)),
    misconceptions="""
label not corrected: You gave the λ that was drawn. At the border the box is cut off, and then the first image keeps
more than λ.
    return lam
border forgotten: Your box reaches over the border: pixels outside the image replace nothing.
    dy = int(0.5 * (1 - lam) ** 0.5 * height)
    dx = int(0.5 * (1 - lam) ** 0.5 * width)
    return 1 - 4 * dy * dx / (height * width)
share of the second: That is what the *second* image deserves.
    dy = int(0.5 * (1 - lam) ** 0.5 * height)
    dx = int(0.5 * (1 - lam) ** 0.5 * width)
    rows = min(height, y + dy) - max(0, y - dy)
    columns = min(width, x + dx) - max(0, x - dx)
    return rows * columns / (height * width)
root forgotten: Half of each *side* is to be the root of the share: 1 − λ is an area.
    dy = int(0.5 * (1 - lam) * height)
    dx = int(0.5 * (1 - lam) * width)
    rows = min(height, y + dy) - max(0, y - dy)
    columns = min(width, x + dx) - max(0, x - dx)
    return 1 - rows * columns / (height * width)
box of lambda: Your box covers λ. It covers 1 − λ: λ is what the first image keeps.
    dy = int(0.5 * lam ** 0.5 * height)
    dx = int(0.5 * lam ** 0.5 * width)
    rows = min(height, y + dy) - max(0, y - dy)
    columns = min(width, x + dx) - max(0, x - dx)
    return 1 - rows * columns / (height * width)
lower border alone: You cut the box off at zero, but not at the other end of the image.
    dy = int(0.5 * (1 - lam) ** 0.5 * height)
    dx = int(0.5 * (1 - lam) ** 0.5 * width)
    return 1 - (y + dy - max(0, y - dy)) * (x + dx - max(0, x - dx)) / (height * width)
""",
    variants=(
        "import numpy as np\nmask = np.zeros((height, width), bool)\nhalf = 0.5 * np.sqrt(1 - lam)\n"
        "dy, dx = int(half * height), int(half * width)\n"
        "mask[max(0, y - dy) : y + dy, max(0, x - dx) : x + dx] = True\nreturn 1 - mask.mean()",
        "import math\nhalf = math.sqrt(1 - lam) / 2\ndy, dx = int(half * height), int(half * width)\n"
        "inside = sum(y - dy <= i < y + dy and x - dx <= j < x + dx for i in range(height) for j in range(width))\n"
        "return (height * width - inside) / (height * width)",
        "import torch\nimage = torch.ones(height, width)\nhalf = 0.5 * (1 - lam) ** 0.5\n"
        "dy, dx = int(half * height), int(half * width)\nimage[max(0, y - dy) : y + dy, max(0, x - dx) : x + dx] = 0\n"
        "return image.mean()",
    ),
)

EFFECT = ValueExercise(
    id="10.3.4.effect",
    title="A main effect from four runs",
    task="""
Four runs, test accuracy in per cent: `base` (both switches off), `deep` (the deep head on), `drop` (dropout on), and
`both`. What is the **main effect of dropout**, in points: how much it brings on average over the two heads?
""",
    given={"base": 44.0, "deep": 35.0, "drop": 43.0, "both": 41.0},
    answer=lambda base, deep, drop, both: ((drop - base) + (both - deep)) / 2,
    unit="points",
    solution="""
With the linear head dropout brings 43 − 44 = −1 point, with the deep one 41 − 35 = +6. The main effect is the mean of
the two, 2.5 points. It describes neither head well: the two differ by 7 points, and that is what an interaction is.

```
answer = ((43 - 44) + (41 - 35)) / 2
```
""",
    hints=(
        "With the linear head, what does switching dropout on bring? And with the deep head?",
        "Two differences, each between runs that differ in dropout alone.",
        "The main effect is their mean.",
    ),
    misconceptions="""
one at a time: That is the effect with the linear head alone, what a one-at-a-time table shows.
    drop - base
deep head alone: That is the effect with the deep head alone.
    both - deep
interaction: That is the interaction: how much the two effects *differ*. Asked is their mean.
    (both - deep) - (drop - base)
both at once: You compared both switches on with both off; the deep head changed as well.
    both - base
sum: You added the two effects; the main effect is their mean.
    (drop - base) + (both - deep)
upside down: On minus off, not the other way round.
    ((base - drop) + (deep - both)) / 2
the other switch: That is the main effect of the deep head.
    ((deep - base) + (both - drop)) / 2
""",
)

MIXED = ValueExercise(
    id="10.3.4.mixed",
    title="The loss of a mixture",
    task="""
Mixup drew λ = `lam` and mixed an image of class A (share λ) with one of class B (share 1 − λ). For the mixture the
network gives class A the probability `p_a` and class B `p_b`. What is the loss of this example, in nats?
""",
    given={"lam": 0.7, "p_a": 0.5, "p_b": 0.2},
    answer=lambda lam, p_a, p_b: -lam * log(p_a) - (1 - lam) * log(p_b),
    unit="nats",
    solution="""
The loss is mixed like the labels: 0.7 · (−ln 0.5) + 0.3 · (−ln 0.2) = 0.485 + 0.483 = 0.968. Its lowest value is not 0
but the entropy of the label, 0.611: a training loss with mixup cannot be compared with one without.

```
import math
answer = -0.7 * math.log(0.5) - 0.3 * math.log(0.2)
```
""",
    hints=(
        "The label is no class any more: it is A to the share λ and B to the rest.",
        "Cross-entropy with shares: each class's −ln p, weighted by its share.",
        "λ · (−ln p_a) + (1 − λ) · (−ln p_b).",
    ),
    misconceptions="""
larger label alone: You asked for the larger class alone: the label is a mixture, and B counts with 1 − λ.
    -math.log(p_a)
probabilities mixed: You mixed the probabilities and took one logarithm. The two losses are mixed.
    -math.log(lam * p_a + (1 - lam) * p_b)
shares swapped: A is the class with the share λ.
    -(1 - lam) * math.log(p_a) - lam * math.log(p_b)
both in full: You added both losses in full; they are weighted by their shares.
    -math.log(p_a) - math.log(p_b)
mean: You weighted both the same; the shares are λ and 1 − λ.
    -(math.log(p_a) + math.log(p_b)) / 2
other logarithm: That is in bits, or in decimal digits: the loss uses the natural logarithm.
    -lam * math.log2(p_a) - (1 - lam) * math.log2(p_b)
sign: A loss is positive: minus the logarithm.
    lam * math.log(p_a) + (1 - lam) * math.log(p_b)
entropy of the label: That is the entropy of the label itself, the lowest loss possible; the probabilities decide.
    -lam * math.log(lam) - (1 - lam) * math.log(1 - lam)
""",
)

OPEN = OpenExercise(
    id="10.3.4.open",
    title="Open experiment: when does augmentation begin to pay?",
    task="""
The desk's runs are short. Take 20 images a class and the switch `randaug` (or `mixup`), and let the run grow: 30, 60,
120, 240 updates. At which length does it begin to gain, if it does? Guess first. With two seeds and a switch this takes
about a minute on two cores. To start from:

```
for updates in (30, 60, 120):
    off, on = ask(objects, 20, [], "randaug", updates=updates, seeds=[40, 41])
    ...
```
""",
    hints=(
        "`run.test_percent` is the test accuracy of a run, `run.config['train']` that on training images.",
        "A regulariser has something to do where the training accuracy is 1 and the test accuracy is not.",
    ),
    solution="What to look for: without augmentation the test accuracy stops growing soon after the training images are "
    "all right; with it the run learns more slowly and goes on longer. Where the two curves cross depends on the number "
    "of images: passes over the data count, not updates.",
)

EXERCISES = (LEFT, KEPT, EFFECT, MIXED, OPEN)
