"""Exercises of lesson 10.2.6: shares from a profile, a start taken out afterwards, another rhythm, a diagnosis."""

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _shares(weights):
    result, total = [], weights[0]
    for weight in weights[1:]:
        total += weight
        result.append(weight / total)
    return result


SHARES = FunctionExercise(
    id="10.2.6.shares",
    title="From a drawing to a running average",
    task="""
Part 4 went from the shares c_1, c_2, ... to the profile. Now the way back: somebody draws a profile, `weights`, how
much the iterates after 0, 1, ... T updates shall count in the average (T + 1 positive numbers; their sum need not
be 1). During the training you can keep only *one* average, `average = average + c_n * (theta_n - average)`, which
begins as theta_0.

Write `shares(weights)`: the list of the T shares c_1 ... c_T that make exactly this average.
""",
    function="shares",
    returns="a list of T shares, one for each update",
    stub="""
def shares(weights):
    return ...
""",
    solution="""
def shares(weights):
    result, total = [], weights[0]
    for weight in weights[1:]:
        total += weight                 # all that the average holds by now, the new one included
        result.append(weight / total)
    return result
""",
    hints=(
        "Which c_n makes the plain mean of theta_0 ... theta_n? What are the weights there?",
        "After update n the average should be the drawn average of theta_0 ... theta_n alone, the later ones left out.",
        "In that average theta_n counts weights[n] out of weights[0] + ... + weights[n].",
    ),
    reference=_shares,
    draw=lambda rng: ([round(rng.uniform(0.1, 5), 2) for _ in range(rng.randint(3, 9))],),
    edges=(([1.0, 1.0],), ([1.0, 1.0, 1.0, 1.0],), ([0.81, 0.09, 0.1],), ([8.0, 1.0, 1.0, 6.0],)),
    keeps=("weights",),
    misconceptions="""
the weights themselves: You handed out the weights as they are. A later update shrinks every earlier share once more.
    total = sum(weights)
    return [weight / total for weight in weights[1:]]
without the new one: You divide by what came *before*; theta_n itself belongs to the total, too.
    return [weights[n] / sum(weights[:n]) for n in range(1, len(weights))]
start forgotten: The average begins as theta_0, so weights[0] belongs to the total. Your first share is always 1.
    return [weights[n] / sum(weights[1:n + 1]) for n in range(1, len(weights))]
what is to come: You divide by what is still to come. The average holds what has been.
    return [weights[n] / sum(weights[n:]) for n in range(1, len(weights))]
alpha: That is what *stays*, 1 − c_n, the α of equation 10.8; the share of the newest is asked.
    return [1 - weights[n] / sum(weights[:n + 1]) for n in range(1, len(weights))]
one too many: There are T updates: theta_0 is there from the beginning and has no share of its own.
    return [weights[n] / sum(weights[:n + 1]) for n in range(len(weights))]
""",
    variants=(
        "import numpy as np\nw = np.asarray(weights)\nreturn (w / np.cumsum(w))[1:]",
        "from itertools import accumulate\nreturn [w / t for w, t in zip(weights, accumulate(weights))][1:]",
        "result, kept = [], weights[0]\nfor n in range(1, len(weights)):\n    kept = kept + weights[n]\n"
        "    result += [1 - (kept - weights[n]) / kept]\nreturn result",
    ),
)


def _draw_rescue(rng):
    alpha, updates, start = round(rng.uniform(0.8, 0.995), 3), rng.randint(3, 400), rng.uniform(-3, 3)
    return rng.uniform(-3, 3), start, alpha, updates


RESCUE = FunctionExercise(
    id="10.2.6.rescue",
    title="Rescue an average that was saved with its start",
    task="""
A training is over. You have the file of its moving average, and the iterates are gone. The average began as a copy
of the untrained weights, `start`, and then followed equation 10.8 for `updates` updates with coefficient `alpha`.
So the start still counts in it. You have the start too: the seed is known.

Write `without_start(average, start, alpha, updates)`: the average in which the start counts *nothing*, and the others
count in the same proportions as before, to a sum of 1. (One weight; the same would be done to each.)
""",
    function="without_start",
    returns="the average of the trained weights alone",
    stub="""
def without_start(average, start, alpha, updates):
    return ...
""",
    solution="""
def without_start(average, start, alpha, updates):
    left = alpha**updates                       # what the start still counts
    return (average - left * start) / (1 - left)
""",
    hints=(
        "Every update multiplies what is there by alpha. What does the start count after all of them?",
        "average = left · start + (1 − left) · (what is asked).",
        "Take left · start away; the rest has weights that sum to 1 − left: divide.",
    ),
    reference=lambda average, start, alpha, updates: (average - alpha**updates * start) / (1 - alpha**updates),
    draw=_draw_rescue,
    edges=((0.19, 0.0, 0.9, 2), (1.0, 1.0, 0.99, 7), (1.29, 2.0, 0.9, 12), (0.5, -1.0, 0.95, 1)),
    floor=lambda average, start, alpha, updates: 1e-6 / (1 - alpha**updates),
    misconceptions="""
divided only: You divided, but the start is still in it. An average that began at 0 needs no more; this one began as
a copy.
    return average / (1 - alpha**updates)
taken away only: The start is out, but the other weights now sum to less than 1: the result is too small.
    return average - alpha**updates * start
all of the start: You took the whole start away. After so many updates only a little of it is left.
    return (average - start) / (1 - alpha**updates)
one update: That is what the start counts after *one* update.
    return (average - alpha * start) / (1 - alpha)
product: After n updates the start counts alpha to the *power* n, not n times something.
    left = max(0.0, 1 - updates * (1 - alpha))
    return (average - left * start) / (1 - left)
one too few: In torch's AveragedModel the first update only copies; here every update follows equation 10.8.
    left = alpha ** (updates - 1)
    return (average - left * start) / (1 - left) if updates > 1 else average
""",
    variants=(
        "import math\nleft = math.exp(updates * math.log(alpha))\n"
        "return average + left / (1 - left) * (average - start)",
        "mass = 0.0\nfor _ in range(updates):\n    mass = alpha * mass + (1 - alpha)\n"
        "return (average - (1 - mass) * start) / mass",
        "import numpy as np\nleft = np.power(alpha, updates)\nreturn float((average - start) / (1 - left) + start)",
    ),
)

