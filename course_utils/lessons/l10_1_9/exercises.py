"""Exercises of lesson 10.1.9: the cycle, momentum against the rate, torch's final_div_factor, reading a range test."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise, ValueExercise


def _cycle(t, peak, T, p, div_factor, final_div_factor):
    joint = p * T
    if t <= joint:
        low, tau = peak / div_factor, t / joint
    else:
        low, tau = peak / final_div_factor, 1 - (t - joint) / (T - joint)
    return low + (peak - low) * (1 - math.cos(math.pi * tau)) / 2


def _draw_cycle(rng):
    T = rng.randint(100, 5_000)
    shape = rng.uniform(0.15, 0.6), rng.uniform(3, 25), 10 ** rng.uniform(2, 4)
    return rng.randint(0, T), rng.uniform(0.05, 3), T, *shape


CYCLE = FunctionExercise(
    id="10.1.9.one_cycle",
    title="The rate of OneCycle, update by update",
    task="""
Write `one_cycle_lr(t, peak, T, p, div_factor, final_div_factor)`, eq. 10.5. Two phases, each on its own clock
τ from 0 to 1, each half a cosine, hc(τ) = ½ (1 − cos π τ):

- up to t = p T: from `peak / div_factor` up to `peak`
- after that, up to t = T: from `peak` down to `peak / final_div_factor`
""",
    function="one_cycle_lr",
    returns="the learning rate of update t in one cycle: up along half a cosine, then down along another",
    stub="""
def one_cycle_lr(t, peak, T, p, div_factor, final_div_factor):
    return ...
""",
    solution="""
import math

def one_cycle_lr(t, peak, T, p, div_factor, final_div_factor):
    def hc(tau):
        return (1 - math.cos(math.pi * tau)) / 2

    start, end, joint = peak / div_factor, peak / final_div_factor, p * T
    if t <= joint:
        return start + (peak - start) * hc(t / joint)
    return peak + (end - peak) * hc((t - joint) / (T - joint))
""",
    hints=(
        "Where is the joint between the two phases, in updates? And how many updates are left after it?",
        "Give each phase its own τ: t / (p T) before the joint, (t − p T) / ((1 − p) T) after it.",
        "From a to b along hc: a + (b − a) · hc(τ). Rise: from peak / div_factor to peak. Fall: from peak to the end.",
    ),
    reference=_cycle,
    draw=_draw_cycle,
    edges=(
        (0, 0.4, 100, 0.3, 10.0, 1000.0),
        (30, 0.4, 100, 0.3, 10.0, 1000.0),
        (100, 0.4, 100, 0.3, 10.0, 1000.0),
        (65, 1.0, 100, 0.3, 25.0, 100.0),
    ),
    floor=lambda t, peak, *rest: 3e-6 * peak,
    misconceptions="""
linear ramps: Straight ramps: the original triangle, with a kink at the peak. Eq. 10.5 asks for half cosines.
    (1 - math.cos(math.pi * tau)) / 2 -> tau
wrong local time: Your second phase runs on the clock of the whole training: it jumps at the joint. Its own τ starts at
0 there.
    (t - joint) / (T - joint) -> t / T
final from the start rate: You divided the *start* rate by final_div_factor. That is what PyTorch does; eq. 10.5 divides
the peak.
    peak / final_div_factor -> peak / div_factor / final_div_factor
p ignored: Your peak lies in the middle of the run, whatever p is: the rise takes p T updates.
    p * T -> 0.5 * T
back to the start rate: You come back down to the start rate; the fall goes much further, to peak / final_div_factor.
    (end - peak) -> (start - peak)
starts at zero: Your rise begins at 0. Eq. 10.5 begins at peak / div_factor.
    start + (peak - start) -> peak
torch's clock: You reach the peak at update p T − 1 and the end at T − 1, as PyTorch does. In eq. 10.5 they are at p T
and T.
    p * T -> p * T - 1
    (T - joint) -> (T - 1 - joint)
