"""Pictures in one look: still ones, tables, curves that grow while a network trains, and explorers with sliders."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    explore_schedules="schedule_explorer",
    explore_runs="run_explorer",
    numbers="name_of",
    watching="watch_curves",
    run_curves="curves loss_figure lr_axis schedules_figure",
    charts="heat_map line_figure",
    still="show",
    tables="compare_table table",
)
