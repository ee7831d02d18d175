"""Grid search."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    cost="cost_explorer",
    levels="levels_explorer",
    maps="map_figure watch_grid",
    timing="race",
    exercises="MAP_DECAYS MAP_RATES",
)
