"""Choosing a learning rate."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    bowl="bowl_explorer",
)
