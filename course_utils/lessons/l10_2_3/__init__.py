"""Seven steps."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    pipeline="Bench FAULTS Patient",
    instruments="INSTRUMENTS PATH examine instrument_of price",
    ward="Ward",
    matrix="watch_matrix",
    lab="Lab Locked STEPS",
)
