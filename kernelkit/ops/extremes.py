"""The largest and the smallest element over axes, with gradients that no compiler can lose.

The gradient goes to the elements that equal the maximum. jax compares them with it, and a compiler may compute the
elements twice: once where it takes the maximum, once where it compares. XLA's CPU compiler rounds the two differently
(one of them with fused multiply-add): then no element is equal, and the gradient of a maximum is lost. On the CPU both
are computed here inside a conditional, from the same numbers in memory; its other branch is for NaN, which equals
nothing. Elsewhere a conditional may wait for the host, and the place of the maximum counts too, which one pass finds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from kernelkit import devices
from kernelkit.typing import Axis


def largest(x: jax.Array, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Return the largest element over axes; equal ones share the gradient.

    Args:
        x: Array of any shape.
        axis: The axes to reduce; all axes for ``None``.
        keepdims: Whether the reduced axes stay, with size one.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> print(jax.grad(lambda x: largest(x))(jnp.array([1.0, 3.0, 3.0])))
        [0.  0.5 0.5]
    """
    return _extreme(jnp.max, jnp.argmax, x, axis, keepdims)


def smallest(x: jax.Array, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Return the smallest element over axes; equal ones share the gradient. Arguments as :func:`largest`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> print(jax.grad(lambda x: smallest(x))(jnp.array([1.0, 3.0, 3.0])))
        [1. 0. 0.]
    """
    return _extreme(jnp.min, jnp.argmin, x, axis, keepdims)


def _extreme(reduce: Callable, find: Callable, x: jax.Array, axis: Axis, keepdims: bool) -> jax.Array:
    given = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    if not jnp.issubdtype(x.dtype, jnp.floating) or not x.size or not all(-x.ndim <= a < x.ndim for a in given):
        return reduce(x, axis=axis, keepdims=keepdims)  # no gradient, or jax's own error
    axes = tuple(sorted(a % x.ndim for a in given))
    return _found(reduce, find, axes, keepdims, x) if axes else x


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2, 3))
def _found(reduce: Callable, find: Callable, axes: tuple[int, ...], keepdims: bool, x: jax.Array) -> jax.Array:
    return reduce(x, axis=axes, keepdims=keepdims)


@_found.defjvp
def _found_jvp(
    reduce: Callable, find: Callable, axes: tuple[int, ...], keepdims: bool, primals: tuple, tangents: tuple
) -> tuple[jax.Array, jax.Array]:
    (x,), (tangent,) = primals, tangents
    value = reduce(x, axis=axes, keepdims=True)
    chosen = _chosen(reduce, find, axes, lax.stop_gradient(x))
    shared = jnp.where(chosen, tangent, 0) / jnp.sum(chosen, axis=axes, keepdims=True, dtype=tangent.dtype)
    slope = jnp.sum(shared, axis=axes, keepdims=keepdims)
    return (value if keepdims else jnp.squeeze(value, axes)), slope


def _chosen(reduce: Callable, find: Callable, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Return which elements are extreme ones, at least one of each row."""
    if not devices.on_cpu():
        return _equal(reduce, axes, x) | _at_place(find, axes, x)

    @jax.custom_batching.custom_vmap
    def chosen(x: jax.Array) -> jax.Array:
        # The inputs of a conditional lie in memory, so inside of it no number is computed a second time.
        return lax.cond(
            jnp.any(jnp.isnan(reduce(x, axis=axes))),
            lambda x: _equal(reduce, axes, x) | jnp.isnan(x),
            lambda x: _equal(reduce, axes, x),
            x,
        )

    @chosen.def_vmap
    def batched(size: int, is_batched: list[bool], x: jax.Array) -> tuple[jax.Array, bool]:
        # A conditional whose condition has a batch axis would be computed as a choice between both branches.
        return _chosen(reduce, find, tuple(axis + 1 for axis in axes), x), True

    return chosen(x)


def _equal(reduce: Callable, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Return which elements equal the extreme one."""
    return x == reduce(x, axis=axes, keepdims=True)


def _at_place(find: Callable, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Return which elements are the first extreme one, or the first NaN."""
    first = tuple(range(len(axes)))
    rest = jnp.moveaxis(x, axes, first).reshape(-1, *[n for i, n in enumerate(x.shape) if i not in axes])
    places = jnp.arange(rest.shape[0]).reshape([x.shape[a] for a in axes] + [1] * (rest.ndim - 1))
    return jnp.moveaxis(places == find(rest, axis=0), first, axes)
