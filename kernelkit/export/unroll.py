"""Programs without `scan`, `sort`, `top_k` and `scatter-add`, for runtimes that lack these operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import devices, jaxprs
from kernelkit.export.walk import walk
from kernelkit.jaxprs import opened
from kernelkit.typing import DType, Equation, Tree


def unrolled(function: Callable[..., Any], *arguments: Any) -> Callable[..., list[Any]]:
    """Return a function that computes the same without `scan`; without `sort` and `top_k` up to 512 values.

    Args:
        function: A function of arrays.
        *arguments: Abstract values of its arguments.

    Returns:
        A function of the same arguments, which returns the outputs flat.

    Raises:
        ValueError: If the length of a loop is open.

    Example:
        >>> total = lambda rows: jax.lax.scan(lambda t, row: (t + row, t), 0.0, rows)
        >>> flat = unrolled(total, jnp.ones((3,)))
        >>> "scan" in str(jax.make_jaxpr(flat)(jnp.ones((3,)))), [y.tolist() for y in flat(jnp.arange(3.0))]
        (False, [3.0, [0.0, 0.0, 1.0]])
    """
    with devices.portable():
        body = opened(jax.make_jaxpr(function)(*arguments))

    def run(*inputs: Any) -> list[Any]:
        return walk(Jax(), body, jax.tree.leaves(inputs), _RULES)

    return run


def without_top_k(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes the same with sorting instead of `top_k`, which older runtimes cannot read.

    Args:
        function: A function of arrays or nested arrays.

    Example:
        >>> best = without_top_k(lambda x: jax.lax.top_k(x, 2))
        >>> "top_k" in str(jax.make_jaxpr(best)(jnp.ones(3))), [y.tolist() for y in best(jnp.array([1.0, 3.0, 3.0]))]
        (False, [[3.0, 3.0], [1, 2]])
    """

    def run(*inputs: Any) -> Any:
        closed, like = jax.make_jaxpr(function, return_shape=True)(*inputs)
        if " top_k[" not in str(closed.jaxpr):
            return function(*inputs)
        made = walk(Jax(), opened(closed), jax.tree.leaves(inputs), Rules({"top_k": _top_k_sorted}))
        return jax.tree.unflatten(jax.tree.structure(like), made)

    return run


class Jax:
    """The target of a walk that computes by jax."""

    format = "jax"

    def constant(self, value: Any, dtype: DType) -> Any:
        with jaxprs.whole_width(np.dtype(dtype)):
            return jnp.asarray(value, dtype)

    def before(self, equation: Equation, operands: Any) -> None:
        """Return ``None``: each equation has a rule."""

    def lacks(self, equation: Equation) -> str:
        """Return nothing: jax has all of its own dtypes."""
        return ""


def _scan(target: Jax, equation: Equation, *operands: Any) -> list[Any]:
    s = jaxprs.scan_of(equation)
    assert s is not None
    if not isinstance(s.length, int):
        raise ValueError("A recurrence over an open length cannot be unrolled: fix the length by input_signature.")
    constants, carry = list(operands[: s.constants]), list(operands[s.constants : s.constants + s.carried])
    sequences, rows = operands[s.constants + s.carried :], []
    order = range(s.length)
    for i in reversed(order) if s.reverse else order:
        made = walk(target, s.opened, [*constants, *carry, *(x[i] for x in sequences)], _RULES)
        carry = made[: s.carried]
        rows.append(made[s.carried :])
    rows = rows[::-1] if s.reverse else rows
    return [*carry, *(jnp.stack(column) for column in zip(*rows, strict=True))]


