"""Search for hyper-parameters: which settings to try, and a loop that tries them and loses nothing.

    settings = grid({"lr": [0.01, 0.1, 1], "weight_decay": [1e-4, 1e-3]})       # 3 x 2 = 6 dicts
    trials = search(settings, objective, folder="data/searches/mine")          # objective(settings, seed) -> Run
    trials.best.config["lr"], trials.table()

A trial is one training, and its Run is kept in a file of its own as soon as it ends. Called again, a stopped search
goes on where it was. A trial that diverges or raises an error is a result like any other. Nothing here needs PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from pathlib import Path

from course_utils.random_states import random_states_kept
from course_utils.runs import Run, RunTable, plain
from course_utils.search.space import (
    Axis,
    levels_of,
    name_of,
    names_of,
    same,
)


# -------------------------------------------------------------------------------------------------- the results
class Trials(RunTable):
    """The Runs of a search, in the order of its settings; see RunTable for `where`, `median` and so on."""

    def ranked(self) -> list[Run]:
        """Best accuracy first; then the trials that diverged, then those that failed."""
        order = {"finished": 0, "stopped": 0, "diverged": 1, "failed": 2}

        def place(run):
            accuracy = run.final_accuracy
            known = math.isfinite(accuracy) and order.get(run.status, 0) == 0
            return order.get(run.status, 0), not known, -accuracy if known else 0

        return sorted(self, key=place)

    @property
    def best(self) -> Run:
        """The trial with the highest validation accuracy (the first of equals). ValueError if none came to its end."""
        first = self.ranked()[0] if len(self) else None
        if first is None or first.status in ("diverged", "failed") or math.isnan(first.final_accuracy):
            raise ValueError("no trial of this search came to an accuracy: there is no best. Look at .table() for why.")
        return first

    def table(self, rows: int = 10, title: str = "Results, best first"):
        """The first `rows` trials of `ranked` as a table to show; diverged and failed ones say so."""
        from course_utils.pictures.tables import table

        names = list(dict.fromkeys(name for run in self for name in run.config.get("settings", {})))
        lines = []
        for place, run in enumerate(self.ranked()[:rows], start=1):
            numbers = [run.config.get(name) for name in names]
            lost = run.status in ("diverged", "failed")
            lines.append([str(place), *numbers, None if lost else f"{run.percent:.1f}", words_of(run)])
        return table(lines, ["", *map(name_of, names), "accuracy, %", "status"], title=title)


def words_of(run: Run) -> str:
    """How a trial ended: 'finished', 'diverged at update 12', 'failed: ValueError: ...'."""
    if run.status == "failed":
        error = run.config.get("error", "unknown error")
        return "failed: " + (error if len(error) <= 48 else error[:47] + "…")
    return f"diverged at update {run.diverged_at}" if run.status == "diverged" else run.status


# --------------------------------------------------------------------------------------------------- the search
def search(
    settings: Sequence[dict],
    objective: Callable[[dict, int], Run],
    *,
    folder: str | Path | None = None,
    watch: Callable[[Run], None] | None = None,
    seed: int = 0,
    facts: Mapping | None = None,
    retry_failed: bool = False,
) -> Trials:
    """Try every setting once: `objective(settings, seed)` trains and returns a Run. Results in the order of `settings`.

    folder: each trial is kept there as soon as it ends; a search that was stopped and is called again trains only what
        is missing, with the same results to the last bit. A file that is damaged, or that another search left there, is
        trained again and named.
    facts: what a kept trial must have in common with this search beside settings and seed, for instance
        {"source": data.source, "epochs": 2}; written into each trial's config under "facts".
    watch: called with every Run, kept or new, e.g. a picture of `search_pictures`.
    An error in a trial becomes its result: status "failed", the text under config["error"]. retry_failed: try those
    once more. Ctrl-C (KeyboardInterrupt) stops the search; what has ended is kept. A setting that stands twice is
    trained once. Before each trial the global random numbers of Python, NumPy and PyTorch start at `seed`, so that no
    result depends on the order of trials. Raises ValueError for no settings, and for an objective that returns no Run
    or one of another seed.
    """
    settings = _checked(settings)
    facts = plain(dict(facts or {}), "facts")
    runs: dict[str, Run] = {}
    for n, wanted in enumerate(settings):
        key = trial_name(wanted, seed)
        if key not in runs:
            path = Path(folder) / f"{key}.npz" if folder is not None else None
            run = _kept(path, wanted, seed, facts) if path else None
            if run is None or (retry_failed and run.status == "failed"):
                try:
                    run = _tried(objective, wanted, seed, facts)
                except KeyboardInterrupt:
                    print(f"stopped: {n} of {len(settings)} trials are done{_where(folder)}.")
                    raise
                if path:
                    run.save(path)
            runs[key] = run
        if watch is not None:
            watch(runs[key])
    return Trials(runs[trial_name(wanted, seed)] for wanted in settings)


def trial_name(settings: Mapping, seed: int) -> str:
    """A file name for one trial: its settings to be read, and eight digits that tell apart what reads alike."""
    text = json.dumps([sorted(settings.items()), seed])
    shown = "_".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in settings.items())
    shown = re.sub(r"[^A-Za-z0-9.=_+-]", "-", shown)[:80]
    return f"{shown}_seed={seed}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _checked(settings) -> list[dict]:
    """Settings as plain Python. ValueError for none, or for what is no dict of numbers and texts."""
    if isinstance(settings, (str, Mapping)) or not isinstance(settings, Sequence) or not settings:
        raise ValueError(f"settings must be a list of dicts, as from grid(...), got {settings!r}.")
    for one in settings:
        if not isinstance(one, Mapping) or not one:
            raise ValueError(f"every setting is a dict with a value for each hyper-parameter, got {one!r}.")
    return [plain(dict(one), "settings") for one in settings]


def _kept(path: Path, wanted: dict, seed: int, facts: dict) -> Run | None:
    """The trial kept at `path`, or None (with a line that says why, if there is a file)."""
    if not path.exists():
        return None
    try:
        run = Run.load(path)
    except (ValueError, OSError) as problem:
        print(f"{path.name} is damaged and is trained again ({type(problem).__name__}).")
        return None
    made = {"settings": run.config.get("settings"), "seed": run.seed, **(run.config.get("facts") or {})}
    for name, value in {"settings": wanted, "seed": seed, **facts}.items():
        if not same(made.get(name), value):
            found = made.get(name)
            print(f"{path.name} belongs to another search ({name} is {found!r}, not {value!r}) and is trained again.")
            return None
    return run


def _tried(objective, wanted: dict, seed: int, facts: dict) -> Run:
    """One trial; an error inside it is its result."""
    try:
        with random_states_kept(seed):
            run = objective(dict(wanted), seed)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Run(config={**wanted, "settings": wanted, "facts": facts, "error": text}, seed=seed, status="failed")
    if not isinstance(run, Run):
        raise ValueError(f"objective({wanted}, {seed}) returned {run!r}: it must return the Run that fit(...) returns.")
    if run.seed != seed:
        raise ValueError(f"objective({wanted}, {seed}) returned a Run of seed {run.seed}: hand it on to fit(...).")
    run.config = {**run.config, **wanted, "settings": wanted, "facts": facts}
    return run


def _where(folder) -> str:
    return "" if folder is None else f" and kept in {folder}; the same call goes on from there"


# --------------------------------------------------------------------------------------------------- the border
def border_warning(best: Run | Mapping, space: Mapping, *, near: float = 0.05) -> str:
    """What to do when the best lies at an end of an axis, one line for each; "" when it lies inside everywhere.

    best: a Run of a search, or its settings. space: name -> levels of a grid, or an Axis. Levels: the best is on the
    border at the lowest or highest of them. Ranges: within the share `near` of the axis. Texts have no border.
    """
    chosen = best.config if isinstance(best, Run) else best
    lines = []
    for name in names_of(space):
        if name not in chosen:
            raise ValueError(f"the best has no {name!r}; it has {', '.join(map(str, chosen))}.")
        axis, value = space[name], chosen[name]
        levels = levels_of(name, axis.values if isinstance(axis, Axis) else axis) if not _is_range(axis) else []
        if _is_range(axis):
            low, high, place = axis.low, axis.high, axis.share(value)
            end = -1 if place <= near else 1 if place >= 1 - near else 0
        elif len(levels) < 2 or not all(isinstance(level, Real) for level in levels):
            continue
        else:
            low, high = min(levels), max(levels)
            end = -1 if same(value, low) else 1 if same(value, high) else 0
        if end:
            lines.append(_border_line(name, value, low, high, end))
    return "\n".join(lines)


def _is_range(axis) -> bool:
    return isinstance(axis, Axis) and axis.kind != "choice"


def _border_line(name, value, low, high, end) -> str:
    side, further = ("lower", "below") if end < 0 else ("upper", "above")
    return (
        f"The best {name_of(name)}, {value:.3g}, lies at the {side} end of {low:.3g} to {high:.3g}: nothing {further} "
        "that was tried. Go on in that direction until the best lies inside."
    )
