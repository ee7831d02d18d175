"""Random search."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    grid_random="grid_random_explorer",
    race="watch_race",
    replaying="replay_explorer",
    chances="hit_chance hit_chance_distinct share_interval",
)
