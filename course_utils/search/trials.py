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
from collections.abc import Callable, Generator, Mapping, Sequence
from numbers import Real
from pathlib import Path

from course_utils.pictures.outputs import say
from course_utils.random_states import random_states_kept
from course_utils.runs import Run, RunTable, plain
from course_utils.search.space import Axis, levels_of, name_of, names_of, same

LOST = ("diverged", "failed")  # a trial that ends so has no accuracy


# -------------------------------------------------------------------------------------------------- the results
class Trials(RunTable):
    """The Runs of a search, in the order of its settings; see RunTable for `where`, `median` and so on."""

    def ranked(self) -> list[Run]:
        """Best accuracy first; then the trials that diverged, then those that failed."""

        def place(run):
            group = 1 + LOST.index(run.status) if run.status in LOST else 0
            known = group == 0 and math.isfinite(run.final_accuracy)
            return group, not known, -run.final_accuracy if known else 0

        return sorted(self, key=place)

    @property
    def best(self) -> Run:
        """The trial with the highest validation accuracy (the first of equals). ValueError if none came to its end."""
        first = self.ranked()[0] if len(self) else None
        if first is None or first.status in LOST or math.isnan(first.final_accuracy):
            raise ValueError("no trial of this search came to an accuracy: there is no best. Look at .table() for why.")
        return first

    def table(self, rows: int = 10, title: str = "Results, best first"):
        """The first `rows` trials of `ranked` as a table to show; diverged and failed ones say so."""
        from course_utils.pictures.tables import table

        names = list(dict.fromkeys(name for run in self for name in run.config.get("settings", {})))
        lines = []
        for place, run in enumerate(self.ranked()[:rows], start=1):
            accuracy = None if run.status in LOST else f"{run.percent:.1f}"
            lines.append([str(place), *(run.config.get(name) for name in names), accuracy, words_of(run)])
        return table(lines, ["", *map(name_of, names), "accuracy, %", "status"], title=title)


def words_of(run: Run) -> str:
    """How a trial ended: 'finished', 'diverged at update 12', 'failed: ValueError: ...'."""
    if run.status == "failed":
        error = run.config.get("error", "unknown error")
        return "failed: " + (error if len(error) <= 48 else error[:47] + "…")
    return f"diverged at update {run.diverged_at}" if run.status == "diverged" else run.status


# --------------------------------------------------------------------------------------------------- the search
def search(
    settings: Sequence[dict], objective, *, folder=None, watch=None, seed=0, facts=None, retry_failed=False
) -> Trials:
    """Try every setting once: `objective(settings, seed)` trains and returns a Run. Results in the order of `settings`.

    folder: each trial is kept there as soon as it ends; a search that was stopped and is called again trains only what
        is missing, with the same results to the last bit. A file that is damaged, or that another search left there, is
        trained again and named.
    facts: what a kept trial must have in common with this search beside settings and seed, for instance
        {"source": data.source, "epochs": 2}; written into each trial's config under "facts".
    watch: called with every Run, kept or new, e.g. a picture that fills.
    An error in a trial becomes its result: status "failed", the text under config["error"]. retry_failed: try those
    once more. Ctrl-C (KeyboardInterrupt) stops the search; what has ended is kept. A setting that stands twice is
    trained once. No result depends on the order of trials: see `try_once`. Raises ValueError for no settings, and for
    an objective that gives no Run or one of another seed.
    """
    settings = checked_settings(settings)
    facts = plain(dict(facts or {}), "facts")
    runs: dict[str, Run] = {}
    for n, wanted in enumerate(settings):
        key = trial_name(wanted, seed)
        if key not in runs:
            path = Path(folder) / f"{key}.npz" if folder is not None else None
            run = _from_file(path, wanted, seed, facts) if path else None
            if run is None or (retry_failed and run.status == "failed"):
                try:
                    run = _trained(objective, wanted, seed, facts)
                except KeyboardInterrupt:
                    where = f" and kept in {folder}; the same call goes on from there" if path else ""
                    print(f"stopped: {n} of {len(settings)} trials are done{where}.")
                    raise
                if path:
                    run.save(path)
            runs[key] = run
        if watch is not None:
            watch(runs[key])
    return Trials(runs[trial_name(wanted, seed)] for wanted in settings)


