"""Exercises of lesson 10.1.8: the stopping rule turned round, what to report, patience in its unit, a safe save."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _just_enough(scores):
    best, at, longest = scores[0], 0, 1
    for i, score in enumerate(scores):
        if score > best:
            longest, best, at = max(longest, i - at), score, i
    return longest


def _draw_scores(rng):
    """A noisy curve that rises, levels off and sinks a little; accuracies in per cent."""
    length, level = rng.randint(8, 30), rng.uniform(30, 80)
    rise, sink, noise = rng.uniform(2, 6), rng.uniform(0, 0.6), rng.uniform(0.5, 4)
    scores = [round(level * (1 - math.exp(-(i + 1) / rise)) - sink * i + rng.gauss(0, noise), 1) for i in range(length)]
    return (scores,)


JUST_ENOUGH = FunctionExercise(
    id="10.1.8.just_enough",
    title="How much patience would have been enough?",
    task="""
Turn the rule round. A training was validated to its very end, so all `scores` are known (accuracies in per cent,
**higher is better**, in the order they came). Write `just_enough(scores)`: the smallest patience, at least 1, with
which the rule of this lesson would have kept the *same* checkpoint as training long does.

- the rule stops at the `patience`-th validation **in a row** that brings no new best (`min_delta` is 0)
- training long keeps the highest score; of several equal ones the **first**, since an equal score is no improvement
""",
    function="just_enough",
    returns="the smallest patience that reaches the best checkpoint",
    stub="""
def just_enough(scores):
    return ...
""",
    solution="""
def just_enough(scores):
    best, at, longest = scores[0], 0, 1
    for i, score in enumerate(scores):
        if score > best:                          # a new best after i - at validations
            longest = max(longest, i - at)        # of which i - at - 1 brought nothing: patience must exceed that
            best, at = score, i
    return longest                                # what comes after the last best does not matter any more
""",
    hints=(
        "Walk along the scores and note where each new best stands. Patience has to survive the waits between them.",
        "Bests at index 4 and 7: two validations in between brought nothing. Patience 2 stops there, 3 does not.",
        "The wait after the highest score does not count: the checkpoint is already on the disk.",
    ),
    reference=_just_enough,
    draw=_draw_scores,
    edges=(
        ([50.0, 40.0, 60.0, 40.0, 40.0, 40.0],),
        ([50.0, 50.0, 50.0, 50.0],),
        ([10.0, 20.0, 30.0],),
        ([50.0, 40.0, 45.0, 50.0, 51.0, 51.0, 50.0, 51.0],),
        ([-5.0, -6.0, -7.0, -4.0],),
        ([60.0, 50.0, 55.0, 52.0],),
        ([40.0],),
        ([30.0, 31.0, 29.0, 29.5, 30.5, 30.7, 33.0, 10.0],),
    ),
    keeps=("scores",),
    misconceptions="""
one too few: One too few: with bests at index 4 and 7, patience 2 is used up at index 6, one validation before the best.
    return longest -> return max(1, longest - 1)
one too many: One too many. ReduceLROnPlateau counts like that; this lesson's rule survives a wait of patience - 1
validations.
    return longest -> return longest + 1
after the best: You counted the wait after the highest score, too. By then the best checkpoint is on the disk.
    return longest -> return max(longest, len(scores) - at)
where it stands: That is where the best checkpoint stands. Patience starts anew at every new best on the way there.
    return longest -> return max(1, at)
equal counts: An equal score is no improvement for this rule: of several highest ones the first is kept.
    score > best -> score >= best and i
compares with the one before: You started the wait anew whenever a score was higher than the one *just before* it.
It has to beat the best.
    best, longest = scores[0], 1
    wait = 1
    for before, score in zip(scores, scores[1:scores.index(max(scores)) + 1]):
        wait = 1 if score > before else wait + 1
        longest = max(longest, wait)
    return longest
all together: You added the waits up. Each new best sets the count back to 0.
    return longest -> return max(1, sum(1 for i in range(1, at) if scores[i] <= max(scores[:i])))
lower is better: You waited for lower scores. That is right for a loss; an accuracy improves upwards.
    score > best -> score < best
""",
    variants=(
        "bests = [i for i in range(len(scores)) if not i or scores[i] > max(scores[:i])]\n"
        "return max([1] + [b - a for a, b in zip(bests, bests[1:])])",
        "import numpy as np\nhigh = np.maximum.accumulate(np.asarray(scores))\n"
        "new = np.flatnonzero(np.r_[True, high[1:] > high[:-1]])\nreturn max(1, int(np.diff(new).max(initial=1)))",
        "for patience in range(1, len(scores) + 1):\n    best, at = scores[0], 0\n"
        "    for i, score in enumerate(scores):\n        if score > best:\n            best, at = score, i\n"
        "        elif i - at >= patience:\n            break\n    if best == max(scores):\n        return patience",
    ),
)

REPORT = ChoiceExercise(
    id="10.1.8.report",
    title="Which number to report",
    task="""
A training validated seven times and kept a checkpoint each time. Agreed *in advance*: the checkpoint with the highest
validation accuracy is the result. Afterwards somebody measures all seven on the test images.

```
update           150    300    450    600    750    900   1050
validation loss 1.62   1.41   1.33   1.36   1.44   1.58   1.71
validation, %   44.1   50.3   53.2   55.4   54.8   54.1   53.9
test, %         43.8   49.6   52.9   54.0   54.6   53.2   53.0
```

Which accuracy do you report as what to expect on new images?
""",
    options={
        "A": "55.4 %, the validation accuracy of update 600",
        "B": "54.6 %, the test accuracy of update 750",
        "C": "54.0 %, the test accuracy of update 600",
        "D": "53.0 %, the test accuracy of update 1050",
        "E": "52.9 %, the test accuracy of update 450",
    },
    answer=lambda: "C",
    solution="""
