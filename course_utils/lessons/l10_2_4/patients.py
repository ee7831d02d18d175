"""The patients of the clinic: what ails each, the treatments, and what a treatment changes in a training's settings."""

from __future__ import annotations

from collections.abc import Callable

# A sound training; each patient differs from it in what is written below. gain: factor on the weights at the start, or
# "he". validation: "right", "not normalised" (images as raw 0 ... 1), or "leaked" (half of them are training images).
SOUND = {
    "optimizer": "sgd+momentum", "norm": True, "width": 16, "gain": 1.0, "lr": 0.1, "schedule": "cosine",
    "weight_decay": 5e-4, "images": 5_000, "augment": True, "updates": 312, "wrong_labels": 0.0, "validation": "right",
}  # fmt: skip

# name of the disease -> what is different from SOUND
PATIENTS: dict[str, dict] = {
    "nothing": {},
    "poor initialisation": dict(norm=False, gain=0.3, lr=0.03),
    "rate never decayed": dict(lr=1.0, schedule="constant", updates=416),
    "rate dropped too early": dict(schedule="early drop"),
    "stopped too soon": dict(updates=104, lr=0.02, schedule="constant"),
    "overfitting": dict(images=1_000, augment=False, weight_decay=0.0),
    "model too small": dict(width=2),
    "too much weight decay": dict(weight_decay=0.02),
    "rate too high": dict(lr=3.0),
    "rate too low": dict(lr=0.001),
    "rate far too high (0.4)": dict(norm=False, lr=0.4),  # the loss explodes, or all units die: chance decides which
    "rate far too high (0.25)": dict(norm=False, lr=0.25),
    "wrong labels": dict(wrong_labels=0.5),
    "validation prepared otherwise": dict(validation="not normalised"),
    "validation leaked": dict(images=1_000, augment=False, validation="leaked"),
}

TREATMENTS: dict[str, Callable[[dict], dict]] = {
    "none": lambda s: {},
    "higher rate (x 10)": lambda s: dict(lr=10 * s["lr"]),
    "lower rate (/ 10)": lambda s: dict(lr=s["lr"] / 10),
    "decay the rate (cosine)": lambda s: dict(schedule="cosine"),
    "decay when validation stalls": lambda s: dict(schedule="on stall"),
    "AdamW instead of SGD": lambda s: dict(optimizer="adamw", lr=0.003),
    "more weight decay (x 10)": lambda s: dict(weight_decay=10 * (s["weight_decay"] or 5e-4)),
    "no weight decay": lambda s: dict(weight_decay=0.0),
    "larger model (width x 2)": lambda s: dict(width=2 * s["width"]),
    "smaller model (width / 2)": lambda s: dict(width=s["width"] // 2),
    "train longer (x 2)": lambda s: dict(updates=2 * s["updates"]),
    "He initialisation": lambda s: dict(gain="he"),
    "augment": lambda s: dict(augment=True),
    "more images (10,000)": lambda s: dict(images=10_000),
    "check data and code": lambda s: dict(wrong_labels=0.0, validation="right"),
}
HIGHER, LOWER, COSINE, STALL, ADAMW, MORE_DECAY, NO_DECAY = list(TREATMENTS)[1:8]
LARGER, SMALLER, LONGER, HE, AUGMENT, IMAGES, CHECK = list(TREATMENTS)[8:]

TRIED: dict[str, tuple[str, ...]] = {  # what is sensible, what the lecture says, and a trap or two
    "nothing": (MORE_DECAY, LONGER),
    "poor initialisation": (HE, HIGHER, LONGER),
    "rate never decayed": (COSINE, ADAMW, MORE_DECAY, LARGER, LONGER),
    "rate dropped too early": (COSINE, STALL, LONGER),
    "stopped too soon": (LONGER, HIGHER, LARGER),
    "overfitting": (MORE_DECAY, AUGMENT, IMAGES, SMALLER),
    "model too small": (LARGER, LONGER, NO_DECAY),
    "too much weight decay": (LARGER, LONGER, NO_DECAY),
    "rate too high": (LOWER, LONGER),
    "rate too low": (HIGHER, LONGER, HE),
    "rate far too high (0.4)": (LOWER, HE),
    "rate far too high (0.25)": (LOWER, HE),
    "wrong labels": (CHECK, LARGER, MORE_DECAY),
    "validation prepared otherwise": (CHECK, MORE_DECAY),
    "validation leaked": (CHECK, AUGMENT, IMAGES),
}
# The lecture's advice for its six patterns (figures 10.13 to 10.18): disease -> the treatments it names.
LECTURE: dict[str, tuple[str, ...]] = {
    "poor initialisation": (HE, HIGHER),
    "rate never decayed": (COSINE, LARGER, MORE_DECAY, ADAMW),
    "rate dropped too early": (COSINE, STALL),
    "stopped too soon": (LONGER,),
    "overfitting": (MORE_DECAY, IMAGES, SMALLER),
    "model too small": (LARGER, LONGER, NO_DECAY),
    "too much weight decay": (LARGER, LONGER, NO_DECAY),
}


def disease(patient: str) -> str:
    """The name of what ails a patient: without the number that tells two with the same illness apart."""
    return patient.split(" (")[0]


def settings(patient: str, treatment: str = "none") -> dict:
    """All settings of a training: of this patient, changed as the treatment says. Raises KeyError for unknown names."""
    ill = SOUND | PATIENTS[patient]
    treated = ill | TREATMENTS[treatment](ill)
    return {**treated, "lr": float(f"{treated['lr']:.6g}"), "weight_decay": float(f"{treated['weight_decay']:.6g}")}
