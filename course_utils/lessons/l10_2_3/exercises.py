"""Exercises of lesson 10.2.3: a floor under a loss, the order of the checks, a patient who is not in the ward."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise

FLOOR = FunctionExercise(
    id="10.2.3.floor",
    title="A floor under another loss",
    task="""
A detector has one output z an image: "is a cat in it?" Its author computes s = sigmoid(z) and hands **s** to
`binary_cross_entropy_with_logits`, which takes a sigmoid of its own: a cat costs −ln sigmoid(s), an image without one
−ln(1 − sigmoid(s)). Write `lowest_loss(share)`: the lowest mean loss that *any* z can reach, when this share of the
images, 0 to 1, has a cat in it (and z may be as large, or as small, as it likes).
""",
    function="lowest_loss",
    returns="the lowest mean loss, in nats",
    stub="""
def lowest_loss(share):
    return ...
""",
    solution="""
import math

def lowest_loss(share):
    cat = math.log(1 + math.exp(-1))      # s = 1 at best: -ln sigmoid(1)
    none = math.log(2)                    # s = 0 at best: -ln(1 - sigmoid(0))
    return share * cat + (1 - share) * none
""",
    hints=(
        "s is a sigmoid: whatever z is, s lies between 0 and 1. Which s is best for a cat, which for no cat?",
        "sigmoid(1) = 1 / (1 + 1/e), and sigmoid(0) = 1/2. So the two kinds of image have different floors.",
        "The mean is share · (floor of a cat) + (1 − share) · (floor of no cat).",
    ),
    reference=lambda share: share * math.log(1 + math.exp(-1)) + (1 - share) * math.log(2),
    draw=lambda rng: (rng.uniform(0, 1),),
    edges=((0.0,), (1.0,), (0.5,)),
    misconceptions="""
no floor: A right detector would reach 0, but here the second sigmoid never sees anything outside 0 ... 1.
    return 0.0 * share
both alike: For a cat s may go up to 1. Without one the best s is 0, and sigmoid(0) is still one half.
    return math.log(1 + math.exp(-1)) + 0 * share
turned round: You gave the floor of a cat to the images without one.
    return (1 - share) * math.log(1 + math.exp(-1)) + share * math.log(2)
the guess: That is what a detector reaches that knows the share and looks at no image, and uses one sigmoid only.
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
""",
    variants=(
        "import numpy as np\nreturn share * np.log1p(np.exp(-1)) + (1 - share) * np.log(2)",
        "sigmoid = lambda x: 1 / (1 + math.exp(-x))\n"
        "return -share * math.log(sigmoid(1)) - (1 - share) * math.log(1 - sigmoid(0))",
        "return math.log(2) - share * math.log(2 / (1 + math.exp(-1)))",
    ),
)


def _draw_tools(rng):
    n = rng.randint(3, 6)
    while True:
        prices, chances = [rng.randint(1, 100) for _ in range(n)], [round(rng.uniform(0.05, 0.9), 3) for _ in range(n)]
        ratios = sorted(chance / price for price, chance in zip(prices, chances, strict=True))
        if all(b > a * (1 + 1e-6) for a, b in zip(ratios, ratios[1:], strict=False)):
            return prices, chances


ORDER = FunctionExercise(
    id="10.2.3.order",
    title="In which order would you check?",
    task="""
A server is down. There are checks, numbered 0, 1, 2, ...; check i takes `prices[i]` minutes and finds the cause with
probability `chances[i]`, whatever the others have found. You do one after the other and stop at the first that finds
it, or when all are done. Write `best_order(prices, chances)`: the numbers of the checks in the order that takes the
fewest minutes **on the average**. No two orders are equally good here.
""",
    function="best_order",
    returns="the numbers of all checks, in the order in which to do them",
    stub="""
def best_order(prices, chances):
    return ...
""",
    solution="""
def best_order(prices, chances):
    def per_minute(i):
        return chances[i] / prices[i]       # what a minute of this check buys

    return sorted(range(len(prices)), key=per_minute, reverse=True)
""",
    hints=(
        "Take two neighbours in some order, a before b. What are the expected minutes of the two? And with b before a?",
        "a first: p_a + (1 − c_a) p_b. b first: p_b + (1 − c_b) p_a. When is the first less?",
        "It is less when c_a p_b > c_b p_a, that is when c_a / p_a > c_b / p_b: sort by chance per minute.",
    ),
    reference=lambda prices, chances: sorted(range(len(prices)), key=lambda i: -chances[i] / prices[i]),
    draw=_draw_tools,
    edges=(([1, 80], [0.2, 0.9]), ([10, 11, 100], [0.1, 0.5, 0.9]), ([50, 2, 30], [0.85, 0.01, 0.4])),
    keeps=("prices", "chances"),
    misconceptions="""
