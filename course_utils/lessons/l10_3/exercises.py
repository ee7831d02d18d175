"""Exercises of lesson 10.3: precision at k, a scaler folded into a head, the wrong preprocessing, a leak."""

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _precision(similarities, labels, wanted, k):
    order = sorted(range(len(labels)), key=lambda i: -similarities[i])
    return sum(labels[i] == wanted for i in order[:k]) / k


def _draw_precision(rng):
    n, k = rng.randint(12, 25), rng.randint(2, 8)
    wanted = rng.randint(0, 2)
    labels = [rng.randint(0, 2) for _ in range(n)]
    # what has the wanted label tends to be more alike
    similarities = [round(rng.uniform(-1, 0.6) + 0.4 * (label == wanted), 4) for label in labels]
    return similarities, labels, wanted, k


PRECISION = FunctionExercise(
    id="10.3.precision",
    title="Precision at k",
    task="""
A search compares one query with every image of a gallery. Write `precision_at_k(similarities, labels, wanted, k)`: the
share of right ones among the `k` most similar images.

- `similarities` is a list of cosines, one for each image of the gallery; larger means more alike
- `labels` is the list of their classes, in the same order
- `wanted` is the class of the query
""",
    function="precision_at_k",
    returns="the share of the k most similar images that have the class of the query, from 0 to 1",
    stub="""
def precision_at_k(similarities, labels, wanted, k):
    return ...
""",
    solution="""
def precision_at_k(similarities, labels, wanted, k):
    order = sorted(range(len(labels)), key=lambda i: similarities[i], reverse=True)
    hits = [labels[i] for i in order[:k]]
    return sum(label == wanted for label in hits) / k
""",
    hints=(
        "First the order: the positions of the images, the most similar first. Then look at the labels of the first k.",
        "`sorted(range(len(labels)), key=lambda i: similarities[i], reverse=True)` gives the positions.",
        "Count those with the wanted label among the first k, and divide by k, not by how many there are in all.",
    ),
    reference=_precision,
    draw=_draw_precision,
    edges=(([0.1, 0.9, 0.5, 0.3], [1, 1, 0, 1], 1, 2), ([0.1, 0.9, 0.5, 0.3], [1, 0, 0, 1], 1, 1)),
    keeps=("similarities", "labels"),
    misconceptions="""
least similar: You took the k *least* similar images. A cosine is no distance: large means alike.
    order = sorted(range(len(labels)), key=lambda i: similarities[i])
    return sum(labels[i] == wanted for i in order[:k]) / k
not sorted: You took the first k of the gallery as they stand, without sorting by similarity.
    return sum(label == wanted for label in labels[:k]) / k
recall: You divided by the number of right images in the whole gallery: that is recall. Precision divides by k.
    order = sorted(range(len(labels)), key=lambda i: -similarities[i])
    return sum(labels[i] == wanted for i in order[:k]) / max(1, labels.count(wanted))
a count: You gave the number of hits. The share is asked: divide by k.
    order = sorted(range(len(labels)), key=lambda i: -similarities[i])
    return sum(labels[i] == wanted for i in order[:k])
the whole gallery: You divided by the size of the gallery. Only k images were shown: divide by k.
    order = sorted(range(len(labels)), key=lambda i: -similarities[i])
    return sum(labels[i] == wanted for i in order[:k]) / len(labels)
any hit counts: You asked whether there is *a* right image among the k. Count how many of them are right.
    order = sorted(range(len(labels)), key=lambda i: -similarities[i])
    return 1.0 if any(labels[i] == wanted for i in order[:k]) else 0.0
""",
    variants=(
        "import numpy as np\nbest = np.argsort(similarities)[::-1][:k]\n"
        "return np.mean(np.array(labels)[best] == wanted)",
        "import torch\nbest = torch.tensor(similarities).topk(k).indices\n"
        "return (torch.tensor(labels)[best] == wanted).double().mean()",
        "pairs = sorted(zip(similarities, labels), key=lambda pair: pair[0])\n"
        "return [label for _, label in pairs[-k:]].count(wanted) / k",
    ),
)


