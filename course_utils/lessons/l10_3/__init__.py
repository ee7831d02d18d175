"""What transfer learning is."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    frozen_features="LABELS RIVALS features_explorer",
    photographs="photo_figure tasks_figure",
    retrieval="shares show_hits",
    unfreezing="unfreeze_explorer",
)
