"""A claim is a sentence and the measurement that decides it; a difference is one with its interval."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    rule="claim claim_exact decide",
    compare="Difference claim_within difference seeds_needed",
)