C. The checkpoint of update 600 has the highest validation accuracy, 55.4 %. That number itself is flattered:
it was picked *because* it was high. The honest number is the same checkpoint on images that had no say in the
choice: 54.0 %. The 54.6 % of update 750 must not be picked: whoever chooses by the test images has no test
images left.

```
answer = "C"
```
""",
    hints=(
        "First choose the checkpoint, looking at nothing but the row you agreed to choose by.",
        "Then ask: which row had no part in the choice? Read that one, at the chosen checkpoint.",
    ),
    misconceptions="""
flattered: That is the right checkpoint, but the score that chose it. It was picked because it is high, so it promises
too much.
    "A"
chosen on the test set: That is the highest *test* accuracy: the checkpoint was chosen by the test images. They can no
longer tell what to expect on new ones.
    "B"
the last: That is the last checkpoint; a better one was kept.
    "D"
by loss: That is the checkpoint with the lowest validation *loss*. A fair choice too, but agreed was the accuracy.
    "E"
""",
)

PATIENCE = ValueExercise(
    id="10.1.8.patience",
    title="Patience, in which unit?",
    task="""
A training validates every `validate_every` updates; an epoch has `per_epoch` updates. You want it to stop
when `epochs` epochs went by without improvement. The last improvement came at update `best`, and none
follows. You give the rule of this lesson the right patience. After which update does the training stop?
""",
    given={"validate_every": 150, "per_epoch": 450, "epochs": 4, "best": 2700},
    answer=lambda validate_every, per_epoch, epochs, best: best + epochs * per_epoch,
    solution="""
The rule counts *validations*, of which there are 450 / 150 = 3 an epoch: four epochs are patience = 12. The
twelfth validation after the best comes 12 · 150 = 1,800 updates later, at update 4,500.

```
answer = 2700 + 4 * 450
```
""",
    hints=(
        "How many validations are there in one epoch? Patience counts those.",
        "patience = 4 · 3 = 12 validations, 150 updates from one to the next, counted from the best one.",
    ),
    misconceptions="""
epochs for validations: You gave patience = 4 to a rule that counts validations: it stops after little more than one
epoch.
    best + epochs * validate_every
one more: One validation too many. ReduceLROnPlateau acts at the validation *after* patience is used up; this lesson's
rule acts when it is.
    best + epochs * per_epoch + validate_every
from the start: Patience runs from the last improvement, not from the first update.
    epochs * per_epoch
the patience: That is the patience, in validations; the update is asked.
    epochs * per_epoch / validate_every
""",
    relative=1e-4,
)

SAVE = ChoiceExercise(
    id="10.1.8.save",
    title="Saving over the only good checkpoint",
    task="""
`best.pt` holds the best weights so far. A better validation comes, and the file is to be replaced. The power
may fail at *any* moment. In which order do you leave a whole `best.pt`, old or new, at every moment?
""",
    options={
        "A": "open `best.pt` for writing, write, flush, fsync, close",
        "B": "write `best.pt.part`, rename it to `best.pt`, then fsync",
        "C": "write `best.pt.part`, flush, fsync, then rename it to `best.pt`",
        "D": "delete `best.pt`, write `best.pt.part`, flush, fsync, then rename it to `best.pt`",
    },
    answer=lambda: "C",
    solution="""
C. Opening `best.pt` for writing empties it at once: until the last byte is there, nothing is (A). A rename is
a matter of one moment, but if it reaches the disk before the contents do, the new name may point at an empty
file (B). With D there is no `best.pt` at all while the new one is being written. Only C never lets go of the
old file before the new one is complete.

```
answer = "C"
```
""",
    hints=(
        "Imagine the power failing between each two steps, and look at what `best.pt` is then.",
        "Bytes that were written are not yet on the disk: they wait in memory until fsync.",
    ),
    misconceptions="""
overwrites: Opening the file for writing empties it: fail now, and old and new are gone.
    "A"
renames first: The rename may be on the disk before the bytes are: then the name points at a file that is empty or half
full.
    "B"
deletes first: From the deletion to the rename there is no `best.pt` at all.
    "D"
""",
)

OPEN = OpenExercise(
    id="10.1.8.open",
    title="Open experiment: what turns, and when?",
    task="""
In the lesson the validation accuracy turned when four in ten labels were wrong, and did not when all were
right. Find the border: train with 0, 1, 2, 3 and 4 wrong labels in ten, three seeds each. Then take 4,000
images instead of 1,000, or switch `augment=True` on. For each, note three things: at which update the
validation *loss* is lowest, at which the *accuracy* is highest, and how much the last checkpoint loses on the
test images. Write your guess down first. Fifteen runs take about three minutes on two cores; to start from:

```
def one_run(share, seed):
    model, images, optimizer = make(seed, share)
    for step in train(model, images, optimizer, epochs=scale.epochs, seed=seed, **how):
        pass
    return step.run, evaluate(model, data, "test")
```
""",
    hints=(
        "`with_wrong_labels(data, share, seed)` makes the data, `overfitting_figure` shows several settings side by "
        "side.",
        "Keep the number of *updates* equal when you change the number of images, not the number of epochs.",
    ),
    solution="What to look for: a network that has memorised right labels grows more and more sure of itself. Where it "
    "errs, that costs loss but no accuracy, so the loss turns alone. Memorised wrong labels change the answers, so the "
    "accuracy turns too. More images or augmentation make memorising harder: both turns come later, or not within your "
    "budget.",
)

EXERCISES = (JUST_ENOUGH, REPORT, PATIENCE, SAVE, OPEN)
