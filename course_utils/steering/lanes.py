"""Training that can branch: several runs with a common past, each steered on its own.

    lanes = Lanes(make, data, schedule=schedule, epochs=4)
    while lanes.going:
        lanes.round()                                # one update of every run that is still going
        if lanes.t == 200:
            lanes.branch(lanes.main, factor=0.1)     # from now on there are two

No pictures and no buttons here; `panel` adds them.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable

import torch

from course_utils.checks import check_positive, check_within
from course_utils.runs import Run
from course_utils.training.arguments import per_group, planned
from course_utils.training.compute import pick
from course_utils.training.loop import train

MOST_BRANCHES = 3  # every run holds its own copy of the images, and more than four curves nobody can read
CURVES = ("t", "lr", "momentum", "loss_log", "val")


class Lane:
    """One run on its way: model, optimizer, record, and who sets its learning rate.

    run: the record, the past before the branch included. born: where it branched (0: the main run).
    factor: the schedule is multiplied by this. hand: learning rate taken over by hand, None: the schedule's.
    marks: (t, words), where somebody changed the learning rate or branched.
    """

    def __init__(self, name: str, model, optimizer, schedules, past: Run, born: int = 0, factor: float = 1.0):
        self.name, self.model, self.optimizer, self.schedules = name, model, optimizer, schedules
        self.run, self.born, self.factor = past, born, factor
        self.t, self.hand, self.marks, self.ended = born, None, [], False
        self.steps = self.rng = None

    def rate(self, t: int, group: int = 0) -> float:
        """The learning rate that update t will use."""
        return self.hand if self.hand is not None else self.factor * self.schedules[group](t)

    @property
    def lr(self) -> float:
        """The learning rate of the next update."""
        return self.rate(self.t)

    def steer(self, lr: float | None, words: str, near: int = 0) -> None:
        """Take the learning rate over from the next update on; None gives it back to the schedule.

        near: a slider on its way makes many changes; those within so many updates are marked as one.
        """
        lr = None if lr is None else check_within("lr", lr, 0, hint="None returns to the schedule.")
        if self.ended:
            raise ValueError(f"{self.name} has ended ({self.run.status}): press Restart to steer a new one.")
        self.hand = lr
        self.mark(words, near)

    def mark(self, words: str, near: int = 0) -> None:
        """Remember a change made now; changes without an update between them are one."""
        same_kind = self.marks and self.marks[-1][1].split(" ")[0] == words.split(" ")[0]
        if self.marks and self.t - self.marks[-1][0] <= (near if same_kind else 0):
            self.marks.pop()
        self.marks.append((self.t, words))
        self.run.config["by_hand"] = "; ".join(f"{t}: {what}" for t, what in self.marks)

    def step(self) -> None:
        """Make one update."""
        step = next(self.steps, None)
        if step is None:
            self.close()
            return
        if step.run is not self.run:  # the first update: put the past before it
            self._join(step.run)
        self.t = step.t
        if self.run.status != "running":
            self.close()

    def _join(self, run: Run) -> None:
        past, self.run = self.run, run
        for name in CURVES:
            getattr(run, name)[:0] = getattr(past, name)
        run.config.update(past.config)

    def close(self) -> None:
        """End this run; one that is not through its updates is recorded as stopped."""
        if self.steps is not None:
            self.steps.close()
            self.steps = None  # frees its copy of the images
        if self.run.status == "running":
            self.run.status = "stopped"
        self.ended = True


class Lanes:
    """The main run and its branches, one update each in turn, all over the same images in the same order."""

    def __init__(
        self,
        make: Callable,
        data,
        *,
        schedule=None,
        epochs=None,
        updates=None,
        batch_size=128,
        seed=0,
        compute=None,
        **more,
    ):
        """make: () or (seed) -> (model, optimizer), called once for the main run and once a branch.
        schedule: as in `train`; None holds the optimizer's own rate. more: further arguments of `train`.
        """
        self.make, self.data, self.seed, self.compute = make, data, seed, compute or pick()
        self.per_epoch = len(data.train.labels) // batch_size
        self.T = planned(epochs, updates, self.per_epoch, 0)
        self.more = {**more, "updates": self.T, "batch_size": batch_size, "seed": seed}
        model, optimizer = self._fresh()
        self.schedules = _per_group(schedule, optimizer)
        self.lanes = [Lane("main run", model, optimizer, self.schedules, Run(seed=seed, source=data.source))]
        self._begin(self.main)

    @property
    def main(self) -> Lane:
        return self.lanes[0]

    @property
    def going(self) -> list[Lane]:
        """The runs that have not ended."""
        return [lane for lane in self.lanes if not lane.ended]

    @property
    def t(self) -> int:
        """Updates made; the runs keep in step with each other."""
        return max(lane.t for lane in self.lanes)

    def round(self) -> None:
        """One update of every run that is going. Each has random states of its own, as if it were alone."""
        alone = len(self.lanes) == 1
        for lane in self.going:
            if not alone:
                _set_random_states(lane.rng)
            lane.step()
            if not alone:
                lane.rng = _random_states()

    def branch(self, parent: Lane, factor: float = 0.1) -> Lane:
        """A copy of `parent` as it is now, its learning rate `factor` times as high from here on.

        Raises ValueError where there is nothing to branch from.
        """
        if parent.ended or parent.t == 0:
            raise ValueError(
                f"{parent.name} {'has ended' if parent.ended else 'has not begun'}: "
                "branch from a run that is under way, or press Restart."
            )
        if len(self.lanes) > MOST_BRANCHES:
            raise ValueError(f"there are {MOST_BRANCHES} branches already, and no more fit. Press Restart.")
        check_positive("factor", factor, hint="0.1 is the usual drop.")
        states = _random_states()
        model, optimizer = self._fresh()
        _set_random_states(states)  # building a network draws random weights: the runs must not notice
        model.load_state_dict(parent.model.state_dict())
        # load_state_dict takes tensors over as they are: without a copy both would push one momentum buffer
        optimizer.load_state_dict(copy.deepcopy(parent.optimizer.state_dict()))
        lane = Lane(
            f"branch {'ABCDEF'[len(self.lanes) - 1]}",
            model,
            optimizer,
            self.schedules,
            _copy(parent.run),
            parent.t,
            parent.factor * factor,
        )
        if len(self.lanes) == 1:
            parent.rng = states
        lane.rng = parent.rng
        lane.hand = None if parent.hand is None else parent.hand * factor
        lane.run.config.update(branched_at=parent.t, branch_factor=factor)
        lane.mark(f"branch × {factor:g}")
        self.lanes.append(lane)
        self._begin(lane)
        return lane

    def close(self) -> None:
        """Stop every run that is still going."""
        for lane in self.going:
            lane.close()

    def _fresh(self):
        pair = self.make(self.seed) if inspect.signature(self.make).parameters else self.make()
        try:
            model, optimizer = pair
            optimizer.param_groups, model.parameters  # noqa: B018
        except (TypeError, ValueError, AttributeError):
            raise TypeError(f"make() must return (model, optimizer), got {type(pair).__name__}.") from None
        return self.compute.place(model), optimizer  # on its device: the optimizer's state will follow it

    def _begin(self, lane: Lane) -> None:
        rates = [lambda t, group=group: lane.rate(t, group) for group in range(len(self.schedules))]
        lane.steps = train(
            lane.model, self.data, lane.optimizer, rates, start=lane.born, compute=self.compute, **self.more
        )


def _per_group(schedule, optimizer) -> list:
    """One function of t for each parameter group; without a schedule they hold the optimizer's own rates."""
    held = [lambda t, rate=group["lr"]: rate for group in optimizer.param_groups]
    return [own if given is None else given for given, own in zip(per_group(schedule, optimizer), held, strict=True)]


def _copy(run: Run) -> Run:
    """A record of its own with the same past."""
    lists = {name: list(getattr(run, name)) for name in CURVES}
    return Run(**{**run.__dict__, **lists, "config": dict(run.config), "versions": dict(run.versions)})


def _random_states() -> tuple:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []


def _set_random_states(states: tuple) -> None:
    torch.set_rng_state(states[0])
    if states[1]:
        torch.cuda.set_rng_state_all(states[1])
