"""Exercises of appendix A1: a rung without waiting, the price of halving, an unfair pruner, a study of one's own."""

from __future__ import annotations

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise

SOLUTION = """
def goes_on(accuracies, eta):
    verdicts = []
    for n, accuracy in enumerate(accuracies, start=1):
        here = sorted(accuracies[:n], reverse=True)  # only those that have arrived by now
        places = max(1, n // eta)
        verdicts.append(1 if accuracy >= here[places - 1] else 0)
    return verdicts
"""


def _goes_on(accuracies, eta):
    verdicts = []
    for n, accuracy in enumerate(accuracies, start=1):
        here = sorted(accuracies[:n], reverse=True)
        verdicts.append(1 if accuracy >= here[max(1, n // eta) - 1] else 0)
    return verdicts


def _rung(rng):
    return [round(rng.uniform(0.1, 0.7), 3) for _ in range(rng.randint(1, 14))], rng.randint(2, 5)


RUNG = FunctionExercise(
    id="A1.rung",
    title="A rung that waits for nobody",
    task="""
Workers report at a rung one after another, and each wants to know *at once* whether its trial goes on. Write
`goes_on(accuracies, eta)`: for each trial, in the order of arrival, 1 if it goes on and 0 if it is ended.

- the n-th trial goes on if it is among the best `n // eta` of the n that have arrived so far, itself included
- where `n // eta` is 0, one place is given all the same
- a tie goes on; what was decided once stays decided
""",
    function="goes_on",
    returns="a list, one number for each trial in the order of arrival: 1 if it goes on, 0 if it is ended",
    stub="""
def goes_on(accuracies, eta):
    return ...
""",
    solution=SOLUTION,
    hints=(
        "The n-th verdict may use the first n accuracies and nothing that comes later.",
        "Sort those n from the best down; the last place that goes on is number n // eta, or 1 if that is 0.",
        "Compare with `>=`, so that a tie goes on.",
    ),
    reference=_goes_on,
    draw=_rung,
    edges=(([0.5], 3), ([0.3, 0.4, 0.5, 0.6], 4), ([0.6, 0.5, 0.4, 0.3], 2), ([0.5, 0.5, 0.5, 0.5], 2)),
    keeps=("accuracies",),
    misconceptions="""
waits: You let every trial wait until all have arrived: that is the halving of the textbook. Here the answer is wanted
at once, with what has arrived by then.
    accuracies[:n] -> accuracies
    n // eta -> len(accuracies) // eta
no place at first: While fewer than eta trials have arrived there is one place all the same: the best so far goes on.
    places = max(1, n // eta) -> places = n // eta
    accuracy >= here[places - 1] -> places and accuracy >= here[places - 1]
the worst go on: You sort upwards: the best come first where the list is sorted down.
    reverse=True -> reverse=False
    accuracy >= here -> accuracy <= here
ties end: A tie goes on: compare with >=.
    accuracy >= here[places - 1] -> here[:places].count(accuracy) and accuracy not in accuracies[:n - 1]
without itself: The trial that reports is one of the n: the places are n // eta, not (n − 1) // eta.
    max(1, n // eta) -> max(1, (n - 1) // eta)
""",
    variants=(
        "return [int(sum(b > a for b in accuracies[:n]) < max(1, (n + 1) // eta)) for n, a in enumerate(accuracies)]",
        "import numpy as np\na = np.asarray(accuracies)\n"
        "return [int((a[: n + 1] > a[n]).sum() < max(1, (n + 1) // eta)) for n in range(len(a))]",
        "import bisect\nbest, out = [], []\nfor a in accuracies:\n    bisect.insort(best, -a)\n"
        "    out.append(int(-a <= best[max(1, len(best) // eta) - 1]))\nreturn out",
    ),
)

PRICE = ValueExercise(
    id="A1.price",
    title="What does halving cost?",
    task="""
Successive halving with rungs at 1, `eta`, `eta`² ... epochs: all `trials` train to the first rung, the best of every
`eta` go on to the next, and so on until one is left, which ends there. A trial that goes on *continues*; nothing is
trained twice. How many epochs are trained altogether?
""",
    given={"trials": 64, "eta": 4},
    answer=lambda trials, eta: (
        trials + sum(trials // eta**k * (eta**k - eta ** (k - 1)) for k in range(1, 12) if eta**k <= trials)
    ),
    solution="""
Rungs at 1, 4, 16 and 64 epochs. 64 trials train 1 epoch; 16 go on for 3 more, 4 for 12 more, 1 for 48 more:
64 + 48 + 48 + 48 = 208. To train all 64 to the end would take 4,096.

```
answer = 64 * 1 + 16 * (4 - 1) + 4 * (16 - 4) + 1 * (64 - 16)
```
""",
    hints=(
        "Write down the rungs, and how many trials train from one to the next.",
        "Those that go on need only the epochs *between* two rungs.",
    ),
    misconceptions="""
from the start again: You let the trials that go on begin anew at every rung. They continue.
    trials + sum(trials // eta**k * eta**k for k in range(1, 12) if eta**k <= trials)
no halving: That is what all trials to the end would cost.
    trials * trials
an epoch a rung: From one rung to the next there is more than one epoch: the rungs lie at 1, 4, 16, 64.
    sum(trials // eta**k for k in range(0, 12) if eta**k <= trials)
first rung forgotten: All trials train to the first rung, too.
    sum(trials // eta**k * (eta**k - eta ** (k - 1)) for k in range(1, 12) if eta**k <= trials)
""",
)

UNFAIR = ChoiceExercise(
    id="A1.unfair",
    title="An unfair pruner",
    task="""
A study also draws how *long* a trial trains: 3 or 12 epochs, each with a cosine that reaches zero at its own last
epoch. `MedianPruner` compares trials at the same epoch. Which trials does it tend to end that would have been the best?
""",
    options={
        "A": "those of 12 epochs",
        "B": "those of 3 epochs",
        "C": "none: at the same epoch the comparison is fair",
        "D": "those with a low learning rate, of either length",
    },
    answer=lambda: "A",
    solution="""
A. At epoch 3 the short trials have decayed to zero and stand at their best; the long ones still train at most of their
peak rate and look worse than they will be. Compare trials at the same *share* of their schedule, or give each length a
study of its own.

```
answer = "A"
```
""",
    hints=(
        "Draw both rates against the epoch. Where is each of them at epoch 3?",
        "Accuracy leaps when the rate falls (lesson 10.1.2). Whose rate has fallen at epoch 3?",
    ),
    misconceptions="""
the short ones: At epoch 3 they are at the end of their schedule, which is where a training looks best.
    "B"
same epoch is fair: It would be if all rates were at the same place of their schedule. They are not.
    "C"
low rates: A low rate may look bad early, too. But it is so in both groups; what differs between them is the schedule.
    "D"
""",
)

OPEN = OpenExercise(
    id="A1.open",
    title="Open experiment: your own objective, two workers",
    task="""
Put a training of your own into `my_search.py` of part 7 (another network, another range, an optimizer as a categorical
axis), make a study with points from `random_settings`, and start two workers. Kill one. Then let `main_effects` or
`by_forest` say which axis mattered, and train the winner with a fresh seed.
""",
    hints=(
        "A trial of a few seconds is enough; print nothing in the objective, return the Run.",
        "Change the objective's file and start a worker again: what does it do with points that are done already?",
    ),
    solution="What to look for: points done once whatever you kill; a winner that is worse when its seed is fresh; and "
    "results of an older version of your objective beside those of a newer one, which no library can see. Give a "
    "changed objective a new study.",
)

EXERCISES = (RUNG, PRICE, UNFAIR, OPEN)
