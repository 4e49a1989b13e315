"""Messages to the page: each is a short JSON header and one buffer of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelkit import scope
from kernelkit.viz.debugger.conditions import KINDS
from kernelkit.viz.debugger.table import STATISTICS

BUCKETS = 512
"""Maximum points of a branch's curve. Longer curves are sent as the minimum and maximum loss of each bucket."""
BRANCHES = 8
"""Maximum number of branches whose curves are sent: the newest ones, and always the branch shown."""
ROWS = 256
"""Maximum number of layers whose numbers are sent. If there are more, layers in trouble come first."""
TRENDS = ("std", "grad", "update_ratio", "weight")
"""Table columns that are drawn as small curves over the steps looked at."""
TREND_STEPS = 32
TREND_BYTES = 20 << 10

Message = tuple[dict[str, Any], bytes]


class Seen:
    """Table values of the steps looked at, for the small curves beside each layer."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._rows: dict[tuple[str, int], dict[str, list[float]]] = {}

    def add(self, dbg: Any, rows: list[dict[str, Any]]) -> None:
        """Store a step's table."""
        key = (branch_name(dbg), dbg.shown)
        self._rows.pop(key, None)
        self._rows[key] = {row["layer"]: [_float(row[name]) for name in TRENDS] for row in rows}
        while len(self._rows) > self._limit:
            del self._rows[next(iter(self._rows))]

    def trends(self, dbg: Any, layers: list[str]) -> tuple[list[int], np.ndarray]:
        """Return the numbers of the looked-at steps near the step shown, and an array (layers, trends, steps)."""
        found: dict[int, dict[str, list[float]]] = {}
        at, end = dbg, math.inf
        while at is not None:  # a fork's past belongs to its parent branch
            name = branch_name(at)
            found |= {step: rows for (branch, step), rows in self._rows.items() if branch == name and step < end}
            end = _begin(at)
            at = getattr(at, "parent", None)
        most = max(2, min(TREND_STEPS, TREND_BYTES // (4 * len(TRENDS) * max(1, len(layers)))))
        steps = sorted(sorted(found, key=lambda step: abs(step - dbg.shown))[:most])
        gone = [math.nan] * len(TRENDS)
        values = [[found[step].get(layer, gone) for step in steps] for layer in layers]
        return steps, np.array(values, "float32").reshape(len(layers), len(steps), len(TRENDS)).transpose(0, 2, 1)


def state_message(dbg: Any) -> Message:
    """Return a debugger's position and the losses of all branches."""
    state = dbg.state()
    loss = dbg.losses[-1:] if main_log(dbg) else []
    family = list(getattr(dbg, "family", [dbg]))
    live = hasattr(dbg, "timeline")  # a recording has no timeline
    buffer, branches = [], []
    for one in family:
        drawn = one is dbg or one in family[-BRANCHES:]
        begin, count, stride, values = curve_of(one) if drawn else (_begin(one), 0, 1, np.empty(0, "<f4"))
        branches.append(
            {
                "name": branch_name(one),
                "begin": begin,
                "head": one.timeline.head if live else one.head,
                "position": one.position,
                "parent": None if getattr(one, "parent", None) is None else branch_name(one.parent),
                "count": count,
                "stride": stride,
                "points": len(values),
            }
        )
        buffer.append(values.tobytes())
    content = state | {
        "kind": "state",
        "name": model_name(dbg),
        "branch": branch_name(dbg),
        "branches": branches,
        "curve": clipped(main_log(dbg)),
        "loss": json_value(float(loss[0])) if len(loss) else None,
        "can": actions_of(dbg),
        "kinds": dict(KINDS),
        "learning_rate": _learning_rate(dbg) if live else None,
    }
    return content, b"".join(buffer)


def table_message(dbg: Any, table: Any, seen: Seen) -> Message:
    """Return the table of layers with their small curves."""
    rows = table.rows
    if len(rows) > ROWS:
        worst = sorted(range(len(rows)), key=lambda i: (rows[i]["trouble"] is None, i))[:ROWS]
        rows = [rows[i] for i in sorted(worst)]
    seen.add(dbg, rows)
    layers = [row["layer"] for row in rows]
    steps, trends = seen.trends(dbg, layers)
    numbers = np.array([[_float(row[name]) for name in STATISTICS] for row in rows], "float32")
    content = {
        "kind": "table",
        "layers": [
            {
                "name": clipped(row["layer"]),
                "type": row["type"],
                "shape": row["shape"],
                "trouble": row["trouble"],
                "none": [i for i, name in enumerate(STATISTICS) if row[name] is None],
            }
            for row in rows
        ],
        "left_out": len(table.rows) - len(rows),
        "columns": list(STATISTICS),
        "trends": list(TRENDS),
        "steps": steps,
    }
    return content, numbers.astype("<f4").tobytes() + trends.astype("<f4").tobytes()


def actions_of(dbg: Any) -> list[str]:
    """Return the actions that a debugger supports. A replay without data can only move."""
    names = ("step", "back", "goto", "running", "fork", "break_on", "explain", "compare", "graph")
    return [name for name in names if hasattr(dbg, name)]


def branch_name(dbg: Any) -> str:
    """Return the name of a debugger's branch."""
    return dbg.timeline.name if hasattr(dbg, "timeline") else "recording"


def model_name(dbg: Any) -> str:
    """Return the name of the model, if it is known."""
    return clipped(dbg.timeline.steps.model.name) if hasattr(dbg, "timeline") else "Recording"


def clipped(text: Any, length: int = 200) -> str:
    """Return a text cut to a length."""
    text = scope.printable(str(text))
    return text if len(text) <= length else text[: length - 3] + "..."


def json_value(value: float | None) -> float | str | None:
    """Return a number that JSON can hold: NaN and infinity become texts."""
    return value if value is None or math.isfinite(value) else str(float(value))


def main_log(dbg: Any) -> str:
    """Return the name of the log that the curve shows: ``"loss"`` where there is one."""
    return (dbg.timeline.records if hasattr(dbg, "timeline") else dbg.records).main


def losses_of(dbg: Any) -> np.ndarray:
    """Return the losses of a branch's own steps (steps,), without those of its parent."""
    if hasattr(dbg, "timeline"):
        return dbg.timeline.records.losses()[dbg.timeline.begin - dbg.timeline.records.begin :]
    return dbg.records.losses()


def curve_of(dbg: Any) -> tuple[int, int, int, np.ndarray]:
    """Return a branch's first step, its number of steps, the steps per bucket, and one or two values per bucket."""
    losses = np.asarray(losses_of(dbg) if main_log(dbg) else [], "float64")
    stride = 1
    while len(losses) > BUCKETS * stride:
        stride *= 2
    values = losses
    if stride > 1:
        padded = np.pad(losses, (0, -len(losses) % stride), constant_values=np.nan).reshape(-1, stride)
        finite = np.isfinite(padded)
        low, high = np.where(finite, padded, np.inf).min(1), np.where(finite, padded, -np.inf).max(1)
        values = np.stack([low, high], 1).reshape(-1)
    with np.errstate(over="ignore"):
        return _begin(dbg), len(losses), stride, values.astype("<f4")


def _begin(dbg: Any) -> int:
    return dbg.timeline.begin if hasattr(dbg, "timeline") else dbg.begin


def _learning_rate(dbg: Any) -> float | str | None:
    """Return the learning rate in the state at the position, if the state holds one."""
    steps = dbg.timeline.steps
    for optimizer in steps.training.optimizers():
        rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate
        for variable, value in zip(steps.variables.optimizer, dbg.state_after().optimizer, strict=True):
            if variable is rate:
                return json_value(float(value))
    return None


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)
