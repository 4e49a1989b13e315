"""`LivePanel`: the live panel of a training. It sends at most eight updates per second."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kernelkit.tracebacks import users_level
from kernelkit.training.control import Event
from kernelkit.training.display import Display
from kernelkit.training.history import is_curve
from kernelkit.viz.curves.asking import ACTIONS, ask, known_names, possible_actions
from kernelkit.viz.curves.batches import BatchValues, means_of
from kernelkit.viz.curves.bundle import mark_as_shown
from kernelkit.viz.curves.chart import Picture, charts_of_store, together
from kernelkit.viz.curves.clock import StepClock
from kernelkit.viz.curves.earlier import kind_of, recall, remember
from kernelkit.viz.curves.endings import Ending, ending_of, ending_so_far
from kernelkit.viz.curves.facts import compile_time, describe, device, device_memory, learning_rate, metric_names
from kernelkit.viz.curves.message import MAX_SERIES, Cursor, encode_curves, json_number, json_numbers
from kernelkit.viz.curves.output import NotebookOutput, Output
from kernelkit.viz.curves.rates import Rates
from kernelkit.viz.curves.runs import runs
from kernelkit.viz.curves.store import LEARNING_RATE, RATE_NAMES, CurveStore, differ
from kernelkit.viz.curves.ticker import Ticker
from kernelkit.viz.curves.told import Fetched, Told, joined
from kernelkit.viz.host.jupyter import execution_count

INTERVAL = 1 / 8
"""Seconds between updates."""
KEYFRAME = 10.0
"""Seconds between complete updates, for pages that lost messages and cannot ask for them."""
ACKNOWLEDGE_INTERVAL = 0.05
"""Minimum seconds between the last message and an extra message that answers a click."""
REPLY_INTERVAL = 0.1
"""Minimum seconds between complete answers during training. Earlier questions share the next update."""
LONGEST_NONCE = 64
"""Maximum letters of the nonce by which a page recognizes the answer to its question."""


class LivePanel(Display):
    """Shows a running training in a notebook; a `kernelkit.training.display.Display`.

    The training thread calls `begin`, `steps`, `epoch_begin`, `epoch_end` and `end`. Between `begin` and `end` it only
    appends to a queue. The panel's own thread calls `tick`, which fetches the logs that are computed already and sends
    the new values. A lock guards the curves and the sending, so messages keep their order. Messages have a sequence
    number: a page that missed one asks for a complete update.

    Args:
        output: The output that shows the panel. Default: the current cell of the notebook.
        clock: Returns the time in seconds.
        ticks: Whether a thread calls `tick`. If not, the caller must call it.
    """

    def __init__(
        self, output: Output | None = None, clock: Callable[[], float] = time.perf_counter, ticks: bool = True
    ):
        self.output: Output = NotebookOutput() if output is None else output
        self.store = CurveStore()
        self._clock = clock
        self._ticker = Ticker(self.tick, INTERVAL) if ticks else None
        self._lock = threading.RLock()
        self._run: Any = None
        self._batches = BatchValues(set())
        self._told = Told()
        self._news = False
        self._facts: dict[str, Any] = {}
        self._saving = False
        self._cursor: Cursor | None = None
        self._sequence = 0
        self._sent = self._sent_full = -float("inf")
        self._steps_done = 0
        self._whole: int | None = None
        self._cut = False
        self._started = 0.0
        self._pace = StepClock()
        self._began = False
        self._rates: Rates | None = None
        self._rate: float | None = None
        self._rate_read: float | None = None
        self._kind: tuple[Any, str] = ((), "")
        self._ending = Ending("", "")
        self._cell: int | None = None
        self._earlier: list[dict[str, Any]] = []

    def begin(self, run: Any) -> None:
        """Show the panel."""
        self._run = run
        self._cell = execution_count()  # a training in the background may end in a later cell
        self._started = self._clock()
        self._rates, self._kind = Rates(run.model), kind_of(run.model)
        self._rate = self._rate_read = self._rates.read()
        self._facts = {
            "id": uuid.uuid4().hex,
            "name": str(run.name),
            "device": device(getattr(run, "distribution", None)),
            "state": "preparing",
            "epochs": run.epochs,
            "first_epoch": run.initial_epoch,
            "epoch": run.initial_epoch,
            "steps": run.steps,
            "step": 0,
            "answered": [],
            "elapsed": None,
            "rate": None,
            "error": None,
            "notice": None,
            "memory": None,
            "can": possible_actions(run.model),
            "learning_rate": self._rate if self._rates.schedule is None else None,
            "validating": None,
            "together": [],
        }
        run.control.subscribe(self._on_control)
        self.output.open(self._facts["name"], self._receive)
        with self._lock:
            self._show()

    def epoch_begin(self, epoch: int) -> None:
        """Store the number of the current epoch."""
        # Not in `begin`: an interrupt between `begin` and the first epoch does not lead to `end`.
        if self._ticker is not None:
            self._ticker.start()
        self._pace.go_on(self._clock())
        self._whole = self._run.steps
        self._told.add(lambda: self._facts.update(epoch=epoch, step=0, validating=None))
        self._notice_rate()  # no step is under way

    def steps(self, block: Any) -> None:
        """Queue a block of steps. Its logs stay on the device until a tick finds them computed."""
        if getattr(self._run, "one_by_one", False):
            self._notice_rate()  # a callback may have set it for this step
        self._told.add(block)

    def validating(self, done: int, total: int | None) -> None:
        """Store how far the validation is."""
        self._pace.rest(self._clock())
        self._told.add(lambda: self._facts.update(validating=[done, total]))

    def _notice_rate(self) -> None:
        assert self._rates is not None
        rate = self._rates.read()
        if rate is not None and differ(rate, self._rate_read if self._rate_read is not None else rate):
            self._told.add(partial(self._set_rate, rate, False))
        self._rate_read = rate

    def _set_rate(self, rate: float, by_hand: bool) -> None:
        self._rate = rate
        self.store.note_rate(rate, by_hand)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Add an epoch's logs."""
        self._pace.rest(self._clock())
        logs = {name: value for name, value in logs.items() if is_curve([value])}
        if not any(name in logs for name in RATE_NAMES) and (rate := learning_rate(self._run)) is not None:
            logs[LEARNING_RATE] = rate
        self._notice_rate()
        steps, stopped = self._run.steps, getattr(self._run.model, "stop_training", False)
        if stopped and steps and self._whole and steps < self._whole:
            self._told.add(partial(self._cut_epoch, logs))
        else:
            self._told.add(partial(self._add_epoch, epoch + 1, logs, steps))

    def tick(self) -> None:
        """Fetch the computed logs and send the new values. May be called at any time from any thread."""
        with self._lock:
            if self._run is None or self._clock() - self._sent < INTERVAL:
                return
            self._collect()
            if self._news or self._clock() - self._sent_full >= KEYFRAME:
                self._show()

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """Show the final picture, however training ended."""
        if self._ticker is not None:
            self._ticker.close()
            if self._ticker.error is not None and error is None:
                text = f"The panel was not updated while training ran: {self._ticker.error!r}"
                warnings.warn(text, RuntimeWarning, stacklevel=users_level())
        with self._lock:
            # Logs of a failed computation cannot be fetched. The training raises the error itself.
            with contextlib.suppress(*[RuntimeError] * (error is not None)):
                self._collect(wait=outcome in ("done", "stopped"))
            run = self._run
            if outcome == "done":  # a paused training can be stopped, but not done
                self._pace.see(self._clock(), self._steps_done, compile_time(run))
            elapsed = self._clock() - self._started
            self._facts |= {"state": outcome, "error": describe(error), "elapsed": elapsed, "notice": None}
            self._facts["validating"] = None
            self._run, done = None, self._facts["first_epoch"] + self.store.epoch_count
            self._ending = ending_of(outcome, error, run, done, self._steps_done, self.store.broken, self._cut)
            content, buffer = self._message(full=True)
            if self.output.live:
                self.output.send(content, buffer)
            picture = self.picture()
            mark_as_shown(run.history, self._cell)
            self._told.clear()
            remember(self.store, self._facts["first_epoch"], self._facts["name"], self._kind)
            self._keep(run, elapsed)
        self.output.close(picture, content, buffer)

    def _keep(self, run: Any, elapsed: float) -> None:
        """Add the training to the table of runs."""
        history = run.history
        logs = {str(log): [float(v) for v in values] for log, values in history.history.items() if is_curve(values)}
        if logs:
            config = {"model": str(getattr(run.model, "name", "")), "loss": self._kind[1]}
            config |= {"optimizer": str(repr(run.model.optimizer))[:80], "batch_size": run.batch_size}
            runs().add(self._facts["name"], config, self._ending.word or "done", elapsed, list(history.epoch), logs)

    def picture(self) -> Picture:
        """Return the current curves as a picture."""
        facts = self._facts
        done = self.store.epoch_count
        seconds = self._elapsed(self._clock())
        steps = f"{self._steps_done:,} step" + "s" * (self._steps_done != 1)
        texts = [self._ending.word or facts["state"], f"{done} epoch" + "s" * (done != 1), steps, f"{seconds:.1f} s"]
        charts = charts_of_store(self.store, facts["first_epoch"], facts["steps"], self._batches.names)
        charts = together(charts, facts["together"])
        return Picture(facts["name"], charts, tuple(texts), self._ending.text, self._ending.kind)

    def _receive(self, content: Any) -> None:
        """Handle a message from a page, valid or not. Runs on a kernel thread during training."""
        if not isinstance(content, dict) or not isinstance(kind := content.get("kind"), str):
            return
        if kind == "ready":
            nonce = content.get("nonce")
            self._answer(nonce if isinstance(nonce, str) and len(nonce) <= LONGEST_NONCE else None)
        elif kind == "together" and self._facts:
            self._share(content.get("value"))
        elif kind in ACTIONS and (run := self._run) is not None:
            wrong = self._ask(run.control, kind, content.get("value"))
            with self._lock:
                self._facts["notice"] = wrong or self._facts["notice"]
                if self.output.live and self._clock() - self._sent >= ACKNOWLEDGE_INTERVAL:
                    self._send(full=False)

    def _share(self, names: Any) -> None:
        """Draw metrics in one chart. After the end of training, the static picture is made again."""
        with self._lock:
            before = self._facts["together"]
            self._facts["together"] = known_names(names, self.store.metrics())
            if self._run is None and self._facts["together"] != before:
                self.output.close(self.picture(), *self._message(full=True))

    def _ask(self, control: Any, action: str, value: Any) -> str | None:
        """Pass a page's request to the control. Return its problem in words, or None."""
        if action == "save":
            # Writing a file takes seconds: clicks during that time mean the same file.
            if self._saving:
                return "The checkpoint is being saved already."
            self._saving = True
        return ask(control, action, value)

    def _on_control(self, event: Event) -> None:
        """Store an action of the control. Runs on the training thread."""
        with self._lock:
            self._saving = self._saving and event.kind not in ("saved", "refused")
            self._facts["notice"] = event.text
            if event.kind == "paused":
                self._collect(wait=True)
                self._pace.rest(self._clock())
            elif event.kind == "resumed":
                self._pace.go_on(self._clock())
            elif event.kind == "learning_rate":
                self._rate_read = self._rates.read() if self._rates is not None else event.value
                self._told.add(partial(self._set_rate, event.value, True))
            self._collect()
            self._show()

    def _answer(self, nonce: Any) -> None:
        with self._lock:
            running = self._run is not None
            self._facts["answered"] = [*self._facts["answered"][-15:], nonce]
            moving = running and self._run.control.state != "paused"
            if moving and self._clock() - self._sent_full < REPLY_INTERVAL:
                self._cursor = None
            else:
                self._send(full=True)

    def _show(self) -> None:
        """Send the new values, and from time to time a complete update."""
        if self.output.live:
            self._send(full=self._clock() - self._sent_full >= KEYFRAME)
        else:
            self._sent = self._clock()

    def _send(self, full: bool) -> None:
        self.output.send(*self._message(full))

    def _message(self, full: bool) -> tuple[dict[str, Any], bytes]:
        """Return the next message: the facts, and the new values of the curves (all values if `full`)."""
        now = self._clock()
        full = full or self._cursor is None
        curves, buffer, self._cursor = encode_curves(self.store, None if full else self._cursor)
        self._sequence += 1
        self._news = False
        self._sent = now
        self._sent_full = now if full else self._sent_full
        content = {"kind": "update", "run": 0, "runs": 1, "sequence": self._sequence, "full": full, "curves": curves}
        if full:
            content["earlier"] = self._earlier
        return content | {"facts": self._describe_progress(now, full)}, buffer

    def _describe_progress(self, now: float, full: bool) -> dict[str, Any]:
        store, facts = self.store, self._facts
        if self._run is not None and self._began:
            facts["state"] = self._run.control.state
            facts["stops_after"] = self._run.control.stops_after
        if self._run is not None:
            self._pace.see(now, self._steps_done, compile_time(self._run))
        facts["rate"] = self._pace.rate()
        if full:
            facts["memory"] = device_memory()
        total = facts["steps"] and facts["steps"] * (facts["epochs"] - facts["first_epoch"])
        ending = self._ending if self._run is None else ending_so_far(store.broken)
        return facts | {
            "done": self._steps_done,
            "total": total,
            "eta": self._pace.left(total - self._steps_done, facts["steps"]) if total else None,
            "compiling": getattr(self._run, "preparing_since", None) is not None,
            "ending": [ending.kind, ending.word, ending.text] if ending.kind else None,
            "broken": store.broken,
            "marks": [[step, rate] for step, rate in store.shown_marks()],
            "metrics": store.metrics()[:MAX_SERIES],
            "log": store.log_metrics(),
            "elapsed": self._elapsed(now),
            "latest": json_numbers(store.latest),
            "best": {name: [epoch, json_number(value)] for name, (epoch, value) in store.best.items()},
            "rate_changes": store.rate_changes(),
            "per_batch": [name for name in store.steps if name in self._batches.names],
        }

    def _elapsed(self, now: float) -> float:
        ended = self._facts["elapsed"]
        return now - self._started if ended is None else ended

    def _collect(self, wait: bool = False) -> None:
        """Move computed logs from the device to the store. With `wait`, wait for all logs."""
        self._news |= self._told.take(self._add_steps, wait)

    def _add_steps(self, fetched: list[Fetched]) -> None:
        if not fetched:
            return
        if not self._began:
            self._batches = BatchValues(means_of(self._run.model))
            self.store.order = metric_names(self._run.model)
        for block, columns in joined(fetched):
            count = max((len(means) for means in columns.values()), default=0)
            for name, means in columns.items():
                if len(bad := np.flatnonzero(~np.isfinite(means))):
                    self.store.note_broken(name, block.first + int(bad[0]) + 1)
            self.store.add_steps(block.first, self._batches.split(block.step, columns) | self._rate_of(block, count))
            self.store.latest |= {name: float(means[-1]) for name, means in columns.items() if len(means)}
        last = fetched[-1][0]
        self._steps_done = last.first + last.count
        self._facts["step"] = last.step + last.count
        if not self._began:
            self._began = True
            self._earlier = recall(self._kind, self.store.metrics())
            self._cursor = None  # the next message is complete and includes them
            # The first dispatch includes work that is done once: start the clock of the step rate after it.
            self._pace.start(self._clock(), self._steps_done, compile_time(self._run))

    def _rate_of(self, block: Any, count: int) -> dict[str, np.ndarray]:
        """Return the learning rate of each step of a block, empty if it is unknown or logged by the model."""
        if self._rates is not None and self._rates.schedule is not None:
            return {LEARNING_RATE: self._rates.of_steps(block.first, count)}
        return {} if self._rate is None else {LEARNING_RATE: np.full(count, self._rate)}

    def _add_epoch(self, epoch: int, logs: dict[str, float], steps: int | None) -> None:
        self.store.add_epoch(epoch, logs, self._steps_done)
        self._pace.epoch(self._clock(), self._steps_done)
        self._facts |= {"epoch": epoch, "step": 0, "steps": steps}

    def _cut_epoch(self, logs: dict[str, float]) -> None:
        """Keep the newest values of an epoch that a stop cut short. It has no validation and no mean to compare."""
        self._cut = True
        self.store.latest |= logs
        self._pace.epoch(self._clock(), self._steps_done)
