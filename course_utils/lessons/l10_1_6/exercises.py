"""Exercises of lesson 10.1.6: the rate of a noise floor, the gap of two gaps and its error, whom a schedule helps."""

import math
import random

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _draw_floor(rng):
    curvature, noise = rng.uniform(0.2, 5.0), rng.uniform(0.1, 3.0)
    lr = rng.uniform(0.05, 1.9) / curvature
    return lr * noise**2 / (2 * (2 - lr * curvature)), curvature, noise


FLOOR = FunctionExercise(
    id="10.1.6.floor",
    title="Which constant rate comes to rest at a given loss?",
    task="""
Plain descent in a bowl with loss ½ λ w², each gradient blurred by noise of mean 0 and standard deviation σ
that is drawn afresh every time. One update changes the mean square distance M from the bottom by the rule
of section 2:

- M ← (1 − α λ)² M + α² σ²

After many updates M no longer changes, and the mean loss rests at some height. Turn the question round: the loss shall
come to rest at `loss`. Write `rate_for_floor(loss, curvature, noise)`: the constant rate α that does it, exactly.
`curvature` is λ, `noise` is σ, both above 0; `loss` is above 0.
""",
    function="rate_for_floor",
    returns="the constant learning rate whose noise floor is the given mean loss",
    stub="""
def rate_for_floor(loss, curvature, noise):
    return ...
""",
    solution="""
def rate_for_floor(loss, curvature, noise):
    # at rest M = (1 - a)^2 M + lr^2 noise^2 with a = lr * curvature, so M = lr noise^2 / (curvature (2 - a)),
    # and the loss, curvature / 2 times M, is lr noise^2 / (2 (2 - lr curvature)). Solved for lr:
    return 4 * loss / (noise**2 + 2 * loss * curvature)
""",
    hints=(
        "First the floor of a given rate: at rest the M on the left and the M on the right are the same number.",
        "M = α² σ² / (1 − (1 − αλ)²). Multiply the square out: much cancels. The loss is ½ λ times that.",
        "The floor is L = α σ² / (2 (2 − αλ)). Multiply by the denominator and collect what has an α.",
    ),
    reference=lambda loss, curvature, noise: 4 * loss / (noise**2 + 2 * loss * curvature),
    draw=_draw_floor,
    edges=((0.05, 1.0, 1.0), (0.5, 1.0, 1.0), (0.125, 2.0, 0.5)),
    floor=lambda loss, curvature, noise: 1e-6 * loss / noise**2,
    misconceptions="""
distance: You made M, the mean square distance from the bottom, equal to `loss`. The *loss* is ½ λ times as much.
    return 2 * loss * curvature / (noise**2 + loss * curvature**2)
small rate: You inverted the approximation for small rates, α σ² / 4. Near the edge 2/λ the floor is much higher than
that: keep the term − αλ.
    return 4 * loss / noise**2
noise not squared: σ is a standard deviation; in a mean *square* it enters squared.
    return 4 * loss / (noise + 2 * loss * curvature)
contraction not squared: You shrank the *square* of the distance by 1 − αλ; the distance shrinks by that, its square by
(1 − αλ)².
    return 2 * loss / noise**2
no half: The ½ of the loss ½ λ w² is missing.
    return 2 * loss / (noise**2 + loss * curvature)
edge: That is the edge 2/λ, above which nothing comes to rest. Asked is the rate that rests at this very loss.
    return 2 / curvature
upside down: The fraction is upside down: a higher floor belongs to a higher rate.
    return (noise**2 + 2 * loss * curvature) / (4 * loss)
""",
    variants=(
        "a = 2 * loss * curvature / noise**2\nreturn 2 / curvature * a / (1 + a)",
        "import numpy as np\nreturn 1 / (np.square(noise) / (4 * loss) + curvature / 2)",
        "import torch\nloss = torch.tensor(loss, dtype=torch.float64)\n"
        "return 4 * loss / (noise**2 + 2 * loss * curvature)",
    ),
)


def _gap(constant, cosine):
    return max(cosine) - max(constant)