RHYTHM = ValueExercise(
    id="10.2.6.rhythm",
    title="The same average in another rhythm",
    task="""
An average with α = 0.9 after *every* update works well. To save time a colleague now takes the weights in only
after every **fourth** update. Which α lets old weights fade as fast as before, measured in updates of the network?
Three digits.
""",
    given={"alpha": 0.9, "every": 4},
    answer=lambda alpha, every: alpha**every,
    solution="""
Between two of the new ones lie four of the old ones, each of which multiplied what was there by 0.9: 0.9⁴ = 0.656.
(For the same reason α has to change with the batch size: four times the images an update, a quarter of the updates,
α⁴.)

```
answer = 0.9**4
```
""",
    hints=(
        "By what is an old weight multiplied while the network makes four updates?",
        "Four factors of 0.9 in the old rhythm have to be one factor in the new one.",
    ),
    misconceptions="""
as before: Then an old weight is multiplied by 0.9 only once in four updates: the average would reach back six times
as far.
    alpha
more rarely, closer to 1: You went the other way: an average that is updated rarely must forget *more* each time.
    1 - (1 - alpha) / every
four times the share: Nearly right for α close to 1, but shares do not add up; what is left multiplies.
    1 - every * (1 - alpha)
root: That is the way back, from every fourth to every update.
    alpha ** (1 / every)
the share: That is 1 − α, the share of the newest weights; α is asked.
    1 - alpha**every
""",
    relative=5e-4,
)


def cause(alpha: float, updates: int, batch_norm: bool, spacing: float) -> str:
    """Why an average that torch's AveragedModel made is bad. spacing: of the numbers it is kept in, at 1."""
    if 1 - alpha < spacing:
        return "D"
    if alpha ** (updates - 1) > 0.1:
        return "B"
    return "A" if batch_norm else "C"


CASE = ChoiceExercise(
    id="10.2.6.case",
    title="Whose fault is it?",
    task="""
A small Transformer (LayerNorm, no BatchNorm) was trained for 400 updates at a constant rate; its last weights have an
accuracy of 71 %. Beside it ran `AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.998))` in float32; the
averaged weights have 48 %. The average of the last 40 iterates has 73 %. What is at fault? Answer with a letter.
""",
    options={
        "A": "the statistics: `update_bn` on training batches will mend it",
        "B": "the start: the first copy still counts much; a smaller α, or debiasing",
        "C": "the constant rate: its iterates lie too far apart to be averaged",
        "D": "rounding: 1 − α is too small for the numbers the average is kept in",
    },
    given={"alpha": 0.998, "updates": 400, "batch_norm": False, "spacing": 1.2e-7},
    answer=cause,
    solution="""
B. After 400 updates the first copy still counts 0.998³⁹⁹ = 45 %: nearly half of the average is an almost untrained
net. There is no BatchNorm here whose statistics could be wrong, float32 resolves steps of a ten-millionth, and the
mean of the last 40 iterates shows that they can be averaged.
""",
    hints=(
        "What does the first copy count after 400 updates with α = 0.998?",
        "Which of the four could also explain that the mean of the last 40 iterates is *good*?",
    ),
    misconceptions="""
statistics: LayerNorm computes its statistics anew for every input; there is nothing to measure anew.
    'A'
too far apart: The last 40 iterates come from the same constant rate, and their average is better than the last of
them.
    'C'
rounding: float32 resolves steps of a ten-millionth, 1 − α is two thousandths. In bfloat16, spacing 0.008, you were
right.
    'D'
""",
)

OPEN = OpenExercise(
    id="10.2.6.open",
    title="Open experiment: draw a better average",
    task="""
Can a profile drawn by hand beat the plain window? Draw with the eight upright sliders in the explorer (or from
code, below), choose your best on *validation*, then judge it once on test images, beside the window of 8 %. Ten
seconds a try.

```
heights = [0, 0, 0, 0, 0, 1, 3, 10]                       # one for each eighth of the run
row = drawn_profile(T, heights)
net = runs["constant rate"].net(row, "recalibrated", data)
evaluate(net, data, "val"), evaluate(net, data, "test")   # the second only once, at the end
```

Guess first: by how many points will your best be ahead on validation, and how much of that is left on test?
""",
    hints=(
        "Should the last part count more than the one before it? What speaks for it, noise or progress?",
        "Weights may be negative: `1.5 * window_profile(T, .08) - .5 * window_profile(T, .3)` leans *forward*.",
    ),
    solution="What to look for: many profiles are equally good, within a few tenths of a point: the optimum is flat, "
    "and the winner of many tries on 2,000 validation images is partly lucky. Leaning forward may help while the rate "
    "is constant, for the average lags behind by half its window.",
)

EXERCISES = (SHARES, RESCUE, RHYTHM, CASE, OPEN)
