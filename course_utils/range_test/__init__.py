"""The LR range test: a short training in which the rate grows, its curve, the rule that reads it, its pictures."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    sweep="range_test",
    curve="RangeTest",
    rule="Suggestion suggest",
    picture="range_figure",
    explore="range_explorer",
    watch="watch_range",
)
