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


def _behind(beta, share):
    n, left = 1, beta
    while 1 - left < share:
        n, left = n + 1, left * beta
    return n


EMA = FunctionExercise(
    id="10.1.2.ema",
    title="How late is the smooth line?",
    task="""
A loss has stood at one level for a very long time, and so has its moving average a ← β·a + (1 − β)·loss. Then
the rate drops, and from one update to the next the loss falls to a lower level and stays there. The average
follows late.

Write `updates_behind(beta, share)`: the number of updates at the new level, 1, 2, 3, …, after which the average has
made **at least** the `share` of its way down (0 < β < 1, 0 < share < 1). After one update it has made 1 − β of it.
(Bias correction does nothing here: so long after the start, 1 − βᵗ is 1.)
""",
    function="updates_behind",
    returns="the smallest whole number of updates after which the average has made that share of the way",
    stub="""
def updates_behind(beta, share):
    return ...
""",
    solution="""
def updates_behind(beta, share):
    n, left = 1, beta                # what is left of the way is multiplied by beta at every update
    while 1 - left < share:
        n, left = n + 1, left * beta
    return n                         # in one line: math.ceil(math.log(1 - share) / math.log(beta))
""",
    hints=(
        "Let the levels be 1 before and 0 after. Write down a after one, two, three updates.",
        "After n updates βⁿ of the way is left, so 1 − βⁿ of it is made.",
        "Count up until 1 − βⁿ >= share, or solve for n with logarithms and round *up*.",
    ),
    reference=_behind,
    draw=lambda rng: (rng.choice((0.5, 0.8, 0.9, 0.95, 0.98, 0.99)), rng.uniform(0.05, 0.99)),
    edges=((0.5, 0.75), (0.5, 0.76), (0.98, 0.5), (0.98, 0.9), (0.9, 0.01), (0.1, 0.95)),
    misconceptions="""
memory: That is what the average remembers, about 1/(1 − β) updates: after so many it has made 63 % of the way, whatever
share is asked.
    return round(1 / (1 - beta))
one short: You rounded down: after so many updates the share is not reached yet.
    return math.floor(math.log(1 - share) / math.log(beta))
not whole: Updates are whole numbers: round up.
    return math.log(1 - share) / math.log(beta)
what is left: You asked when only `share` of the way is *left*. It is to be made.
    return math.ceil(math.log(share) / math.log(beta))
even steps: You let every update make the same 1 − β of the whole way. It makes 1 − β of what is *left*.
    return math.ceil(share / (1 - beta))
one more: One too many: the first update at the new level counts as 1.
    return math.ceil(math.log(1 - share) / math.log(beta)) + 1
weights swapped: The weights are swapped: β belongs to the past, 1 − β to the new loss.
    return math.ceil(math.log(1 - share) / math.log(1 - beta))
""",
    variants=(
        "import math\nreturn math.ceil(math.log(1 - share) / math.log(beta))",
        "import numpy as np\nreturn np.argmax(1 - beta ** np.arange(5000) >= share)",
        "a, n = 1.0, 0\nwhile a > 1 - share:\n    a, n = beta * a, n + 1\nreturn float(n)",
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
(About two minutes of computing.)
Train with the drop button and decide yourself, three times, when to drop. Then run ReduceLROnPlateau with
patience 1 and 3, and the fixed milestones at one half and three quarters of the budget, with the same
seeds. Whose *validation* accuracy is best at equal budget? Predict the order first. The rule, with another patience:

```
model, optimizer = second_half()
rule = ReduceLROnPlateau(optimizer, factor=0.1, patience=1)
for step in train(model, data, optimizer, **rest):
    if step.validated:
        rule.step(step.run.val[-1][1])
print(f"{step.run.percent:.1f} %")
```
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
