"""Still pictures and tables: the numbers drawn, the words that go with them, the one stable bundle."""

from functools import partial

import numpy as np
import pytest

from course_utils import schedules
from course_utils.pictures import charts, run_curves, still, tables
from course_utils.pictures.outputs import WIDGET_VIEW
from course_utils.pictures.seed_bands import seed_band
from course_utils.runs import Run, RunTable


def a_run(lr=0.1, seed=0, n=100, diverged=False, drops=(), source="made up"):
    run = Run(config={"lr": lr}, seed=seed, source=source, status="diverged" if diverged else "finished")
    rng = np.random.default_rng(seed)
    for t in range(1, n + 1):
        run.t.append(t)
        run.lr.append(lr * 0.1 ** sum(t > drop for drop in drops))
        run.loss_log.append(float(2.3 * 0.98**t + 0.1 * rng.random()))
        if t % 25 == 0:
            run.val.append((t, 1.0, 0.2 + 0.004 * t + 0.01 * seed))
    run.diverged_at = n if diverged else None
    return run


def line(figure, label):
    return next(line for axes in figure.axes for line in axes.lines if line.get_label() == label)


def test_curves_draws_the_median_and_labels_axes():
    runs = RunTable([a_run(seed=s) for s in range(3)])
    figure = run_curves.curves({"LR 0.1": runs, "LR 1": [a_run(1.0, n=30, diverged=True)]}, "loss", title="Loss")
    t, median, low, high = seed_band(runs, "loss")
    np.testing.assert_array_equal(line(figure, "LR 0.1").get_xydata(), np.column_stack([t, median]))
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("update", "training loss")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["LR 0.1", "LR 1"]
    assert [x for mark in axes.lines if mark.get_gid() == "diverged" for x in mark.get_xdata()] == [30]
    assert "diverged" in [text.get_text() for text in axes.texts]


def test_the_note_names_the_data_and_warns_of_the_stand_in():
    def notes(source):
        figure = run_curves.curves({"a": a_run(source=source)}, "accuracy")
        return " ".join(text.get_text() for text in figure.texts)

    assert "live: CIFAR-10 (JPEG copy)" in notes("CIFAR-10 (JPEG copy)")
    assert "not CIFAR-10" in notes("stand-in images") and "not CIFAR-10" not in notes("CIFAR-10 (JPEG copy)")


def test_loss_figure_marks_every_drop_and_draws_the_average():
    run = a_run(n=300, drops=(100, 200))
    figure = run_curves.loss_figure(run, beta=0.9)
    axes = figure.axes[0]
    np.testing.assert_allclose(line(figure, "its moving average (β = 0.9)").get_ydata(), run.ema(0.9))
    np.testing.assert_allclose(line(figure, "loss of one batch").get_ydata(), run.loss)
    assert run_curves.lr_drops(run.lr) == [100, 200]
    assert [text.get_text() for text in axes.texts] == ["LR 0.1 → 0.01", "LR 0.01 → 0.001"]
    assert run_curves.lr_drops([0.1, 0.099, 0.09, 0.1, 0.05]) == [4]


def test_lr_axis_shows_medians_and_marks_divergence():
    runs = [a_run(lr, s) for lr in (0.01, 0.1) for s in range(3)] + [a_run(1.0, 0, diverged=True)]
    figure = run_curves.lr_axis({"SGD": RunTable(runs)})
    drawn = line(figure, "SGD")
    np.testing.assert_allclose(drawn.get_xdata(), [0.01, 0.1])
    np.testing.assert_allclose(drawn.get_ydata(), [61, 61])
    assert figure.axes[0].get_xscale() == "log"
    crosses = [mark for mark in figure.axes[0].lines if mark.get_gid() == "diverged"]
    assert [list(mark.get_xdata()) for mark in crosses] == [[1.0]]


def test_heat_map_writes_every_number_and_a_cross_for_the_missing():
    figure = charts.heat_map(
        [[10.04, np.nan], [30, 40]], ["a", "b"], [0.1, 1], row_name="r", column_name="c", title="Grid"
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["10.0", "×", "30.0", "40.0"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["0.1", "1"]
    with pytest.raises(ValueError, match=r"\(1, 2\).*\(2, 2\)"):
        charts.heat_map([[1, 2]], ["a", "b"], [1, 2])


def test_schedules_figure_follows_the_functions():
    cosine = partial(schedules.cosine, peak=0.1, T=500)
    figure = run_curves.schedules_figure({"cosine": cosine, "constant": lambda t: 0.05}, 500)
    t, lr = line(figure, "cosine").get_data()
    np.testing.assert_array_equal(lr, [cosine(float(u)) for u in t])
    assert figure.axes[0].get_ylabel() == "learning rate"


def test_a_still_picture_has_alt_text_and_one_stable_bundle():
    shown = still.still(run_curves.curves({"a": a_run()}, title="Loss"), 'Falls from "2.3" to 0.4')
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {WIDGET_VIEW, "image/png", "text/plain"}
    assert bundle["text/plain"] == "Picture: Loss"
    assert 'alt="Falls from &quot;2.3&quot; to 0.4"' in shown.widget.children[0].value
    with pytest.raises(ValueError, match="alt"):
        still.still(run_curves.curves({"a": a_run()}), " ")


def test_show_displays_at_once(capsys):
    still.show(run_curves.curves({"a": a_run()}, title="Loss"), "A falling line")
    assert capsys.readouterr().out.strip() == "Picture: Loss"  # outside a notebook: the text form


def test_the_same_figure_gives_the_same_bytes():
    first, second = (still.still(run_curves.curves({"a": a_run()}), "x") for _ in range(2))
    assert first.png == second.png


def test_compare_table_labels_every_number():
    rows = [("accuracy (%)", 61.23456, "63.4 ± 0.3", None), ("updates <small>", 400, 4000, "64k")]
    shown = tables.compare_table(rows, title="Cosine", note="yours: 2 seeds")
    page = shown.widget.children[0].value
    for words in (
        "your run",
        "recorded run",
        "lecture or paper",
        "61.23",
        "63.4 ± 0.3",
        "–",
        "64k",
        "yours: 2 seeds",
    ):
        assert words in page
    assert "updates &lt;small&gt;" in page and "<small>" not in page
    assert shown._repr_mimebundle_()["text/plain"] == "Table: Cosine"
    assert shown.png.startswith(b"\x89PNG") and "accuracy (%): 61.23, 63.4 ± 0.3, –" in shown.alt
    with pytest.raises(ValueError, match="3 cells, the header 4"):
        tables.compare_table([("a", 1, 2)])
