"""Records: exact when saved whole, thinned in tables, read without executing anything."""

import io
import json
import math
import os
import pickle
import subprocess
import sys
import zipfile
from functools import partial

import numpy as np
import pytest

from course_utils.runs import FORMAT, Run, RunTable, plain, recorded
from course_utils.schedules import cosine


def make(n=250, seed=0, **config):
    noise = np.random.default_rng(seed)
    return Run(
        config={"optimizer": "sgd", "lr": 0.1, **config},
        seed=seed,
        status="finished",
        source="stand-in images",
        device="CPU",
        dtype="float32",
        versions={"torch": "2"},
        t=list(range(1, n + 1)),
        lr=[cosine(t, peak=0.1, T=n) for t in range(n)],
        momentum=[0.9] * n,
        loss_log=[float(x) for x in noise.random(n)],
        val=[(n // 2, 1.1, 0.3), (n, 1 / 3, 0.51)],
        test=(0.9, 0.5),
    )


def same(a: Run, b: Run):
    return {**a.as_dict(), "kind": ""} == {**b.as_dict(), "kind": ""}


def test_a_run_comes_back_number_for_number(tmp_path):
    run = make()
    loaded = Run.load(run.save(tmp_path / "new folder" / "run.npz"))
    assert same(run, loaded) and loaded.kind == "recorded" and run.kind == "live"
    assert all(type(x) is float for x in loaded.lr + loaded.loss) and type(loaded.t[0]) is int
    assert isinstance(loaded.val[0], tuple) and isinstance(loaded.test, tuple)
    assert [p.name for p in (tmp_path / "new folder").iterdir()] == ["run.npz"]


@pytest.mark.parametrize(
    "run",
    [
        Run(),
        Run(
            status="diverged",
            diverged_at=3,
            t=[1, 2, 3],
            lr=[10.0] * 3,
            momentum=[0] * 3,
            loss_log=[2.3, 1e38, math.inf],
            val=[(3, math.inf, 0.1)],
        ),
        make(config_list=[1, "a", None], flag=True, eps=1e-8),
    ],
)
def test_unusual_runs_come_back_too(run, tmp_path):
    assert same(run, Run.load(run.save(tmp_path / "run.npz")))


def test_nan_survives(tmp_path):
    run = Run(t=[1], lr=[0.1], momentum=[0.0], loss_log=[math.nan], val=[(1, math.nan, 0.1)], test=(math.nan, 0.1))
    loaded = Run.load(run.save(tmp_path / "run.npz"))
    assert math.isnan(loaded.loss[0]) and math.isnan(loaded.val[0][1]) and math.isnan(loaded.test[0])


def test_any_file_name_is_kept(tmp_path):
    assert sorted(make(5).save(tmp_path / name).name for name in ("10.1", "10.1.npz")) == ["10.1", "10.1.npz"]
    assert len(list(tmp_path.iterdir())) == 2 and Run.load(tmp_path / "10.1").t == [1, 2, 3, 4, 5]


def test_thinned_means():
    run = make(250)
    thin = run.thinned(100)
    assert len(thin.t) == len(thin.lr) == len(thin.loss) == 100 and thin.t[-1] == 250
    assert thin.val == run.val and thin.config == run.config
    begin = 0
    for t, lr, loss in zip(thin.t, thin.lr, thin.loss, strict=True):
        assert lr == run.lr[t - 1] and loss == pytest.approx(np.mean(run.loss[begin:t]), rel=1e-6)
        begin = t
    short = make(50)
    copy = short.thinned(100)
    copy.t.append(0)
    assert len(short.t) == 50  # a copy even when there is nothing to thin
    with pytest.raises(ValueError, match="points"):
        run.thinned(0)


def test_tables_round_trip_and_filter(tmp_path):
    rates = [0.001, 0.1, 0.3162277]
    table = RunTable(make(150, seed=s, lr=lr, optimizer=o) for s in range(2) for lr in rates for o in ("sgd", "adam"))
    loaded = RunTable.load(table.save(tmp_path / "table.npz", points=20))
    assert len(loaded) == 12 and all(same(a.thinned(20), b) for a, b in zip(table, loaded, strict=True))
    assert loaded.values("lr") == rates and loaded.values("optimizer") == ["adam", "sgd"]
    one = loaded.where(optimizer="sgd", lr=np.float64(0.1 + 1e-12))
    assert len(one) == 2 and {r.seed for r in one} == {0, 1} and len(loaded.where(seed=1)) == 6
    assert len(loaded.where(lr=0.2)) == 0 and len(loaded.where(status="finished")) == 12
    assert one.median() == pytest.approx(0.51) and one.numbers("best_accuracy") == [0.51, 0.51]
    with pytest.raises(KeyError, match="'lrate'.*config"):
        loaded.where(lrate=0.1)
    with pytest.raises(ValueError, match="no run fits"):
        loaded.where(lr=0.2).median()
    with pytest.raises(ValueError, match="12 runs"):
        Run.load(tmp_path / "table.npz")


def test_values_of_mixed_kinds_are_sorted():
    table = RunTable([make(2, x=v) for v in ("b", 3, None, 0.5, "a")])
    assert table.values("x") == [None, 0.5, 3, "a", "b"]


def test_ema_by_hand():
    run = Run(loss_log=[4.0, 2.0, 1.0])
    assert run.ema(0) == [4.0, 2.0, 1.0]
    assert run.ema(0.5) == pytest.approx([4.0, (0.25 * 4 + 0.5 * 2) / 0.75, (0.125 * 4 + 0.25 * 2 + 0.5) / 0.875])
    assert Run(loss_log=[3.0] * 50).ema(0.98) == pytest.approx([3.0] * 50)
    for beta in (1, -0.1, math.nan):
        with pytest.raises(ValueError, match="beta"):
            run.ema(beta)


def test_accuracies_and_even_out():
    assert math.isnan(Run().final_accuracy) and math.isnan(Run().best_accuracy)
    run = Run(val=[(1, 1.0, 0.4), (2, 1.0, 0.3)], t=[1, 2], lr=[0.1, 0.1], momentum=[0], loss_log=[1.0])
    assert (run.final_accuracy, run.best_accuracy) == (0.3, 0.4)
    run.even_out()
    assert (run.t, run.lr, run.momentum, run.loss) == ([1], [0.1], [0], [1.0])


def test_plain_values():
    given = {"a": np.float32(0.5), "b": np.int64(3), "c": (1, np.bool_(True)), "d": None, "e": "x"}
    out = plain(given, "config")
    assert out == {"a": 0.5, "b": 3, "c": [1, True], "d": None, "e": "x"} and type(out["a"]) is float
    json.dumps(out)
    for bad in (object(), partial(cosine, T=1), np.zeros(2), {1: 2}, {"a": {3}}):
        with pytest.raises(ValueError, match="config.* cannot be recorded"):
            plain({"x": bad}, "config")


# ---------------------------------------------------------------------------------------------- foreign files
class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("executed",))


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def damaged(whole: bytes) -> dict:
    with np.load(io.BytesIO(whole)) as z:
        good = {k: z[k] for k in z.files}
    with_object = io.BytesIO()
    with zipfile.ZipFile(with_object, "w") as z:
        for name in good:
            head = io.BytesIO()
            np.lib.format.write_array(head, np.array([Bomb()], dtype=object), allow_pickle=True)
            z.writestr(f"{name}.npy", head.getvalue())
    array = io.BytesIO()
    np.save(array, np.ones(3))
    return {
        "empty": b"", "text": b"lr,loss\n", "truncated": whole[: len(whole) // 2], "array": array.getvalue(),
        "pickle": pickle.dumps(Bomb()), "object arrays": with_object.getvalue(),
        "other npz": npz(x=np.ones(3)), "lacks a curve": npz(**{k: v for k, v in good.items() if k != "lr"}),
        "short curve": npz(**{**good, "loss": good["loss"][:-1]}),
        "long val": npz(**{**good, "val": np.vstack([good["val"]] * 2)}),
        "meta no json": npz(**{**good, "meta": np.zeros(5, np.uint8)}),
        "unknown field": npz(**{**good, "meta": np.frombuffer(b'[{"test": null, "wings": 2}]', np.uint8)}),
        "two metas": npz(**{**good, "meta": np.frombuffer(b'[{"test": null}, {"test": null}]', np.uint8)}),
    }  # fmt: skip


NAMES = ["empty", "text", "truncated", "array", "pickle", "object arrays", "other npz", "lacks a curve",
         "short curve", "long val", "meta no json", "unknown field", "two metas"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_foreign_and_damaged_files_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "bad.npz"
    bad.write_bytes(damaged(make(20).save(tmp_path / "good.npz").read_bytes())[name])
    with pytest.raises(ValueError, match="bad.npz is not a run record"):
        RunTable.load(bad)
    assert not (tmp_path / "executed").exists()


def test_a_newer_format_says_update(tmp_path):
    (tmp_path / "new.npz").write_bytes(npz(format=np.array(FORMAT + 1), whatever=np.ones(2)))
    with pytest.raises(ValueError, match=f"format {FORMAT + 1}.*Update the course"):
        RunTable.load(tmp_path / "new.npz")


def test_a_missing_file_or_recording_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Run.load(tmp_path / "nowhere.npz")
    with pytest.raises(FileNotFoundError, match="no recorded runs '99'"):
        recorded("99")


def test_an_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = make(20).save(tmp_path / "run.npz")
    kept = path.read_bytes()
    monkeypatch.setattr(np, "savez_compressed", lambda f, **_: (f.write(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        make(30).save(path)
    assert path.read_bytes() == kept and len(list(tmp_path.iterdir())) == 1


def test_no_torch():
    code = "import sys, course_utils.runs; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