""",
    variants=(
        "import numpy as np\nup = t <= p * T\nlow = peak / (div_factor if up else final_div_factor)\n"
        "tau = t / (p * T) if up else (T - t) / ((1 - p) * T)\n"
        "return low + (peak - low) * np.sin(np.pi * tau / 2) ** 2",
        "import torch\na, b = peak / div_factor, peak / final_div_factor\nif t < p * T:\n"
        "    return a + (peak - a) * (1 - torch.cos(torch.tensor(torch.pi * t / (p * T)))) / 2\n"
        "tau = (t - p * T) / (T - p * T)\nreturn b + (peak - b) * (1 + torch.cos(torch.tensor(torch.pi * tau))) / 2",
        "from course_utils.schedules import one_cycle\n"
        "return one_cycle(t, peak=peak, T=T, p=p, div_factor=div_factor, final_div_factor=final_div_factor)",
    ),
)


def _coupled(lr, low, peak, m_min, m_max):
    m = m_max - (m_max - m_min) * (lr - low) / (peak - low)
    return [m, lr / (1 - m)]


def _draw_coupled(rng):
    peak = rng.uniform(0.05, 3)
    low = peak / rng.uniform(3, 1000)
    m_min = rng.uniform(0.5, 0.88)
    return rng.uniform(low, peak), low, peak, m_min, rng.uniform(m_min + 0.02, 0.97)


COUPLED = FunctionExercise(
    id="10.1.9.noise",
    title="Momentum from the rate, and the noise of both",
    task="""
In each phase, rate and momentum ride on the *same* half cosine, one up while the other goes down. So you can read the
momentum off the rate, without any t. In this phase the rate runs between `low` and `peak`; at `low` the momentum is
`m_max`, at `peak` it is `m_min`.

Write `momentum_and_noise(lr, low, peak, m_min, m_max)`. It returns two numbers: the momentum m that belongs to `lr`,
and the noise scale η / (1 − m).
""",
    function="momentum_and_noise",
    returns="[momentum that belongs to this rate, noise scale lr / (1 - momentum)]",
    stub="""
def momentum_and_noise(lr, low, peak, m_min, m_max):
    return ...
""",
    solution="""
def momentum_and_noise(lr, low, peak, m_min, m_max):
    height = (lr - low) / (peak - low)          # hc(tau): 0 at the low end of the phase, 1 at the peak
    m = m_max - (m_max - m_min) * height
    return m, lr / (1 - m)
""",
    hints=(
        "How far up is the rate, as a share of the way from low to peak? That share is hc(τ).",
        "The momentum has gone the same share of its own way, downwards from m_max.",
        "height = (lr − low) / (peak − low); m = m_max − (m_max − m_min) · height; then lr / (1 − m).",
    ),
    reference=_coupled,
    draw=_draw_coupled,
    edges=((0.1, 0.1, 1.0, 0.85, 0.95), (1.0, 0.1, 1.0, 0.85, 0.95), (0.55, 0.1, 1.0, 0.85, 0.95)),
    floor=lambda lr, *rest: 1e-5,
    relative=1e-4,
    misconceptions="""
same direction: Your momentum is highest where the rate is: eq. 10.6 goes the other way round.
    m = m_min + (m_max - m_min) * (lr - low) / (peak - low)
    return [m, lr / (1 - m)]
share of the peak: You took lr / peak for the height; the phase begins at `low`, not at 0.
    m = m_max - (m_max - m_min) * lr / peak
    return [m, lr / (1 - m)]
times 1 - m: Momentum *adds up* past gradients, about 1 / (1 − m) of them: divide by 1 − m.
    m = m_max - (m_max - m_min) * (lr - low) / (peak - low)
    return [m, lr * (1 - m)]
divided by m: You divided by m. The sum of 1 + m + m² + … is 1 / (1 − m).
    m = m_max - (m_max - m_min) * (lr - low) / (peak - low)
    return [m, lr / m]
fixed momentum: Your momentum does not follow the rate.
    return [m_max, lr / (1 - m_max)]
logarithms: You measured the height on a logarithmic axis; the two half cosines are alike on a plain one.
    m = m_max - (m_max - m_min) * math.log(lr / low) / math.log(peak / low)
    return [m, lr / (1 - m)]
""",
    variants=(
        "import numpy as np\nm = np.interp(lr, [low, peak], [m_max, m_min])\nreturn np.array([m, lr / (1 - m)])",
        "import torch\n"
        "m = torch.lerp(torch.tensor(m_max, dtype=torch.float64), torch.tensor(m_min, dtype=torch.float64),\n"
        "               (lr - low) / (peak - low))\nreturn [m, lr / (1 - m)]",
        "m = (m_max * (peak - lr) + m_min * (lr - low)) / (peak - low)\nreturn m, lr / (1 - m)",
    ),
)

FINAL_DIV = ValueExercise(
    id="10.1.9.final_div",
    title="The same end in PyTorch",
    task="""
