"""The table of image sizes: its plan."""

from course_utils.lessons.l10_3.record_size import PER_CLASS, SEEDS, SIZES, jobs


def test_every_size_has_every_number_of_images_with_every_seed():
    plan = [(job["size"], job["per_class"], job["seed"]) for job in jobs()]
    assert len(plan) == len(set(plan)) == len(SIZES) * len(PER_CLASS) * len(SEEDS)
    assert min(SIZES) >= 32 and max(SIZES) <= 224
