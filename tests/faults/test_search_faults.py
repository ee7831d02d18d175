"""A search that is stopped, killed, or finds damaged and foreign files goes on, and ends with the same numbers."""

import subprocess
import sys
import textwrap

import pytest

from course_utils.runs import Run
from course_utils.search.space import grid
from course_utils.search.trials import search

SIX = grid({"lr": [0.001, 0.01, 0.1], "weight_decay": [0.0, 0.5]})
FACTS = {"source": "made", "updates": 12}


class Objective:
    """A made trial that counts how often it is called."""

    def __init__(self):
        self.calls = []

    def __call__(self, settings, seed):
        self.calls.append(settings)
        if settings["lr"] == 0.1 and settings["weight_decay"]:
            raise ArithmeticError("no number")
        accuracy = settings["lr"] / 3 + seed / 7
        curves = dict(t=[1], lr=[0.1], momentum=[0.9], loss_log=[1 / 3])
        return Run(seed=seed, status="finished", source="made", val=[(12, 2 / 3, accuracy)], **curves)


def numbers(trials):
    return [(run.status, run.config["settings"], run.config.get("error"), run.loss, run.val) for run in trials]


def finished(folder):
    """A folder with the six trials, and what they were."""
    objective = Objective()
    return numbers(search(SIX, objective, folder=folder, facts=FACTS, seed=1))


def test_a_finished_search_is_not_trained_again(tmp_path, capsys):
    whole, again = finished(tmp_path), Objective()
    assert numbers(search(SIX, again, folder=tmp_path, facts=FACTS, seed=1)) == whole
    assert again.calls == [] and capsys.readouterr().out == ""


@pytest.mark.parametrize("after", range(1, 6))
def test_stopped_by_hand_after_any_trial_it_goes_on_with_the_same_numbers(tmp_path, capsys, after):
    whole, first, second = finished(tmp_path / "whole"), Objective(), Objective()

    def stopping(settings, seed):
        if len(first.calls) == after:
            raise KeyboardInterrupt
        return first(settings, seed)

    with pytest.raises(KeyboardInterrupt):
        search(SIX, stopping, folder=tmp_path / "s", facts=FACTS, seed=1)
    assert f"stopped: {after} of 6 trials are done" in capsys.readouterr().out
    assert numbers(search(SIX, second, folder=tmp_path / "s", facts=FACTS, seed=1)) == whole
    assert len(second.calls) == 6 - after


def test_a_stop_while_the_picture_is_drawn_loses_nothing(tmp_path):
    def watch(run):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(SIX, Objective(), folder=tmp_path, facts=FACTS, seed=1, watch=watch)
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_killed_in_the_middle_of_a_trial_it_goes_on(tmp_path):
    code = f"""
        import os, signal
        from course_utils.runs import Run
        from course_utils.search import search
        def objective(settings, seed):
            if settings["lr"] == 0.01:
                os.kill(os.getpid(), signal.SIGKILL)
            return Run(seed=seed, status="finished", val=[(12, 2 / 3, 0.5)])
        search({SIX!r}, objective, folder={str(tmp_path)!r}, facts={FACTS!r}, seed=1)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)]).returncode == -9
    objective = Objective()
    trials = search(SIX, objective, folder=tmp_path, facts=FACTS, seed=1)
    assert len(trials) == 6 and len(objective.calls) == 4


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:100], lambda b: b[:-30], lambda b: b"x" * len(b)])
def test_a_damaged_file_is_named_and_trained_again(tmp_path, capsys, damage):
    whole, again = finished(tmp_path), Objective()
    victim = sorted(tmp_path.glob("*.npz"))[2]
    victim.write_bytes(damage(victim.read_bytes()))
    assert numbers(search(SIX, again, folder=tmp_path, facts=FACTS, seed=1)) == whole
    assert len(again.calls) == 1
    assert f"{victim.name} is damaged and is trained again" in capsys.readouterr().out


def test_a_flipped_byte_anywhere_changes_no_result(tmp_path, capsys):
    whole = finished(tmp_path)
    victim = sorted(tmp_path.glob("*.npz"))[0]
    good = victim.read_bytes()
    for place in range(0, len(good), max(1, len(good) // 40)):
        victim.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        assert numbers(search(SIX, Objective(), folder=tmp_path, facts=FACTS, seed=1)) == whole
        victim.write_bytes(good)


def test_a_file_of_another_setting_is_named_and_trained_again(tmp_path, capsys):
    whole, again = finished(tmp_path), Objective()
    files = sorted(tmp_path.glob("*.npz"))
    files[0].write_bytes(files[1].read_bytes())
    assert numbers(search(SIX, again, folder=tmp_path, facts=FACTS, seed=1)) == whole
    assert len(again.calls) == 1 and "belongs to another search (settings is" in capsys.readouterr().out


OTHER_FACTS = [
({"source": "other images"}, "source is 'made', not 'other images'"), ({"updates": 13}, "updates is 12, not 13"),
     ({"epochs": 2}, "epochs is None, not 2")
]  # fmt: skip


@pytest.mark.parametrize(("facts", "words"), OTHER_FACTS)
def test_trials_on_other_data_are_trained_again(tmp_path, capsys, facts, words):
    finished(tmp_path)
    again = Objective()
    search(SIX, again, folder=tmp_path, facts=facts, seed=1)
    assert len(again.calls) == 6 and words in capsys.readouterr().out


def test_another_seed_has_files_of_its_own(tmp_path):
    whole, other = finished(tmp_path), Objective()
    search(SIX, other, folder=tmp_path, facts=FACTS, seed=2)
    assert len(other.calls) == 6 and len(list(tmp_path.glob("*.npz"))) == 12
    assert numbers(search(SIX, Objective(), folder=tmp_path, facts=FACTS, seed=1)) == whole


def test_a_failed_trial_is_tried_again_only_when_asked(tmp_path):
    finished(tmp_path)
    again, asked = Objective(), Objective()
    search(SIX, again, folder=tmp_path, facts=FACTS, seed=1)
    search(SIX, asked, folder=tmp_path, facts=FACTS, seed=1, retry_failed=True)
    assert again.calls == [] and asked.calls == [{"lr": 0.1, "weight_decay": 0.5}]


def test_no_half_written_file_is_left_where_a_folder_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError):
        search(SIX, Objective(), folder=tmp_path / "file", facts=FACTS, seed=1)
