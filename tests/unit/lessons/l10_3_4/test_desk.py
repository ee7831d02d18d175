"""The desk: the design is orthogonal, effects that were put in come out again, the picture follows its controls."""

import numpy as np
import pytest

from course_utils.authoring.recording import job_file
from course_utils.lessons.l10_3_4 import record, record_walk
from course_utils.lessons.l10_3_4.desk import REACH, desk_explorer, key
from course_utils.lessons.l10_3_4.effects import cells, interactions, least_squares, switches_of
from course_utils.lessons.l10_3_4.switches import SWITCHES
from course_utils.runs import Run, RunTable

NAMES = list(SWITCHES)
TRUTH = {name: (-1) ** k * k / 2 for k, name in enumerate(NAMES)}


def made_up(noise=0.0, both=0.0):
    """Runs of the recorded design: 50 %, more for seeds, the effects of TRUTH, an interaction of mixup and dropout."""
    rng, runs = np.random.RandomState(0), []
    for job in record.jobs():
        if job["kind"] != "desk":
            continue
        on = {name for name in job["on"].split("+") if name}
        sign = 1 if ("mixup" in on) == ("dropout" in on) else -1
        score = 50 + 2 * job["seed"] + sum(TRUTH[name] for name in on) + both * sign / 4 + noise * rng.randn()
        runs.append(Run(config=job, seed=job["seed"], kind="recorded", source="made up", test=(1.0, score / 100)))
    return RunTable(runs)


def test_every_cell_has_an_orthogonal_design_of_its_own():
    half = record.hadamard24()
    assert set(half.ravel()) == {-1, 1} and (half @ half.T == 24 * np.eye(24)).all()
    designs = [record.design(task, n) for task in record.TASKS for n in record.PER_CLASS]
    for rows in designs:
        on = np.array([[name in text.split("+") for name in NAMES] for text, _ in rows])
        signs, seeds = np.where(on, 1, -1), np.array([seed for _, seed in rows])
        assert (signs.T @ signs == 48 * np.eye(12)).all()
        products = np.stack([signs[:, a] * signs[:, b] for a in range(12) for b in range(a)], 1)
        assert not (signs.T @ products).any()  # no main effect is mixed up with an interaction
        assert [(seeds == seed).sum() for seed in range(4)] == [12] * 4
        assert all((on[seeds == seed].sum(0) == 6).all() for seed in range(4))
    assert len({tuple(text for text, _ in rows) for rows in designs}) == 6


def test_jobs_have_names_of_their_own_and_seeds_that_were_not_chosen_with():
    for lesson in (record, record_walk):
        jobs = lesson.jobs()
        assert len({job_file(job, ".") for job in jobs}) == len(jobs)
    seeds = {kind: {job["seed"] for job in record.jobs() if job["kind"] == kind} for kind in ("desk", "pair", "rate")}
    assert not seeds["desk"] & seeds["pair"] and not seeds["rate"] & (seeds["desk"] | seeds["pair"])
    assert len(jobs) == 116 and sum(job["kind"] == "desk" for job in record.jobs()) == 6 * len(record.ROWS) >= 256


def test_effects_come_out_as_they_were_put_in():
    for cell in cells(made_up()).values():
        assert len(cell.runs) == len(record.ROWS)
        for name, effect in cell.effects.items():
            assert effect.mean == pytest.approx(TRUTH[name]) and effect.high - effect.low < 1e-6
        assert cell.predicted([]) == pytest.approx(53) == cell.base and cell.predicted(["layer-wise"]) == pytest.approx(
            52.5
        )
        on = switches_of(cell.runs[7])
        assert cell.nearest(on) == (7, 0) and cell.nearest(on ^ {"norm"})[1] == 1
    noisy = cells(made_up(noise=3.0))
    inside = [e.low <= TRUTH[name] <= e.high for cell in noisy.values() for name, e in cell.effects.items()]
    assert 0.78 < np.mean(inside) < 0.98
    assert {e.verdict for cell in noisy.values() for e in cell.effects.values()} == {"gains", "costs", "undecided"}


def test_an_interaction_is_found_and_noise_is_not():
    found = interactions(cells(made_up(noise=1.0, both=8.0)))
    assert len(found) == 66 and set(found[0][:2]) == {"mixup", "dropout"} and found[0][3]
    assert found[0][2].mean == pytest.approx(8.0, abs=1.5)
    assert sum(real for *_, real in interactions(cells(made_up(noise=1.0)))) <= 1


def test_too_few_runs_are_refused():
    with pytest.raises(ValueError, match="cannot tell"):
        least_squares(np.ones((2, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="no designed runs"):
        cells(RunTable([]))


def test_the_desk_at_every_control():
    picture = desk_explorer(made_up(noise=1.0))
    for task in record.TASKS:
        for n in record.PER_CLASS:
            scene = picture.set(task=task, per_class=n).scene
            assert f"{task}, {n} a class" in scene.status and scene.status.count("\n") == 3
            assert scene.artists["cell"][2] == f"{task}, {n} images a class"
            assert {f"at {m}" for m in record.PER_CLASS if m != n} <= set(scene.artists)
            shown = sum(len(scene.artists[verdict][0]) for verdict in ("gains", "costs", "undecided"))
            assert shown == 12
    for name in NAMES:
        scene = picture.set(**{key(name): True}).scene
        assert NAMES.index(name) in scene.artists["on"][1] and name in scene.status.splitlines()[0]
    assert len(scene.artists["on"][0]) == 12 and f"{scene.artists['nearest'][1][0]:.1f} %" in scene.status
    assert picture.reset().scene.status.splitlines()[0].endswith("On: nothing.") and REACH > 6
