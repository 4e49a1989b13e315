"""`GuardedDisplay`: a display whose errors cannot end a training."""

from __future__ import annotations

import contextlib
from typing import Any

from kernelkit.training.display import Block, Display, LineDisplay, Run, warn


class GuardedDisplay(Display):
    """Wraps a display that may fail.

    The first error of the wrapped display becomes a warning, and a line for each epoch replaces it. Training never gets
    the error.

    Args:
        display: The display to wrap.

    Example:
        >>> class Broken(Display):
        ...     def steps(self, block):
        ...         raise OSError("the page is closed")
        >>> display = GuardedDisplay(Broken())
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as seen:
        ...     display.steps(Block(0, 1, 0, 0, {}))
        >>> print(seen[0].message)
        Broken.steps() failed: OSError: the page is closed. Training goes on; progress is not shown.
    """

    def __init__(self, display: Any) -> None:
        self.display = display
        self._run: Run | None = None
        self._epoch: int | None = None

    def begin(self, run: Run) -> None:
        self._run = run
        self._tell("begin", run)

    def epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch
        self._tell("epoch_begin", epoch)

    def steps(self, block: Block) -> None:
        self._tell("steps", block)

    def validating(self, done: int, total: int | None) -> None:
        if hasattr(self.display, "validating"):  # a user's display may be older than this method
            self._tell("validating", done, total)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._tell("epoch_end", epoch, logs)
        self._epoch = None

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        self._tell("end", outcome, error)

    def _tell(self, what: str, *arguments: Any) -> None:
        display = self.display
        try:
            getattr(display, what)(*arguments)
        except Exception as error:
            self.display = self._successor(display)
            rest = "not shown" if type(self.display) is Display else "printed as lines"
            failure = f"{type(display).__name__}.{what}() failed: {type(error).__name__}: {error}"
            warn(f"{failure}. Training goes on; progress is {rest}.")
            if what != "end":
                with contextlib.suppress(Exception):  # let it release its resources
                    display.end("failed", error)
            if what in ("epoch_end", "end"):
                self._tell(what, *arguments)

    def _successor(self, failed: Any) -> Display:
        """Return the replacement for a failed display, after the same ``begin`` and ``epoch_begin`` calls."""
        try:
            successor = Display() if self._run is None or isinstance(failed, LineDisplay) else LineDisplay()
            if self._run is not None:
                successor.begin(self._run)
            if self._epoch is not None:
                successor.epoch_begin(self._epoch)
        except Exception:
            return Display()
        return successor
