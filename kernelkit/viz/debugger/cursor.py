"""`Cursor`: a position in a timeline that moves ahead and back, and the state there."""

from __future__ import annotations

from collections.abc import Iterator

from kernelkit.training.state import TrainState
from kernelkit.viz.debugger.timeline import Timeline


class Cursor:
    """A position in a timeline.

    Args:
        timeline: The branch of the training.
        state: The state before its first step, if it is at hand.

    Attributes:
        timeline: The branch of the training.
        position: Number of steps done.
        error: The error of the step at the position, ``None`` if it did not fail.
        stopped: Why the last run ended, in words.
        stop_asked: Whether a run has to end after the current dispatch. Any thread may set it.
    """

    def __init__(self, timeline: Timeline, state: TrainState | None = None) -> None:
        self.timeline = timeline
        self.position = timeline.begin
        self.error: BaseException | None = None
        self.stopped = ""
        self.stop_asked = False
        self._state = state

    def state(self) -> TrainState:
        """Return the state at the position. Read only."""
        if self._state is None:
            self._state = self.timeline.state_at(self.position)
        return self._state

    def forward(self, count: int) -> None:
        """Do steps. If a step fails, the position is before it, and :attr:`error` holds the error."""
        after, self._state = self.state(), None
        self.error = None
        try:
            for state, position in self.timeline.advance(after, self.position, count):
                after, self.position = state, position
        except Exception as error:
            self.error = error
            raise
        self._state = after

    def jump(self, position: int) -> None:
        """Go back or ahead to a position, or to the end of the data if they end before it."""
        at = self.timeline.snapshots.nearest(self.timeline.name, min(position, self.timeline.head))
        if position < self.position:
            self._state, self.position = self.timeline.state_at(position, trail=True), position
            self.error = None
            return
        if at > self.position:
            self._state, self.position = self.timeline.state_at(at), at
        if position > self.position:
            self.forward(position - self.position)
        self.error = None

    def moving(self, position: int) -> Iterator[int]:
        """Go to a position and yield the current position after each slice, until a stop is asked for."""
        self.stop_asked, self.stopped = False, ""
        if position < self.position:
            self.jump(self.timeline.snapshots.nearest(self.timeline.name, position))
        while self.position < position:
            if self.stop_asked:
                self.stopped = "Stopped."
                return
            before = self.position
            self.forward(min(position - self.position, self.timeline.pace(self.position)))
            if self.position == before:
                self.stopped = "The data have ended."
                return
            yield self.position
