"""Ensembles and snapshots."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    predictions="load_members predict",
    plans="Board Plan",
    board="budget_board",
    bench="bench_explorer",
    measures="best_temperature disagreement ece greedy nll percent pool softmax with_temperature",
)
