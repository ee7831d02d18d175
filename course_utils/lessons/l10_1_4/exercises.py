"""Exercises of lesson 10.1.4: warm-up and a line, their area, where cosine and line differ, and reading an interval."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _warmup_linear(t, peak, T, warmup):
    return peak * t / warmup if t < warmup else peak * (T - t) / (T - warmup)


def _draw_warmup(rng):
    T = rng.randint(50, 5_000)
    warmup = rng.randint(2, T // 2)
    return rng.choice((rng.randint(0, warmup), rng.randint(warmup, T))), rng.uniform(1e-4, 1.0), T, warmup


WARMUP = FunctionExercise(
    id="10.1.4.warmup_linear",
    title="The BERT recipe: warm-up, then a line",
    task="""
Write `warmup_linear(t, peak, T, warmup)`: the learning rate of update `t` (counted from 0) in a training of
`T` updates, **of which the first** `warmup` are warm-up.

- The rate starts at 0 and rises along a straight line; it is `peak` at `t = warmup`.
- From there it falls along a straight line to 0 at `t = T`.

`warmup = 0` means no warm-up at all: it must work, too.
""",
    function="warmup_linear",
    returns="the rate of update t: a straight rise from 0 to peak at t = warmup, a straight fall to 0 at t = T",
    stub="""
def warmup_linear(t, peak, T, warmup):
    return ...
""",
    solution="""
def warmup_linear(t, peak, T, warmup):
    if t < warmup:
        return peak * t / warmup                     # never reached with warmup = 0: nothing is divided by 0
    return peak * (T - t) / (T - warmup)             # T - warmup updates are left for the way down
""",
    hints=(
        "Two straight lines, so an `if`: which one does `t` lie on?",
        "On the way down, which share of the T − warmup updates is still ahead at update t?",
        "Test the joint: both lines must give `peak` at t = warmup. And the end: 0 at t = T.",
    ),
    reference=_warmup_linear,
    draw=_draw_warmup,
    edges=(
        (0, 0.1, 1000, 100),
        (50, 0.1, 1000, 100),
        (100, 0.1, 1000, 100),
        (1000, 0.1, 1000, 100),
        (0, 0.1, 1000, 0),
        (400, 0.1, 1000, 0),
    ),
    floor=lambda t, peak, T, warmup: 3e-6 * peak,
    misconceptions="""
warm-up on top: Your way down takes T updates after the warm-up: the training would need T + warmup. Here the warm-up is
*part* of the T updates, and your rate is not 0 at the end.
    if t < warmup:
        return peak * t / warmup
    return peak * (1 - (t - warmup) / T)
old clock: Your way down is the plain line 1 − t/T: at the joint it starts below the peak, with a jump. It has T −
warmup updates to fall from the full peak.
    if t < warmup:
        return peak * t / warmup
    return peak * (1 - t / T)
product: You multiply warm-up and decay: then the rate decays during the warm-up already, and the peak is never reached.
    rise = min(1, t / warmup) if warmup else 1
    return peak * rise * (1 - t / T)
rises over T: On the way up you divide by T: the rate hardly gets off the ground. The rise takes `warmup` updates.
    if t < warmup:
        return peak * t / T
    return peak * (T - t) / (T - warmup)
no warm-up: There is no warm-up: your rate starts at the peak.
    return peak * (1 - t / T)
constant until then: You *hold* the peak for `warmup` updates; a warm-up rises to it from 0.
    return peak if t < warmup else peak * (T - t) / (T - warmup)
starts at a third: Your warm-up starts at a third of the peak. That is the default of PyTorch's `LinearLR`, not what is
asked: start at 0.
    if t < warmup:
        return peak * (1 / 3 + 2 / 3 * t / warmup)
    return peak * (T - t) / (T - warmup)
counted from one: You count updates from 1: the first one then uses peak / warmup. (Some libraries do, so that no update
is lost. Here update 0 has rate 0.)
    if t < warmup:
        return peak * (t + 1) / warmup
    return peak * (T - t) / (T - warmup)
""",
    variants=(
        "up = t / warmup if warmup else 1.0\nreturn peak * min(up, (T - t) / (T - warmup))",
        "import numpy as np\nat, rates = ([0, warmup, T], [0, peak, 0]) if warmup else ([0, T], [peak, 0])\n"
        "return np.interp(t, at, rates)",
        "import torch\nt = torch.tensor(float(t))\ndown = (T - t) / (T - warmup)\n"
        "return peak * (torch.minimum(t / warmup, down) if warmup else down)",
    ),
)


AREA = ValueExercise(
    id="10.1.4.area",
    title="How much learning rate a warm-up costs",
    task="""
Linear decay with a warm-up: the rate rises along a straight line from 0 to `peak` in the first `warmup`
updates, then falls along another one to 0 at `T` (the warm-up is part of the `T` updates). Add up the rates of
all updates: what is the area under this curve? Half a per cent is near enough; paper will do.
""",
    given={"peak": 0.004, "T": 10_000, "warmup": 1_000},
    answer=lambda peak, T, warmup: peak * T / 2,
    solution="""
It is a triangle: its base is T, its height the peak. The area is ½ · peak · T = 20, **wherever the top
is**. A warm-up moves the top to the right and costs nothing: what is missing on the way up is made up for on the
way down, which lies higher than the plain line. So plain line, line with warm-up and cosine all spend the same.

```
answer = sum(0.004 * min(t / 1000, (10_000 - t) / 9000) for t in range(10_000))
```
""",
    hints=(
        "Draw it. Which figure with three corners is it?",
        "Half of base times height. Does the place of the top matter?",
    ),
    misconceptions="""
decay only: That is the area of the way down alone; the warm-up has some area, too.
    peak * (T - warmup) / 2
