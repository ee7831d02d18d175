"""Exercises of lesson 10.3.2: another average precision, not looking, the floor of a language model."""

import math

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _eleven(hits, total):
    right, best = 0, [0.0] * 11
    for n, hit in enumerate(hits, 1):
        right += hit
        for k in range(11):
            if 10 * right >= k * total:
                best[k] = max(best[k], right / n)
    return sum(best) / 11


ELEVEN = FunctionExercise(
    id="10.3.2.eleven",
    title="The average precision of 2007",
    task="""
Until 2009 the PASCAL VOC challenge measured average precision at **eleven points**: for each recall level 0, 0.1,
..., 1 the highest precision that is reached at *this recall or a higher one* (0 where it is never reached), then the
mean of the eleven. Write `eleven_points(hits, total)`.

- `hits`: a list of 1 (right) and 0 (wrong), the detection with the best score first
- `total`: how many objects there are to find, at least 1
- the first n detections have precision (right ones among them) / n and recall (right ones among them) / total

Compare levels without dividing: recall reaches k/10 when 10 · right ones ≥ k · total.
""",
    function="eleven_points",
    returns="the mean of eleven precisions",
    stub="""
def eleven_points(hits, total):
    return ...
""",
    solution="""
def eleven_points(hits, total):
    right, points = 0, []
    for n, hit in enumerate(hits, 1):
        right += hit
        points.append((right, right / n))
    best = [max([p for r, p in points if 10 * r >= k * total], default=0) for k in range(11)]
    return sum(best) / 11
""",
    hints=(
        "First walk down the list and write down, for each n, how many are right so far and the precision.",
        "Level k needs the maximum of the precisions of all n whose recall is at least k/10; none: 0.",
        "Eleven levels, k = 0 to 10: divide the sum by 11.",
    ),
    reference=_eleven,
    draw=lambda rng: (
        (hits := [rng.randint(0, 1) for _ in range(rng.randint(3, 14))]),
        max(1, sum(hits)) + rng.randint(0, 4),
    ),
    edges=(([1, 1, 0, 1], 4), ([], 3), ([0, 0], 1), ([0, 1], 1), ([1, 0, 1, 0, 0, 1], 3)),
    floor=lambda *rest: 1e-6,
    keeps=("hits",),
    misconceptions="""
ten points: Your levels begin at 0.1. Recall 0 is the eleventh: the best precision anywhere.
    range(11) -> range(1, 11)
    sum(best) / 11 -> sum(best) / 10
no envelope: You took the precision *where* a level is first reached. Asked is the best one there or later.
    max([p for r, p in points if 10 * r >= k * total], default=0) -> next((p for r, p in points if 10*r >= k*total), 0)
of those found: Your recall counts the objects that were found in the end. It counts all there are, `total`.
    10 * r >= k * total -> 10 * r >= k * right
missing levels left out: A level that is never reached counts 0, and counts: divide by 11 always.
    sum(best) / 11 -> sum(best) / max(1, sum(b > 0 for b in best))
all points: That is the area under the whole curve, as this lesson computes it. Asked are eleven points.
    sum(best) / 11 -> sum(max(p for r, p in points[n:]) for n, hit in enumerate(hits) if hit) / total
""",
    variants=(
        "import numpy as np\nif not hits:\n    return 0.0\nr = np.cumsum(hits)\np = r / np.arange(1, len(hits) + 1)\n"
        "return float(np.mean([p[10 * r >= k * total].max(initial=0) for k in range(11)]))",
        "total_right = [sum(hits[: n + 1]) for n in range(len(hits))]\n"
        "level = lambda k: max((r / (n + 1) for n, r in enumerate(total_right) if 10 * r >= k * total), default=0)\n"
        "return sum(map(level, range(11))) / 11",
        "best, right = [0.0] * 11, 0\nfor n, hit in enumerate(hits):\n    right += hit\n    for k in range(11):\n"
        "        if 10 * right >= k * total and right / (n + 1) > best[k]:\n            best[k] = right / (n + 1)\n"
        "return sum(best) / 11",
    ),
)

