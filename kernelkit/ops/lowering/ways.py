"""The ways to compute a convolution: the same sum in several forms for XLA's CPU backend.

A convolution is linear in its input and in its kernel, so a way has two transposes: the gradients by the input and by
the kernel. jax transposes the operations of a way: the transpose of `gather` by the input has the form of `scatter`,
and the reverse. XLA passes a convolution to Eigen's fast code only if batches come first, channels last, and the kernel
has the order (window, in, out). Any other order ran 15 to 100 times slower inside a loop: XLA's pass that fixes the
order (`conv_canonicalization.cc`) covers only the entry computation. Therefore `native`, `native_by_kernel` and
`native_by_input` move axes themselves, so that the way itself, or its gradient of that name, is in Eigen's order.

In two dimensions, for more than 16 channels or features, the fast code is not Eigen's but YNNPACK's (measured with
jaxlib 0.10 and 0.12). YNNPACK's convolution without padding ran 2 to 16 times slower than with a single row of padding,
if its patches exceed the caches: it is given that row, and the last row of the output is dropped.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from kernelkit.ops.lowering.window import Geometry, inflate, output_shape, pad_spatial, tap

Way = Callable[[Array, Array, Geometry], Array]

# With fewer channels, the innermost runs of patches are too short to copy one window cell at a time.
FEW_CHANNELS = 16
# Eigen copies the input in vectors of this many channels, or one number at a time.
PACKED_CHANNELS = 4
# From these bytes of patches on, padding is faster: for the output, and for the gradient by the kernel.
UNPADDED_BYTES, UNPADDED_BYTES_BY_KERNEL = 2**23, 3 * 2**20
# A grouped convolution is computed in blocks of this many channels.
DENSE_CHANNELS = 64


def plain(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's own operation, on any device and for open sizes."""
    return _xla(x, kernel, geometry, "N_C", "_IO", "N_C")


