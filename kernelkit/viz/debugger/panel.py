"""`DebuggerPanel`: handles the requests of pages one by one when the kernel is free, and sends all pages the state."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from kernelkit.progress import Progress
from kernelkit.viz.cards.walk import Graph
from kernelkit.viz.debugger.colored import Coloring
from kernelkit.viz.debugger.detail import layer_message
from kernelkit.viz.debugger.message import Message, Seen, branch_name, clipped, state_message, table_message
from kernelkit.viz.debugger.requests import MOST_STEPS, Request, checked, sender
from kernelkit.viz.debugger.samples import batch_message

INTERVAL = 0.2
"""Seconds between two messages during a run."""
GAP = 0.005
"""Seconds between two slices of a run. Clicks arrive in this gap."""
QUICK = 0.05
"""If a look takes less than these seconds, the next look happens at once."""
MOST_WAITING = 100
"""Maximum number of waiting requests. Further requests are refused with a message."""
MOST_BRANCHES = 32
MOST_BREAKPOINTS = 50
SLICED = 64
"""A move of at least this many steps runs in slices, so that a stop request can end it."""
PAGES = 16

CONDITIONS: dict[str, Callable[[Any, float], bool]] = {
    "loss below": lambda s, value: s.loss < value,
    "loss above": lambda s, value: s.loss > value,
    "loss above its mean, times": lambda s, value: s.loss > value * s.mean_loss,
    "gradient norm above": lambda s, value: s.gradient_norm > value,
    "step": lambda s, value: s.step >= value,
}
"""Conditions that a page can choose for one run."""


class DebuggerPanel:
    """Handles the requests of pages for a debugger and its forks, and sends the pages what they show.

    Clicks may arrive on any thread. They wait in a queue. The kernel's main thread handles them in order, when no cell
    runs there, so no click is lost. A run is cut into slices; between slices the kernel is free. Only a stop request
    skips the queue.

    Args:
        dbg: A `StepDebugger` or a `Replay`.
        send: Sends a message to all pages.
        later: Calls a function on the kernel's main thread after a number of seconds. May be called from any thread.
        changed: Called when the static picture is out of date.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        dbg: Any,
        send: Callable[[dict[str, Any], bytes], None],
        later: Callable[[float, Callable[[], None]], None],
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.dbg = dbg
        self._send_out = send
        self._later = later
        self._changed = changed
        self._clock = clock
        self._queue: deque[Request] = deque()
        self._lock = threading.Lock()
        self._run: Iterator[int] | None = None
        self._slices = 0
        self._seen = Seen()
        self._listened: set[int] = set()
        self._handled: dict[str, int] = {}
        self._watched = False
        self._notice = ""
        self._sequence = 0
        self._sent = -float("inf")
        self._looked: tuple[Any, ...] | None = None
        self._look_time = 0.0
        self._waiting: set[str] = set()
        self._handling = False
        self._layer, self._sample = "", 0
        self._explained: tuple[Any, ...] | None = None
        self._extra: dict[str, Message] = {}
        self._coloring: Coloring | None = None
        self._listen()

    def receive(self, content: Any) -> None:
        """Queue a request of a page, from any thread. An invalid request gets an error message on the page."""
        try:
            request = checked(content)
        except ValueError as error:
            self._refuse(sender(content), str(error))
            return
        kind = request["kind"]
        if kind == "stop" and self._run is None and hasattr(self.dbg, "stop"):
            self.dbg.stop()  # a run that a cell started
        with self._lock:
            if kind in ("ready", "stop", "layer"):  # the newest request replaces the older ones
                for waiting in [one for one in self._queue if one["kind"] == kind]:
                    self._queue.remove(waiting)
                    self._note_handled(waiting)
            too_many = len(self._queue) >= MOST_WAITING and kind != "stop"
            if not too_many:
                self._queue.append(request)
        if too_many:
            self._refuse(request, f"{MOST_WAITING} clicks are waiting already. More clicks are dropped until then.")
            return
        self._once("drain", 0, self._drain)

    def _refuse(self, request: Request, why: str) -> None:
        """Tell the pages why a request is refused."""
        self._notice, self._watched = clipped(why, 1000), True
        with self._lock:
            self._note_handled(request)
        self._once("refuse", 0, self._send_state)

    @property
    def running(self) -> bool:
        """Whether a run that a page requested is active."""
        return self._run is not None

    @property
    def looked(self) -> bool:
        """Whether a look into the step shown exists already, so that another look is free."""
        return self._looked == self._here()

    # Doing ------------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Handle the next request."""
        with self._lock:
            if self._run is not None or not self._queue:
                return
            event = self._queue.popleft()
        self._watched = True
        if event.get("kind") != "ready":
            self._notice = ""
        self._guarded(partial(self._handle, event))
        self._note_handled(event)
        if self._run is None:
            self._show()
        if self._queue:
            self._once("drain", 0, self._drain)

    def _note_handled(self, event: Request) -> None:
        """Remember each page's last handled request, so that the page knows which requests are pending."""
        page, number = event.get("page"), event.get("id")
        if isinstance(page, str) and isinstance(number, int):
            self._handled[page] = max(number, self._handled.pop(page, 0))
            while len(self._handled) > PAGES:
                del self._handled[next(iter(self._handled))]

    def _guarded(self, job: Callable[[], None]) -> None:
        """Call ``job`` and show its error, if any, on the page."""
        self._handling = True
        try:
            job()
        except Exception as error:
            self._notice = clipped(f"{type(error).__name__}: {error}", 1000)
        finally:
            self._handling = False

    def _handle(self, event: Request) -> None:
        kind, dbg = event.get("kind"), self.dbg
        if kind == "step":
            self._move(dbg.position + event.get("count", 1), lambda: dbg.step(event.get("count", 1)))
        elif kind == "back":
            count = event.get("count", 1)
            self._move(max(dbg.state()["begin"], dbg.position - count), lambda: dbg.back(count))
        elif kind == "goto":
            self._move(event["position"], lambda: dbg.goto(event["position"]))
        elif kind == "run":
            self._begin(dbg.running(epochs=1))
        elif kind == "run to":
            self._begin(dbg.running(until=condition(event), epochs=event.get("epochs", 10)))
        elif kind == "break":
            if len(dbg.breakpoints) >= MOST_BREAKPOINTS:
                raise ValueError(f"There are {MOST_BREAKPOINTS} breakpoints already: remove some first.")
            dbg.break_on(event["on"], event.get("above"))
        elif kind == "clear":
            dbg.clear(event["number"])
        elif kind == "enable":
            for point in dbg.breakpoints:
                point.enabled = event["on"] if point.number == event["number"] else point.enabled
        elif kind == "fork":
            self._fork(float(event["learning_rate"]))
        elif kind == "branch":
            self.dbg = self._named(event)
        elif kind == "compare":
            self._extra["comparison"] = comparison_message(dbg, self._named(event))
            self._tell("comparison")
        elif kind == "layer":
            self._layer, self._sample = event.get("layer", ""), event.get("sample", self._sample)
            self._tell_layer()
        elif kind == "explain":
            self._explain()
        elif kind == "graph":
            self._open_graph()
        elif kind == "ready":
            self._looked = None
            for name in self._extra:
                self._tell(name)

    def _move(self, position: int, at_once: Callable[[], Any]) -> None:
        """Go to a position: at once if it is near, else in slices, which a stop request can end."""
        dbg = self.dbg
        if abs(position - dbg.position) > MOST_STEPS:
            raise ValueError(f"One click moves at most {MOST_STEPS:,} steps; {dbg.position} to {position} is more.")
        if abs(position - dbg.position) < SLICED or not hasattr(dbg, "moving"):
            at_once()
        else:
            self._begin(dbg.moving(position))

    def _fork(self, rate: float) -> None:
        if len(getattr(self.dbg, "family", [])) >= MOST_BRANCHES:
            raise ValueError(f"There are {MOST_BRANCHES} branches already: for more, call dbg.fork() in a cell.")
        fork = self.dbg.fork(learning_rate=rate)
        for point in self.dbg.breakpoints:
            fork.break_on(point.kind, None if callable(point.kind) or point.kind == "nan" else point.above)
        self.dbg = fork

    def _open_graph(self) -> None:
        """Open the model's graph. The page shows it beside the layers, and each look colors it."""
        if self._coloring is None:
            graph = Graph(self.dbg.timeline.steps.model)
            graph.offer_time(lambda: self._once("time", 0, self._measure_time))
            graph.open()
            self._coloring = Coloring(graph)
        self._color()

    def _measure_time(self) -> None:
        if self._coloring is not None:
            self._coloring.measure_time(self.dbg)

    def _color(self) -> None:
        if self._coloring is not None and hasattr(self.dbg, "timeline"):
            self._coloring.look(self.dbg)

    def _named(self, event: Request) -> Any:
        for one in getattr(self.dbg, "family", [self.dbg]):
            if branch_name(one) == event.get("name"):
                return one
        raise ValueError(f"There is no branch {event.get('name')!r}.")

    def _begin(self, run: Iterator[int]) -> None:
        self._run, self._slices = run, 0
        self._later(0, self._slice)
        self._send_state()

    def _slice(self) -> None:
        """Run for about 50 ms, then give the kernel back for other events."""
        run = self._run
        if run is None:
            return
        # A run clears old stop requests in its first slice, so it can be stopped from the second slice on.
        with self._lock:
            stops = [e for e in self._queue if e["kind"] == "stop" and self._slices]
            for event in stops:
                self._queue.remove(event)
                self._note_handled(event)
        if stops:
            self.dbg.stop()
        self._slices += 1
        try:
            next(run)
            ended = False
        except StopIteration:
            ended = True
        except Exception as error:
            self._notice, ended = clipped(f"{type(error).__name__}: {error}", 1000), True
        if not ended:
            self._later(GAP, self._slice)
            return
        self._run = None
        self._show()
        if self._queue:
            self._once("drain", 0, self._drain)

    # Sending ----------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        for one in getattr(self.dbg, "family", [self.dbg]):
            if id(one) not in self._listened:
                self._listened.add(id(one))
                one.subscribe(self._on_change)

    def _on_change(self, kind: str) -> None:
        """React to a change of a debugger, made by this panel, by another panel or by a cell."""
        if kind == "forked":
            self._listen()
        if self._watched and not self._handling and self._clock() - self._sent >= INTERVAL:
            self._send_state()
        if self._run is None and not self._handling:
            self._once("show", 0, self._show)

    def _once(self, name: str, seconds: float, job: Callable[[], None]) -> None:
        """Schedule a job, unless it is scheduled already."""
        if name not in self._waiting:
            self._waiting.add(name)
            self._later(seconds, partial(self._due, name, job))

    def _due(self, name: str, job: Callable[[], None]) -> None:
        self._waiting.discard(name)
        self._guarded(job)

    def _show(self) -> None:
        """Send all pages the debugger's position. The look into the step follows when the queue is empty."""
        self._changed()
        if not self._watched:
            return
        self._send_state()
        if not self.looked:
            self._once("look", 0 if self._look_time < QUICK else 0.1, self._look)

    def _here(self) -> tuple[Any, ...]:
        return branch_name(self.dbg), self.dbg.position, getattr(self.dbg, "error", None)

    def _look(self) -> None:
        if self._run is not None or self._queue:
            return  # the look follows when the run or the queue ends
        began, self._looked = self._clock(), self._here()
        try:
            with Progress("debugger", silent=True):  # the page tells of the first look by itself
                table = self.dbg.table()
            self._send_look(*table_message(self.dbg, table, self._seen))
            self._send_look(*batch_message(self.dbg))
            self._color()
        except Exception as error:  # the data end, the step fails, or the recording does not hold it
            self._send_look({"kind": "blind", "why": clipped(error, 1000)}, b"")
            table = None
        self._look_time = self._clock() - began
        self._tell_layer()
        if self._broke(table) and hasattr(self.dbg, "explain"):
            self._once("explain", 0, partial(self._guarded, self._explain))

    def _broke(self, table: Any) -> bool:
        """Return whether the step shown has an error or NaN that was not explained yet."""
        finite = all(isinstance(v, float) for v in self.dbg.state()["logs"].values())
        bad = getattr(self.dbg, "error", None) is not None or not finite
        bad = bad or (table is not None and any(r["nan"] or r["inf"] for r in table.rows))
        return bad and self._explained != self._here()

    def _explain(self) -> None:
        self._explained = self._here()
        found = self.dbg.explain()
        self._extra["explanation"] = (
            {
                "kind": "explanation",
                "branch": branch_name(self.dbg),
                "position": self.dbg.position,
                "found": found.kind,
                "title": clipped(found.title, 500),
                "step": found.step,
                "layer": clipped(found.layer),
                "where": clipped(found.where, 500),
                "evidence": [clipped(line, 500) for line in found.evidence[:10]],
                "advice": [clipped(line, 500) for line in found.advice[:10]],
            },
            b"",
        )
        self._tell("explanation")

    def _tell_layer(self) -> None:
        if self._layer:
            self._send_look(*layer_message(self.dbg, self._layer, self._sample))

    def _tell(self, name: str) -> None:
        self._send(*self._extra[name])

    def _send_look(self, content: dict[str, Any], buffer: bytes) -> None:
        self._send(content | {"branch": branch_name(self.dbg), "position": self.dbg.position}, buffer)

    def _send_state(self) -> None:
        self._sent = self._clock()
        content, buffer = state_message(self.dbg)
        content |= {"running": self.running, "notice": self._notice, "handled": dict(self._handled)}
        content |= {"layer": clipped(self._layer), "sample": self._sample, "conditions": list(CONDITIONS)}
        if self._coloring is not None:
            content["graph"] = self._coloring.graph.key
        self._send(content, buffer)

    def _send(self, content: dict[str, Any], buffer: bytes) -> None:
        if self._watched:
            self._sequence += 1
            self._send_out(content | {"sequence": self._sequence}, buffer)


def condition(event: Request) -> Callable[[Any], bool]:
    """Return the stop condition ``(moment) -> bool`` of a page's request."""
    what, value = str(event["what"]), float(event["value"])
    if what not in CONDITIONS:
        raise ValueError(f"There is no condition {what!r}; there are {list(CONDITIONS)}.")
    holds = CONDITIONS[what]

    def until(moment: Any) -> bool:
        return holds(moment, value)

    until.__name__ = f"{what} {value:g}"
    return until


def comparison_message(dbg: Any, other: Any) -> Message:
    """Return the step at which two branches part, and the weights that differ most."""
    found = dbg.compare(other)
    return {
        "kind": "comparison",
        "names": [clipped(name) for name in found.names],
        "begin": found.begin,
        "end": found.end,
        "first_step": found.first_step,
        "weights": [
            {"path": clipped(row["path"]), "distance": float(f"{row['distance']:.4g}")} for row in found.weights[:12]
        ],
    }, b""
