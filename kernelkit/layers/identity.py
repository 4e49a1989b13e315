"""`Identity`: the inputs, unchanged."""

from __future__ import annotations

import jax

from kernelkit.layers.layer import Layer
from kernelkit.typing import Tree


class Identity(Layer):
    """Return the inputs, of any structure, unchanged.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Identity()(kk.ops.ones((2, 3))).shape
        (2, 3)
    """

    supports_masking = True
    _takes_sparse = True

    def call(self, inputs: Tree) -> Tree:
        # A new list or dict that holds the same tensors.
        return jax.tree_util.tree_map(lambda x: x, inputs)
