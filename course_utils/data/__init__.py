"""The images and texts that a training draws its batches from: CIFAR-10 where it can be had, stand-ins elsewhere."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    splits="Data Split",
    cifar="DataWarning cifar10",
    readers="CLASSES DataError",
    download="DownloadError",
    standin="stand_in",
    text="MASK TextData continue_text python_text",
)
