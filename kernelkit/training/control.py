"""`Control`: steering a training that runs. Requests come from any thread; it does them between two dispatches."""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from kernelkit import interrupts

State = Literal["running", "pausing", "paused", "stopping"]
_POLL = 0.25
"""Seconds after which a paused training looks around: for an interrupt, or a `stop_training` set by other means."""


class Event(NamedTuple):
    """What a control did: ``"paused"``, ``"resumed"``, ``"stopping"``, ``"learning_rate"``, ``"saved"``, ``"refused"``.

    Attributes:
        kind: One of these.
        text: The same in words.
        value: The learning rate, or the path.
    """

    kind: str
    text: str
    value: Any = None


class Control:
    """The lever of one training. All methods may be called from any thread and return at once.

    Training and its validation ask :meth:`checkpoint` after each dispatch; until somebody wants something that costs
    one look at a flag.

    Attributes:
        waited: Seconds that training has stood still so far.

    Example:
        >>> control = Control()
        >>> control.pause()
        >>> control.state
        'pausing'
        >>> control.resume()
        >>> control.state
        'running'
    """

    def __init__(self) -> None:
        self.waited = 0.0
        self._changed = threading.Condition()
        self._asked = False
        self._pause = self._held = self._standing = False
        self._steps = 0
        self._stop: Literal["", "batch", "epoch"] = ""
        self._jobs: list[tuple[str, Callable[[Any, int], Event]]] = []
        self._listeners: list[Callable[[Event], None]] = []

    @property
    def state(self) -> State:
        """What training does, or will do as soon as the steps under way have ended."""
        if self._stop:
            return "stopping"
        if self._pause:
            return "paused" if self._held else "pausing"
        return "running"

    @property
    def stops_after(self) -> Literal["", "batch", "epoch"]:
        """What training stops after, ``""`` if nobody asked it to."""
        return self._stop

    def pause(self) -> None:
        """Stand still after the steps under way."""
        self._ask(pause=True)

    def resume(self) -> None:
        """Go on."""
        self._ask(pause=False)

    def step(self, count: int = 1) -> None:
        """Do some batches, then stand still again; pauses a training that runs."""
        if count < 1:
            raise ValueError(f"step(): count must be at least 1, got {count!r}.")
        self._ask(pause=True, steps=count)

    def stop(self, after: Literal["batch", "epoch"] = "batch") -> None:
        """End training, paused or not: after the steps under way, or when the epoch has ended."""
        if after not in ("batch", "epoch"):
            raise ValueError(f"stop(): after must be 'batch' or 'epoch', got {after!r}.")
        self._ask(stop=after, pause=False if after == "epoch" else None)

    def set_learning_rate(self, value: float) -> None:
        """Train on with another learning rate.

        Raises:
            ValueError: If it is no positive finite number.
        """
        rate = float(value)
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"A learning rate is a positive number, got {value!r}.")
        self._ask(job=("The learning rate", lambda run, steps: _set_rate(run, rate, steps)))

    def save(self, path: str | None = None) -> None:
        """Save the model as it is between two batches.

        Args:
            path: Where to; ``.weights.h5`` at its end saves weights only. ``<name>-step<n>.keras`` if left out.
        """
        self._ask(job=("The checkpoint", lambda run, steps: _save(run, path, steps)))

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Call a function, on the thread that trains, after each thing that was done. One that raises is dropped."""
        self._listeners.append(listener)

    # For the thread that trains -------------------------------------------------------------------------------------

    def limit(self, steps: int) -> int:
        """Return how many of the steps that fit into the next dispatch may go into it: one while stepping."""
        return 1 if self._pause else steps

    def checkpoint(self, run: Any, steps: int, settle: Callable[[], None] = lambda: None, where: str = "") -> None:
        """Do what was asked for since the last time, and stand still while paused.

        Args:
            run: The run; its ``stop()`` is called to end it.
            steps: How many steps it has done.
            settle: Called before anything else is: waits until no step is under way.
            where: What to add to the number of steps where it says too little, as in a validation.
        """
        if not self._asked:
            return
        settle()
        self._standing = False
        while not self._may_go_on(run, steps, where):
            began = time.perf_counter()
            with interrupts.whole, self._changed:
                if self._quiet():
                    self._changed.wait(_POLL)
            interrupts.check()
            self.waited += time.perf_counter() - began

    def epoch_ended(self, run: Any) -> None:
        """Stop a run that was to end with its epoch."""
        if self._stop and not run.stopping:
            run.stop()

    def _ask(self, pause: bool | None = None, steps: int = 0, stop: Any = "", job: Any = None) -> None:
        with self._changed:
            self._pause = self._pause if pause is None else pause
            self._steps = self._steps + steps if self._pause else 0
            self._stop = stop if self._stop != "batch" and stop else self._stop
            self._jobs += [job] if job is not None else []
            self._asked = True
            self._changed.notify_all()

    def _quiet(self) -> bool:
        return self._pause and not (self._steps or self._jobs or self._stop == "batch")

    def _may_go_on(self, run: Any, steps: int, where: str) -> bool:
        """Do the jobs; say whether the next dispatch may be sent."""
        with self._changed:
            jobs, self._jobs = self._jobs, []
            stopping = self._stop == "batch"
            ended = stopping or run.model.stop_training
            held, self._held = self._held, self._pause and not ended
            stepping = self._held and self._steps > 0
            self._steps -= stepping
            self._asked = self._held
        for what, job in jobs:
            self._tell(_attempt(what, job, run, steps))
        if stopping:
            run.stop()
            self._tell(Event("stopping", "Stopping after this batch"))
        elif held and not self._held:
            self._tell(Event("resumed", "Resumed"))
        elif self._held and not stepping and not self._standing:
            self._standing = True
            self._tell(Event("paused", f"Paused after {steps:,} steps{where}"))
        return stepping or not self._held

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # who only watches must not end a training
                self._listeners.remove(listener)
                with contextlib.suppress(RuntimeWarning):  # raised where warnings are errors
                    warnings.warn(
                        f"A listener of the training's control failed and is told nothing more: {error!r}",
                        RuntimeWarning,
                        stacklevel=2,
                    )


def _attempt(what: str, job: Callable[[Any, int], Event], run: Any, steps: int) -> Event:
    """Do a job; what it cannot do must not end a training of hours, and is told instead."""
    try:
        return job(run, steps)
    except Exception as error:
        return Event("refused", f"{what}: {error}")


def _set_rate(run: Any, rate: float, steps: int) -> Event:
    run.model.optimizer.learning_rate = rate
    return Event("learning_rate", f"Learning rate {rate:g} from step {steps + 1:,} on", rate)


def _save(run: Any, path: str | None, steps: int) -> Event:
    path = path or f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', run.name).strip('-.') or 'model'}-step{steps}.keras"
    save = run.model.save_weights if path.endswith(".weights.h5") else run.model.save
    save(path)
    return Event("saved", f"Saved {path} after {steps:,} steps", path)
