"""The choice of the fastest way for each of a convolution's three sums, by a cost model of its shape.

Costs are nanoseconds on one core, linear in the numbers that a way copies and multiplies. The factors are rounded from
fits to `benchmarks/convolutions.py`, which also prints how far each choice is from the best. Only the order of costs
matters, and the order differs less between machines than the times.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from kernelkit.ops.lowering import ways
from kernelkit.ops.lowering.ways import Way
from kernelkit.ops.lowering.window import Geometry, output_shape

# Nanoseconds for one number:
# MULTIPLY: multiplied by Eigen, in vectors. PASS: read or written.
# COPY, COPY_SHORT: copied into a patch by XLA, from long runs and from short runs.
# PACK, PACK_ODD: copied by Eigen, from channels that fill vectors and from others. PACK_INFLATED, PACK_3D: the extra
# cost of zeros between cells and of a third dimension.
# TAP: multiplied and added by XLA in one pass over the output.
MULTIPLY = 0.01
PASS = 0.5
COPY, COPY_SHORT = 0.8, 1.5
PACK, PACK_ODD, PACK_INFLATED, PACK_3D = 0.2, 2.0, 2.5, 9.0
TAP = 0.12
# Patches that exceed the second-level cache cost more for each number, the more the larger they are.
CACHED_BYTES, MOST_TIMES = 2**23, 5
# Numbers in one of Eigen's vectors on current processors; narrower matrices leave lanes empty.
LANES = 16


class Ways(NamedTuple):
    """The ways for the output and for both gradients; a gradient is the transpose of its way by that operand."""

    forward: Way
    by_kernel: Way
    by_input: Way


class _Sums(NamedTuple):
    """Sums over `cells` of a window: `taken` numbers in each of `places` become `given` in each of `results`."""

    cells: int
    places: int
    taken: int
    results: int
    given: int
    inflated: bool
    strided: bool
    rank: int


@functools.lru_cache(4096)
def choose(shape: tuple[int, ...], kernel_shape: tuple[int, ...], geometry: Geometry) -> Ways:
    """Choose the three ways of a convolution.

    Args:
        shape: Of the input, (N, *spatial, C).
        kernel_shape: (*window, C / groups, F).
        geometry: Strides, padding and dilation of the window.
    """
    *window, channels, features = kernel_shape
    if geometry.groups > 1:
        return _grouped(shape, kernel_shape, geometry)
    if math.prod(window) == 1:
        return Ways(ways.gather, ways.gather, ways.gather)
    places = shape[0] * math.prod(shape[1:-1])
    results = shape[0] * math.prod(output_shape(shape, kernel_shape, geometry))
    inflated, strided = max(geometry.inflation) > 1, max(geometry.strides) > 1
    forward = _Sums(math.prod(window), places, channels, results, features, inflated, strided, len(window))
    backward = _Sums(math.prod(window), results, features, places, channels, strided, inflated, len(window))
    # The gradient by the input is a transpose: `gather` becomes `scatter`, and the reverse.
    by_input: dict[Way, Way] = {ways.native: ways.native_by_input, ways.gather: ways.scatter, ways.scatter: ways.gather}
    return Ways(
        _cheapest(_output_costs(forward)),
        _cheapest(_kernel_costs(forward, shape[0])),
        by_input[_cheapest(_output_costs(backward, transposed=True))],
    )


def _grouped(shape, kernel_shape, geometry) -> Ways:
    one = geometry._replace(groups=1)
    size = ways.together(geometry.groups, kernel_shape[-2])
    few = size * kernel_shape[-2]
    some = choose((*shape[:-1], few), (*kernel_shape[:-2], few, kernel_shape[-1] // geometry.groups * size), one)
    dense = Ways(*map(ways.dense, some))
    if kernel_shape[-2] > 1:
        return dense
    # One filter for each channel: sums of products, if channels fill vectors. Not for the gradient by the kernel, which
    # would add up numbers that are far apart in memory.
    return Ways(
        dense.forward if shape[-1] <= LANES else ways.direct,
        dense.by_kernel,
        dense.by_input if shape[-1] <= 2 * LANES else ways.direct,
    )


def _cheapest(costs: dict[Way, float]) -> Way:
    return min(costs, key=lambda way: costs[way])


def _output_costs(s: _Sums, transposed: bool = False) -> dict[Way, float]:
    """Costs of a convolution's output; with ``transposed``, of the gradient by its input."""
    patches = s.results * s.cells * s.taken
    passed = PASS * (s.places * s.taken + s.results * s.given)
    multiplied = MULTIPLY * patches * _lanes(s.given)
    costs: dict[Way, float] = {ways.gather: _copied(patches, s.taken) + multiplied + passed}
    if not s.strided:
        products = s.places * s.cells * s.given
        costs[ways.scatter] = (
            _copied(products, s.given) + MULTIPLY * s.places * s.taken * _lanes(s.cells * s.given) + 2 * passed
        )
    if not (s.rank == 3 and s.inflated):
        # Eigen multiplies numbers right after copying them, while they are in the cache.
        rest = (PACK_3D * (s.rank == 3) + PACK_INFLATED * s.inflated) * patches + multiplied / 2 + 2 * passed
        odd = s.taken % ways.PACKED_CHANNELS
        costs[ways.native] = (PACK_ODD if odd else PACK) * patches + rest
        if odd and s.taken > 1 and not transposed:
            costs[ways.native_padded] = PACK * s.results * s.cells * (s.taken + 4 - odd) + rest + passed
    if s.taken == 1 and not transposed:
        costs[ways.taps] = TAP * s.results * s.cells * s.given
    return costs


def _kernel_costs(s: _Sums, batch: int) -> dict[Way, float]:
    patches, products = s.results * s.cells * s.taken, s.places * s.cells * s.given
    passed = PASS * (s.places * s.taken + s.results * s.given)
    costs: dict[Way, float] = {ways.gather: _copied(patches, s.taken) + MULTIPLY * patches * _lanes(s.given) + passed}
    if not s.strided:
        costs[ways.scatter] = _copied(products, s.given) + MULTIPLY * products * _lanes(s.taken) + passed
    if not s.inflated:
        # Here Eigen's channels are the images of a batch; both operands are transposed first.
        pack = (PACK_ODD if batch % ways.PACKED_CHANNELS else PACK) + PACK_3D * (s.rank == 3)
        costs[ways.native_by_kernel] = pack * patches + MULTIPLY / 2 * patches * _lanes(s.given) + 4 * passed
    return costs


def _copied(numbers: int, run: int) -> float:
    """The cost of copying patches that consist of runs of ``run`` numbers."""
    times = min(MOST_TIMES, 1 + 4 * numbers / CACHED_BYTES)
    return (COPY if run >= ways.FEW_CHANNELS else COPY_SHORT) * times * numbers


def _lanes(width: int) -> int:
    """The width of a matrix, rounded up to whole vectors."""
    return -(-width // LANES) * LANES
