"""Sliding windows of convolution and pooling: padding as pairs, one tap of a window."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax import lax


class Geometry(NamedTuple):
    """Strides, padding, dilation and inflation: one number, or one (low, high) pair, for each spatial axis."""

    strides: tuple[int, ...]
    inflation: tuple[int, ...]  # distance between input cells: the strides of a transposed convolution
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int


def pad_pairs(
    padding: Any,
    shape: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """`padding` ("VALID", "SAME" or pairs) as one (low, high) pair for each spatial axis."""
    if not isinstance(padding, str):
        return tuple((int(low), int(high)) for low, high in padding)
    return tuple(lax.padtype_to_pads(shape, extents(window, dilation), strides, padding.upper()))


def extents(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """The number of cells that a dilated window spans along each axis."""
    return tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))


def pad_spatial(x: jax.Array, pads: Sequence, value: Any = 0) -> jax.Array:
    """`x` (N, *spatial, C) with its spatial axes padded (or cropped, where a pair is negative)."""
    if not any(low or high for low, high in pads):
        return x
    return lax.pad(
        x, jax.numpy.asarray(value, x.dtype), ((0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0))
    )


def tap(x: jax.Array, axis: int, offset: int, size: int, stride: int) -> jax.Array:
    """The inputs of one window cell along `axis`: `size` cells from `offset`, `stride` apart."""
    return lax.slice_in_dim(x, offset, offset + (size - 1) * stride + 1, stride, axis)


def output_shape(shape: Sequence[int], kernel_shape: Sequence[int], geometry: Geometry) -> tuple[int, ...]:
    """The spatial sizes of a convolution's output."""
    spans = extents(kernel_shape[:-2], geometry.dilation)
    spread = [(size - 1) * factor + 1 for size, factor in zip(shape[1:-1], geometry.inflation, strict=True)]
    return tuple(
        (size + low + high - span) // stride + 1
        for size, (low, high), span, stride in zip(spread, geometry.pads, spans, geometry.strides, strict=True)
    )


def inflate(x: jax.Array, geometry: Geometry) -> jax.Array:
    """`x` (N, *spatial, C) inflated and padded, ready for a plain sliding window."""
    spread = [(low, high, factor - 1) for (low, high), factor in zip(geometry.pads, geometry.inflation, strict=True)]
    if not any(map(any, spread)):
        return x
    return lax.pad(x, jax.numpy.zeros((), x.dtype), ((0, 0, 0), *spread, (0, 0, 0)))
