"""Rules of elementwise primitives: operands stay thin, since ONNX broadcasts as NumPy does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.export.onnx.types import onnx_type
from kernelkit.typing import DType, Equation


def broadcast(shapes: list[tuple]) -> tuple:
    """Return the shape to which NumPy broadcasts shapes, which may hold symbols."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(next((size for size in sizes if not _is_one(size)), 1) for sizes in zip(*padded, strict=True))


def result(g: Graph, equation: Equation, name: str, operands: tuple[Value, ...]) -> Value:
    """Return a named result of thin operands."""
    aval = equation.outvars[0].aval
    return g.value(name, aval.shape, aval.dtype, broadcast([x.thin for x in operands]))


def plain(op: str, **attributes: Any) -> Callable:
    """A primitive that is one ONNX operation."""

    def rule(g: Graph, equation: Equation, *operands: Value) -> Value:
        return result(g, equation, g.node(op, map(g.thin, operands), **attributes), operands)

    return rule


def composed(make: Callable) -> Callable:
    """A primitive that takes several operations: ``make(g, number, *names)`` returns the last one's name."""

    def rule(g: Graph, equation: Equation, *operands: Value) -> Value:
        dtype = operands[0].dtype
        number = lambda value: g.array(value, dtype)  # noqa: E731
        return result(g, equation, make(g, number, *map(g.thin, operands)), operands)

    return rule


def same(g: Graph, equation: Equation, *operands: Value) -> list[Value]:
    """Primitives that return their operand unchanged."""
    return list(operands)


def convert(g: Graph, equation: Equation, x: Value) -> Value:
    """`convert_element_type`."""
    dtype = equation.params["new_dtype"]
    if np.dtype(dtype) == x.dtype:
        return x
    return result(g, equation, g.node("Cast", [g.thin(x)], to=onnx_type(dtype)), (x,))


def integer_pow(g: Graph, equation: Equation, x: Value) -> Value:
    """`integer_pow`: small powers as products."""
    power, name = equation.params["y"], g.thin(x)
    if power == 2:
        out = g.node("Mul", [name, name])
    elif power == 3:
        out = g.node("Mul", [g.node("Mul", [name, name]), name])
    elif power == -1:
        out = g.node("Reciprocal", [name])
    else:
        out = g.node("Pow", [name, g.array(power, x.dtype)])
    return result(g, equation, out, (x,))


def where(g: Graph, which: str, yes: str, no: str, dtype: DType) -> str:
    """Return one of two tensors, number by number. ONNX's Where takes bools too, but its runtimes do not."""
    if np.dtype(dtype) != np.bool_:
        return g.node("Where", [which, yes, no])
    return g.node("Or", [g.node("And", [which, yes]), g.node("And", [g.node("Not", [which]), no])])


def select(g: Graph, equation: Equation, which: Value, *cases: Value) -> Value:
    """`select_n`: a bool or a number chooses one of the cases."""
    if which.dtype == np.bool_:
        no, yes = cases
        chosen = where(g, g.thin(which), g.thin(yes), g.thin(no), yes.dtype)
        return result(g, equation, chosen, (which, *cases))
    out = g.thin(cases[0])
    for number, case in enumerate(cases[1:], 1):
        is_it = g.node("Equal", [g.thin(which), g.array(number, which.dtype)])
        out = where(g, is_it, g.thin(case), out, case.dtype)
    return result(g, equation, out, (which, *cases))


def clamp(g: Graph, equation: Equation, low: Value, x: Value, high: Value) -> Value:
    """`clamp`."""
    out = g.node("Min", [g.node("Max", [g.thin(x), g.thin(low)]), g.thin(high)])
    return result(g, equation, out, (low, x, high))


def logical(of_bools: str, of_ints: str) -> Callable:
    """`and`, `or`, `xor`, `not`: of bools, or bit by bit."""

    def rule(g: Graph, equation: Equation, *operands: Value) -> Value:
        op = of_bools if operands[0].dtype == np.bool_ else of_ints
        return result(g, equation, g.node(op, map(g.thin, operands)), operands)

    return rule


