"""Exercises of lesson 00: how the course answers."""

from course_utils.exercises.bank import FunctionExercise, OpenExercise

UPDATES = FunctionExercise(
    id="00.updates",
    title="Updates in one epoch",
    task="""
An *epoch* shows every training image to the network once. The images come in batches; each batch gives one
update of the weights. CIFAR-10 has 50,000 training images, of which this course keeps 5,000 for validation.

Write `updates_per_epoch(images, batch_size)`: how many updates does one epoch take? When the images do not
fill the
last batch, that smaller batch still counts: nobody is left out.
""",
    function="updates_per_epoch",
    returns="the number of updates in one epoch, the last, smaller batch included",
    stub="""
def updates_per_epoch(images, batch_size):
    return ...
""",
    solution="""
def updates_per_epoch(images, batch_size):
    return math.ceil(images / batch_size)      # 45,000 images in batches of 128: 351 full ones and one of 72
""",
    hints=(
        "Ten images in batches of four: write the batches down. How many are there?",
        "Dividing gives 2.5 batches. There is no half update: should it be 2 or 3?",
        "`math.ceil` rounds up; `-(-a // b)` does the same with whole numbers only.",
    ),
    reference=lambda images, batch_size: -(-images // batch_size),
    draw=lambda rng: (rng.randint(1_000, 60_000), rng.choice((16, 32, 50, 64, 100, 128, 256, 500))),
    edges=((50_000, 128), (50_000, 100), (10, 4), (3, 128), (128, 128)),
    misconceptions="""
dropped batch: You dropped the last, smaller batch: its images would never be seen.
    return images // batch_size
fraction: A fraction of an update cannot be made: round up to whole batches.
    return images / batch_size
one too many: You added one batch always: when the images fill the last batch there is none left over.
    return images // batch_size + 1
nearest: You rounded to the nearest whole number: a last batch that is less than half full got lost.
    return math.floor(images / batch_size + 0.5)
per image: That is one update for each image (batch size 1); here a whole batch shares one update.
    return images
""",
    variants=(
        "return -(-images // batch_size)",
        "import numpy as np\nreturn np.ceil(images / batch_size)",
        "import torch\nreturn torch.ceil(torch.tensor(images / batch_size, dtype=torch.float64))",
        "import torch\nreturn torch.ceil(images / batch_size)",
        "return len(range(0, images, batch_size))",
    ),
)

OPEN = OpenExercise(
    id="00.open",
    title="Open experiment: a rate of your own",
    task="""
Run the ten-second training once more with another learning rate: ten times larger, then ten times smaller.
Before each run say aloud where the loss will end. There is nothing to hand in: the experiment answers.
""",
    hints=("Change one number only, and keep the seed: then whatever differs is the learning rate's doing.",),
    solution="What to look for: the smaller rate falls in a calm, slow line; the larger one jumps about or "
    "fails. "
    "Lesson 10.1.1 measures exactly this, over many rates and several seeds.",
)

EXERCISES = (UPDATES, OPEN)
