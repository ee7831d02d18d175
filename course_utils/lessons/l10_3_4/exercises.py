"""Exercises of lesson 10.3.4: how much decay does in a run, CutMix at the border, a main effect from four runs."""

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
what is gone: That is the share that is *gone*. Asked is the factor that is left.
    return factor -> return 1 - factor
grows: Decay shrinks: one *minus* the rate times the decay.
    1 - lr * decay -> 1 + lr * decay
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


KEPT = ValueExercise(
    id="10.3.4.kept",
    title="CutMix at the border",
    task="""
CutMix pastes a box of a second image into a first one of `side` × `side` pixels. The box was to reach `half` pixels to
each side of its middle: rows from `y - half` (included) to `y + half` (not included), columns likewise around `x`.
Where it leaves the image, it is cut off. What share of the label does the **first** image deserve?
""",
    given={"side": 32, "half": 10, "y": 4, "x": 27},
    answer=lambda side, half, y, x: (
        1 - (min(side, y + half) - max(0, y - half)) * (min(side, x + half) - max(0, x - half)) / side**2
    ),
    solution="""
Rows 0 to 13, 14 of them; columns 17 to 31, 15 of them. So 210 of 1,024 pixels are replaced, and 79.5 % are left. The λ
that was drawn said 61 %: libraries compute the label anew from the box that was really cut.

```
answer = 1 - 14 * 15 / 32**2
```
""",
    hints=(
        "The label has to follow the pixels. Which pixels are really replaced?",
        "Rows from max(0, y − half) to min(side, y + half); columns the same way.",
        "One minus the box's area over the image's area.",
    ),
    misconceptions="""
border forgotten: Your box reaches over the border: pixels outside the image replace nothing.
    1 - (2 * half) ** 2 / side**2
share of the second: That is what the *second* image deserves.
    (min(side, y + half) - max(0, y - half)) * (min(side, x + half) - max(0, x - half)) / side**2
rows alone: You cut the rows off and forgot the columns.
    1 - (min(side, y + half) - max(0, y - half)) * 2 * half / side**2
columns alone: You cut the columns off and forgot the rows.
    1 - 2 * half * (min(side, x + half) - max(0, x - half)) / side**2
half a box: `half` is half of the box's side: it reaches that far to both sides.
    1 - half**2 / side**2
""",
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
    solution="What to look for: without augmentation the test accuracy stops growing soon after the training images "
    "are all right; with it the run learns more slowly and goes on longer. Where the two curves cross depends on the "
    "number of images: passes over the data count, not updates.",
)

EXERCISES = (LEFT, KEPT, EFFECT, OPEN)
