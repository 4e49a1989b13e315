"""Smaller graphs: one operation of ONNX replaces several nodes that compute the same.

Each rule looks at one node and at those that made its inputs, and may name a node to take its place. Nodes that nothing
reads any more are left out afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from kernelkit.export.onnx.builder import Graph

RESHAPING = ("Squeeze", "Unsqueeze")
PASSES = 6


def tidy(g: Graph, outputs: Iterable[str]) -> None:
    """Replace nodes of a graph by fewer ones that compute the same, and leave out those that no output needs."""
    wanted = list(outputs)
    for _ in range(PASSES):
        g.nodes[:] = _needed(g.nodes, set(wanted))
        if not _pass(g):
            return
    g.nodes[:] = _needed(g.nodes, set(wanted))


def all_nodes(nodes: Iterable[Any]) -> Iterator[Any]:
    """Yield nodes, and those of the bodies of loops and branches."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from all_nodes(attribute.g.node)


def _needed(nodes: list[Any], wanted: set[str]) -> list[Any]:
    kept = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            kept.append(node)
            wanted |= {name for inner in all_nodes([node]) for name in inner.input}
    return kept[::-1]


def _pass(g: Graph) -> bool:
    """Apply the rules once to each node; return whether a node was replaced."""
    found, changed = _Found(g), False
    same: dict[str, str] = {}  # nodes that only rename an array
    for node in list(g.nodes):
        for place, name in enumerate(node.input):
            if name in same:
                node.input[place] = same[name]
        if node.op_type == "Identity":
            same[node.output[0]] = node.input[0]
        before = len(g.nodes)
        made = next((name for rule in RULES if (name := rule(g, found, node)) is not None), None)
        new = g.nodes[before:]
        del g.nodes[before:]
        if made is None:
            found.keep(node)
            continue
        changed = True
        for one in new:
            for place, name in enumerate(one.output):
                if name == made:  # the rule's result takes the node's name
                    one.output[place] = node.output[0]
            found.keep(one)
        if new[-1].op_type == "Identity":
            same[node.output[0]] = new[-1].input[0]
    g.nodes[:] = found.order
    return changed


class _Found:
    """The nodes that a rule may look at: those before the rule's node."""

    def __init__(self, g: Graph) -> None:
        self.g = g
        self.made: dict[str, Any] = {}
        self.order: list[Any] = []

    def keep(self, node: Any) -> None:
        """Append a node."""
        self.made[node.output[0]] = node
        self.order.append(node)

    def by(self, name: str, *ops: str) -> Any | None:
        """Return the node that made an array, if it is one of some operations."""
        node = self.made.get(name)
        return node if node is not None and node.op_type in ops and len(node.output) == 1 else None

    def behind(self, name: str) -> str:
        """Return the array from which axes of size 1 were added or removed."""
        while (node := self.by(name, *RESHAPING)) is not None:
            name = node.input[0]
        return name

    def number(self, name: str) -> float | None:
        """Return a constant of one number."""
        array = self.g.known(name)
        return float(array.reshape(())) if array is not None and array.size == 1 else None

    def operands(self, node: Any) -> Iterator[tuple[str, str]]:
        """Yield the two operands of a sum or product, in both orders."""
        if len(node.input) == 2:
            first, second = node.input
            yield first, second
            yield second, first

    def scaled(self, node: Any) -> tuple[str, float] | None:
        """Return the array and the number of a product with one number."""
        for name, other in self.operands(node) if node is not None and node.op_type == "Mul" else ():
            if (number := self.number(other)) is not None:
                return name, number
        return None

    def keeps(self, name: str, like: str, axis: int) -> bool:
        """Return whether an array has the axes of another, one of them of size 1."""
        shape, whole = self.g.shape_of(name), self.g.shape_of(like)
        return shape is not None and whole is not None and len(shape) == len(whole) and _is_one(shape[axis])

    def last_mean(self, name: str) -> str | None:
        """Return the array whose mean over the last axis is computed."""
        scaled = self.scaled(self.by(self.behind(name), "Mul"))
        total = scaled and self.by(self.behind(scaled[0]), "ReduceSum")
        if not scaled or not total:
            return None
        shape, axes = self.g.shape_of(total.input[0]), self.g.known(total.input[1]) if len(total.input) > 1 else None
        if not shape or axes is None or axes.tolist() != [len(shape) - 1] or not isinstance(shape[-1], int):
            return None
        return total.input[0] if math.isclose(scaled[1], 1 / shape[-1], rel_tol=1e-6) else None


