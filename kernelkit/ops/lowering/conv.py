"""Convolution as XLA's own operation, or, on the CPU, as matrix products of patches.

XLA's CPU convolutions are made for one forward pass: inside a loop, where training is fused, their gradients run 20 to
80 times slower than the same sums written as matrix products; alone, up to 5 times. `benchmarks/lowering.py` measures
it (two cores; alone, a first layer of one channel is the exception: there XLA is faster).
"""

import itertools
import math
import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

from kernelkit.devices import on_cpu
from kernelkit.ops.lowering.window import extents, pad_pairs, pad_spatial, tap

Pairs = Sequence[tuple[int, int]]

# Patches are built and used block by block, so that a block stays in the cores' second-level caches (1 to 2 MB each).
BLOCK_BYTES = 2**20 * (os.cpu_count() or 1)
# Below this many channels the patches' innermost runs are too short to copy one window cell at a time.
FEW_CHANNELS = 16


def convolve(
    x: Array,
    kernel: Array,
    *,
    strides: Sequence[int],
    padding: str | Pairs,
    dilation: Sequence[int],
    groups: int = 1,
) -> Array:
    """Slide a kernel over channels-last data, in 1 to 3 spatial dimensions.

    Args:
        x: Input of shape (N, *spatial, C).
        kernel: Weights of shape (*window, C / groups, F), of `x`'s dtype.
        strides: Step of the window along each spatial axis.
        padding: "VALID", "SAME", or a (low, high) pair for each spatial axis.
        dilation: Distance of neighbouring window cells along each spatial axis.
        groups: Into how many groups the channels are split, each convolved with its own filters.

    Returns:
        An array of shape (N, *output spatial, F) and `x`'s dtype. Half-precision sums are taken in float32.

    Raises:
        ValueError: `x` has not groups times as many channels as the kernel.

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing"
    (2006), for convolution as a matrix product of patches.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.arange(5.0).reshape(1, 5, 1)
        >>> y = convolve(x, jnp.ones((2, 1, 1)), strides=(1,), padding="VALID", dilation=(1,))
        >>> y[0, :, 0].tolist()
        [1.0, 3.0, 5.0, 7.0]
    """
    if x.shape[-1] != groups * kernel.shape[-2]:
        raise ValueError(
            f"The input of shape {x.shape} has {x.shape[-1]} channels, the kernel of shape {kernel.shape} is made for "
            f"{groups} groups of {kernel.shape[-2]}. Give an input with {groups * kernel.shape[-2]} channels."
        )
    pads = pad_pairs(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
    geometry = (tuple(strides), pads, tuple(dilation), groups)
    if on_cpu() and _is_lowered(x, kernel, strides, pads, dilation):
        return _native_unless_differentiated(x, kernel, geometry)
    return _native(x, kernel, geometry)


def _native(x, kernel, geometry):
    strides, pads, dilation, groups = geometry
    letters = "DHW"[3 - len(pads) :]
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


# `evaluate` and `predict` take XLA's forward pass; where gradients flow, the pass and its gradients are the patches'.
_native_unless_differentiated = jax.custom_jvp(_native, nondiff_argnums=(2,))


def _jvp_of_patches(geometry, primals, tangents):
    x, kernel = primals
    dx, dkernel = tangents
    # A batch of data has no tangent: what depends on it alone must not become part of the gradient's work.
    if isinstance(dx, SymbolicZero):
        return jax.jvp(lambda kernel: _lowered(x, kernel, *geometry), (kernel,), (dkernel,))
    if isinstance(dkernel, SymbolicZero):
        return jax.jvp(lambda x: _lowered(x, kernel, *geometry), (x,), (dx,))
    return jax.jvp(lambda x, kernel: _lowered(x, kernel, *geometry), primals, tangents)


_native_unless_differentiated.defjvp(_jvp_of_patches, symbolic_zeros=True)


def _is_lowered(x, kernel, strides, pads, dilation) -> bool:
    sizes = (*x.shape, *kernel.shape)
    if not all(isinstance(size, int) for size in sizes) or not jnp.issubdtype(x.dtype, jnp.floating):
        return False
    return min(sizes) > 0 and min(_output_shape(x.shape, kernel.shape, strides, pads, dilation)) > 0


def _output_shape(shape, kernel_shape, strides, pads, dilation) -> tuple[int, ...]:
    spans = extents(kernel_shape[:-2], dilation)
    return tuple(
        (size + low + high - span) // stride + 1
        for size, (low, high), span, stride in zip(shape[1:-1], pads, spans, strides, strict=True)
    )


def _lowered(x, kernel, strides, pads, dilation, groups):
    dtype = x.dtype
    if dtype.itemsize < 4:
        x, kernel = x.astype(jnp.float32), kernel.astype(jnp.float32)
    x = pad_spatial(x, pads)
    out = _output_shape(x.shape, kernel.shape, strides, ((0, 0),) * len(pads), dilation)
    if groups == 1:
        y = _by_blocks(x, kernel, out, strides, dilation)
    elif groups == x.shape[-1]:
        y = _depthwise(x, kernel, out, strides, dilation)
    else:
        y = _grouped(x, kernel, out, strides, dilation, groups)
    return y.astype(dtype)


def _depthwise(x, kernel, out, strides, dilation):
    """One filter (or a few) for each channel: there is nothing to multiply as matrices, products are summed."""
    multiplier = kernel.shape[-1] // x.shape[-1]
    weights = kernel.reshape(*kernel.shape[:-2], x.shape[-1], multiplier)

    def add_up(x, weights, axis):
        if axis > len(out):
            return x * weights
        cells = (
            tap(add_up(x, w, axis + 1), axis, i * dilation[axis - 1], out[axis - 1], strides[axis - 1])
            for i, w in enumerate(weights)
        )
        return sum(cells)

    y = add_up(x[..., None], weights, 1)
    return y.reshape(*y.shape[:-2], -1)


def _grouped(x, kernel, out, strides, dilation, groups):
    """Groups ahead of the batch: one batched matrix product of each group's patches."""
    x = jnp.moveaxis(x.reshape(*x.shape[:-1], groups, -1), -2, 0)
    kernel = jnp.moveaxis(kernel.reshape(*kernel.shape[:-1], groups, -1), -2, 0)
    y = jnp.moveaxis(jax.vmap(lambda x, k: _by_blocks(x, k, out, strides, dilation))(x, kernel), 0, -2)
    return y.reshape(*y.shape[:-2], -1)


def _by_blocks(x, kernel, out, strides, dilation):
    """Convolve without padding; a block of images, or of rows of one image, at a time where their patches are many."""
    one_image = _patch_bytes(x, kernel, out)
    if math.prod(kernel.shape[:-2]) == 1 or x.shape[0] * one_image <= 2 * BLOCK_BYTES:
        return _by_patches(x, kernel, out, strides, dilation)
    if one_image > BLOCK_BYTES:
        return _by_rows(x, kernel, out, strides, dilation)
    return _block_after_block(x, kernel, out, strides, dilation)


def _by_rows(x, kernel, out, strides, dilation):
    """Cut each image along its first axis into tiles, which overlap as windows do, and convolve these as images."""
    n, stride = x.shape[0], strides[0]
    overlap = max(0, extents(kernel.shape[:-2], dilation)[0] - stride)
    fitting = BLOCK_BYTES // _patch_bytes(x, kernel, out[1:])
    tiles = -(-out[0] // max(1, fitting, -(-overlap // stride)))
    rows = -(-out[0] // tiles)
    rows = max(rows, -(-overlap // stride))

    x = pad_spatial(x, ((0, (tiles + 1) * rows * stride - x.shape[1]), *((0, 0),) * (len(out) - 1)))
    x = x.reshape(x.shape[0], tiles + 1, rows * stride, *x.shape[2:])
    x = jnp.concatenate([x[:, :-1], x[:, 1:, :overlap]], 2)
    x = x.reshape(n * tiles, *x.shape[2:])
    y = _block_after_block(x, kernel, (rows, *out[1:]), strides, dilation)
    return y.reshape(n, tiles * rows, *y.shape[2:])[:, : out[0]]


def _block_after_block(x, kernel, out, strides, dilation):
    n = x.shape[0]
    fitting = max(1, BLOCK_BYTES // _patch_bytes(x, kernel, out))
    size = next((d for d in range(fitting, fitting // 2, -1) if n % d == 0), -(-n // -(-n // fitting)))
    count = -(-n // size)
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, count * size - n, 0), *((0, 0, 0),) * (x.ndim - 1)))

    # A block's patches are made again for its gradient: the whole batch's would not fit the cache, or the memory.
    block = jax.checkpoint(lambda images: _by_patches(images, kernel, out, strides, dilation), prevent_cse=False)
    y = lax.map(block, x.reshape(count, size, *x.shape[1:]))
    return y.reshape(count * size, *out, kernel.shape[-1])[:n]


def _patch_bytes(x, kernel, out) -> int:
    return x.dtype.itemsize * math.prod(kernel.shape[:-1]) * math.prod(out)


def _by_patches(x, kernel, out, strides, dilation):
    features = kernel.shape[-1]
    patches = _patches(x, kernel.shape[:-2], out, strides, dilation)
    y = patches.reshape(-1, patches.shape[-1]) @ kernel.reshape(-1, features)
    return y.reshape(x.shape[0], *out, features)


def _patches(x, window, out, strides, dilation):
    """What each output cell sees: (N, *out, window cells * C), ordered as the kernel's rows are."""
    if x.shape[-1] < FEW_CHANNELS:
        for axis in reversed(range(len(window))):
            cells = [tap(x, axis + 1, i * dilation[axis], out[axis], strides[axis]) for i in range(window[axis])]
            x = jnp.concatenate(cells, -1)
        return x
    cells = []
    for cell in itertools.product(*map(range, window)):
        start = [i * step for i, step in zip(cell, dilation, strict=True)]
        stop = [low + (size - 1) * stride + 1 for low, size, stride in zip(start, out, strides, strict=True)]
        cells.append(lax.slice(x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *strides, 1)))
    return jnp.concatenate(cells, -1)
