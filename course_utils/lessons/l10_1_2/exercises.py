"""Exercises of lesson 10.1.2: step decay, the smoothed loss, and when to drop."""

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise


def _step(t, peak, milestones, factor):
    return peak * factor ** sum(t >= milestone for milestone in milestones)


def _draw_step(rng):
    milestones = sorted(rng.sample(range(5, 100), rng.randint(1, 4)))
    t = rng.choice((rng.randint(0, 120), rng.choice(milestones), milestones[-1] + 1))
    return t, rng.uniform(0.01, 1.0), milestones, rng.choice((0.1, 0.2, 0.3, 0.5))


STEP = FunctionExercise(
    id="10.1.2.step_decay",
    title="Step decay in one function",
    task="""
Write `step_decay(t, peak, milestones, factor)`: the learning rate at time `t`. It starts at `peak` and is
multiplied by `factor` at every milestone. The drop already counts *at* the milestone: with milestone 30, `t
= 29` still has the old rate and `t = 30` the new one. `milestones` is an increasing list of numbers in the
unit of `t`.
""",
    function="step_decay",
    returns="the learning rate at time t",
    stub="""
def step_decay(t, peak, milestones, factor):
    return ...
""",
    solution="""
def step_decay(t, peak, milestones, factor):
    drops = sum(t >= milestone for milestone in milestones)      # how many lie behind us (True counts as 1)
    return peak * factor ** drops
""",
    hints=(
        "Answer another question first: how many drops have happened up to time t?",
        "A milestone has been passed when `t >= milestone`. Count those.",
        "Each drop multiplies by `factor`; after n drops that is factor to the power n.",
    ),
    reference=_step,
    draw=_draw_step,
    edges=tuple((t, 0.1, [30, 60, 90], 0.1) for t in (0, 29, 30, 75, 90, 500)),
    keeps=("milestones",),
    misconceptions="""
one late: Your drop comes one tick late: at t = milestone the new rate already holds (>= and not >).
    t >= milestone -> t > milestone
single drop: You drop only once: every milestone behind us multiplies by the factor again.
    return peak * factor if t >= milestones[0] else peak
subtracts: You take away a share of the peak at each drop. Step decay *multiplies* what is left, so that the rate never
reaches zero or below.
    factor ** drops -> (1 - (1 - factor) * drops)
divides: You divide by the factor: with 0.1 the rate becomes ten times *larger* at each drop.
    peak * factor -> peak / factor
counts ahead: You count the milestones still ahead; the drops that matter are those behind.
    t >= milestone -> t < milestone
linear in drops: You multiply by factor times the number of drops; n drops multiply by factor *to the power* n.
    factor ** drops -> (factor * drops or 1)
""",
    variants=(
        "import numpy as np\nreturn peak * factor ** np.sum(np.asarray(milestones) <= t)",
        "import torch\nreturn peak * factor ** (torch.as_tensor(milestones) <= t).sum()",
        "lr = peak\nfor one in milestones:\n    if t >= one:\n        lr *= factor\nreturn lr",
        "import math\nreturn peak * math.prod(factor for one in milestones if one <= t)",
        "import bisect\nreturn peak * factor ** bisect.bisect_right(milestones, t)",
        "return peak * factor ** (milestones <= t).sum()",
    ),
)


def _ema(losses, beta):
    average, out = 0.0, []
    for number, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        out.append(average / (1 - beta**number))
    return out