def _is_one(size: Any) -> bool:
    return isinstance(size, (int, np.integer)) and int(size) == 1


def _names(sizes: Iterable[Any]) -> list[str]:
    """Return sizes as text: symbols are compared by their names."""
    return [str(size) for size in sizes]


def _is_float(array: np.ndarray) -> bool:
    return array.dtype in (np.float16, np.float32, np.float64)


def softmax(g: Graph, found: _Found, node: Any) -> str | None:
    """``exp(x - max(x)) / sum(exp(x - max(x)))``."""
    if node.op_type != "Div":
        return None
    power = found.by(node.input[0], "Exp")
    total = found.by(found.behind(node.input[1]), "ReduceSum")
    if power is None or total is None or total.input[0] != node.input[0] or len(total.input) < 2:
        return None
    shifted = found.by(power.input[0], "Sub")
    if shifted is None:
        return None
    top = found.behind(shifted.input[1])
    bounded = found.by(top, "Max")
    for name, other in found.operands(bounded) if bounded is not None else ():
        if found.number(other) == -math.inf:
            top = name
    largest = found.by(top, "ReduceMax")
    if largest is None or largest.input[0] != shifted.input[0]:
        return None
    x, axes = shifted.input[0], _axes(g, total)
    if axes is None or len(axes) != 1 or _axes(g, largest) != axes:
        return None
    if not found.keeps(node.input[1], x, axes[0]) or not found.keeps(shifted.input[1], x, axes[0]):
        return None
    return g.node("Softmax", [x], axis=axes[0])


def _axes(g: Graph, node: Any) -> list[int] | None:
    listed = next((list(a.ints) for a in node.attribute if a.name == "axes"), None)
    if listed is None and len(node.input) > 1 and (known := g.known(node.input[1])) is not None:
        listed = known.tolist()
    return listed


def layer_normalization(g: Graph, found: _Found, node: Any) -> str | None:
    """``(x - mean) * (gamma / sqrt(variance + epsilon)) + beta`` over the last axis."""
    if node.op_type != "Add":
        return None
    for product, beta in found.operands(node):
        outer = found.by(product, "Mul")
        for centered, scale in found.operands(outer) if outer is not None else ():
            factors = found.by(scale, "Mul")
            for inverse, gamma in found.operands(factors) if factors is not None else ():
                weights = [w for name in (gamma, beta) if (w := g.known(name)) is not None]
                read = _normalized(found, centered, inverse) if len(weights) == 2 else None
                if read is None:
                    continue
                x, epsilon = read
                size = (g.shape_of(x) or (None,))[-1]
                fits = isinstance(size, int) and all(w.size == size == w.shape[-1] for w in weights if w.ndim)
                if fits and all(w.ndim and _is_float(w) for w in weights):
                    flat = [g.array(w.reshape(-1), hint=name) for w, name in zip(weights, (gamma, beta), strict=True)]
                    return g.node("LayerNormalization", [x, *flat], axis=-1, epsilon=epsilon)
    return None


def _normalized(found: _Found, centered: str, inverse: str) -> tuple[str, float] | None:
    """Return x and epsilon if ``centered`` is x minus its mean, and ``inverse`` is 1 / (standard deviation of x)."""
    difference = found.by(centered, "Sub")
    if difference is None or found.last_mean(difference.input[1]) != difference.input[0]:
        return None
    x, mean = difference.input
    if not found.keeps(mean, x, -1) or not found.keeps(inverse, x, -1):
        return None
    one = found.by(found.behind(inverse), "Reciprocal")
    root = one and found.by(found.behind(one.input[0]), "Sqrt")
    added = root and found.by(found.behind(root.input[0]), "Add")
    for variance, other in found.operands(added) if added else ():
        epsilon, squares = found.number(other), found.last_mean(variance)
        square = squares and found.by(squares, "Mul")
        if epsilon is None or not square or square.input[0] != square.input[1]:
            continue
        absolute = found.by(square.input[0], "Abs")
        own = found.by(absolute.input[0] if absolute is not None else square.input[0], "Sub")
        if own is None or own.input[0] != x or found.last_mean(own.input[1]) != x:
            continue
        if found.keeps(own.input[1], x, -1):
            return x, epsilon
    return None


