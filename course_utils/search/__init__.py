"""Search for hyper-parameters: space, trials, a study that several processes share, searches replayed from records."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    space="Axis categorical grid log_uniform random_settings uniform",
    trials="Trials border_warning search",
    study="make_study open_study results runs_of times_done",
    worker="start_worker",
    importance="by_forest main_effects",
    replays="SettingsTable exact_win_rate expected replay win_rate",
)
