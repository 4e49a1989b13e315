"""Layers that combine several inputs element by element."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import ops
from kernelkit.layers.layer import Layer
from kernelkit.typing import Shape, Shapes, Tensor, Tree


class Merge(Layer):
    """Combine a list of inputs element by element. Subclasses define :meth:`merge`.

    Inputs are broadcast. An input with fewer axes gets new axes after the batch axis.
    """

    supports_masking = True
    _takes_sparse = True
    _exactly: int | None = None

    def build(self, input_shape: Shapes) -> None:
        shapes = checked_shapes(self, input_shape)
        if self._exactly is not None and len(shapes) != self._exactly:
            raise ValueError(
                f"{self.who()}: this layer should be called on exactly {self._exactly} inputs, got {len(shapes)}: "
                f"shapes {shapes}."
            )
        rank = max(len(shape) for shape in shapes)
        aligned = [(*shape[:1], *(1,) * (rank - len(shape)), *shape[1:]) for shape in shapes]
        for axis, sizes in enumerate(zip(*aligned, strict=True)):
            known = {size for size in sizes if size is not None and (axis == 0 or size != 1)}
            if len(known) > 1:
                raise ValueError(f"{self.who()} cannot combine inputs of the shapes {shapes}: axis {axis} differs.")

    def _known_shape_of(self, shapes: list[Shape]) -> Shape | None:
        if not merges_as_shipped(self):
            return None
        if len(shapes) != (self._exactly or len(shapes)) or len({(len(shape), *shape[:1]) for shape in shapes}) > 1:
            return None
        sizes = [set(sizes) - {1} or {1} for sizes in zip(*(shape[1:] for shape in shapes), strict=True)]
        if any(len(found) > 1 for found in sizes):
            return None  # the trace decides: sizes differ, or one is unknown
        return (*shapes[0][:1], *(size for found in sizes for size in found))

    def call(self, inputs: Tree) -> jax.Array:
        arrays = [ops.convert_to_tensor(x) for x in inputs]
        rank = max(x.ndim for x in arrays)
        return self._merge_function([_of_rank(rank, x) for x in arrays])

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        """Combine arrays of equal rank. Keras's name, which subclasses override."""
        raise NotImplementedError(f"{type(self).__name__} must define _merge_function(inputs).")

    def compute_mask(self, inputs: Tree, mask: Tensor = None) -> Tree:
        """Return the logical or of the masks; ``None`` if an input has no mask."""
        masks = checked_masks(self, inputs, mask)
        return None if any(m is None for m in masks) else functools.reduce(jnp.logical_or, masks)


class MaskedMerge(Merge):
    """A merge in which a masked position of one input leaves the other input unchanged."""

    def call(self, inputs: Tree, mask: Tensor = None) -> jax.Array:
        if mask is None or all(m is None for m in mask):
            return super().call(inputs)
        arrays = [ops.convert_to_tensor(x, sparse=False) for x in inputs]
        counts = [
            jnp.ones(x.shape[:1], bool) if m is None else jnp.asarray(m) for x, m in zip(arrays, mask, strict=True)
        ]
        counts = [m.reshape(*m.shape, *(1,) * (x.ndim - m.ndim)) for x, m in zip(arrays, counts, strict=True)]
        result, counted = arrays[0], counts[0]
        for x, m in zip(arrays[1:], counts[1:], strict=True):
            result = jnp.where(counted & m, self._merge_function([result, x]), jnp.where(counted, result, x))
            counted = counted | m
        return result


def _of_rank(rank: int, x: Tensor) -> Tensor:
    return x if x.ndim == rank else ops.reshape(x, (*x.shape[:1], *(1,) * (rank - x.ndim), *x.shape[1:]))


def checked_shapes(layer: Layer, input_shape: Shapes) -> list[tuple]:
    """Return the shapes of a list of inputs.

    Raises:
        ValueError: If the input is not a list.
    """
    shapes = list(input_shape) if isinstance(input_shape, (list, tuple)) else []
    if not shapes or not all(isinstance(shape, (list, tuple)) for shape in shapes):
        raise ValueError(f"{layer.who()} takes a list of inputs, such as layer([a, b]); got shape {input_shape}.")
    return [tuple(shape) for shape in shapes]


