"""Exercises of lesson 10.2.5: growing cycles, weighted members, a mean that goes wrong."""

import math

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _snapshots(first, factor, T):
    times, length, end = [], first, first
    while end <= T:
        times.append(end)
        length *= factor
        end += length
    return times


def _draw_cycles(rng):
    first, factor = rng.randint(3, 40), rng.randint(2, 3)
    return first, factor, rng.randint(first, 30 * first)


GROWING = FunctionExercise(
    id="10.2.5.growing",
    title="Cycles that grow",
    task="""
Warm restarts are often used with cycles that *grow* (Loshchilov and Hutter 2016): the first one takes `first` updates,
every further one `factor` times as many as the one before it. Write `snapshot_times(first, factor, T)`: a list of the
numbers of updates made when a snapshot is saved, in a training of T updates. Save at the end of every cycle, after its
last update; a cycle that T cuts off leaves no snapshot. All three are whole numbers, factor ≥ 2, first ≤ T.

The very first snapshot is saved after `first` updates.
""",
    function="snapshot_times",
    returns="a list of whole numbers, rising: after how many updates each snapshot is saved",
    stub="""
def snapshot_times(first, factor, T):
    return ...
""",
    solution="""
def snapshot_times(first, factor, T):
    times, length, end = [], first, first
    while end <= T:                       # a cycle that ends with the training counts
        times.append(end)
        length = length * factor          # the next cycle is longer ...
        end = end + length                # ... and begins where this one has ended
    return times
""",
    hints=(
        "Two things grow: the length of a cycle, and the update at which it ends: 10, 20, 40 and 10, 30, 70.",
        "Go on while the end of the cycle is not beyond T: `while end <= T`.",
    ),
    reference=_snapshots,
    draw=_draw_cycles,
    edges=((10, 2, 70), (10, 2, 69), (5, 3, 5), (4, 3, 52), (1, 2, 15)),
    misconceptions="""
lengths not ends: These are the lengths of the cycles. A cycle begins where the one before has ended: add them up.
    end = end + length -> end = length
one late: One update late: by then the next cycle has begun, and the weights have made an update at the full rate.
    times.append(end) -> times.append(end + 1)
one early: One update early: the last update of the cycle, the one with the lowest rate, is still to come. (Updates
made are counted from 1; the last one of the first cycle is number `first`.)
    times.append(end) -> times.append(end - 1)
equal cycles: All your cycles have the same length: each is `factor` times as long as the one before.
    return list(range(first, T + 1, first))
cut cycle saved: You save at T, too, where the last cycle was cut off: the rate is still high there.
    return times -> return times if times[-1] == T else times + [T]
last one lost: A cycle that ends exactly with the training is a whole one: its snapshot counts.
    while end <= T -> while end < T
""",
    variants=(
        "from itertools import accumulate\nends = accumulate(first * factor**k for k in range(40))\n"
        "return [end for end in ends if end <= T]",
        "ends = (first * (factor**k - 1) // (factor - 1) for k in range(1, 40))\nreturn [e for e in ends if e <= T]",
        "import numpy as np\nends = np.cumsum([first * factor**k for k in range(30)])\nreturn ends[ends <= T]",
    ),
)


def _softmax(row):
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


def _weighted(logits, counts):
    said = [_softmax(row) for row in logits]
    return [sum(n * row[c] for n, row in zip(counts, said, strict=True)) / sum(counts) for c in range(len(logits[0]))]


def _draw_team(rng):
    members, classes = rng.randint(2, 5), rng.randint(2, 6)
    counts = [rng.randint(0, 4) for _ in range(members)]
    counts[0], counts[1] = counts[0] + 1, counts[1] + 3
    return [[rng.gauss(0, 3) for _ in range(classes)] for _ in range(members)], counts


