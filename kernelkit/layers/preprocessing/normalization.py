"""`Normalization`: features shifted and scaled to mean 0 and variance 1, by statistics of a data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config, dtypes, serialize
from kernelkit.layers.preprocessing.batches import batches_of
from kernelkit.layers.preprocessing.data_layer import DataLayer
from kernelkit.typing import Axis, Shapes, Tensor, Tree
from kernelkit.variable import Variable

__all__ = ["Normalization"]


class Normalization(DataLayer):
    """Shift and scale features so that they have mean 0 and variance 1.

    Mean and variance are given, or computed from data with ``adapt``. Gradients do not change them.

    Args:
        axis: The feature axes (int or tuple): each index has its own mean and variance. ``None`` for one mean and one
            variance of all values.
        mean: Mean, broadcast over these axes. Give mean and variance both, or neither.
        variance: Variance, likewise.
        invert: Whether the layer turns normalized features back.
        **kwargs: ``name``, ``dtype``, ``trainable``.

    Raises:
        ValueError: If only one of mean and variance is given, or the axes don't fit the input.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.Normalization()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer(np.array([[0.0, 9.0]], "float32"))
        Array([[-1., 1.]], dtype=float32)
    """

    supports_masking = True
    _not_in_config = ("mean", "variance")

    def __init__(
        self, axis: Axis = -1, mean: Tensor = None, variance: Tensor = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(
                f"{self.who()}: give both mean and variance, or neither and call adapt(). Got mean={mean!r}, "
                f"variance={variance!r}."
            )
        self.axis = () if axis is None else (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
        self.invert = invert
        self.input_mean = _plain(mean)
        self.input_variance = _plain(variance)
        self._shape: tuple[int, ...] = ()
        self.adapt_mean: Variable | None = None
        self.adapt_variance: Variable | None = None

    def build(self, input_shape: Shapes) -> None:
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(f"{self.who()}: axis={self.axis} doesn't fit inputs of the shape {tuple(input_shape)}.")
        kept = sorted({axis % rank for axis in self.axis})
        if any(input_shape[axis] is None for axis in kept):
            raise ValueError(
                f"{self.who()}: the sizes of axis={self.axis}, which have a mean for each index, must be known. The "
                f"input has the shape {tuple(input_shape)}."
            )
        self._shape = tuple(input_shape[axis] if axis in kept else 1 for axis in range(rank))
        if self.input_mean is not None:
            # Given values are checked now, before data come.
            for value in (self.input_mean, self.input_variance):
                np.broadcast_to(np.asarray(value), self._own_shape())
            return
        shape = self._own_shape()
        self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")

    def _own_shape(self) -> tuple[int, ...]:
        return tuple(size for axis, size in enumerate(self._shape) if axis in self._kept())

    def _kept(self) -> list[int]:
        return sorted({axis % len(self._shape) for axis in self.axis}) if self._shape else []

    @property
    def mean(self) -> Tensor:
        """The mean, of a shape that broadcasts against inputs."""
        return self._statistic(self.adapt_mean, self.input_mean)

    @property
    def variance(self) -> Tensor:
        """The variance, of a shape that broadcasts against inputs."""
        return self._statistic(self.adapt_variance, self.input_variance)

    def _statistic(self, learned: Variable | None, given: Tensor) -> Any:
        if learned is not None:
            return jnp.reshape(learned.value, self._shape).astype(self._dtype())
        if given is None or not self.built:
            return None
        return jnp.asarray(np.broadcast_to(np.asarray(given), self._own_shape()).reshape(self._shape), self._dtype())

    def _dtype(self) -> str:
        return self.compute_dtype if dtypes.is_float(self.compute_dtype) else config.floatx()

    @property
    def can_adapt(self) -> bool:
        """Whether the layer may adapt(): mean and variance were not given."""
        return self.input_mean is None

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has a mean and a variance."""
        return self.input_mean is not None or self.adapt_mean is not None

    def adapt(self, data: Tree) -> None:
        """Compute mean and variance of data; earlier values are replaced.

        Args:
            data: Array, or iterable of arrays (generator, `tf.data.Dataset`, `DataLoader`).

        Raises:
            ValueError: If the constructor was given mean and variance, or ``data`` is empty.
        """
        if self.input_mean is not None:
            raise ValueError(f"{self.who()} was made with a mean and a variance: it cannot adapt() to others.")
        total = None
        for batch in batches_of(data):
            if not self.built:
                self.build(batch.shape if total is None and hasattr(data, "shape") else (None, *batch.shape[1:]))
            self._check(batch.shape)
            moments = _moments(batch.astype("float64"), self._kept())
            total = moments if total is None else _joined(total, moments)
        if total is None or self.adapt_mean is None or self.adapt_variance is None:
            raise ValueError(f"{self.who()}: adapt() was given no data.")
        self.adapt_mean.assign(total[1])
        self.adapt_variance.assign(total[2])

    def _check(self, shape: tuple) -> None:
        fits = len(shape) == len(self._shape) and all(shape[axis] == self._shape[axis] for axis in self._kept())
        if not fits:
            raise ValueError(
                f"{self.who()} was built for {self._own_shape()} features at axis={self.axis}; adapt() was given data "
                f"of an incompatible shape: {shape}."
            )

    def finalize_state(self) -> None:
        """Do nothing: mean and variance are always read from the weights."""

    def call(self, inputs: Tree) -> jax.Array:
        inputs = jnp.asarray(inputs, self._dtype())
        deviation = jnp.maximum(jnp.sqrt(self.variance), config.epsilon())
        return self.mean + inputs * deviation if self.invert else (inputs - self.mean) / deviation

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer."""
        return super().get_config() | {"mean": self.input_mean, "variance": self.input_variance}


def _plain(value: Tensor) -> Any:
    """Return a number unchanged, an array as a list."""
    return np.asarray(value).tolist() if hasattr(value, "tolist") or isinstance(value, (list, tuple)) else value


def _moments(values: np.ndarray, kept: Iterable[int]) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the number of values, the mean and the variance for each kept index."""
    others = tuple(axis for axis in range(values.ndim) if axis not in kept)
    count = float(np.prod([values.shape[axis] for axis in others]))
    return count, values.mean(axis=others), values.var(axis=others)


def _joined(first: tuple, second: tuple) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the moments of the union of two sets.

    Source: Chan, Golub and LeVeque, 1979, Updating formulae and a pairwise algorithm for computing sample variances.
    """
    (n, mean, variance), (m, other_mean, other_variance) = first, second
    share = m / (n + m)
    gap = other_mean - mean
    joined = variance * (1 - share) + other_variance * share + gap**2 * share * (1 - share)
    return n + m, mean + gap * share, joined
