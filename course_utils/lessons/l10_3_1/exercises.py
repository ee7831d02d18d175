"""Exercises of lesson 10.3.1: a rate for every stage, BatchNorm in a frozen part, what learns, what is run once."""

from course_utils.exercises.bank import FunctionExercise, OpenExercise, ValueExercise


def _rates(lr, ratio, stages, learn):
    return [0.0] * (stages - learn) + [lr / ratio] * learn + [lr]


def _draw_rates(rng):
    stages = rng.randint(4, 10)
    return 10 ** rng.uniform(-4, -1), rng.uniform(3, 30), stages, rng.randint(1, stages - 1)


RATES = FunctionExercise(
    id="10.3.1.rates",
    title="A learning rate for every stage",
    task="""
A pretrained network has `stages` stages, numbered from the input (0) to the output, and a new head. The last `learn`
stages learn, the rest are frozen. Write `rates(lr, ratio, stages, learn)`: a list of `stages + 1` learning rates,
from the input to the head.

- the new head, last in the list, learns at `lr`
- a stage that learns gets `lr / ratio`
- a frozen stage gets 0
""",
    function="rates",
    returns="list of stages + 1 learning rates, from the input to the head",
    stub="""
def rates(lr, ratio, stages, learn):
    return ...
""",
    solution="""
def rates(lr, ratio, stages, learn):
    frozen = stages - learn
    return [0.0] * frozen + [lr / ratio] * learn + [lr]
""",
    hints=(
        "Three kinds of entries stand one after the other. How many are there of each?",
        "Frozen: stages − learn of them, all 0. They stand first, because freezing begins at the input.",
        "A list times a whole number repeats it: `[0.0] * 3`. Lists are joined with +.",
    ),
    reference=_rates,
    draw=_draw_rates,
    edges=((1e-3, 10.0, 8, 0), (1e-3, 10.0, 8, 8), (1e-3, 10.0, 8, 2)),
    floor=lambda lr, *rest: 1e-6 * lr,
    misconceptions="""
frozen from the top: You froze the stages next to the head and let those at the input learn. The early ones see edges
and textures, which every task can use: they stay.
    return [lr / ratio] * learn + [0.0] * (stages - learn) + [lr]
one rate for all: Your pretrained stages learn as fast as the new head. They are nearly right: give them lr / ratio.
    return [0.0] * (stages - learn) + [lr] * learn + [lr]
head slowed down: Your head gets lr / ratio, too. It is new and has everything to learn: it gets lr itself.
    return [0.0] * (stages - learn) + [lr / ratio] * (learn + 1)
the wrong one is fast: The other way round: the *head* is new and learns at lr, the stages at lr / ratio.
    return [0.0] * (stages - learn) + [lr] * learn + [lr / ratio]
head counted as a stage: You counted the head among the stages that learn, so one stage too few gets a rate.
    return [0.0] * (stages - learn + 1) + [lr / ratio] * (learn - 1) + [lr]
frozen ones crawl: Your frozen stages still move, slowly. Frozen means a rate of 0.
    return [lr / ratio**2] * (stages - learn) + [lr / ratio] * learn + [lr]
""",
    variants=(
        "return [(lr if n == stages else lr / ratio if n >= stages - learn else 0) for n in range(stages + 1)]",
        "import numpy as np\nout = np.zeros(stages + 1)\nout[stages - learn:] = lr / ratio\nout[-1] = lr\nreturn out",
        "import torch\nout = torch.full((stages + 1,), lr / ratio, dtype=torch.float64)\nout[: stages - learn] = 0\n"
        "out[stages] = lr\nreturn out",
    ),
)


def _running(mean, batch, momentum, training, requires_grad):
    return (1 - momentum) * mean + momentum * sum(batch) / len(batch) if training else mean


def _draw_running(rng):
    batch = [round(rng.gauss(rng.uniform(-3, 3), 1), 3) for _ in range(rng.randint(3, 8))]
    return round(rng.uniform(-3, 3), 3), batch, rng.choice([0.01, 0.1, 0.3]), rng.randint(0, 1), rng.randint(0, 1)


