"""Linear decay."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    seeds="seeds_explorer",
)
