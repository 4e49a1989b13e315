"""`Concatenate`: inputs side by side."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.layer import Layer
from kernelkit.layers.merging import checked_shapes


class Concatenate(Layer):
    """Put inputs side by side along an axis.

    Args:
        axis: The axis.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Concatenate()([kk.ops.ones((2, 3)), kk.ops.ones((2, 5))]).shape
        (2, 8)
    """

    supports_masking = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        shapes = checked_shapes(self, input_shape)
        rank = len(shapes[0])
        if any(len(shape) != rank for shape in shapes) or not -rank <= self.axis < rank:
            raise ValueError(f"{self._who()}: inputs of the shapes {shapes} have no common axis {self.axis}.")
        for axis in set(range(rank)) - {self.axis % rank}:
            if len({shape[axis] for shape in shapes} - {None}) > 1:
                raise ValueError(
                    f"{self._who()} cannot put inputs of the shapes {shapes} side by side along axis {self.axis}: "
                    f"axis {axis} differs."
                )

    def call(self, inputs: Any) -> jax.Array:
        return jnp.concatenate([jnp.asarray(x) for x in inputs], axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the masks side by side; an input without a mask counts as not masked."""
        if not isinstance(mask, (list, tuple)) or all(m is None for m in mask):
            return None
        shapes = [tuple(x.shape) for x in inputs]
        full = []
        for shape, one in zip(shapes, mask, strict=True):
            one = jnp.ones(shape, bool) if one is None else jnp.asarray(one).astype(bool)
            full.append(jnp.broadcast_to(one.reshape(one.shape + (1,) * (len(shape) - one.ndim)), shape))
        return jnp.any(jnp.concatenate(full, axis=self.axis), axis=-1)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Return ``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)
