"""Does transfer always win?"""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    worlds="FIVE OTHER_FIVE half_lite shuffled small_net transplant world",
    journeys="journey moments",
    exchange="Exchange crossing",
    office="exchange_office",
    published="he_table",
)
