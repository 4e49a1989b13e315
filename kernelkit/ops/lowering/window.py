"""What convolution and pooling share: padding as pairs, one tap of a sliding window."""

import jax
from jax import lax


def pad_pairs(padding, shape, window, strides, dilation) -> tuple[tuple[int, int], ...]:
    """`padding` ("VALID", "SAME" or pairs) as one (low, high) pair for each spatial axis."""
    if not isinstance(padding, str):
        return tuple((int(low), int(high)) for low, high in padding)
    return tuple(lax.padtype_to_pads(shape, extents(window, dilation), strides, padding.upper()))


def extents(window, dilation) -> tuple[int, ...]:
    """How many cells a dilated window spans along each axis."""
    return tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))


def pad_spatial(x, pads, value=0):
    """`x` (N, *spatial, C) with its spatial axes padded (or cropped, where a pair is negative)."""
    if not any(low or high for low, high in pads):
        return x
    return lax.pad(
        x, jax.numpy.asarray(value, x.dtype), ((0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0))
    )


def tap(x, axis: int, offset: int, size: int, stride: int):
    """What one cell of the window sees along `axis`: `size` cells from `offset`, `stride` apart."""
    return lax.slice_in_dim(x, offset, offset + (size - 1) * stride + 1, stride, axis)
