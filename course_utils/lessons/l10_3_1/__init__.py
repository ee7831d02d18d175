"""How to transfer."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    advice="accuracy table_figure transfer_explorer",
    regimes="REGIMES set_up",
)
