"""A model as plain data: its nodes and edges, in columns. All pictures of models read only this."""

from __future__ import annotations

import json
import math
from typing import Any

from kernelkit import dtypes
from kernelkit.layers.layer import Layer
from kernelkit.models.description import repeats, schema
from kernelkit.models.description.collect import Collected, Item, collect, resolved
from kernelkit.models.description.costs import bytes_of, flops_of
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Batch


def describe(
    model: Any, sample: Batch = None, costs: bool = True, fold: bool = True, configs: bool = True
) -> dict[str, Any]:
    """Describe a model as plain data that JSON can hold; docs/graph.md describes each column.

    Functional and sequential models are read from their graphs. Other models, and the user's own layers that hold
    layers, are run on shapes. If a call fails, it is marked, and the description ends there.

    Args:
        model: A model or layer.
        sample: A batch of inputs (arrays nested as the model takes them) or their shape, batch axis first, for a model
            that was never called. By default the shapes for which the model was built.
        costs: Whether floating-point operations are counted.
        fold: Whether runs of the same block become a group "block x 12".
        configs: Whether layers are described with their arguments.

    Returns:
        A dict with the columns of the nodes and edges, the totals, and the error of a failed trace.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((4,), name="in"), kk.layers.Dense(2, name="out")])
        >>> found = describe(model)
        >>> [found["strings"][i] for i in found["nodes"]["name"]]
        ['in', 'out', 'output']
        >>> found["nodes"]["params"], found["totals"]["flops"]
        ([0, 10, 0], 18)
    """
    found = collect(model, sample)
    return _Writer(model, found, costs, fold, configs).written()


_Waiting = tuple[int | repeats.Repeat, list[int], int]
"""A node or a run that is still to be written, the row of nodes around it, and its parent."""


