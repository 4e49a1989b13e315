"""Sparse tensors: `jax.experimental.sparse.BCOO` arrays, which ops and layers accept like dense arrays.

The table :data:`kernelkit.sparse.rules.RULES` holds the rule of each op for sparse arrays; an op without a rule
computes on dense arrays. jax's sparse module is imported at its first use: before that no sparse array can exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit.sparse.kinds import densify, from_dense, is_sparse, is_sparse_type, stand_in, to_dense
from kernelkit.typing import Tensor

__all__ = ["densify", "from_dense", "is_sparse", "is_sparse_type", "run", "stand_in", "to_dense"]


def run(function: Callable, args: tuple, kwargs: dict) -> Tensor:
    """Call the function of an op with sparse arguments.

    Args:
        function: A function of dense arrays. If it is a function of :mod:`kernelkit.ops` in the table, its rule is
            applied; if not, it is called on dense arrays.
        args: Arguments; lists, tuples and dicts may contain sparse arrays.
        kwargs: More arguments.

    Returns:
        Sparse or dense arrays.
    """
    from kernelkit.sparse.rules import apply

    return apply(function, args, kwargs)