RUNNING = FunctionExercise(
    id="10.3.1.batchnorm",
    title="What BatchNorm keeps, and when it moves",
    task="""
A BatchNorm layer keeps a running mean of each channel. Write `running_mean(mean, batch, momentum, training,
requires_grad)`: the running mean of one channel after one forward pass.

- `mean` is the running mean before, `batch` a list of the values of this channel in the batch
- `momentum` is PyTorch's: the share of the *new* mean, 0.1 by default
- `training` is 1 in training mode and 0 in evaluation mode
- `requires_grad` is 1 or 0: whether the layer's weights get gradients
""",
    function="running_mean",
    returns="the running mean of the channel after this forward pass",
    stub="""
def running_mean(mean, batch, momentum, training, requires_grad):
    return ...
""",
    solution="""
def running_mean(mean, batch, momentum, training, requires_grad):
    if not training:                       # the mode decides, and the mode alone
        return mean
    return (1 - momentum) * mean + momentum * sum(batch) / len(batch)
""",
    hints=(
        "A running mean is no parameter: no gradient ever touches it. Which of the two switches can stop it, then?",
        "In evaluation mode nothing changes. In training mode the old mean keeps the share 1 − momentum.",
        "`requires_grad` plays no part at all.",
    ),
    reference=_running,
    draw=_draw_running,
    edges=(
        (1.0, [3.0, 5.0], 0.1, 1, 0),
        (1.0, [3.0, 5.0], 0.1, 0, 1),
        (1.0, [3.0, 5.0], 0.1, 1, 1),
        (1.0, [3.0, 5.0], 0.1, 0, 0),
    ),
    floor=lambda *rest: 1e-6,
    misconceptions="""
requires_grad stops it: You let requires_grad=False stop the running mean. It stops gradients; running statistics are
moved by the forward pass itself. Only evaluation mode stops them.
    new = sum(batch) / len(batch)
    return (1 - momentum) * mean + momentum * new if training and requires_grad else mean
only requires_grad counts: You looked at requires_grad in place of the mode. The mode decides, and the mode alone.
    new = sum(batch) / len(batch)
    return (1 - momentum) * mean + momentum * new if requires_grad else mean
momentum the wrong way round: PyTorch's momentum is the share of the *new* mean; you gave it to the old one.
    new = sum(batch) / len(batch)
    return momentum * mean + (1 - momentum) * new if training else mean
never moves: Your running mean never moves. In training mode every forward pass takes it a little towards the batch.
    new = sum(batch) / len(batch)
    return mean
always moves: In evaluation mode BatchNorm *uses* its running mean and leaves it alone.
    new = sum(batch) / len(batch)
    return (1 - momentum) * mean + momentum * new
the batch alone: You threw the old mean away. The batch has the share momentum, no more.
    new = sum(batch) / len(batch)
    return new if training else mean
a sum, not a mean: You added the batch up without dividing by its length.
    new = sum(batch) / len(batch)
    return (1 - momentum) * mean + momentum * sum(batch) if training else mean
""",
    variants=(
        "new = sum(batch) / len(batch)\nreturn mean + training * momentum * (new - mean)",
        "import numpy as np\n"
        "return np.average([mean, np.mean(batch)], weights=[1 - momentum * training, momentum * training])",
        "import torch\n"
        "norm = torch.nn.BatchNorm1d(1, momentum=momentum).double().requires_grad_(bool(requires_grad))\n"
        "norm.running_mean.fill_(mean)\nnorm.train(bool(training))\n"
        "norm(torch.tensor(batch, dtype=torch.float64).view(-1, 1))\nreturn norm.running_mean",
    ),
)

