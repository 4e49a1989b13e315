"""`Dot`: dot products of two inputs, sample by sample."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import sparse
from kernelkit.layers.layer import Layer
from kernelkit.layers.merging import checked_shapes
from kernelkit.ops.nn import normalize
from kernelkit.typing import Shapes, Tensor, Tree


class Dot(Layer):
    """Multiply two inputs and sum over an axis of each.

    Args:
        axes: Int, or one for each input: the axes that are summed over (not 0, the batch axis).
        normalize: Whether the inputs are divided by their norms along these axes, which gives cosines.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Dot(axes=(2, 1))([kk.ops.ones((5, 2, 3)), kk.ops.ones((5, 3, 4))]).shape
        (5, 2, 4)
    """

    supports_masking = True
    _takes_sparse = True

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, int) else axes
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(a, int) for a in pair):
            raise ValueError(f"{self.who()}: axes must be an int or two, got {axes!r}.")
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self.normalize = normalize
        self._pair = tuple(pair)

    def build(self, input_shape: Shapes) -> None:
        shapes = checked_shapes(self, input_shape)
        if len(shapes) != 2:
            raise ValueError(f"{self.who()} takes exactly 2 inputs, got {len(shapes)}: shapes {shapes}.")
        sizes = []
        for shape, axis in zip(shapes, self._pair, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(f"{self.who()}: axis {axis} of an input of shape {shape} cannot be summed over.")
            sizes.append(shape[axis])
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"{self.who()}: axes {self.axes} have the sizes {sizes[0]} and {sizes[1]} in inputs of the shapes "
                f"{shapes}, but must agree."
            )

    def call(self, inputs: Tensor) -> jax.Array:
        return self._merge_function(inputs)

    def _merge_function(self, inputs: Tensor) -> jax.Array:
        """Combine the inputs. Keras's name, which subclasses override."""
        arrays = [jnp.asarray(sparse.to_dense(x)) for x in inputs]
        axes = [axis % x.ndim for axis, x in zip(self._pair, arrays, strict=True)]
        if self.normalize:
            arrays = [normalize(x, axis=axis) for x, axis in zip(arrays, axes, strict=True)]
        contracted = ((axes[0],), (axes[1],))
        result = jax.lax.dot_general(arrays[0], arrays[1], dimension_numbers=(contracted, ((0,), (0,))))
        result = result[:, None] if result.ndim == 1 else result
        return sparse.from_dense(result) if all(map(sparse.is_sparse, inputs)) else result

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> None:
        """Return ``None``: the output has no mask."""
        return


def dot(inputs: Tensor, axes: Any = -1, **kwargs: Any) -> Tree:
    """Return ``Dot(axes, **kwargs)(inputs)``.

    Example:
        >>> import kernelkit as kk
        >>> a, b = kk.ops.array([[1.0, 2.0]]), kk.ops.array([[3.0, 5.0]])
        >>> print(kk.layers.dot([a, b], axes=1))
        [[13.]]
    """
    return Dot(axes, **kwargs)(inputs)
