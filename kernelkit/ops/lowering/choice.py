"""The choice of the fastest way for each of a convolution's three sums, by a cost model of its shape.

Costs are nanoseconds on one core, linear in the numbers that a way copies, multiplies, reads and writes. Most rates are
rounded from a least-squares fit to what `benchmarks/convolutions.py` times, which also prints how far each choice is
from the best. Estimated from a few large or three-dimensional shapes: `far` where it is 0.25, the 3.0 of "ynnpack", and
"eigen, 3D". Only the order of costs matters, and the order differs less between machines than the times.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from kernelkit.ops.lowering import ways
from kernelkit.ops.lowering.ways import Way
from kernelkit.ops.lowering.window import Geometry, output_shape

# Numbers in the second-level cache, and in one vector of current processors: narrower matrices leave lanes empty.
CACHED = 2**19
LANES = 16


class _Rates(NamedTuple):
    """Nanoseconds of a way.

    Attributes:
        start: For the call.
        copied: For each number copied into patches, in long runs.
        copied_short: The same in short runs, or for channels that do not fill vectors.
        far: For each number from beyond the cache, times the binary logarithm of how many times they exceed it.
        multiplied: For each product of two numbers.
        read: For each number of the input.
        written: For each number of the output.
    """

    start: float
    copied: float
    copied_short: float
    far: float
    multiplied: float
    read: float
    written: float


_OUTPUT = {
    "gather": _Rates(4300, 0.48, 0.6, 0.25, 0.0064, 0.84, 0.31),
    "scatter": _Rates(16000, 0.11, 0.12, 0.25, 0.012, 0.86, 0.02),
    "ynnpack": _Rates(13000, 0, 3.0, 0.053, 0.013, 0.55, 0.33),
    "eigen": _Rates(15000, 0.46, 1.0, 0.03, 0, 0, 0.73),
    "eigen, padded": _Rates(4000, 0.73, 0.73, 0, 0, 5.6, 1.8),
    "eigen, inflated": _Rates(0, 0.05, 0.47, 0, 0, 0.36, 2.8),
    "eigen, 3D": _Rates(170000, 1.7, 11, 0, 0.005, 4, 4),
}
_BY_KERNEL = {
    "gather": _Rates(3200, 0.59, 0.46, 0.22, 0.019, 1.3, 0.56),
    "scatter": _Rates(8200, 0.18, 0.13, 0.18, 0.022, 1.3, 0.14),
    "ynnpack": _Rates(5000, 0, 0, 0.075, 0.013, 1.7, 0.76),
    "eigen": _Rates(7900, 0.2, 0.2, 0, 0.012, 1.2, 0.93),
    "eigen, 3D": _Rates(170000, 1.7, 11, 0, 0.005, 15, 4),
}
# The gradient by the input is a convolution of the output's gradient: its "gather" is the transpose of `ways.scatter`.
_BY_INPUT = {
    "gather": _Rates(18000, 0.23, 0.25, 0.25, 0.016, 0.32, 0.18),
    "scatter": _Rates(9200, 0.35, 1.0, 0.25, 0.013, 0.43, 0),
    "ynnpack": _Rates(12000, 0, 0, 0, 0.0073, 0.85, 1.0),
    "eigen": _Rates(1200, 0.47, 1.8, 0, 0, 0, 0.82),
    "eigen, inflated": _Rates(27000, 0, 0, 0.011, 0.0034, 0, 1.6),
    "eigen, 3D": _Rates(170000, 1.7, 12, 0, 0.014, 15, 11),
}


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
        # Zeros between the input's cells need no multiplication: the products are spread apart instead of the input.
        way = ways.scatter if max(geometry.inflation) > 1 else ways.gather
        return Ways(way, way, way)
    places = shape[0] * math.prod(shape[1:-1])
    results = shape[0] * math.prod(output_shape(shape, kernel_shape, geometry))
    inflated, strided = max(geometry.inflation) > 1, max(geometry.strides) > 1
    forward = _Sums(math.prod(window), places, channels, results, features, inflated, strided, len(window))
    backward = _Sums(math.prod(window), results, features, places, channels, strided, inflated, len(window))
    by_input: dict[Way, Way] = {ways.native: ways.native_by_input, ways.gather: ways.scatter, ways.scatter: ways.gather}
    output, kernel = _output_costs(forward, _OUTPUT), _kernel_costs(forward, shape[0])
    gradient = _output_costs(backward, _BY_INPUT)
    if ways.has_phases(geometry):
        count = math.prod(geometry.strides) * math.prod(geometry.inflation)
        if forward.inflated:
            output[_output_in_phases] = _cost_in_phases(forward, _OUTPUT, count)
            kernel[_kernel_in_phases] = _cost_in_phases(forward, _BY_KERNEL, count, shape[0])
        else:
            gradient[_input_in_phases] = _cost_in_phases(backward, _BY_INPUT, count)
            by_input[_input_in_phases] = _input_in_phases
    return Ways(_cheapest(output), _cheapest(kernel), by_input[_cheapest(gradient)])


def _grouped(shape: tuple[int, ...], kernel_shape: tuple[int, ...], geometry: Geometry) -> Ways:
    one = geometry._replace(groups=1)
    size = ways.together(geometry.groups, kernel_shape[-2])
    few = size * kernel_shape[-2]
    some = choose((*shape[:-1], few), (*kernel_shape[:-2], few, kernel_shape[-1] // geometry.groups * size), one)
    dense = Ways(*map(ways.dense, some))
    if kernel_shape[-2] > 1:
        return dense
    # Filters for each channel: sums of products. Not for the gradient by the kernel, nor for the one by the input of
    # several filters: these would add up numbers that are far apart in memory.
    single = kernel_shape[-1] == geometry.groups and max(geometry.inflation) == 1
    return Ways(ways.direct, dense.by_kernel, ways.direct if single else dense.by_input)


def _cheapest(costs: dict[Way, float]) -> Way:
    return min(costs, key=lambda way: costs[way])


def _output_costs(s: _Sums, rates: dict[str, _Rates]) -> dict[Way, float]:
    """Costs of a convolution's output, or of the gradient by its input with that one's rates."""
    patches, products = s.results * s.cells * s.taken, max(s.places, s.results) * s.cells * s.given
    costs: dict[Way, float] = {ways.gather: _cost(s, rates["gather"], patches, s.taken, s.given)}
    # A product over a single channel is no matrix product for XLA: it would merge it into what reads the output, and
    # compute it again for each number there. One network took 20 times as long.
    if not s.strided and s.taken > 1:
        costs[ways.scatter] = _cost(s, rates["scatter"], products, s.given, s.taken)
    library = ways.library(s.rank, s.taken, s.given, s.inflated)
    # Eigen copies patches of a single channel number by number.
    if not (s.rank == 3 and s.inflated) and not (library != "ynnpack" and s.taken == 1):
        costs[ways.native] = _cost(s, rates[library], patches, _run(s.taken), s.given)
    if library == "eigen" and s.taken > 1 and s.taken % ways.PACKED_CHANNELS and "eigen, padded" in rates:
        costs[ways.native_padded] = _cost(s, rates["eigen, padded"], patches, 1, s.given)
    return costs


def _kernel_costs(s: _Sums, batch: int) -> dict[Way, float]:
    patches, products = s.results * s.cells * s.taken, s.places * s.cells * s.given
    costs: dict[Way, float] = {ways.gather: _cost(s, _BY_KERNEL["gather"], patches, s.taken, s.given)}
    if not s.strided:
        costs[ways.scatter] = _cost(s, _BY_KERNEL["scatter"], products, s.given, s.taken)
    if not s.inflated:
        # Here XLA's channels are the images of a batch; both operands are transposed first. They are read once for each
        # window cell.
        rates = _BY_KERNEL[ways.library(s.rank, batch, s.given, inflated=False)]
        far = s.cells * (_beyond(s.places * s.taken, CACHED // 2) + _beyond(s.results * s.given, CACHED // 2))
        costs[ways.native_by_kernel] = _cost(s, rates, patches, _run(batch), s.given, far)
    return costs


def _cost(s: _Sums, rates: _Rates, numbers: int, run: int, width: int, far: float | None = None) -> float:
    """The cost of copying patches in runs of ``run`` numbers, and of multiplying each by a row of ``width``."""
    copied = rates.copied if run >= ways.FEW_CHANNELS else rates.copied_short
    lanes = -(-width // LANES) * LANES
    return (
        rates.start
        + numbers * (copied + rates.multiplied * lanes)
        + rates.far * (_beyond(numbers, CACHED) if far is None else far)
        + rates.read * s.places * s.taken
        + rates.written * s.results * s.given
    )


_output_in_phases = ways.in_phases(ways.native)
_kernel_in_phases = ways.in_phases(ways.native_by_kernel)
_input_in_phases = ways.in_phases(ways.native_by_input)


def _cost_in_phases(s: _Sums, rates: dict[str, _Rates], count: int, batch: int | None = None) -> float:
    """The cost of one plain convolution for each phase, and of bringing the phases together."""
    channels = s.taken if batch is None else batch
    plain = s._replace(cells=max(1, s.cells // count), inflated=False)
    own = rates[ways.library(s.rank, channels, s.given, inflated=False)]
    patches = plain.results * plain.cells * plain.taken
    return _cost(plain, own, patches, _run(channels), s.given) + count * own.start + 2.0 * s.results * s.given


def _beyond(numbers: int, cached: int) -> float:
    return numbers * math.log2(numbers / cached) if numbers > cached else 0.0


def _run(channels: int) -> int:
    """The run of numbers that Eigen and YNNPACK copy at once counts as long if channels fill its vectors."""
    return 1 if channels % ways.PACKED_CHANNELS else ways.FEW_CHANNELS
