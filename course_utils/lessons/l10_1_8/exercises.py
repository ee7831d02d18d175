"""Exercises of lesson 10.1.8: the stopping rule, what to report, patience in the right unit, a safe save."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _stop_at(scores, patience, min_delta):
    best, waited = -math.inf, 0
    for i, score in enumerate(scores):
        if score > best + min_delta:
            best, waited = score, 0
        else:
            waited += 1
        if waited == patience:
            return i
    return len(scores) - 1


def _draw_scores(rng):
    """A noisy curve that rises, levels off and sinks a little; accuracies in per cent."""
    length, level = rng.randint(8, 30), rng.uniform(30, 80)
    rise, sink, noise = rng.uniform(2, 6), rng.uniform(0, 0.6), rng.uniform(0.5, 4)
    scores = [round(level * (1 - math.exp(-(i + 1) / rise)) - sink * i + rng.gauss(0, noise), 1) for i in range(length)]
    return scores, rng.randint(1, 6), rng.choice([0.0, 0.0, 0.5, 1.5])


STOP_AT = FunctionExercise(
    id="10.1.8.stop_at",
    title="The stopping rule",
    task="""
Write `stop_at(scores, patience, min_delta)`: the index (from 0) of the last validation that is made.

- `scores` are validation accuracies in per cent, in the order they come; **higher is better**
- a score *improves* when it exceeds the best that counted so far by **more than** `min_delta`; the first always does
- the training stops at the `patience`-th validation **in a row** that does not improve
- if that never happens, the training goes to its end: the last index
""",
    function="stop_at",
    returns="index of the last validation before the training stops",
    stub="""
def stop_at(scores, patience, min_delta):
    return ...
""",
    solution="""
import math

def stop_at(scores, patience, min_delta):
    best, waited = -math.inf, 0
    for i, score in enumerate(scores):
        if score > best + min_delta:
            best, waited = score, 0
        else:
            waited += 1
        if waited == patience:
            return i
    return len(scores) - 1
""",
    hints=(
        "Carry two numbers through the list: the best that counted so far, and how many validations ago it was.",
        "An improvement sets the waiting back to 0; anything else adds 1 to it.",
        "Start with best = -math.inf, so that the first score is always an improvement. Compare with "
        "`best + min_delta`.",
    ),
    reference=_stop_at,
    draw=_draw_scores,
    edges=(
        ([50.0, 40.0, 60.0, 40.0, 40.0, 40.0], 2, 0.0),
        ([50.0, 50.0, 50.0, 50.0], 2, 0.0),
        ([10.0, 20.0, 30.0], 1, 0.0),
        ([30.0, 30.75, 31.5, 32.25, 33.0], 2, 1.0),
        ([-5.0, -4.0, -6.0, -7.0], 2, 0.0),
        ([60.0, 50.0, 55.0, 52.0, 54.0, 53.0], 3, 0.0),
        ([40.0], 1, 0.0),
    ),
    keeps=("scores",),
    misconceptions="""
one too late: Your training goes on for one validation more: it stops at the validation *after* patience is used up.
(PyTorch's ReduceLROnPlateau counts like that.)
    waited == patience -> waited == patience + 1
one too early: Your training stops one validation too early: patience 2 allows two validations without improvement, and
the second is the last.
    waited == patience -> waited >= patience - 1
never reset: You count all validations without improvement since the beginning; an improvement has to set the count back
to 0.
    score, 0 -> score, waited
compares with the one before: You compare each score with the one just before it. A curve that falls and recovers a
little then counts as improving; compare with the *best*.
    waited += 1 -> best, waited = score, waited + 1
wrong direction: You wait for a *lower* score. That is right for a loss; an accuracy improves upwards.
    -math.inf -> math.inf
    score > best + min_delta -> score < best - min_delta
no min_delta: `min_delta` has no effect: you accept gains of any size as improvements.
    best + min_delta -> best
equal counts: A gain of exactly `min_delta` counts as an improvement in your function (>= instead of >). With min_delta
= 0 a flat curve then never stops.
    score > best -> score >= best
creeping best: Small gains raise your `best`, though they are too small to count. A slow, steady rise then never counts.
Move `best` only when the gain exceeds min_delta.
    waited += 1 -> best, waited = max(best, score), waited + 1
gives the best: That is where the *best* score stands; asked is where the training stops, `patience` validations later.
    best, where, waited = -math.inf, 0, 0
    for i, score in enumerate(scores):
        if score > best + min_delta:
            best, where, waited = score, i, 0
        else:
            waited += 1
        if waited == patience:
            return where
    return where
counts from 1: You count the validations from 1; an index counts from 0.
    return i -> return i + 1
    len(scores) - 1 -> len(scores)
""",
    variants=(
        "best, at = scores[0], 0\nfor i in range(1, len(scores)):\n    if scores[i] > best + min_delta:\n"
        "        best, at = scores[i], i\n    if i - at >= patience:\n        return i\nreturn len(scores) - 1",
        "import numpy as np\nbest, waited = -np.inf, 0\nfor i, score in enumerate(np.asarray(scores)):\n"
        "    better = score > best + min_delta\n    best = np.where(better, score, best)\n"
        "    waited = 0 if better else waited + 1\n    if waited >= patience:\n        return np.int64(i)\n"
        "return len(scores) - 1",
        "best, left = scores[0], patience\nfor i, score in enumerate(scores[1:], start=1):\n    left -= 1\n"
        "    if score - best > min_delta:\n        best, left = score, patience\n    if not left:\n"
        "        return i\nreturn len(scores) - 1",
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
test images. Write your guess down first.
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

EXERCISES = (STOP_AT, REPORT, PATIENCE, SAVE, OPEN)
