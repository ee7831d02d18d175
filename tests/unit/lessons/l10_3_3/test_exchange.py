"""The exchange: what is read off the curves is right, the office says and shows it at every control."""

import itertools
import math

import numpy as np
import pytest

from course_utils.lessons.l10_3_3.exchange import HOME, PRICES, Exchange, crossing
from course_utils.lessons.l10_3_3.journeys import moments
from course_utils.lessons.l10_3_3.office import RIVALS, SHARED, exchange_office
from course_utils.lessons.l10_3_3.published import he_table
from course_utils.lessons.l10_3_3.record import HOME_UPDATES, SEEDS, STARTS
from course_utils.pictures.live import CannotDraw
from course_utils.runs import Run, RunTable

SIZES = {"objects": (5, 20, 80, 320), "digits": (5, 20, 80), "where": (5, 20, 80, 320)}
UPDATES = {5: 32, 20: 64, 80: 128, 320: 256}
HEADS = {"pretrained": 3, "home-made": 2, "far source": 2, "random labels": 1, "shuffled": 0.5, "scratch": 0}


def all_cells():
    home = [(HOME, "small", start, n, t) for start in STARTS for n, t in HOME_UPDATES.items()]
    abroad = [
        (task, net, start, n, UPDATES[n] * (1 + (net == "small")))
        for task, sizes in SIZES.items()
        for n in sizes
        for net, start in (("half", "pretrained"), ("half", "scratch"), ("small", "scratch"))
    ]
    return [dict(zip(("task", "net", "start", "per_class", "updates"), cell, strict=True)) for cell in home + abroad]


def made_up() -> RunTable:
    """Scores that grow with the logarithm of images and updates; a start is worth so many doublings of the time."""
    runs = []
    for cell, seed in itertools.product(all_cells(), SEEDS):
        times = moments(cell["updates"])
        ahead = HEADS[cell["start"]] - (cell["task"] == "digits") * 4 * (cell["start"] == "pretrained")
        scores = [
            min(0.95, 0.05 * (math.log2(cell["per_class"]) + ahead + math.log2(t / 8)) + 0.003 * seed) for t in times
        ]
        config = {**cell, "tested": scores, "purpose": "result", "rate": 0.01}
        runs.append(Run(config=config, seed=seed, source="made up", val=[(t, 1.0, 0.5) for t in times]))
    return RunTable(runs)


EXCHANGE = Exchange(made_up())


def test_a_crossing_is_read_off_a_line_over_the_logarithm():
    assert crossing([1, 4, 16], [10, 20, 30], 15) == pytest.approx(2)
    assert crossing([1, 4, 16], [10, 20, 30], 30) == pytest.approx(16)
    assert crossing([1, 4, 16], [10, 20, 30], 5) == 1
    assert crossing([1, 4, 16], [10, 20, 30], 31) == math.inf
    assert crossing([1, 4, 16], [10, 30, 20], 25) < 4  # the first time counts


def test_points_images_and_time_are_what_was_put_in():
    how = (HOME, "scratch", 20, 32)
    assert np.allclose(EXCHANGE.gap(*how), 10)  # two doublings of 5 points
    assert EXCHANGE.longer(*how) == pytest.approx(4) and EXCHANGE.updates(*how) == pytest.approx(128)
    assert EXCHANGE.images(*how) == pytest.approx(80)
    for seed in range(3):
        assert EXCHANGE.longer(*how, seed=seed) == pytest.approx(4)
        assert EXCHANGE.images(*how, seed=seed) == pytest.approx(80)
    assert EXCHANGE.images(HOME, "scratch", 1_000, 32) == math.inf
    assert EXCHANGE.longer("objects", "scratch", 20, 64) == math.inf
    assert np.all(EXCHANGE.gap("digits", "scratch", 20, 32) < 0)


def test_after_its_end_a_run_stays_what_it_was():
    assert np.allclose(EXCHANGE.score("objects", "scratch", 5, 48), EXCHANGE.score("objects", "scratch", 5, 4_000))


def test_the_bill_is_even_where_the_saving_pays_the_price():
    even = EXCHANGE.break_even(HOME, "scratch", 20, 32)
    assert even == pytest.approx(PRICES["home-made"] / (128 - 32))
    assert 32 + PRICES["home-made"] / even == pytest.approx(128)
    assert EXCHANGE.break_even("objects", "scratch", 20, 64) == 0  # never there: no number of updates buys it
    assert EXCHANGE.break_even("digits", "scratch", 20, 32) == math.inf


def test_the_office_at_every_control():
    picture = exchange_office(EXCHANGE)
    pairs = [(t, r) for t in EXCHANGE.tasks for r in RIVALS.values()]
    drawn = 0
    for (task, rival), n, t in itertools.product(pairs, EXCHANGE.all_sizes, EXCHANGE.all_times[::3]):
        state = picture.state
        state.task, state.rival, state.n, state.t, state.tasks = task, rival, n, t, SHARED[n % 7]
        try:
            scene = picture.draw(state)
        except CannotDraw as why:
            assert len(str(why)) > 30
            continue
        drawn += 1
        assert set(scene.artists) <= set(picture.artists)
        lines = scene.status.splitlines()
        assert lines[0].startswith(task) and lines[-1].startswith("The bill") and len(lines) <= 4
        assert max(map(len, lines)) < 130
    assert drawn > 100


def test_arrows_and_map_show_what_the_words_say():
    picture = exchange_office(EXCHANGE).set(task=HOME, n=20, t=32, tasks=10)
    shown = picture.artists
    assert shown["images along"].get_xdata()[1] == pytest.approx(80) and "4×" in shown["images words"].get_text()
    assert shown["time along"].get_xdata()[1] == pytest.approx(128) and "4× as long" in shown["time words"].get_text()
    assert shown["images points"].get_text() == shown["cell 1 2"].get_text() == "+10"
    assert shown["bill here"].get_ydata()[0] == pytest.approx(32 + 50)
    assert "even from 6 tasks on" in picture.scene.status
    before = picture.view.png
    assert picture.set(tasks=1).view.png != before and picture.set(tasks=10).view.png == before


def test_where_the_pretrained_is_behind_it_says_so():
    picture = exchange_office(EXCHANGE).set(task="digits", n=20, t=32)
    assert "does not win" in picture.scene.status and picture.artists["cell 1 2"].get_text().startswith("−")


def test_what_was_not_recorded_is_said():
    picture = exchange_office(EXCHANGE, "objects")
    before = picture.view.png
    assert picture.set(rival="far source").view.png == before
    assert "recorded" in picture.view.status.value
    for values in (dict(n=1_000), dict(task="digits", n=320)):
        picture.reset()
        assert picture.set(**values).view.png != before  # the frame is where it was asked to be
        assert f"({values['n']:,} were not run)" in picture.scene.status


def test_published_numbers():
    rows = he_table()
    assert len(rows) == 10 and rows[0] == ["R50, 2x", 36.8, 40.3, 3.5] and rows[4][3] == pytest.approx(-0.2)
    assert [row[3] for row in he_table("images")] == pytest.approx([0, 0.1, 6.7, 6.4])
    with pytest.raises(ValueError, match="schedule"):
        he_table("boxes")