cheapest first: You go by the price alone. A cheap check that never finds anything is a waste.
    return sorted(range(len(prices)), key=lambda i: prices[i])
surest first: You go by the chance alone. A check that takes a hundred minutes should be a good deal surer.
    return sorted(range(len(prices)), key=lambda i: -chances[i])
worst first: The right idea, the wrong way round: yours begins with the least chance a minute.
    return sorted(range(len(prices)), key=lambda i: chances[i] / prices[i])
places: You returned the place of every check; the numbers of the checks are asked, in their order.
    order = sorted(range(len(prices)), key=lambda i: -chances[i] / prices[i])
    return [order.index(i) for i in range(len(prices))]
expected price: Price times chance grows with the price: divide instead.
    return sorted(range(len(prices)), key=lambda i: -prices[i] * chances[i])
""",
    variants=(
        "import numpy as np\nreturn np.argsort(-np.array(chances) / np.array(prices)).tolist()",
        "return sorted(range(len(prices)), key=lambda i: prices[i] / chances[i])",
        "order = list(range(len(prices)))\norder.sort(key=lambda i: -chances[i] / prices[i])\nreturn order",
    ),
)


PATIENT = ChoiceExercise(
    id="10.2.3.patient",
    title="A patient who is not in the ward",
    task="""
A colleague's classifier of **four** kinds of weather, with BatchNorm and no dropout. Initial loss 1.39. Five batches
are learned by heart, loss 0.01. The sweep of learning rates is steady. After ten epochs:

- training images, as the training loop counts them: 71 % right
- the *same* training images in a loop of their own, after `model.eval()`: 26 % right
- validation images, after `model.eval()`: 25 % right

What is wrong? Answer with a letter, for instance `answer = "B"`.
""",
    options={
        "A": "it overfits: more dropout, more weight decay",
        "B": "the validation images are prepared in another way than the training images",
        "C": "the running averages of BatchNorm are not those of the training images",
        "D": "the labels are shuffled against the images",
    },
    given={"train_mode": 71, "eval_mode": 26, "val": 25},
    answer=lambda train_mode, eval_mode, val: "C" if train_mode - eval_mode > 10 else "A",
    solution="""
C. The same images, the same weights: only the mode differs, 71 % against 26 %, which is chance for four classes. In
evaluation mode BatchNorm uses its running averages instead of the batch's own mean and variance; they are wrong (never
updated, a momentum of 1e-5, or taken from other images). Validation is at chance for the same reason, and only that.
""",
    hints=(
        "Which two of the three numbers come from the same images and the same weights?",
        "What does `model.eval()` change in a net that has BatchNorm and no dropout?",
    ),
    misconceptions="""
overfitting: An overfitted net knows its *training* images, in either mode. This one does not, after `model.eval()`.
    'A'
validation data: Then the training images would be right in both modes. Compare the first two numbers.
    'B'
shuffled labels: In ten epochs a net learns no shuffled labels to 71 %, and the mode would make no difference.
    'D'
""",
)

OPEN = OpenExercise(
    id="10.2.3.open",
    title="Open experiment: a fault of your own",
    task="""
Break the pipeline in a way that is not in the list, and see which instruments catch it (a few seconds a patient):

```
class Mine(Patient):
    def update(self, net, optimizer, images, labels):
        return super().update(net, optimizer, images.flip(-2), labels)     # training images upside down

mine = Mine(bench, (), seed=31)
readings = {k: v for tool in INSTRUMENTS for k, v in examine(mine, tool).items()}
print({k: x for k, x in band.place(readings).items() if abs(x) > 1} or "nobody noticed")
```

Guess first. Can you find a fault that costs accuracy and that *no* instrument catches? Which ninth one would catch it?
""",
    hints=(
        "Candidates: always the same batches, one class missing, one label in ten wrong, a crop that is too small.",
        "An instrument needs a number that healthy seeds agree on. `band.half` shows how well they do.",
    ),
    solution="What to look for: faults that leave the training loss alone (a class that is missing on both sides) need "
    "a look at the *data*: count classes, compare images, look at sixteen of them with their labels.",
)

EXERCISES = (FLOOR, ORDER, PATIENT, OPEN)