def _folded(weight, bias, mean, scale):
    new = [w / s for w, s in zip(weight, scale, strict=True)]
    return [*new, bias - sum(w * m for w, m in zip(new, mean, strict=True))]


def _draw_folded(rng):
    n = rng.randint(2, 5)
    row = lambda low, high: [round(rng.uniform(low, high), 3) for _ in range(n)]  # noqa: E731
    return row(-2, 2), round(rng.uniform(-1, 1), 3), row(0.3, 2), row(0.3, 3)


FOLDED = FunctionExercise(
    id="10.3.folded",
    title="One layer in place of two",
    task="""
Step one of the recipe gave you a logistic regression on *standardised* features: the score of a class is

w · (x − mean) / scale + bias

Fine-tuning wants a plain linear layer on the features x themselves. Write `folded(weight, bias, mean, scale)`, for one
class: a list with the new weights, one for each feature, and the new bias as its last number.

- `weight`, `mean` and `scale` are lists of the same length, `bias` is a number
""",
    function="folded",
    returns="list of the new weights, and after them the new bias",
    stub="""
def folded(weight, bias, mean, scale):
    return ...
""",
    solution="""
def folded(weight, bias, mean, scale):
    new = [w / s for w, s in zip(weight, scale)]
    return new + [bias - sum(w * m for w, m in zip(new, mean))]
""",
    hints=(
        "Multiply the bracket out: w · x / scale − w · mean / scale + bias. What stands before x? What does not?",
        "New weight: w / scale. All that has no x in it is the new bias.",
        "New bias: bias minus the sum of (w / scale) · mean over all features.",
    ),
    reference=_folded,
    draw=_draw_folded,
    edges=(([1.0, 2.0], 0.5, [0.5, 1.0], [2.0, 4.0]), ([1.0], 0.0, [3.0], [0.5])),
    floor=lambda *args: 1e-5,
    keeps=("weight", "mean", "scale"),
    misconceptions="""
bias forgotten: Your weights are right, the bias has not moved. Subtracting the mean shifts every score.
    return [w / s for w, s in zip(weight, scale)] + [bias]
multiplied by scale: You multiplied by scale. Standardising divides by it, so the weight is divided, too.
    new = [w * s for w, s in zip(weight, scale)]
    return new + [bias - sum(w * m for w, m in zip(new, mean))]
sign of the shift: Your bias went the wrong way: the mean is *subtracted* before the weights see the features.
    new = [w / s for w, s in zip(weight, scale)]
    return new + [bias + sum(w * m for w, m in zip(new, mean))]
mean not scaled: The mean is divided by scale as well: the new bias takes the *new* weights times the mean.
    new = [w / s for w, s in zip(weight, scale)]
    return new + [bias - sum(w * m for w, m in zip(weight, mean))]
weights as they were: You shifted the bias and left the weights. The features are no longer divided by scale: the
weights must be.
    return list(weight) + [bias - sum(w * m / s for w, m, s in zip(weight, mean, scale))]
""",
    variants=(
        "import numpy as np\nnew = np.array(weight) / np.array(scale)\n"
        "return np.append(new, bias - new @ np.array(mean))",
        "import torch\nw, m, s = (torch.tensor(v, dtype=torch.float64) for v in (weight, mean, scale))\n"
        "return torch.cat([w / s, (bias - (w / s) @ m).view(1)])",
        "at = lambda x: sum(w * (v - m) / s for w, v, m, s in zip(weight, x, mean, scale)) + bias\nn = len(weight)\n"
        "zero = at([0.0] * n)\nreturn [at([float(i == j) for j in range(n)]) - zero for i in range(n)] + [zero]",
    ),
)

