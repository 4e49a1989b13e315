"""The form of a model's description: the names and codes of its columns, and a check of descriptions from strangers.

docs/graph.md explains it.
"""

from __future__ import annotations

from typing import Any

from kernelkit.typing import Tensor, Tree

NAME = "kernelkit.graph"
VERSION = 1

# The values of the column `kind`.
KINDS = ("input", "layer", "op", "output", "group", "repeat", "block")
INPUT, LAYER, OP, OUTPUT, GROUP, REPEAT, BLOCK = range(len(KINDS))

# The values of the column `state`.
STATES = ("ok", "failed", "not reached")
OK, FAILED, UNREACHED = range(len(STATES))

TEXTS = ("name", "class", "activation", "config")
"""Node columns of indices into `strings`."""
COUNTS = ("params", "trainable_params", "weight_bytes", "output_bytes", "flops", "calls", "count")
"""Node columns of whole numbers, or None if unknown."""
CODES = {"kind": len(KINDS), "state": len(STATES), "trainable": 2}
"""Node columns of small codes, with the number of codes; `trainable` may be None."""
LISTS = ("inputs", "outputs")
"""Node columns of lists of indices into `tensors`."""
EDGES = ("source", "output", "target", "input", "call", "tensor")
TOTALS = ("params", "trainable_params", "frozen_params", "optimizer_params", "weight_bytes", "flops")

MOST_NODES = 200_000
MOST_EDGES = 600_000
LONGEST_TEXT = 4_096
DEEPEST = 64
MOST_DIMS = 32


def check(value: Any) -> dict[str, Any]:
    """Return a description after a check of its form; used for descriptions from files.

    Raises:
        ValueError: If a column is missing, too long or of the wrong type, an index is out of range, a node's parent
            comes after it, or a number is not finite.

    Example:
        >>> check({"schema": "other"})
        Traceback (most recent call last):
        ValueError: This is not the description of a model: 'schema' is 'other', not 'kernelkit.graph'.
    """
    if not isinstance(value, dict) or value.get("schema") != NAME:
        found = value.get("schema") if isinstance(value, dict) else type(value).__name__
        raise ValueError(f"This is not the description of a model: 'schema' is {found!r}, not {NAME!r}.")
    if value.get("version") != VERSION:
        raise ValueError(
            f"The description has version {value.get('version')!r}; this version of kernelkit reads {VERSION}."
        )
    strings = _texts(value.get("strings"), MOST_NODES * 4)
    tensors = value.get("tensors")
    _require(isinstance(tensors, list) and len(tensors) <= MOST_EDGES, "'tensors' must be a list")
    for tensor in tensors:  # type: ignore[union-attr]
        _require(
            isinstance(tensor, list) and 1 <= len(tensor) <= MOST_DIMS and _index(tensor[0], len(strings)),
            "each of 'tensors' must be [dtype, sizes...]",
        )
        _require(all(d is None or _whole(d) for d in tensor[1:]), "sizes must be whole numbers or null")
    nodes = value.get("nodes")
    _require(isinstance(nodes, dict) and isinstance(nodes.get("name"), list), "'nodes' must hold columns")
    count = len(nodes["name"])  # type: ignore[index]
    _require(count <= MOST_NODES, f"there are {count} nodes, at most {MOST_NODES} are read")
    columns = {name: _column(nodes, name, count) for name in (*TEXTS, *COUNTS, *CODES, *LISTS, "parent")}
    for name in TEXTS:
        _require(all(x is None or _index(x, len(strings)) for x in columns[name]), f"nodes.{name} points nowhere")
    for name in COUNTS:
        _require(all(x is None or _whole(x) for x in columns[name]), f"nodes.{name} must be whole numbers")
    for name, codes in CODES.items():
        _require(all(x is None or _index(x, codes) for x in columns[name]), f"nodes.{name} has an unknown code")
    for name in LISTS:
        good = all(isinstance(x, list) and all(_index(t, len(tensors)) for t in x) for x in columns[name])  # type: ignore[arg-type]
        _require(good, f"nodes.{name} points nowhere")
    depth: list[int] = []
    for i, parent in enumerate(columns["parent"]):
        _require(parent == -1 or _index(parent, i), f"the parent of node {i} must stand before it")
        depth.append(0 if parent == -1 else depth[parent] + 1)
        _require(depth[-1] <= DEEPEST, f"groups are nested deeper than {DEEPEST}")
    edges = value.get("edges")
    _require(isinstance(edges, dict) and isinstance(edges.get("source"), list), "'edges' must hold columns")
    length = len(edges["source"])  # type: ignore[index]
    _require(length <= MOST_EDGES, f"there are {length} edges, at most {MOST_EDGES} are read")
    for name in EDGES:
        limit = {"source": count, "target": count, "tensor": len(tensors)}.get(name, 2**31)  # type: ignore[arg-type]
        _require(all(_index(x, limit) for x in _column(edges, name, length)), f"edges.{name} points nowhere")
    totals = value.get("totals")
    _require(isinstance(totals, dict), "'totals' must be an object")
    for name in TOTALS:
        number = totals.get(name)  # type: ignore[union-attr]
        _require(number is None or _whole(number), f"totals.{name} must be a whole number")
    return value


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(f"The description of a model is damaged: {text}.")


def _whole(x: Tree) -> bool:
    return type(x) is int and 0 <= x < 2**63


def _index(x: Tree, limit: int) -> bool:
    return type(x) is int and 0 <= x < limit


def _texts(values: Tensor, most: int) -> list[str]:
    _require(isinstance(values, list) and len(values) <= most, "'strings' must be a list of texts")
    good = all(isinstance(s, str) and len(s) <= LONGEST_TEXT for s in values)
    _require(good, f"'strings' must be texts of at most {LONGEST_TEXT} characters")
    return values


def _column(table: Any, name: str, count: int) -> list:
    column = table.get(name)
    _require(isinstance(column, list) and len(column) == count, f"the column {name!r} must have {count} values")
    return column
