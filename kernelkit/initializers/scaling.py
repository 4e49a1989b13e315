"""Initializers with a variance that depends on the number of a weight's inputs and outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax

from kernelkit.initializers import draws
from kernelkit.initializers.distributions import RandomInitializer
from kernelkit.typing import DType, KnownShape, Seed

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class VarianceScaling(RandomInitializer):
    """Random draws of variance ``scale / n``, with ``n`` the number of inputs, of outputs, or their mean.

    Args:
        scale: Positive factor.
        mode: Meaning of ``n``: ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"``, ``"untruncated_normal"`` or ``"uniform"``.
        seed: Int, :class:`~kernelkit.random.SeedGenerator` or ``None``.
        input_axes: Axes of the weight that are its inputs; by default all axes except the last.
        output_axes: Axes of the weight that are its outputs. Give both arguments, or neither.

    Raises:
        ValueError: If the scale is not positive or a name is unknown.

    Source: He et al., 2015, Delving deep into rectifiers.

    Example:
        >>> from kernelkit import initializers
        >>> values = initializers.VarianceScaling(1.0, "fan_in", "uniform", seed=0)((3, 8))
        >>> bool((abs(values) <= 1).all())
        True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ValueError(f"Argument `scale` must be positive float. {type(self).__name__} got {scale!r}.")
        if mode not in _MODES:
            raise ValueError(f"Invalid `mode` argument: {type(self).__name__} takes one of {_MODES}, got {mode!r}.")
        distribution = str(distribution).lower()
        # Old code calls the truncated distribution "normal".
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in _DISTRIBUTIONS:
            raise ValueError(
                f"Invalid `distribution` argument: {type(self).__name__} takes one of {_DISTRIBUTIONS}, got "
                f"{distribution!r}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return draws.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return draws.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        return draws.truncated_normal(shape, 0.0, math.sqrt(variance) / draws.TRUNCATED_STDDEV, dtype, self.seed)


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return the number of inputs and of outputs of a weight.

    Args:
        shape: Shape of the weight. Axes before the last two are a convolution's window, a factor of both numbers.
        input_axes: Axes that are inputs.
        output_axes: Axes that are outputs; without both, the last two axes are inputs and outputs.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class _Scaled(VarianceScaling):
    """A variance scaling with fixed scale, mode and distribution."""

    _scale: float
    _mode: str
    _distribution: str
    _not_in_config = ("scale", "mode", "distribution")

    def __init__(
        self, seed: Seed = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
    ) -> None:
        super().__init__(self._scale, self._mode, self._distribution, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Uniform draws within ``sqrt(6 / (fan_in + fan_out))`` of zero, also called Xavier uniform.

    Args:
        seed: Int, :class:`~kernelkit.random.SeedGenerator` or ``None``.
        input_axes: Axes of the weight that are its inputs.
        output_axes: Axes that are its outputs.

    Source: Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward neural networks.

    Example:
        >>> from kernelkit import initializers
        >>> bool((abs(initializers.GlorotUniform(seed=0)((2, 4))) <= 1).all())
        True
    """

    _scale, _mode, _distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(_Scaled):
    """Truncated normal draws of variance ``2 / (fan_in + fan_out)``. Arguments as :class:`GlorotUniform`.

    Source: Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward neural networks.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.GlorotNormal(seed=0)((100, 50)).shape
        (100, 50)
    """

    _scale, _mode, _distribution = 1.0, "fan_avg", "truncated_normal"


class HeUniform(_Scaled):
    """Uniform draws within ``sqrt(6 / fan_in)`` of zero. Arguments as :class:`GlorotUniform`.

    Source: He et al., 2015, Delving deep into rectifiers.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.HeUniform(seed=0)((100, 50)).shape
        (100, 50)
    """

    _scale, _mode, _distribution = 2.0, "fan_in", "uniform"


class HeNormal(_Scaled):
    """Truncated normal draws of variance ``2 / fan_in``. Arguments as :class:`GlorotUniform`.

    Source: He et al., 2015, Delving deep into rectifiers.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.HeNormal(seed=0)((100, 50)).shape
        (100, 50)
    """

    _scale, _mode, _distribution = 2.0, "fan_in", "truncated_normal"


class LecunUniform(_Scaled):
    """Uniform draws within ``sqrt(3 / fan_in)`` of zero. Arguments as :class:`GlorotUniform`.

    Source: LeCun et al., 1998, Efficient backprop.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.LecunUniform(seed=0)((100, 50)).shape
        (100, 50)
    """

    _scale, _mode, _distribution = 1.0, "fan_in", "uniform"


class LecunNormal(_Scaled):
    """Truncated normal draws of variance ``1 / fan_in``. Arguments as :class:`GlorotUniform`.

    Source: LeCun et al., 1998, Efficient backprop.

    Example:
        >>> import kernelkit as kk
        >>> kk.initializers.LecunNormal(seed=0)((100, 50)).shape
        (100, 50)
    """

    _scale, _mode, _distribution = 1.0, "fan_in", "truncated_normal"