PIXEL = ValueExercise(
    id="10.3.pixel",
    title="What the network thinks it sees",
    task="""
Lite0 was trained on pixels sent through (x − 127) / 128. Somebody divides by 255 instead, as many tutorials do, and
hands a picture over. Its pixel has the value `pixel`, on the scale 0 … 255.

Which pixel, on the same scale, would the *right* preparation have turned into that number? That is the picture the
network thinks it sees.
""",
    given={"pixel": 51.0},
    answer=lambda pixel: 127 + 128 * pixel / 255,
    solution="""
It receives 51 / 255 = 0.2. The right preparation gives 0.2 for (x − 127) / 128 = 0.2, so x = 127 + 128 · 0.2. Black
becomes grey and white stays white: a pale picture with half the contrast.

```
answer = 127 + 128 * 51 / 255
```
""",
    hints=(
        "Which number does the network receive?",
        "Set (x − 127) / 128 equal to that number, and solve for x.",
    ),
    misconceptions="""
the number received: That is the number the network receives; the pixel it takes it for is asked.
    pixel / 255
prepared rightly: That is what the right preparation would have made of the pixel.
    (pixel - 127) / 128
no difference: The two preparations differ, so it sees another picture.
    pixel
shift forgotten: You undid the division by 128 and forgot the 127.
    128 * pixel / 255
of the right pixel: You turned the prepared pixel round instead of the number that was handed over.
    127 + 128 * (pixel - 127) / 255
""",
)

# What each way has looked at before its test accuracy was read.
TOUCHED = {
    "A": ("training images", "test images"),
    "B": ("training images", "validation images", "test images"),
    "C": ("training images", "validation images"),
    "D": ("training images", "copies of test images"),
}


def honest(touched):
    """The letter of the one way that knew nothing of the test images."""
    return next(letter for letter, parts in touched.items() if not any("test" in part for part in parts))


LEAK = ChoiceExercise(
    id="10.3.leak",
    title="Which number may be reported?",
    task="""
Four ways to a test accuracy with frozen features. In one of them nothing of the test images has reached the classifier
or a choice about it. Which? Answer with its letter, for instance `answer = "A"`.
""",
    options={
        "A": "compute all features, standardise them by their mean and spread, then split into training and test",
        "B": "standardise by the training features, choose C by validation, and by the test images where two tie",
        "C": "standardise by the training features, choose C by validation, then read the test accuracy once",
        "D": "collect photographs on the web, mirror each of them, then split at random",
    },
    given={"touched": TOUCHED},
    answer=honest,
    solution="""
C. In A the scaler has seen the test images; the gain is small here and large where training images are few. B chooses
by the test images, if only between two. In D a photograph may lie in training and its mirror image in the test set.
""",
    hints=(
        "For each way: which images had a say in a number that the classifier uses?",
        "A scaler is fitted, too. And a mirrored copy is still the same photograph.",
    ),
    misconceptions="""
the scaler saw the test: Its scaler was fitted on all features, those of the test images among them: fit it on the
training images alone.
    'A'
a tie decided by the test: A choice by the test images is a choice by the test images, even between two that tie.
    'B'
copies on both sides: An image and its mirror image may end on both sides of the split. Split first, mirror afterwards,
and only what is for training.
    'D'
""",
)

OPEN = OpenExercise(
    id="10.3.open",
    title="Open experiment: features from half-way up",
    task="""
The features of this lesson come from the last stage. An earlier stage knows less of dogs and more of edges. Take the
output of `net.stages[:k]`, averaged over its places, as features of the digits and of the sounds. Guess first: which
`k` is best for which task?
""",
    hints=(
        "`x = net.prepare(images)`, then `for stage in net.stages[:k]: x = stage(x)`, then `x.mean((2, 3))`; in "
        "evaluation mode, without gradients.",
        "Standardise, fit, score as in part 4; three seeds. Choose k by the validation images.",
    ),
    solution="What to look for: for photographs the late stages win clearly. For pictures unlike ImageNet's the best k "
    "lies lower, and the curve is flatter. Averaging over places throws away *where* something is; for digits that "
    "matters, and `x.flatten(1)` at a small size keeps it.",
)

EXERCISES = (PRECISION, FOLDED, PIXEL, LEAK, OPEN)
