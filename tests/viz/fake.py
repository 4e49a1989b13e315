"""A training that only looks like one: it drives a display as `fit` does, with curves from a formula."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from kernelkit.metrics import Mean
from kernelkit.training.control import Control
from kernelkit.viz.curves import LivePanel


class DeviceArray:
    """An array whose values are known only after a while, as a jax array's."""

    def __init__(self, values: np.ndarray, ready_at: float = 0.0):
        self.values, self.ready_at, self.fetched = values, ready_at, 0

    def is_ready(self) -> bool:
        return time.perf_counter() >= self.ready_at

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        self.fetched += 1
        return self.values


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeOutput:
    """An output that keeps what it is given."""

    def __init__(self, live: bool = True):
        self.live = live
        self.messages: list[tuple[dict, bytes]] = []
        self.times: list[float] = []
        self.clock = Clock()
        self.picture = None
        self.last = None

    def open(self, title, receive):
        self.title, self.receive = title, receive

    def send(self, content, buffer):
        assert self.live
        content = json.loads(json.dumps(content, allow_nan=False))
        assert len(json.dumps(content)) + len(buffer) <= 64 << 10
        self.messages.append((content, buffer))
        self.times.append(self.clock())

    def close(self, picture, content, buffer):
        self.picture, self.last = picture, (content, buffer)


class StillPanel(LivePanel):
    """A panel without a thread, whose clock is its output's: it ticks each time that it is told something."""

    def __init__(self, output):
        super().__init__(output, output.clock, ticks=False)

    def steps(self, block):
        super().steps(block)
        self.tick()

    def epoch_end(self, epoch, logs):
        super().epoch_end(epoch, logs)
        self.tick()


@dataclass
class Block:
    first: int
    count: int
    epoch: int
    step: int
    logs: dict


@dataclass
class Run:
    """What a display is told of a training."""

    name: str = "fake_mlp"
    epochs: int = 5
    initial_epoch: int = 0
    steps: int | None = 200
    batch_size: int = 32
    metrics: list = field(default_factory=list)
    rate: float | None = 1e-3
    control: Control = field(default_factory=Control)
    stopping: bool = False

    def __post_init__(self) -> None:
        self.history = SimpleNamespace(history={}, epoch=[], model=SimpleNamespace(name=self.name))
        rate = None if self.rate is None else Rate(self.rate)
        metrics = [Mean(name="loss"), Mean(name="accuracy")]
        self.model = SimpleNamespace(name=self.name, optimizer=Optimizer(rate), stop_training=False, metrics=metrics)
        self.model.save = lambda path: None

    def stop(self) -> None:
        self.stopping = self.model.stop_training = True


class Rate(float):
    """A learning rate that can be set, as a Variable is."""

    assign = True


class Optimizer(SimpleNamespace):
    """An optimizer that is nothing but its learning rate."""

    def __init__(self, rate):
        self.learning_rate = rate


def curves(first: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Loss and accuracy of some steps: falling, noisy, with a spike now and then."""
    rng = np.random.default_rng([seed, first])
    step = first + np.arange(count)
    loss = 2.2 * np.exp(-step / 400) + 0.12 + rng.normal(0, 0.04, count) * (1 + 2 * np.exp(-step / 300))
    loss += (rng.random(count) < 0.004) * 0.8
    return loss.astype(np.float32), (1 - loss / 2.6 - 0.02).astype(np.float32)


class Means:
    """Loss and accuracy of an epoch so far, as training reports them: means over its batches."""

    def __init__(self):
        self.sums, self.count = np.zeros(2), 0

    def after(self, first: int, count: int) -> np.ndarray:
        """Means after each of some steps: (2, count)."""
        sums = self.sums[:, None] + np.cumsum(curves(first, count), axis=1)
        self.sums, numbers = sums[:, -1], self.count + np.arange(1, count + 1)
        self.count += count
        return (sums / numbers).astype(np.float32)


def train(
    display,
    run: Run | None = None,
    pause: float = 0.0,
    block: int = 10,
    fail_at: int | None = None,
    slow_until: str | None = None,
    **changes,
):
    """Drive a display through a whole training; returns its run.

    Args:
        display: the Display.
        run: Run; made from `changes` when left out.
        pause: seconds that each block of steps takes.
        block: steps in one dispatch.
        fail_at: the step at which training raises.
        slow_until: a file; `pause` counts until there is one, so that a training lasts as long as somebody looks at it.
    """
    run = run or Run(**changes)
    steps = run.steps or 100
    outcome, error = "done", None
    display.begin(run)
    try:
        for epoch in range(run.initial_epoch, run.epochs):
            _epoch(display, run, epoch, steps, block, pause, fail_at, slow_until)
            run.control.epoch_ended(run)
            if run.stopping:
                outcome = "stopped"
                break
    except KeyboardInterrupt as interrupt:
        outcome, error = "interrupted", interrupt
    except BaseException as failure:
        outcome, error = "failed", failure
        raise
    finally:
        display.end(outcome, error)
    return run


def _epoch(display, run: Run, epoch: int, steps: int, block: int, pause: float, fail_at, slow_until) -> None:
    display.epoch_begin(epoch)
    start = (epoch - run.initial_epoch) * steps
    step, means = 0, Means()
    while step < steps:
        count = min(run.control.limit(block), steps - step)
        pause = 0.0 if slow_until and Path(slow_until).exists() else pause
        if fail_at is not None and start + step >= fail_at:
            raise ValueError(f"loss is NaN at step {start + step}")
        loss, accuracy = means.after(start + step, count)
        ready = time.perf_counter() + pause
        padded = np.concatenate([loss, np.full(3, 99.0, np.float32)])  # a log buffer may be longer than its block
        logs = {"loss": DeviceArray(padded, ready), "accuracy": DeviceArray(accuracy, ready)}
        display.steps(Block(start + step, count, epoch, step, logs))
        time.sleep(pause)
        step += count
        run.control.checkpoint(run, start + step)
        if run.stopping:
            break
    loss, accuracy = (float(mean) for mean in means.sums / max(means.count, 1))
    worse = 0.05 + 0.012 * abs(epoch - run.epochs * 0.6)
    logs = {"loss": loss, "accuracy": accuracy, "val_loss": loss + worse, "val_accuracy": accuracy - worse / 2}
    run.history.epoch.append(epoch)
    for name, value in logs.items():
        run.history.history.setdefault(name, []).append(value)
    display.epoch_end(epoch, logs)