EMA = FunctionExercise(
    id="10.1.2.ema",
    title="A smooth line through a noisy loss",
    task="""
Write `ema(losses, beta)`: the exponential moving average of a list of losses, with bias correction, as a
list of the same length. The running average starts at 0 and each new loss enters with weight 1 − β:

- a ← β·a + (1 − β)·loss

Starting at 0 pulls the first values down. Bias correction undoes that: after n losses the value to *show*
is a / (1 − βⁿ). The first value shown is therefore the first loss itself.
""",
    function="ema",
    returns="a list with the bias-corrected moving average after each loss",
    stub="""
def ema(losses, beta):
    return ...
""",
    solution="""
def ema(losses, beta):
    average, smooth = 0.0, []
    for n, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss      # the running value stays uncorrected
        smooth.append(average / (1 - beta**n))            # the correction is for what is shown
    return smooth
""",
    hints=(
        "Keep one running number and make a list of what you show; they are not the same.",
        "`for n, loss in enumerate(losses, start=1)` counts the losses seen so far, beginning with 1.",
        "Show `average / (1 - beta**n)`, and go on with the uncorrected `average`.",
    ),
    reference=_ema,
    draw=lambda rng: ([rng.uniform(0.1, 3.0) for _ in range(rng.randint(3, 12))], rng.choice((0.5, 0.8, 0.9, 0.98))),
    edges=(([2.0], 0.9), ([1.0, 1.0, 1.0, 1.0], 0.9), ([1.0, 3.0, 2.0], 0.5)),
    floor=lambda losses, beta: 1e-5,
    keeps=("losses",),
    misconceptions="""
no correction: The bias correction is missing: your line starts near zero and climbs to the losses.
    average / (1 - beta**n) -> average
weights swapped: The weights are swapped: β belongs to the past, 1 − β to the new loss. As it is, a larger β smooths
less.
    beta * average + (1 - beta) * loss -> (1 - beta) * average + beta * loss
    beta**n -> (1 - beta) ** n
starts at first loss: You start from the first loss instead of correcting: for a long time that one noisy value has far
more weight than the others.
    0.0, [] -> losses[0], []
    average / (1 - beta**n) -> average
fed back: You go on with the corrected value. Correct what is shown; keep the running average as it is.
    smooth.append -> average /= 1 - beta**n; smooth.append
    average / (1 - beta**n) -> average
last correction for all: You divide every value by the correction of the last one; each has its own 1 − βⁿ.
    beta**n -> beta ** len(losses)
count off by one: The exponent is one too large: after the first loss the correction is 1 − β, not 1 − β².
    beta**n -> beta ** (n + 1)
last only: You return the last value only; one value for each loss is asked, so that a line can be drawn.
    return smooth -> return smooth[-1]
""",
    variants=(
        "import numpy as np\nx = np.asarray(losses)\nn = np.arange(1, len(x) + 1)\n"
        "w = np.tril(beta ** (n[:, None] - n[None, :]).clip(0).astype(float))\n"
        "return (1 - beta) * (w @ x) / (1 - beta ** n)",
        "import torch\na, out = torch.tensor(0.0), []\nfor n, x in enumerate(losses, 1):\n"
        "    a = torch.lerp(torch.as_tensor(x, dtype=torch.float32), a, float(beta))\n"
        "    out.append(a / (1 - beta ** n))\nreturn torch.stack(out)",
        "top = bottom = 0\nout = []\nfor x in losses:\n    top = beta * top + x\n    bottom = beta * bottom + 1\n"
        "    out.append(top / bottom)\nreturn tuple(out)",
    ),
)

NOISE = ChoiceExercise(
    id="10.1.2.noise",
    title="What the noise and the drop tell",
    task="""
For many epochs the loss of single batches has swung about the same level; its smoothed line no longer
falls. Then the learning rate is multiplied by 0.1. Within a few dozen updates the smoothed line lies
clearly lower, and the swings have become smaller. Nothing else was changed. Which reading fits *both*
observations?
""",
    options={
        "A": "The network had learned all it has room for; the drop let it store more.",
        "B": "The rate had been too small to move on; the drop set it going again.",
        "C": "The steps had been too long to settle: they kept jumping across the valley. Shorter steps come to rest "
        "lower down.",
        "D": "The batches after the drop happened to be easier ones.",
    },
    answer=lambda: "C",
    solution="""
C. With a constant rate, gradient noise kicks the weights about as fast as descent pulls them in: they hover
above the valley floor at a height that grows with the rate. A smaller rate hovers lower, and it gets there
in few updates because the way is short. That also explains the smaller swings. A drop adds no capacity (A),
a *smaller* rate cannot cure too small a rate (B), and chance would not repeat at every drop and for every
seed (D): lesson 10.1.2 measures it over several.
""",
    hints=(
        "Two facts need one cause: the level falls *and* the swings shrink, both right after the drop.",
        "Think of a ball in a narrow valley that takes steps of a fixed length. Where can it come to rest?",
    ),
    misconceptions="""
capacity: A learning rate adds no room: the network has the same weights before and after the drop.
    "A"
too small before: The drop made the rate smaller still; if it had been too small, progress would have slowed further.
    "B"
luck: The batches are shuffled in every epoch; luck would not repeat at each drop and for each seed.
    "D"
""",
)


def _plateau(val_losses, patience):
    best, bad = float("inf"), 0
    for epoch, loss in enumerate(val_losses):
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            return epoch
    return -1


def _draw_plateau(rng):
    level, losses = 2.0, []
    for _ in range(rng.randint(8, 18)):
        level = max(0.3, level * rng.choice((0.8, 0.95, 1.0, 1.0, 1.05)))
        losses.append(round(level + rng.choice((0, 0, 0.05, -0.05)), 2))
    return losses, rng.randint(0, 3)


