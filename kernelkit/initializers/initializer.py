"""The base of initializers: functions from a shape to the initial value of a weight."""

from __future__ import annotations

import jax

from kernelkit import serialize
from kernelkit.typing import DType, KnownShape


class Initializer(serialize.Configurable):
    """A function that makes the initial value of a weight. Subclass it and define ``__call__``.

    Example:
        >>> import jax.numpy as jnp
        >>> from kernelkit import initializers
        >>> class Halves(initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return jnp.full(shape, 0.5, dtype)
        >>> Halves()((2,)).tolist()
        [0.5, 0.5]
    """

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        """Return an array.

        Args:
            shape: Tuple of ints.
            dtype: Dtype of the result; the default float type for ``None``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype=None).")

    def clone(self) -> Initializer:
        """Return an initializer with the same arguments; without a seed, the copy draws a new one."""
        return self.from_config(self.get_config())
