"""Sliding windows of convolution and pooling: padding as pairs, one tap of a window."""

from typing import NamedTuple

import jax
from jax import lax


class Geometry(NamedTuple):
    """Strides, padding, dilation and inflation: one number, or one (low, high) pair, for each spatial axis."""

    strides: tuple[int, ...]
    inflation: tuple[int, ...]  # distance between input cells: the strides of a transposed convolution
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int


def pad_pairs(padding, shape, window, strides, dilation) -> tuple[tuple[int, int], ...]:
    """`padding` ("VALID", "SAME" or pairs) as one (low, high) pair for each spatial axis."""
    if not isinstance(padding, str):
        return tuple((int(low), int(high)) for low, high in padding)
    return tuple(lax.padtype_to_pads(shape, extents(window, dilation), strides, padding.upper()))


def extents(window, dilation) -> tuple[int, ...]:
    """The number of cells that a dilated window spans along each axis."""
    return tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))


def pad_spatial(x, pads, value=0):
    """`x` (N, *spatial, C) with its spatial axes padded (or cropped, where a pair is negative)."""
    if not any(low or high for low, high in pads):
        return x
    return lax.pad(
        x, jax.numpy.asarray(value, x.dtype), ((0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0))
    )


def tap(x, axis: int, offset: int, size: int, stride: int):
    """The inputs of one window cell along `axis`: `size` cells from `offset`, `stride` apart."""
    return lax.slice_in_dim(x, offset, offset + (size - 1) * stride + 1, stride, axis)


def output_shape(shape, kernel_shape, geometry: Geometry) -> tuple[int, ...]:
    """The spatial sizes of a convolution's output."""
    spans = extents(kernel_shape[:-2], geometry.dilation)
    spread = [(size - 1) * factor + 1 for size, factor in zip(shape[1:-1], geometry.inflation, strict=True)]
    return tuple(
        (size + low + high - span) // stride + 1
        for size, (low, high), span, stride in zip(spread, geometry.pads, spans, geometry.strides, strict=True)
    )


def inflate(x, geometry: Geometry):
    """`x` (N, *spatial, C) inflated and padded, ready for a plain sliding window."""
    spread = [(low, high, factor - 1) for (low, high), factor in zip(geometry.pads, geometry.inflation, strict=True)]
    if not any(map(any, spread)):
        return x
    return lax.pad(x, jax.numpy.zeros((), x.dtype), ((0, 0, 0), *spread, (0, 0, 0)))
