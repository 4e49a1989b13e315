"""Sparse arrays in the forms for rules, and sparse arrays made from indices.

A `BCOO` stores values, and the place of each value: a row of ``indices``. Leading axes may be batch axes
(``n_batch``), and last axes may be dense (``n_dense``). A place may occur twice: its values add up. A place out of
bounds is padding and has no effect.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from kernelkit.typing import DType, Tensor, Tree


def stand_in(shape: tuple, dtype: DType) -> BCOO:
    """Return a sparse array of shapes and dtypes without values."""

    def make() -> BCOO:
        return BCOO((jnp.zeros((3,), dtype), jnp.zeros((3, len(shape)), "int32")), shape=shape)

    return jax.eval_shape(make)


def as_bcoo(x: Tensor) -> BCOO:
    """Return an array of any of jax's sparse formats as `BCOO`."""
    if isinstance(x, BCOO):
        return x
    return x.to_bcoo() if hasattr(x, "to_bcoo") else BCOO.fromdense(x.todense())


def without_batches(x: BCOO) -> BCOO:
    """Return an array without batch axes."""
    if not x.n_batch:
        return x
    parts = _without_batches(x.shape[: x.n_batch], x.data, x.indices)
    return BCOO(parts, shape=x.shape, unique_indices=x.unique_indices)


@functools.partial(jax.jit, static_argnums=0)
def _without_batches(lead: tuple, data: jax.Array, indices: jax.Array) -> tuple:
    count = len(lead)
    # Values that are equal along an axis may be stored once.
    data = jnp.broadcast_to(data, (*lead, *data.shape[count:]))
    own = jnp.broadcast_to(indices, (*lead, *indices.shape[count:]))
    grid = jnp.moveaxis(jnp.indices(lead, indices.dtype), 0, -1)[..., None, :]
    indices = jnp.concatenate([jnp.broadcast_to(grid, (*own.shape[:-1], count)), own], axis=-1)
    rows = math.prod(indices.shape[:-1])
    return data.reshape(rows, *data.shape[count + 1 :]), indices.reshape(rows, -1)


def plain(x: BCOO) -> BCOO:
    """Return an array without batch and dense axes: single values, each with an index for every axis."""
    x = without_batches(x)
    if not x.n_dense:
        return x
    indices = _plain_indices(x.shape[x.n_sparse :], x.indices)
    return BCOO((x.data.reshape(-1), indices), shape=x.shape, unique_indices=x.unique_indices)


@functools.partial(jax.jit, static_argnums=0)
def _plain_indices(tail: tuple, indices: jax.Array) -> jax.Array:
    grid = jnp.indices(tail, indices.dtype).reshape(len(tail), -1).T
    return jnp.concatenate([jnp.repeat(indices, len(grid), axis=0), jnp.tile(grid, (len(indices), 1))], axis=-1)


def unique(x: BCOO) -> BCOO:
    """Return an array in which each place occurs once."""
    if x.unique_indices:
        return x
    x = without_batches(x)
    indices, slots = _places(x.shape, x.indices)
    return BCOO((_added(x.data, slots, len(indices)), indices), shape=x.shape, indices_sorted=True, unique_indices=True)


def alike(x: BCOO, y: BCOO) -> tuple[BCOO, BCOO]:
    """Return two arrays without batch axes, with the same dense axes."""
    x, y = without_batches(x), without_batches(y)
    return (x, y) if x.n_dense == y.n_dense else (plain(x), plain(y))


