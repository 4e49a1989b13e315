"""`StepClock`: the rate of a training's steps, and the time left. Compiling, validation and pauses are left out."""

from __future__ import annotations

FEW_STEPS = 10
"""Smallest number of steps for a rate, unless they took `SLOW` seconds."""
SLOW = 3.0
SHORT = 1.0
"""Seconds of steps before the remaining time is shown."""


class StepClock:
    """Measures the rate of steps from the times at which their end is observed.

    Times are seconds of any clock. Between `rest` and `go_on` no training step runs.

    Example:
        >>> clock = StepClock()
        >>> clock.start(10.0, steps=5, compiled=2.0)
        >>> clock.see(18.0, steps=25, compiled=6.0)  # 4 of the 8 seconds went into compiling
        >>> clock.rate()
        5.0
    """

    def __init__(self) -> None:
        self._start: tuple[float, int, float] | None = None
        self._now = (0.0, 0, 0.0)
        self._rested = 0.0
        self._resting: float | None = None
        self._epochs: list[tuple[float, int]] = []

    def start(self, now: float, steps: int, compiled: float) -> None:
        """Start the measurement.

        Args:
            now: The time.
            steps: Number of steps done.
            compiled: Seconds spent compiling so far.
        """
        self._start = self._now = (now, steps, compiled)
        self._rested = 0.0

    def see(self, now: float, steps: int, compiled: float) -> None:
        """Record the number of finished steps; arguments as for `start`."""
        if self._start is not None and (self._resting is None or steps != self._now[1]):
            self._now = (now if self._resting is None else self._resting, steps, compiled)

    def rest(self, now: float) -> None:
        """Record that no step runs from now on."""
        if self._resting is None:
            self._resting = now

    def go_on(self, now: float) -> None:
        """Record that steps run again."""
        if self._resting is not None:
            self._rested += now - self._resting
            self._resting = None

    def epoch(self, now: float, steps: int) -> None:
        """Record the end of an epoch, including its validation."""
        self._epochs.append((now, steps))

    def rate(self) -> float | None:
        """Return the steps per second, None after too few steps."""
        steps, seconds = self._measured()
        enough = steps >= FEW_STEPS or seconds >= SLOW
        return steps / seconds if enough and steps > 0 and seconds > 0 else None

    def left(self, steps: int, steps_per_epoch: int | None) -> float | None:
        """Return the estimated seconds for a number of steps with their validations, None if not known yet."""
        if len(self._epochs) >= 3 and steps_per_epoch:
            # The first epoch's validation was compiled.
            (begin, _), (end, _) = self._epochs[1], self._epochs[-1]
            per_epoch = (end - begin) / (len(self._epochs) - 2)
            return steps / steps_per_epoch * per_epoch
        rate = self.rate()
        return None if rate is None or self._measured()[1] < SHORT else steps / rate

    def _measured(self) -> tuple[int, float]:
        """Return the steps since `start`, and the seconds in which they ran."""
        if self._start is None:
            return 0, 0.0
        (begin, before, compiled), (now, steps, compiled_now) = self._start, self._now
        return steps - before, now - begin - self._rested - (compiled_now - compiled)