def try_once(objective: Callable, settings: Mapping, seed: int, report: Callable = lambda result: None):
    """One trial: what objective(settings, seed) returns. An objective may also *yield* its Run on the way (`yield
    step.run`): each is handed to `report`, which may end the trial by raising an error, and the last one is the result
    if nothing is returned. The global random numbers of Python, NumPy and PyTorch start at `seed`."""
    with random_states_kept(seed):
        result = objective(dict(settings), seed)
        if not isinstance(result, Generator):
            return result
        steps, result = result, None
        try:
            while True:
                result = next(steps)
                report(result)
        except StopIteration as end:
            return result if end.value is None else end.value
        finally:
            steps.close()


def _trained(objective, wanted: dict, seed: int, facts: dict) -> Run:
    """The Run of one trial; an error inside it is its result."""
    try:
        run = try_once(objective, wanted, seed)
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {error}"
        return Run(config={**wanted, "settings": wanted, "facts": facts, "error": text}, seed=seed, status="failed")
    if not isinstance(run, Run):
        raise ValueError(f"objective({wanted}, {seed}) returned {run!r}: it must return the Run that fit(...) returns.")
    if run.seed != seed:
        raise ValueError(f"objective({wanted}, {seed}) returned a Run of seed {run.seed}: hand it on to fit(...).")
    run.config = {**run.config, **wanted, "settings": wanted, "facts": facts}
    return run


def trial_name(settings: Mapping, seed: int) -> str:
    """A file name for one trial: its settings to be read, and eight digits that tell apart what reads alike."""
    text = json.dumps([sorted(settings.items()), seed])
    shown = "_".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in settings.items())
    shown = re.sub(r"[^A-Za-z0-9.=_+-]", "-", shown)[:80]
    return f"{shown}_seed={seed}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def checked_settings(settings) -> list[dict]:
    """Settings as plain Python. ValueError for none, or for what is no dict of numbers and texts."""
    if isinstance(settings, (str, Mapping)) or not isinstance(settings, Sequence) or not settings:
        raise ValueError(f"settings must be a list of dicts, as from grid(...), got {settings!r}.")
    for setting in settings:
        if not isinstance(setting, Mapping) or not setting:
            raise ValueError(f"every setting is a dict with a value for each hyper-parameter, got {setting!r}.")
    return [plain(dict(setting), "settings") for setting in settings]


def _from_file(path: Path, wanted: dict, seed: int, facts: dict) -> Run | None:
    """The trial kept at `path`, or None (with a line that says why, if there is a file)."""
    if not path.exists():
        return None
    try:
        run = Run.load(path)
    except (ValueError, OSError) as problem:
        say(f"{path.name} is damaged and is trained again ({type(problem).__name__}).")
        return None
    of_file = {"settings": run.config.get("settings"), "seed": run.seed, **(run.config.get("facts") or {})}
    for name, value in {"settings": wanted, "seed": seed, **facts}.items():
        other = of_file.get(name)
        if not same(other, value):
            say(f"{path.name} belongs to another search ({name} is {other!r}, not {value!r}) and is trained again.")
            return None
    return run


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
        if isinstance(axis, Axis) and axis.is_range:
            low, high, share = axis.low, axis.high, axis.share(value)
            at_low, at_high = share <= near, share >= 1 - near
        else:
            levels = levels_of(name, axis)
            if len(levels) < 2 or not all(isinstance(level, Real) for level in levels):
                continue
            low, high = min(levels), max(levels)
            at_low, at_high = same(value, low), same(value, high)
        if at_low or at_high:
            side, further = ("lower", "below") if at_low else ("upper", "above")
            lines.append(
                f"The best {name_of(name)}, {value:.3g}, lies at the {side} end of {low:.3g} to {high:.3g}: nothing "
                f"{further} that was tried. Go on in that direction until the best lies inside."
            )
    return "\n".join(lines)
