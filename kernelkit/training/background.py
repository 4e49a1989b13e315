"""`BackgroundFit`: the handle of a training that runs in a thread."""

from __future__ import annotations

import atexit
import contextvars
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from kernelkit import interrupts
from kernelkit.tracebacks import shortened
from kernelkit.training.display import Run
from kernelkit.training.history import History, loss_first


class Status(NamedTuple):
    """The progress of a training in the background.

    Attributes:
        state: ``"running"``, ``"pausing"``, ``"paused"``, ``"stopping"``, ``"done"``, ``"stopped"`` or ``"failed"``.
        epochs: Number of completed epochs.
        logs: The logs of the last completed epoch.
    """

    state: str
    epochs: int
    logs: dict[str, Any]


class BackgroundFit:
    """The handle that `fit(background=True)` returns. Training runs in a thread while other cells run.

    `predict`, `get_weights` and calls of the model read the weights between two dispatches. Training stops when the
    program ends: a script that needs the result must call :meth:`wait`.

    Args:
        run: The run.
        work: The function that the thread runs.

    Example:
        >>> import numpy as np
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> handle = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, verbose=0, background=True)
        >>> len(handle.wait().history["loss"])
        3
        >>> handle.status.state
        'done'
    """

    def __init__(self, run: Run, work: Callable[[], None]) -> None:
        self.control = run.control
        self.history: History = run.history
        self._run = run
        self._error: BaseException | None = None
        # With the cell's context, prints and pictures of the thread go to the cell's output.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._do, work), name=f"kernelkit-fit-{run.name}", daemon=True
        )
        atexit.register(self.close)
        self._thread.start()

    def pause(self) -> None:
        """Pause after the current dispatch."""
        self.control.pause()

    def resume(self) -> None:
        """Continue a paused training."""
        self.control.resume()

    def step(self, count: int = 1) -> None:
        """Do some batches, then pause again."""
        self.control.step(count)

    def stop(self, after: Literal["batch", "epoch"] = "batch") -> None:
        """Stop training after the current dispatch or at the end of the epoch. Returns at once; :meth:`wait` waits."""
        self.control.stop(after)

    def set_learning_rate(self, value: float) -> None:
        """Set the learning rate for the next steps."""
        self.control.set_learning_rate(value)

    def save(self, path: str | None = None) -> None:
        """Save the model between two batches."""
        self.control.save(path)

    @shortened
    def wait(self, timeout: float | None = None) -> History:
        """Wait until training is over.

        Args:
            timeout: Maximum seconds to wait.

        Returns:
            The history.

        Raises:
            TimeoutError: If training still runs after ``timeout``. Training goes on.
            BaseException: The error of the training, if it failed.
            KeyboardInterrupt: If the stop button was pressed. Training goes on; :meth:`stop` ends it.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout

        def is_over(seconds: float) -> bool:
            self._thread.join(max(0.0, min(seconds, end - time.monotonic())))
            return not self._thread.is_alive() or time.monotonic() >= end

        with interrupts.guard():
            interrupts.wait(is_over)
        if self._thread.is_alive():
            raise TimeoutError(f"Training still runs after {timeout} s: {self.status}.")
        if self._error is not None:
            raise self._error
        return self.history

    @property
    def exception(self) -> BaseException | None:
        """The error of the training, ``None`` if it did not fail."""
        return self._error

    @property
    def status(self) -> Status:
        """The progress of the training."""
        if self._thread.is_alive():
            state: str = self.control.state
        elif self._error is not None:
            state = "failed"
        else:
            state = "stopped" if self._run.stopping else "done"
        columns = dict(self.history.history)
        return Status(state, len(self.history.epoch), {name: rows[-1] for name, rows in columns.items() if rows})

    def is_training_elsewhere(self) -> bool:
        """Whether training runs in a thread other than the caller's."""
        return self._thread.is_alive() and self._thread is not threading.current_thread()

    def __repr__(self) -> str:
        state, epochs, logs = self.status
        details = "".join(f", {name}: {logs[name]:.4g}" for name in loss_first(logs) if isinstance(logs[name], float))
        return f"<BackgroundFit {self._run.name!r} {state}, {epochs} of {self._run.epochs} epochs{details}>"

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # wait() raises it; the display has shown it already
            self._error = error
        finally:
            atexit.unregister(self.close)

    def close(self) -> None:
        """Stop training after the current dispatch and wait for the thread, half a minute at most."""
        self.control.stop()
        self._thread.join(timeout=30)
