"""Exercises of lesson 10.1.3: the cosine, its area, the wrong T, and what stepping per epoch costs."""

import math

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _cosine(t, peak, T):
    return 0.5 * peak * (1 + math.cos(math.pi * t / T))


def _draw_cosine(rng):
    T = rng.randint(50, 5_000)
    return rng.randint(0, T), rng.uniform(0.01, 2.0), T


COSINE = FunctionExercise(
    id="10.1.3.cosine",
    title="The cosine, update by update",
    task="""
Write `cosine_lr(t, peak, T)`, eq. 10.1: the learning rate before update number `t` (counting from 0) of a
training with `T` updates. It is `peak` at `t = 0`, half of it in the middle, and 0 at `t = T`, following
half a wave of the cosine:

- α(t) = ½ α₀ (1 + cos(π t / T))
""",
    function="cosine_lr",
    returns="the learning rate of update t on half a cosine wave from peak to 0",
    stub="""
def cosine_lr(t, peak, T):
    return ...
""",
    solution="""
import math

def cosine_lr(t, peak, T):
    return 0.5 * peak * (1 + math.cos(math.pi * t / T))
""",
    hints=(
        "Which number runs from 0 to 1 during the training? Call it progress.",
        "The cosine runs from 1 to −1 while its angle runs from 0 to π. Lift it by 1, then halve it.",
        "`math.cos` wants radians: the angle is `math.pi * t / T`.",
    ),
    reference=_cosine,
    draw=_draw_cosine,
    edges=((0, 0.1, 100), (50, 0.1, 100), (100, 0.1, 100), (25, 0.4, 100)),
    floor=lambda t, peak, T: 3e-6 * peak,
    misconceptions="""
degrees: Degrees instead of radians: `cos` takes half a turn as π, not as 180, so your rate hardly behaves like half a
wave.
    return 0.5 * peak * (1 + math.cos(180 * t / T))
no half: The ½ is missing: your rate starts at twice the peak.
    return peak * (1 + math.cos(math.pi * t / T))
whole wave: A whole wave (2π): your rate is back at the peak at the end of the training. Half a wave is asked.
    return 0.5 * peak * (1 + math.cos(2 * math.pi * t / T))
quarter wave: A quarter of a wave: it also goes from the peak to 0, but arrives at full slope instead of settling.
    return peak * math.cos(math.pi * t / (2 * T))
rising: The sign is turned round: your rate climbs from 0 to the peak.
    return 0.5 * peak * (1 - math.cos(math.pi * t / T))
no lift: The cosine alone falls below zero in the second half; lift it by 1 and halve it.
    return peak * math.cos(math.pi * t / T)
linear: That is the straight line (linear decay, eq. 10.2), not the cosine.
    return peak * (1 - t / T)
ends at T-1: You stretched the wave to reach 0 at update T − 1; in eq. 10.1 it reaches 0 at t = T, after the last
update.
    return 0.5 * peak * (1 + math.cos(math.pi * t / (T - 1)))
""",
    variants=(
        "import numpy as np\nreturn 0.5 * peak * (1 + np.cos(np.pi * t / T))",
        "import torch\nreturn 0.5 * peak * (1 + torch.cos(torch.tensor(torch.pi * t / T)))",
        "import torch\nreturn peak * (1 + torch.cos(torch.pi * t / T)) / 2",
        "import math\nreturn peak * math.cos(math.pi * t / (2 * T)) ** 2",
        "import numpy as np\n"
        "return np.float32(0.5 * peak) * (1 + np.cos(np.pi * np.arange(T + 1, dtype=np.float32) / T))[t]",
    ),
)

