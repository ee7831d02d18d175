"""Networks that have seen ImageNet: what they see, the tasks they go to, and how they go on learning."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    backbones="KINDS Classifier backbone imagenet_classes",
    feature_cache="features",
    finetune="Tail arithmetic frozen_once group_schedules parameter_groups trainable",
    tasks="TransferTask task",
)
