"""Reading curves: the clinic, what an update moves, and runs sent to trackers."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    patients="LECTURE PATIENTS SOUND TREATMENTS TRIED disease settings",
    clinic="Charts ENVELOPES WARD clinic_explorer trace",
    figures="matrix_figure patterns_figure ratio_figure",
    trackers="facts_of from_comet from_mlflow from_tensorboard from_wandb rows_of same_runs",
)