You want the cycle of eq. 10.5 from `torch.optim.lr_scheduler.OneCycleLR`: its last rate shall be the peak divided by
`ours`. You pass `max_lr=peak` and `div_factor=div_factor`. PyTorch divides its *start* rate, not the peak, by its own
`final_div_factor`. Which `final_div_factor` do you pass?
""",
    given={"div_factor": 25.0, "ours": 5000.0},
    answer=lambda div_factor, ours: ours / div_factor,
    solution="""
PyTorch ends at peak / div_factor / final_div_factor. That shall be peak / 5000, so final_div_factor = 5000 / 25 = 200.
With PyTorch's defaults (25 and 1e4) the last rate is the peak divided by 250,000.

```
answer = 5000 / 25
```
""",
    hints=(
        "Write PyTorch's last rate down as the peak divided by something.",
        "peak / div_factor / x = peak / ours. Solve for x.",
    ),
    misconceptions="""
same number: Then PyTorch divides twice: the last rate comes out div_factor times too low.
    ours
multiplied: The other way round: that lowers the last rate still more.
    ours * div_factor
turned over: Upside down: PyTorch wants a divisor above 1 here.
    div_factor / ours
the rate itself: That is a share of the peak; the divisor is asked.
    1 / ours
""",
)

RATES = [round(10 ** (k / 4), 6) for k in range(-16, 5)]  # 1e-4 ... 10: four a decade


def _loss(lr: float) -> float:
    """A made curve like a real one: flat, falling, a minimum near 1, then instability. In nats."""
    x = math.log10(lr)
    fall = 0.85 / (1 + math.exp(-3.1 * (x + 1.55)))
    return 2.3 - fall + 0.55 * math.exp(2.6 * (x - 0.42))


CURVE = [round(_loss(lr), 3) for lr in RATES]
OPTIONS = {"A": 0.001778, "B": 0.017783, "C": 0.316228, "D": 3.162278}


def lowest(losses):
    """The option nearest to the rate where the loss is lowest."""
    best = math.log(RATES[losses.index(min(losses))])
    return min(OPTIONS, key=lambda label: abs(math.log(OPTIONS[label]) - best))


def steepest(losses):
    """The option nearest to the steepest fall per step of the logarithmic axis."""
    falls = [b - a for a, b in zip(losses, losses[1:], strict=False)]
    place = math.log(RATES[falls.index(min(falls))])
    return min(OPTIONS, key=lambda label: abs(math.log(OPTIONS[label]) - place))


RANGE = ChoiceExercise(
    id="10.1.9.range",
    title="Read η_max off a range test",
    task="""
The curve above is the smoothed loss of a range test. Four rates are marked. Which one would you hand to OneCycle as
η_max? Answer with its letter, for instance `answer = "A"`.
""",
    options={label: f"{rate:.2g}" for label, rate in OPTIONS.items()},
    given={"losses": CURVE},
    answer=lowest,
    solution="""
C. The peak of a cycle is visited briefly and left again, so it may be bold: the last rate at which the curve still
improves, just before it turns up. B is where the loss falls fastest: safe for a rate that never comes down, timid for a
peak. A is where improvement has hardly begun: that is η_min's side. At D the curve has broken.
""",
    hints=(
        "Which two of the four can never be a peak: the one before anything happens, and the one after it broke?",
        "Of the other two, one is where the loss falls fastest, one where it stops falling. OneCycle comes down again.",
    ),
    misconceptions="""
steepest fall: There the loss falls fastest: a fine rate to keep, too timid for a peak that is left again. Go on to
where the fall ends.
    steepest(losses)
broken: There the curve has already turned up: the net is being thrown about. Stay before the break.
    max(options, key=options.get)
first improvement: There the curve only begins to improve: that is the side of η_min.
    min(options, key=options.get)
""",
    names={"steepest": steepest, "options": OPTIONS},
)

OPEN = OpenExercise(
    id="10.1.9.open",
    title="Open experiment: how little is enough?",
    task="""
Take the cosine at full length as the goal. By how much can you shorten a OneCycle run and still reach it? Change one
thing at a time: the peak, p, the momentum's two ends, weight decay. Guess first which of them buys most.
""",
    hints=(
        "Three seeds each, and the same three for every variant; compare the means with their spread.",
        "At a large peak much of the regularising is done by noise. What may weight decay then be?",
    ),
    solution="What to look for: near the best peak the curve of accuracy against the peak is flat, so a factor of two "
    "costs little. Length matters most: where every update still teaches something, no schedule replaces it. "
    "Super-convergence is large where the long run was far past the point of diminishing returns.",
)

EXERCISES = (CYCLE, COUPLED, FINAL_DIV, RANGE, OPEN)