def aligned(x: BCOO, y: BCOO) -> tuple[jax.Array, tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """Return two arrays of one shape over the same places.

    Returns:
        The places of both, each once; the values of ``x`` and of ``y`` there, 0 for missing values; and, as
        booleans, the places that each array has.
    """
    x, y = alike(x, y)
    return _aligned(x.shape, x.data, x.indices, y.data, y.indices)


@functools.partial(jax.jit, static_argnums=0)
def _aligned(shape: tuple, data1: Any, indices1: Any, data2: Any, indices2: Any) -> tuple:
    indices, slots = _places(shape, jnp.concatenate([indices1, indices2]))
    count, own = len(indices), (slots[: len(indices1)], slots[len(indices1) :])
    values = (_added(data1, own[0], count), _added(data2, own[1], count))
    has = tuple(jnp.zeros(count, bool).at[s].set(True) for s in own)
    return indices, values, has


def among(x: BCOO, wanted: jax.Array, at_most: int) -> BCOO:
    """Return an array with some of the values of ``x``, no more than a given number.

    Args:
        x: Array without batches.
        wanted: Booleans, one for each place of ``x``.
        at_most: Upper bound of the number of true values.
    """
    data, indices = _among(x.shape, x.data, x.indices, wanted, at_most)
    flags = {"indices_sorted": x.indices_sorted, "unique_indices": x.unique_indices}
    return BCOO((data, indices), shape=x.shape, **flags)


@functools.partial(jax.jit, static_argnums=(0, 4))
def _among(shape: tuple, data: Tree, indices: Tensor, wanted: Any, at_most: int) -> tuple:
    (kept,) = jnp.nonzero(wanted, size=at_most, fill_value=len(indices))
    padding = jnp.array(shape[: indices.shape[-1]], indices.dtype)
    return data.at[kept].get(mode="fill", fill_value=0), jnp.concatenate([indices, padding[None]])[kept]


def values_at(x: BCOO, dense: jax.Array) -> jax.Array:
    """Return the values that a dense array has at the places of ``x``, so that they broadcast with ``x.data``.

    Args:
        x: Array without batches.
        dense: Array that broadcasts to the shape of ``x``. Its value at padding is 1.
    """
    return _values_at(x.shape, x.indices, dense)


@functools.partial(jax.jit, static_argnums=0)
def _values_at(shape: tuple, indices: jax.Array, dense: jax.Array) -> jax.Array:
    n_sparse = indices.shape[1]
    dense = dense.reshape((1,) * (len(shape) - dense.ndim) + dense.shape)
    outside = (indices >= jnp.array(shape[:n_sparse], indices.dtype)).any(-1)
    columns = tuple(indices[:, i] if dense.shape[i] > 1 else 0 * indices[:, i] for i in range(n_sparse))
    ones = jnp.ones((), dense.dtype)
    return jnp.where(outside.reshape(-1, *(1,) * (len(shape) - n_sparse)), ones, dense[columns])


def one_hot(indices: Tensor, depth: int, axis: int, dtype: DType) -> BCOO:
    """Return sparse vectors with a one at each index (of NumPy's or jax's); see `ops.one_hot`."""
    xp = np if isinstance(indices, np.ndarray) else jnp  # NumPy on the host: no compilation for each new shape
    columns = list(xp.indices(indices.shape, "int32").reshape(indices.ndim, -1))
    known, classes = _known(indices, depth, xp)
    columns.insert(axis % (indices.ndim + 1), classes.reshape(-1))
    shape = list(indices.shape)
    shape.insert(axis % (indices.ndim + 1), depth)
    return BCOO((known.reshape(-1).astype(dtype), xp.stack(columns, axis=-1)), shape=tuple(shape), unique_indices=True)


def sums_at(indices: Tensor, added: Any, depth: int) -> BCOO:
    """Return sparse sums: for each row of indices, the sum of the values at each index.

    Args:
        indices: Integers (..., samples) of NumPy or jax; indices outside of [0, depth) are ignored.
        added: Values to add at each index, of the same shape.
        depth: Number of indices.

    Returns:
        Sums (..., depth), each place once.
    """
    shape = (*indices.shape[:-1], depth)
    if not isinstance(indices, np.ndarray):
        known, classes = _known(indices, depth, jnp)
        columns = [*jnp.indices(indices.shape, "int32")[:-1], classes]
        places = jnp.stack(columns, axis=-1).reshape(-1, len(columns))
        values = jnp.where(known, added, jnp.zeros((), added.dtype)).reshape(-1)
        return unique(BCOO((values, places), shape=shape))
    known = (indices >= 0) & (indices < depth)
    rows = np.arange(math.prod(indices.shape[:-1])).reshape(*indices.shape[:-1], 1)
    found, slots = np.unique((rows * depth + indices)[known], return_inverse=True)
    sums = np.zeros(len(found), added.dtype)
    np.add.at(sums, slots, added[known])
    at = np.stack(np.unravel_index(found, shape), axis=-1).astype("int32")
    return BCOO((jnp.asarray(sums), jnp.asarray(at)), shape=shape, indices_sorted=True, unique_indices=True)


def _known(indices: Tensor, depth: int, xp: Any) -> tuple[Tensor, Tensor]:
    """Return the mask of indices in [0, depth), and the indices with all others replaced by padding."""
    known = (indices >= 0) & (indices < depth)
    return known, xp.where(known, indices, depth).astype("int32")


def without_axis(x: BCOO, axis: int) -> BCOO:
    """Return the sum over an axis of an array without batches, each place once."""
    kept = [i for i in range(x.ndim) if i != axis % x.ndim]
    return unique(BCOO((x.data, x.indices[:, np.array(kept)]), shape=tuple(x.shape[i] for i in kept)))


def ones_where_not_zero(x: BCOO) -> BCOO:
    """Return ones in place of all values that are not 0."""
    ones = (x.data != 0).astype(x.dtype)
    return BCOO((ones, x.indices), shape=x.shape, indices_sorted=x.indices_sorted, unique_indices=x.unique_indices)


@functools.partial(jax.jit, static_argnums=0)
def _places(shape: tuple, indices: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the unique rows of indices, padded to the given number, and the place of each given row among them."""
    padding = jnp.array(shape[: indices.shape[-1]], indices.dtype)
    found, slots = jnp.unique(indices, axis=0, return_inverse=True, size=len(indices), fill_value=padding)
    return found, slots.reshape(-1)


@functools.partial(jax.jit, static_argnums=2)
def _added(values: jax.Array, slots: jax.Array, count: int) -> jax.Array:
    sums = jnp.zeros((count, *values.shape[1:]), values.dtype).at[slots]
    return sums.max(values) if values.dtype == bool else sums.add(values)
