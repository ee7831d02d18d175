"""Keep the best weights of a training on disk, stop when patience is used up, bring the best back.

    best = KeepBest(folder / "best.pt", by="loss", patience=5)
    for step in train(model, data, optimizer, ...):
        best.see(step)                  # does nothing between validations
        if best.enough:
            break
    t, loss = best.restore(model)

An average of the weights is kept instead of the network itself by `best.see(step, average)`, after
`average.validate(step, data)` (averaging.py).

What is best is worked out from the run's own record, every time. So a training that goes on from a checkpoint needs
nothing else: its record comes back with the checkpoint, and with it the best score and the patience used up so far.
"""

from __future__ import annotations

import math

import torch

from course_utils.checks import shown
from course_utils.runs import plain
from course_utils.training.checkpoints import (
    bare_weights,
    check_file,
    load_weights,
    other_shapes,
    read_plainly,
    write_safely,
)
from course_utils.training.early_stopping import stopping
from course_utils.training.plan import first_difference

BY = {"loss": (1, "lower"), "accuracy": (2, "higher")}  # by -> its place in run.val, which way is better
_PARTS = {"by", "score", "t", "seed", "source", "config", "val", "model"}


class KeepBest:
    """The best weights of one training, by validation loss or accuracy, in one file.

    path: the file; it is replaced, whole or not at all, whenever a validation is the best so far.
    by: "accuracy" (higher is better) or "loss" (lower is better). A validation whose loss is not a finite number is
    never the best, whatever its accuracy. patience, min_delta: see `stopping`.
    Raises ValueError for arguments out of range.
    """

    def __init__(self, path, by: str = "accuracy", *, patience: int | None = None, min_delta: float = 0.0):
        if by not in BY:
            raise ValueError(f"by = {by!r}: choose {' or '.join(map(repr, BY))}")
        stopping([0.0], patience, min_delta=min_delta)  # refuses what is out of range now, not after an epoch
        self.path, self.by, self.patience, self.min_delta = check_file("path", path), by, patience, min_delta
        self.run, self.average = None, None

    def see(self, step, average=None) -> None:
        """Look at a step of `train`. Writes the file if a validation has just been made and is the best so far.

        average: a `WeightAverage`, validated at this step; its weights are judged by its own validations, and kept.
        Raises ValueError if it was not, OSError if the file cannot be written; the one before is then still there.
        """
        if not step.validated:
            return
        if average is not None and (not average.val or average.val[-1][0] != step.t):
            raise ValueError(f"the average was not validated after update {step.t}: call average.validate(step, data)")
        self.run, self.average = step.run, average
        if self._best() == len(self._scores()) - 1:
            model = step.model if average is None else average.model
            write_safely({**self._facts(), "model": bare_weights(model)}, self.path, "best weights")

    @property
    def enough(self) -> bool:
        """True when `patience` validations in a row brought no improvement."""
        if self.run is None:
            return False
        return stopping(self._scores(), self.patience, min_delta=self.min_delta, better=BY[self.by][1]).early

    @property
    def t(self) -> int | None:
        """Updates made when the best validation was; None if there is none yet."""
        return None if self._best() is None else self._val()[self._best()][0]

    @property
    def score(self) -> float | None:
        """The best validation loss or accuracy (in [0, 1]); None if there is none yet."""
        return None if self._best() is None else self._scores()[self._best()]

    def restore(self, model: torch.nn.Module) -> tuple[int, float]:
        """Put the kept weights (and BatchNorm's statistics) into `model`. Returns (update, score) they belong to.

        Works in a new session, too, where no step has been seen. Raises FileNotFoundError if nothing was kept (of the
        training that was seen), ValueError, before anything is changed, if the file is damaged, foreign, from another
        training, or does not fit the model.
        """
        nothing = self.run is not None and self._best() is None  # a file that is there is of another training
        if nothing or not self.path.exists():
            why = "no validation has been seen" if self.run is None else f"no validation {self.by} was a number"
            why = why if self._best() is None else "the file that was written is gone"
            raise FileNotFoundError(f"there are no best weights at {self.path}: {why}")
        state = self._read()
        for name, theirs, ours in other_shapes(state["model"], model):
            raise ValueError(
                f"{self.path} holds the weights of another network: {name!r} has shape {theirs} there and {ours} here "
                "(None: missing). Build the network that was trained."
            )
        load_weights(model, state["model"])
        return state["t"], state["score"]

    def _read(self) -> dict:
        way_out = "Train again, or choose another file."
        state = read_plainly(self.path, "a file of best weights", way_out, sealed=True)
        if not isinstance(state, dict) or not _PARTS <= set(state) or not isinstance(state["model"], dict):
            raise ValueError(f"{self.path} is not a file of best weights. {way_out}")
        ours = {"by": self.by} if self._best() is None else self._facts()
        if "config" in ours:  # what was noted in the record since then tells nothing about the training
            ours["config"] = {key: value for key, value in ours["config"].items() if key in state["config"]}
        if different := first_difference({key: state[key] for key in ours}, ours):
            key, theirs, value = different
            raise ValueError(
                f"{self.path} was kept by another training: {key} is {shown(theirs)} there and {shown(value)} here. "
                f"{way_out}"
            )
        return state

    def _facts(self) -> dict:
        """What tells this training and its best validation from others."""
        run, val = self.run, [list(measured) for measured in self._val()[: self._best() + 1]]
        facts = {"by": self.by, "t": self.t, "score": self.score, "seed": run.seed, "source": run.source}
        return plain({**facts, "config": run.config, "val": val}, "best weights")

    def _scores(self) -> list[float]:
        """The validations' scores; NaN where a network that diverged was lucky by chance."""
        ended = self.run.diverged_at if self.run.diverged else None
        place = BY[self.by][0]
        return [v[place] if math.isfinite(v[1]) and v[0] != ended else math.nan for v in self._val()]

    def _val(self) -> list[tuple]:
        return (self.run if self.average is None else self.average).val

    def _best(self) -> int | None:
        """Index of the best validation so far."""
        if self.run is None or not self._val():
            return None
        return stopping(self._scores(), better=BY[self.by][1]).chosen