GAPS = ValueExercise(
    id="10.1.6.gaps",
    title="The gap of two gaps",
    task="""
A table of validation accuracies (per cent, means over seeds): two optimizers, each with a constant rate and with a
cosine, each tried at three rates or peak rates, a factor 3 apart. By how many points does SGD gain **more** from the
schedule than Adam, if every one of the four cells may use the rate that suits it?
""",
    given={
        "sgd_constant": [57.9, 56.4, 51.2],
        "sgd_cosine": [58.8, 62.9, 64.3],
        "adam_constant": [58.6, 61.0, 55.5],
        "adam_cosine": [58.1, 62.2, 64.0],
    },
    answer=lambda sgd_constant, sgd_cosine, adam_constant, adam_cosine: (
        _gap(sgd_constant, sgd_cosine) - _gap(adam_constant, adam_cosine)
    ),
    solution="""
Best of each row first: 57.9 → 64.3 is a gain of 6.4 for SGD, 61.0 → 64.0 one of 3.0 for Adam. The difference is
3.4 points. The best rates of a row's two cells need not stand in the same column; comparing them column by column
would blame the *constant rate* for running at a rate chosen for the cosine.

```
gap = lambda constant, cosine: max(cosine) - max(constant)
answer = gap([57.9, 56.4, 51.2], [58.8, 62.9, 64.3]) - gap([58.6, 61.0, 55.5], [58.1, 62.2, 64.0])
```
""",
    hints=(
        "First make a 2 × 2 table of it: the best number of each row.",
        "A gap is cosine minus constant, of one optimizer. Then subtract the two gaps.",
    ),
    unit="points",
    misconceptions="""
same rate: You compared both schedules at the *cosine's* best rate. A constant rate wants a lower one; each cell gets
its own best.
    (max(sgd_cosine) - sgd_constant[sgd_cosine.index(max(sgd_cosine))])
    - (max(adam_cosine) - adam_constant[adam_cosine.index(max(adam_cosine))])
constant's rate: You compared both schedules at the *constant* rate's best. The cosine can use a higher one; each cell
gets its own best.
    (sgd_cosine[sgd_constant.index(max(sgd_constant))] - max(sgd_constant))
    - (adam_cosine[adam_constant.index(max(adam_constant))] - max(adam_constant))
one gap: That is SGD's gap alone. Subtract what Adam gains, too.
    max(sgd_cosine) - max(sgd_constant)
other sign: The sign is turned round: SGD's gain minus Adam's is asked.
    (max(adam_cosine) - max(adam_constant)) - (max(sgd_cosine) - max(sgd_constant))
winners only: That compares the two optimizers with a cosine. How much each *gains* from it is asked.
    max(sgd_cosine) - max(adam_cosine)
averages: You averaged over the rates. A row's mean says how tolerant it is of a wrong rate, not how good it gets.
    (sum(sgd_cosine) - sum(sgd_constant)) / 3 - (sum(adam_cosine) - sum(adam_constant)) / 3
""",
)

ERROR = ValueExercise(
    id="10.1.6.error",
    title="How sure is a gap of gaps?",
    task="""
Each of the four numbers of a 2 × 2 table is a mean over `seeds` runs. Single runs scatter about their mean with
standard deviation `spread`, the same in all four cells, and no two runs have anything in common. What is the standard
error (the standard deviation) of the gap of the two gaps?
""",
    given={"spread": 1.8, "seeds": 3},
    answer=lambda spread, seeds: 2 * spread / math.sqrt(seeds),
    solution="""
A mean of n runs has the standard error s/√n. The gap of gaps adds and subtracts four such means; variances of
independent numbers add, whatever the sign: 4 · s²/n. So the standard error is 2 s/√n = 2.08 points. A single mean has
half of that: to know a gap of gaps as well as one mean takes **four times** as many seeds.

```
answer = 2 * 1.8 / math.sqrt(3)
```
""",
    hints=(
        "What is the standard error of one cell, a mean of `seeds` runs?",
        "Variances (squares of standard errors) of independent numbers add, whether the numbers are added or "
        "subtracted. How many cells are there?",
    ),
    unit="points",
    misconceptions="""
one cell: That is the standard error of a single cell.
    spread / math.sqrt(seeds)
one gap: That is the standard error of *one* gap, the difference of two cells; here are four.
    math.sqrt(2) * spread / math.sqrt(seeds)
errors add: You added the four standard errors. Variances add: chance rarely pushes all four the same way.
    4 * spread / math.sqrt(seeds)
single runs: Each cell is a mean over `seeds` runs, and scatters less than one run.
    2 * spread
divided by n: A mean of n runs scatters √n times less, not n times less.
    2 * spread / seeds
cancels: Subtracting does not take errors away: the noise of runs with nothing in common never cancels on purpose.
    0.0
""",
)


def _descend(rate: float, dead_at: int | None = None, updates: int = 60) -> list[float]:
    """Losses of noisy descent in a bowl of 20 directions (curvatures 0.02 to 1), from a fixed seed; from update
    `dead_at` on the gradient is 0."""
    rng = random.Random(11)
    curvatures = [0.02 * 50 ** (place / 19) for place in range(20)]
    weights, losses = [1.0] * 20, []
    for t in range(updates):
        losses.append(sum(c * w * w for c, w in zip(curvatures, weights, strict=True)) / 2)
        if dead_at is None or t < dead_at:
            weights = [w - rate * (c * w + rng.gauss(0, 0.3)) for c, w in zip(curvatures, weights, strict=True)]
    return losses


