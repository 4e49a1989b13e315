"""The layers of a step as a table."""

from __future__ import annotations

import html
import math
from typing import Any

from kernelkit import scope

STATISTICS = (
    "mean",
    "std",
    "min",
    "max",
    "zeros",
    "nan",
    "inf",
    "dead",
    "activation_grad",
    "grad",
    "update_ratio",
    "weight",
)
COLUMNS = ("layer", "type", "shape", *STATISTICS, "trouble")
_TITLES = {"zeros": "zeros %", "dead": "dead %", "activation_grad": "|grad| out", "grad": "|grad|"}
_TITLES |= {"update_ratio": "|update|/|weight|", "weight": "|weight|"}
_TROUBLED = '<tr style="color:#b00020">'
DEAD = 0.5
VANISHED = 1e-8
LARGE_UPDATE = 0.5


class Table:
    """Statistics of each layer's output, gradients and updates in a step.

    Attributes:
        rows: A dict for each layer, in the order of calls. A value that does not exist is ``None``. Of the output:
            ``shape``; ``mean``, ``std``, ``min``, ``max`` of its finite values; the share of ``zeros``; the counts of
            ``nan`` and ``inf``; the share of ``dead`` units (zero for the whole batch); ``activation_grad``, the norm
            of the loss's gradient with respect to it. Of the layer: ``layer`` (its name), ``type``; ``grad``, the norm
            of its weights' gradients; ``update_ratio``, the norm of the update relative to that of the weights;
            ``weight``, the norm of the weights after the step; ``trouble``, the problem in words.

    Example:
        >>> Table([{"layer": "dense", "type": "Dense", "shape": (2, 3), "mean": 0.5, "dead": 0.9}]).rows[0]["trouble"]
        'dead units'
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        filled = [{name: row.get(name) for name in COLUMNS} for row in rows]
        self.rows = [row | {"trouble": trouble_of(row)} for row in filled]

    def row(self, layer: str) -> dict[str, Any]:
        """Return the row of a layer."""
        for row in self.rows:
            if row["layer"] == layer:
                return row
        raise KeyError(f"There is no layer {layer!r}; there are {[row['layer'] for row in self.rows]}.")

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame(self.rows, columns=list(COLUMNS)).set_index("layer")

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        names = [n for n in COLUMNS if any(row[n] is not None for row in self.rows)]
        cells = [[_TITLES.get(n, n) for n in names], *([_text(row, n) for n in names] for row in self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        names = [n for n in COLUMNS if any(row[n] is not None for row in self.rows)]
        head = "".join(f"<th>{html.escape(_TITLES.get(n, n))}</th>" for n in names)
        body = "".join(
            (_TROUBLED if row["trouble"] else "<tr>")
            + "".join(f"<td>{html.escape(_text(row, n))}</td>" for n in names)
            + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def trouble_of(row: dict[str, Any]) -> str | None:
    """Return the worst problem of a row in words, ``None`` if it looks good."""
    if row["nan"] or row["inf"]:
        return "NaN" if row["nan"] else "infinity"
    if row["grad"] is not None and not math.isfinite(row["grad"]):
        return "NaN in the gradient"
    if row["dead"] is not None and row["dead"] > DEAD:
        return "dead units"
    if row["update_ratio"] is not None and not row["update_ratio"] < LARGE_UPDATE:
        return "large updates"
    if row["grad"] is not None and row["grad"] < VANISHED:
        return "no gradient"
    return None


def _text(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return ""
    if name in ("zeros", "dead"):
        return f"{math.floor(100 * value + 0.5)}%"  # round half up, as in the debugger's view
    if name in ("nan", "inf"):
        return str(int(value))
    if name == "shape":
        return " x ".join(str(n) for n in value)
    return f"{value:.3g}" if isinstance(value, float) else scope.printable(str(value))