def product_of_rows(g: Graph, found: _Found, node: Any) -> str | None:
    """``reshape(reshape(x) @ kernel)``, where only leading axes are merged and divided: MatMul does that by itself."""
    product = found.by(node.input[0], "MatMul") if node.op_type == "Reshape" else None
    flat = product and found.by(product.input[0], "Reshape")
    if not product or not flat:
        return None
    kernel = g.known(product.input[1])
    before, after = g.shape_of(flat.input[0]), g.shape_of(node.output[0])
    if kernel is None or kernel.ndim != 2 or not before or not after or len(before) != len(after) or len(before) < 3:
        return None
    if _names(before[:-1]) != _names(after[:-1]) or (before[-1], after[-1]) != kernel.shape:
        return None
    return g.node("MatMul", [flat.input[0], product.input[1]])


def gemm(g: Graph, found: _Found, node: Any) -> str | None:
    """``x @ kernel + bias`` of matrices."""
    if node.op_type != "Add":
        return None
    for name, bias in found.operands(node):
        product, added = found.by(name, "MatMul"), g.known(bias)
        if product is None or added is None:
            continue
        kernel, shape = g.known(product.input[1]), g.shape_of(product.input[0])
        if kernel is None or kernel.ndim != 2 or not _is_float(kernel) or not shape or len(shape) != 2:
            continue
        if added.shape == kernel.shape[1:]:
            return g.node("Gemm", [*product.input, bias])
    return None


def biased_heads(g: Graph, found: _Found, node: Any) -> str | None:
    """A bias that is added after the features were divided into heads."""
    if node.op_type != "Add":
        return None
    for name, bias in found.operands(node):
        divided, added = found.by(name, "Reshape"), g.known(bias)
        product = found.by(divided.input[0], "MatMul") if divided is not None else None
        if divided is None or product is None or added is None:
            continue
        kernel, rows, shape = g.known(product.input[1]), g.shape_of(product.input[0]), g.shape_of(name)
        if kernel is None or kernel.ndim != 2 or not _is_float(kernel) or not rows or len(rows) != 2 or not shape:
            continue
        own = added.shape[next((i for i, n in enumerate(added.shape) if n != 1), added.ndim) :]
        if added.size == kernel.shape[1] and _names(shape[len(shape) - len(own) :]) == _names(own):
            flat = g.array(added.reshape(-1), hint=bias)
            return g.node("Reshape", [g.node("Gemm", [*product.input, flat]), divided.input[1]])
    return None


def biased_convolution(g: Graph, found: _Found, node: Any) -> str | None:
    """A bias that is added after the channels were moved back."""
    if node.op_type != "Add":
        return None
    for name, bias in found.operands(node):
        moved, added = found.by(name, "Transpose"), g.known(bias)
        conv = found.by(moved.input[0], "Conv") if moved is not None else None
        if moved is None or conv is None or added is None or len(conv.input) != 2:
            continue
        kernel, order = g.known(conv.input[1]), list(moved.attribute[0].ints)
        if kernel is None or order[-1] != 1 or added.size != kernel.shape[0] or added.shape[-1:] != kernel.shape[:1]:
            continue
        own = bias if added.ndim == 1 else g.array(added.reshape(-1), hint=bias)
        settings = {a.name: g._onnx.helper.get_attribute_value(a) for a in conv.attribute}
        return g.node("Transpose", [g.node("Conv", [*conv.input, own], **settings)], perm=order)
    return None


def _moved(g: Graph, name: str, order: list[int]) -> str:
    made = g.node("Transpose", [name], perm=order)
    if (shape := g.shape_of(name)) is not None:
        g.note(made, [shape[axis] for axis in order])
    return made


def _order(node: Any) -> list[int]:
    return list(node.attribute[0].ints)


def transposed_twice(g: Graph, found: _Found, node: Any) -> str | None:
    """Replace two transposes in a row by one."""
    first = found.by(node.input[0], "Transpose") if node.op_type == "Transpose" else None
    if first is None:
        return None
    order = [_order(first)[axis] for axis in _order(node)]
    return _moved(g, first.input[0], order) if order != sorted(order) else g.node("Identity", [first.input[0]])