def shift(direction: str, keeps_sign: bool = False) -> Callable:
    """Shifts of bits: ONNX shifts only unsigned integers. A shift by the number of bits or more gives zero."""

    def rule(g: Graph, equation: Equation, x: Value, count: Value) -> Value:
        dtype = x.dtype
        own, bits = np.dtype(f"uint{8 * dtype.itemsize}"), 8 * dtype.itemsize
        wide = np.dtype("uint32") if bits == 16 else own  # runtimes do not shift 16 bits

        def unsigned(name: str) -> str:
            for kind in dict.fromkeys((dtype, own, wide)):
                name = name if kind == dtype else g.node("Cast", [name], to=onnx_type(kind))
            return name

        name, by = g.thin(x), unsigned(g.thin(count))
        below = None
        if keeps_sign and dtype.kind == "i":  # -1 - x inverts all bits
            below = g.node("Less", [name, g.array(0, dtype)])
            name = g.node("Where", [below, g.node("Sub", [g.array(-1, dtype), name]), name])
        short = g.node("Less", [by, g.array(bits, wide)])
        by = g.node("Where", [short, by, g.array(0, wide)])
        moved = g.node(
            "Where", [short, g.node("BitShift", [unsigned(name), by], direction=direction), g.array(0, wide)]
        )
        for kind in dict.fromkeys((wide, own, dtype)):
            moved = moved if kind == wide else g.node("Cast", [moved], to=onnx_type(kind))
        if below is not None:
            moved = g.node("Where", [below, g.node("Sub", [g.array(-1, dtype), moved]), moved])
        return result(g, equation, moved, (x, count))

    return rule


def signbit(g: Graph, equation: Equation, x: Value) -> Value:
    """The function `signbit` of jax: true for numbers below zero and for -0.0."""
    name, zero = g.thin(x), g.array(0, x.dtype)
    minus_zero = g.node("And", [g.node("Equal", [name, zero]), g.node("Less", [g.node("Reciprocal", [name]), zero])])
    return result(g, equation, g.node("Or", [g.node("Less", [name, zero]), minus_zero]), (x,))


def compare(op: str, negated: bool = False) -> Callable:
    """Comparisons; bools are compared as numbers where ONNX only knows numbers."""

    def rule(g: Graph, equation: Equation, *operands: Value) -> Value:
        names = [g.thin(x) for x in operands]
        if operands[0].dtype == np.bool_ and op != "Equal":
            names = [g.node("Cast", [name], to=onnx_type(np.int32)) for name in names]
        out = g.node(op, names)
        return result(g, equation, g.node("Not", [out]) if negated else out, operands)

    return rule


def divide(g: Graph, equation: Equation, a: Value, b: Value) -> Value:
    """`div`: by a known number as a product, which runtimes fuse and compute faster."""
    if b.const is not None and b.const.ndim == 0 and np.issubdtype(b.dtype, np.floating) and _is_exact(float(b.const)):
        return result(g, equation, g.node("Mul", [g.thin(a), g.array(1 / b.const, b.dtype)]), (a, b))
    return result(g, equation, g.node("Div", [g.thin(a), g.thin(b)]), (a, b))


def extreme(op: str) -> Callable:
    """`max` and `min`, of bools too."""

    def rule(g: Graph, equation: Equation, *operands: Value) -> Value:
        if operands[0].dtype == np.bool_:
            return result(g, equation, g.node("Or" if op == "Max" else "And", map(g.thin, operands)), operands)
        if op == "Max" and np.issubdtype(operands[0].dtype, np.floating):
            for x, other in (operands, operands[::-1]):
                if x.const is not None and x.const.ndim == 0 and x.const == 0:
                    return result(g, equation, g.node("Relu", [g.thin(other)]), operands)
        return result(g, equation, g.node(op, map(g.thin, operands)), operands)

    return rule


def _round(g: Graph, equation: Equation, x: Value) -> Value:
    if int(equation.params["rounding_method"]) == 1:  # to the nearest even number
        return plain("Round")(g, equation, x)
    name = g.thin(x)
    away = g.node("Floor", [g.node("Add", [g.node("Abs", [name]), g.array(0.5, x.dtype)])])
    return result(g, equation, g.node("Mul", [g.node("Sign", [name]), away]), (x,))


def _erf_inv(g: Graph, number: Callable, x: str) -> str:
    """Giles, "Approximating the erfinv function" (2010), for single precision."""
    one = number(1)
    w = g.node("Neg", [g.node("Log", [g.node("Mul", [g.node("Sub", [one, x]), g.node("Add", [one, x])])])])
    small, large = g.node("Sub", [w, number(2.5)]), g.node("Sub", [g.node("Sqrt", [w]), number(3)])

    def polynomial(at: str, coefficients: list[float]) -> str:
        out = number(coefficients[0])
        for c in coefficients[1:]:
            out = g.node("Add", [g.node("Mul", [out, at]), number(c)])
        return out

    a = [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503]
    a += [-0.00417768164, 0.246640727, 1.50140941]
    b = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613]
    b += [0.00943887047, 1.00167406, 2.83297682]
    chosen = g.node("Where", [g.node("Less", [w, number(5)]), polynomial(small, a), polynomial(large, b)])
    # At 1 and -1 the polynomial is infinite with the wrong sign.
    at_end = g.node("Equal", [g.node("Abs", [x]), one])
    return g.node("Where", [at_end, g.node("Mul", [x, number(math.inf)]), g.node("Mul", [chosen, x])])