WEIGHTED = FunctionExercise(
    id="10.2.5.weighted",
    title="Some members count more",
    task="""
Greedy selection may take a member several times. Write `say_together(logits, counts)` for *one* image: `logits` is a
list with one row for each member, a number for each class; `counts` says how often each member was taken (0: not at
all). Return the list of probabilities, one a class, that the selected team gives: equation 10.7, in which a member that
was taken twice stands twice. At least one count is above 0.
""",
    function="say_together",
    returns="a list of probabilities, one a class, that add up to 1",
    stub="""
def say_together(logits, counts):
    return ...
""",
    solution="""
import math

def softmax(row):
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]

def say_together(logits, counts):
    said = [softmax(row) for row in logits]            # first probabilities, then the mean
    classes, picks = range(len(logits[0])), sum(counts)
    return [sum(n * p[c] for n, p in zip(counts, said)) / picks for c in classes]
""",
    hints=(
        "Equation 10.7 is about P_i(y|x). Turn every member's logits into probabilities first, each row by itself.",
        "A member that was taken n times is n terms of the sum. How many terms are there in all?",
        "For each class: the sum of count · probability over the members, divided by the sum of the counts.",
    ),
    reference=_weighted,
    draw=_draw_team,
    edges=(
        ([[math.log(0.001), math.log(0.999)], [math.log(0.8), math.log(0.2)]], [1, 2]),
        ([[2.0, -1.0, 0.5], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0]], [0, 3, 1]),
        ([[800.0, 0.0], [0.0, 1.0]], [1, 1]),
    ),
    floor=lambda *_: 1e-6,
    keeps=("logits", "counts"),
    misconceptions="""
logits averaged: You took the mean of the logits and then softmax. That is another rule, a geometric mean: one member
that is sure of the opposite can veto all others.
    rows, n = list(zip(*logits)), sum(counts)
    mean = [sum(k * v for k, v in zip(counts, column)) / n for column in rows]
    powers = [math.exp(v - max(mean)) for v in mean]
    return [p / sum(powers) for p in powers]
counts ignored: Every member stands once in your mean. One that was taken three times stands there three times.
    sum(n * p[c] for n, p in zip(counts, said)) / picks -> sum(p[c] for p in said) / len(said)
divided by members: You divided by the number of members; divide by the number of picks, or it does not add up to 1.
    / picks -> / len(said)
votes: You counted votes. A vote forgets how sure a member is, and eq. 10.7 does not.
    [softmax(row) for row in logits] -> [[float(v == max(row)) for v in row] for row in logits]
softmax twice: You applied softmax once more at the end: a mean of probabilities is a probability already.
    return [sum(n * p[c] -> return softmax([sum(n * p[c]
    for c in classes] -> for c in classes])
""",
    variants=(
        "import numpy as np\np = np.exp(np.array(logits) - np.max(logits, 1, keepdims=True))\n"
        "return np.array(counts) @ (p / p.sum(1, keepdims=True)) / sum(counts)",
        "from scipy.special import softmax\nreturn (softmax(logits, 1).T * counts).sum(1) / sum(counts)",
        "import torch\np = torch.tensor(logits).softmax(1)\nreturn torch.tensor(counts).float() @ p / sum(counts)",
    ),
)


def _points(images):
    alone = [100 * sum(member > 0.5 for member in image) / len(image) for image in images]
    together = [100 * (sum(image) / len(image) > 0.5) for image in images]
    return sum(together) / len(images) - sum(alone) / len(images)


ACCURACY = ValueExercise(
    id="10.2.5.accuracy",
    title="No guarantee for the accuracy",
    task="""
Three members, three images, two classes. The table gives the probability of the *right* class:

```
            member 1   member 2   member 3
image 1       0.60       0.60       0.10
image 2       0.60       0.10       0.60
image 3       0.10       0.60       0.60
```

By how many **points** is the accuracy of the ensemble (eq. 10.7) above the average accuracy of its members? A loss is a
negative number.
""",
    given={"images": [[0.6, 0.6, 0.1], [0.6, 0.1, 0.6], [0.1, 0.6, 0.6]]},
    answer=_points,
    unit="points",
    solution="""
Each member is right about two images of three: 66.7 %. For every image the mean probability of the right class is
(0.60 + 0.60 + 0.10) / 3 = 0.433, below one half: the ensemble is wrong about all of them. −66.7 points.

```
answer = 0 - 100 * 2 / 3
```

The ensemble's *NLL* cannot be worse than the mean of its members; its accuracy can. And the majority of votes would
have been right about every image: for each rule there is an example in which it loses.
""",
    hints=(
        "How many of the three images does member 1 get right, that is, with a probability above one half?",
        "For each image take the mean of its row. Is it above one half?",
    ),
    misconceptions="""
votes: You counted votes, and the majority is right about every image. Equation 10.7 takes the mean of the
probabilities.
    100 - 200 / 3
mean of accuracies: The accuracy of the mean is not the mean of the accuracies: take the mean of each row first.
    0
sign: The right size. Which is higher, the ensemble's accuracy or the members'?
    200 / 3
as a share: That is a share; points are hundredths.
    -2 / 3
""",
)

OPEN = OpenExercise(
    id="10.2.5.open",
    title="Open experiment: where is *your* crossing?",
    task="""
Between 2,000 images as they are and the same cropped and flipped lies a border: on one side several nets win, on the
other one long training. On which side lie *more* images as they are? With 64 epochs in all, about two minutes:

```
part = cifar10(train=4_000, val=1_000)
long, _ = cyclic_training(part, seed=40, epochs=64)
four = [net for seed in (41, 42, 43, 44) for net in cyclic_training(part, seed, epochs=16)[0]]
print(accuracy_together(long, part), accuracy_together(four, part))
```

Guess first. `augment=True` crops and flips. What do you expect of 10,000 images and 512 epochs?
""",
    hints=(
        "Look at the training loss at the end. Where it is near 0 the net has nothing left to learn from its images.",
        "Twice as many images: does one net know them by heart sooner, or later?",
    ),
    solution="What to look for: does *one* net still gain from more epochs? Where its validation NLL has turned up, "
    "more nets are the better way to spend the time; where it still falls, more epochs are.",
)

EXERCISES = (GROWING, WEIGHTED, ACCURACY, OPEN)
