"""PyTorch code that is being written: one line for each equation of a jaxpr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import jaxprs
from kernelkit.export.walk import unsigned_words
from kernelkit.typing import DType, Equation

FOLDED_BYTES = 2**22

TYPES = {
    "float32": "torch.float32", "float64": "torch.float64", "float16": "torch.float16", "bfloat16": "torch.bfloat16",
    "int8": "torch.int8", "int16": "torch.int16", "int32": "torch.int32", "int64": "torch.int64", "bool": "torch.bool",
    "uint8": "torch.uint8", "uint16": "torch.int64", "uint32": "torch.int64", "uint64": "torch.int64",
}  # fmt: skip
"""PyTorch computes little with wide unsigned integers: int64 takes their place."""


class Value(NamedTuple):
    """One array of the program: an expression, its sizes and its NumPy dtype; the numbers, if they are known."""

    text: str
    shape: tuple
    dtype: DType
    const: np.ndarray | None = None


class Source:
    """The lines of a ``forward``.

    Args:
        rules: From a primitive's name to its rule, which the rules of loops apply to their bodies.

    Attributes:
        lines: What was written so far.
        constants: Arrays that the lines name ``self.constants_<number>``.
    """

    format = "PyTorch"

    def __init__(self, rules: Mapping[str, Callable]) -> None:
        self.rules = rules
        self.lines: list[str] = []
        self.constants: list[np.ndarray] = []
        self._indent = 1
        self._count = 0

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self._indent + text)

    @contextlib.contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write lines inside of a statement."""
        self.line(head)
        self._indent += 1
        try:
            yield
        finally:
            self._indent -= 1

    def fresh(self, hint: str = "v") -> str:
        """Return a name that was not used yet."""
        self._count += 1
        return f"{hint}{self._count}"

    def put(self, expression: str, aval: Any) -> Value:
        """Write ``name = expression`` and return it as a value like an abstract one."""
        name = self.fresh()
        self.line(f"{name} = {expression}")
        return Value(name, tuple(aval.shape), aval.dtype)

    def constant(self, value: Any, dtype: DType = None) -> Value:
        """Return a known array as a value; its text is made when it is used."""
        array = np.asarray(value, dtype)
        return Value("", array.shape, array.dtype, array)

    def text(self, x: Value) -> str:
        """Return the expression of a value as a tensor."""
        if x.const is None:
            return x.text
        return self._kept(x.const)

    def number(self, x: Value) -> str:
        """Return the expression of a value; for a scalar constant, a Python number, which operators broadcast."""
        if x.const is not None and x.const.ndim == 0 and np.isfinite(float(x.const)):
            value = x.const.item()
            return repr(value) if value >= 0 else f"({value!r})"
        return self.text(x)

    def _kept(self, array: np.ndarray) -> str:
        for number, known in enumerate(self.constants):
            if known is array or (
                known.dtype == array.dtype and known.shape == array.shape and known.tobytes() == array.tobytes()
            ):
                return f"self.constants_{number}"
        self.constants.append(array)
        return f"self.constants_{len(self.constants) - 1}"

    def size(self, size: Any) -> str:
        """Return the expression of a size: a number, or jax's text for it, which is valid Python."""
        return str(int(size)) if isinstance(size, (int, np.integer)) else f"({str(size).replace('^', '**')})"

    def shape(self, sizes: Sequence) -> str:
        """Return the expression of a shape."""
        return "(" + "".join(f"{self.size(size)}, " for size in sizes) + ")"

    def type(self, dtype: DType) -> str:
        """Return PyTorch's name of a dtype."""
        name = jnp.dtype(dtype).name
        if name not in TYPES:
            raise NotImplementedError(f"PyTorch has no dtype for {name}.")
        return TYPES[name]

    def lacks(self, equation: Equation) -> str:
        """Return a text on what PyTorch lacks for an equation."""
        return unsigned_words(equation, "no operations")

    def before(self, equation: Equation, operands: list[Value]) -> list[Value] | None:
        """Draw with PyTorch's generator, and compute equations of constants now; see `walk`."""
        name, avals = equation.primitive.name, [v.aval for v in equation.outvars]
        if name == "random_bits":
            high = 2 ** equation.params["bit_width"]
            return [self.put(f"torch.randint(0, {high}, {self.shape(avals[0].shape)}, device=device)", avals[0])]
        if name.startswith("random_"):
            # The keys of jax are not used: PyTorch's generator draws.
            return [
                self.constant(np.zeros(a.shape, a.dtype)) if _is_static(a) else Value("None", tuple(a.shape), a.dtype)
                for a in avals
            ]
        if name in ("jit", "pjit") and equation.params.get("name") == "_uniform":
            _, low, high = operands
            draw = f"torch.rand({self.shape(avals[0].shape)}, dtype={self.type(avals[0].dtype)}, device=device)"
            return [self.put(f"{draw} * ({self.number(high)} - {self.number(low)}) + {self.number(low)}", avals[0])]
        if jaxprs.called_by(equation) is not None:
            rule = self.rules.get(f"call of {equation.params.get('name')}")
            return None if rule is None else [rule(self, equation, *operands)]
        if name in ("scan", "while", "cond", "dim_as_value"):
            return None
        if any(x.const is None for x in operands) or not all(_is_static(a) for a in avals):
            return None
        if sum(int(np.prod(a.shape)) * a.dtype.itemsize for a in avals) > FOLDED_BYTES:
            return None
        dtypes = [x.dtype for x in operands] + [a.dtype for a in avals]
        with jaxprs.whole_width(*dtypes), jax.ensure_compile_time_eval():
            outputs = equation.primitive.bind(*(jnp.asarray(x.const) for x in operands), **equation.params)
        return [self.constant(np.asarray(o)) for o in (outputs if equation.primitive.multiple_results else [outputs])]


def _is_static(aval: Any) -> bool:
    known = all(isinstance(size, int) for size in aval.shape)
    return known and not jax.dtypes.issubdtype(aval.dtype, jax.dtypes.extended)
