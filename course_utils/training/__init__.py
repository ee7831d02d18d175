"""A training is a generator of steps; everything that goes into one, or keeps what came out."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    loop="Step evaluate fit train",
    compute="Compute pick",
    scale="Scale announce expected_seconds pick_scale",
    models="mlp resnet20 small_conv_net",
    transformer="small_transformer",
    recipes="OPTIMIZERS make_optimizer",
    checkpoints="read_checkpoint save_checkpoint",
    keep_best="KeepBest",
    averaging="WeightAverage ema power_ema profile recalibrate tail_mean",
    early_stopping="stopping",
    together="train_together",
)