AREA = ValueExercise(
    id="10.1.3.area",
    title="How much learning rate a cosine spends",
    task="""
Add up the learning rates of all updates t = 0, 1, …, T − 1 of a cosine schedule (eq. 10.1): the area under
the curve, and a rough measure of how far the weights can travel. What is the sum? Half a per cent is near
enough; paper is faster than code here.
""",
    given={"peak": 0.2, "T": 1000},
    answer=lambda peak, T: sum(_cosine(t, peak, T) for t in range(T)),
    solution="""
The cosine spends as much time above half the peak as below it, point by point: α(t) + α(T − t) = peak. The
mean is half the peak, so the sum is about ½ · peak · T = 100 (exactly ½ · peak · (T + 1) = 100.1). A
straight line from the peak to 0 has the same area: see lesson 10.1.4.

```
answer = sum(0.5 * 0.2 * (1 + math.cos(math.pi * t / 1000)) for t in range(1000))
```
""",
    hints=(
        "Add the rate at t and the rate at T − t. What comes out, for every t?",
        "The mean rate is therefore a simple fraction of the peak. Multiply by the number of updates.",
    ),
    misconceptions="""
constant: That is the area of a *constant* rate at the peak; the cosine spends less.
    peak * T
quarter wave: That is the area under a quarter wave (mean 2/π of the peak); eq. 10.1 uses half a wave, lifted.
    peak * T * 2 / math.pi
mean only: That is the mean rate; the sum over all updates is asked.
    peak / 2
cosine squared shape: That would be the area under a squared straight line, (1 − t/T)²; the cosine stays high for
longer.
    peak * T / 3
""",
)

WRONG_T = ValueExercise(
    id="10.1.3.wrong_T",
    title="A cosine that was told the wrong T",
    task="""
Somebody builds `torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=T_max)`, steps it once an
update, and then trains longer than `T_max`. What is the learning rate at update `t`? The optimizer was made
with `lr=peak`; `eta_min` is 0.
""",
    given={"peak": 0.4, "T_max": 1000, "t": 1250},
    answer=lambda peak, T_max, t: 0.5 * peak * (1 + math.cos(math.pi * t / T_max)),
    solution="""
PyTorch does not stop the wave at `T_max`: the cosine of an angle beyond π rises again. At t = 1.25 T the
rate is ½ · 0.4 · (1 + cos(1.25 π)) = 0.0586, and at 1.5 T half of the peak is back. A training that runs on
after its T is heated up again, just when it should settle.

```
answer = 0.5 * 0.4 * (1 + math.cos(math.pi * 1250 / 1000))
```
""",
    hints=(
        "Does anything in eq. 10.1 know that the training should be over at T?",
        "Put t = 1250 and T = 1000 into eq. 10.1 and let the angle go beyond π.",
    ),
    misconceptions="""
stays at zero: You let the rate stay at 0 after T_max. This course's `cosine` does; CosineAnnealingLR climbs again.
    0.0
restart: That is a warm restart (CosineAnnealingWarmRestarts): it jumps back to the peak. CosineAnnealingLR climbs back
along the wave.
    0.5 * peak * (1 + math.cos(math.pi * (t - T_max) / T_max))
stretched: You took the whole run as T; the scheduler only knows the T_max it was given.
    0.5 * peak * (1 + math.cos(math.pi * t / (2 * T_max)))
degrees: Degrees instead of radians: half a turn is π.
    0.5 * peak * (1 + math.cos(180 * t / T_max))
no half: The ½ of eq. 10.1 is missing.
    peak * (1 + math.cos(math.pi * t / T_max))
""",
    relative=0.01,
)


