"""`Control`: pause, step, stop or save a running training. Requests from any thread run between two dispatches.

Where several processes train one model, a request to one of them is a request to all.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from kernelkit import interrupts, processes
from kernelkit.tracebacks import users_level

State = Literal["running", "pausing", "paused", "stopping"]
_POLL = 0.25
"""Seconds between two checks of a paused training, for an interrupt or a `stop_training` set elsewhere."""


class Event(NamedTuple):
    """An action of a control.

    Attributes:
        kind: ``"paused"``, ``"resumed"``, ``"stopping"``, ``"learning_rate"``, ``"saved"`` or ``"refused"``.
        text: The action in words.
        value: The learning rate, the path of the saved file, or the number of steps done when training paused.
    """

    kind: str
    text: str
    value: Any = None


class Control:
    """Controls one training. All methods may be called from any thread and return at once.

    Training and its validation call :meth:`checkpoint` after each dispatch. Without a request this costs one check of a
    flag.

    Attributes:
        waited: Total seconds that training was paused.

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
        self._jobs: list[tuple[str, Any]] = []
        self._outbox: list[dict[str, Any]] = []  # requests that the other processes do not know yet
        self._listeners: list[Callable[[Event], None]] = []

    @property
    def state(self) -> State:
        """The state of training, or its state after the current dispatch."""
        if self._stop:
            return "stopping"
        if self._pause:
            return "paused" if self._held else "pausing"
        return "running"

    @property
    def stops_after(self) -> Literal["", "batch", "epoch"]:
        """When a requested stop takes effect, ``""`` without such a request."""
        return self._stop

    def pause(self) -> None:
        """Pause after the current dispatch."""
        self._ask(pause=True)

    def resume(self) -> None:
        """Go on."""
        self._ask(pause=False)

    def step(self, count: int = 1) -> None:
        """Do some batches, then pause. A running training is paused first."""
        if count < 1:
            raise ValueError(f"step(): count must be at least 1, got {count!r}.")
        self._ask(pause=True, steps=count)

    def stop(self, after: Literal["batch", "epoch"] = "batch") -> None:
        """Stop training, paused or not: after the current dispatch, or at the end of the epoch."""
        if after not in ("batch", "epoch"):
            raise ValueError(f"stop(): after must be 'batch' or 'epoch', got {after!r}.")
        self._ask(stop=after, pause=False if after == "epoch" else None)

    def set_learning_rate(self, value: float) -> None:
        """Set the learning rate for the next steps.

        Raises:
            ValueError: If it is not a positive finite number.
        """
        rate = float(value)
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"The learning rate must be a positive finite number, got {value!r}.")
        self._ask(job=("learning_rate", rate))

    def save(self, path: str | None = None) -> None:
        """Save the model between two batches.

        Args:
            path: The file. A name that ends with ``.weights.h5`` saves only weights. Default: ``<name>-step<n>.keras``.
        """
        self._ask(job=("save", path))

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` after each action, on the training thread. A listener that raises is removed."""
        self._listeners.append(listener)

    # For the training thread ----------------------------------------------------------------------------------------

    def limit(self, steps: int) -> int:
        """Return the maximum number of steps for the next dispatch: 1 while stepping, else ``steps``."""
        return 1 if self._pause else steps

    def checkpoint(self, run: Any, steps: int, settle: Callable[[], None] = lambda: None, where: str = "") -> None:
        """Do the requests since the last call, and wait while paused.

        Args:
            run: The run. A stop request calls its ``stop()``.
            steps: Number of steps done.
            settle: Called first. It waits until no step is running.
            where: Text after the number of steps in messages, such as the position in a validation.
        """
        self._share(run)
        if not self._asked:
            return
        settle()
        self._standing = False
        while not self._may_go_on(run, steps, where):
            began = time.perf_counter()
            with interrupts.whole, self._changed:
                if self._quiet():
                    self._changed.wait(_POLL)
            self._share(run)
            processes.check_interrupts()
            self.waited += time.perf_counter() - began

    def epoch_ended(self, run: Any) -> None:
        """Stop the run if a stop at the end of the epoch was requested."""
        if self._stop and not run.stopping:
            run.stop()

    def _ask(self, pause: bool | None = None, steps: int = 0, stop: Any = "", job: Any = None) -> None:
        if processes.count() == 1:
            self._take(pause, steps, stop, job)
            return
        with self._changed:
            self._outbox.append({"pause": pause, "steps": steps, "stop": stop, "job": job})
            self._changed.notify_all()

    def _share(self, run: Any) -> None:
        """Take the new requests of all processes, in the same order in each. All of them must call this."""
        if processes.count() == 1:
            return
        with self._changed:
            mine, self._outbox = self._outbox, []
        if self._held:
            run.model.stop_training = processes.any_of(bool(run.model.stop_training))
        for theirs in processes.texts_of_all(json.dumps(mine) if mine else ""):
            for request in json.loads(theirs or "[]"):
                self._take(**request)

    def _take(self, pause: bool | None, steps: int, stop: Any, job: Any) -> None:
        with self._changed:
            self._pause = self._pause if pause is None else pause
            self._steps = self._steps + steps if self._pause else 0
            self._stop = stop if self._stop != "batch" and stop else self._stop
            self._jobs += [job] if job is not None else []
            self._asked = True
            self._changed.notify_all()

    def _quiet(self) -> bool:
        return self._pause and not (self._steps or self._jobs or self._outbox or self._stop == "batch")

    def _may_go_on(self, run: Any, steps: int, where: str) -> bool:
        """Do the requested jobs. Return whether the next dispatch may be sent."""
        with self._changed:
            jobs, self._jobs = self._jobs, []
            stopping = self._stop == "batch"
            ended = stopping or run.model.stop_training
            held, self._held = self._held, self._pause and not ended
            stepping = self._held and self._steps > 0
            self._steps -= stepping
            self._asked = self._held
        for what, value in jobs:
            self._tell(_attempt(what, value, run, steps))
        if stopping:
            run.stop()
            self._tell(Event("stopping", "Stopping after this batch"))
        elif held and not self._held:
            self._tell(Event("resumed", "Resumed"))
        elif self._held and not stepping and not self._standing:
            self._standing = True
            self._tell(Event("paused", f"Paused after {steps:,} steps{where}", steps))
        return stepping or not self._held

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # a listener's error must not end the training
                self._listeners.remove(listener)
                with contextlib.suppress(RuntimeWarning):  # raised if warnings are errors
                    warnings.warn(
                        f"A listener of the training's control failed and was removed: {error!r}",
                        RuntimeWarning,
                        stacklevel=users_level(),
                    )


def _attempt(what: str, value: Any, run: Any, steps: int) -> Event:
    """Do a job. Its error becomes an event, so that it cannot end a long training."""
    try:
        return _set_rate(run, value, steps) if what == "learning_rate" else _save(run, value, steps)
    except Exception as error:
        return Event("refused", f"The {'learning rate' if what == 'learning_rate' else 'checkpoint'}: {error}")


def _set_rate(run: Any, rate: float, steps: int) -> Event:
    run.model.optimizer.learning_rate = rate
    return Event("learning_rate", f"Learning rate {rate:g} from step {steps + 1:,} on", rate)


def _save(run: Any, path: str | None, steps: int) -> Event:
    path = path or f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', run.name).strip('-.') or 'model'}-step{steps}.keras"
    save = run.model.save_weights if path.endswith(".weights.h5") else run.model.save
    save(path)
    return Event("saved", f"Saved {path} after {steps:,} steps", path)
