"""The output of a running search: lines, or nothing. `panel` has the one for notebooks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from kernelkit.training.display import say
from kernelkit.tuner import results as tables
from kernelkit.tuner.picture import svg
from kernelkit.tuner.results import TrialResult
from kernelkit.viz.curves.bundle import DARK_STYLE

MOST_ROWS = 12
_STYLE = (
    ".kernelkit-search{font:13px/1.45 system-ui,sans-serif}.kernelkit-search table{margin:6px 0 0;font-size:12px}"
    ".kernelkit-search td,.kernelkit-search th{padding:2px 10px 2px 0;text-align:left!important;white-space:nowrap}"
    ".kernelkit-search td:last-child{white-space:normal;min-width:9em}"
    ".kernelkit-inline{display:block!important}.kernelkit-inline~.kernelkit-image{display:none}"
)


@dataclass(frozen=True)
class Snapshot:
    """A search at one moment.

    Attributes:
        objective: Name of the metric.
        way: ``"min"`` or ``"max"``.
        results: The trials.
        most: Number of trials of the whole search, ``None`` for no limit.
        state: ``"running"``, ``"stopping"``, ``"done"``, ``"stopped"``, ``"interrupted"`` or ``"failed"``.
        seconds: Duration of the search so far.
        planned: Planned epochs of each running trial, by its number.
        note: A sentence, such as why the search failed.
    """

    objective: str
    way: str
    results: list[TrialResult]
    most: int | None = None
    state: str = "done"
    seconds: float = 0.0
    planned: tuple[tuple[int, int], ...] = ()
    note: str = ""

    @property
    def best(self) -> TrialResult | None:
        """The best complete trial."""
        return next(iter(tables.best_first(self.results, self.way)), None)

    @property
    def running(self) -> list[int]:
        """Numbers of the trials that this search runs."""
        return [number for number, _ in self.planned]


def facts(snapshot: Snapshot) -> str:
    """Return the progress of a search as text.

    Example:
        >>> trials = [TrialResult(0, "complete", 0.25, {}, 5, 2.0), TrialResult(1, "failed", None, {}, 0, 0.1)]
        >>> facts(Snapshot("val_loss", "min", trials, most=10, seconds=2.1))
        '2 of 10 trials · 1 failed · best val_loss 0.25 (trial 0)'
    """
    done = [r for r in snapshot.results if tables.is_done(r)]
    most = "" if snapshot.most is None else f" of {snapshot.most}"
    parts = [f"{len(done)}{most} trial{'s' * (len(done) != 1 or bool(most))}"]
    parts += [f"{n} {state}" for state in ("pruned", "failed") if (n := sum(r.state == state for r in done))]
    if (best := snapshot.best) is not None:
        parts.append(f"best {snapshot.objective} {best.value:.4g} (trial {best.number})")
    return " · ".join(parts)


def rows(snapshot: Snapshot) -> list[list[str]]:
    """Return the table of a search: titles, running trials, best trials, and the newest other trials."""
    planned = dict(snapshot.planned)
    running = [r for r in snapshot.results if r.number in planned]
    ranked = tables.best_first(snapshot.results, snapshot.way)
    others = [r for r in reversed(snapshot.results) if r.state in ("pruned", "failed")]
    room = max(0, MOST_ROWS - len(running) - min(4, len(others)))
    shown = [*running, *ranked[:room]]
    shown += others[: max(0, MOST_ROWS - len(shown))]
    if not shown:
        return []
    found = tables.rows(shown, snapshot.objective)
    for row, result in zip(found[1:], shown, strict=True):
        if result.number in planned:
            row[1] = f"{result.curve[-1]:.4g}" if result.curve else ""
            total = planned[result.number]
            row[4] = ""
            row[3] = f"{len(result.curve)} of {total}" if total else str(len(result.curve))
    return found


def page(snapshot: Snapshot) -> str:
    """Return a search as an HTML fragment that follows the page's theme and passes a sanitizer."""
    import base64

    drawing = svg(snapshot.results, snapshot.objective, snapshot.way)
    lines = rows(snapshot)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in lines[0]) if lines else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in lines[1:])
    state = "" if snapshot.state == "done" else f"{snapshot.state} · "
    text = escape(f"{state}{facts(snapshot)}")
    note = f"<div>{escape(snapshot.note)}</div>" if snapshot.note else ""
    if drawing:
        image = base64.b64encode(drawing.encode()).decode()
        drawing = (
            f'<div class="kernelkit-inline" style="display:none">{drawing}</div>'
            f'<img class="kernelkit-image" alt="{text}" src="data:image/svg+xml;base64,{image}"/>'
        )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if lines else ""
    return (
        f'<div class="kernelkit-search"><style>{_STYLE}{DARK_STYLE}</style><div><b>Search</b> {text}</div>{note}'
        f"{drawing}{table}</div>"
    )


class Board:
    """The base class of displays of a search. It shows nothing."""

    def begin(self, snapshot: Snapshot) -> None:
        """The search begins."""

    def epoch(self, look: Callable[[], Snapshot]) -> None:
        """A trial has ended an epoch. ``look`` makes a snapshot; call it only if it is needed."""

    def trial_begins(self, look: Callable[[], Snapshot]) -> None:
        """A trial begins."""

    def trial_ended(self, result: TrialResult, look: Callable[[], Snapshot]) -> None:
        """A trial has ended."""

    def end(self, snapshot: Snapshot) -> None:
        """The search has ended, with or without an error."""


class Lines(Board):
    """Prints a line for each trial."""

    def begin(self, snapshot: Snapshot) -> None:
        if snapshot.results:
            say(f"The search goes on: {facts(snapshot)}")

    def trial_ended(self, result: TrialResult, look: Callable[[], Snapshot]) -> None:
        snapshot = look()
        best = snapshot.best
        details = f" (best {best.value:.4g}, trial {best.number})" if best is not None else ""
        say(tables.line(result, snapshot.objective) + details)

    def end(self, snapshot: Snapshot) -> None:
        state = f"Search {snapshot.state}" + (f": {snapshot.note}" if snapshot.note else "")
        say(f"{state} · {facts(snapshot)}")


class Safely(Board):
    """Passes all calls to another board until that board fails: an error of a display must not end a search."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def _do(self, name: str, *args: Any) -> None:
        try:
            getattr(self._board, name)(*args)
        except Exception as error:
            self._board = Board()
            with contextlib.suppress(Exception):
                say(f"The display of the search failed and was removed: {error!r}")

    def begin(self, snapshot: Snapshot) -> None:
        self._do("begin", snapshot)

    def epoch(self, look: Callable[[], Snapshot]) -> None:
        self._do("epoch", look)

    def trial_begins(self, look: Callable[[], Snapshot]) -> None:
        self._do("trial_begins", look)

    def trial_ended(self, result: TrialResult, look: Callable[[], Snapshot]) -> None:
        self._do("trial_ended", result, look)

    def end(self, snapshot: Snapshot) -> None:
        self._do("end", snapshot)
