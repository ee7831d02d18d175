"""Exercises of lesson 10.3.3: when a pretraining has paid, a gain in error as images."""

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _paid_after(price, pretrained, scratch):
    saved = 0.0
    for k, (ours, theirs) in enumerate(zip(pretrained, scratch, strict=True), start=1):
        saved += theirs - ours
        if saved >= price:
            return k
    return 0


def _draw_paid(rng):
    count = rng.randint(1, 9)
    ours = [rng.randint(10, 200) for _ in range(count)]
    theirs = [max(5, own + rng.randint(-80, 400)) for own in ours]
    return rng.randint(50, 1_200), ours, theirs


PAID = FunctionExercise(
    id="10.3.3.paid",
    title="After which task has it paid?",
    task="""
The bill of part 2 took all tasks to be alike. Yours are not. They come one after the other; task number k costs
`pretrained[k]` updates with the pretrained weights and `scratch[k]` without, to the same accuracy. On some of them the
pretrained weights are *slower*. The pretraining itself cost `price` updates, once, before the first task.

Write `paid_after(price, pretrained, scratch)`: after how many tasks have the updates saved so far first made up for
the price (equal is enough)? 0 if they never do.
""",
    function="paid_after",
    returns="a whole number of tasks, 0 for never",
    stub="""
def paid_after(price, pretrained, scratch):
    return ...
""",
    solution="""
def paid_after(price, pretrained, scratch):
    saved = 0
    for k in range(len(scratch)):
        saved += scratch[k] - pretrained[k]  # may be negative
        if saved >= price:
            return k + 1
    return 0
""",
    hints=(
        "What does one task save? It may be less than nothing.",
        "Keep a running sum of the savings and look at it after each task.",
        "The first time it is at least the price, return how many tasks were done: one more than the index.",
    ),
    reference=_paid_after,
    draw=_draw_paid,
    edges=(
        (100, [10, 10, 10], [60, 60, 60]),
        (100, [10, 50, 10], [90, 20, 50]),
        (100, [10], [50]),
        (90, [10, 20], [100, 5]),
    ),
    keeps=("pretrained", "scratch"),
    misconceptions="""
index: You counted from 0. After the first task *one* task is done.
    return k + 1 -> return k
more than made up: Equal is enough: when the savings are just the price, it has paid.
    saved >= price -> saved > price
losses forgotten: A task on which the pretrained weights are slower eats up savings. You counted it as nothing.
    saved += scratch[k] - pretrained[k] -> saved += max(0, scratch[k] - pretrained[k])
cost of scratch: You saved all that scratch costs. With pretrained weights a task is not free.
    saved += scratch[k] - pretrained[k] -> saved += scratch[k]
mean saving: You took all tasks to be alike and divided the price by the mean saving. Asked is when, in this order.
    saved = sum(scratch) - sum(pretrained)
    if saved <= 0:
        return 0
    k = math.ceil(price * len(scratch) / saved)
    return k if k <= len(scratch) else 0
price at each task: The price is paid once, not at each task.
    saved += scratch[k] - pretrained[k] -> saved += scratch[k] - pretrained[k] - price
""",
    variants=(
        "import numpy as np\nsaved = np.cumsum(np.array(scratch) - np.array(pretrained))\n"
        "return int(np.argmax(saved >= price)) + 1 if (saved >= price).any() else 0",
        "from itertools import accumulate\nsums = accumulate(b - a for a, b in zip(pretrained, scratch))\n"
        "return next((k for k, s in enumerate(sums, 1) if s >= price), 0)",
        "balance = -price\nfor k, (a, b) in enumerate(zip(pretrained, scratch), 1):\n    balance += b - a\n"
        "    if balance >= 0:\n        return k\nreturn 0",
    ),
)

