"""Adaptive mechanisms."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    adaptive="valley_explorer",
    false_drops="delay_on_plateau false_drop_explorer false_drop_probability longest_waits",
    step_spread="decades spread_figure",
)
