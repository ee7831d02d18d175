"""Exercises of lesson 10.3: precision at k, the wrong preprocessing, a leak."""

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

EXERCISES = (PRECISION, PIXEL, LEAK, OPEN)