class _Writer:
    def __init__(self, model: Any, found: Collected, costs: bool, fold: bool, configs: bool) -> None:
        self.model, self.found, self.costs, self.fold, self.configs = model, found, costs, fold, configs
        self.strings: dict[str, int] = {}
        self.tensors: dict[tuple, int] = {}
        self.names = (*schema.TEXTS, *schema.COUNTS, *schema.CODES, *schema.LISTS, "parent")
        self.columns: dict[str, list] = {name: [] for name in self.names}
        self.place: dict[int, int] = {}  # the row of each item
        self.counted: dict[Any, int | None] = {}

    def written(self) -> dict[str, Any]:
        self._write_nodes()
        self._sum_up()
        edges: dict[str, list[int]] = {name: [] for name in schema.EDGES}
        for edge in resolved(self.found):
            row = (
                self.place[edge.source],
                edge.output,
                self.place[edge.target],
                edge.input,
                edge.call,
                self._tensor(edge.spec),
            )
            for name, value in zip(schema.EDGES, row, strict=True):
                edges[name].append(value)
        return {
            "schema": schema.NAME,
            "version": schema.VERSION,
            "model": self._text(self.model.name),
            "class": self._text(type(self.model).__name__),
            "strings": list(self.strings),
            "tensors": [list(t) for t in self.tensors],
            "nodes": self.columns,
            "edges": edges,
            "totals": self._totals(),
            "error": self._error(),
            "note": self.found.note,
        }

    # Nodes ------------------------------------------------------------------------------------------------------------

    def _write_nodes(self) -> None:
        children: dict[int, list[int]] = {}
        for i, item in enumerate(self.found.items):
            children.setdefault(item.parent, []).append(i)
        runs = _runs(self.found, children) if self.fold else {}
        # A stack of nodes still to be written, the next one on top: a row's children follow it at once.
        stack = self._divided(children.get(-1, []), runs.get(-1, []), -1)
        while stack:
            what, members, parent = stack.pop()
            if isinstance(what, repeats.Repeat):
                stack += self._rows_of(what, members, parent)
                continue
            self.place[what] = row = self._row(parent, **self._facts(self.found.items[what]))
            stack += self._divided(children.get(what, []), runs.get(what, []), row)

    def _divided(self, members: list[int], found: list[repeats.Repeat], parent: int) -> list[_Waiting]:
        """Return the children of a row as single nodes and runs, the first one last."""
        begins = {run.start: run for run in found}
        parts: list[_Waiting] = []
        at = 0
        while at < len(members):
            run = begins.get(at)
            parts.append((members[at], members, parent) if run is None else (run, members, parent))
            at += 1 if run is None else run.length * run.count
        return parts[::-1]

    def _rows_of(self, run: repeats.Repeat, members: list[int], parent: int) -> list[_Waiting]:
        """Write the row of a run of blocks; return the nodes inside it, the first one last."""
        first = self.found.items[members[run.start]]
        block = first.title if run.length == 1 else "block"
        inside = list(dict.fromkeys(self.found.items[i].title for i in members[run.start : run.start + run.length]))
        title = " + ".join(inside[:3]) + (" + …" if len(inside) > 3 else "")
        if run.count == 1:
            row = self._row(parent, kind=schema.BLOCK, name=f"{block} {run.number}", title=title, count=1)
            return self._divided(members[run.start : run.start + run.length], [], row)
        folded = self._row(parent, kind=schema.REPEAT, name=block, title=title, count=run.count)
        if run.length == 1:
            return self._divided(members[run.start : run.start + run.count], [], folded)
        starts = range(run.start, run.start + run.length * run.count, run.length)
        blocks = [repeats.Repeat(start, run.length, 1, number) for number, start in enumerate(starts, 1)]
        return [(one, members, folded) for one in reversed(blocks)]

    def _row(self, parent: int, **facts: Any) -> int:
        values: dict[str, Any] = dict.fromkeys(self.names) | {
            "inputs": [],
            "outputs": [],
            "state": schema.OK,
            "params": 0,
        }
        values |= {"trainable_params": 0, "weight_bytes": 0, "output_bytes": 0, "calls": 0, "parent": parent} | facts
        values["class"] = values.pop("title")
        for name in schema.TEXTS:
            values[name] = None if values[name] is None else self._text(values[name])
        for name, column in self.columns.items():
            column.append(values[name])
        return len(self.columns["parent"]) - 1

    def _facts(self, item: Item) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "kind": item.kind,
            "name": item.name,
            "title": item.title,
            "inputs": [self._tensor(t) for t in item.inputs],
            "outputs": [self._tensor(t) for t in item.outputs],
            "output_bytes": sum(bytes_of(t) for t in item.outputs) * max(1, item.calls),
            "calls": item.calls,
            "state": item.state,
        }
        layer = item.operation
        if isinstance(layer, Layer):
            facts |= weights_of(layer)
            facts["trainable"] = int(bool(layer.trainable))
            activation = getattr(layer, "activation", None)
            if activation is not None:
                facts["activation"] = str(getattr(activation, "__name__", type(activation).__name__))
            if self.configs and item.kind == schema.LAYER:
                facts["config"] = ", ".join(f"{name}={text}" for name, text in item.texts.items()) or None
        if self.costs and item.kind in (schema.LAYER, schema.OP) and item.calls and item.state == schema.OK:
            once = self._flops(item)
            facts["flops"] = None if once is None else once * item.calls
        return facts

    def _flops(self, item: Item) -> int | None:
        if not hasattr(item.operation, "call"):
            return None
        key: Any = None
        if isinstance(item.operation, Layer):
            inputs = tuple((t.shape, t.dtype) for t in item.inputs)
            key = (type(item.operation), tuple(item.texts.items()), inputs, item.operation.compute_dtype)
        if key is None or key not in self.counted:
            self.counted[key] = flops_of(item.operation, *item.arguments)
        return self.counted[key]

    def _sum_up(self) -> None:
        """Fill in the sums of groups, from the innermost out."""
        parents, kinds = self.columns["parent"], self.columns["kind"]
        for name in ("params", "trainable_params", "weight_bytes", "output_bytes", "flops"):
            column = self.columns[name]
            sums: dict[int, int] = {}
            for row in range(len(parents) - 1, -1, -1):
                own_sum = kinds[row] in (schema.REPEAT, schema.BLOCK) or name in ("flops", "output_bytes")
                if row in sums and own_sum:
                    column[row] = sums[row]
                if parents[row] >= 0 and column[row] is not None:
                    sums[parents[row]] = sums.get(parents[row], 0) + column[row]

    # Tables -----------------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> int:
        text = text if len(text) <= schema.LONGEST_TEXT else text[: schema.LONGEST_TEXT - 1] + "…"
        return self.strings.setdefault(text, len(self.strings))

    def _tensor(self, tensor: KerasTensor) -> int:
        key = (self._text(tensor.dtype), *tensor.shape)
        return self.tensors.setdefault(key, len(self.tensors))

    def _totals(self) -> dict[str, int | None]:
        own = weights_of(self.model)
        optimizer = getattr(self.model, "optimizer", None)
        slots = optimizer.variables if optimizer is not None and optimizer.built else []
        top = [i for i, parent in enumerate(self.columns["parent"]) if parent == -1]
        flops = [self.columns["flops"][i] for i in top if self.columns["flops"][i] is not None]
        return {
            "params": own["params"],
            "trainable_params": own["trainable_params"],
            "frozen_params": own["params"] - own["trainable_params"],
            "optimizer_params": sum(math.prod(v.shape) for v in slots),
            "weight_bytes": own["weight_bytes"],
            "flops": sum(flops) if flops else None,
        }

    def _error(self) -> dict[str, Any] | None:
        error = self.found.error
        if error is None:
            return None
        cut = {k: v[: schema.LONGEST_TEXT] if isinstance(v, str) else v for k, v in error.items() if k != "item"}
        return cut | {"node": self.place.get(error["item"], -1)}


