"""What a page is told of a debugger: short headers in JSON, numbers in one buffer behind each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelkit import scope
from kernelkit.viz.debugger.conditions import KINDS

BUCKETS = 512
"""Most points of a branch's curve; longer ones are sent as the least and the greatest loss of each stretch."""
BRANCHES = 8
"""Branches whose curves are sent: the newest ones, and always the one shown."""
ROWS = 256
"""Layers whose numbers are sent; those in trouble come first when there are more."""
STATISTICS = ("mean", "std", "min", "max", "zeros", "nan", "inf", "dead", "activation_grad", "grad", "update_ratio")
TRENDS = ("std", "grad", "update_ratio")
"""Columns that are drawn over the steps seen."""
TREND_STEPS = 32
TREND_BYTES = 20 << 10

Message = tuple[dict[str, Any], bytes]


class Seen:
    """What the tables of the steps looked at said, for the small curves beside each layer."""

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._rows: dict[tuple[str, int], dict[str, list[float]]] = {}

    def add(self, dbg: Any, rows: list[dict[str, Any]]) -> None:
        """Keep a step's table."""
        key = (branch_name(dbg), dbg.shown)
        self._rows.pop(key, None)
        self._rows[key] = {row["layer"]: [_float(row[name]) for name in TRENDS] for row in rows}
        while len(self._rows) > self._limit:
            del self._rows[next(iter(self._rows))]

    def trends(self, dbg: Any, layers: list[str]) -> tuple[list[int], np.ndarray]:
        """Return the numbers of the steps seen around the one shown, and an array (layers, trends, steps)."""
        found: dict[int, dict[str, list[float]]] = {}
        at, end = dbg, math.inf
        while at is not None:  # the past of a fork is that of the branch it comes from
            name = branch_name(at)
            found |= {step: rows for (branch, step), rows in self._rows.items() if branch == name and step < end}
            end = _begin(at)
            at = getattr(at, "parent", None)
        most = max(2, min(TREND_STEPS, TREND_BYTES // (12 * max(1, len(layers)))))
        steps = sorted(sorted(found, key=lambda step: abs(step - dbg.shown))[:most])
        gone = [math.nan] * len(TRENDS)
        values = [[found[step].get(layer, gone) for step in steps] for layer in layers]
        return steps, np.array(values, "float32").reshape(len(layers), len(steps), len(TRENDS)).transpose(0, 2, 1)


def state_message(dbg: Any) -> Message:
    """Return where a debugger is, and the losses of all branches."""
    state = dbg.state()
    loss = dbg.losses[-1:]
    family = list(getattr(dbg, "family", [dbg]))
    live = hasattr(dbg, "timeline")  # a recording has none
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
        "loss": json_value(float(loss[0])) if len(loss) else None,
        "can": actions_of(dbg),
        "kinds": dict(KINDS),
        "learning_rate": _learning_rate(dbg) if live else None,
    }
    return content, b"".join(buffer)


def table_message(dbg: Any, table: Any, seen: Seen) -> Message:
    """Return the table of layers, with the small curves."""
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
    """Return what can be asked of a debugger; a replay without data only moves."""
    names = ("step", "back", "goto", "running", "fork", "break_on", "explain", "compare")
    return [name for name in names if hasattr(dbg, name)]


def branch_name(dbg: Any) -> str:
    """Return a debugger's branch."""
    return dbg.timeline.name if hasattr(dbg, "timeline") else "recording"


def model_name(dbg: Any) -> str:
    """Return the name of the model, as far as it is known."""
    return clipped(dbg.timeline.steps.training.model.name) if hasattr(dbg, "timeline") else "Recording"


def clipped(text: Any, length: int = 200) -> str:
    """Return a text that fits into a message."""
    text = scope.printable(str(text))
    return text if len(text) <= length else text[: length - 3] + "..."


def json_value(value: float | None) -> float | str | None:
    """Return a number as JSON can hold it."""
    return value if value is None or math.isfinite(value) else str(float(value))


def losses_of(dbg: Any) -> np.ndarray:
    """Return the losses of all steps that a branch has done itself (steps,)."""
    if hasattr(dbg, "timeline"):
        return dbg.timeline.records.losses()[dbg.timeline.begin - dbg.timeline.records.begin :]
    return dbg.records.losses()


def curve_of(dbg: Any) -> tuple[int, int, int, np.ndarray]:
    """Return a branch's first step, how many it has, how many make a bucket, and the values: one or two for each."""
    losses = np.asarray(losses_of(dbg), "float64")
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
    """Return the learning rate in the state at the position, if one is held there."""
    steps = dbg.timeline.steps
    for optimizer in steps.training.optimizers():
        rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate
        for variable, value in zip(steps.variables.optimizer, dbg.state_after().optimizer, strict=True):
            if variable is rate:
                return json_value(float(value))
    return None


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)