COUNT = ValueExercise(
    id="10.3.1.count",
    title="How many numbers learn?",
    task="""
You unfreeze the last stage of a network and put a new head on it.

- the stage: a convolution with a 1 × 1 kernel from `inputs` to `width` channels, without bias, and a BatchNorm over
  `width` channels
- the head: a linear layer, with bias, from `width` features to `classes` classes

How many numbers does the optimizer move in all?
""",
    given={"inputs": 320, "width": 1280, "classes": 12},
    answer=lambda inputs, width, classes: inputs * width + 2 * width + width * classes + classes,
    solution="""
Convolution: 320 · 1280 weights. BatchNorm: one scale and one shift a channel, 2 · 1280; its running mean and variance
are statistics, no optimizer moves them. Head: 1280 · 12 weights and 12 biases.

```
answer = 320 * 1280 + 2 * 1280 + 1280 * 12 + 12
```
""",
    hints=(
        "Three layers, one after the other: convolution, BatchNorm, linear.",
        "A 1 × 1 convolution has one weight for each pair of input and output channel.",
        "BatchNorm learns a scale and a shift for each channel. What else it keeps is measured, not learned.",
    ),
    misconceptions="""
statistics counted: You counted BatchNorm's running mean and variance: an optimizer never sees them.
    inputs * width + 4 * width + width * classes + classes
BatchNorm forgotten: BatchNorm learns, too: a scale and a shift for each channel.
    inputs * width + width * classes + classes
head alone: That is the head alone, the linear probe. The stage learns as well.
    width * classes + classes
stage alone: The new head learns, too.
    inputs * width + 2 * width
""",
    relative=2e-6,
)

ONCE = ValueExercise(
    id="10.3.1.once",
    title="What is it worth to run the frozen part once?",
    task="""
An image takes `below` milliseconds through the frozen part, and `above` milliseconds through the part that learns,
forwards, backwards and update together. You train on `images` images for `updates` updates of `batch` images each.

How many times as long does the training take if the frozen part is run in every update, compared with running it
**once** for each image and keeping what comes out?
""",
    given={"below": 6.0, "above": 2.0, "images": 500, "batch": 32, "updates": 100},
    answer=lambda below, above, images, batch, updates: (
        updates * batch * (below + above) / (images * below + updates * batch * above)
    ),
    solution="""
Every time: 100 · 32 = 3,200 images go through both parts, 3,200 · (6 + 2) = 25,600 ms. Once: 500 images through the
frozen part, 3,000 ms, and 3,200 through the rest, 6,400 ms: together 9,400 ms. That is a factor of 2.72. However long
you train, it never exceeds (6 + 2) / 2 = 4: the part that learns has to run.

```
answer = 100 * 32 * (6 + 2) / (500 * 6 + 100 * 32 * 2)
```
""",
    hints=(
        "How many images pass through the part that learns, in all updates together? It is the same both ways.",
        "Kept, the frozen part is run once for each *image*, not once for each image of each *update*.",
        "Every time: updates · batch · (below + above). Once: images · below + updates · batch · above.",
    ),
    misconceptions="""
first pass for nothing: You forgot the one pass that fills the store: it takes images · below.
    (below + above) / above
the frozen part alone: You compared the frozen part alone. The part that learns runs in every update, both ways.
    updates * batch / images
one batch kept: The store is filled with all images, not with one batch.
    updates * batch * (below + above) / (batch * below + updates * batch * above)
batches forgotten: An update takes a whole batch through the network, not one image.
    updates * (below + above) / (images * below + updates * above)
upside down: The other way round: asked is how many times *longer* it takes to run the frozen part every time.
    (images * below + updates * batch * above) / (updates * batch * (below + above))
""",
)

OPEN = OpenExercise(
    id="10.3.1.open",
    title="Open experiment: where is the best cut?",
    task="""
`learn` can be any number of stages from 0 to 8, not only 0, 2 and 8. Take one task and one number of images, and
find the best cut. Try `task("counts")` and `task("sounds")`, too, which this lesson has not touched. Guess first: does
the best cut move when you take ten times as many images? Nine runs of 24 updates take about a minute. To start from:

```
def one_run(learn, images, seed, lr=3e-3, updates=24):
    tail = Tail(Classifier(backbone(size=SIZE), classes=10), learn)
    ...
```
""",
    hints=(
        "`net = Classifier(...)`, `tail = Tail(net, learn)`, `frozen_once(net, few, learn)`: the lines of part 4. "
        "Three seeds each.",
        "Keep the budget equal, and give each cut the same number of tries at its learning rate.",
    ),
    solution="What to look for: the curve over the cut is flat for photographs and few images, and steep for pictures "
    "unlike ImageNet's. Measure the time as well: a cut in the middle costs a fraction of training everything, because "
    "the part below runs once.",
)

EXERCISES = (RATES, RUNNING, COUNT, ONCE, OPEN)