ERROR = ValueExercise(
    id="10.3.3.error",
    title="An error in images",
    task="""
From scratch, the error of a network falls with the number of images as a power, e(n) = c · n^(−0.3). With pretrained
weights it is 0.6 times as large, at every n. How many times as many images does scratch need for the same error?
Three digits.
""",
    given={"factor": 0.6, "power": 0.3},
    answer=lambda factor, power: (1 / factor) ** (1 / power),
    solution="""
Asked is k with c (k n)^(−0.3) = 0.6 c n^(−0.3), so k^(−0.3) = 0.6 and k = 0.6^(−1/0.3) = 5.49. The same gain is worth
the more images the more slowly they help: at a power of 0.1 it would be 165 times as many. (With two *parallel* curves
over the logarithm of images the multiplier is the same at every n; measured ones are not parallel.)

```
answer = 0.6 ** (-1 / 0.3)
```
""",
    hints=(
        "Write down both errors: scratch with k·n images, pretrained with n. They are to be equal.",
        "c and n cancel: k^(−0.3) = 0.6.",
    ),
    misconceptions="""
one over the factor: That is how many times larger the *error* is. Images help only as a power of 0.3.
    1 / factor
power not inverted: You raised to 0.3. It is the other way round: k^0.3 = 1/0.6.
    (1 / factor) ** power
upside down: That is less than 1: scratch would need *fewer* images.
    factor ** (1 / power)
divided: A power is not undone by dividing.
    1 / factor / power
""",
)

CASE = ChoiceExercise(
    id="10.3.3.case",
    title="“Pretraining is indispensable”",
    task="""
A report: on 100,000 images, 12 epochs, a detector with a pretrained backbone has 40.3 points of average precision, the
same from scratch 36.8. Both sides tried five rates and took their own best; both curves are printed. The one from
scratch is still rising at the end, the other has been flat for three epochs. The conclusion: “Pretraining is
indispensable for accuracy.” What is missing *first*?
""",
    options={
        "A": "a rate of its own for the side from scratch",
        "B": "longer runs for both: the side from scratch was stopped on its way",
        "C": "the same architecture on both sides",
        "D": "nothing: with as many epochs for both the comparison is fair",
    },
    answer=lambda: "B",
    solution="""
B. With as many epochs for both, the length decides: the flat side has nothing more to gain, the rising one has. These
are He's numbers at their shortest schedule; at three times the length the two are level. The report has shown that
pretraining is *faster*.
""",
    hints=(
        "Which conditions of a fair comparison does the report already state?",
        "Look at the sentence about the curves: what would the next twelve epochs do to each?",
    ),
    misconceptions="""
own rate: Both sides had five tries and took their own best.
    "A"
architecture: “The same from scratch”: it is the same.
    "C"
fair: As many epochs for both is a choice, and it favours the side that starts nearer to the end.
    "D"
""",
)

OPEN = OpenExercise(
    id="10.3.3.open",
    title="Open experiment: a cheaper school",
    task="""
Bars at an angle, drawn by a few lines of numpy, were a source of transfer in part 5. What else would be, and how little
of it is enough? Grow a small net on `task("counts")` or `task("sounds")`, or for 50, 100, 200 updates only, transplant
it to the other five with 20 images a class, and find the school with the best gain for its price. About four seconds a
try.

```
from course_utils.transfer import task
net = small_net(10, seed=0)
journey(net, task("counts"), lr=1e-2, updates=200, test=False)             # the school
run = journey(transplant(net, 5), away.few(20, 0), lr=1e-2, updates=128, batch_size=16)
run.config["tested"]
```

Guess first: how many updates at school are worth half of what 1,000 updates bring?
""",
    hints=("`journey` trains the net it is given, in place: keep it in a variable, then `transplant` it.",),
    solution="What to look for: most of the gain comes early, so that short schools pay first; and what the classes "
    "were matters less here than that the labels could be *learned* from the pictures. Random labels cannot be.",
)

EXERCISES = (PAID, ERROR, CASE, OPEN)