PLATEAU = FunctionExercise(
    id="10.1.2.plateau",
    title="When does ReduceLROnPlateau lose its patience?",
    task="""
`torch.optim.lr_scheduler.ReduceLROnPlateau` watches the validation loss. An epoch is *good* when its loss
is lower than the best seen so far (a tie is not); otherwise it is *bad*. A good epoch sets the count of bad
ones back to 0. The rate drops when the count is **greater than** `patience`.

Write `first_drop(val_losses, patience)`: the number of the epoch, counting from 0, after whose validation
the rate drops for the first time; `-1` if it never does. (PyTorch's `threshold` is taken as 0 here.)
""",
    function="first_drop",
    returns="the epoch (from 0) after which the rate drops first, or -1",
    stub="""
def first_drop(val_losses, patience):
    return ...
""",
    solution="""
def first_drop(val_losses, patience):
    best, bad = float("inf"), 0
    for epoch, loss in enumerate(val_losses):
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:             # patience = 2 forgives two bad epochs; the third one drops the rate
            return epoch
    return -1
""",
    hints=(
        "Walk through the list once with two variables: the best loss so far and the number of bad epochs in a row.",
        "Compare with the best, not with the epoch before: slowly creeping back up is not progress.",
        "patience = 0 drops at the first bad epoch, so the test is `bad > patience`.",
    ),
    reference=_plateau,
    draw=_draw_plateau,
    edges=(
        ([1.0, 0.9, 0.9, 0.9, 0.9], 2),
        ([3.0, 2.0, 1.0], 0),
        ([1.0, 1.1, 0.9, 1.0, 0.8, 0.9, 0.7], 1),
        ([1.0, 0.5, 0.9, 0.8, 0.7, 0.6], 2),
        ([1.0, 1.0, 1.0], 0),
        ([1.0, 2.0, 0.5, 0.6, 0.7, 0.8], 2),
        ([1.0, 1.1, 1.2], 2),
    ),
    probes=40,
    keeps=("val_losses",),
    misconceptions="""
one early: You drop one epoch early: the count must be *greater* than the patience, not equal to it.
    bad > patience -> bad >= max(1, patience)
never forgives: You count all bad epochs together: a good epoch has to set the count back to 0.
    best, bad = loss, 0 -> best = loss
previous epoch: You compare with the epoch before; the rule compares with the *best* epoch so far.
    bad += 1 -> best, bad = loss, bad + 1
tie is progress: You take a tie for progress: an epoch is good only when its loss is strictly lower than the best.
    loss < best -> loss <= best
counts from one: You number the epochs from 1; here, as in a list, the first one is number 0.
    return epoch -> return epoch + 1
""",
    variants=(
        "import torch\nw = torch.nn.Parameter(torch.zeros(1))\nopt = torch.optim.SGD([w], lr=1.0)\n"
        "s = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=patience, threshold=0.0)\n"
        "for e, x in enumerate(val_losses):\n    s.step(x)\n    if opt.param_groups[0]['lr'] < 1:\n"
        "        return e\nreturn -1",
        "import numpy as np\nx = np.asarray(val_losses)\nbad = 0\nfor e in range(len(x)):\n"
        "    good = e == 0 or x[e] < x[:e].min()\n    bad = 0 if good else bad + 1\n    if bad > patience:\n"
        "        return np.int64(e)\nreturn np.int64(-1)",
        "for e in range(patience, len(val_losses)):\n    start = e - patience\n"
        "    if start and min(val_losses[start:e + 1]) >= min(val_losses[:start]):\n        return float(e)\n"
        "return -1",
    ),
)

OPEN = OpenExercise(
    id="10.1.2.open",
    title="Open experiment: your hand against the rule",
    task="""
Train with the drop button and decide yourself, three times, when to drop. Then run ReduceLROnPlateau with
patience 1 and 3, and the fixed milestones at one half and three quarters of the budget, with the same
seeds. Whose *validation* accuracy is best at equal budget? Predict the order first.
""",
    hints=(
        "Decide from the validation curve, not from the batch loss: the latter is too noisy to see a plateau in.",
        "Run three seeds of each before you call a winner; look at the spread as well as the mean.",
    ),
    solution="What to look for: dropping at the first pause is tempting (the loss rewards you at once) and "
    "usually costs accuracy at the end. On a short budget, small patience wins over large only if the noise of the "
    "validation loss lets it.",
)

EXERCISES = (STEP, EMA, NOISE, PLATEAU, OPEN)
