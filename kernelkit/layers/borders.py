"""Layers that cut off the borders of sequences, images and volumes, or add zeros around them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor


class _Cropping(Layer):
    """Cut off elements at both ends of each spatial axis."""

    _spatial_axes: int

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pairs = pairs(self, "cropping", cropping, self._spatial_axes)
        self.cropping = self._pairs if self._spatial_axes > 1 else self._pairs[0]
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._spatial_axes + 2)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        first = _first_spatial_axis(self.data_format)
        sizes = x.shape[first : first + self._spatial_axes]
        if any(sum(pair) >= size for pair, size in zip(self._pairs, sizes, strict=True)):
            raise ValueError(self._too_much(x.shape))
        cuts = [slice(a, size - b) for (a, b), size in zip(self._pairs, sizes, strict=True)]
        return x[(slice(None),) * first + tuple(cuts)]

    def _too_much(self, shape: tuple) -> str:
        return (
            "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the input."
            f" {self.who()}: cropping={self.cropping} leaves nothing of an input of shape {shape}."
        )


class Cropping1D(_Cropping):
    """Cut off steps at the beginning and the end of sequences.

    Args:
        cropping: Number of steps: one int for both ends, or two ints (beginning, end).

    Input shape: (batch, steps, features).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Cropping1D((1, 2))(kk.ops.ones((5, 8, 3))).shape
        (5, 5, 3)
    """

    _spatial_axes = 1
    _not_in_config = ("data_format",)

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)

    def _too_much(self, shape: tuple) -> str:
        return (
            f"The sum of the `cropping` parameter of `Cropping1D` layer must be smaller than the number of steps. "
            f"{self.who()}: cropping={self.cropping} leaves nothing of an input of shape {shape}."
        )


class Cropping2D(_Cropping):
    """Cut off rows and columns of images.

    Args:
        cropping: Int, two ints (height, width), or two pairs ((top, bottom), (left, right)).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Cropping2D(((1, 0), (2, 2)))(kk.ops.ones((5, 8, 8, 3))).shape
        (5, 7, 4, 3)
    """

    _spatial_axes = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """Cut off the borders of volumes.

    Args:
        cropping: Int, three ints, or three pairs.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Cropping3D(1)(kk.ops.ones((5, 8, 8, 8, 3))).shape
        (5, 6, 6, 6, 3)
    """

    _spatial_axes = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


class _ZeroPadding(Layer):
    """Add zeros at both ends of each spatial axis."""

    _spatial_axes: int

    def __init__(self, padding: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pairs = pairs(self, "padding", padding, self._spatial_axes)
        self.padding = self._pairs if self._spatial_axes > 1 else self._pairs[0]
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._spatial_axes + 2)

    def call(self, inputs: Tensor) -> jax.Array:
        none = ((0, 0),)
        first = _first_spatial_axis(self.data_format)
        return jnp.pad(jnp.asarray(inputs), none * first + self._pairs + none * (2 - first))


class ZeroPadding1D(_ZeroPadding):
    """Add steps of zeros at the beginning and the end of sequences.

    Args:
        padding: Number of steps: one int for both ends, or two ints (beginning, end).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, steps, features).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ZeroPadding1D((1, 2))(kk.ops.ones((5, 8, 3))).shape
        (5, 11, 3)
    """

    _spatial_axes = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding2D(_ZeroPadding):
    """Add rows and columns of zeros around images.

    Args:
        padding: Int, two ints (height, width), or two pairs ((top, bottom), (left, right)).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ZeroPadding2D(1)(kk.ops.ones((5, 8, 8, 3))).shape
        (5, 10, 10, 3)
    """

    _spatial_axes = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(_ZeroPadding):
    """Add zeros around volumes.

    Args:
        padding: Int, three ints, or three pairs.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ZeroPadding3D((1, 0, 2))(kk.ops.ones((5, 8, 8, 8, 3))).shape
        (5, 10, 8, 12, 3)
    """

    _spatial_axes = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


def pairs(layer: Layer, name: str, value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """Return a pair (before, after) for each axis, from one int, one int for each axis, or pairs.

    For a single axis, two ints are the pair.
    """
    result: Any = value
    if isinstance(value, int):
        result = ((value, value),) * axes
    elif isinstance(value, (tuple, list)) and axes == 1 and len(value) == 2:
        result = (tuple(value),)
    elif isinstance(value, (tuple, list)) and axes > 1:
        result = tuple((v, v) if isinstance(v, int) else v for v in value)
    valid = isinstance(result, tuple) and len(result) == axes
    valid = valid and all(isinstance(p, (tuple, list)) and len(p) == 2 for p in result)
    if not valid or not all(isinstance(v, int) and v >= 0 for p in result for v in p):
        raise ValueError(
            f"{layer.who()}: {name} must be an int >= 0, or one int or pair of ints for each of the {axes} spatial "
            f"axes (a pair for a single one), got {value!r}."
        )
    return tuple((int(a), int(b)) for a, b in result)


def _first_spatial_axis(data_format: str) -> int:
    return 2 if data_format == "channels_first" else 1
