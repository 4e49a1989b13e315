"""A builder of ONNX graphs: nodes, constants and sizes, and values that are broadcast only when needed."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from kernelkit import jaxprs
from kernelkit.export.walk import unsigned_words
from kernelkit.typing import DType, Equation

FOLDED_BYTES = 2**22
"""Constants up to this size are computed during export; larger constants only if they are smaller than their inputs."""


class Value(NamedTuple):
    """One array of the program.

    Attributes:
        shape: Its sizes; ints, or jax's symbols.
        dtype: Its NumPy dtype.
        thin: The shape of the stored array, which broadcasts (as in NumPy) to ``shape``.
        name: The ONNX name of the thin array; ``None`` for a constant that no node has used yet.
        const: The thin array, if it is known.
        weight: The path of the variable, if the constant is a weight.
    """

    shape: tuple
    dtype: np.dtype
    thin: tuple
    name: str | None = None
    const: np.ndarray | None = None
    weight: str = ""


class Graph:
    """A graph or the body of a loop.

    Args:
        opset: Version of ONNX's operators.
        parent: The graph around the body of a loop.
        rules: From a primitive's name to its rule, which the rules of loops apply to their bodies.
    """

    format = "ONNX"

    def __init__(self, opset: int, parent: Graph | None = None, rules: Mapping[str, Callable] | None = None) -> None:
        import onnx

        self.opset, self.parent = opset, parent
        self.rules: Mapping[str, Callable] = parent.rules if parent else rules or {}
        self._onnx = onnx
        self.root: Graph = parent.root if parent else self
        self.nodes: list[Any] = []
        self.sizes: dict[str, str] = {}  # from a size's text to the name of an int64 tensor (1,)
        self._shapes: dict[tuple, str] = {}
        if parent is None:
            self.initializers: dict[str, Any] = {}
            self._kept: dict[tuple, str] = {}
            self._used: set[str] = set()
            self._by_array: dict[int, tuple[np.ndarray, str]] = {}
            self._shape_of: dict[str, tuple] = {}

    # Names and nodes --------------------------------------------------------------------------------------------------

    def fresh(self, hint: str) -> str:
        """Return a name that was not used yet."""
        used, name, number = self.root._used, hint, 0
        while name in used:
            number += 1
            name = f"{hint}_{number}"
        used.add(name)
        return name

    def node(self, op: str, inputs: Iterable[str], outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Add a node and return the name of its output, or a list of several."""
        names = [self.fresh(op.lower()) for _ in range(outputs)]
        given = {k: v for k, v in attributes.items() if v is not None}
        inputs = list(inputs)
        if op == "Reshape" and ((sizes := self.known(inputs[1])) is None or 0 in sizes):
            given["allowzero"] = 1  # otherwise a size of zero would keep the size of the input
        self.nodes.append(self._onnx.helper.make_node(op, inputs, names, name=names[0], domain=domain, **given))
        return names[0] if outputs == 1 else names

    def array(self, value: Any, dtype: DType = None, hint: str = "const") -> str:
        """Return the name of a constant."""
        array = np.asarray(value, dtype)
        numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b""
        key = (array.dtype.str, array.shape, hashlib.blake2b(numbers).digest())  # shared weights are stored once
        if key in self.root._kept:
            return self.root._kept[key]
        name = self.fresh(hint)
        self.root.initializers[name] = self._onnx.numpy_helper.from_array(
            np.ascontiguousarray(array).reshape(array.shape), name
        )
        self.root._kept[key] = name
        return name

    def ints(self, values: Iterable[int]) -> str:
        """Return the name of a constant of int64 numbers."""
        return self.array(list(values), np.int64)

    # Values -----------------------------------------------------------------------------------------------------------

    def constant(self, value: Any, dtype: DType = None, weight: str = "") -> Value:
        """Return a known array as a value."""
        array = np.asarray(value, dtype)
        return Value(array.shape, array.dtype, array.shape, None, array, weight)

    def value(self, name: str, shape: Sequence, dtype: DType, thin: Sequence | None = None) -> Value:
        """Return a named array as a value."""
        stored = tuple(shape if thin is None else thin)
        self.root._shape_of[name] = stored
        return Value(tuple(shape), np.dtype(dtype), stored, name)

    def shape_of(self, name: str) -> tuple | None:
        """Return the shape of a named array, ``None`` if it is not known."""
        return self.root._shape_of.get(name)

    def note(self, name: str, shape: Sequence) -> None:
        """Remember the shape of a named array."""
        self.root._shape_of[name] = tuple(shape)

    def known(self, name: str) -> np.ndarray | None:
        """Return the numbers of a constant by its name, ``None`` if it is no constant."""
        tensor = self.root.initializers.get(name)
        return None if tensor is None else self._onnx.numpy_helper.to_array(tensor)

    def thin(self, x: Value) -> str:
        """Return the ONNX name of a value's stored array, without broadcasting."""
        if x.name is not None:
            return x.name
        assert x.const is not None
        kept = self.root._by_array.get(id(x.const))
        if kept is None:
            name = self.array(x.const, hint=x.weight) if x.weight else self.array(x.const)
            self.root._by_array[id(x.const)] = kept = (x.const, name)
        return kept[1]

    def full(self, x: Value) -> str:
        """Return the ONNX name of a value in its whole shape."""
        if x.thin == x.shape:
            return self.thin(x)
        if x.const is not None and all(isinstance(size, int) for size in x.shape):
            return self.array(np.broadcast_to(x.const, x.shape))
        return self.node("Expand", [self.thin(x), self.shape(x.shape)])

    def whole(self, x: Value) -> np.ndarray | None:
        """Return a constant in its whole shape, ``None`` if it is not known."""
        if x.const is None or not all(isinstance(size, int) for size in x.shape):
            return None
        return np.broadcast_to(x.const, x.shape)

    # Sizes ------------------------------------------------------------------------------------------------------------

    def shape(self, sizes: Sequence) -> str:
        """Return the name of an int64 tensor that holds sizes, some of them open."""
        if all(isinstance(size, int) for size in sizes):
            return self.ints([int(size) for size in sizes])
        key = tuple(str(size) for size in sizes)
        graph: Graph | None = self
        while graph is not None:
            if key in graph._shapes:
                return graph._shapes[key]
            graph = graph.parent
        name = self.node("Concat", [self.size(size) for size in sizes], axis=0)
        self._shapes[key] = name
        return name

    def size(self, size: Any) -> str:
        """Return the name of an int64 tensor (1,) that holds one size."""
        if isinstance(size, (int, np.integer)):
            return self.ints([int(size)])
        text = str(size)
        graph: Graph | None = self
        while graph is not None:
            if text in graph.sizes:
                return graph.sizes[text]
            graph = graph.parent
        self.sizes[text] = self._computed(ast.parse(text.replace("^", "**"), mode="eval").body)
        return self.sizes[text]

    def _computed(self, tree: ast.AST) -> str:
        """Compute a size from its text, such as ``2*batch + floordiv(d1, 2)``: the form in which jax prints it."""
        match tree:
            case ast.Constant(value=int() as number):
                return self.ints([number])
            case ast.Name(id=name):
                return self.size(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.node("Neg", [self._computed(operand)])
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)):
                one = self._computed(left)
                out = one
                for _ in range(power - 1):
                    out = self.node("Mul", [out, one])
                return out
            case ast.BinOp(left=left, op=op, right=right):
                names = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul"}
                return self.node(names[type(op)], [self._computed(left), self._computed(right)])
            case ast.Call(func=ast.Name(id=function), args=[left, right]):
                a, b = self._computed(left), self._computed(right)
                if function in ("max", "min"):
                    return self.node(function.capitalize(), [a, b])
                if not isinstance(right, ast.Constant):
                    b = self.node("Max", [b, self.ints([1])])  # the remainder for an empty batch is zero
                rest = self.node("Mod", [a, b])
                return rest if function == "mod" else self.node("Div", [self.node("Sub", [a, rest]), b])
        raise NotImplementedError(f"The size {ast.unparse(tree)!r} cannot be written in ONNX.")

    # Loops ------------------------------------------------------------------------------------------------------------

    def child(self) -> Graph:
        """Return the graph for the body of a loop or a branch: it can use all names of this graph."""
        return Graph(self.opset, self)

    # Constants, computed while exporting ------------------------------------------------------------------------------

    def before(self, equation: Equation, operands: list[Value]) -> list[Value] | None:
        """Compute an equation of constants now; see :func:`kernelkit.export.walk.walk`."""
        if jaxprs.called_by(equation) is not None:
            rule = self.rules.get(f"call of {equation.params.get('name')}")
            return None if rule is None else [rule(self, equation, *operands)]
        if equation.primitive.name in _NOT_FOLDED:
            return None
        avals = [v.aval for v in equation.outvars]
        if all(_is_static(a) and 0 in a.shape for a in avals):
            return [self.constant(np.zeros(a.shape, a.dtype)) for a in avals]
        if any(x.const is None for x in operands) or not all(_is_static(a) for a in avals):
            return None
        if not all(isinstance(size, int) for x in operands for size in x.shape):
            return None
        made = sum(int(np.prod(a.shape)) * a.dtype.itemsize for a in avals)
        if made > max(FOLDED_BYTES, sum(x.const.nbytes for x in operands if x.const is not None)):
            return None
        if equation.primitive.name == "broadcast_in_dim":
            return None  # kept thin
        whole = [self.whole(x) for x in operands]
        dtypes = [x.dtype for x in operands] + [a.dtype for a in avals]
        with jaxprs.whole_width(*dtypes), jax.ensure_compile_time_eval():
            outputs = equation.primitive.bind(*map(jax.numpy.asarray, whole), **equation.params)
        outputs = outputs if equation.primitive.multiple_results else [outputs]
        return [self.constant(np.asarray(output)) for output in outputs]

    def lacks(self, equation: Equation) -> str:
        """Return in words what runtimes of ONNX lack for an equation."""
        for atom in (*equation.invars, *equation.outvars):
            kind = getattr(getattr(atom.aval, "dtype", None), "name", "")
            if kind.startswith("complex"):
                return "no operations on complex numbers"
            if kind.startswith("float8"):
                return "no floats of 8 bits in the opsets that all its runtimes read"
        return unsigned_words(equation, "no runtime")


_NOT_FOLDED = {"scan", "while", "cond", "dim_as_value"}


def _is_static(aval: Any) -> bool:
    known = all(isinstance(size, int) for size in aval.shape)
    return known and not jax.dtypes.issubdtype(aval.dtype, jax.dtypes.extended)
