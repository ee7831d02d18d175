"""Averages of weights: EMA and Polyak."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    iterates="STATISTICS Iterates",
    explorer="ALPHAS Averages averages_explorer",
    valley="valley_figure",
    profiles="drawn_profile exponential_profile gamma_of last power_profile width window_profile",
)
