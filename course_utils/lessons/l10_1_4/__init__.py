"""Linear decay."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    reading="asked_places by_frequency by_reading fill_gaps",
    seeds="seeds_explorer",
)
