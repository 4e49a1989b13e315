"""The cost of a call: floating-point operations counted on its jaxpr, and bytes read and written."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.tree_util as jtu

from kernelkit import dtypes, scope
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.layers.layer import Layer
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Equation, Tree

# Primitives that do one operation for each element of their output.
_ELEMENTWISE = frozenset(
    """abs add and atan2 cbrt ceil clamp cos cosh div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow
    lgamma log log1p logistic lt max min mul ne neg not or pow rem round rsqrt select_n sign sin sinh sqrt square sub
    tan tanh xor""".split()
)
_REDUCING = frozenset(
    """reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or argmax argmin cumsum cummax cummin cumprod
    reduce_window_sum reduce_window_max reduce_window""".split()
)


def flops_of(operation: Any, args: tuple, kwargs: dict[str, Any]) -> int | None:
    """Return the number of floating-point operations of a call for a batch of one.

    Args:
        operation: The layer or function.
        args: Its arguments, with symbolic tensors; unknown sizes count as one.
        kwargs: Its named arguments.

    Returns:
        The number, or ``None`` if the call cannot be traced.
    """
    leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=is_leaf)
    places = [i for i, v in enumerate(leaves) if isinstance(v, KerasTensor)]
    if any(leaves[i].sparse or leaves[i].dtype == "string" for i in places):
        return None
    variables = operation.variables if isinstance(operation, Layer) else []

    def run(lent: list, values: list) -> Tree:
        filled = list(leaves)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        own_args, own_kwargs = jtu.tree_unflatten(treedef, filled)
        with scope.StatelessScope(zip(variables, lent, strict=True)), scope.SymbolicScope(), scope.keep_names():
            outputs = operation(*own_args, **own_kwargs)
        return [v for v in jtu.tree_leaves(outputs, is_leaf=is_leaf) if is_tensor(v)]

    lent = [jax.ShapeDtypeStruct(v.shape, dtypes.canonical(v.dtype)) for v in variables]
    values = [_spec(leaves[i]) for i in places]
    try:
        return count(jax.make_jaxpr(run)(lent, values).jaxpr)
    except Exception:  # the user's code may fail for a batch of one: then only this number is missing in the picture
        return None


def _spec(tensor: KerasTensor) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(1 if d is None else d for d in tensor.shape), dtypes.canonical(tensor.dtype))


def count(jaxpr: Any) -> int:
    """Return the floating-point operations of a jaxpr: two for each multiply-add, one for each other operation.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> count(jax.make_jaxpr(lambda a, b: a @ b)(jnp.ones((8, 4)), jnp.ones((4, 2))).jaxpr)
        128
    """
    total = 0
    stack: list[tuple[Any, int]] = [(jaxpr, 1)]
    while stack:
        body, times = stack.pop()
        for equation in body.eqns:
            rounds = times * int(equation.params["length"]) if equation.primitive.name == "scan" else times
            inner = [j for value in equation.params.values() for j in _jaxprs(value)]
            if equation.primitive.name == "cond" and inner:
                inner = inner[-1:]  # one branch runs
            if inner:
                stack.extend((j, rounds) for j in inner)
            else:
                total += times * _operations(equation)
    return total


def _jaxprs(value: Any) -> list[Any]:
    found = []
    for one in value if isinstance(value, (tuple, list)) else (value,):
        inner = getattr(one, "jaxpr", one)
        if hasattr(inner, "eqns"):
            found.append(inner)
    return found


def _operations(equation: Equation) -> int:
    name = equation.primitive.name
    if not equation.outvars or not hasattr(equation.outvars[0].aval, "shape"):
        return 0
    output = math.prod(equation.outvars[0].aval.shape)
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return 2 * output * math.prod(equation.invars[0].aval.shape[d] for d in contracted)
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        out_axis = equation.params["dimension_numbers"].rhs_spec[0]
        return 2 * output * math.prod(kernel) // max(1, kernel[out_axis])
    if name in _ELEMENTWISE:
        return output
    if name in _REDUCING:
        return math.prod(equation.invars[0].aval.shape)
    return 0


def bytes_of(tensor: KerasTensor) -> int:
    """Return the bytes of a tensor, unknown sizes counted as one.

    Example:
        >>> bytes_of(KerasTensor((None, 3)))
        12
    """
    size = math.prod(1 if d is None else d for d in tensor.shape)
    return size * (0 if tensor.dtype == "string" else dtypes.canonical(tensor.dtype).itemsize)
