"""The table of the language model trained by SGD: its plan."""

from course_utils.lessons.l10_1_7.record_text import CHOSEN, PEAKS, jobs


def test_seed_0_tries_every_peak_and_the_others_report_the_chosen_one():
    plan = [(job["seed"], job["lr"]) for job in jobs()]
    assert plan == [(0, lr) for lr in PEAKS] + [(1, CHOSEN), (2, CHOSEN)]


def test_everything_else_is_as_in_table_10_1_5():
    assert {(job["norm"], job["warmup"], job["updates"], job["batch_size"]) for job in jobs()} == {("pre", 30, 240, 16)}