def _is_exact(number: float) -> bool:
    return number != 0 and math.frexp(abs(number))[0] == 0.5  # a power of two has an exact inverse


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def _sub(g: Graph, a: str, b: str) -> str:
    return g.node("Sub", [a, b])


RULES: dict[str, Callable] = {
    **{
        name: plain(op)
        for name, op in {
            "add": "Add", "sub": "Sub", "mul": "Mul", "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log",
            "tanh": "Tanh", "logistic": "Sigmoid", "sqrt": "Sqrt", "sign": "Sign", "floor": "Floor", "ceil": "Ceil",
            "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh",
            "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf", "pow": "Pow",
            "add_any": "Add",
        }.items()
    },
    **dict.fromkeys(
        "copy copy_p stop_gradient reduce_precision optimization_barrier sharding_constraint name pvary".split(), same
    ),
    "max": extreme("Max"),
    "min": extreme("Min"),
    "div": divide,
    "rem": plain("Mod", fmod=1),
    "eq": compare("Equal"),
    "ne": compare("Equal", negated=True),
    "lt": compare("Less"),
    "le": compare("LessOrEqual"),
    "lt_to": compare("Less"),  # total orders: they differ from the usual ones only at NaN and -0.0
    "le_to": compare("LessOrEqual"),
    "eq_to": compare("Equal"),
    "call of signbit": signbit,
    "shift_left": shift("LEFT"),
    "shift_right_logical": shift("RIGHT"),
    "shift_right_arithmetic": shift("RIGHT", keeps_sign=True),
    "gt": compare("Greater"),
    "ge": compare("GreaterOrEqual"),
    "and": logical("And", "BitwiseAnd"),
    "or": logical("Or", "BitwiseOr"),
    "xor": logical("Xor", "BitwiseXor"),
    "not": logical("Not", "BitwiseNot"),
    "select_n": select,
    "clamp": clamp,
    "convert_element_type": convert,
    "integer_pow": integer_pow,
    "round": _round,
    "square": composed(lambda g, number, x: g.node("Mul", [x, x])),
    "one_minus_square": composed(lambda g, number, x: g.node("Sub", [number(1), g.node("Mul", [x, x])])),
    "rsqrt": composed(lambda g, number, x: g.node("Reciprocal", [g.node("Sqrt", [x])])),
    "cbrt": composed(
        lambda g, number, x: g.node("Mul", [g.node("Sign", [x]), g.node("Pow", [g.node("Abs", [x]), number(1 / 3)])])
    ),
    "exp2": composed(lambda g, number, x: g.node("Pow", [number(2), x])),
    "log1p": composed(lambda g, number, x: g.node("Log", [g.node("Add", [x, number(1)])])),
    "expm1": composed(lambda g, number, x: _sub(g, g.node("Exp", [x]), number(1))),
    "erfc": composed(lambda g, number, x: _sub(g, number(1), g.node("Erf", [x]))),
    "erf_inv": composed(_erf_inv),
    "is_finite": composed(lambda g, number, x: _is_finite(g, x)),
    "atan2": composed(lambda g, number, y, x: _atan2(g, number, y, x)),
}  # fmt: skip


def _is_finite(g: Graph, x: str) -> str:
    return g.node("Not", [g.node("Or", [g.node("IsInf", [x]), g.node("IsNaN", [x])])])


def _atan2(g: Graph, number: Callable, y: str, x: str) -> str:
    zero = number(0)
    angle = g.node("Atan", [g.node("Div", [y, x])])
    turn = g.node("Where", [g.node("Less", [y, zero]), number(-math.pi), number(math.pi)])
    left = g.node("Where", [g.node("Less", [x, zero]), g.node("Add", [angle, turn]), angle])
    upright = g.node("Mul", [g.node("Sign", [y]), number(math.pi / 2)])
    return g.node("Where", [g.node("Equal", [x, zero]), upright, left])
