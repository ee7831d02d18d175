"""Early stopping."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    stopping="best_at overfitting_figure scores_of stopping_explorer",
    label_noise="with_wrong_labels",
)