def weights_of(layer: Layer) -> dict[str, int]:
    """Return the numbers of a layer's parameters and of its trainable parameters, and their bytes."""
    weights = layer.weights
    trainable = {id(v) for v in layer.trainable_weights} if weights else ()
    sizes = [(math.prod(v.shape), dtypes.canonical(v.dtype).itemsize, id(v) in trainable) for v in weights]
    return {
        "params": sum(size for size, _, _ in sizes),
        "trainable_params": sum(size for size, _, own in sizes if own),
        "weight_bytes": sum(size * width for size, width, _ in sizes),
    }


def _runs(found: Collected, children: dict[int, list[int]]) -> dict[int, list[repeats.Repeat]]:
    """Return the runs of equal blocks among the children of each group."""
    place = {index: at for members in children.values() for at, index in enumerate(members)}
    offsets: dict[int, set[tuple[int, int]]] = {}
    for edge in found.edges:
        offsets.setdefault(edge.target, set()).add((place[edge.target] - place[edge.source], edge.input))
    numbers: dict[Any, int] = {}
    looks: dict[int, int] = {}
    runs = {}
    for parent in sorted(children, reverse=True):  # children before their parents
        members = children[parent]
        for index in members:
            item = found.items[index]
            inside = tuple(looks[i] for i in children.get(index, ()))
            texts = tuple(item.texts.items()) if item.kind == schema.LAYER else ()
            shapes = tuple((t.shape, t.dtype) for t in item.outputs)
            alone = index if item.kind in (schema.INPUT, schema.OUTPUT) and parent == -1 else None
            look = (item.kind, item.title, texts, shapes, item.state, alone, inside)
            looks[index] = numbers.setdefault(look, len(numbers))
        row = [
            numbers.setdefault(("with edges", looks[i], frozenset(offsets.get(i, ()))), len(numbers)) for i in members
        ]
        runs[parent] = repeats.find(row)
    return runs


def to_json(description: dict[str, Any]) -> str:
    """Return a description as compact JSON."""
    return json.dumps(description, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
