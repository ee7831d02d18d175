"""Search for hyper-parameters: space, trials, a study that several processes share, searches replayed from records."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    space="Axis choice grid log_uniform random_settings uniform",
    trials="Trials border_warning search",
    study="make_study open_study",
    points="results times_done",
    worker="start_worker",
    replays="Table exact_win_rate expected hit_chance hit_chance_distinct interval replay win_rate",
    importance="by_forest interactions main_effects",
)
