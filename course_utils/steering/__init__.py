"""Training under your hands: pause it, change its rate, branch it."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    panel="LiveTraining live_training",
    lanes="Lane Lanes",
)
