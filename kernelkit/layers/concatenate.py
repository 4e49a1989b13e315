"""`Concatenate`: inputs joined along an axis."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import ops
from kernelkit.layers.layer import Layer
from kernelkit.layers.merging import checked_masks, checked_shapes, merges_as_shipped
from kernelkit.typing import Shape, Shapes, Tensor, Tree


class Concatenate(Layer):
    """Join inputs along an axis.

    Args:
        axis: The axis.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Concatenate()([kk.ops.ones((2, 3)), kk.ops.ones((2, 5))]).shape
        (2, 8)
    """

    supports_masking = True
    _takes_sparse = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Shapes) -> None:
        shapes = checked_shapes(self, input_shape)
        rank = len(shapes[0])
        if any(len(shape) != rank for shape in shapes) or not -rank <= self.axis < rank:
            raise ValueError(f"{self.who()}: inputs of the shapes {shapes} have no common axis {self.axis}.")
        for axis in set(range(rank)) - {self.axis % rank}:
            if len({shape[axis] for shape in shapes} - {None}) > 1:
                raise ValueError(
                    f"{self.who()} requires inputs with matching shapes except for the concatenation axis, which is "
                    f"{self.axis}: of the shapes {shapes}, axis {axis} differs."
                )

    def _known_shape_of(self, shapes: list[Shape]) -> Shape | None:
        rank = len(shapes[0])
        if not merges_as_shipped(self) or not -rank <= self.axis < rank:
            return None
        axis = self.axis % rank
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if axis == 0 or len(rest) > 1 or any(len(shape) != rank for shape in shapes):
            return None  # the trace decides: sizes differ, or one is unknown
        sizes = [shape[axis] for shape in shapes]
        joined = None if None in sizes else sum(size for size in sizes if size is not None)
        return (*shapes[0][:axis], joined, *shapes[0][axis + 1 :])

    def call(self, inputs: Tensor) -> jax.Array:
        return self._merge_function(list(inputs))

    def _merge_function(self, inputs: list) -> jax.Array:
        """Combine the inputs. Keras's name, which subclasses override."""
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> Tree:
        """Return the joined masks; an input without a mask counts as unmasked."""
        masks = checked_masks(self, inputs, mask)
        if all(m is None for m in masks):
            return None
        # A size that is unknown in symbolic inputs is taken from the masks.
        known = next(m.shape for m in masks if m is not None)
        full = []
        for x, one in zip(inputs, masks, strict=True):
            given = known if one is None else one.shape
            shape = tuple(given[i] if size is None else size for i, size in enumerate(x.shape))
            one = jnp.ones(shape, bool) if one is None else one
            full.append(jnp.broadcast_to(one.reshape(one.shape + (1,) * (len(shape) - one.ndim)), shape))
        return jnp.any(jnp.concatenate(full, axis=self.axis), axis=-1)


def concatenate(inputs: Tensor, axis: int = -1, **kwargs: Any) -> Tree:
    """Return ``Concatenate(axis, **kwargs)(inputs)``.

    Example:
        >>> import kernelkit as kk
        >>> a, b = kk.ops.array([[1.0, 2.0]]), kk.ops.array([[3.0, 5.0]])
        >>> print(kk.layers.concatenate([a, b]))
        [[1. 2. 3. 5.]]
    """
    return Concatenate(axis, **kwargs)(inputs)