def _staircase(t, peak, T, per_epoch):
    return _cosine(t // per_epoch * per_epoch, peak, T) - _cosine(t, peak, T)


def _draw_staircase(rng):
    per_epoch = rng.randint(20, 400)
    T = per_epoch * rng.randint(2, 30)
    return rng.randint(0, T - 1), rng.uniform(0.05, 1.0), T, per_epoch


STAIRCASE = FunctionExercise(
    id="10.1.3.staircase",
    title="What stepping once an epoch costs",
    task="""
Many programs step the scheduler once an epoch: every update of an epoch then uses the rate of that epoch's
*first* update, and the smooth cosine becomes a staircase.

Write `staircase_excess(t, peak, T, per_epoch)`: the staircase's learning rate at update `t` **minus** the
smooth one's. `T` and `t` count updates, `per_epoch` is the number of updates in an epoch. (`t` and `T` are
whole numbers.)
""",
    function="staircase_excess",
    returns="rate of the per-epoch staircase minus rate of the per-update cosine, at update t",
    stub="""
def staircase_excess(t, peak, T, per_epoch):
    return ...
""",
    solution="""
import math

def staircase_excess(t, peak, T, per_epoch):
    def cosine(t):
        return 0.5 * peak * (1 + math.cos(math.pi * t / T))

    first = t // per_epoch * per_epoch          # the first update of the epoch that t lies in
    return cosine(first) - cosine(t)            # never negative: the staircase is always late
""",
    hints=(
        "At which update did the epoch of update t begin? `t // per_epoch` is the number of that epoch.",
        "The staircase holds cosine(first update of the epoch); subtract cosine(t).",
        "Keep both times in updates: first = (t // per_epoch) * per_epoch.",
    ),
    reference=_staircase,
    draw=_draw_staircase,
    edges=((0, 0.1, 1000, 100), (99, 0.1, 1000, 100), (550, 0.1, 1000, 100), (999, 0.1, 1000, 100)),
    floor=lambda t, peak, T, per_epoch: 3e-6 * peak,
    misconceptions="""
per update: You stepped per update, not per epoch: then there is no staircase, and the difference is 0.
    return 0.0
other sign: The sign is turned round: staircase minus smooth. The staircase is late, so it lies *above*.
    c = lambda t: 0.5 * peak * (1 + math.cos(math.pi * t / T))
    return c(t) - c(t // per_epoch * per_epoch)
mixed units: You divided an epoch number by a number of updates: the staircase then hardly moves. Put both in the same
unit.
    c = lambda t: 0.5 * peak * (1 + math.cos(math.pi * t / T))
    return c(t // per_epoch) - c(t)
next epoch: You used the rate of the *next* epoch's first update; an epoch holds the rate it began with.
    c = lambda t: 0.5 * peak * (1 + math.cos(math.pi * t / T))
    return c((t // per_epoch + 1) * per_epoch) - c(t)
middle: You rounded to the nearest epoch; the staircase changes only when a whole epoch is over (round down).
    c = lambda t: 0.5 * peak * (1 + math.cos(math.pi * t / T))
    return c(math.floor(t / per_epoch + 0.5) * per_epoch) - c(t)
staircase alone: That is the staircase itself; its difference from the smooth cosine is asked.
    return 0.5 * peak * (1 + math.cos(math.pi * (t // per_epoch * per_epoch) / T))
""",
    variants=(
        "import numpy as np\nt = np.array([t - t % per_epoch, t])\nlr = 0.5 * peak * (1 + np.cos(np.pi * t / T))\n"
        "return lr[0] - lr[1]",
        "import torch\nt = torch.tensor([t - t % per_epoch, t], dtype=torch.float64)\n"
        "lr = 0.5 * peak * (1 + torch.cos(torch.pi * t / T))\nreturn lr[0] - lr[1]",
        "import math\nepoch = math.floor(t / per_epoch)\nepochs = T / per_epoch\n"
        "return 0.5 * peak * (math.cos(math.pi * epoch / epochs) - math.cos(math.pi * t / T))",
    ),
)

OPEN = OpenExercise(
    id="10.1.3.open",
    title="Open experiment: how wrong may T be?",
    task="""
Train for a fixed budget with a cosine whose T is 0.5, 0.75, 1, 1.5 and 3 times that budget, three seeds
each; once with this course's `cosine` (which holds its last value) and once with CosineAnnealingLR (which
climbs again). Which mistake costs more: T too short or T too long? Write your guess down first. (About six minutes of
computing for all of it, half a minute for one T.) A start:

```
model = scale.model(seed=10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
told = partial(cosine, peak=best["cosine"], T=0.5 * scale.updates)      # what it believes
for step in train(model, data, optimizer, told, updates=scale.updates, batch_size=scale.batch_size, seed=10):
    pass
print(f"{step.run.percent:.1f} %")
```
""",
    hints=(
        "T too long means the rate never gets small; T too short means it is zero (or climbing) for the "
        "rest of the run.",
        "Keep seeds and peak the same for all ten, and compare final *validation* accuracy with its spread over seeds.",
    ),
    solution="What to look for: with a held final value, T too short wastes the rest of the budget but "
    "spoils nothing. T too long "
    "leaves the run hovering: compare its last rate with the peak. With CosineAnnealingLR, 0.5 times the "
    "budget is the worst of all: the run ends back at the full peak.",
)

EXERCISES = (COSINE, AREA, WRONG_T, STAIRCASE, OPEN)