def _before(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return where ``x`` comes before ``y``, and where they are equal; NaN comes last, as in jax."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x < y, x == y
    x_nan, y_nan = jnp.isnan(x), jnp.isnan(y)
    return (x < y) | (y_nan & ~x_nan), (x == y) | (x_nan & y_nan)


def _places(keys: list[jax.Array], descending: bool = False) -> jax.Array:
    """Return the place of each value among those of its last axis once they are sorted by the keys."""
    n = keys[0].shape[-1]
    number = jnp.arange(n)
    less = jnp.broadcast_to(number[None, :] < number[:, None], (*keys[0].shape, n))  # equal ones keep their order
    for key in reversed([k.astype("int32") if k.dtype == bool else k for k in keys]):
        mine, other = key[..., :, None], key[..., None, :]
        smaller, equal = _before(mine, other) if descending else _before(other, mine)
        less = smaller | (equal & less)
    return less.astype("int32").sum(axis=-1)


def _put(values: jax.Array, places: jax.Array, count: int) -> jax.Array:
    """Put the values of the last axis at their places; keep the first ``count``."""
    plain = values.astype("int32") if values.dtype == bool else values
    here = places[..., None, :] == jnp.arange(count)[:, None]
    found = jnp.where(here, plain[..., None, :], jnp.zeros((), plain.dtype))
    return found.sum(axis=-1, dtype=plain.dtype).astype(values.dtype)


def _sort(target: Jax, equation: Equation, *operands: Any) -> list[Any]:
    axis, keys = equation.params["dimension"], equation.params["num_keys"]
    if not _is_small(operands[0].shape[axis]):
        return _run(target, equation, *operands)
    moved = [jnp.moveaxis(x, axis, -1) for x in operands]
    places = _places(moved[:keys])
    return [jnp.moveaxis(_put(x, places, x.shape[-1]), -1, axis) for x in moved]


def _top_k(target: Jax, equation: Equation, x: Tree) -> list[Any]:
    k, axis = equation.params["k"], equation.params.get("axis", -1)
    if not _is_small(x.shape[axis]):
        return _run(target, equation, x)
    moved = jnp.moveaxis(x, axis, -1)
    places = _places([moved], descending=True)
    number = jnp.broadcast_to(jnp.arange(moved.shape[-1], dtype="int32"), moved.shape)
    return [jnp.moveaxis(_put(y, places, k), -1, axis) for y in (moved, number)]


def _top_k_sorted(target: Jax, equation: Equation, x: Tree) -> list[Any]:
    k, axis = equation.params["k"], equation.params.get("axis", -1) % x.ndim
    number = jax.lax.broadcasted_iota("int32", x.shape, axis)
    both = jax.lax.sort((jnp.flip(x, axis), jnp.flip(number, axis)), dimension=axis, num_keys=1, is_stable=True)
    return [jax.lax.slice_in_dim(jnp.flip(y, axis), 0, k, axis=axis) for y in both]


def _is_small(size: Any) -> bool:
    return isinstance(size, int) and size <= 512  # the comparisons are its square


def _run(target: Jax, equation: Equation, *operands: Any) -> list[Any]:
    return jaxprs.run_equation(equation, operands)


class Rules(Mapping[str, Callable]):
    """A rule for each primitive: its own, or the one for all others, by default to run it.

    Args:
        own: The rules of some primitives.
        others: The rule of all others.
    """

    def __init__(self, own: dict[str, Callable], others: Callable = _run) -> None:
        self.own, self.others = own, others

    def __getitem__(self, name: str) -> Callable:
        return self.own.get(name, self.others)

    def get(self, name: str, default: Any = None) -> Callable:
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)


def _scatter_add(target: Jax, equation: Equation, x: Tree, places: Any, values: Any) -> list[Any]:
    """Add numbers at places of an array by comparing each place with each number's: LiteRT adds at no places."""
    d, shape = equation.params["dimension_numbers"], x.shape
    points = not d.update_window_dims and not d.operand_batching_dims and len(d.inserted_window_dims) == x.ndim
    known = all(isinstance(n, int) for n in (*shape, *values.shape))
    if not points or not known or math.prod(shape) * values.size > 2**22:
        return _run(target, equation, x, places, values)
    found, inside = jnp.zeros(values.shape, "int32"), jnp.ones(values.shape, "int32")
    for column, axis in enumerate(d.scatter_dims_to_operand_dims):
        place = places[..., column].astype("int32")
        found = found + place * math.prod(shape[axis + 1 :])
        inside = inside * ((place >= 0) & (place < shape[axis])).astype("int32")
    flat = (found * inside - (1 - inside)).reshape(-1, 1)  # numbers outside of the array are dropped
    here = flat == jnp.arange(math.prod(shape), dtype="int32")
    added = jnp.where(here, values.reshape(-1, 1), jnp.zeros((), values.dtype)).sum(axis=0, dtype=x.dtype)
    return [x + added.reshape(shape)]


def _total(chosen: Callable[[jax.Array, jax.Array], jax.Array]) -> Callable:
    """Return the rule of a comparison in which NaN comes last."""
    return lambda target, equation, x, y: [chosen(*_before(x, y))]


_TOTAL = {
    "lt_to": _total(lambda less, equal: less),
    "le_to": _total(lambda less, equal: less | equal),
    "eq_to": _total(lambda less, equal: equal),
}
_RULES = Rules({"scan": _scan, "sort": _sort, "top_k": _top_k, "scatter-add": _scatter_add} | _TOTAL)
