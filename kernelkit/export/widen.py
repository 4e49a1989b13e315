"""Programs whose numbers of 16 and 8 bits are computed in wider ones, for runtimes that lack the narrow ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import devices, jaxprs
from kernelkit.export.unroll import Jax, Rules
from kernelkit.export.walk import walk
from kernelkit.jaxprs import opened
from kernelkit.typing import Equation, Tree

Wider = Mapping[str, str]
"""From the name of a dtype to the one in whose place it is computed."""

BRAINS: Wider = {"bfloat16": "float32"}  # what ONNX's runtimes lack
NARROW: Wider = {"bfloat16": "float32", "float16": "float32", "int8": "int32"}  # what LiteRT lacks


def widened(
    function: Callable[..., Any], wider: Wider, *arguments: Any, narrow_results: bool = True
) -> Callable[..., list[Any]]:
    """Return a function that computes narrow numbers in wider ones; its arguments keep their dtypes.

    Floats are not rounded on the way, so the results are those of a model of higher precision. Whole numbers stay
    exact: what is computed of constants alone, such as weights of 4 bits that are unpacked, is computed at once, and
    products of whole numbers are taken as floats, which hold sums below 2**24 exactly.

    Args:
        function: A function of arrays.
        wider: Dtypes to replace.
        *arguments: Abstract values of its arguments. Arrays are taken as constants.
        narrow_results: Whether its results keep their dtypes too.

    Returns:
        A function of the arguments that are no arrays, which returns the outputs flat; ``function`` with its arrays
        filled in, if it has no such numbers.

    Example:
        >>> half = lambda x: (x.astype("bfloat16") * 3).astype("float32")
        >>> wide = widened(half, BRAINS, jax.ShapeDtypeStruct((2,), "float32"))
        >>> "bf16" in str(jax.make_jaxpr(wide)(jnp.ones(2))), wide(jnp.array([1.0, 1.001]))[0].tolist()
        (False, [3.0, 3.0030...])
    """
    with devices.portable():
        closed = jax.make_jaxpr(function)(*arguments)
    leaves = jax.tree.leaves(arguments)
    narrow = _Narrow(wider)
    changes = holds(closed.jaxpr, wider)

    def run(*inputs: Any) -> list[Any]:
        given = iter(inputs)
        flat = [leaf if isinstance(leaf, jax.Array) else next(given) for leaf in leaves]
        if not changes:
            return jax.tree.leaves(function(*jax.tree.unflatten(jax.tree.structure(arguments), flat)))
        body = opened(closed)
        made = walk(narrow, body, [narrow.wide(x, x.dtype) for x in flat], narrow.rules)
        if not narrow_results:
            return list(made)
        outvars: list[Any] = body.jaxpr.outvars
        return [jnp.asarray(y, v.aval.dtype) for y, v in zip(made, outvars, strict=True)]

    return run


def holds(jaxpr: Any, wider: Wider) -> bool:
    """Return whether a jaxpr has numbers of these dtypes anywhere."""
    text = str(jaxpr)
    return any(f"{_SHORT[name]}[" in text for name in wider)


_SHORT = {"bfloat16": "bf16", "float16": "f16", "int8": "i8"}
_AS_THEY_ARE = frozenset(
    "abs add add_any argmax argmin atan2 broadcast_in_dim cbrt ceil clamp concatenate conv_general_dilated copy copy_p "
    "cos cosh cumlogsumexp cummax cummin cumprod cumsum div dot_general dynamic_slice dynamic_update_slice eq erf "
    "erf_inv "
    "erfc exp exp2 expand_dims expm1 floor gather ge gt integer_pow is_finite le log log1p logistic lt max min mul ne "
    "neg pad pow reduce_max reduce_min reduce_prod reduce_sum reduce_window_max reduce_window_min reduce_window_sum "
    "rem reshape rev round rsqrt select_n sign sin sinh slice split sqrt square squeeze stop_gradient sub tan tanh "
    "transpose convert_element_type iota".split()
)
"""Primitives that compute the same of wider numbers. The others get the narrow ones back."""


class _Narrow(Jax):
    """Values whose narrow dtypes are replaced by wider ones."""

    def __init__(self, wider: Wider) -> None:
        self.wider = dict(wider)
        self.rules = Rules({"scan": _scan, "cond": _cond, "while": _while}, _run)

    def dtype(self, dtype: np.dtype) -> Any:
        """Return the dtype in which numbers of a dtype are held."""
        return jnp.dtype(self.wider.get(jnp.dtype(dtype).name, dtype)) if hasattr(dtype, "itemsize") else dtype

    def wide(self, value: Any, dtype: np.dtype) -> Any:
        """Return an array of a narrow dtype in the wider dtype."""
        held = self.dtype(dtype)
        if held == dtype:
            return value
        with jax.ensure_compile_time_eval() if _is_known(value) else contextlib.nullcontext():
            return jax.lax.convert_element_type(value, held)

    def constant(self, value: Any, dtype: np.dtype) -> Any:
        """Return a constant in the wider dtype."""
        with jax.ensure_compile_time_eval():
            return self.wide(jnp.asarray(value, dtype), dtype)


def _is_known(value: Any) -> bool:
    """Return whether a value is known while the program is written."""
    return not isinstance(value, jax.core.Tracer)


def _is_whole(dtype: np.dtype) -> bool:
    return jnp.issubdtype(dtype, jnp.integer)


def _run(target: _Narrow, equation: Equation, *operands: Any) -> list[Any]:
    atoms = [*equation.invars, *equation.outvars]
    dtypes = [atom.aval.dtype for atom in atoms]
    if any(_is_whole(dtype) and dtype.itemsize == 1 for dtype in dtypes) and all(map(_is_known, operands)):
        with jax.ensure_compile_time_eval():
            return _narrowly(target, equation, operands)
    changed = [dtype for dtype in dtypes if target.dtype(dtype) != dtype]
    if not changed:
        return _bound(equation, operands, dict(equation.params))
    name = equation.primitive.name
    whole = any(_is_whole(dtype) for dtype in changed)
    if whole and name == "dot_general":
        return _product(target, equation, *operands)
    if name not in _AS_THEY_ARE:
        return _narrowly(target, equation, operands)
    replaced = {key: target.dtype(value) for key, value in equation.params.items() if isinstance(value, np.dtype)}
    made = _bound(equation, operands, equation.params | replaced)
    if whole and name in ("add", "sub", "mul", "neg", "convert_element_type", "reduce_sum"):
        made = [_wrapped(y, v.aval.dtype) for y, v in zip(made, equation.outvars, strict=True)]
    return made


def _bound(equation: Equation, operands: Any, params: dict) -> list[Any]:
    if equation.primitive.name in ("scan", "cond", "while") or any(_holds_jaxpr(value) for value in params.values()):
        return jaxprs.run_equation(equation, operands)
    atoms: list[Any] = [*equation.invars, *equation.outvars]
    with jaxprs.whole_width(*(atom.aval.dtype for atom in atoms)):
        made = equation.primitive.bind(*operands, **params)
    return list(made) if equation.primitive.multiple_results else [made]


def _narrowly(target: _Narrow, equation: Equation, operands: Any) -> list[Any]:
    """Run an equation on the narrow numbers themselves."""
    given = [
        x if target.dtype(v.aval.dtype) == v.aval.dtype else jax.lax.convert_element_type(x, v.aval.dtype)
        for x, v in zip(operands, equation.invars, strict=True)
    ]
    made = jaxprs.run_equation(equation, given)
    return [target.wide(y, v.aval.dtype) for y, v in zip(made, equation.outvars, strict=True)]


def _product(target: _Narrow, equation: Equation, x: Tree, y: Any) -> list[Any]:
    """Multiply matrices of whole numbers as floats."""
    params = equation.params | {"preferred_element_type": jnp.dtype("float32")}
    made = equation.primitive.bind(x.astype("float32"), y.astype("float32"), **params)
    return [jnp.round(made).astype(target.dtype(equation.outvars[0].aval.dtype))]


def _wrapped(value: Any, dtype: np.dtype) -> Any:
    """Return integers wrapped into the range of a narrow dtype, as the narrow dtype would wrap them."""
    if value.dtype == dtype or not _is_whole(dtype):
        return value
    low, count = int(jnp.iinfo(dtype).min), 2 ** jnp.iinfo(dtype).bits
    inside = value - low
    return inside - jnp.floor(inside.astype("float32") / count).astype(value.dtype) * count + low


def _scan(target: _Narrow, equation: Equation, *operands: Any) -> list[Any]:
    s = jaxprs.scan_of(equation)
    assert s is not None
    constants, start = list(operands[: s.constants]), list(operands[s.constants : s.constants + s.carried])

    def step(carry: list, row: list) -> tuple[list, list]:
        made = walk(target, s.opened, [*constants, *carry, *row], target.rules)
        return made[: s.carried], made[s.carried :]

    rows = list(operands[s.constants + s.carried :])
    carry, made = jax.lax.scan(step, start, rows, s.length, s.reverse)
    return [*carry, *made]


def _cond(target: _Narrow, equation: Equation, index: Any, *operands: Any) -> list[Any]:
    branches = [
        lambda *given, branch=branch: walk(target, branch, given, target.rules)
        for branch in jaxprs.branches_of(equation)
    ]
    return list(jax.lax.switch(index, branches, *operands))


def _while(target: _Narrow, equation: Equation, *operands: Any) -> list[Any]:
    w = jaxprs.while_of(equation)
    first = list(operands[: w.condition_constants])
    second = list(operands[w.condition_constants : w.condition_constants + w.body_constants])
    start = list(operands[w.condition_constants + w.body_constants :])
    return list(
        jax.lax.while_loop(
            lambda carry: walk(target, w.condition, [*first, *carry], target.rules)[0],
            lambda carry: walk(target, w.body, [*second, *carry], target.rules),
            start,
        )
    )


def _holds_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")