def checked_masks(layer: Layer, inputs: Tree, mask: Tensor) -> list:
    """Return the mask of each input as an array, or ``None``.

    Raises:
        ValueError: If the number of masks differs from the number of inputs.
    """
    if mask is None:
        return [None]
    for name, value in (("inputs", inputs), ("mask", mask)):
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{layer.who()}, compute_mask(): `{name}` should be a list. Got {value!r}.")
    if len(mask) != len(inputs):
        raise ValueError(
            f"{layer.who()}, compute_mask(): `inputs` and `mask` should have the same length, got {len(inputs)} and "
            f"{len(mask)}."
        )
    return [m if m is None else jnp.asarray(getattr(m, "value", m)).astype(bool) for m in mask]


class Add(Merge):
    """The sum of the inputs.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Add()([kk.ops.array([[1.0, 2.0]]), kk.ops.array([[3.0, 4.0]])]).tolist()
        [[4.0, 6.0]]
    """

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        return functools.reduce(ops.add, inputs)


class Subtract(Merge):
    """The first input minus the second.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Subtract()([kk.ops.array([[1.0, 2.0]]), kk.ops.array([[3.0, 5.0]])]).tolist()
        [[-2.0, -3.0]]
    """

    _exactly = 2

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        return ops.subtract(*inputs)


class Multiply(MaskedMerge):
    """The product of the inputs.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Multiply()([kk.ops.array([[1.0, 2.0]]), kk.ops.array([[3.0, 4.0]])]).tolist()
        [[3.0, 8.0]]
    """

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        return functools.reduce(ops.multiply, inputs)


class Average(Merge):
    """The mean of the inputs.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Average()([kk.ops.array([[1.0, 2.0]]), kk.ops.array([[3.0, 4.0]])]).tolist()
        [[2.0, 3.0]]
    """

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        return ops.divide(functools.reduce(ops.add, inputs), len(inputs))


class Maximum(MaskedMerge):
    """The largest value of the inputs, element by element.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Maximum()([kk.ops.array([[1.0, 9.0]]), kk.ops.array([[3.0, 4.0]])]).tolist()
        [[3.0, 9.0]]
    """

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        return functools.reduce(ops.maximum, inputs)


class Minimum(MaskedMerge):
    """The smallest value of the inputs, element by element.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Minimum()([kk.ops.array([[1.0, 9.0]]), kk.ops.array([[3.0, 4.0]])]).tolist()
        [[1.0, 4.0]]
    """

    def _merge_function(self, inputs: list[jax.Array]) -> jax.Array:
        return functools.reduce(ops.minimum, inputs)


def merges_as_shipped(layer: Any) -> bool:
    """Return whether a layer merges by kernelkit's own `_merge_function`, patched in neither its class nor itself."""
    own = type(layer)._merge_function.__module__.startswith("kernelkit.")
    return own and "_merge_function" not in vars(layer)


def _function(layer: type[Merge]) -> Callable:
    """Return the functional form of a layer: ``add(inputs)`` for ``Add()(inputs)``."""

    def function(inputs: Tree, **kwargs: Any) -> Tree:
        return layer(**kwargs)(inputs)

    function.__name__ = function.__qualname__ = layer.__name__.lower()
    function.__doc__ = f"""Return ``{layer.__name__}(**kwargs)(inputs)``.

    Args:
        inputs: List of arrays or symbolic tensors.
        **kwargs: Arguments of :class:`~kernelkit.layers.{layer.__name__}`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.{function.__name__}([kk.ops.ones((2, 3)), kk.ops.ones((2, 3))]).shape
        (2, 3)
    """
    return function


add = _function(Add)
subtract = _function(Subtract)
multiply = _function(Multiply)
average = _function(Average)
maximum = _function(Maximum)
minimum = _function(Minimum)
