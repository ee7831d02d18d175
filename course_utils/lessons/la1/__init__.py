"""Search with a library, on many machines: samplers one trial after another, an objective that is looked up."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    objectives="RecordedTrials",
    trial_by_trial="sampler_explorer",
)