# Rates 0.02, 2.06, 1.0 (too high by far, but stable) and 0.25 with a gradient that vanishes after 4 updates.
CURVES = {"A": _descend(0.02), "B": _descend(1.0), "C": _descend(0.25, dead_at=4), "D": _descend(2.06)}


def unrest(curve) -> float:
    """How much a curve that has levelled off jumps from update to update, relative to its height; 0 for one that
    leaves upwards, still falls or does not move."""
    tail = [float(x) for x in curve[len(curve) // 3 :]]
    half = len(tail) // 2
    early, late = sum(tail[:half]) / half, sum(tail[half:]) / (len(tail) - half)
    if not math.isfinite(late) or late > 1.6 * early or late < early / 1.15:
        return 0.0
    return sum(abs(b - a) for a, b in zip(tail, tail[1:], strict=False)) / len(tail) / late


def calm(curve) -> float:
    """Mean length of the last steps of a curve; infinite where it is not finite."""
    tail = [float(x) for x in curve[len(curve) // 2 :]]
    return sum(abs(b - a) for a, b in zip(tail, tail[1:], strict=False)) if math.isfinite(tail[-1]) else math.inf


RESCUE = ChoiceExercise(
    id="10.1.6.rescue",
    title="Which of four failing runs would a schedule help?",
    task="""
Four runs with a constant rate, drawn above with the labels A to D; nobody is happy with any of them. You may change
one thing: put a cosine in place of the constant rate, from the *same* peak, over the same number of updates. For which
run does that help? Answer with its letter, for instance `answer = "A"`.
""",
    options={label: f"curve {label}" for label in "ABCD"},
    given={"curves": CURVES},
    answer=lambda curves: max(curves, key=lambda label: unrest(curves[label])),
    solution="""
A decaying schedule can only lower the rate. That helps the run whose *steps* are the trouble: it came down quickly,
then hovers and jumps (B). A run that still falls calmly has too low a rate already; the cosine takes half of the
little it has. A line that is perfectly flat gets no gradient: any rate times zero is zero. And a run that leaves
upwards at once is lost before the cosine has come down by a per cent.

```
answer = "B"
```
""",
    hints=(
        "What can a decaying schedule do to a run? It can only make the steps smaller, and only later on.",
        "For each curve: is it held up by steps that are too long, too short, or by something else?",
    ),
    misconceptions="""
too low: That run is calm and still falling: its rate is too low, and a cosine from the same peak is lower still.
    min((label for label in curves if 0 < calm(curves[label]) and not unrest(curves[label])),
    key=lambda label: curves[label][-1])
dead: That line is perfectly flat, without any noise: no gradient arrives. A rate times zero is zero, whatever the rate.
Look for the bug.
    min(curves, key=lambda label: calm(curves[label]))
diverged: That run leaves upwards from the first updates on, while a cosine is still at its peak. It needs a lower rate,
not a later one.
    max(curves, key=lambda label: curves[label][-1])
""",
    names={"unrest": unrest, "calm": calm},
)

OPEN = OpenExercise(
    id="10.1.6.open",
    title="Open experiment: whose schedule is the weight decay?",
    task="""
With BatchNorm a layer's output does not depend on the length of its weight vectors. Without weight decay they grow
during training, and the same rate then turns them less and less: a schedule that nobody wrote. Train SGD with momentum
with `weight_decay=0` and with `5e-4`, constant and cosine, each at its own best of three rates, three seeds. Does SGD
without weight decay need a schedule less? Before you run it, write down which of the two gaps will be larger. 36 runs
as short as the live ones take about a minute and a half on two cores. To start from:

```
def one_run(decay, shape, peak, seed):
    model = scale.model(seed=seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9, weight_decay=decay)
    return fit(model, data, optimizer, SHAPES[shape](peak), updates=N, batch_size=scale.batch_size, seed=seed)
```
""",
    hints=(
        "Record the length of the weights as you go: `sum(p.square().sum() for p in model.parameters()).sqrt()` every "
        "50 updates. Where it grows by a factor 2, the rate that counts falls by 4 (for Adam: by 2).",
        "Compare training loss over the last epoch as well as accuracy: it scatters less between seeds.",
    ),
    solution="What to look for: the norm of the weights against update, with and without decay, and whether the gap "
    "between cosine and constant shrinks where the norm grows most. If it does, part of what looks like a property of "
    "*Adam* in the table above is a property of its missing weight decay. Compare van Laarhoven 2017 (arXiv "
    "1706.05350) and Zhang et al. 2018 (arXiv 1810.12281). Three seeds are few for a gap of gaps: see exercise "
    "10.1.6.error.",
)

EXERCISES = (FLOOR, GAPS, ERROR, RESCUE, OPEN)
