"""A Run as any tracker stores it, and back: curves of (update, value), and one text with everything else."""

from __future__ import annotations

import json
import math
import struct
import sys
import zipfile
from pathlib import Path

from course_utils.runs import Run


def rows_of(run: Run) -> list[tuple[int, dict]]:
    """The curves as a training loop sees them: (update, name -> value), in the order of the updates."""
    steps = zip(run.t, run.loss, run.lr, run.momentum, strict=True)
    rows = {t: {"loss": loss, "lr": lr, "momentum": momentum} for t, loss, lr, momentum in steps}
    for t, loss, accuracy in run.val:
        rows.setdefault(t, {}).update(val_loss=loss, val_accuracy=accuracy)
    return sorted(rows.items())


def facts_of(run: Run) -> str:
    """Everything of a run but its curves, as one JSON text."""
    curves = ("t", "lr", "momentum", "loss_log", "val")
    return json.dumps({name: value for name, value in run.as_dict().items() if name not in curves})


def run_of(points: dict, facts: str) -> Run:
    """The run that `rows_of` and `facts_of` took apart. points: name -> (update, value) of each."""
    facts = json.loads(facts)
    run = Run(**{**facts, "test": tuple(facts["test"]) if facts["test"] else None})
    run.t = [t for t, _ in points["loss"]]
    run.loss_log, run.lr, run.momentum = ([value for _, value in points[name]] for name in ("loss", "lr", "momentum"))
    accuracy = dict(points.get("val_accuracy", []))
    run.val = [(t, loss, accuracy[t]) for t, loss in points.get("val_loss", [])]
    return run


def same_runs(first: Run, second: Run, float32: bool = False) -> bool:
    """Whether two runs are equal in every field, NaN equal to NaN; float32: after rounding curves to 4 bytes."""
    short = (lambda x: struct.unpack("f", struct.pack("f", x))[0]) if float32 else float
    rows = [[(t, {name: repr(short(x)) for name, x in row.items()}) for t, row in rows_of(r)] for r in (first, second)]
    return rows[0] == rows[1] and facts_of(first) == facts_of(second)


def from_tensorboard(folder: str | Path) -> Run:
    """Read back what was logged into `folder`; scalars come as 4-byte floats."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})  # 0: keep all, not a sample
    events.Reload()
    points = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    facts = events.Tensors("facts/text_summary")[0].tensor_proto.string_val[0].decode()
    return run_of(points, facts)


def from_mlflow(uri: str, run_id: str) -> Run:
    """Read a run back from MLflow's store. It keeps infinity as the largest float, which is turned back here."""
    from mlflow import MlflowClient

    client, largest = MlflowClient(uri), sys.float_info.max
    stored = client.get_run(run_id)
    back = lambda x: math.copysign(math.inf, x) if abs(x) == largest else x  # noqa: E731
    points = {}
    for name in stored.data.metrics:
        history = sorted(client.get_metric_history(run_id, name), key=lambda metric: metric.step)
        points[name] = [(metric.step, back(metric.value)) for metric in history]
    return run_of(points, stored.data.tags["facts"])


def from_wandb(folder: str | Path) -> Run:
    """Read an offline run of Weights & Biases: 7 bytes, then a LevelDB log (blocks of 32 KiB) of protobuf records."""
    from wandb.proto.wandb_internal_pb2 import Record

    data = next(Path(folder).rglob("run-*.wandb")).read_bytes()
    place, part, points, facts = 7, b"", {}, ""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:  # the rest of a block is too short for a head
            place += 32768 - place % 32768
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        body, place = data[place + 7 : place + 7 + size], place + 7 + size
        part = body if kind in (1, 2) else part + body  # 1 whole; 2, 3, 4 first, middle, last piece
        if kind not in (1, 4):
            continue
        record = Record.FromString(part)
        row = {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for name in row:
            if not name.startswith("_"):  # _step and what W&B adds
                points.setdefault(name, []).append((row["_step"], row[name]))
        for item in (*record.run.config.update, *record.config.update):
            facts = json.loads(item.value_json) if item.key == "facts" else facts
    return run_of(points, facts)


def from_comet(folder: str | Path) -> Run:
    """Read an offline experiment of Comet: a zip with one JSON message a line."""
    archive = zipfile.ZipFile(next(Path(folder).glob("*.zip")))
    points, facts = {}, ""
    for line in archive.read("messages.json").decode().splitlines():
        payload = json.loads(line)["payload"]
        if metric := payload.get("metric"):
            points.setdefault(metric["metricName"], []).append((metric["step"], float(metric["metricValue"])))
        elif payload.get("key") == "facts":
            facts = payload["value"]
    points.pop("process duration", None)  # Comet's own
    return run_of(points, facts)