def transposed_product(g: Graph, found: _Found, node: Any) -> str | None:
    """A product whose last two axes change places: the product of the transposed factors."""
    product = found.by(node.input[0], "MatMul") if node.op_type == "Transpose" else None
    if product is None:
        return None
    order, rank = _order(node), len(_order(node))
    shapes = [g.shape_of(name) for name in product.input]
    if order != [*range(rank - 2), rank - 1, rank - 2] or any(s is None or len(s) != rank for s in shapes):
        return None
    left, right = product.input
    return g.node("MatMul", [_moved(g, right, order), _moved(g, left, order)])


def moved_with_ones(g: Graph, found: _Found, node: Any) -> str | None:
    """A move of axes, some of which have size 1 and were added before: they are added afterwards."""
    wide = found.by(node.input[0], "Unsqueeze") if node.op_type == "Transpose" else None
    put = wide and g.known(wide.input[1])
    if not wide or put is None:
        return None
    order = _order(node)
    ones = {int(axis) % len(order) for axis in put}
    rest = [axis for axis in range(len(order)) if axis not in ones]
    inner = [rest.index(axis) for axis in order if axis not in ones]
    name = wide.input[0] if inner == sorted(inner) else _moved(g, wide.input[0], inner)
    return g.node("Unsqueeze", [name, g.ints(place for place, axis in enumerate(order) if axis in ones)])


def reshaped_twice(g: Graph, found: _Found, node: Any) -> str | None:
    """Several changes of a shape as one, or none if the shape is the same."""
    reshaping = ("Reshape", *RESHAPING)
    shape = g.shape_of(node.output[0]) if node.op_type in reshaping else None
    if shape is None:
        return None
    name, wanted = node.input[0], _names(shape)
    first = name
    while True:
        before = g.shape_of(name)
        if before is not None and _names(before) == wanted:
            return g.node("Identity", [name])
        inner = found.by(name, *reshaping)
        if inner is None:
            break
        name = inner.input[0]
    if name == first or node.op_type != "Reshape":
        return None
    return g.node("Reshape", [name, node.input[1]])


def complement_of_error(g: Graph, found: _Found, node: Any) -> str | None:
    """``x * 0.5 * (1 - erf(-x / sqrt(2)))``, which is GELU, in the form that runtimes know."""
    if node.op_type != "Mul":
        return None
    for half, other in found.operands(node):
        halved, rest = found.scaled(found.by(half, "Mul")), found.by(other, "Sub")
        if halved is None or halved[1] != 0.5 or rest is None or found.number(rest.input[0]) != 1:
            continue
        error = found.by(rest.input[1], "Erf")
        root = error and found.scaled(found.by(error.input[0], "Mul"))
        negative = root and found.by(root[0], "Neg")
        if (
            not root
            or not negative
            or negative.input[0] != halved[0]
            or not math.isclose(root[1], 0.5**0.5, rel_tol=1e-6)
        ):
            continue
        x, one = halved[0], g.known(rest.input[0])
        if g.opset >= 20:
            return g.node("Gelu", [x])
        assert one is not None
        scaled = g.node("Div", [x, g.array(math.sqrt(2), one.dtype)])
        grown = g.node("Add", [g.node("Erf", [scaled]), rest.input[0]])
        return g.node("Mul", [g.node("Mul", [x, grown]), g.array(0.5, one.dtype)])
    return None


def kept_axes(g: Graph, found: _Found, node: Any) -> str | None:
    """Replace a reduction and the insertion of its axes by a reduction that keeps the axes."""
    if node.op_type != "Unsqueeze":
        return None
    reduced = found.by(node.input[0], "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean")
    axes, put = reduced and _axes(g, reduced), g.known(node.input[1])
    if not reduced or not axes or put is None or sorted(axes) != sorted(put.tolist()):
        return None
    keeps = next((a.i for a in reduced.attribute if a.name == "keepdims"), 1)
    if keeps:
        return None
    settings = {a.name: g._onnx.helper.get_attribute_value(a) for a in reduced.attribute} | {"keepdims": 1}
    return g.node(reduced.op_type, list(reduced.input), **settings)


RULES: tuple[Callable[[Graph, _Found, Any], str | None], ...] = (
    softmax,
    layer_normalization,
    product_of_rows,
    gemm,
    biased_heads,
    biased_convolution,
    transposed_twice,
    moved_with_ones,
    transposed_product,
    reshaped_twice,
    complement_of_error,
    kept_axes,
)
