"""The measured table: means and winners are those of the runs, a lead is real only where seeds say so, and the picture
follows its controls."""

import numpy as np
import pytest

from course_utils.lessons.l10_3_1.advice import ADVICE, SHORT, accuracy, cells, table_figure, transfer_explorer, words
from course_utils.runs import Run, RunTable

LEVELS = {"linear probe": 50, "last blocks": 60, "all layers": 70, "small net": 40, "from scratch": 20}


def run(task, n, regime, seed, accuracy, purpose="result", test=True):
    config = dict(task=task, per_class=n, regime=regime, purpose=purpose, similar=task == "objects", lr=0.1)
    tested = (1.0, accuracy / 100) if test else None
    return Run(config=config, seed=seed, kind="recorded", source=f"the {task}", test=tested)


def made_up(seeds=3, noise=1.0, **levels):
    levels = {**LEVELS, **levels}
    return RunTable(
        run(task, n, regime, seed, level + 4 * np.log2(n / 5) / 2 + noise * np.sin(7 * seed + k))
        for task, sizes in {"objects": (5, 20, 80), "digits": (5, 20)}.items()
        for n in sizes
        for k, (regime, level) in enumerate(levels.items())
        for seed in range(1 if regime == "from scratch" else seeds)
    )


def test_cells_hold_their_runs_and_the_advice_of_their_corner():
    grid = cells(made_up())
    assert set(grid) == {("objects", 5), ("objects", 20), ("objects", 80), ("digits", 5), ("digits", 20)}
    assert grid["objects", 5].advice is ADVICE[True, False] and grid["objects", 80].advice is ADVICE[True, True]
    assert grid["digits", 5].advice is ADVICE[False, False] and grid["digits", 20].advice is ADVICE[False, True]
    assert grid["objects", 20].advice is None
    cell = grid["objects", 5]
    assert cell.ranking()[0] == "all layers" and set(cell.accuracies["all layers"]) == {0, 1, 2}
    lead = cell.lead()
    expected = np.mean([cell.accuracies["all layers"][s] - cell.accuracies["last blocks"][s] for s in range(3)])
    assert lead.mean == pytest.approx(expected) and lead.names == ("last blocks", "all layers")


def test_the_words_name_winner_lead_and_advice():
    grid = cells(made_up())
    said = words(grid["objects", 5])
    assert "similar to ImageNet" in said and "all layers leads" in said and "a real lead" in said
    assert "a linear classifier" in said and "measured: all layers" in said
    assert "as measured" in words(grid["digits", 20]) and "different from" in words(grid["digits", 20])
    assert "no advice" in words(grid["objects", 20])


def test_a_lead_that_is_noise_is_not_called_real():
    noisy = cells(made_up(noise=20.0, **{"all layers": 60.5}))
    assert "too close to call" in words(noisy["objects", 5])


def test_a_single_seed_never_leads():
    lucky = made_up(**{"from scratch": 99})
    assert cells(lucky)["objects", 5].ranking()[-1] == "from scratch"


def test_tries_for_the_rate_are_left_out():
    table = RunTable([*made_up(), run("objects", 7, "all layers", 5, 99, "rate", test=False)])
    assert ("objects", 7) not in cells(table)


def test_the_picture_over_its_controls():
    table = made_up()
    picture = transfer_explorer(table)
    assert picture.state.per_class == 5 and picture.state.task == "objects"
    for (task, n), cell in cells(table).items():
        picture.set(task=task, per_class=n)
        assert picture.scene.status == words(cell)
        shown = picture.artists
        for k, name in enumerate(SHORT):
            x, y = shown[name].get_data()
            assert list(x) == [m for t, m in cells(table) if t == task]
            assert y[list(x).index(n)] == pytest.approx(np.mean(list(cell.accuracies[name].values())))
            assert sorted(shown[f"seeds {name}"].get_ydata()) == pytest.approx(sorted(cell.accuracies[name].values()))
            advised = bool(cell.advice) and name in cell.advice.regimes
            assert shown[f"advised {k}"].get_visible() == advised


def test_what_was_not_recorded_is_said():
    picture = transfer_explorer(made_up(), task="digits")
    before = picture.view.png
    picture.set(per_class=80)
    assert "digits has no 80 images" in picture.view.status.value and picture.view.png == before


def test_there_and_back_gives_the_same_picture():
    picture = transfer_explorer(made_up())
    before = picture.view.png
    assert picture.set(per_class=80).view.png != before
    assert picture.set(per_class=5).view.png == before


def test_the_table_has_a_panel_for_every_corner():
    figure = table_figure(made_up())
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["objects, 5 a class", "digits, 5 a class", "objects, 80 a class", "digits, 20 a class"]
    widths = [bar.get_width() for bar in figure.axes[0].patches if hasattr(bar, "get_width")]
    means = [np.mean(list(ends.values())) for ends in cells(made_up())["objects", 5].accuracies.values()]
    assert all(any(width == pytest.approx(mean) for width in widths) for mean in means)


def test_a_table_without_results_is_refused():
    for call in (cells, transfer_explorer, table_figure):
        with pytest.raises(ValueError, match="no fine-tuning results"):
            call(RunTable([]))


def test_an_unknown_task_and_a_run_without_test_are_refused():
    with pytest.raises(ValueError, match="'mushrooms' was not recorded"):
        transfer_explorer(made_up(), task="mushrooms")
    with pytest.raises(ValueError, match="never tested"):
        accuracy(run("objects", 5, "all layers", 0, 50, test=False))


def test_the_advice_is_judged_among_the_pretrained():
    table = made_up(**{"small net": 95})
    said = words(cells(table)["digits", 20])
    assert "small net leads" in said and "as measured" in said
    assert cells(table)["digits", 20].lead().names[1] == "small net"
