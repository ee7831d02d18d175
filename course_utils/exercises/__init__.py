"""Exercises that answer at once: asked, judged in a sandbox, remembered."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    asking="check exercise given hint open_experiment solution",
    guesses="predict recall",
    progress_page="progress_map",
)
