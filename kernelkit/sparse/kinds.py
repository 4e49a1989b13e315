"""Recognize sparse arrays, and convert between sparse and dense."""

from __future__ import annotations

import functools
import sys
from typing import Any

import jax.tree_util as jtu

from kernelkit.typing import DType, Tensor, Tree


def is_sparse(value: Any) -> bool:
    """Return whether a value is a sparse array of jax.

    Example:
        >>> import jax.numpy as jnp
        >>> from jax.experimental.sparse import BCOO
        >>> is_sparse(BCOO.fromdense(jnp.eye(3))), is_sparse(jnp.eye(3))
        (True, False)
    """
    return is_sparse_type(type(value))  # type: ignore[arg-type]


@functools.cache
def is_sparse_type(kind: type) -> bool:
    """Return whether a class is one of jax's sparse arrays."""
    module = sys.modules.get("jax.experimental.sparse")
    return module is not None and issubclass(kind, module.JAXSparse)


def to_dense(value: Tensor) -> Tensor:
    """Return a sparse array as a dense array, any other value unchanged."""
    if not is_sparse(value):
        return value
    if value.dtype != bool:
        return value.todense()
    # jax adds up the values at one place, which it cannot do with booleans.
    from kernelkit.sparse.arrays import as_bcoo

    flags = as_bcoo(value)
    return type(flags)((flags.data.astype("int32"), flags.indices), shape=flags.shape).todense() > 0


def from_dense(value: Tensor, at_most: int | None = None) -> Tensor:
    """Return a dense array as a sparse array.

    Args:
        value: Array.
        at_most: Largest number of values other than 0; by default the number of elements.
    """
    from jax.experimental.sparse import BCOO

    return BCOO.fromdense(value, nse=value.size if at_most is None else min(at_most, value.size))


def densify(structure: Tree) -> Tensor:
    """Return a nested structure with dense arrays in place of sparse ones."""
    return jtu.tree_map(to_dense, structure, is_leaf=is_sparse)


def stand_in(shape: tuple, dtype: DType) -> Tensor:
    """Return a sparse array of shapes and dtypes without values, for `jax.eval_shape`.

    Example:
        >>> stand_in((2, 3), "float32").shape
        (2, 3)
    """
    from kernelkit.sparse.arrays import stand_in as make

    return make(shape, dtype)
