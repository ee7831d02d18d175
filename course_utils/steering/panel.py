"""Watch a network train and steer it: pause, change the learning rate by hand, branch, go on.

    panel = live_training(make, data, schedule=schedule, epochs=8, title="Drop it yourself")
    panel.start()                  # last line of a cell: shows the panel and trains behind it
    ...
    run = await panel.done()       # in a later cell: waits for the end (starts the training if nobody has)
    panel.still()                  # the finished picture, for the saved notebook

Click in the panel *before* you run the cell with `done()`: JupyterLab takes clicks while that cell waits, too,
but Colab keeps them until the cell is through. The training is an asyncio task that hands control back after
every update; a paused panel has no task at all.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from weakref import WeakValueDictionary

import ipywidgets as widgets

from course_utils.checks import check_positive, check_whole, check_within
from course_utils.interrupts import uninterrupted
from course_utils.pictures.canvas import View, trimmed
from course_utils.pictures.outputs import bundle
from course_utils.pictures.still import Still, still
from course_utils.runs import Run
from course_utils.steering.buttons import PanelControls
from course_utils.steering.lanes import MOST_BRANCHES, Lane, Lanes
from course_utils.steering.picture import Picture
from course_utils.steering.words import alarm, describe, news

PAUSE_BETWEEN = 0.12  # seconds between pictures, at least
SHARE = 1 / 9  # of the time may go into pictures
SPEAK_EVERY = 3.0  # seconds between status lines while nothing happens: they are read aloud

_tasks: set[asyncio.Task] = set()  # asyncio itself holds tasks weakly
_shown: WeakValueDictionary[str, LiveTraining] = WeakValueDictionary()


class LiveTraining:
    """A panel that trains when it is started; show it as the last line of a cell. Every button is also a method.

    make: () or (seed) -> (model, optimizer), fresh ones at every call: Restart and branches need them.
    data, schedule, epochs, updates and more (batch_size, seed, momentum, augment, validate_every): as in
    `train`; left alone, the panel gives bitwise what `fit` gives. drop: factor of the drop button.
    log_lr: logarithmic LR axis at first; default: where the schedule never comes near 0.
    note: corner text, by default where the images come from.
    title: a new panel stops an old one of the same title, so a cell can be run again.
    Raises ValueError for arguments out of range, TypeError if `make` returns something else.

    state: "ready", "training", "paused", "finished", "stopped" or "failed".
    """

    def __init__(
        self,
        make: Callable,
        data,
        *,
        schedule=None,
        epochs: float | None = None,
        updates: int | None = None,
        title: str = "Live training",
        note: str | None = None,
        drop: float = 0.1,
        log_lr: bool | None = None,
        **more,
    ):
        check_within("drop", drop, 0, 1, ends="()", hint="0.1 is the usual factor.")
        arguments = {"schedule": schedule, "epochs": epochs, "updates": updates, **more}
        self._new_lanes = lambda: Lanes(make, data, **arguments)
        self.title, self.drop_factor, self.source = title, drop, data.source
        self.lanes, self.state = self._new_lanes(), "ready"
        self._task = self._error = self._acted = self._failure = None
        self._waiting: set[asyncio.Future] = set()
        self._actions: dict[int, list] = {}
        self._said, self._spoke, self._next = "", 0.0, 0.0
        low, high = self._usual_rates()
        log_lr = low > high / 1e4 if log_lr is None else log_lr
        note = data.banner() if note is None else note
        look = {"title": title, "note": note, "log_lr": log_lr, "lr_range": (low if log_lr and low > 0 else high, high)}
        self.picture = Picture(self.lanes.T, most=MOST_BRANCHES + 1, **look)
        self.view = View(self.picture.canvas, status_lines=2)
        self.controls = PanelControls(self, high)
        self.widget = widgets.VBox([*self.controls.rows, self.view.box])
        if title in _shown:
            _shown[title].stop("a newer panel took its place")
        _shown[title] = self
        self.refresh()

    def _usual_rates(self) -> tuple[float, float]:
        """Lowest and highest learning rate of the schedule."""
        every = max(1, self.lanes.T // 200)
        rates = [self.lanes.main.rate(t) for t in range(0, self.lanes.T, every)]
        return min(rates), max([*rates, 1e-12])

    # ------------------------------------------------------------------------------------------------ records
    @property
    def t(self) -> int:
        """Updates made."""
        return self.lanes.t

    @property
    def run_record(self) -> Run:
        """The record of the main run."""
        return self.lanes.main.run

    @property
    def branches(self) -> list[Run]:
        """The records of the branches; each begins with the past it shares with its parent."""
        return [lane.run for lane in self.lanes.lanes[1:]]

    # ------------------------------------------------------------------------------------------ start and end
    def start(self) -> LiveTraining:
        """Start, or go on after a pause, behind the cells; returns the panel so that a cell can show it."""
        if self.state not in ("ready", "paused", "training"):
            raise ValueError(f"this training has {self.state}. restart() begins a new one.")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("start() needs a notebook; in a script: asyncio.run(panel.run())") from None
        self.state = "training"
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._train())
            _tasks.add(self._task)
            self._task.add_done_callback(_tasks.discard)
        self.refresh()
        return self

    def pause(self) -> None:
        """Stop after the present update; nothing is lost, `start()` goes on."""
        if self.state == "training":
            self.state = "paused"
            self.refresh()

    def stop(self, why: str = "") -> None:
        """End all runs here; they are recorded as stopped."""
        if self.state in ("ready", "training", "paused"):
            self._end("stopped", why)

    def restart(self) -> LiveTraining:
        """Throw the runs away and begin again from a fresh model."""
        self.lanes.close()
        self.lanes, self.state = self._new_lanes(), "ready"
        self._error = self._acted = self._failure = None
        self.picture.forget()
        return self.start()

    async def done(self) -> Run:
        """Wait for the end of the training and return its record; starts or resumes it where need be.

        Interrupting the cell pauses the panel; the same cell run again goes on. An error of the training is
        raised here.
        """
        if self.state in ("ready", "paused"):
            self.start()
        if self.state == "training":
            end = asyncio.get_running_loop().create_future()
            self._waiting.add(end)
            try:
                await end
            except (asyncio.CancelledError, KeyboardInterrupt):
                self.pause()
                raise
            finally:
                self._waiting.discard(end)
        if self._error is not None:
            raise self._error
        return self.run_record

    run = done  # `run = await panel.run()` starts it and waits

    def at(self, update: int, action: Callable[[LiveTraining], object]) -> LiveTraining:
        """Do something after `update` updates, as a hand would: panel.at(200, lambda panel: panel.drop())."""
        check_whole("update", update, 0, self.lanes.T - 1)
        self._actions.setdefault(update, []).append(action)
        return self

    async def _train(self) -> None:
        try:
            while True:
                if self._acted != self.t:
                    self._acted = self.t
                    for action in self._actions.get(self.t, ()):
                        action(self)
                if self.state != "training":
                    return
                if not self.lanes.going:
                    break
                with uninterrupted():
                    self.lanes.round()
                if time.perf_counter() >= self._next:
                    self.refresh()
                await asyncio.sleep(0)  # clicks and sliders are handled here
            self._end("finished")
        except Exception as error:
            self._failure = trimmed(error, hide=(__file__,))
            self._error = error
            self._end("failed")
        except BaseException:  # Ctrl-C, or the event loop is being closed
            self.pause()
            raise

    def _end(self, state: str, why: str = "") -> None:
        self.lanes.close()
        self.state = state
        try:
            self.refresh(why=why)
        except Exception as error:  # whoever waits must hear of it, not wait for ever
            self.state, self._error = "failed", self._error or error
            self.view.alert.value = alarm(trimmed(error))
        for end in self._waiting:
            if not end.done():
                end.set_result(None)

    # ----------------------------------------------------------------------------------------------- steering
    def lane(self, number: int | None = None) -> Lane:
        """Run `number` (0: the main run), by default the one chosen under "steer"."""
        number = self.controls.chosen if number is None else number
        if not 0 <= number < len(self.lanes.lanes):
            raise ValueError(f"run {number} does not exist; there are 0 (main) to {len(self.lanes.lanes) - 1}.")
        return self.lanes.lanes[number]

    def take_over(self, lr: float, *, run: int | None = None) -> None:
        """Hold the learning rate at `lr` by hand, from the next update on."""
        self.lane(run).steer(lr, f"LR {lr:.3g}", near=self.lanes.T // 40)
        if self.state == "training":
            self.controls.show()  # a slider on its way sends many values; the next picture comes soon
        else:
            self.refresh()

    def drop(self, factor: float | None = None, *, run: int | None = None) -> None:
        """Multiply the learning rate by `factor` (default: the button's) and hold it there."""
        lane, factor = self.lane(run), self.drop_factor if factor is None else factor
        check_positive("factor", factor, hint="0.1 is the usual drop.")
        lane.steer(lane.lr * factor, f"LR × {factor:g}")
        self.refresh()

    def follow(self, *, run: int | None = None) -> None:
        """Give the learning rate back to the schedule."""
        self.lane(run).steer(None, "schedule again")
        self.refresh()

    def branch(self, factor: float | None = None, *, run: int | None = None) -> None:
        """Copy a run as it is now; the copy goes on beside it with `factor` times the learning rate."""
        parent = self.lane(run)
        lane = self.lanes.branch(parent, self.controls.factor.value if factor is None else factor)
        self.picture.traces[id(lane)] = copy.deepcopy(self.picture.trace(parent))
        self.refresh()

    # -------------------------------------------------------------------------------------------- the picture
    def refresh(self, why: str = "") -> None:
        """Draw the present state now."""
        begin = time.perf_counter()
        self.controls.show()
        png = self.picture.draw(self.lanes.lanes, self.lanes.per_epoch)
        words = describe(self, why)
        if (latest := news(self)) != self._said or begin - self._spoke > SPEAK_EVERY:
            self._said, self._spoke, self._status = latest, begin, words
        what = "loss, validation accuracy and learning rate over the updates"
        self.view.show(png, alt=f"{self.title}: {what}. {words}", status=self._status)
        if self._failure:
            self.view.alert.value = alarm(self._failure)
        end = time.perf_counter()
        self._next = end + max(PAUSE_BETWEEN, (end - begin) * (1 / SHARE - 1))

    def still(self) -> Still:
        """The present picture, to be the last line of a cell and stay in the saved notebook."""
        self.refresh()
        words = describe(self).replace("\n", " ")
        picture = still(self.picture.canvas.figure, f"{self.title}. {words}", name=self.title)
        self.picture.canvas.forget_background()  # it was drawn at another size in between
        return picture

    def __repr__(self) -> str:
        return f"Live training: {self.title}"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return bundle(self.widget, repr(self), png=self.view.png)


live_training = LiveTraining  # lessons call it as what it does
