"""Exercises of lesson 10.1.9: time at high rates, momentum against the rate, reading a range test."""

import math

from course_utils.exercises.bank import ChoiceExercise, FunctionExercise, OpenExercise


def _share(level, p, div_factor, final_div_factor):
    def part(divisor):
        height = (level - 1 / divisor) / (1 - 1 / divisor)
        return 1.0 if height <= 0 else 1 - math.acos(1 - 2 * height) / math.pi

    return p * part(div_factor) + (1 - p) * part(final_div_factor)


def _draw_share(rng):
    return rng.uniform(0.05, 0.95), rng.uniform(0.1, 0.45), rng.uniform(2, 8), 10 ** rng.uniform(1.5, 3)


SHARE = FunctionExercise(
    id="10.1.9.share",
    title="How much of a cycle is spent at high rates?",
    task="""
Turn eq. 10.5 round: not the rate of an update, but how many updates have such a rate. Write
`share_above(level, p, div_factor, final_div_factor)`: the share of a cycle, from 0 to 1, in which the rate is above
`level` times the peak (`level` between 0 and 1). Exactly, so without a T.

- the rise, the first share `p` of the run, is half a cosine from the peak / `div_factor` up to the peak
- the fall, the rest, is half a cosine from the peak down to the peak / `final_div_factor`
""",
    function="share_above",
    returns="the share of the updates whose rate lies above level times the peak",
    stub="""
def share_above(level, p, div_factor, final_div_factor):
    return ...
""",
    solution="""
import math

def share_above(level, p, div_factor, final_div_factor):
    def part(low):                                         # share of a phase above the level; it ends at low and at 1
        height = max(0, (level - low) / (1 - low))         # how far up its way the level lies: hc(tau)
        return 1 - math.acos(1 - 2 * height) / math.pi     # hc(tau) = (1 - cos(pi tau)) / 2, solved for tau

    return p * part(1 / div_factor) + (1 - p) * part(1 / final_div_factor)
""",
    hints=(
        "Take the phases one by one. How far up its own way, from its low end to the peak, does the level lie?",
        "hc(τ) = ½ (1 − cos πτ) equals that height h at τ = arccos(1 − 2h) / π; above it lies the share 1 − τ.",
        "A level below the low end of a phase: the whole phase lies above it. Then add p and 1 − p times the shares.",
    ),
    reference=_share,
    draw=_draw_share,
    edges=((0.5, 0.3, 10.0, 1e4), (0.1, 0.3, 4.0, 100.0), (0.5, 0.4, 2.0, 50.0), (0.9, 0.2, 3.0, 1000.0)),
    floor=lambda *args: 1e-4,
    relative=1e-3,
    misconceptions="""
straight ramps: Straight ramps: the original triangle. On a half cosine the way to a height is not proportional to it.
    1 - math.acos(1 - 2 * height) / math.pi -> 1 - height
level of the peak: You measured the level from 0. Each phase begins at its own low end, peak / divisor.
    max(0, (level - low) / (1 - low)) -> level
below: That is the share *below* the level.
    1 - math.acos(1 - 2 * height) / math.pi -> math.acos(1 - 2 * height) / math.pi
phases swapped: You gave the rise the length of the fall: the rise takes the share p of the run.
    p * part(1 / div_factor) + (1 - p) -> (1 - p) * part(1 / div_factor) + p
fall only: You counted the fall alone, as if the rise spent no time above the level.
    p * part(1 / div_factor) + (1 - p) -> (1 - p)
""",
    variants=(
        "import numpy as np\nhc = lambda tau: (1 - np.cos(np.pi * tau)) / 2\ntau = (np.arange(200_000) + 0.5) / 2e5\n"
        "part = lambda low: np.mean(low + (1 - low) * hc(tau) > level)\n"
        "return p * part(1 / div_factor) + (1 - p) * part(1 / final_div_factor)",
        "import numpy as np\nlow = 1 / np.array([div_factor, final_div_factor])\n"
        "h = np.clip((level - low) / (1 - low), 0, 1)\n"
        "return np.dot([p, 1 - p], 1 - 2 * np.arcsin(np.sqrt(h)) / np.pi)",
        "import torch\nlow = 1 / torch.tensor([div_factor, final_div_factor], dtype=torch.float64)\n"
        "h = ((level - low) / (1 - low)).clamp(0, 1)\nweights = torch.tensor([p, 1 - p], dtype=torch.float64)\n"
        "return (weights * torch.acos(2 * h - 1)).sum() / torch.pi",
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
fixed momentum: Your momentum does not follow the rate.
    return [m_max, lr / (1 - m_max)]
""",
    variants=(
        "import numpy as np\nm = np.interp(lr, [low, peak], [m_max, m_min])\nreturn np.array([m, lr / (1 - m)])",
        "import torch\n"
        "m = torch.lerp(torch.tensor(m_max, dtype=torch.float64), torch.tensor(m_min, dtype=torch.float64),\n"
        "               (lr - low) / (peak - low))\nreturn [m, lr / (1 - m)]",
        "m = (m_max * (peak - lr) + m_min * (lr - low)) / (peak - low)\nreturn m, lr / (1 - m)",
    ),
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

EXERCISES = (SHARE, COUPLED, RANGE, OPEN)