too much warm-up: You gave the warm-up too much: either it came on top of T (it is part of it), or it counted at the
full peak (on the way up the mean rate is half of it).
    peak * (T + warmup) / 2
constant: That is the area of a *constant* rate at the peak.
    peak * T
mean only: That is the mean rate; the sum over all updates is asked.
    peak / 2
""",
)


def _spent(T, share):
    total, so_far = sum(1 + math.cos(math.pi * t / T) for t in range(T)), 0.0
    for t in range(T):
        so_far += 1 + math.cos(math.pi * t / T)
        if so_far >= share * total:
            return t + 1
    return T


GAP = ValueExercise(
    id="10.1.4.gap",
    title="When is nine tenths of the learning rate spent?",
    task="""
Line and cosine spend the same sum of learning rates in the end, but not at the same time. A line has spent `share` of
it after T (1 − √(1 − share)) updates: nine tenths after 68 % of the run. After how many updates has the **cosine**
(eq. 10.1) spent `share` of its own sum? Half a per cent is near enough.
""",
    given={"T": 10_000, "share": 0.9},
    answer=_spent,
    solution="""
The cosine stays high longer and rests longer, so it spends earlier: after 5962 of 10,000 updates nine tenths are gone.
No formula gives the number: τ/2 + sin(πτ)/(2π) = 0.45 has to be solved by trying, or by adding the rates up.

```
rates = [1 + math.cos(math.pi * t / 10_000) for t in range(10_000)]
answer, so_far = 0, 0.0
while so_far < 0.9 * sum(rates):
    so_far += rates[answer]
    answer += 1
```
""",
    hints=(
        "In the last part of the run the cosine is nearly at rest. So it must have spent its sum sooner than the line.",
        "Add the rates up, update by update, and stop when nine tenths of the whole sum are reached.",
        "The peak does not matter: it multiplies every rate and the whole sum alike.",
    ),
    misconceptions="""
share of T: Nine tenths of the *updates* spend far more than nine tenths of the rates: the last ones are tiny.
    share * T
line: That is the line's number. The cosine is higher in the first half: it spends sooner.
    T * (1 - math.sqrt(1 - share))
rate: That is where the *rate* has fallen to a tenth of the peak; the sum of all rates so far is asked.
    T * math.acos(1 - 2 * share) / math.pi
of the constant: You compared with peak · T, what a constant rate spends; a cosine spends half of that in all, so it
never gets there.
    T
left over: That is when one tenth is spent. Nine tenths are asked.
    0.0502 * T if share == 0.9 and T == 10_000 else 0.0
in updates: That is a share of the run; the number of updates is asked.
    0.5962
""",
)


def _reading(low, high, margin):
    """The label of the sentence that the interval allows."""
    inside = -margin <= low and high <= margin
    if low > 0 or high < 0:
        return "C" if inside else "D"
    return "B" if inside else "A"


VERDICT = ChoiceExercise(
    id="10.1.4.verdict",
    title="What an interval allows to say",
    task="""
Somebody compares two schedules, seed by seed. The 90 % interval of the mean difference goes from −0.9 to
+2.1 points. Beforehand they had written down that up to ±1.5 points would not matter to them. What may
they say? Answer with the letter, for instance `answer = "A"`.
""",
    options={
        "A": "Nothing yet: these seeds cannot tell.",
        "B": "The two schedules are as good as equal.",
        "C": "One is better, but by too little to matter.",
        "D": "One is better.",
    },
    given={"low": -0.9, "high": 2.1, "margin": 1.5},
    answer=_reading,
    solution="""
**A.** Zero lies inside the interval, so no difference is shown. But +2.1 lies inside it as well, and that would
matter: so it is not shown either that they are as good as equal. "We found no difference" is a sentence about the
experiment, not about the schedules. More seeds make the interval shorter.

With −0.4 to +1.1 it would be B, with +0.1 to +1.1 it would be C, with +0.3 to +2.1 D.
""",
    hints=(
        "Two questions: is zero inside the interval? Is the whole interval inside ± the margin?",
        "To call two things equal you must have *excluded* every difference that matters. Is 2.1 excluded?",
    ),
    misconceptions="""
no difference found: That the interval contains zero only says that no difference was *found*. It contains +2.1, too,
and that would matter: nothing has excluded it.
    "B"
middle: You looked at the middle of the interval. Its lower end is below zero: the sign is not known.
    "D"
middle inside: For this both would be needed: zero outside the interval, and the whole interval inside ± the margin.
Neither is the case.
    "C"
""",
)

OPEN = OpenExercise(
    id="10.1.4.open",
    title="Open experiment: how much warm-up does it take?",
    task="""
Train the small BERT with a warm-up of 0, 2, 5, 10, 30 and 60 % of the updates, then a line to 0, three seeds
each; once with `norm="post"` (as the BERT paper) and once with `norm="pre"` (as most models since). Take the
best recorded rate, then three times as much (about four seconds a run).
Which network needs the warm-up, and how long must it be? Write your
guess down first, and judge with `difference(...)`.
""",
    hints=(
        "The schedule: `partial(warmup, steps=w, start=0.0, then=partial(linear, peak=peak, T=T - w))`, w = share * T.",
        'Compare the *validation loss*: `difference(a, b, lambda run: run.val[-1][1], unit="nats", margin=0.05)`.',
    ),
    solution="What to look for: a post-norm network whose warm-up is too short stays at the unigram entropy, whatever "
    "comes later; a pre-norm one forgives. Beyond what is needed, more warm-up only takes updates from the way "
    "down. See R. Xiong et al. (2020), arXiv:2002.04745, for why.",
)

EXERCISES = (WARMUP, AREA, GAP, VERDICT, OPEN)
