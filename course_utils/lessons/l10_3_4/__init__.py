"""Regularisation when fine-tuning."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    desk="desk_explorer",
    effects="cells interactions",
    switches="SWITCHES start tune",
)
