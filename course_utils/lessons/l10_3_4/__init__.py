"""Regularisation when fine-tuning."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    desk="desk_explorer",
    effects="Cell cells interactions",
    switches="SWITCHES ask augmented damaged pull_back stage_rates start tune",
    walk="walk_explorer",
)