BLIND = FunctionExercise(
    id="10.3.2.blind",
    title="What not looking is worth",
    task="""
Fruit comes in `colors` colours. In the photographs of an orchard a share `tie` of the fruit has the colour that is
usual for its kind; of the others each has one of **all** colours, the usual one included, with equal chance. A model
that never looks at the photograph answers "what colour is the apple?" with the usual one. Then it meets an orchard
where *another* colour is the usual one, and tied to the kind with the same share.

Write `without_looking(tie, colors)`: a list of its two accuracies, in the first orchard and in the other.
""",
    function="without_looking",
    returns="[accuracy in the first orchard, accuracy in the other]",
    stub="""
def without_looking(tie, colors):
    return ...
""",
    solution="""
def without_looking(tie, colors):
    chance = (1 - tie) / colors
    return [tie + chance, chance]
""",
    hints=(
        "In the first orchard it is right for all that is tied. And for some of the others?",
        "Of the share 1 − tie that is not tied, one in `colors` has its answer by chance.",
        "In the other orchard what is tied has a colour it never says. What is left?",
    ),
    reference=lambda tie, colors: [tie + (1 - tie) / colors, (1 - tie) / colors],
    draw=lambda rng: (round(rng.uniform(0, 1), 3), rng.randint(2, 9)),
    edges=((0.0, 4), (1.0, 4), (0.5, 2)),
    floor=lambda *rest: 1e-6,
    misconceptions="""
the tied ones only: You forgot the fruit that is not tied: by chance some of it has the usual colour, too.
    return [tie, 0.0]
nothing left: In the other orchard the fruit that is not tied still has every colour, its answer among them.
    chance = (1 - tie) / colors
    return [tie + chance, 0.0]
still chance: In the other orchard you gave it 1 / colors. What is tied there has a colour that it never says.
    chance = (1 - tie) / colors
    return [tie + chance, 1 / colors]
another colour: You let the fruit that is not tied have any colour *but* the usual one.
    return [tie, (1 - tie) / (colors - 1)]
no change: The second accuracy is that of the *other* orchard, where another colour is the usual one.
    return [tie + (1 - tie) / colors] * 2
""",
    variants=(
        "import numpy as np\nreturn np.array([tie, 0]) + (1 - tie) / colors",
        "usual = tie + (1 - tie) / colors\nreturn (usual, usual - tie)",
        "other = 1 / colors - tie / colors\nreturn [1 - (colors - 1) * other, other]",
    ),
)

FLOOR = ValueExercise(
    id="10.3.2.floor",
    title="How good can a language model get?",
    task="""
A weather station writes telegrams of exactly `words` words: first one of `places` places, then a second, *different*
place; then one of `winds` winds. All other words are fixed by these. All choices are equally likely.

What is the lowest mean loss a word, in **nats**, that any language model can reach on these telegrams? Three digits.
""",
    given={"words": 9, "places": 12, "winds": 7},
    unit="nats a word",
    answer=lambda words, places, winds: math.log(places * (places - 1) * winds) / words,
    solution="""
No model can be better, on average, than knowing the probabilities. A telegram is one of 12 · 11 · 7 = 924, all equally
likely: ln 924 = 6.829 nats a telegram, in nine words 0.759 a word. The fixed words cost nothing once they are learned.

```
import math
answer = math.log(12 * 11 * 7) / 9
```
""",
    hints=(
        "How many different telegrams are there?",
        "One of N equally likely ones costs ln N nats, however the loss is shared among its words.",
        "The loss is a mean over *all* words, those that are certain included.",
    ),
    misconceptions="""
the same place twice: The second place differs from the first: one fewer to choose from.
    math.log(places * places * winds) / words
a telegram, not a word: That is the loss of a whole telegram. Asked is the mean over its words.
    math.log(places * (places - 1) * winds)
bits: That is in bits. The loss of cross-entropy is in nats: the natural logarithm.
    math.log2(places * (places - 1) * winds) / words
the open words alone: You divided by the three words that are open. The certain ones count in the mean, too.
    math.log(places * (places - 1) * winds) / 3
""",
)

OPEN = OpenExercise(
    id="10.3.2.open",
    title="A sixth stage",
    task="""
What if there is a **new class**, the truck (class 9 of CIFAR-10)? No stage has seen it in an image; stage 3 has read
the word. Show 20 scenes with it to stage 5 alone, or to stages 2 and 5, and ask for it. Guess first: which of the
two will name it? Half an hour of work, two minutes of computing. To start from:

```
detector, _ = vision("all five")                # both from course_utils.lessons.l10_3_2
model = recorded_reader("all five, question")   # WORDS.index("truck") is its word for a truck
```
""",
    hints=(
        "Stage 2 has five outputs for nouns. Without a sixth a truck is a car or a ship to it; features may differ.",
        "Tiles of class 9: `data.train.inputs[data.train.labels == 9]` of the whole `cifar10()`, before `tiles`.",
    ),
    solution="What to look for: the reader gets features beside the words, so it *can* tell a truck from a car with "
    "the detector as it is, but with 20 scenes it learns them by heart. Does it help to let stage 2 learn, too? And do "
    "the old classes suffer? Report both, with three seeds.",
)

EXERCISES = (ELEVEN, BLIND, FLOOR, OPEN)