def native(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's own operation, with a row of padding where that is faster on the CPU."""
    if x.shape[-1] >= PACKED_CHANNELS and _needs_padding(x, kernel, geometry, UNPADDED_BYTES):
        return _with_one_more_row(native, x, kernel, geometry)
    return plain(x, kernel, geometry)


def native_padded(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's operation with channels padded to a multiple of four, which Eigen copies as vectors."""
    more = -x.shape[-1] % PACKED_CHANNELS
    x = lax.pad(x, jnp.zeros((), x.dtype), (*((0, 0, 0),) * (x.ndim - 1), (0, more, 0)))
    kernel = lax.pad(kernel, jnp.zeros((), x.dtype), (*((0, 0, 0),) * (x.ndim - 2), (0, more, 0), (0, 0, 0)))
    return native(x, kernel, geometry)


def native_by_kernel(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's operation, with the gradient by the kernel in Eigen's order."""
    if _needs_padding(x, kernel, geometry, UNPADDED_BYTES_BY_KERNEL):
        return _with_one_more_row(native_by_kernel, x, kernel, geometry)
    x = jnp.moveaxis(jnp.moveaxis(x, 0, -1), -2, 0)
    y = _xla(x, jnp.moveaxis(kernel, -2, 0), geometry, "C_N", "I_O", "_NC")
    return jnp.moveaxis(y, -2, 0)


def native_by_input(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's operation, with the gradient by the input in Eigen's order."""
    return _xla(x, jnp.swapaxes(kernel, -1, -2), geometry, "N_C", "_OI", "N_C")


def _needs_padding(x: Array, kernel: Array, geometry: Geometry, most_bytes: int) -> bool:
    unpadded = len(geometry.pads) == 2 and all(pads == (0, 0) for pads in geometry.pads)
    if not unpadded or max(geometry.strides + geometry.inflation) > 1 or geometry.groups > 1:
        return False
    patches = x.shape[0] * math.prod(output_shape(x.shape, kernel.shape, geometry)) * math.prod(kernel.shape[:-1])
    return patches * x.dtype.itemsize >= most_bytes


def _with_one_more_row(way: Way, x: Array, kernel: Array, geometry: Geometry) -> Array:
    rows = output_shape(x.shape, kernel.shape, geometry)[0]
    y = way(x, kernel, geometry._replace(pads=((0, 1), geometry.pads[1])))
    return lax.slice_in_dim(y, 0, rows, axis=1)


def _xla(x: Array, kernel: Array, geometry: Geometry, *orders: Any) -> Array:
    letters = "DHW"[3 - len(geometry.pads) :]
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.pads,
        geometry.inflation,
        geometry.dilation,
        tuple(order.replace("_", letters) for order in orders),
        geometry.groups,
    )


def gather(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """One matrix product of patches and kernel; the patch of each output cell is one row (im2col).

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing"
    (2006).
    """
    out = output_shape(x.shape, kernel.shape, geometry)
    patches = _patches(inflate(x, geometry), kernel.shape[:-2], out, geometry)
    y = patches.reshape(-1, patches.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1])
    return y.reshape(x.shape[0], *out, kernel.shape[-1])


def scatter(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Each input cell times the kernel; the products are added up at the positions of the windows (col2im)."""
    *window, channels, features = kernel.shape
    out = output_shape(x.shape, kernel.shape, geometry)
    columns = jnp.moveaxis(kernel.reshape(-1, channels, features), 1, 0).reshape(channels, -1)
    products = (x.reshape(-1, channels) @ columns).reshape(*x.shape[:-1], -1)
    parts = lax.split(products, (features,) * math.prod(window), products.ndim - 1)
    total: Any = sum(_place(part, cell, out, geometry) for cell, part in zip(_cells(window), parts, strict=True))
    return total


def direct(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """One filter (or a few) for each channel: elementwise products are summed, without matrix products."""
    out = output_shape(x.shape, kernel.shape, geometry)
    x = inflate(x, geometry)
    weights = kernel.reshape(*kernel.shape[:-2], x.shape[-1], -1)

    def add_up(x: Array, weights: Any, axis: int) -> Any:
        if axis > len(out):
            return x * weights
        start, stride = geometry.dilation[axis - 1], geometry.strides[axis - 1]
        return sum(
            tap(add_up(x, w, axis + 1), axis, i * start, out[axis - 1], stride)
            for i, w in enumerate(lax.squeeze(w, [0]) for w in lax.split(weights, (1,) * len(weights)))
        )

    y = add_up(x[..., None], weights, 1)
    return y.reshape(*y.shape[:-2], -1)


def dense(way: Way) -> Way:
    """Groups joined into convolutions of up to 64 channels; the kernel is zero between different groups.

    Most of such a product is multiplied by zero, but it is still faster: products of a few channels leave Eigen's
    vectors mostly empty.
    """

    def run(x: Array, kernel: Array, geometry: Geometry) -> Array:
        *window, channels, _ = kernel.shape
        size = together(geometry.groups, channels)
        count = geometry.groups // size
        one = geometry._replace(groups=1)
        same = jnp.eye(size, dtype=kernel.dtype)[:, None, :, None]
        kernel = kernel.reshape(*window, 1, channels, count, size, -1)
        parts = []
        for i in range(count):
            blocks = kernel[..., i, :, :] * same
            few = lax.slice_in_dim(x, i * size * channels, (i + 1) * size * channels, axis=x.ndim - 1)
            parts.append(way(few, blocks.reshape(*window, size * channels, -1), one))
        return jnp.concatenate(parts, -1) if count > 1 else parts[0]

    return run


def in_phases(way: Way) -> Way:
    """A strided or transposed convolution as several plain ones, without a multiplication by zero.

    With stride 2 the even cells of the input meet the even cells of the window, and the odd ones the odd ones. Likewise
    each phase of a transposed convolution's output depends on the cells of the window of one phase only.

    Source: Shi et al., "Is the deconvolution layer the same as a convolutional layer?" (2016), arXiv:1609.07009.
    """

    def run(x: Array, kernel: Array, geometry: Geometry) -> Array:
        plain = (1,) * len(geometry.pads)
        parts = _spread_phases if max(geometry.inflation) > 1 else _strided_phases
        return parts(x, kernel, geometry, lambda x, k, pads: way(x, k, Geometry(plain, plain, pads, plain, 1)))

    return run


def has_phases(geometry: Geometry) -> bool:
    """Return whether `in_phases` computes a convolution: strided or transposed, not both, not dilated or grouped."""
    strided, inflated = max(geometry.strides) > 1, max(geometry.inflation) > 1
    return strided != inflated and max(geometry.dilation) == 1 and geometry.groups == 1


def _strided_phases(x: Array, kernel: Array, geometry: Geometry, convolve: Callable) -> Array:
    out, steps = output_shape(x.shape, kernel.shape, geometry), geometry.strides
    x = inflate(x, geometry)
    parts = []
    for phase in itertools.product(*map(range, steps)):
        taps = kernel[tuple(slice(r, None, s) for r, s in zip(phase, steps, strict=True))]
        if 0 in taps.shape:
            continue
        # The last cell that a window of this phase reaches.
        last = [r + s * (n + w - 2) for r, s, n, w in zip(phase, steps, out, taps.shape, strict=False)]
        seen = lax.slice(x, (0, *phase, 0), (x.shape[0], *(i + 1 for i in last), x.shape[-1]), (1, *steps, 1))
        parts.append(convolve(seen, taps, ((0, 0),) * len(out)))
    return sum(parts[1:], parts[0])


def _spread_phases(x: Array, kernel: Array, geometry: Geometry, convolve: Callable) -> Array:
    out, steps = output_shape(x.shape, kernel.shape, geometry), geometry.inflation
    longest = [-(-n // s) for n, s in zip(out, steps, strict=True)]
    parts = []
    for phase in itertools.product(*map(range, steps)):
        first, pads = [], []
        for axis, c in enumerate(phase):
            low, s = geometry.pads[axis][0], steps[axis]
            j = (low - c) % s
            width = len(range(j, kernel.shape[axis], s))
            begin = (c + j - low) // s
            first.append(j)
            pads.append((-begin, begin + longest[axis] + width - 1 - x.shape[axis + 1]))
        taps = kernel[tuple(slice(j, None, s) for j, s in zip(first, steps, strict=True))]
        if 0 in taps.shape:
            parts.append(jnp.zeros((x.shape[0], *longest, kernel.shape[-1]), x.dtype))
        else:
            # What no window of this phase reaches is cut off here. As a single operation, XLA's gradient by the kernel
            # is wrong where it is to cut one end and to pad the other.
            seen = pad_spatial(x, [(min(low, 0), min(high, 0)) for low, high in pads])
            parts.append(convolve(seen, taps, tuple((max(low, 0), max(high, 0)) for low, high in pads)))
    y = jnp.stack(parts, 1).reshape(x.shape[0], *steps, *longest, kernel.shape[-1])
    rank = len(out)
    order = (0, *itertools.chain(*((1 + rank + i, 1 + i) for i in range(rank))), 2 * rank + 1)
    y = y.transpose(order).reshape(x.shape[0], *(n * s for n, s in zip(longest, steps, strict=True)), -1)
    return lax.slice(y, (0,) * y.ndim, (y.shape[0], *out, y.shape[-1]))


def library(rank: int, channels: int, features: int, inflated: bool) -> str:
    """The library, and its kind of code, to which XLA passes a convolution in its order of axes."""
    if rank == 2 and max(channels, features) > 16 and not inflated:
        return "ynnpack"
    return "eigen, 3D" if rank == 3 else "eigen, inflated" if inflated else "eigen"


def together(groups: int, channels: int) -> int:
    """The number of groups in one kernel: the largest divisor of the number of groups with up to 64 channels."""
    return max(n for n in range(1, groups + 1) if groups % n == 0 and (n == 1 or n * channels <= DENSE_CHANNELS))


def _cells(window: Sequence[int]) -> list[tuple[int, ...]]:
    return list(itertools.product(*map(range, window)))


def _patches(x: Array, window: Sequence[int], out: Sequence[int], geometry: Geometry) -> Array:
    """The patch of each output cell: (N, *out, window cells * C), in the order of the kernel's rows."""
    if x.shape[-1] >= FEW_CHANNELS:
        return jnp.concatenate([_seen(x, cell, out, geometry) for cell in _cells(window)], -1)
    for axis in reversed(range(len(window))):
        step, stride = geometry.dilation[axis], geometry.strides[axis]
        x = jnp.concatenate([tap(x, axis + 1, i * step, out[axis], stride) for i in range(window[axis])], -1)
    return x


def _seen(x: Array, cell: Sequence[int], out: Sequence[int], geometry: Geometry) -> Array:
    """The inputs of one window cell: a slice of `x` of the output's size."""
    start = [i * step for i, step in zip(cell, geometry.dilation, strict=True)]
    stop = [low + (size - 1) * s + 1 for low, size, s in zip(start, out, geometry.strides, strict=True)]
    return lax.slice(x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *geometry.strides, 1))


def _place(part: Array, cell: Sequence[int], out: Sequence[int], geometry: Geometry) -> Array:
    """The products of one window cell, at their positions in the output."""
    spread = []
    for axis, i in enumerate(cell):
        factor = geometry.inflation[axis]
        low = geometry.pads[axis][0] - i * geometry.dilation[axis]
        full = (out[axis] - 1) * geometry.strides[axis] + 1
        spread.append((low, full - ((part.shape[axis + 1] - 1) * factor + 1) - low, factor - 1))
    part = lax.pad(part, jnp.zeros((), part.dtype), ((0, 0, 0), *spread, (0, 0, 0)))
    return lax.slice(part, (0,) * part.ndim, part.shape, (1, *geometry.strides, 1))
