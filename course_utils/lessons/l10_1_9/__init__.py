"""Super-convergence and OneCycle."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    onecycle="onecycle_explorer",
    panel="adviser_panel",
    adviser="Settings advise",
    exercises="OPTIONS RATES",
    record_momentum="LRS MOMENTA",
    published="published_curves",
)
