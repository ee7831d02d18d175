"""The published curves: what the file must hold for the page to be true."""

import numpy as np

from course_utils.lessons.l10_1_9.published import published_curves

CURVES = published_curves()


def test_four_runs_each_with_equally_long_curves():
    assert list(CURVES) == [f"{kind}, {n} images" for n in ("10,000", "50,000") for kind in ("step", "cycle")]
    for log in CURVES.values():
        assert len(log["t"]) == len(log["accuracy"]) == len(log["loss"]) > 90
        assert np.all(np.diff(log["t"]) > 0) and np.isfinite(log["loss"]).all()


def test_accuracies_are_per_cent_and_end_where_the_table_of_the_paper_says():
    ends = [log["accuracy"][-1] for log in CURVES.values()]
    assert np.allclose(ends, [71.2, 80.6, 90.3, 92.4], atol=0.1)


def test_the_step_run_on_few_images_guesses_while_it_has_learned_them_by_heart():
    log = CURVES["step, 10,000 images"]
    early = (log["t"] >= 2_000) & (log["t"] <= 50_000)
    assert (log["accuracy"][early] < 15).mean() > 0.75 and np.median(log["loss"][early]) < 0.001
