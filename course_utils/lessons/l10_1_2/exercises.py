"""Exercises of lesson 10.1.2: step decay, the smoothed loss, and when to drop."""

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, Misconception, OpenExercise


def _step(t, peak, milestones, factor):
    return peak * factor ** sum(t >= one for one in milestones)


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
    edges=(
        (0, 0.1, [30, 60, 90], 0.1),
        (29, 0.1, [30, 60, 90], 0.1),
        (30, 0.1, [30, 60, 90], 0.1),
        (75, 0.1, [30, 60, 90], 0.1),
        (90, 0.1, [30, 60, 90], 0.1),
        (500, 0.1, [30, 60, 90], 0.1),
    ),
    keeps=("milestones",),
    misconceptions=(
        Misconception(
            "one late",
            "Your drop comes one tick late: at t = milestone the new rate already holds (>= and not >).",
            "def step_decay(t, peak, milestones, factor):\n"
            "    return peak * factor ** sum(t > one for one in milestones)",
        ),
        Misconception(
            "single drop",
            "You drop only once: every milestone behind us multiplies by the factor again.",
            "def step_decay(t, peak, milestones, factor):\n    return peak * factor if t >= milestones[0] else peak",
        ),
        Misconception(
            "subtracts",
            "You take away a share of the peak at each drop. Step decay *multiplies* what is left, so that "
            "the rate never reaches zero or below.",
            "def step_decay(t, peak, milestones, factor):\n"
            "    return peak * (1 - (1 - factor) * sum(t >= one for one in milestones))",
        ),
        Misconception(
            "divides",
            "You divide by the factor: with 0.1 the rate becomes ten times *larger* at each drop.",
            "def step_decay(t, peak, milestones, factor):\n"
            "    return peak / factor ** sum(t >= one for one in milestones)",
        ),
        Misconception(
            "counts ahead",
            "You count the milestones still ahead; the drops that matter are those behind.",
            "def step_decay(t, peak, milestones, factor):\n"
            "    return peak * factor ** sum(t < one for one in milestones)",
        ),
        Misconception(
            "linear in drops",
            "You multiply by factor times the number of drops; n drops multiply by factor *to the power* n.",
            "def step_decay(t, peak, milestones, factor):\n"
            "    n = sum(t >= one for one in milestones)\n    return peak * factor * n if n else peak",
        ),
    ),
    variants=(
        "import numpy as np\ndef step_decay(t, peak, milestones, factor):\n"
        "    return peak * factor ** np.sum(np.asarray(milestones) <= t)",
        "import torch\ndef step_decay(t, peak, milestones, factor):\n"
        "    return peak * factor ** (torch.as_tensor(milestones) <= t).sum()",
        "def step_decay(t, peak, milestones, factor):\n    lr = peak\n    for one in milestones:\n"
        "        if t >= one:\n            lr *= factor\n    return lr",
        "import math\ndef step_decay(t, peak, milestones, factor):\n"
        "    return peak * math.prod(factor for one in milestones if one <= t)",
        "import bisect\ndef step_decay(t, peak, milestones, factor):\n"
        "    return peak * factor ** bisect.bisect_right(milestones, t)",
        "def step_decay(t, peak, milestones, factor):\n    return peak * factor ** (milestones <= t).sum()",
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
    draw=lambda rng: (
        [rng.uniform(0.1, 3.0) for _ in range(rng.randint(3, 12))],
        rng.choice((0.5, 0.8, 0.9, 0.98)),
    ),
    edges=(([2.0], 0.9), ([1.0, 1.0, 1.0, 1.0], 0.9), ([1.0, 3.0, 2.0], 0.5)),
    floor=lambda losses, beta: 1e-5,
    keeps=("losses",),
    misconceptions=(
        Misconception(
            "no correction",
            "The bias correction is missing: your line starts near zero and climbs to the losses.",
            "def ema(losses, beta):\n    a, out = 0.0, []\n    for x in losses:\n"
            "        a = beta * a + (1 - beta) * x\n"
            "        out.append(a)\n    return out",
        ),
        Misconception(
            "weights swapped",
            "The weights are swapped: β belongs to the past, 1 − β to the new loss. As it is, a larger β smooths less.",
            "def ema(losses, beta):\n    a, out = 0.0, []\n    for n, x in enumerate(losses, 1):\n"
            "        a = (1 - beta) * a + beta * x\n        out.append(a / (1 - (1 - beta) ** n))\n"
            "    return out",
        ),
        Misconception(
            "starts at first loss",
            "You start from the first loss instead of correcting: for a long time that one noisy value has "
            "far more weight than the others.",
            "def ema(losses, beta):\n    a, out = losses[0], []\n    for x in losses:\n"
            "        a = beta * a + (1 - beta) * x\n"
            "        out.append(a)\n    return out",
        ),
        Misconception(
            "fed back",
            "You go on with the corrected value. Correct what is shown; keep the running average as it is.",
            "def ema(losses, beta):\n    a, out = 0.0, []\n    for n, x in enumerate(losses, 1):\n"
            "        a = (beta * a + (1 - beta) * x) / (1 - beta ** n)\n        out.append(a)\n"
            "    return out",
        ),
        Misconception(
            "last correction for all",
            "You divide every value by the correction of the last one; each has its own 1 − βⁿ.",
            "def ema(losses, beta):\n    a, out = 0.0, []\n    for x in losses:\n"
            "        a = beta * a + (1 - beta) * x\n"
            "        out.append(a / (1 - beta ** len(losses)))\n    return out",
        ),
        Misconception(
            "count off by one",
            "The exponent is one too large: after the first loss the correction is 1 − β, not 1 − β².",
            "def ema(losses, beta):\n    a, out = 0.0, []\n    for n, x in enumerate(losses, 1):\n"
            "        a = beta * a + (1 - beta) * x\n        out.append(a / (1 - beta ** (n + 1)))\n"
            "    return out",
        ),
        Misconception(
            "last only",
            "You return the last value only; one value for each loss is asked, so that a line can be drawn.",
            "def ema(losses, beta):\n    a = 0.0\n    for x in losses:\n"
            "        a = beta * a + (1 - beta) * x\n"
            "    return a / (1 - beta ** len(losses))",
        ),
    ),
    variants=(
        "import numpy as np\ndef ema(losses, beta):\n    x = np.asarray(losses)\n"
        "    n = np.arange(1, len(x) + 1)\n"
        "    w = np.tril(beta ** (n[:, None] - n[None, :]).clip(0).astype(float))\n"
        "    return (1 - beta) * (w @ x) / (1 - beta ** n)",
        "import torch\ndef ema(losses, beta):\n    a, out = torch.tensor(0.0), []\n"
        "    for n, x in enumerate(losses, 1):\n"
        "        a = torch.lerp(torch.as_tensor(x, dtype=torch.float32), a, float(beta))\n        "
        "out.append(a / (1 - beta ** n))\n"
        "    return torch.stack(out)",
        "def ema(losses, beta):\n    top = bottom = 0\n    out = []\n    for x in losses:\n"
        "        top = beta * top + x\n"
        "        bottom = beta * bottom + 1\n        out.append(top / bottom)\n    return tuple(out)",
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
        "C": "The steps had been too long to settle: they kept jumping across the valley. Shorter steps "
        "come to rest lower down.",
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
    misconceptions=(
        Misconception(
            "capacity",
            "A learning rate adds no room: the network has the same weights before and after the drop.",
            '"A"',
        ),
        Misconception(
            "too small before",
            "The drop made the rate smaller still; if it had been too small, progress would have slowed further.",
            '"B"',
        ),
        Misconception(
            "luck",
            "The batches are shuffled in every epoch; luck would not repeat at each drop and for each seed.",
            '"D"',
        ),
    ),
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
    misconceptions=(
        Misconception(
            "one early",
            "You drop one epoch early: the count must be *greater* than the patience, not equal to it.",
            "def first_drop(val_losses, patience):\n    best, bad = math.inf, 0\n"
            "    for e, x in enumerate(val_losses):\n"
            "        if x < best:\n            best, bad = x, 0\n        else:\n            bad += 1\n"
            "        if bad and bad >= patience:\n            return e\n    return -1",
        ),
        Misconception(
            "never forgives",
            "You count all bad epochs together: a good epoch has to set the count back to 0.",
            "def first_drop(val_losses, patience):\n    best, bad = math.inf, 0\n"
            "    for e, x in enumerate(val_losses):\n"
            "        if x < best:\n            best = x\n        else:\n            bad += 1\n"
            "        if bad > patience:\n            return e\n    return -1",
        ),
        Misconception(
            "previous epoch",
            "You compare with the epoch before; the rule compares with the *best* epoch so far.",
            "def first_drop(val_losses, patience):\n    last, bad = math.inf, 0\n"
            "    for e, x in enumerate(val_losses):\n"
            "        bad = 0 if x < last else bad + 1\n        last = x\n"
            "        if bad > patience:\n            return e\n    return -1",
        ),
        Misconception(
            "tie is progress",
            "You take a tie for progress: an epoch is good only when its loss is strictly lower than the best.",
            "def first_drop(val_losses, patience):\n    best, bad = math.inf, 0\n"
            "    for e, x in enumerate(val_losses):\n"
            "        if x <= best:\n            best, bad = x, 0\n        else:\n            bad += 1\n"
            "        if bad > patience:\n            return e\n    return -1",
        ),
        Misconception(
            "counts from one",
            "You number the epochs from 1; here, as in a list, the first one is number 0.",
            "def first_drop(val_losses, patience):\n    best, bad = math.inf, 0\n"
            "    for e, x in enumerate(val_losses):\n"
            "        if x < best:\n            best, bad = x, 0\n        else:\n            bad += 1\n"
            "        if bad > patience:\n            return e + 1\n    return -1",
        ),
    ),
    variants=(
        "import torch\ndef first_drop(val_losses, patience):\n    w = torch.nn.Parameter(torch.zeros(1))\n"
        "    opt = torch.optim.SGD([w], lr=1.0)\n"
        "    s = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=patience, threshold=0.0)\n"
        "    for e, x in enumerate(val_losses):\n        s.step(x)\n        if opt.param_groups[0]['lr'] < "
        "1:\n"
        "            return e\n    return -1",
        "import numpy as np\ndef first_drop(val_losses, patience):\n    x = np.asarray(val_losses)\n"
        "    bad = 0\n"
        "    for e in range(len(x)):\n        good = e == 0 or x[e] < x[:e].min()\n        bad = 0 if good "
        "else bad + 1\n"
        "        if bad > patience:\n            return np.int64(e)\n    return np.int64(-1)",
        "def first_drop(val_losses, patience):\n    for e in range(patience, len(val_losses)):\n"
        "        start = e - patience\n"
        "        if start and min(val_losses[start:e + 1]) >= min(val_losses[:start]):\n"
        "            return float(e)\n    return -1",
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
    "usually costs accuracy at "
    "the end. On a short budget, small patience wins over large only if the noise of the validation loss "
    "lets it.",
)

EXERCISES = (STEP, EMA, NOISE, PLATEAU, OPEN)
